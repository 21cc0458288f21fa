"""A process of its own with MiniStack inside and our Cognito in front of it; run by `test_with_ministack`.

MiniStack reads its settings from the environment when it is imported, so it cannot share a process with other tests.
Prints the port as its only line.
"""

import asyncio
import os
import re
import socket
import sys
from typing import Any


async def fill(scheme: str, app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Hand a request on under that scheme."""
    if scope["type"] == "http":
        scope = {**scope, "scheme": scheme}
    await app(scope, receive, send)


class Remote:
    """The control plane by boto3, through the very port that we serve."""

    def __init__(self, port: int, access_key: str, secret_key: str) -> None:
        import boto3

        self._session = boto3.Session(access_key, secret_key, region_name="us-east-1")
        self._port = port
        self._clients: dict[str, Any] = {}

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The operation's output."""
        return await asyncio.to_thread(self._call, service, operation, parameters)

    def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=f"http://127.0.0.1:{self._port}")
        name = re.sub("([A-Z])", r"_\1", operation).lower().lstrip("_")
        found: dict[str, Any] = getattr(self._clients[service], name)(**parameters)
        return found


def main(access_key: str, secret_key: str) -> None:
    """Serve until the process is ended."""
    settings = {
        "AUTH": "true", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "PERSIST_STATE": "0", "BIND_HOST": "127.0.0.1",
        "AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key, "COGNITO_EMAIL_ENABLED": "false",
        "DOCKER_HOST": "unix:///nonexistent", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    os.environ.update(settings)
    import uvicorn
    from ministack.app import app as ministack

    from todo_backend.local.cognito import CognitoApp, OwnerKey, Surroundings

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await fill("https", ministack, scope, receive, send)

    def mail(to: str, subject: str, text: str) -> None:
        sys.stdout.write(f"{to} {text}\n")
        sys.stdout.flush()

    around = Surroundings(Remote(port, access_key, secret_key), mail)
    app = CognitoApp(inner, around, owner=OwnerKey(access_key, secret_key))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:3])
