"""`todo add` and `todo done` killed at random moments: what was acknowledged is there, once, here and on the service.

TODO_KILL_ROUNDS=100 pytest tests/integration/test_cli_killed.py      the long run
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import NewUser, RunningStack

ROUNDS = int(os.environ.get("TODO_KILL_ROUNDS", "6"))
TODO = str(Path(sys.executable).with_name("todo"))


@dataclass
class Device:
    """A machine of the user's, with the command on it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_"))}
        own = {name: str(self.folder / name.lower()) for name in ("TODO_CONFIG_DIR", "TODO_DATA_DIR", "HOME")}
        self.environment = kept | own

    def ok(self, *words: str, stdin: str = "") -> Any:
        """Run `todo … --json`, which must end well."""
        done = subprocess.run(
            [TODO, *words, "--json"], env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def sign_in(self, api_url: str, user: NewUser) -> None:
        """Sign in on this machine."""
        self.ok("configure", "--api-url", api_url)
        self.ok("login", user.email, "--password-stdin", stdin=user.password)

    def killed(self, *words: str, after_seconds: float, by: int) -> str:
        """Run `todo` and end it after a while; what it had printed by then."""
        process = subprocess.Popen(
            [TODO, *words], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(after_seconds)
        process.send_signal(by)
        out, err = process.communicate(timeout=60)
        # Before and after our own code runs, Python tells of a Ctrl-C in its own way.
        if "Traceback" not in err or "todo_cli/" in err or "todo_sdk/" in err:
            assert process.returncode in (0, 130, -by), (process.returncode, err)
            assert "Traceback" not in err
        return out

    def usual_seconds(self) -> float:
        """How long a command takes here and now."""
        begin = time.perf_counter()
        self.ok("add", "measured")
        return time.perf_counter() - begin


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT], ids=lambda each: signal.Signals(each).name)
def test_what_was_acknowledged_is_there_once_whenever_the_command_was_killed(
    stack: RunningStack, new_user: Callable[[], NewUser], tmp_path: Path, by: int
) -> None:
    user, phone, other = new_user(), Device(tmp_path / "phone"), Device(tmp_path / "other")
    for device in (phone, other):
        device.folder.mkdir()
        device.sign_in(stack.output("ApiUrl"), user)
    chance = random.Random(int.from_bytes(os.urandom(4), "big"))
    longest = phone.usual_seconds() * 1.1
    acknowledged: list[str] = []
    finished: list[str] = []
    for number in range(ROUNDS):
        title = f"killed-{number}"
        if "added" in phone.killed("add", title, after_seconds=chance.uniform(0.0, longest), by=by):
            acknowledged.append(title)
            todo = next(todo for todo in phone.ok("list", f"text:{title}")["todos"] if todo["title"] == title)
            if "done" in phone.killed("done", todo["id"], after_seconds=chance.uniform(0.0, longest), by=by):
                finished.append(title)
    phone.ok("sync")
    other.ok("sync")
    here, there = (device.ok("list", "--all")["todos"] for device in (phone, other))
    times = Counter(todo["title"] for todo in here)
    assert not {title: times[title] for title in acknowledged if times[title] != 1}
    assert max(times.values()) == 1
    assert not [todo["title"] for todo in here if todo["title"] in finished and todo["status"] != "done"]
    assert sorted(here, key=str) == sorted(there, key=str)
    sys.stdout.write(f"{ROUNDS} rounds, {len(acknowledged)} added, {len(finished)} finished\n")
