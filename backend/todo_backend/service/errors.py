"""What the API answers when it cannot do what was asked.

* ApiError
  x InvalidRequestError   400 invalid_request     the request itself is wrong; the message names the field
  x UnauthorizedError     401 unauthorized        no caller, or a token that is not for this API
  x NotFoundError         404 not_found
  x AlreadyExistsError    409 already_exists      a create under a used id, with another body
  x GoneError             410 gone                a snapshot of a revision that is no longer current
  x VersionMismatchError  412 version_mismatch    If-Match: somebody else was first
  x TooLargeError         413 too_large
  x ThrottledError        429 too_many_requests   the table refuses for load
  x UnavailableError      503 unavailable         the store cannot be reached, or the race was lost too often

Messages are written for people and are sent as they are: never put another exception's text into one (SE-29).
"""

from typing import Any, ClassVar


class ApiError(Exception):
    """An answer other than success: `status`, `code`, a sentence, and what else goes into the body."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class InvalidRequestError(ApiError):
    """The request is malformed."""

    status, code = 400, "invalid_request"


class UnauthorizedError(ApiError):
    """The caller is not known here."""

    status, code = 401, "unauthorized"


class NotFoundError(ApiError):
    """There is no such thing, or it is deleted."""

    status, code = 404, "not_found"


class AlreadyExistsError(ApiError):
    """The id is taken by another to-do of the caller."""

    status, code = 409, "already_exists"


class GoneError(ApiError):
    """The snapshot's revision is not the current one; `revision` in the body is."""

    status, code = 410, "gone"


class VersionMismatchError(ApiError):
    """The to-do has another version than the caller expects."""

    status, code = 412, "version_mismatch"


class TooLargeError(ApiError):
    """The request's body is over the limit."""

    status, code = 413, "too_large"


class ThrottledError(ApiError):
    """The table or the cluster refuses for load."""

    status, code, retry_after_seconds = 429, "too_many_requests", 1


class UnavailableError(ApiError):
    """Nothing is wrong with the request; later it will pass."""

    status, code, retry_after_seconds = 503, "unavailable", 1
