"""Speed of the gateway alone: uvicorn with httptools in one process, the client in another.

    python benchmarks/gateway.py            prints the table, ends 9 when a figure misses its limit
    python benchmarks/gateway.py --requests 20000

The function behind the gateway answers at once, so "uncached" is the gateway's own work. Rates are given per second of
wall clock and per second of the server's processor time: only the second survives a machine that others use, too.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from todo_backend.local.gateway import Gateway

AUTHORIZATION = "method.request.header.Authorization"
POOL = "us-east-1_Bench0001"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
CACHED_PER_SECOND = 2000
OVERHEAD_MS = 2.0


class Instant:
    """A control plane of one API whose function answers at once."""

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """What the gateway reads."""
        if operation == "Invoke":
            return {"StatusCode": 200, "Payload": json.dumps({"statusCode": 200, "body": "x" * 2000}).encode()}
        return _ANSWERS.get(operation, {"items": []})


def _method(cache_key: list[str]) -> dict[str, Any]:
    return {
        "httpMethod": "GET",
        "authorizationType": "COGNITO_USER_POOLS",
        "authorizerId": "a",
        "requestParameters": dict.fromkeys(cache_key, True),
        "methodIntegration": {"type": "AWS_PROXY", "uri": URI, "cacheKeyParameters": cache_key},
    }


_ALLOW = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "lambda:InvokeFunction"}
_UNLIMITED = {"throttlingRateLimit": -1, "throttlingBurstLimit": -1}
_ANSWERS: Mapping[str, dict[str, Any]] = {
    "GetPolicy": {"Policy": json.dumps({"Statement": [_ALLOW]})},
    "GetRestApi": {"id": "a1b2c3d4", "name": "bench"},
    "GetStage": {
        "stageName": "v1",
        "deploymentId": "d",
        "cacheClusterEnabled": True,
        "cacheClusterSize": "0.5",
        "methodSettings": {
            "*/*": _UNLIMITED,
            "~1cached/GET": {"cachingEnabled": True, "cacheTtlInSeconds": 3600, **_UNLIMITED},
        },
    },
    "GetResources": {
        "items": [
            {"id": "c", "path": "/cached", "resourceMethods": {"GET": _method([AUTHORIZATION])}},
            {"id": "u", "path": "/uncached", "resourceMethods": {"GET": _method([])}},
        ]
    },
    "GetAuthorizers": {
        "items": [
            {
                "id": "a",
                "type": "COGNITO_USER_POOLS",
                "identitySource": AUTHORIZATION,
                "providerARNs": [f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{POOL}"],
            }
        ]
    },
}


def serve(listener: socket.socket) -> None:
    """Run the gateway on the socket; the first line printed is a token."""
    key = generate_private_key(65537, 2048)
    document = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k"}

    async def keys(user_pool_id: str) -> Mapping[str, Any]:
        return {"keys": [document]}

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        """Stands for the control plane; answers with the processor time used so far, for the table."""
        body = json.dumps({"cpu": time.process_time()}).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    gateway = Gateway(nothing, Instant(), keys)
    now = int(time.time())
    claims = {"sub": "s" * 36, "iss": f"https://x/{POOL}", "token_use": "id", "aud": "c", "iat": now, "exp": now + 3600}
    print(jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k"}), flush=True)
    config = uvicorn.Config(
        gateway, http="httptools", ws="none", lifespan="off", log_level="error", access_log=False, date_header=False
    )
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


@dataclass(frozen=True)
class Figures:
    """What one run of requests gave."""

    per_wall_second: float
    per_cpu_second: float

    @property
    def cpu_ms(self) -> float:
        """The server's processor time for one request."""
        return 1000 / self.per_cpu_second


class Client:
    """Keep-alive connections that ask and read as little as a client can."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token

    def run(self, path: str, requests: int, connections: int = 8) -> Figures:
        """Ask for a path that often."""
        return asyncio.run(self._run(path, requests, connections))

    async def _run(self, path: str, requests: int, connections: int) -> Figures:
        await self._ask(f"/_aws/execute-api/a1b2c3d4/v1{path}", 200)
        cpu, wall = await self._cpu(), time.perf_counter()
        asking = (
            self._ask(f"/_aws/execute-api/a1b2c3d4/v1{path}", requests // connections) for _ in range(connections)
        )
        await asyncio.gather(*asking)
        return Figures(requests / (time.perf_counter() - wall), requests / (await self._cpu() - cpu))

    async def _cpu(self) -> float:
        return float(json.loads(await self._ask("/", 1))["cpu"])

    async def _ask(self, path: str, times: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self._token}\r\n\r\n".encode()
        body = b""
        for _ in range(times):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
        writer.close()
        return body


def measure(requests: int) -> tuple[Figures, Figures]:
    """Cached and uncached, against a server of their own."""
    # asyncio sets TCP_NODELAY only where the protocol is named; else a kept-alive answer waits 40 ms for an ACK.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        os.set_inheritable(listener.fileno(), True)
        command = [sys.executable, str(Path(__file__)), "--serve", str(listener.fileno())]
        port = listener.getsockname()[1]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[listener.fileno()]) as server:
            assert server.stdout
            client = Client(port, server.stdout.readline().strip())
            figures = client.run("/cached", requests), client.run("/uncached", requests)
            server.terminate()
            return figures


def main() -> int:
    """Measure and print; 9 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, options.serve))
        return 0
    cached, uncached = measure(options.requests)
    for name, figures in (("cached GET", cached), ("uncached GET, instant function", uncached)):
        print(
            f"{name:32} {figures.per_wall_second:8.0f}/s  {figures.per_cpu_second:8.0f}/s of processor time "
            f"{figures.cpu_ms:6.3f} ms each"
        )
    kept = cached.per_cpu_second >= CACHED_PER_SECOND and uncached.cpu_ms <= OVERHEAD_MS
    return 0 if kept else 9


if __name__ == "__main__":
    sys.exit(main())
