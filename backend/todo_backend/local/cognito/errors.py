"""What Cognito refuses, spelled as AWS spells it.

* CognitoError(code, message)   every refusal; HTTP 400 unless said otherwise (UP-04)
"""


class CognitoError(Exception):
    """An answer other than 200; `code` goes into `__type`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def not_authorized(message: str) -> CognitoError:
    """The refusal of who asks."""
    return CognitoError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> CognitoError:
    """The refusal of what is asked."""
    return CognitoError("InvalidParameterException", message)


def not_found(message: str) -> CognitoError:
    """The refusal for a pool, client, group, device or identity that is not there."""
    return CognitoError("ResourceNotFoundException", message)


def user_not_found(message: str = "User does not exist.") -> CognitoError:
    """The refusal that tells there is no such user (UP-56)."""
    return CognitoError("UserNotFoundException", message)


def wrong_password() -> CognitoError:
    """The one answer to a wrong user, a wrong password and a wrong signature (UP-53 to UP-55)."""
    return not_authorized("Incorrect username or password.")


def attempts_exceeded() -> CognitoError:
    """The refusal of a quota by user and hour (UP-24, UP-25, UP-32)."""
    return CognitoError("LimitExceededException", "Attempt limit exceeded, please try after some time.")


def serialization_failed(message: str = "") -> CognitoError:
    """The refusal of a body that is not the operation's JSON."""
    return CognitoError("SerializationException", message)
