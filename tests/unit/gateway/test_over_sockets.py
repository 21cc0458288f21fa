"""The gateway behind uvicorn and httptools, and clients that behave badly on their connection."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tests.unit.gateway.world import API, World

STAGE = f"/_aws/execute-api/{API}/v1"


@pytest.fixture
def port(world: World) -> Iterator[int]:
    """The port of a server of our own with `/open` and `/secret` behind it."""
    world.method("/open", "ANY")
    world.secured("/secret", "POST")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    quiet: dict[str, Any] = {"log_level": "critical", "access_log": False, "date_header": False, "server_header": False}
    config = uvicorn.Config(world.gateway, http="httptools", ws="none", lifespan="off", **quiet)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def talk(port: int, *parts: bytes, half_close: bool = False, patience_seconds: float = 0.3) -> bytes:
    """Everything that comes back until the server closes, or until nothing more comes for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for part in parts:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(patience_seconds)
        return b"".join(_received(connection))


def _received(connection: socket.socket) -> Iterator[bytes]:
    try:
        while found := connection.recv(65536):
            yield found
    except (TimeoutError, ConnectionError):
        return


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """A request as bytes."""
    return (
        "\r\n".join([f"{method} {STAGE}{path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode("latin-1") + body
    )


GOOD = request("GET", "/open", "Connection: close")


def is_served(port: int) -> bool:
    """Whether a caller with nothing wrong is served."""
    return talk(port, GOOD, patience_seconds=10).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"GET\r\n\r\n",
        request("GET", "/open", "no colon here"),
        request("POST", "/open", "Content-Length: many", body=b"x"),
        request("GET", "/open", "A: b\x00c"),
        request("POST", "/open", "Transfer-Encoding: chunked", body=b"zz\r\nx\r\n"),
        request("POST", "/secret", "Content-Length: 10485761", body=b"x" * 1000),
        request("GET", "/" + "x" * 11_000),
        request("GET", "/open", "Authorization: " + "x" * 100_000),
        request("GET", "/%ff%fe/%00/%2e%2e"),
    ],
)
def test_a_broken_request_is_refused_and_the_next_caller_served(port: int, sent: bytes) -> None:
    answer = talk(port, sent)
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert b"Traceback" not in answer
    assert is_served(port)


def test_a_half_closed_or_interrupted_connection_harms_nobody(port: int) -> None:
    talk(port, request("POST", "/open", "Content-Length: 100", body=b"half"), half_close=True)
    talk(port, request("POST", "/open", "Content-Length: 100", body=b"half"))
    talk(port, GOOD[:20], half_close=True)
    assert is_served(port)


def test_a_refused_body_does_not_become_the_next_request_of_its_connection(port: int) -> None:
    smuggled = request("GET", "/open")
    body = smuggled + b"x" * 200_000
    answer = talk(port, request("POST", "/secret", f"Content-Length: {len(body)}", body=body), GOOD)
    statuses = [line[9:12] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses in ([b"401", b"200"], [b"401"])


def test_head_answers_have_no_body_and_two_requests_in_one_segment_two_answers(port: int, world: World) -> None:
    world.answers(lambda event: {"statusCode": 200, "body": "abc"})
    assert talk(port, request("HEAD", "/open", "Connection: close"), patience_seconds=10).endswith(b"\r\n\r\n")
    assert talk(port, request("GET", "/open") + GOOD, patience_seconds=10).count(b"HTTP/1.1 200 ") == 2
