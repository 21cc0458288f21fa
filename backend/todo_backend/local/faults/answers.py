"""The answers of requests that are to fail, in each service's own words. No I/O."""

import json
import uuid
from typing import Final
from xml.sax.saxutils import escape

from ..asgi import Answer
from ..operations import API, Named
from .rules import Fault

MARK: Final = b"x-todo-fault"
"""The header that tells an injected answer from a real one; its value is the kind of the fault."""

Words = tuple[int, str, str]

# How each service throttles: AG-28, UP-08, IP-33, DD-15; S3's and the common errors of the API references.
_THROTTLES: Final[dict[str, Words]] = {
    API: (429, "TooManyRequestsException", "Too Many Requests"),
    "cognito-idp": (400, "TooManyRequestsException", "Rate exceeded"),
    "cognito-identity": (400, "TooManyRequestsException", "Rate exceeded"),
    "dynamodb": (
        400,
        "ProvisionedThroughputExceededException",
        (
            "The level of configured provisioned throughput for the table was exceeded. "
            "Consider increasing your provisioning level with the UpdateTable API."
        ),
    ),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
}
_THROTTLE: Final[Words] = (400, "ThrottlingException", "Rate exceeded")
_BROKEN: Final[dict[str, tuple[str, str]]] = {
    API: ("InternalServerErrorException", "Internal server error"),
    "cognito-idp": ("InternalErrorException", "Internal server error"),
    "cognito-identity": ("InternalErrorException", "Internal server error"),
    "dynamodb": ("InternalServerError", "Internal server error"),
    "s3": ("InternalError", "We encountered an internal error. Please try again."),
}
_INTERNAL: Final = ("InternalFailure", "The request processing has failed because of an unknown error.")
_UNAVAILABLE: Final = ("ServiceUnavailable", "Service is unable to handle request.")
_REFUSED: Final = ("BadRequestException", "Bad Request")
_QUERY_PROTOCOL: Final = frozenset({"cloudformation", "iam", "sts", "sns", "ses", "ec2", "monitoring"})


def answer_to(request: Named, fault: Fault) -> Answer:
    """The answer that an `error` or `throttle` gives."""
    status, code, message = _words(request.service or "", fault)
    request_id = str(uuid.uuid4())
    if request.service == "s3":
        named = [(b"content-type", b"application/xml"), (b"x-amz-request-id", request_id.encode())]
        body = "" if request.method == "HEAD" else _xml(code, message, request_id)
    elif request.service in _QUERY_PROTOCOL:
        named = [(b"content-type", b"text/xml"), (b"x-amzn-requestid", request_id.encode())]
        body = _query_xml(status, code, message, request_id)
    else:
        media_type, members = _json(request.service, code, message)
        named = [(b"content-type", media_type), (b"x-amzn-requestid", request_id.encode())]
        named.append((b"x-amzn-errortype", code.encode()))
        body = json.dumps(members)
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, [*named, length, (MARK, fault.kind.encode())], body.encode())


def _words(service: str, fault: Fault) -> Words:
    if fault.kind == "throttle":
        status, code, message = _THROTTLES.get(service, _THROTTLE)
    else:
        status = fault.status
        code, message = _usual(service, status)
    return status, fault.code or code, fault.message or message


def _usual(service: str, status: int) -> tuple[str, str]:
    """Code and message that the service has for such a status."""
    if service == API and status == 504:
        return "InternalServerErrorException", "Endpoint request timed out"  # AG-27
    if status == 503:
        return (_THROTTLES["s3"][1], _THROTTLES["s3"][2]) if service == "s3" else _UNAVAILABLE
    if status >= 500:
        return _BROKEN.get(service, _INTERNAL)
    return (_THROTTLES[API][1], _THROTTLES[API][2]) if status == 429 else _REFUSED


def _json(service: str | None, code: str, message: str) -> tuple[bytes, dict[str, str]]:
    if service == API:
        return b"application/json", {"message": message}
    if service == "dynamodb":  # DD-01
        kind = f"com.amazonaws.dynamodb.v20120810#{code}"
        return b"application/x-amz-json-1.0", {"__type": kind, "message": message}
    return b"application/x-amz-json-1.1", {"__type": code, "message": message}


def _xml(code: str, message: str, request_id: str) -> str:
    members = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message><RequestId>{request_id}</RequestId>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{members}</Error>'


def _query_xml(status: int, code: str, message: str, request_id: str) -> str:
    return (
        f"<ErrorResponse><Error><Type>{'Sender' if status < 500 else 'Receiver'}</Type><Code>{escape(code)}</Code>"
        f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
