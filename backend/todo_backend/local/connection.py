"""One client connection: uvicorn's HTTP protocol with the bounds it lacks, and with a way to end it at once.

uvicorn waits for ever for the rest of a request, keeps a head of any size, and takes a half-closed connection for a
closed one; AWS's front doors do none of it. The figures are ours: AWS does not tell its own.
"""

import asyncio
import json
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .faults.layer import ABORT

MAX_HEAD_BYTES: Final = 262_144  # above every service's own limit, so that it still answers in its own words
HEAD_SECONDS: Final = 20.0  # for the whole head, from the connection's or the request's first byte
IDLE_SECONDS: Final = 35.0  # between two pieces of a body; the gateway gives the whole of it 30
LINGER_SECONDS: Final = 2.0  # for a client that goes on talking to read why it is not listened to
_TICKS: Final = 8  # how often a waiting time is looked at while it lasts


class Connection(HttpToolsProtocol):
    """Requests of one client."""

    head_seconds = HEAD_SECONDS
    idle_seconds = IDLE_SECONDS
    linger_seconds = LINGER_SECONDS
    _keeps_alive = True
    _is_refused = False
    _awaits: str | None = None  # "head" or "body": what of a request is to come, None between requests
    _since = 0.0
    _head_bytes = 0
    _tick: asyncio.TimerHandle | None = None

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected: it owes a head."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._await("head")

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._await(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_refused:
            return
        if self._awaits is None:
            self._await("head")
        elif self._awaits == "body":
            self._since = self.loop.time()
        super().data_received(data)
        if self._awaits == "head":
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse("431 Request Header Fields Too Large", "Request Header Fields Too Large")

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's answers nothing to a half-closed connection
        """The client will send no more; whether it can still hear."""
        is_busy = self.cycle is not None and not self.cycle.response_complete
        if self._awaits is not None or not is_busy or self.scheme == "https":  # TLS has no half-closed connections
            return False
        self.cycle.keep_alive = False
        return True

    # --- The parser's side

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        self._await("body")
        super().on_headers_complete()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        self._keeps_alive = self.cycle.keep_alive
        if self.expect_100_continue:
            # Answered without its body, the request never ends: what comes next would be taken for it.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """All of a request is there."""
        self._await(None)
        self.cycle.keep_alive = self._keeps_alive
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse("400 Bad Request", msg)

    # --- Ours

    def _await(self, part: str | None) -> None:
        self._awaits, self._since, self._head_bytes = part, self.loop.time(), 0
        if self._tick is not None and part is None:
            self._tick.cancel()
            self._tick = None
        elif self._tick is None and part is not None:
            self._look_again()

    def _look_again(self) -> None:
        self._tick = self.loop.call_later(min(self.head_seconds, self.idle_seconds) / _TICKS, self._look)

    def _look(self) -> None:
        if self._awaits == "body" and self.flow.read_paused:
            self._since = self.loop.time()  # it is us who do not listen
        allowed = self.head_seconds if self._awaits == "head" else self.idle_seconds
        if self.loop.time() - self._since < allowed:
            self._look_again()
            return
        self._tick = None
        if self._awaits == "head" or not self.cycle.response_started:
            self._refuse("408 Request Timeout", "Request Timeout")
        else:
            self.transport.abort()

    def _refuse(self, status: str, message: str) -> None:
        """Say why, listen no more, and hang up when the client had the time to read it."""
        self._is_refused = True
        self._await(None)
        body = json.dumps({"message": message}).encode()
        lines = (f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}")
        self.transport.write("\r\n".join((*lines, "connection: close", "", "")).encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(self.linger_seconds, self.transport.abort)
        else:
            self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # whoever reads its body is told that nothing more comes
            self.cycle.message_event.set()
