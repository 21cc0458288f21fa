"""docs/sdk.md and examples/quickstart.py do what they say, against the embedded stack."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from todo_backend import local
from todo_sdk import write_profile

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sdk.md").read_text("utf-8"), re.DOTALL)


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
