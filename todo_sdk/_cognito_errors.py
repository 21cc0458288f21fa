"""One table turns what Cognito says no with into the SDK's error and a sentence."""

from typing import Any, NamedTuple

from todo_sdk._errors import (
    ConfigError,
    ConflictError,
    InvalidCredentialsError,
    InvalidRequestError,
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
    sentence: str  # {said} is Cognito's own message, or the part of it after the first colon
    operation: str | None = None
    said: str = ""  # how the message starts, where one code means several things


_WRONG_CREDENTIALS = "wrong user or password"
_TOO_MANY = "too many attempts; wait a while and try again"
_WRONG_CODE = "the code is wrong; look at it again, or ask for a new one"
_OLD_CODE = "the code has expired or was never sent; ask for a new one"
_GONE = "the deployment does not know its own user pool; run `todo configure` again"

# the first row that fits is taken; numbers are those of AWS_BEHAVIOURS
_TABLE = (
    _Row("NotAuthorizedException", NotSignedInError, "your session has ended; sign in again", "Refresh"),  # UP-104
    _Row("RefreshTokenReuseException", NotSignedInError, "your session has ended; sign in again"),  # UP-101
    _Row("NotAuthorizedException", NotSignedInError, "your session is no longer accepted; sign in again", "GetId"),
    _Row(
        "NotAuthorizedException",
        NotSignedInError,
        "your session is no longer accepted; sign in again",
        "GetCredentialsForIdentity",
    ),  # IP-09, IP-24
    _Row("NotAuthorizedException", ConflictError, "this user is confirmed already; sign in", "ConfirmSignUp"),  # UP-22
    _Row("NotAuthorizedException", ThrottledError, "too many wrong passwords; wait a while", said="Password attempts"),
    _Row("NotAuthorizedException", SignInError, "this took too long; sign in again", said="Invalid session"),  # UP-66
    _Row("NotAuthorizedException", SignInError, "the temporary password has expired; ask for a new one", said="Temp"),
    _Row("NotAuthorizedException", SignInError, "this user is disabled", said="User is disabled"),  # UP-59
    _Row("NotAuthorizedException", InvalidCredentialsError, _WRONG_CREDENTIALS),  # UP-53
    _Row("UserNotFoundException", InvalidCredentialsError, _WRONG_CREDENTIALS),  # UP-56
    _Row("UserNotConfirmedException", SignInError, "the address is not confirmed yet; confirm it with the code"),
    _Row("PasswordResetRequiredException", SignInError, "the password must be reset before you can sign in"),
    _Row("UsernameExistsException", ConflictError, "there is already a user with this address; sign in"),  # UP-12
    _Row("AliasExistsException", ConflictError, "there is already a user with this address; sign in"),  # UP-13
    _Row("InvalidPasswordException", InvalidRequestError, "the password is too weak: {said}"),  # UP-15, UP-37
    _Row("PasswordHistoryPolicyViolationException", InvalidRequestError, "this password was used before; take another"),
    _Row("CodeMismatchException", SignInError, _WRONG_CODE, "RespondToAuthChallenge"),  # UP-76
    _Row("ExpiredCodeException", SignInError, "the code was used already; wait for the next", "RespondToAuthChallenge"),
    _Row("CodeMismatchException", InvalidRequestError, _WRONG_CODE),  # UP-20
    _Row("ExpiredCodeException", InvalidRequestError, _OLD_CODE),  # UP-21
    _Row("LimitExceededException", ThrottledError, _TOO_MANY),  # UP-24
    _Row("TooManyFailedAttemptsException", ThrottledError, _TOO_MANY),
    _Row("TooManyRequestsException", ThrottledError, _TOO_MANY),  # UP-08
    _Row("CodeDeliveryFailureException", ServerError, "the mail with the code could not be sent; ask for a new one"),
    _Row("InvalidParameterException", InvalidRequestError, "this cannot be done: {said}"),
    _Row("ResourceNotFoundException", ConfigError, _GONE),  # UP-07, IP-18
    _Row("InvalidIdentityPoolConfigurationException", ServerError, "the deployment's identity pool is set up wrongly"),
    _Row("ResourceConflictException", ConflictError, "this identity belongs to another sign-in"),  # IP-17
)


def error_of_cognito(operation: str, status: int, error: dict[str, Any], request_id: str | None) -> TodoError:
    """Give the error for Cognito's answer to an operation ("Refresh" is InitiateAuth with a refresh token)."""
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    row = next((row for row in _TABLE if _fits(row, operation, code, message)), None)
    if row is None:
        kind: type[TodoError] = SignInError if 400 <= status < 500 else ServerError
        row = _Row(code, kind, f"Cognito refused ({code or status})")
    sentence = row.sentence.format(said=_reason(message))
    if issubclass(row.kind, ServiceError):
        return row.kind(sentence, status=status, code=code, request_id=request_id)
    return row.kind(sentence, code=code) if issubclass(row.kind, SignInError) else row.kind(sentence)


def _fits(row: _Row, operation: str, code: str, message: str) -> bool:
    return row.code == code and row.operation in (None, operation) and message.startswith(row.said)


def _reason(message: str) -> str:
    """Give the part that says why: UP-15 "Password did not conform with policy: Password not long enough"."""
    _, found, reason = message.partition("policy: ")
    return reason if found else message
