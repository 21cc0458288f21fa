"""The front door: loopback, and what API Gateway refuses before the rest of the stack sees it."""

import base64
import json
from typing import Any

from .asgi import Answer, App, Receive, Scope, Send, header, respond

_ADMIN_PREFIX = "/_ministack/"
_OPEN_ADMIN_PATHS = ("/_ministack/health", "/_ministack/ready")


class Loopback:
    """What only a program on this machine may assume, and what not even that one may do."""

    def __init__(self, inner: App) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"].startswith(_ADMIN_PREFIX) and scope["path"] not in _OPEN_ADMIN_PATHS:
                # Unauthenticated, among them one that wipes all state: any web page could send it.
                body = b'{"message":"Forbidden"}'
                await respond(send, Answer(403, [(b"content-type", b"application/json")], body))
                return
            # Nobody can listen between two programs on one machine, which is what aws:SecureTransport asks.
            scope = {**scope, "scheme": "https"}
        await self._inner(scope, receive, send)


class Gateway:
    """API Gateway's Cognito authorizer takes ID tokens only (AG-06); MiniStack's takes access tokens too."""

    def __init__(self, inner: App) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_api_call(scope) and is_access_token(header(scope, b"authorization")):
            # A method without an authorizer does not look at it; every other one refuses what is no token.
            kept = [pair for pair in scope["headers"] if pair[0].lower() != b"authorization"]
            scope = {**scope, "headers": [*kept, (b"authorization", b"not-an-id-token")]}
        await self._inner(scope, receive, send)


def is_api_call(scope: Scope) -> bool:
    """Whether the request is for a deployed API, in any of the ways to address one."""
    path: str = scope["path"]
    return (
        path.startswith("/_aws/execute-api/")
        or (path.startswith("/restapis/") and "/_user_request_/" in path)
        or ".execute-api." in header(scope, b"host")
    )


def is_access_token(authorization: str) -> bool:
    """Whether this is a JWT that says `token_use: access`; who signed it does not matter, since it is refused."""
    parts = authorization.removeprefix("Bearer ").strip().split(".")
    if len(parts) != 3:
        return False
    try:
        claims: Any = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return False
    return isinstance(claims, dict) and claims.get("token_use") == "access"
