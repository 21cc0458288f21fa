"""HTTPS on the one address: the private CA of the data directory, and a front that tells TLS from plain HTTP."""

import asyncio
import os
import socket
import ssl
from pathlib import Path
from typing import Any, Final

from .datadir import DataDir
from .errors import StackError
from .options import HOST

FOLDER: Final = "tls"
CA_FILE: Final = "ca.pem"
_NAMES: Final = ("localhost", HOST, "::1")
_HANDSHAKE_SECONDS: Final = 20.0
_PLAIN = b'{"message":"this address speaks HTTPS; write https:// and trust the ca.pem of the stack\'s data directory"}'
_REFUSAL: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: " + str(len(_PLAIN)).encode() + b"\r\n\r\n" + _PLAIN
)


def ca_path(data_dir: DataDir) -> Path:
    """The certificate that clients trust; made at its first use."""
    return data_dir.file(FOLDER) / CA_FILE


def server_context(data_dir: DataDir) -> ssl.SSLContext:
    """A certificate for this machine's names, made anew at each start, and with it the CA where there is none yet.

    Raises:
        StackError: they cannot be written.
    """
    from .dax.tls import server_context as made_by_ca

    try:
        return made_by_ca(data_dir.file(FOLDER), _NAMES)
    except OSError as error:
        raise StackError(f"no certificate could be made in {data_dir.file(FOLDER)}: {error.strerror}") from None


class TlsFront(asyncio.Protocol):
    """Looks at a connection's first byte, takes nothing from it, and hands TLS on to `inner`; plain HTTP is told."""

    def __init__(self, context: ssl.SSLContext, inner: asyncio.Protocol) -> None:
        self._context, self._inner = context, inner
        self._loop = asyncio.get_running_loop()
        self._peek: socket.socket | None = None
        self._upgrade: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; nobody reads until its first byte is there."""
        self._transport = transport
        self._transport.pause_reading()
        # The loop lets nobody watch a transport's own descriptor.
        self._peek = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        self._timer = self._loop.call_later(_HANDSHAKE_SECONDS, self._transport.abort)
        self._loop.add_reader(self._peek, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended before it was handed on."""
        self._stop_looking()

    def data_received(self, data: bytes) -> None:
        """The first piece may come with the end of the handshake; to plain HTTP nobody listens."""
        if self._upgrade is not None:
            self._early += data

    def _look(self) -> None:
        assert self._peek is not None
        try:
            first = self._peek.recv(1, socket.MSG_PEEK)
        except OSError:
            first = b""
        self._stop_looking()
        if first == b"\x16":  # a TLS record that begins a handshake, RFC 8446 section 5.1
            self._upgrade = self._loop.create_task(self._speak_tls())
        elif first:
            self._transport.write(_REFUSAL)
            self._transport.resume_reading()  # what came is taken, or closing would take the answer back
            self._timer = self._loop.call_later(1, self._transport.abort)
            self._transport.write_eof()
        else:
            self._transport.abort()

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._peek is not None:
            self._loop.remove_reader(self._peek)
            self._peek.close()
            self._peek = None

    async def _speak_tls(self) -> None:
        try:
            encrypted = await self._loop.start_tls(
                self._transport, self, self._context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
        except (OSError, TimeoutError):  # a client without our CA, or one that went away
            return
        if encrypted is None or encrypted.is_closing():
            return
        encrypted.set_protocol(self._inner)
        self._inner.connection_made(encrypted)
        if self._early:
            self._inner.data_received(self._early)
