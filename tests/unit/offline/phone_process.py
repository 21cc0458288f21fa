"""Phones that are killed: a process that forks one for each line on its stdin, and kills it when its time is over.

Each line is a list of phones that live at the same time; the answer is a list of how they ended. A phone appends to
`log.jsonl` in its folder what was acknowledged. Not a test; `test_offline_killed` runs it.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from todo_sdk import Config, FileTokenStore, TodoClient, TodoError
from todo_sdk._state import State

OPERATIONS = ("add", "add", "add recurring", "edit", "edit", "tag", "done", "undo-redo", "sync", "sync")


def config_of(folder: Path, api_url: str) -> Config:
    """Settings of the service in the test's process."""
    return Config(api_url, "x", "x", "x", "x", "x", data_dir=folder, session_name="phone")


def client_of(folder: Path, api_url: str, session: dict[str, Any] | None = None) -> TodoClient:
    """A phone's client; with a session it is signed in first."""
    config = config_of(folder, api_url)
    store = FileTokenStore(config.session_path)
    if session is not None:
        store.save(State(config.user_pool_id, config.user_pool_client_id, **session).to_mapping())
    client = TodoClient(config, store=store)
    client._http._retries._sleep = lambda seconds: time.sleep(seconds / 50)  # the pauses are not what is tested
    return client


class Life:
    """What one phone does until it is killed."""

    def __init__(self, folder: Path, api_url: str, seed: int, pulse: int) -> None:
        self.pulse = pulse
        self.random = random.Random(seed)
        self.name = f"{folder.name}-{seed}"
        self.log = os.open(folder / "log.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.replica = client_of(folder, api_url).replica
        self.mine = folder.name

    def say(self, **facts: Any) -> None:
        """One write of one line: whole or not there."""
        os.write(self.log, json.dumps(facts).encode() + b"\n")

    def run(self, operations: int) -> None:
        """Do things in a random order."""
        for number in range(operations):
            os.write(self.pulse, b".")
            getattr(self, self.random.choice(OPERATIONS).replace(" ", "_").replace("-", "_"))(f"{self.name}-{number}")

    def add(self, token: str) -> None:
        """A to-do whose title nobody else uses."""
        todo = self.replica.add(token)
        self.say(did="add", title=token, id=todo.id)

    def add_recurring(self, token: str) -> None:
        """A to-do that comes again."""
        todo = self.replica.add(token, due="2026-12-01", recurrence="FREQ=DAILY", list="series")
        self.say(did="add", title=token, id=todo.id)

    def edit(self, token: str) -> None:
        """One more word in the notes of a to-do of this phone's own."""
        own = [todo for todo in self.replica.list() if todo.title.startswith(self.mine)]
        todo = self.random.choice(own) if own else None
        if todo is not None:
            with self.replica.transaction():
                notes = self.replica.get(todo.id).notes
                self.replica.edit(todo.id, notes=f"{notes} {token}".strip())
            self.say(did="edit", id=todo.id, token=token)

    def tag(self, token: str) -> None:
        """One more tag for any to-do, another phone's too."""
        todo = self.some()
        if todo is not None and len(todo.tags) < 8:
            with self.replica.transaction():
                tags = self.replica.get(todo.id).tags
                self.replica.edit(todo.id, tags=[*tags, token])
            self.say(did="tag", id=todo.id, token=token)

    def done(self, token: str) -> None:
        """Complete a to-do."""
        todo = self.some(status="open")
        if todo is not None:
            completed = self.replica.done(todo.id)
            self.say(did="done", id=todo.id, next=completed.next and completed.next.id)

    def undo_redo(self, token: str) -> None:
        """Remove a to-do of its own and bring it back: nothing must be lost by that."""
        todo = self.replica.add(token)
        self.say(did="add", title=token, id=todo.id)
        with self.replica.transaction():
            self.replica.edit(todo.id, priority=1)
            self.replica.undo()

    def sync(self, token: str) -> None:
        """Whatever the network is like."""
        self.replica.sync()

    def some(self, **filters: Any) -> Any:
        """Any to-do that fits."""
        found = self.replica.list(**filters)
        return self.random.choice(found) if found else None


def live(line: dict[str, Any], pulse: int) -> None:
    """The life of one phone; ends the process."""
    try:
        Life(Path(line["folder"]), line["api_url"], line["seed"], pulse).run(line["operations"])
    except TodoError as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(3)
    os._exit(0)


def born(line: dict[str, Any]) -> tuple[int, int]:
    """Fork a phone; gives its process and the pipe that beats once for each thing that it begins."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        live(line, write)
    os.close(write)
    return child, read


def killed(child: int, pulse: int, line: dict[str, Any]) -> str:
    """Kill a phone a moment after it has begun so many things: however slow the machine, it did something."""
    for _ in range(line["begins"]):
        if not os.read(pulse, 1):
            break
    time.sleep(line["then_seconds"])
    os.kill(child, signal.SIGKILL)  # still ours until it is waited for
    status = os.waitpid(child, 0)[1]
    os.close(pulse)
    return "dead" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}"


def main() -> None:
    """Fork and kill, as told."""
    import sqlite3  # noqa: F401, loaded once and not by each phone

    import requests  # noqa: F401

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for text in sys.stdin:
        lines = json.loads(text)
        phones = [born(line) for line in lines]
        print(json.dumps([killed(*phone, line) for phone, line in zip(phones, lines, strict=True)]), flush=True)


if __name__ == "__main__":
    main()
