"""Files against the embedded stack: real processes that are killed, real URLs, real to-dos.

`TODO_KILL_ROUNDS=20` kills that many uploads and downloads at random places instead of one each.
"""

import io
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection, create_server, socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import NewUser
from todo_sdk import Config, ConflictError, FileTokenStore, NotFoundError, TodoClient, TransportError, fetch_config

SIZE = 64 * 1024 * 1024
ROUNDS = int(os.environ.get("TODO_KILL_ROUNDS", "1"))

# What is killed: it tells each step of its transfer, and dies when it is told to.
WORKER = """
import json, os, signal, sys
from pathlib import Path
from todo_sdk import Config, FileTokenStore, TodoClient

order = json.loads(sys.argv[1])
config = Config(**{**order["config"], "data_dir": Path(order["config"]["data_dir"])})

def progress(done, total):
    if done >= order["die_at"] * total:
        os.kill(os.getpid(), signal.SIGKILL)

client = TodoClient(config, store=FileTokenStore(order["session"]))
if order["way"] == "up":
    result = client.files.upload(order["local"], order["key"], progress=progress)
    print(result.sent_bytes, result.kept_bytes)
else:
    result = client.files.download(order["key"], order["local"], progress=progress)
    print(result.received_bytes, result.kept_bytes)
"""


class Counter:
    """A proxy on loopback that counts the bytes of both directions on their way to the stack."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.up = self.down = 0
        self._listener = create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = create_connection(self._target)
            threading.Thread(target=self._carry, args=(near, far, "up"), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, "down"), daemon=True).start()

    def _carry(self, source: socket, target: socket, way: str) -> None:
        with source:
            try:
                while content := source.recv(65536):
                    setattr(self, way, getattr(self, way) + len(content))
                    target.sendall(content)
                target.shutdown(1)
            except OSError:
                target.close()


@contextmanager
def counting(endpoint_url: str) -> Iterator[Counter]:
    parts = urlsplit(endpoint_url)
    counter = Counter(str(parts.hostname), int(parts.port or 80))
    try:
        yield counter
    finally:
        counter.close()


@pytest.fixture
def config(stack: Any, tmp_path: Path) -> Config:
    """The stack's settings, with a data folder of the test's own."""
    return replace(fetch_config(stack.outputs["ApiUrl"]), data_dir=tmp_path / "data")


@pytest.fixture
def client(config: Config, new_user: Callable[[], NewUser], tmp_path: Path) -> Iterator[TodoClient]:
    """Somebody who is signed in, and whose session is in a file."""
    with TodoClient(config, store=FileTokenStore(tmp_path / "session.json")) as made:
        made.auth.sign_in(*new_user())
        made.auth.identity_id()
        yield made


@pytest.fixture(scope="session")
def sixty_four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 MiB that do not compress."""
    path = tmp_path_factory.mktemp("large") / "video.mp4"
    path.write_bytes(os.urandom(SIZE))
    return path


def run(client: TodoClient, way: str, key: str, local: Path, die_at: float, tmp_path: Path, url: str) -> Any:
    """Transfer in a process of its own; gives the two figures that it prints, or None when it was killed."""
    names = ("api_url", "region", "user_pool_id", "user_pool_client_id", "identity_pool_id", "files_bucket")
    settings = {name: getattr(client.config, name) for name in names}
    settings |= {"endpoint_url": url, "data_dir": str(client.config.data_dir)}
    order: dict[str, Any] = {"config": settings, "session": str(tmp_path / "session.json"), "way": way, "key": key}
    order |= {"local": str(local), "die_at": die_at}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, json.dumps(order)], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode == -9:
        return None
    assert done.returncode == 0, done.stderr
    return [int(figure) for figure in done.stdout.split()]


def places() -> list[float]:
    chance = random.Random(7)
    return [0.6, *(chance.uniform(0.02, 1.0) for _ in range(ROUNDS - 1))]


def test_an_upload_that_was_killed_goes_on_and_sends_little_again(
    client: TodoClient, sixty_four: Path, tmp_path: Path
) -> None:
    for number, place in enumerate(places()):
        key = f"videos/{number}.mp4"
        with counting(str(client.config.endpoint_url)) as counter:
            assert run(client, "up", key, sixty_four, place, tmp_path, counter.url) is None
        assert [upload.key for upload in client.files.unfinished()] == [key]
        assert not client.files.exists(key)
        with counting(str(client.config.endpoint_url)) as counter:
            sent, kept = run(client, "up", key, sixty_four, 2.0, tmp_path, counter.url)
            assert sent + kept == SIZE
            assert counter.up <= (1 - place + 0.05) * SIZE  # what came over the line, headers and all
        assert client.files.unfinished() == ()
        back = client.files.download(key, tmp_path / "back")
        assert back.verified
        assert (tmp_path / "back").read_bytes() == sixty_four.read_bytes()


