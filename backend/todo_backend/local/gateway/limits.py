"""Sizes that API Gateway bounds, and the reading of a body within them."""

import asyncio
from typing import Final

from .messages import Request
from .ports import Receive
from .refusals import FixedRefusalError, plain

MAX_BODY_BYTES: Final = 10_485_760  # AG-24
MAX_HEAD_BYTES: Final = 10_240  # AG-26
MAX_URL_BYTES: Final = 10_240  # AG-26, regional
MAX_BODY_SECONDS: Final = 30.0  # a body that trickles is given up; not measured on AWS

# AG-24: the measured body; it cannot be customised and carries no CORS headers.
TOO_LARGE: Final = plain(
    413, "RequestTooLargeException", f"HTTP content length exceeded {MAX_BODY_BYTES} bytes.", content_type="text/plain"
)
URL_TOO_LONG: Final = plain(414, "RequestUriTooLongException", "Request-URI Too Long")
HEAD_TOO_LARGE: Final = plain(431, "RequestHeaderFieldsTooLargeException", "Request Header Fields Too Large")
BODY_LOST: Final = plain(408, "RequestTimeoutException", "Request Timeout")


def check_head(request: Request) -> None:
    """Refuse a request whose head, or whose declared body, is larger than API Gateway takes.

    Raises:
        FixedRefusalError: AG-24, AG-26.
    """
    if len(request.path) + len(request.query_string) > MAX_URL_BYTES:
        raise FixedRefusalError(URL_TOO_LONG)
    if request.head_bytes > MAX_HEAD_BYTES:
        raise FixedRefusalError(HEAD_TOO_LARGE)
    if (request.declared_length or 0) > MAX_BODY_BYTES:
        raise FixedRefusalError(TOO_LARGE)


async def read_body(receive: Receive) -> bytes:
    """The whole body.

    Raises:
        FixedRefusalError: it is too large, or the client was too slow or went away.
    """
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            return await _collected(receive)
    except TimeoutError:
        raise FixedRefusalError(BODY_LOST) from None


async def _collected(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise FixedRefusalError(BODY_LOST)
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise FixedRefusalError(TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)
