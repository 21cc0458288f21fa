"""Phones that are killed at any moment, on any network, lose nothing that was acknowledged and repeat nothing.

`TODO_KILL_ROUNDS=300 pytest tests/unit/offline/test_offline_killed.py` is the long run; `TODO_KILL_SEED` another one.
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.offline.conftest import START_OF_TIME, event_from
from tests.unit.offline.phone_process import client_of
from tests.unit.sdk.conftest import jwt
from tests.unit.service.conftest import Service
from todo_sdk import TodoClient

ROUNDS = int(os.environ.get("TODO_KILL_ROUNDS", "12"))
SEED = int(os.environ.get("TODO_KILL_SEED", "1"))
FAULTS = 0.2
ROOT = Path(__file__).parents[3]


class Line:
    """The network between the phones and the service: up, down or flapping, and a service that fails at times."""

    def __init__(self) -> None:
        self.service = Service()
        self.random = random.Random(SEED)
        self.network = "up"
        self.faults = FAULTS
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def answer(self, event: dict[str, Any]) -> tuple[int, bytes] | None:
        """Answer a request, or hang up (None), before it arrived or after."""
        with self._lock:
            fate = self._fate()
            self.counts[fate] += 1
            if fate == "down":
                return None
            if fate in ("500", "503", "429"):
                return int(fate), json.dumps({"code": "internal", "message": "on purpose"}).encode()
            reply = self.service.send(event)
            self.service.later(milliseconds=1)
            if fate == "lost":
                return None
            return (503, b"{}") if fate == "done and 503" else (reply.status, reply.text.encode())

    def _fate(self) -> str:
        if self.network == "down" or (self.network == "flapping" and self.random.random() < 0.5):
            return self.random.choice(("down", "lost")) if self.network == "flapping" else "down"
        if self.random.random() < self.faults:
            return self.random.choice(("500", "503", "429", "done and 503", "lost"))
        return "served"


@pytest.fixture
def line() -> Iterator[tuple[Line, str]]:
    """The service behind its network, on a port of its own."""
    made = Line()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = made.answer(event_from(self.command, self.path, dict(self.headers), body))
            if answer is not None:
                self.send_response_only(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer[1])
            self.close_connection = True

        do_GET = do_POST = answer  # noqa: N815, the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the library's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A phone that was killed does not listen."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made, f"http://127.0.0.1:{server.server_address[1]}/v"
        server.shutdown()
        thread.join()


def test_a_phone_that_is_killed_loses_nothing_and_repeats_nothing(line: tuple[Line, str], tmp_path: Path) -> None:
    network, api_url = line
    folders = [tmp_path / "anna", tmp_path / "bert"]
    for folder in folders:
        folder.mkdir()
        client_of(folder, api_url, session_of_user()).close()
    ends = kill_phones(network, folders, api_url)
    assert not [end for end in ends if end.startswith("ended") and end != "ended 0"]

    network.network, network.faults = "up", 0.0
    clients = [client_of(folder, api_url) for folder in folders]
    try:
        settle(clients)
        check(network, clients, [entry for folder in folders for entry in log_of(folder)])
    finally:
        for client in clients:
            client.close()
    print(f"{len(ends)} phones: {dict(Counter(ends))}; requests: {dict(network.counts)}")  # seen with -s


def kill_phones(network: Line, folders: list[Path], api_url: str) -> list[str]:
    """Let phones live and die for ROUNDS rounds; at times two processes are one phone at once."""
    chance = random.Random(SEED)
    ends: list[str] = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "backend")))}
    command = [sys.executable, "-W", "error", "-m", "tests.unit.offline.phone_process"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(ROUNDS):
            network.network = chance.choice(("up", "up", "down", "flapping"))
            folder = chance.choice(folders)
            lines = [
                {
                    "folder": str(folder),
                    "api_url": api_url,
                    "seed": SEED * 1_000_000 + number * 10 + each,
                    "operations": 30,
                    "begins": chance.randint(1, 12),
                    "then_seconds": chance.uniform(0, 0.03),
                }
                for each in range(chance.choice((1, 1, 2)))
            ]
            process.stdin.write(json.dumps(lines) + "\n")
            process.stdin.flush()
            ends += json.loads(process.stdout.readline())
        process.stdin.close()
    return ends


def settle(clients: list[TodoClient]) -> None:
    """Sync each phone until there is nothing left, with a network that works."""
    for _ in range(3):
        for client in clients:
            report = client.replica.sync()
            assert report.complete, report
            assert report.refused == ()


def check(network: Line, clients: list[TodoClient], log: list[dict[str, Any]]) -> None:
    """Replicas and service are equal; all that was acknowledged is there, once."""
    items = network.service.table("alice").now.items
    served = {key: item for key, item in items.items() if not item["deleted"]}
    for client in clients:
        assert client.replica.queued() == ()
        held = {todo.id: todo for todo in client.replica.list()}
        assert held.keys() == served.keys()
        for todo_id, todo in held.items():
            assert (todo.version, todo.notes, todo.status) == (
                served[todo_id]["version"], served[todo_id]["notes"], served[todo_id]["status"]
            )  # fmt: skip
            assert set(todo.tags) == set(served[todo_id]["tags"])
    by_title = Counter(item["title"] for item in served.values() if item["list"] != "series")
    assert not [title for title, count in by_title.items() if count > 1], "duplicated"
    open_ones = Counter(
        item["title"] for item in served.values() if item["list"] == "series" and item["status"] == "open"
    )
    assert not [title for title, count in open_ones.items() if count > 1], "a series that goes on twice"
    for entry in log:
        item = served.get(entry["id"])
        assert item is not None, f"lost: {entry}"
        assert said_in(entry, item), f"lost: {entry}"
    counted = Counter(token for item in served.values() for token in item["notes"].split() if item["list"] != "series")
    assert not [token for token, count in counted.items() if count > 1], "an edit that happened twice"


def said_in(entry: dict[str, Any], item: dict[str, Any]) -> bool:
    """Whether a to-do shows what was acknowledged."""
    if entry["did"] == "edit":
        return entry["token"] in item["notes"].split()
    if entry["did"] == "tag":
        return entry["token"] in item["tags"]
    return entry["did"] != "done" or bool(item["status"] == "done")


def log_of(folder: Path) -> list[dict[str, Any]]:
    """What a phone wrote down."""
    path = folder / "log.jsonl"
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def session_of_user() -> dict[str, Any]:
    """A session that needs no renewal."""
    token = jwt(sub="alice", email="a@example.com", iat=START_OF_TIME, exp=4e9)
    return {
        "user_id": "alice",
        "email": "a@example.com",
        "id_token": token,
        "access_token": "a",
        "refresh_token": "r",
        "expires_at_seconds": 4e9,
    }
