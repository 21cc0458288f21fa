"""The front door: what only a program on this machine may assume, and what not even that one may do."""

import json

from .asgi import Answer, App, Receive, Scope, Send, respond
from .counters import Counters

COUNTERS_PATH = "/_todo/counters"
_ADMIN_PREFIX = "/_ministack/"
_OPEN_ADMIN_PATHS = ("/_ministack/health", "/_ministack/ready")
_JSON = [(b"content-type", b"application/json")]


class Loopback:
    """Loopback counts as TLS, MiniStack's own switches are closed, and the counters can be read."""

    def __init__(self, inner: App, counters: Counters) -> None:
        self._inner = inner
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"].startswith(_ADMIN_PREFIX) and scope["path"] not in _OPEN_ADMIN_PATHS:
                # Unauthenticated, among them one that wipes all state: any web page could send it.
                await respond(send, Answer(403, _JSON, b'{"message":"Forbidden"}'))
                return
            if scope["path"] == COUNTERS_PATH:
                await respond(send, Answer(200, _JSON, json.dumps(self._counters.sums()).encode()))
                return
            # Nobody can listen between two programs on one machine, which is what aws:SecureTransport asks.
            scope = {**scope, "scheme": "https"}
        await self._inner(scope, receive, send)
