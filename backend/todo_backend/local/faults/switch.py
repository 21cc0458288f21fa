"""The switches of faults and clock, for this machine's user only: whoever can read the data directory.

    GET    /_todo/faults         {"faults": […]}
    POST   /_todo/faults         a fault → it, with its id
    DELETE /_todo/faults         all of them off
    DELETE /_todo/faults/ID      that one off
    GET    /_todo/clock          {"now", "offset_seconds", "frozen"}
    POST   /_todo/clock          {"advance": seconds} or {"state": "frozen" | "running" | "machine"} → the same

A web page can send such requests, too, but not the secret: it lies in a file that no page can read.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final

from ..asgi import Answer, App, Receive, Scope, Send, header, read_body, respond
from ..datadir import DataDir
from . import CLOCK_PATH, FAULTS_PATH, FILE, HEADER
from .clock import Clock
from .rules import Fault, Rules

_READ_SECONDS: Final = 10
_MAX_BODY_BYTES: Final = 65_536

Change = tuple[int, dict[str, Any]]


def secret_of(data_dir: DataDir) -> str:
    """The secret of this data directory, made at its first use."""
    kept = data_dir.read_json(FILE).get("secret")
    if not isinstance(kept, str) or not kept:
        kept = secrets.token_urlsafe(32)
        data_dir.write_json(FILE, {"secret": kept})
    return kept


class Switch:
    """Answers the two paths; everything else is `inner`'s."""

    def __init__(self, inner: App, rules: Rules, clock: Clock, secret: str, moved: Callable[[Clock], None]) -> None:
        """`moved` is called before the clock is moved for the first time."""
        self._inner, self._rules, self._clock = inner, rules, clock
        self._secret, self._moved = secret, moved
        self._is_moved = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path in (CLOCK_PATH, FAULTS_PATH) or path.startswith(f"{FAULTS_PATH}/")):
            await self._inner(scope, receive, send)
            return
        status, told = await self._answer(scope, receive)
        body = json.dumps(told).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await respond(send, Answer(status, headers, body))

    async def _answer(self, scope: Scope, receive: Receive) -> Change:
        given = header(scope, HEADER.lower().encode())
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            return 403, {"message": f"the header {HEADER} has not the secret that {FILE} holds"}
        act = self._clock_answer if scope["path"] == CLOCK_PATH else self._faults_answer
        try:
            return act(scope, await _json(receive) if scope["method"] == "POST" else {})
        except ValueError as error:
            return 400, {"message": str(error)}

    def _faults_answer(self, scope: Scope, given: Mapping[str, Any]) -> Change:
        number = scope["path"].removeprefix(FAULTS_PATH).removeprefix("/")
        if scope["method"] == "DELETE":
            if not number:
                self._rules.clear()
            elif not (number.isascii() and number.isdigit() and len(number) < 10 and self._rules.remove(int(number))):
                return 404, {"message": f"there is no fault {number[:20]!r}"}
            return 200, {}
        if number or scope["method"] not in ("GET", "POST"):
            return 405, {"message": "faults are read with GET, added with POST, and taken away with DELETE"}
        if scope["method"] == "POST":
            return 200, self._rules.add(Fault.of(given)).described()
        return 200, {"faults": [rule.described() for rule in self._rules.all()]}

    def _clock_answer(self, scope: Scope, given: Mapping[str, Any]) -> Change:
        if scope["method"] == "POST":
            self._move(given)
        elif scope["method"] != "GET":
            return 405, {"message": "the clock is read with GET and moved with POST"}
        clock = self._clock
        now = clock.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return 200, {"now": now, "offset_seconds": clock.offset_seconds, "frozen": clock.is_frozen}

    def _move(self, given: Mapping[str, Any]) -> None:
        states = {"frozen": self._clock.freeze, "running": self._clock.resume, "machine": self._clock.reset}
        if not self._is_moved:
            self._moved(self._clock)
            self._is_moved = True
        match dict(given):
            case {"advance": int() | float() as seconds, **others} if not others and not isinstance(seconds, bool):
                self._clock.advance(seconds)
            case {"state": str() as state, **others} if not others and state in states:
                states[state]()
            case _:
                raise ValueError('write {"advance": seconds} or {"state": "frozen"}, "running" or "machine"')


async def _json(receive: Receive) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await read_body(receive, _MAX_BODY_BYTES)
        given = json.loads(body)
    except TimeoutError:
        raise ValueError("the body did not come") from None
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON object") from None
    if not isinstance(given, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004
    return given
