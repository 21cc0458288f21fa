"""What can go wrong, named after what the caller can do about it.

* TodoError
  x ConfigError               a setting is missing or malformed; says which one and where it was looked for
    + UpgradeRequiredError    the service has moved on; install a newer todo-sdk
  x TransportError            no answer: DNS, TLS, refused, timed out
  x ReplicaError              the copy on this machine cannot be used; .reason, and what to do
  x SignInError               Cognito said no
    + NotSignedInError        no session, or it can no longer be renewed
    + InvalidCredentialsError wrong user or password; never says which
    + ChallengeRequiredError  new password or code wanted; .challenge says which
  x ServiceError              the API or S3 answered with an error, or would have; .status .code .request_id
    + InvalidRequestError     what was asked cannot be done as asked; nothing was changed
    + ForbiddenError          signed in, but not allowed
    + NotFoundError           there is no such thing, or none that may be seen
    + ConflictError           somebody else was first
    + ThrottledError          too much at once; .retry_after_seconds
    + ServerError             the other side broke

No foreign exception leaves the SDK. This module imports nothing of the SDK.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from todo_sdk._models import Challenge, Todo


class TodoError(Exception):
    """Anything that the SDK raises on purpose; its text is one sentence for a person.

    `.request_id` finds the request in the service's log; None when nobody answered or nobody was asked.
    """

    def __init__(self, message: str = "", *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class ConfigError(TodoError):
    """A setting is missing or malformed; the text says which one and where it was looked for."""


class UpgradeRequiredError(ConfigError):
    """The service speaks a newer version of the API than this SDK; install a newer todo-sdk."""


class TransportError(TodoError):
    """There was no answer: no address, no connection, no trust, or no time left."""


class ReplicaError(TodoError):
    """The copy of the to-dos on this machine cannot be read or written; what was acknowledged before is not lost.

    `.reason`: "newer" (written by a newer SDK), "foreign" (not this user's replica), "damaged", "busy" (another program
    writes for long), "full" (no space), "read_only", or "unusable".
    """

    def __init__(self, message: str, *, reason: str = "unusable") -> None:
        super().__init__(message)
        self.reason = reason


class SignInError(TodoError):
    """Cognito said no; `.code` is Cognito's own word for it, when there was one."""

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.code = code


class NotSignedInError(SignInError):
    """Nobody is signed in, or the session can no longer be renewed."""


class InvalidCredentialsError(SignInError):
    """The user or the password is wrong; it is never said which."""


class ChallengeRequiredError(SignInError):
    """The password was right and something more is wanted; answer `.challenge` with `auth.answer`."""

    def __init__(self, challenge: "Challenge") -> None:
        super().__init__(challenge.wanted, code=challenge.name)
        self.challenge = challenge


class ServiceError(TodoError):
    """The API or S3 answered with an error.

    `.status` is None when the SDK refused before asking;
    `.retry_after_seconds` is how long the service wants to be left alone, if it said so.
    """

    default_code = "error"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status
        self.code = code or self.default_code
        self.retry_after_seconds = retry_after_seconds


class InvalidRequestError(ServiceError):
    """What was asked cannot be done as asked; nothing was changed."""

    default_code = "invalid_request"


class ForbiddenError(ServiceError):
    """Signed in, but not allowed."""

    default_code = "forbidden"


class NotFoundError(ServiceError):
    """There is no such thing, or none that the user may see."""

    default_code = "not_found"


class ConflictError(ServiceError):
    """Somebody else was first; both sides are here to decide by.

    `.mine` has the fields that this change wanted; `.theirs` is the to-do as the service has it, None when it is gone
    or could not be read.
    """

    default_code = "conflict"
    mine: "Mapping[str, Any]" = MappingProxyType({})
    theirs: "Todo | None" = None


class ThrottledError(ServiceError):
    """Too much at once; try again after `.retry_after_seconds` (None when the service did not say)."""

    default_code = "too_many_requests"


class ServerError(ServiceError):
    """The other side broke, or answered with what the SDK does not understand."""

    default_code = "internal"
