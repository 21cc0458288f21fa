"""One line for every request: what was asked of which service, how it ended, how long it took.

Never a header, a body, a query or a signature: the file may be shown to others.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .asgi import App, Message, Receive, Scope, Send
from .datadir import append_private
from .operations import named

LIMIT_BYTES = 4 * 1024 * 1024
"""Of the file; one older file of that size is kept beside it."""

_facts: ContextVar[dict[str, Any]] = ContextVar("facts")


def note_gateway(record: Mapping[str, object]) -> None:
    """Put what the gateway did into the line of the request that is being served.

    `cache` is `hit` or `miss`; `off` where the route is not cached; `refused` where the gateway answered itself before
    it came to the cache.
    """
    cache, integration_ms = record["cache"], record["integration_ms"]
    refused = cache == "off" and integration_ms is None
    told = round(integration_ms, 2) if isinstance(integration_ms, float) else None
    _facts.get({}).update(cache="refused" if refused else cache, integration_ms=told)


def note_fault(kinds: str) -> None:
    """Put into the line that the request met faults on demand."""
    _facts.get({}).update(fault=kinds)


class Trace:
    """Writes the line; changes nothing."""

    def __init__(self, inner: App, path: Path) -> None:
        self._inner = inner
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0
        facts: dict[str, Any] = {"request_id": None}
        token = _facts.set(facts)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                facts.update(request_id=_request_id(message["headers"]))
            await send(message)

        try:
            await self._inner(scope, receive, watched)
        finally:
            _facts.reset(token)
            milliseconds = round((time.perf_counter() - begun) * 1000, 2)
            with suppress(OSError):  # a full disk; the request has its answer
                self._write(scope, {"status": status, **facts, "ms": milliseconds})

    def _write(self, scope: Scope, seen: dict[str, Any]) -> None:
        if self._path.exists() and self._path.stat().st_size > LIMIT_BYTES:
            self._path.replace(self._path.with_suffix(".1.jsonl"))
        request = named(scope)
        record = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "method": scope["method"],
            "path": scope["path"],
            "service": request.service,
            "operation": request.operation,
            **seen,
        }
        append_private(self._path, json.dumps(record, ensure_ascii=False))


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Under which the caller, and the function's log, know the request."""
    return next((value.decode("latin-1") for name, value in headers if name.lower() in _REQUEST_ID), None)


_REQUEST_ID = {b"x-amzn-requestid", b"x-amz-request-id"}