def test_a_download_that_was_killed_goes_on_and_gets_little_again(
    client: TodoClient, sixty_four: Path, tmp_path: Path
) -> None:
    client.files.upload(sixty_four, "video.mp4")
    for number, place in enumerate(places()):
        target = tmp_path / f"here-{number}" / "video.mp4"
        target.parent.mkdir()
        with counting(str(client.config.endpoint_url)) as counter:
            assert run(client, "down", "video.mp4", target, place, tmp_path, counter.url) is None
        assert not target.exists()
        with counting(str(client.config.endpoint_url)) as counter:
            received, kept = run(client, "down", "video.mp4", target, 2.0, tmp_path, counter.url)
            assert received + kept == SIZE
            assert counter.down <= (1 - place + 0.05) * SIZE
        assert target.read_bytes() == sixty_four.read_bytes()
        assert list(target.parent.iterdir()) == [target]


def test_what_a_shared_url_opens_is_one_file_for_a_while(client: TodoClient) -> None:
    client.files.upload(b"for you", "notes/ü.txt")
    client.files.upload(b"not for you", "notes/v.txt")
    share = client.files.share("notes/ü.txt", timedelta(minutes=5))
    assert requests.get(share.url, timeout=20).content == b"for you"
    assert requests.get(share.url.replace("%C3%BC", "v"), timeout=20).status_code == 403
    assert requests.put(share.url, b"changed", timeout=20).status_code == 403
    assert timedelta(minutes=4) < share.expires_at - datetime.now(UTC) <= timedelta(minutes=5)
    client.files.remove("notes/ü.txt")
    assert (
        requests.get(share.url, timeout=20).status_code == 403
    )  # S3-03: who may not list is not told that nothing is there


def test_attachments_belong_to_their_todo(client: TodoClient, tmp_path: Path) -> None:
    (tmp_path / "form.pdf").write_bytes(b"v1")
    todo = client.todos.add("Renew the passport", attachments=["elsewhere.txt"])
    client.files.upload(b"x", "elsewhere.txt")
    key = f"attachments/{todo.id}/form.pdf"
    assert client.files.attach(todo.id, tmp_path / "form.pdf").attachments == ("elsewhere.txt", key)
    (tmp_path / "form.pdf").write_bytes(b"version 2")
    again = client.files.attach(todo.id, tmp_path / "form.pdf")
    assert again.attachments == ("elsewhere.txt", key)
    assert [file.size_bytes for file in client.files.attachments(again)] == [1, 9]
    assert client.files.detach(todo.id, "form.pdf").attachments == ("elsewhere.txt",)
    assert not client.files.exists(key)
    assert client.files.detach(todo.id, "elsewhere.txt").attachments == ()
    assert client.files.exists("elsewhere.txt")  # it does not lie in the to-do's folder
    assert client.files.detach(todo.id, "nothing.txt").attachments == ()
    with pytest.raises(NotFoundError):
        client.files.attach("01941f29-7c00-7000-8000-0123456789ab", tmp_path / "form.pdf")
    assert [file.key for file in client.files.list("attachments/")] == []


def test_conditions_copies_and_removals_hold_in_the_stack(client: TodoClient, sixty_four: Path) -> None:
    first = client.files.upload(b"one", "a", if_absent=True)
    for source in (b"two", sixty_four.read_bytes()[: 6 << 20]):
        for wrong in ({"if_absent": True}, {"if_match": "0" * 32}):
            with pytest.raises(ConflictError):
                client.files.upload(source, "a", **wrong)
    second = client.files.upload(b"two", "a", if_match=first.etag)
    assert client.files.read("a") == b"two"
    assert client.files.copy("a", "b ü").etag == second.etag
    assert client.files.move("b ü", "c").etag == second.etag
    assert [file.key for file in client.files.list()] == ["a", "c"]
    assert client.files.remove_many(["a", "c", "none"]).removed == ("a", "c", "none")
    assert list(client.files.list()) == []


def test_a_folder_goes_there_and_back(client: TodoClient, tmp_path: Path) -> None:
    for name in ("1.jpg", "x/ü.jpg", "x/y/3.jpg"):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_text(name)
    assert client.files.sync(tmp_path / "from", "pictures", "up").ok
    (tmp_path / "to").mkdir()
    result = client.files.sync(tmp_path / "to", "pictures", "down")
    assert (result.ok, len(result.done)) == (True, 3)
    assert client.files.plan_sync(tmp_path / "to", "pictures", "up").unchanged == 3
    (tmp_path / "to" / "1.jpg").unlink()
    assert [action.kind for action in client.files.sync(tmp_path / "to", "pictures", "up", delete=True).done] == [
        "remove_remote"
    ]
    assert [folder.name for folder in client.files.tree("pictures").folders] == ["x"]


def test_without_a_network_an_upload_says_so_and_can_be_gone_on_with(client: TodoClient, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(os.urandom(11 << 20))
    with counting(str(client.config.endpoint_url)) as counter:
        config = replace(client.config, endpoint_url=counter.url)
        with TodoClient(config, store=FileTokenStore(tmp_path / "session.json")) as phone:
            phone.files.exists("warm")
            with pytest.raises(InterruptedError):
                phone.files.upload(tmp_path / "f", "f", progress=_interrupt)
    assert client.files.upload(tmp_path / "f", "f").kept_bytes >= 5 << 20
    with TodoClient(config, store=FileTokenStore(tmp_path / "session.json")) as phone, pytest.raises(TransportError):
        phone.files.download("f", io.BytesIO())


def _interrupt(sent: int, total: int | None) -> None:
    raise InterruptedError
