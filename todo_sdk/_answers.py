"""One function and one table turn an answer that is an error into the SDK's error, for the API and for S3."""

from collections.abc import Mapping
from typing import Any

from todo_sdk._errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    ServiceError,
    ThrottledError,
    TodoError,
    UpgradeRequiredError,
)

# by the code in the body: the API's own, then S3's (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)
BY_CODE: Mapping[str, type[TodoError]] = {
    "invalid_request": InvalidRequestError,
    "unauthorized": NotSignedInError,
    "forbidden": ForbiddenError,
    "not_found": NotFoundError,
    "gone": NotFoundError,
    "already_exists": ConflictError,
    "version_mismatch": ConflictError,
    "too_large": InvalidRequestError,
    "too_many_requests": ThrottledError,
    "internal": ServerError,
    "unavailable": ServerError,
    "upgrade_required": UpgradeRequiredError,
    "AccessDenied": ForbiddenError,
    "NoSuchKey": NotFoundError,
    "NoSuchBucket": NotFoundError,
    "PreconditionFailed": ConflictError,
    "ConditionalRequestConflict": ConflictError,
    "EntityTooLarge": InvalidRequestError,
    "SlowDown": ThrottledError,
    "ExpiredToken": NotSignedInError,  # S3-14: 400, not 403
    "InvalidToken": NotSignedInError,
    "InvalidAccessKeyId": NotSignedInError,
    "RequestTimeTooSkewed": ForbiddenError,
}
# by the HTTP status where the code says nothing: AWS's own answers, and proxies on the way
BY_STATUS: Mapping[int, type[TodoError]] = {
    400: InvalidRequestError,
    401: NotSignedInError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    412: ConflictError,
    413: InvalidRequestError,
    426: UpgradeRequiredError,  # RFC 9110 section 15.5.22
    429: ThrottledError,
}
_DEFAULT_TEXT = "the service answered {status} and did not say why"
_OWN_TEXT: Mapping[type[TodoError], str] = {
    NotSignedInError: "the session is no longer accepted; sign in again",
    UpgradeRequiredError: "the service no longer speaks this version of the API; upgrade: pip install -U todo-sdk",
}


def error_of_answer(
    status: int, headers: Mapping[str, str], body: Mapping[str, Any] | None, retry_after: float | None = None
) -> TodoError:
    """Give the error for an answer: by its code when that is known, else by its status, else it is the server's fault.

    Args:
        headers: by lower-case name.
        body: `{"code", "message", "request_id"}`, or what another machine on the way sent; None when it is not JSON.
    """
    said = body or {}
    code = said.get("code")
    code = code if isinstance(code, str) else None
    kind = BY_CODE.get(code or "") or BY_STATUS.get(status, ServerError)
    message = _OWN_TEXT.get(kind) or str(said.get("message") or _DEFAULT_TEXT.format(status=status))
    request_id = said.get("request_id") or headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    if kind is NotSignedInError:
        return NotSignedInError(message, code=code, request_id=request_id)
    if not issubclass(kind, ServiceError):
        return kind(message, request_id=request_id)
    return kind(message, status=status, code=code, request_id=request_id, retry_after_seconds=retry_after)
