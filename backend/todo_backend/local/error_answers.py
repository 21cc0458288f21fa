"""Errors in the words of each service: the API's JSON, `__type`, S3's XML, the query protocol's. No I/O."""

import json
import uuid
from typing import Final
from xml.sax.saxutils import escape

from .asgi import Answer
from .operations import API, Named

_BROKEN: Final[dict[str, tuple[str, str]]] = {
    API: ("InternalServerErrorException", "Internal server error"),
    "cognito-idp": ("InternalErrorException", "Internal server error"),
    "cognito-identity": ("InternalErrorException", "Internal server error"),
    "dynamodb": ("InternalServerError", "Internal server error"),
    "s3": ("InternalError", "We encountered an internal error. Please try again."),
}
_INTERNAL: Final = ("InternalFailure", "The request processing has failed because of an unknown error.")
_QUERY_PROTOCOL: Final = frozenset({"cloudformation", "iam", "sts", "sns", "ses", "ec2", "monitoring"})
# DD-01: DynamoDB's own errors have its name before them, those of AWS's framework the framework's.
_DYNAMODB: Final = "com.amazonaws.dynamodb.v20120810#"
_FRAMEWORK: Final = {
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "UnrecognizedClientException": "com.amazon.coral.service#",
    "InvalidSignatureException": "com.amazon.coral.service#",
    "ValidationException": "com.amazon.coral.validate#",
}


def internal_error(service: str | None) -> tuple[str, str]:
    """Code and message of a service that has failed."""
    return _BROKEN.get(service or "", _INTERNAL)


def is_query_protocol(service: str | None) -> bool:
    """Whether the service is asked with a form and answers in XML."""
    return service in _QUERY_PROTOCOL


def error_answer(request: Named, status: int, code: str, message: str) -> Answer:
    """The error as the request's service would answer it."""
    request_id = str(uuid.uuid4())
    if request.service == "s3":
        named = [(b"content-type", b"application/xml"), (b"x-amz-request-id", request_id.encode())]
        body = "" if request.method == "HEAD" else _xml(code, message, request_id)
    elif is_query_protocol(request.service):
        named = [(b"content-type", b"text/xml"), (b"x-amzn-requestid", request_id.encode())]
        body = _query_xml(status, code, message, request_id)
    else:
        media_type, members = _json(request.service, code, message)
        named = [(b"content-type", media_type), (b"x-amzn-requestid", request_id.encode())]
        named.append((b"x-amzn-errortype", code.encode()))
        body = json.dumps(members)
    content = body.encode()
    return Answer(status, [*named, (b"content-length", str(len(content)).encode())], content)


def _json(service: str | None, code: str, message: str) -> tuple[bytes, dict[str, str]]:
    if service == API:
        return b"application/json", {"message": message}
    if service == "dynamodb":
        kind = _FRAMEWORK.get(code, _DYNAMODB) + code
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
