"""A node on the network: one connection, its bytes, and who is at its other end."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .auth import EXPIRED, MISSING, VALIDITY_SECONDS, CredentialsLookup, verify
from .errors import DaxError, MalformedError, validation
from .node import Node
from .protocol import MAX_REQUEST_BYTES, Parser, Request, error_reply

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gate:
    """What is needed to let callers in: their credentials, the region they sign for, and the time."""

    credentials: CredentialsLookup
    region: str
    now: Callable[[], datetime]


class Connection(asyncio.Protocol):
    """One client connection: requests are answered one at a time, in order."""

    def __init__(self, node: Node, gate: Gate, open_connections: "set[Connection]", limit: int) -> None:
        self._node = node
        self._gate = gate
        self._open = open_connections
        self._limit = limit
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[bytes] | None = None
        self._client_reads = True
        self._access_key_id = ""
        self._authorized_at: datetime | None = None
        self._refusal: DaxError = MISSING

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; also called by asyncio only."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._open) >= self._limit:
            transport.abort()
            return
        peer: socket.socket | None = transport.get_extra_info("socket")
        if peer is not None:
            # Clients keep connections open without ever using them (pitfall 27); only dead peers have to go.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._open.add(self)
        self._node.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; a write that is underway is finished all the same."""
        if self in self._open:
            self._open.discard(self)
            self._node.connections -= 1
        self._transport = None

    def pause_writing(self) -> None:
        """The client does not read its replies: take no more of its requests."""
        self._client_reads = False

    def resume_writing(self) -> None:
        """The client reads again."""
        self._client_reads = True
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Bytes have come, any number of them."""
        self._node.context.counters.count("NetworkBytesIn", len(data))
        self._parser.feed(data)
        self._go_on()

    def close(self) -> None:
        """Close once what was written is out; at once if the client does not take it."""
        if self._transport is None:
            return
        if self._client_reads:
            self._transport.close()
        else:
            self._transport.abort()

    def _go_on(self) -> None:
        """Answer what is complete, until something has to be waited for."""
        try:
            while self._transport is not None and self._task is None and self._client_reads:
                request = self._parser.next_request()
                if request is None:
                    return
                self._take(request)
        except MalformedError as error:
            self._hang_up(error)

    def _hang_up(self, error: MalformedError) -> None:
        """Nobody knows where the next request would start, so this connection has none."""
        _log.info("closing a connection: %s", error)
        if self._parser.user_agent is not None:
            self._write(error_reply(validation(f"Malformed request: {error}")))
        self.close()
        self._parser = Parser()

    def _take(self, request: Request) -> None:
        if request.method == "authorizeConnection":
            self._authorize(request.arguments)  # no reply, whether it succeeds or not (pitfall 1)
            return
        refusal = self._why_not()
        if refusal is not None:
            self._write(error_reply(refusal))
            return
        agent = self._parser.user_agent or ""
        reply = self._node.answer_at_once(request, self._access_key_id, agent)
        if reply is not None:
            self._write(reply)
            return
        if self._transport is not None:
            self._transport.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._node.answer(request, self._access_key_id, agent))
        self._task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[bytes]) -> None:
        self._task = None
        if self._transport is None or task.cancelled():
            return
        self._write(task.result())
        if not self._transport.is_closing():
            self._transport.resume_reading()
        self._go_on()

    def _write(self, reply: bytes) -> None:
        if self._transport is not None:
            self._node.context.counters.count("NetworkBytesOut", len(reply))
            self._transport.write(reply)

    def _authorize(self, arguments: tuple[Any, ...]) -> None:
        now = self._gate.now()
        try:
            known = verify(arguments, self._gate.credentials, self._gate.region, now)
        except DaxError as error:
            # Clients hide the reason (section 4.4), so it stands here too; neither key nor token does.
            _log.warning("a connection was not authorized: %s: %s", error.name, error.message)
            self._authorized_at, self._refusal = None, error
            return
        self._access_key_id, self._authorized_at = known.access_key_id, now
        self._parser.limit = MAX_REQUEST_BYTES

    def _why_not(self) -> DaxError | None:
        if self._authorized_at is None:
            return self._refusal
        if (self._gate.now() - self._authorized_at).total_seconds() > VALIDITY_SECONDS:
            return EXPIRED
        return None
