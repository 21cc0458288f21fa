"""What is wrong with a request, by AWS's own model of the service; asked only after it has broken something. No I/O.

The models are botocore's, whose import takes a moment: nobody waits for it as long as requests are well formed.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs

from .cognito import parameters
from .cognito.errors import CognitoError
from .error_answers import is_query_protocol
from .operations import Named

Refusal = tuple[int, str, str]

_MALFORMED: Refusal = (400, "SerializationException", "The request body is not valid JSON.")
_NO_OBJECT: Refusal = (400, "SerializationException", "Start of structure or map found where not expected.")
_UNKNOWN: Refusal = (400, "UnknownOperationException", "The requested operation is not recognized by the service.")
_NO_TEXT: Refusal = (400, "MalformedInput", "The request body is not valid UTF-8.")
_NUMBERS_OF_S3 = ("max-keys", "max-uploads", "max-parts", "part-number-marker", "partNumber")
_OBJECTS = ("PutObject", "UploadPart")
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)


def refusal_of(request: Named, target: str, query: str, body: bytes) -> Refusal | None:
    """Status, code and message for a request that its service takes no sense from; None when it is well formed.

    Args:
        target: the header `X-Amz-Target`, empty where there is none.
        query: as sent.
    """
    service = request.service or ""
    if target:
        return _of_json(service, target.rpartition(".")[2], body)
    if service == "s3":
        return _of_s3(request, query, body)
    if is_query_protocol(service):
        return _of_form(service, query, body)
    return _of_rest(service, request, body)


def _of_json(service: str, operation: str, body: bytes) -> Refusal | None:
    given = _object(body)
    if not isinstance(given, dict):
        return given
    try:
        parameters.check(service, operation, given)
    except CognitoError as error:
        return 400, error.code, error.message
    except Exception as error:
        if _is_unknown(error):
            return _UNKNOWN
        raise
    return None


def _of_rest(service: str, request: Named, body: bytes) -> Refusal | None:
    if body:
        given = _object(body)
        if not isinstance(given, dict):
            return given
    try:
        operations = _operations(service)
    except Exception as error:
        if _is_unknown(error):
            return _UNKNOWN
        raise
    fits = any(method == request.method and path.fullmatch(request.path) for method, path in operations)
    return None if fits else _UNKNOWN


def _of_form(service: str, query: str, body: bytes) -> Refusal | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _NO_TEXT
    given = {name: values[0] for name, values in parse_qs(f"{query}&{text}", keep_blank_values=True).items()}
    try:
        shape = parameters.model(service).operation_model(given.get("Action", "")).input_shape
    except Exception as error:
        if _is_unknown(error):
            return 400, "InvalidAction", f"Could not find operation {given.get('Action', '')[:100]}"
        raise
    for name, member in (shape.members if shape else {}).items():
        if member.type_name in ("integer", "long") and not _NUMBER.fullmatch(given.get(name, "0")):
            return 400, "MalformedInput", f"{name} is not a number"
    return None


def _of_s3(request: Named, query: str, body: bytes) -> Refusal | None:
    given = parse_qs(query, keep_blank_values=True)
    for name in _NUMBERS_OF_S3:
        if not _NUMBER.fullmatch(given.get(name, ["0"])[0]):
            return 400, "InvalidArgument", f"Provided {name} not an integer or within integer range"
    if request.operation in _OBJECTS:
        return None  # what an object holds is its owner's affair
    try:
        body.decode()
    except UnicodeDecodeError:
        return 400, "MalformedPOSTRequest", "The body of your POST request is not well-formed."
    return None


def _object(body: bytes) -> dict[str, Any] | Refusal:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return _MALFORMED
    return found if isinstance(found, dict) else _NO_OBJECT


def _operations(service: str) -> list[tuple[str, re.Pattern[str]]]:
    model = parameters.model(service)
    routes = [model.operation_model(name).http for name in model.operation_names]
    return [(route["method"], _path(route["requestUri"].partition("?")[0])) for route in routes]


def _path(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(\+?)\}", template.rstrip("/"))
    text = re.escape(parts[0])
    for index in range(1, len(parts), 3):
        text += (".+" if parts[index + 1] else "[^/]+") + re.escape(parts[index + 2])
    return re.compile(f"{text}/?")


def _is_unknown(error: Exception) -> bool:
    """Whether botocore knows no such service or operation."""
    return type(error).__name__ in ("UnknownServiceError", "DataNotFoundError", "OperationNotFoundError")
