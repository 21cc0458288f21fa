"""MiniStack behind a guard: bodies have an end, and a request that breaks it is refused as AWS refuses it.

MiniStack answers many a malformed request with 500 and the text of a Python exception. Such an answer never leaves:
either the request was malformed by AWS's own model of the service, then it gets AWS's 400; or it was not, then it stays
a 500, in words that tell nothing of the inside.
"""

import asyncio
import logging
from typing import Final

from .asgi import App, Message, Receive, Scope, Send, header, respond
from .error_answers import error_answer, internal_error
from .journal import REFUSED
from .malformed import Refusal, refusal_of
from .operations import Named, named

_MEBIBYTE: Final = 1024 * 1024
MAX_OBJECT_BYTES: Final = 5 * 1024 * _MEBIBYTE  # S3's limit for one PUT
MAX_JSON_BYTES: Final = 17 * _MEBIBYTE  # DynamoDB takes 16 MB in one request; nobody with such an API takes more
MAX_BODY_BYTES: Final = 128 * _MEBIBYTE  # of everything else: a Lambda's code in base64
_KEPT_BYTES: Final = _MEBIBYTE  # at least, of a body, to look at when it has broken something

_log = logging.getLogger(__name__)


class Guard:
    """Stands before `inner`."""

    def __init__(self, inner: App) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        exchange = _Exchange(named(scope), scope, receive, send)
        if exchange.is_too_large:
            await exchange.refuse()
            return
        try:
            await self._inner(scope, exchange.receive, exchange.send)
        except Exception:
            if exchange.has_begun:
                raise
            if not exchange.is_too_large:
                _log.exception("MiniStack broke on %s %s", scope["method"], scope["path"])
            exchange.is_broken = True
        if exchange.is_broken:
            await exchange.refuse()


def _is_refusal(start: Message) -> bool:
    """Whether a 500 says on purpose what it says."""
    return any(name == REFUSED for name, _ in start.get("headers", ()))


class _Exchange:
    """One request on its way through, with the beginning of its body."""

    def __init__(self, request: Named, scope: Scope, receive: Receive, send: Send) -> None:
        self._request, self._scope, self._receive, self._send = request, scope, receive, send
        self._target = header(scope, b"x-amz-target")
        self._limit = (
            MAX_OBJECT_BYTES if request.service == "s3" else MAX_JSON_BYTES if self._target else MAX_BODY_BYTES
        )
        self._kept, self._taken = b"", 0
        declared = header(scope, b"content-length")
        self.is_too_large = declared.isascii() and declared.isdigit() and int(declared[:20]) > self._limit
        self.is_broken = False
        self.has_begun = False

    async def receive(self) -> Message:
        """A piece of the body, counted."""
        message = await self._receive()
        piece = message.get("body", b"")
        self._taken += len(piece)
        if len(self._kept) < _KEPT_BYTES:
            self._kept += piece
        if self._taken > self._limit:
            self.is_too_large = self.is_broken = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """A piece of the answer; nothing of one that tells of a fault."""
        if message["type"] == "http.response.start":
            self.is_broken = self.is_broken or (message["status"] == 500 and not _is_refusal(message))
        if not self.is_broken:
            self.has_begun = True
            await self._send(message)

    async def refuse(self) -> None:
        """Answer in MiniStack's place."""
        status, code, message = await self._refusal()
        await respond(self._send, error_answer(self._request, status, code, message))

    async def _refusal(self) -> Refusal:
        if self.is_too_large:
            code = "EntityTooLarge" if self._request.service == "s3" else "RequestEntityTooLargeException"
            return (400 if self._request.service == "s3" else 413), code, "Request size exceeded the limit."
        found = None
        if len(self._kept) == self._taken:  # of half a body nobody can tell
            query = bytes(self._scope.get("query_string") or b"").decode("latin-1")
            found = await asyncio.to_thread(refusal_of, self._request, self._target, query, self._kept)
        return found or (500, *internal_error(self._request.service))
