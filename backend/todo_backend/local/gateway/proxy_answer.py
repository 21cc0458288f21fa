"""What a function returned, as an answer to the client, or as the malformed thing it is (AG-30, AG-31). No I/O."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from .media_types import first_accepted, is_binary
from .messages import Answer, Header, Request, is_sendable

MEMBERS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
MAX_PAYLOAD_BYTES: Final = 6_291_556  # LA-07
_NO_BODY: Final = (204, 304)
# Headers of the function that would break or contradict the gateway's own head; grade M which of them AWS renames.
_REMAPPED: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "date",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "www-authenticate",
        "x-amz-apigw-id",
        "x-amzn-errortype",
        "x-amzn-requestid",
        "x-amzn-trace-id",
    }
)


class MalformedAnswerError(Exception):
    """The function's answer is none that a proxy integration understands."""


def proxy_answer(payload: bytes, request: Request, binary_media_types: tuple[str, ...]) -> Answer:
    """The answer that the function's payload describes.

    Raises:
        MalformedAnswerError: AG-30; the client gets 502 and no detail.
    """
    members = _members(payload)
    status = _status(members)
    headers = _merged(_single(members.get("headers")), _multiple(members.get("multiValueHeaders")))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", "application/json"), *headers)  # AG-35
    body = _body(members, request, binary_media_types)
    return Answer(status, headers, b"" if status in _NO_BODY else body)


def _members(payload: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(payload) if len(payload) <= MAX_PAYLOAD_BYTES else None
    except (ValueError, RecursionError) as error:
        raise MalformedAnswerError from error
    if not isinstance(members, dict) or not members or not members.keys() <= MEMBERS:
        raise MalformedAnswerError
    return members


def _status(members: Mapping[str, Any]) -> int:
    value = members.get("statusCode", 200)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | str)
        or not str(value).isdecimal()
        or len(str(value)) != 3
    ):
        raise MalformedAnswerError
    if not 200 <= int(value) <= 599:
        raise MalformedAnswerError
    return int(value)


def _single(headers: Any) -> list[Header]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise MalformedAnswerError
    return [_pair(name, value) for name, value in headers.items()]


def _multiple(headers: Any) -> list[Header]:
    if headers is None:
        return []
    if not isinstance(headers, dict) or not all(isinstance(values, list) for values in headers.values()):
        raise MalformedAnswerError
    return [_pair(name, value) for name, values in headers.items() for value in values]


def _pair(name: str, value: Any) -> Header:
    text = _text(value)
    if text is None or not is_sendable(name, text):
        raise MalformedAnswerError
    return (f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name), text


def _text(value: Any) -> str | None:
    """A header value as text; None for what has members."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else "" if value is None else None


def _merged(single: list[Header], multiple: list[Header]) -> tuple[Header, ...]:
    """Both maps as one; a name in both keeps the second's spelling and joins its values, the second's first (AG-34)."""
    alone = {name.lower(): value for name, value in single}
    joined = {name.lower() for name, _ in multiple} & alone.keys()
    result: list[Header] = [pair for pair in single if pair[0].lower() not in joined]
    for lower in dict.fromkeys(name.lower() for name, _ in multiple):
        same = [pair for pair in multiple if pair[0].lower() == lower]
        if lower in joined:
            same = [(same[0][0], ", ".join([*(value for _, value in same), alone[lower]]))]
        result += same
    return tuple(result)


def _body(members: Mapping[str, Any], request: Request, binary_media_types: tuple[str, ...]) -> bytes:
    body, encoded = members.get("body"), members.get("isBase64Encoded")
    if not isinstance(body, str | None) or not isinstance(encoded, bool | None):
        raise MalformedAnswerError
    if not body:
        return b""
    if encoded and is_binary(first_accepted(request.header("accept")), binary_media_types):
        try:
            return b64decode(body, validate=True)
        except ValueError as error:
            raise MalformedAnswerError from error
    return body.encode("utf-8", "replace")
