"""Answers of the control plane that are held back until the gateway has learnt what they mean."""

import json

from .ports import Message, Send


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
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


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
