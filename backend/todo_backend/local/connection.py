"""One client connection: uvicorn's HTTP protocol with the bounds it lacks, and with a way to end it at once."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .asgi import App, Receive, Scope, Send
from .faults.layer import ABORT

MAX_HEAD_BYTES: Final = 1_048_576  # far above any service's limit, so that it can still answer in its own words
IDLE_SECONDS: Final = 20.0  # between two pieces of one request
HEAD_SECONDS: Final = 20.0  # for all pieces of its head


class Connection(HttpToolsProtocol):
    """Requests of one client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self.app = _with_abort(self.app, transport)


def _with_abort(app: App, transport: asyncio.Transport) -> App:
    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        extensions: dict[str, Any] = {**(scope.get("extensions") or {}), ABORT: transport.abort}
        await app({**scope, "extensions": extensions}, receive, send)

    return served
