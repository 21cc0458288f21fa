"""The little of ASGI that the layers share: reading a body, asking the next layer, answering."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .signature import Request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Answer:
    """A whole response."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body's object; empty when it is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def with_json(self, value: dict[str, Any]) -> "Answer":
        """The same answer with another body."""
        body = json.dumps(value).encode()
        headers = [(name, text) for name, text in self.headers if name.lower() != b"content-length"]
        return Answer(self.status, [*headers, (b"content-length", str(len(body)).encode())], body)


def header(scope: Scope, name: bytes) -> str:
    """The first header of that lower-case name; empty when there is none."""
    for key, value in scope["headers"]:
        if key.lower() == name:
            return str(value.decode("latin-1"))
    return ""


def as_signed(scope: Scope, body: bytes = b"") -> Request:
    """The request as its signature sees it: the path as it was sent, headers of one name joined."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("utf-8", "replace")
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    path = bytes(scope.get("raw_path") or quote(scope["path"]).encode()).partition(b"?")[0]
    query = bytes(scope.get("query_string") or b"")
    return Request(scope["method"], path.decode("latin-1"), query.decode("latin-1"), headers, body)


async def read_body(receive: Receive, max_bytes: int | None = None) -> bytes:
    """Everything that the client sends.

    Raises:
        ValueError: it is more than `max_bytes`.
    """
    chunks, size = [], 0
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if max_bytes is not None and size > max_bytes:
            raise ValueError(f"the body is larger than {max_bytes} bytes")
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(chunks)


def replay(body: bytes, receive: Receive | None = None) -> Receive:
    """A `receive` that gives `body` again, then whatever the client does next."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive() if receive else {"type": "http.disconnect"}

    return again


async def ask(app: App, scope: Scope, body: bytes) -> Answer:
    """What the next layer answers to this request."""
    answer = Answer()
    chunks = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    length = (b"content-length", str(len(body)).encode())
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"content-length"]
    await app({**scope, "headers": [*headers, length]}, replay(body), collect)
    answer.body = b"".join(chunks)
    return answer


async def respond(send: Send, answer: Answer) -> None:
    """Give the client this answer."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
