"""Clients that behave badly on their connection, before an app that behaves well."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from todo_backend.local.asgi import Answer, Receive, Scope, Send, respond
from todo_backend.local.connection import HEAD_SECONDS, IDLE_SECONDS, MAX_HEAD_BYTES, Connection

PATIENCE_SECONDS = 30


class Brief(Connection):
    """Hangs up soon after it has refused somebody."""

    linger_seconds = 0.2


class Hasty(Brief):
    """Waits for nobody longer than a moment."""

    head_seconds = 0.8
    idle_seconds = 0.8


class Echo:
    """Answers with the body; `/early` before the body is there, `/slow` after a moment."""

    def __init__(self) -> None:
        self.cut_short: list[bool] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/early":
            await respond(send, Answer(403, [(b"content-length", b"5")], b"early"))
            return
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut_short.append(True)
                return
            if not message.get("more_body"):
                break
        if scope["path"] == "/slow":
            await asyncio.sleep(0.2)
        await respond(send, Answer(200, [(b"content-length", b"4")], b"done"))


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@contextmanager
def served(echo: Echo, connection: type[Connection]) -> Iterator[int]:
    """The port of a server of our own."""
    listener = socket.create_server(("127.0.0.1", 0))
    quiet: dict[str, Any] = {"log_level": "critical", "access_log": False}
    server = uvicorn.Server(uvicorn.Config(echo, http=connection, ws="none", lifespan="off", **quiet))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def port(echo: Echo) -> Iterator[int]:
    with served(echo, Brief) as found:
        yield found


@pytest.fixture(scope="module")
def hasty(echo: Echo) -> Iterator[int]:
    with served(echo, Hasty) as found:
        yield found


def open_line(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)


def heard(line: socket.socket) -> bytes:
    """Everything until the server hangs up."""
    found = b""
    try:
        while piece := line.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def flood(line: socket.socket, piece: bytes) -> None:
    """Send for as long as the server lets us."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        line.sendall(piece)


def heard_until(line: socket.socket, wanted: bytes) -> bytes:
    """What comes up to these bytes; less when the server hangs up before."""
    found = b""
    while wanted not in found and (piece := line.recv(65536)):
        found += piece
    return found


def is_well(port: int) -> bool:
    with open_line(port) as line:
        line.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        return heard(line).endswith(b"done")


def test_a_client_that_says_nothing_is_not_waited_for(hasty: int) -> None:
    with open_line(hasty) as line:
        assert heard(line).startswith(b"HTTP/1.1 408 ")


def test_a_head_that_trickles_is_given_up_however_steadily_it_comes(hasty: int) -> None:
    with open_line(hasty) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        line.settimeout(0.05)
        deadline, found = time.monotonic() + PATIENCE_SECONDS, b""
        while not found and time.monotonic() < deadline:
            line.sendall(b"X-A: b\r\n")
            try:
                found = line.recv(4096)
            except TimeoutError:
                continue
        assert found.startswith(b"HTTP/1.1 408 ")
    assert is_well(hasty)


def test_a_body_that_stops_coming_is_given_up_and_the_app_told(hasty: int, echo: Echo) -> None:
    before = len(echo.cut_short)
    with open_line(hasty) as line:
        line.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        assert heard(line).startswith(b"HTTP/1.1 408 ")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(echo.cut_short) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("newline", [b"", b"\r\n"])
def test_a_head_without_an_end_is_refused_while_the_client_still_sends(port: int, newline: bytes) -> None:
    with open_line(port) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            flood(line, b"X-A: " + b"a" * 4096 + newline)
    assert is_well(port)


def test_an_oversized_head_is_told_so(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * (2 * MAX_HEAD_BYTES))
        assert heard(line).startswith(b"HTTP/1.1 431 ")


def test_a_header_of_100_kilobytes_reaches_the_app(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\nAuthorization: " + b"a" * 100_000 + b"\r\n\r\n")
        assert heard(line).endswith(b"done")


def test_a_half_closed_connection_gets_its_answer(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"POST /slow HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
        line.shutdown(socket.SHUT_WR)
        found = heard(line)
        assert found.startswith(b"HTTP/1.1 200 ")
        assert found.endswith(b"done")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_connection_that_is_half_closed_within_a_request_ends(port: int, sent: bytes) -> None:
    with open_line(port) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        assert heard(line) == b""
    assert is_well(port)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\xfe" * 20,
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so(port: int, sent: bytes) -> None:
    with open_line(port) as line:
        line.sendall(sent)
        assert heard(line).startswith(b"HTTP/1.1 400 ")
    assert is_well(port)


def test_an_early_answer_to_an_announced_body_closes_the_connection(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"PUT /early HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        found = heard(line)
        assert found.startswith(b"HTTP/1.1 403 ")
        assert b"connection: close" in found


def test_an_early_answer_to_a_body_that_comes_anyway_spoils_nothing(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"PUT /early HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
        assert heard_until(line, b"\r\n\r\nearly")
        line.sendall(b"12345GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert heard(line).endswith(b"done")


class Hand:
    """The part of an event loop that keeps time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.due: list[tuple[float, asyncio.TimerHandle]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)

    def time(self) -> float:
        return self.seconds

    def call_later(self, delay: float, callback: Any, *arguments: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(self.seconds + delay, callback, arguments, asyncio.get_running_loop())
        self.due.append((self.seconds + delay, handle))
        return handle

    async def move(self, seconds: float) -> None:
        """Let time pass, and everything happen that then is due."""
        self.seconds += seconds
        for moment, handle in list(self.due):
            if moment <= self.seconds:
                self.due.remove((moment, handle))
                if not handle.cancelled():
                    handle._run()
        for _ in range(5):
            await asyncio.sleep(0)


class Line(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def by_hand(echo: Echo) -> tuple[Hand, Line, Connection]:
    """A connection with the real bounds on a clock of the test's."""
    config = uvicorn.Config(echo, http=Connection, ws="none", lifespan="off", log_config=None)
    hand, line = Hand(), Line()
    connection = Connection(config, ServerState(), {}, _loop=hand)  # type: ignore[arg-type]
    connection.connection_made(line)
    return hand, line, connection


def test_a_body_that_comes_slowly_but_steadily_is_taken(echo: Echo) -> None:
    async def scenario() -> bytes:
        hand, line, connection = by_hand(echo)
        connection.data_received(b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):
            await hand.move(IDLE_SECONDS - 1)
            connection.data_received(b"x")
        await hand.move(0)
        return line.written

    assert asyncio.run(scenario()).endswith(b"done")


def test_a_body_that_rests_too_long_is_not(echo: Echo) -> None:
    async def scenario() -> bytes:
        hand, line, connection = by_hand(echo)
        connection.data_received(b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n")
        for _ in range(20):
            await hand.move(IDLE_SECONDS / 10)
        connection.data_received(b"x" * 12)
        return line.written

    written = asyncio.run(scenario())
    assert written.startswith(b"HTTP/1.1 408 ")
    assert b"done" not in written


def test_a_kept_connection_may_rest_longer_than_a_head_may_take(echo: Echo) -> None:
    async def scenario() -> bytes:
        hand, line, connection = by_hand(echo)
        for _ in range(2):
            connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
            for _ in range(10):
                await hand.move(HEAD_SECONDS / 5)
        return line.written

    assert asyncio.run(scenario()).count(b"HTTP/1.1 200 ") == 2
