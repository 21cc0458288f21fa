"""`kill -9` at any moment: what was acknowledged is there at the next start, and nobody has to sign in again.

TODO_KILL_ROUNDS=50 pytest tests/integration/test_journal_kill.py      (default: 2)
"""

import hashlib
import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import NewUser, RunningStack, confirmed_user
from todo_backend import local
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

ROUNDS = int(os.environ.get("TODO_KILL_ROUNDS", "2"))
IDS = ("UserPoolId", "UserPoolClientId", "IdentityPoolId", "FilesBucket", "TableName")
DEAD_SECONDS = 20.0


@dataclass
class Ledger:
    """What one user was told, and of the one thing that was under way at the kill what it may have become.

    `None` stands for what is not there.
    """

    user: NewUser
    store: MemoryTokenStore = field(default_factory=MemoryTokenStore)
    todos: dict[str, str | None] = field(default_factory=dict)
    files: dict[str, bytes | None] = field(default_factory=dict)
    doubtful: dict[str, str | bytes | None] = field(default_factory=dict)

    def client(self, stack: RunningStack) -> TodoClient:
        return TodoClient(fetch_config(stack.output("ApiUrl")), store=self.store)


def write_todos(ledger: Ledger, client: TodoClient, dice: random.Random) -> None:
    """Adds, edits and removes until the stack is gone."""
    while True:
        title = secrets.token_hex(4)
        known = sorted(todo_id for todo_id, kept in ledger.todos.items() if kept is not None)
        action = dice.choice(("add", "add", "edit", "remove")) if len(known) > 3 else "add"
        ledger.doubtful.clear()
        if action == "add":
            made = client.todos.add(title)
            ledger.todos[made.id] = title
            continue
        todo_id = dice.choice(known)
        ledger.doubtful[todo_id] = title if action == "edit" else None
        if action == "edit":
            client.todos.edit(todo_id, title=title)
            ledger.todos[todo_id] = title
        else:
            client.todos.remove(todo_id)
            ledger.todos[todo_id] = None


def write_files(ledger: Ledger, client: TodoClient, dice: random.Random, folder: Path) -> None:
    """Puts new files, replaces and removes old ones until the stack is gone."""
    while True:
        name = f"file-{dice.randrange(8)}"
        content = secrets.token_bytes(dice.choice((10, 1000, 300_000)))
        ledger.doubtful.clear()
        if ledger.files.get(name) and dice.random() < 0.2:
            ledger.doubtful[name] = None
            client.files.remove(name)
            ledger.files[name] = None
        else:
            (folder / name).write_bytes(content)
            ledger.doubtful[name] = content
            client.files.upload(folder / name, name)
            ledger.files[name] = content


def sign_up(stack: RunningStack, users: list[NewUser]) -> None:
    """Makes confirmed users until the stack is gone."""
    while True:
        users.append(confirmed_user(stack))


def until_gone(errors: list[BaseException], action: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (which one the kill causes is chance)
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def started(data_dir: Path) -> RunningStack:
    return RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)


def kill(data_dir: Path) -> None:
    pid = local.status(data_dir).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + DEAD_SECONDS
    while local.status(data_dir).running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def check_todos(ledger: Ledger, client: TodoClient) -> None:
    found = {todo.id: todo.title for todo in client.todos.list()}
    for todo_id, title in ledger.todos.items():
        allowed = {title, ledger.doubtful.get(todo_id, title)}
        assert found.get(todo_id) in allowed, f"{todo_id}: {found.get(todo_id)} is none of {allowed}"
        ledger.todos[todo_id] = found.get(todo_id)
    extra = found.keys() - ledger.todos.keys()
    assert len(extra) <= 1, "more than the one add that was under way"
    ledger.todos.update({todo_id: found[todo_id] for todo_id in extra})


def check_files(ledger: Ledger, client: TodoClient) -> None:
    listed = {info.key: info.size_bytes for info in client.files.list()}
    for name in sorted({*ledger.files, *ledger.doubtful}):
        kept = ledger.files.get(name)
        allowed = (kept, ledger.doubtful.get(name, kept))
        content = None
        if name in listed:
            content = client.files.read(name)
            assert len(content) == listed[name]
        assert content in allowed, f"{name}: {digest(content)} is none of {[digest(one) for one in allowed]}"
        ledger.files[name] = content


def digest(content: object) -> str:
    return hashlib.sha256(content).hexdigest()[:8] if isinstance(content, bytes) else str(content)


def test_what_was_acknowledged_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    data_dir, folder = tmp_path / "data", tmp_path / "files"
    folder.mkdir()
    seed = int(os.environ.get("TODO_KILL_SEED", secrets.randbelow(10**6)))
    dice = random.Random(seed)
    stack = started(data_dir)
    writers, filer = [Ledger(confirmed_user(stack)) for _ in range(2)], Ledger(confirmed_user(stack))
    for ledger in (*writers, filer):
        ledger.client(stack).auth.sign_in(*ledger.user)
    users: list[NewUser] = []
    try:
        for number in range(ROUNDS):
            told = f"seed {seed}, round {number}"
            errors: list[BaseException] = []
            for ledger in (*writers, filer):
                ledger.doubtful.clear()
            clients = [ledger.client(stack) for ledger in writers]
            threads = [
                until_gone(errors, partial(write_todos, ledger, client, dice))
                for ledger, client in zip(writers, clients, strict=True)
            ]
            threads.append(until_gone(errors, partial(write_files, filer, filer.client(stack), dice, folder)))
            threads.append(until_gone(errors, partial(sign_up, stack, users)))
            time.sleep(dice.uniform(0.1, 2))
            kill(data_dir)
            before, stack = stack, started(data_dir)
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive(), told
            unexpected = [error for error in errors if isinstance(error, AssertionError)]
            assert not unexpected, (told, unexpected)
            assert [stack.output(name) for name in IDS] == [before.output(name) for name in IDS], told
            for ledger in writers:
                check_todos(ledger, ledger.client(stack))  # with the tokens of before the kill
            check_files(filer, filer.client(stack))
            for user in users[-3:]:
                assert TodoClient(fetch_config(stack.output("ApiUrl")), store=MemoryTokenStore()).auth.sign_in(*user)
            writers[0].client(stack).auth.refresh()
        assert any(ledger.todos for ledger in writers)
        assert filer.files
        for user in users:
            login = {"ClientId": stack.output("UserPoolClientId"), "Username": user.email}
            assert stack.cognito("SignUp", **login, Password=user.password).status_code == 400
    finally:
        local.stop(data_dir)


@pytest.mark.parametrize("when", ["at once", "while it is deployed"])
def test_a_first_start_that_is_killed_is_no_hindrance_to_the_next(tmp_path: Path, when: str) -> None:
    """Whatever the first has left behind, the second starts; the third finds what the second has."""
    data_dir = tmp_path / "data"
    if when == "at once":
        stack = started(data_dir)
        kill(data_dir)
        (data_dir / "deployment.json").unlink()  # it comes last; the moment before it was written
    else:
        errors: list[BaseException] = []
        starter = until_gone(errors, partial(started, data_dir))
        deadline = time.monotonic() + DEAD_SECONDS
        while not (data_dir / "s3").exists():  # the deployment has begun
            assert time.monotonic() < deadline
            time.sleep(0.001)
        kill(data_dir)
        starter.join()
        assert [type(error) for error in errors] == [local.StackError]
    stack = started(data_dir)
    kill(data_dir)
    again = started(data_dir)
    assert [again.output(name) for name in IDS] == [stack.output(name) for name in IDS]
    local.stop(data_dir)
