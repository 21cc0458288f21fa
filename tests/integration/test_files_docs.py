"""docs/files.md, the examples in the docstrings of `Files` and examples/photo_backup.py do what they say."""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NewUser
from todo_sdk import TodoClient, write_profile
from todo_sdk._files import Files

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "files.md").read_text("utf-8"), re.DOTALL)


@pytest.fixture
def here(stack: Any, new_user: Callable[[], NewUser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own in which somebody is signed in at the stack; the current folder."""
    monkeypatch.setenv("TODO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TODO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TODO_PROFILE", raising=False)
    monkeypatch.delenv("TODO_API_URL", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_profile("local", {"api_url": stack.outputs["ApiUrl"]})
    with TodoClient.from_profile() as client:
        client.auth.sign_in(*new_user())
    return tmp_path / "here"


def test_the_examples_of_the_guide_run_in_their_order(here: Path) -> None:
    assert len(BLOCKS) >= 9
    names: dict[str, Any] = {"print": lambda *_: None}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"docs/files.md, example {number + 1}", "exec"), names)
    assert (here / "back.mp4").read_bytes() == (here / "video.mp4").read_bytes()
    assert (here / "restored" / "2026" / "dog.jpg").read_bytes() == b"dog"


def test_the_examples_in_the_docstrings_run_in_their_order(here: Path) -> None:
    (here / "pictures").mkdir()
    (here / "pictures" / "cat.jpg").write_bytes(b"cat")
    (here / "form.pdf").write_bytes(b"pdf")
    methods = [method for name, method in vars(Files).items() if not name.startswith("_")]
    assert [method.__name__ for method in methods if ">>>" not in (method.__doc__ or "")] == []
    with TodoClient.from_profile() as client:
        names: dict[str, Any] = {"client": client}
        for method in methods:
            test = doctest.DocTestParser().get_doctest(method.__doc__ or "", names, method.__name__, None, None)
            said: list[str] = []
            failed, _ = doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
            assert not failed, "".join(said)
            names = test.globs


def photo_backup(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-W", "error", str(ROOT / "examples" / "photo_backup.py"), *arguments]
    return subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)


def test_the_photo_backup_says_does_and_does_nothing_twice(here: Path) -> None:
    (here / "in" / "2026").mkdir(parents=True)
    (here / "in" / "2026" / "cat.jpg").write_bytes(b"cat")
    (here / "in" / "film.mp4").write_bytes(os.urandom(6 << 20))
    dry = photo_backup("in", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.splitlines()[0] == "2 to send (6,291,459 bytes), 0 there already"
    wet = photo_backup("in")
    assert (wet.returncode, wet.stderr) == (0, "")
    assert wet.stdout.splitlines()[-1] == "sent 2"
    again = photo_backup("in")
    assert again.stdout.splitlines() == ["0 to send (0 bytes), 2 there already", "sent 0"]
    with TodoClient.from_profile() as client:
        assert [file.key for file in client.files.list()] == ["pictures/2026/cat.jpg", "pictures/film.mp4"]


def test_the_photo_backup_goes_on_with_a_film_that_was_broken_off(here: Path) -> None:
    (here / "in").mkdir()
    (here / "in" / "film.mp4").write_bytes(os.urandom(16 << 20))

    def stop(sent: int, total: int | None) -> None:
        raise InterruptedError

    with TodoClient.from_profile() as client, pytest.raises(InterruptedError):
        client.files.upload("in/film.mp4", "pictures/film.mp4", progress=stop, if_absent=True)
    done = photo_backup("in")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("going on with pictures/film.mp4, begun ")
    with TodoClient.from_profile() as client:
        assert client.files.unfinished() == ()


def test_the_photo_backup_says_in_a_sentence_what_is_wrong(here: Path) -> None:
    done = photo_backup("nowhere")
    assert done.returncode == 1
    assert done.stderr == f"photo_backup: there is no folder {here / 'nowhere'}\n"
