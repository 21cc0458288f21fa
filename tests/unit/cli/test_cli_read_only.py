"""--read-only: what changes something is refused before anything happens; a new command is, until it says it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from tests.unit.cli.conftest import MILK_ID
from tests.unit.cli.test_cli_help import EVERY
from tests.unit.cli.test_cli_output import PROFILE, PretendingStack
from todo_cli._options import Command
from todo_sdk import write_profile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli

LEAVES = {name: command for name, command in EVERY.items() if isinstance(command, Command)}
READING = {
    *("list", "show", "search", "tags", "lists", "stats", "conflicts", "export", "whoami", "status", "doctor", "help"),
    *("filter ls", "profile list", "device list", "mfa status", "files ls", "files get", "completion show"),
    *("outputs", "inbox", "logs", "backend synth", "backend diff", "backend outputs"),
}
READING_SOMETIMES = {"configure", "offline", "import", "files put", "files rm", "files sync"}


def words_for(command: click.Command) -> list[str]:
    """As many words as the command wants."""
    wanted = [p for p in command.params if isinstance(p, click.Argument) and p.required]
    return [p.type.choices[0] if isinstance(p.type, click.Choice) else "1" for p in wanted]


def test_the_commands_that_only_read_are_these() -> None:
    assert {name for name, command in LEAVES.items() if command.reads is True} == READING
    assert {name for name, command in LEAVES.items() if callable(command.reads)} == READING_SOMETIMES


@pytest.mark.parametrize("name", sorted(set(LEAVES) - READING))
def test_every_other_command_is_refused_before_anything_happens(
    cli: Cli, own_folders: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "BASH_COMPLETION_USER_DIR"):
        monkeypatch.setenv(variable, str(own_folders / "home"))
    monkeypatch.setenv("SHELL", "/bin/bash")
    write_profile("local", PROFILE)
    before = {path: path.read_bytes() for path in own_folders.rglob("*") if path.is_file()}
    cli.failure = AssertionError("a client was made")
    switch = ["on"] if name == "offline" else []
    result = cli(*name.split(), *words_for(LEAVES[name]), *switch, "--read-only")
    assert (result.code, result.out) == (4, "")
    assert result.err == f"todo: `todo {name}` changes something, which --read-only forbids\n"
    assert {path: path.read_bytes() for path in own_folders.rglob("*") if path.is_file()} == before
    assert (cli.world.asked, cli.terminal.asked) == ([], [])


@pytest.mark.parametrize("set_to", ["1", "yes", "true"])
def test_a_variable_says_it_for_a_whole_session(cli: Cli, monkeypatch: pytest.MonkeyPatch, set_to: str) -> None:
    monkeypatch.setenv("TODO_READ_ONLY", set_to)
    result = cli("add", "Milk", "--json")
    assert (result.code, result.error["code"]) == (4, "read_only")
    assert "TODO_READ_ONLY forbids" in result.error["message"]
    for off in ("0", "", "off", "no", "false"):
        monkeypatch.setenv("TODO_READ_ONLY", off)
        assert cli("add", "Milk").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", MILK_ID],
        ["export"],
        ["whoami"],
        ["files", "ls"],
        ["files", "get", "notes/a.txt", "a.txt"],
        ["files", "put", "todo.txt", "--dry-run"],
        ["files", "rm", "notes/a.txt", "--dry-run"],
        ["files", "sync", ".", "--dry-run"],
        ["import", "todo.txt", "--dry-run"],
        ["offline"],
        ["configure", "--show"],
        ["completion", "show", "bash"],
        ["inbox"],
        ["edit", "--help"],
    ],
)
def test_what_reads_goes_on(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "todo.txt").write_text("Buy milk\n")
    write_profile("local", PROFILE)
    cli.stack = PretendingStack()
    live = cli.world.live()
    assert cli("--read-only", *words).code == 0
    assert cli.world.live() == live
    assert cli.client.files.kept == {"notes/a.txt": b"hello"}


def test_reading_fetches_and_sends_nothing_that_waits(cli: Cli) -> None:
    cli("list")
    cli.other.replica.add("From elsewhere")
    cli.other.replica.sync()
    cli.later(minutes=1)
    cli("list", "--read-only")
    assert "From elsewhere" in cli("list", "--read-only").out
    cli.offline()
    cli("edit", MILK_ID, "--title", "Buy oat milk")
    cli.online()
    asked = len(cli.world.asked)
    assert "Buy oat milk" in cli("list", "--read-only").out
    assert (len(cli.world.asked), cli.served("Buy milk")["title"]) == (asked, "Buy milk")
    cli("list")
    assert cli.served("Buy oat milk")
