"""AWS JSON 1.1 over ASGI: reading requests, writing answers and errors (UP-01, UP-04). No operation stands here."""

import json
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from .errors import CognitoError, serialization_failed

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_MAX_BODY_BYTES = 1_048_576
_UNSENDABLE = re.compile(r"[^ -~]")  # what no header may hold: the message quotes what the caller sent
_JSON_1_1 = b"application/x-amz-json-1.1"
# A browser may call from any page; no credentials of a cookie kind exist here.
_CORS = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"*")]


@dataclass
class Response:
    """A whole answer."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Give it to the client."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def header(scope: Scope, name: bytes) -> str:
    """The first header of that lower-case name; empty when there is none."""
    for key, value in scope["headers"]:
        if key.lower() == name:
            return str(value.decode("latin-1"))
    return ""


async def read_body(receive: Receive) -> bytes:
    """Everything that the client sends.

    Raises:
        CognitoError: it is more than an operation ever takes.
        ConnectionError: the client went away.
    """
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > _MAX_BODY_BYTES:
            raise CognitoError("RequestEntityTooLargeException", "Request size exceeded the limit.", 413)
        if not message.get("more_body"):
            return b"".join(chunks)


def parsed(body: bytes) -> Any:
    """The body's JSON.

    Raises:
        CognitoError: SerializationException, it is none.
    """
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise serialization_failed("The request body is not valid JSON.") from None


def _headers(content_type: bytes, body: bytes) -> Headers:
    length = (b"content-length", str(len(body)).encode())
    return [(b"content-type", content_type), length, (b"x-amzn-requestid", str(uuid.uuid4()).encode()), *_CORS]


def answer(value: Any) -> Response:
    """An operation's output; an empty one is an empty object."""
    body = json.dumps(value).encode()
    return Response(200, _headers(_JSON_1_1, body), body)


def document(value: Any, status: int = 200) -> Response:
    """A published document."""
    body = json.dumps(value).encode()
    return Response(status, [*_headers(b"application/json", body), (b"cache-control", b"public, max-age=86400")], body)


def failure(error: CognitoError) -> Response:
    """An error as AWS words it."""
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    message = _UNSENDABLE.sub("?", error.message.replace("\r", " ").replace("\n", " ")).encode()
    named = [(b"x-amzn-errortype", f"{error.code}:".encode()), (b"x-amzn-errormessage", message)]
    return Response(error.status, [*_headers(_JSON_1_1, body), *named], body)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` again, then whatever the client does next."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


async def ask(app: App, scope: Scope, body: bytes, headers: Headers) -> Response:
    """What the next layer answers to a request with this body and these headers."""
    found = Response(500)
    chunks = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.status, found.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    await app({**scope, "headers": headers}, replay(body, nothing), collect)
    found.body = b"".join(chunks)
    return found
