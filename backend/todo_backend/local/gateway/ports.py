"""What the gateway is given: the control plane, the pools' public keys, a clock, and sinks for figures and traces.

Everything here is a type or a default; the gateway imports no other part of the embedded stack.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Keys = Callable[[str], Awaitable[Mapping[str, Any]]]
"""The JWKS document (`{"keys": [...]}`) of a user pool, by its id."""

Clock = Callable[[], float]
"""Seconds since 1970, UTC; may be moved by tests."""

Metrics = Callable[[str, float, Mapping[str, str]], None]
"""Takes a CloudWatch figure of `AWS/ApiGateway`: its name, its value, its dimensions."""

Trace = Callable[[Mapping[str, object]], None]
"""Takes one record per request: what the gateway did and how long it took. Never holds a token or a body."""


class Control(Protocol):
    """The control plane, asked as boto3 asks: `await call("apigateway", "GetStage", restApiId=…, stageName=…)`.

    A refusal is raised as an exception that carries AWS's code in `.code`, or where botocore's has it, in
    `.response["Error"]["Code"]`.
    """

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """The answer's members; a `Payload` may be bytes, text or something with `read()`."""
        ...


def refusal_code(error: BaseException) -> str:
    """The AWS error code that an exception of the control plane carries, or an empty string."""
    response = getattr(error, "response", None)
    found = response.get("Error") if isinstance(response, Mapping) else None
    code = found.get("Code", "") if isinstance(found, Mapping) else getattr(error, "code", "")
    return code if isinstance(code, str) else ""


def no_metrics(name: str, value: float, dimensions: Mapping[str, str]) -> None:
    """Drop the figure."""


def no_trace(record: Mapping[str, object]) -> None:
    """Drop the record."""
