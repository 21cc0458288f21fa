"""Help pages, completion, and words that were nearly right."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import todo_cli
import todo_sdk
from todo_cli._errors import MEANINGS, ExitCode
from todo_cli._help import ENVIRONMENT, PAGES

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[3]


def test_the_help_of_a_command_is_what_the_command_says_itself(cli: Cli) -> None:
    assert cli("help", "files", "put").out == cli("files", "put", "--help").out
    assert cli("help").out == cli("--help").out


def test_the_page_of_exit_codes_has_every_one(cli: Cli) -> None:
    assert list(MEANINGS) == list(ExitCode)
    result = cli("help", "exit-codes", "--json")
    assert result.json["exit_codes"]["9"] == "A check or a threshold failed."
    assert [line.split()[0] for line in cli("help", "exit-codes").out.splitlines()] == [str(int(c)) for c in ExitCode]


def test_the_page_of_the_environment_has_every_variable_that_is_read(cli: Cli) -> None:
    sources = [
        *Path(todo_cli.__file__).parent.rglob("*.py"),
        *Path(todo_sdk.__file__).parent.rglob("*.py"),
        *(ROOT / "backend" / "todo_backend" / "local").rglob("*.py"),
    ]
    read = {name for path in sources for name in re.findall(r"[\"'](TODO_[A-Z_]+)[\"']", path.read_text("utf-8"))}
    assert read == {name for name in ENVIRONMENT if name.startswith("TODO_")}
    assert set(cli("help", "environment", "--json").json["environment"]) == set(ENVIRONMENT)


@pytest.mark.parametrize("words", [["nonsense"], ["files", "nonsense"], ["add", "nonsense"]])
def test_help_for_nothing_names_the_pages(cli: Cli, words: list[str]) -> None:
    result = cli("help", *words)
    assert (result.code, result.out) == (2, "")
    assert f"there is no command '{' '.join(words)}'" in result.err
    assert all(page in result.err for page in PAGES)


@pytest.mark.parametrize(("word", "meant"), [("lsit", "list"), ("ad", "add"), ("logni", "login")])
def test_a_word_that_is_nearly_a_command_is_told_which(cli: Cli, word: str, meant: str) -> None:
    result = cli(word)
    assert result.code == 2
    assert f"did you mean {meant}" in result.err
    assert "did you mean" not in cli("qqqqqqq").err


def completed(words: str, index: int) -> list[str]:
    """What bash would be offered for the word at that place."""
    import os

    asking = {"_TODO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(index)}
    command = [sys.executable, "-m", "todo_cli"]
    done = subprocess.run(command, env=os.environ | asking, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_tab_completes_commands_and_options() -> None:
    assert completed("todo fil", 1) == ["filter", "files"]
    assert set(completed("todo files ", 2)) >= {"ls", "put", "get", "rm"}
    assert "--latency-budget" in completed("todo smoke --", 2)


@pytest.mark.parametrize(
    ("shell", "file", "mark"),
    [
        ("bash", "data/bash-completion/completions/todo", "complete -o nosort -F"),
        ("zsh", "data/zsh/site-functions/_todo", "#compdef todo"),
        ("fish", "config/fish/completions/todo.fish", "complete --no-files --command todo"),
    ],
)
def test_the_script_is_put_where_the_shell_looks(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, file: str, mark: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BASH_COMPLETION_USER_DIR", raising=False)
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    for _ in range(2):
        assert cli("completion", "install", "--json").json["file"] == str(tmp_path / file)
    script = (tmp_path / file).read_text("utf-8")
    assert mark in script
    assert "_TODO_COMPLETE" in script
    assert cli("completion", "show", shell).out == script.rstrip("\n") + "\n"
    assert [path.name for path in (tmp_path / file).parent.iterdir()] == [Path(file).name]


def test_an_unknown_shell_is_a_usage_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    result = cli("completion", "install")
    assert result.code == 2
    assert "name the shell: bash, zsh, fish (sh is in $SHELL)" in result.err
