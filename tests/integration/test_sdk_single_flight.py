"""8 threads in each of 4 processes on one store with an expired token make one renewal, whoever is first."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sdk.conftest import config_for, jwt
from todo_sdk import Config, FileTokenStore, TodoClient, fetch_config
from todo_sdk._state import State

PROCESSES = 4
PROGRAM = Path(__file__).with_name("renewing_process.py")
SETTINGS = (
    "api_url",
    "region",
    "user_pool_id",
    "user_pool_client_id",
    "identity_pool_id",
    "files_bucket",
    "endpoint_url",
)


def tokens_of_all(config: Config, store: Path, folder: Path) -> list[str]:
    """Start the processes, let them go at once, and give each token that each thread got."""
    (folder / "config.json").write_text(json.dumps({name: getattr(config, name) for name in SETTINGS}))
    command = [sys.executable, "-W", "error", str(PROGRAM), str(folder / "config.json"), str(store)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    try:
        for each in running:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in running:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        return [token for each in running for token in json.loads(each.communicate(timeout=120)[0])]
    finally:
        for each in running:
            each.kill()
            each.communicate()


def expired(store: FileTokenStore) -> None:
    """Let the stored session's tokens be two hours old, as far as the SDK can know."""
    kept = dict(store.load() or {})
    store.save({**kept, "expires_at_seconds": kept["expires_at_seconds"] - 7200})


class Rotating:
    """A Cognito that counts renewals, takes its time, and takes each refresh token once."""

    def __init__(self) -> None:
        self.good = "refresh-0"
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def answer(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.asked.append(request["RefreshToken"])
            if request["RefreshToken"] != self.good:
                return 400, {"__type": "RefreshTokenReuseException", "message": "invalidated by rotation"}
            self.good = f"refresh-{len(self.asked)}"
            result = {"IdToken": token(len(self.asked)), "AccessToken": "access", "RefreshToken": self.good}
        time.sleep(0.2)  # not for the test to pass, but for it to fail: the others would ask meanwhile
        return 200, {"AuthenticationResult": result}


def token(number: int) -> str:
    now = time.time()
    return jwt(sub="user-1", email="me@example.com", iat=now, exp=now + 3600, jti=number)


@pytest.fixture
def rotating() -> Iterator[tuple[Rotating, str]]:
    cognito = Rotating()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = cognito.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = json.dumps(body).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield cognito, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_threads_and_processes_with_one_store_renew_once_also_where_refresh_tokens_rotate(
    rotating: tuple[Rotating, str], tmp_path: Path
) -> None:
    cognito, url = rotating
    config = config_for(tmp_path, endpoint_url=url)
    store = FileTokenStore(tmp_path / "session.json")
    pools: dict[str, Any] = {"user_pool_id": config.user_pool_id, "user_pool_client_id": config.user_pool_client_id}
    secrets: dict[str, Any] = {"id_token": token(0), "access_token": "a", "refresh_token": "refresh-0"}
    store.save(State(**pools, **secrets, user_id="user-1", email="me@example.com", expires_at_seconds=1.0).to_mapping())

    tokens = tokens_of_all(config, store.path, tmp_path)

    assert cognito.asked == ["refresh-0"]
    assert len(tokens) == 8 * PROCESSES
    assert len(set(tokens)) == 1
    assert (store.load() or {})["refresh_token"] == "refresh-1"


def test_threads_and_processes_renew_once_at_the_embedded_stack(stack: Any, new_user: Any, tmp_path: Path) -> None:
    config = fetch_config(stack.outputs["ApiUrl"])
    store = FileTokenStore(tmp_path / "session.json")
    with TodoClient(config, store=store) as client:
        client.auth.sign_in(*new_user())
    before = dict(store.load() or {})
    expired(store)
    tokens = tokens_of_all(config, store.path, tmp_path)
    assert len(set(tokens)) == 1  # two renewals would have given two tokens
    assert set(tokens) == {(store.load() or {})["id_token"]} != {before["id_token"]}
