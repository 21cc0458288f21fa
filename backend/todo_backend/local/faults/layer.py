"""The layer that lets requests go wrong as the rules say; without rules it costs one look."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from ..asgi import App, Message, Receive, Scope, Send, ask, read_body, replay, respond
from ..operations import Named, named
from .answers import MARK, answer_to
from .clock import Clock
from .replica import Replica
from .rules import Fault, Rules

OWN_PATHS = ("/_todo/", "/_ministack/")
"""Never touched: the switches, and what tells whether the stack is up."""

ABORT = "todo.abort"
"""The extension of the ASGI scope whose `abort` ends the connection at once."""


class Faults:
    """Injects faults before `inner`, and says so: in the answer's header, and to `note` for the trace."""

    def __init__(self, inner: App, rules: Rules, clock: Clock, note: Callable[[str], None]) -> None:
        self._inner, self._rules, self._note = inner, rules, note
        self._replica = Replica(clock.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or not."""
        if scope["type"] != "http" or not self._rules or scope["path"].startswith(OWN_PATHS):
            await self._inner(scope, receive, send)
            return
        request = named(scope)
        struck = self._rules.strike(request)
        if not struck:
            await self._inner(scope, receive, send)
            return
        kinds = ",".join(fault.kind for fault in struck)
        self._note(kinds)
        await asyncio.sleep(sum(fault.seconds for fault in struck if fault.kind == "latency"))
        decided = next((fault for fault in struck if fault.kind != "latency"), None)
        await self._carry_out(decided, request, scope, receive, _marking(send, kinds))

    async def _carry_out(self, fault: Fault | None, request: Named, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._inner(scope, receive, send)
        elif fault.kind == "drop":
            await _hang_up(scope, receive)
        elif fault.kind == "lose":
            await self._inner(scope, receive, _nobody)
            await _hang_up(scope, receive)
        elif fault.kind == "lag":
            await self._lag(fault, request, scope, receive, send)
        else:
            await respond(send, answer_to(request, fault))

    async def _lag(self, fault: Fault, request: Named, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if _is_consistent(body):
            await self._inner(scope, replay(body, receive), send)
            return
        # Asked in any case: whether the caller may read is not the replica's to know.
        fresh = await ask(self._inner, scope, body)
        if fresh.status == 200:
            fresh = self._replica.shown(request.operation or "", body, fresh, fault.seconds)
        await respond(send, fresh)


def _is_consistent(body: bytes) -> bool:
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError):
        return True  # not a read at all: whoever it goes to says so
    if not isinstance(given, dict):
        return True
    tables = given.get("RequestItems")
    reads = [given, *(tables.values() if isinstance(tables, dict) else ())]
    return any(isinstance(read, dict) and read.get("ConsistentRead") is True for read in reads)


def _marking(send: Send, kinds: str) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [pair for pair in message.get("headers", []) if pair[0].lower() != MARK]
            message = {**message, "headers": [*others, (MARK, kinds.encode())]}
        await send(message)

    return marked


async def _nobody(message: Message) -> None:
    """Take an answer that nobody gets."""


async def _hang_up(scope: Scope, receive: Receive) -> None:
    abort = ((scope.get("extensions") or {}).get(ABORT) or {}).get("abort")
    if abort is None:
        raise ConnectionAbortedError("the server of this scope offers no way to end a connection")
    abort()
    while (await receive())["type"] != "http.disconnect":
        pass
