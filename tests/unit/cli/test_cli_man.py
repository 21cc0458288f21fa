"""The manual pages say what the commands say, and roff reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from todo_cli._main import COMMANDS
from todo_cli._man import main, pages

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "man"


def test_the_pages_are_those_of_the_commands() -> None:
    written = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.1")}
    assert written == pages(), "a command has changed: `make man` writes the pages anew"


def test_every_command_has_a_page_and_stands_on_the_first_one() -> None:
    made = pages()
    assert set(made) == {"todo.1"} | {f"todo-{name}.1" for name in COMMANDS}
    assert all(f"todo\\-{name}(1)" in made["todo.1"] for name in COMMANDS)


def test_a_page_whose_command_is_gone_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "todo-gone.1").write_text("old")
    main(tmp_path)
    assert not (tmp_path / "todo-gone.1").exists()
    assert (tmp_path / "todo-add.1").exists()


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_roff_reads_every_page_without_a_warning() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-z", *map(str, sorted(FOLDER.glob("*.1")))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_what_roff_would_take_as_a_command_is_text() -> None:
    assert ".nf\ntodo add Buy milk" in pages()["todo-add.1"]
    assert not [line for line in pages()["todo-add.1"].splitlines() if line.startswith("'")]
