"""docs/sdk.md, docs/offline.md and the examples do what they say, against the embedded stack."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from todo_backend import local
from todo_sdk import TodoClient, write_profile

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    """The examples of a page of the documentation."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)


BLOCKS = blocks("sdk.md")


@pytest.fixture
def profile(stack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own in which the stack is the default profile, as `todo up` leaves it; the current folder."""
    monkeypatch.setenv("TODO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TODO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TODO_PROFILE", raising=False)
    monkeypatch.delenv("TODO_API_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    write_profile("local", {"api_url": stack.outputs["ApiUrl"]})
    return tmp_path


def test_the_documentation_has_examples() -> None:
    assert len(BLOCKS) >= 6


def test_the_examples_of_the_documentation_run_in_their_order(stack: Any, profile: Path) -> None:
    def answered(prompt: str) -> str:
        assert "Code" in prompt
        return str(stack.newest_code("me@example.com"))

    names: dict[str, Any] = {"input": answered, "print": lambda *_: None}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"docs/sdk.md, example {number + 1}", "exec"), names)
    names["client"].close()
    assert (profile / "copy.txt").read_text() == (profile / "shopping.txt").read_text()


def test_the_quickstart_runs(stack: Any, profile: Path) -> None:
    email = f"quick-{os.urandom(4).hex()}@example.com"
    program = [sys.executable, "-W", "error", str(ROOT / "examples" / "quickstart.py"), email]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(program, text=True, cwd=profile, **pipes) as running:
        deadline = time.monotonic() + 30
        while not any(mail.to == email for mail in local.inbox(stack.data_dir)):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        out, err = running.communicate(stack.newest_code(email) + "\n", timeout=30)
    assert running.returncode == 0, err
    assert "signed in as" in out
    assert "Buy milk" in out
    assert "hello.txt" in out
    assert err == ""


@pytest.fixture
def signed_in(profile: Path, new_user: Any) -> Path:
    """The same home, with somebody signed in as `todo login` leaves it."""
    user = new_user()
    with TodoClient.from_profile() as client:
        client.auth.sign_in(user.email, user.password)
    return profile


def test_the_examples_of_the_offline_page_run_in_their_order(signed_in: Path) -> None:
    names: dict[str, Any] = {"print": lambda *_: None}
    page = blocks("offline.md")
    assert len(page) >= 6
    for number, block in enumerate(page):
        # somebody is signed in already
        text = re.sub(r"client\.auth\.sign_in\(.*\)", "client.auth.user()", block)
        exec(compile(text, f"docs/offline.md, example {number + 1}", "exec"), names)


def run_example(name: str, folder: Path, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / name)]
    everything = {**os.environ, **environment}
    return subprocess.run(command, input=stdin, text=True, capture_output=True, cwd=folder, env=everything, timeout=60)


def test_the_offline_worker_and_the_report_run(signed_in: Path) -> None:
    taken = run_example("offline_worker.py", signed_in, "Buy milk\n\nBuy bread\n")
    assert (taken.returncode, taken.stderr) == (0, "")
    assert "kept 1 Buy milk" in taken.stdout
    assert taken.stdout.endswith("all is at the service\n")
    with TodoClient.from_profile() as client:
        assert {todo.title for todo in client.todos.list()} == {"Buy milk", "Buy bread"}
        client.replica.done(client.replica.find("1")[0].id)
        client.replica.add("Call", due="2020-01-01", tags=["phone"])
    told = run_example("report.py", signed_in)
    assert (told.returncode, told.stderr) == (0, "")
    for words in ("2 open, 1 done", "# 1", "overdue since 2020-01-01: Call", "   1 phone", "waiting for 0 days"):
        assert words in told.stdout


def test_the_examples_say_plainly_that_nobody_is_signed_in(profile: Path) -> None:
    for name in ("offline_worker.py", "report.py"):
        refused = run_example(name, profile)
        assert refused.returncode == 1
        assert "not signed in; run `todo login`" in refused.stderr
        assert "Traceback" not in refused.stderr
