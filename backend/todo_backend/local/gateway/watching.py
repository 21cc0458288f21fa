"""Calls to the control plane that are listened to; answers held back until the gateway has learnt what they mean."""

import json
from typing import Final

from .ports import Message, Receive, Send

_MOST_HEARD_BYTES: Final = 65_536  # of a request: a deployment's is a few hundred


class HeardRequest:
    """An ASGI `receive` that remembers the body which it hands on."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._body = b""
        self._ahead: list[Message] = []

    async def __call__(self) -> Message:
        """The next message of the client."""
        return self._ahead.pop(0) if self._ahead else await self._next()

    async def listen(self) -> None:
        """Hear the whole body, or as much of it as is remembered, before it is handed on."""
        more = True
        while more and len(self._body) < _MOST_HEARD_BYTES:
            self._ahead.append(await self._next())
            more = bool(self._ahead[-1].get("more_body"))

    async def _next(self) -> Message:
        message = await self._receive()
        self._body += message.get("body", b"")[: _MOST_HEARD_BYTES - len(self._body)]
        return message

    @property
    def members(self) -> dict[str, object]:
        """The members of the body where it is a JSON object, else nothing."""
        return _members(self._body)


class HeldAnswer:
    """An ASGI `send` that keeps what it is sent."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        """Keep a message."""
        self._messages.append(message)

    async def release(self, send: Send) -> None:
        """Send everything on."""
        for message in self._messages:
            await send(message)

    async def release_as(self, body: bytes, send: Send) -> None:
        """Send it on with another body."""
        start = next(message for message in self._messages if message["type"] == "http.response.start")
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    @property
    def status(self) -> int:
        """The answer's status; 0 when none was begun."""
        starts = (message["status"] for message in self._messages if message["type"] == "http.response.start")
        return int(next(starts, 0))

    @property
    def body(self) -> bytes:
        """The answer's body."""
        return b"".join(
            message.get("body", b"") for message in self._messages if message["type"] == "http.response.body"
        )

    @property
    def members(self) -> dict[str, object]:
        """The members of the body where it is a JSON object, else nothing."""
        return _members(self.body)


def _members(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def cluster_wanted(heard: HeardRequest) -> tuple[str, str] | None:
    """Stage and size of the cache cluster that a CreateDeployment call asks for: the control plane drops it."""
    asked = heard.members
    stage, size = asked.get("stageName"), asked.get("cacheClusterSize") or "0.5"
    if asked.get("cacheClusterEnabled") is True and isinstance(stage, str) and isinstance(size, str):
        return stage, size
    return None


def deployment_made(held: HeldAnswer) -> str | None:
    """The id of the deployment that a CreateDeployment call has made."""
    found = held.members.get("id") if held.status == 201 else None
    return found if isinstance(found, str) else None


def was_let_in(held: HeldAnswer) -> bool:
    """Whether the control plane has let a FlushStageCache call in.

    It checks signature and permission as for every call, and only then finds that it has no such operation.
    """
    unknown = held.status == 404 and "unknown api gateway" in str(held.members.get("message", "")).lower()
    return unknown or 200 <= held.status < 300
