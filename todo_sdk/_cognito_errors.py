"""One table turns what Cognito says no with into the SDK's error and a sentence."""

from typing import Any, NamedTuple

from todo_sdk._errors import (
    ConfigError,
    ConflictError,
    InvalidCredentialsError,
    InvalidRequestError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    ServiceError,
    SignInError,
    ThrottledError,
    TodoError,
)


class _Row(NamedTuple):
    code: str
    kind: type[TodoError]
    sentence: str  # {said} is Cognito's own message, or the part of it after "policy: "
    operations: tuple[str, ...] = ()  # none: all of them
    said: str = ""  # how the message starts, where one code means several things
    retry_after_seconds: float | None = None


HOUR_SECONDS = 3600.0  # UP-24, UP-25, UP-34, UP-113: these quotas count by the hour
LOCKOUT_SECONDS = 900.0  # UP-61: nobody is locked out for longer, and 15 minutes without a try undo it
_WRONG_CREDENTIALS = "wrong user or password"
_NO_SESSION = "your session is no longer accepted; sign in again"
_TOO_MANY = "too many attempts; try again in an hour"
_WRONG_CODE = "the code is wrong; look at it again, or ask for a new one"
_WRONG_TOTP = "the code is wrong; take the one that the authenticator app shows now, and check the device's clock"
_OLD_CODE = "the code has expired or was never sent; ask for a new one"
_GONE = "the deployment does not know its own user pool; run `todo configure` again"
_RENEWAL = ("GetTokensFromRefreshToken",)
_IDENTITIES = ("GetId", "GetCredentialsForIdentity")

# the first row that fits is taken; numbers are those of AWS_BEHAVIOURS
_TABLE = (
    _Row("NotAuthorizedException", NotSignedInError, "your session has ended; sign in again", _RENEWAL),  # UP-104
    _Row("RefreshTokenReuseException", NotSignedInError, "your session has ended; sign in again"),  # UP-101
    _Row("NotAuthorizedException", NotSignedInError, _NO_SESSION, _IDENTITIES),  # IP-09, IP-24
    _Row("NotAuthorizedException", NotSignedInError, _NO_SESSION, said="Access Token"),  # UP-108, UP-111
    _Row("NotAuthorizedException", NotSignedInError, _NO_SESSION, said="Invalid Access Token"),  # UP-111
    _Row("NotAuthorizedException", ConflictError, "this user is confirmed already; sign in", ("ConfirmSignUp",)),
    _Row(
        "NotAuthorizedException",
        ThrottledError,
        "too many wrong passwords; wait 15 minutes without trying, then try again",
        said="Password attempts",
        retry_after_seconds=LOCKOUT_SECONDS,
    ),  # UP-61
    _Row("NotAuthorizedException", SignInError, "this took too long; sign in again", said="Invalid session"),  # UP-66
    _Row("NotAuthorizedException", SignInError, "the temporary password has expired; ask for a new one", said="Temp"),
    _Row("NotAuthorizedException", SignInError, "this user is disabled", said="User is disabled"),  # UP-59
    _Row("NotAuthorizedException", ConflictError, "the first password must be set by signing in", said="User password"),
    _Row("NotAuthorizedException", InvalidCredentialsError, "the current password is wrong", ("ChangePassword",)),
    _Row("NotAuthorizedException", InvalidCredentialsError, _WRONG_CREDENTIALS),  # UP-53
    _Row("UserNotFoundException", NotSignedInError, "this user is no more", ("GetUser", "DeleteUser")),  # UP-114
    _Row("UserNotFoundException", InvalidCredentialsError, _WRONG_CREDENTIALS),  # UP-56
    _Row("UserNotConfirmedException", SignInError, "the address is not confirmed yet; confirm it with the code"),
    _Row("PasswordResetRequiredException", SignInError, "the password must be reset before you can sign in"),
    _Row("UsernameExistsException", ConflictError, "there is already a user with this address; sign in"),  # UP-12
    _Row("AliasExistsException", ConflictError, "there is already a user with this address; sign in"),  # UP-13
    _Row("DeviceKeyExistsException", ConflictError, "this device is confirmed already"),  # UP-82
    _Row("InvalidPasswordException", InvalidRequestError, "the password is too weak: {said}"),  # UP-15, UP-37
    _Row("PasswordHistoryPolicyViolationException", InvalidRequestError, "this password was used before; take another"),
    _Row("CodeMismatchException", SignInError, _WRONG_TOTP, ("RespondToAuthChallenge",)),  # UP-76
    _Row(
        "ExpiredCodeException",
        SignInError,
        "the code was used already; wait for the next",
        ("RespondToAuthChallenge",),
    ),  # UP-77
    _Row("CodeMismatchException", InvalidRequestError, _WRONG_TOTP, ("VerifySoftwareToken",)),
    _Row("EnableSoftwareTokenMFAException", InvalidRequestError, _WRONG_TOTP),  # UP-73
    _Row("CodeMismatchException", InvalidRequestError, _WRONG_CODE),  # UP-20
    _Row("ExpiredCodeException", InvalidRequestError, _OLD_CODE),  # UP-21
    _Row("LimitExceededException", ThrottledError, _TOO_MANY, retry_after_seconds=HOUR_SECONDS),  # UP-24
    _Row("TooManyFailedAttemptsException", ThrottledError, _TOO_MANY, retry_after_seconds=HOUR_SECONDS),
    _Row(
        "TooManyRequestsException", ThrottledError, "too much at once; try again in a second", retry_after_seconds=1.0
    ),
    _Row("CodeDeliveryFailureException", ServerError, "the mail with the code could not be sent; ask for a new one"),
    _Row("SoftwareTokenMFANotFoundException", InvalidRequestError, "this deployment takes no authenticator apps"),
    _Row("InvalidParameterException", InvalidRequestError, "this cannot be done: {said}"),
    _Row("ResourceNotFoundException", NotFoundError, "there is no such device", said="Device"),  # UP-85
    _Row("ResourceNotFoundException", ConfigError, _GONE),  # UP-07, IP-18
    _Row("InvalidIdentityPoolConfigurationException", ServerError, "the deployment's identity pool is set up wrongly"),
    _Row("ResourceConflictException", ConflictError, "this identity belongs to another sign-in"),  # IP-17
)


def error_of_cognito(operation: str, status: int, error: dict[str, Any], request_id: str | None) -> TodoError:
    """Give the error for Cognito's answer to an operation, named as AWS names it."""
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    row = next((row for row in _TABLE if _fits(row, operation, code, message)), None)
    if row is None:
        kind: type[TodoError] = SignInError if 400 <= status < 500 else ServerError
        row = _Row(code, kind, f"Cognito refused ({code or status})")
    sentence = row.sentence.format(said=_reason(message))
    if issubclass(row.kind, ServiceError):
        return row.kind(
            sentence,
            status=status,
            code=code,
            request_id=request_id,
            retry_after_seconds=row.retry_after_seconds,
        )
    if issubclass(row.kind, SignInError):
        return row.kind(sentence, code=code, request_id=request_id)
    return row.kind(sentence, request_id=request_id)


def _fits(row: _Row, operation: str, code: str, message: str) -> bool:
    return row.code == code and operation in (row.operations or (operation,)) and message.startswith(row.said)


def _reason(message: str) -> str:
    """Give the part that says why: UP-15 "Password did not conform with policy: Password not long enough"."""
    _, found, reason = message.partition("policy: ")
    return reason if found else message
