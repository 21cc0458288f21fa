"""Every command has help, examples and a place in docs/cli.md; help is instant."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from todo_cli._errors import ExitCode
from todo_cli._main import COMMANDS
from todo_cli._main import cli as todo
from todo_cli._options import Command, Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Cli

DOCS = Path(__file__).resolve().parents[3] / "docs" / "cli.md"


def walk(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below, with its full name."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield f"{name} {child}".strip(), found
            yield from walk(found, f"{name} {child}".strip())


EVERY = dict(walk(todo))


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_help_examples_and_the_global_options(name: str) -> None:
    command = EVERY[name]
    assert isinstance(command, Command | Group)
    assert command.help
    assert f"todo {name}" in command.examples
    # Both names, as the command gets them from its parent: click keeps the help option that it makes first.
    with click.Context(command, help_option_names=["-h", "--help"]) as context:
        text = command.get_help(context)
    assert "Global options:" in text
    assert "--json" in text


@pytest.mark.parametrize("name", EVERY)
def test_every_command_and_each_of_its_options_stand_in_the_documentation(name: str) -> None:
    text = DOCS.read_text("utf-8")
    section = re.search(rf"^### `todo {re.escape(name)}\b.*?(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    assert section, f"docs/cli.md has no section for todo {name}"
    options = {p.opts[0] for p in EVERY[name].params if isinstance(p, click.Option) and p.expose_value}
    assert not {option for option in options if option not in section[0]}


def test_the_documentation_names_no_command_that_does_not_exist() -> None:
    headed = re.findall(r"^### `todo ([a-z]+(?: [a-z]+)?)", DOCS.read_text("utf-8"), re.MULTILINE)
    assert set(headed) == set(EVERY)


def test_every_exit_code_stands_in_the_documentation() -> None:
    rows = re.findall(r"^\| (\d+) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert [int(row) for row in rows] == [int(code) for code in ExitCode]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_contents_says_what_the_commands_own_help_says(name: str) -> None:
    command = EVERY[name]
    assert command.help
    assert command.help.split("\n\n")[0].replace("\n", " ") == COMMANDS[name].summary


def test_asking_for_help_imports_nothing_of_a_command() -> None:
    heavy = "todo_sdk boto3 botocore requests pycognito rich todo_backend json todo_cli._todos todo_cli._errors"
    code = f"""
import sys
sys.argv = ["todo", "--help"]
import todo_cli
todo_cli.main()
print("LOADED", sorted(set({heavy.split()!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["files", "-h"]])
def test_help_and_version_end_well(cli: Cli, words: list[str]) -> None:
    result = cli(*words)
    assert (result.code, result.err) == (0, "")
    assert "todo" in result.out


@pytest.mark.parametrize("words", [[], ["files"], ["backend"], ["nonsense"], ["files", "nonsense"]])
def test_no_command_and_an_unknown_one_are_usage_errors(cli: Cli, words: list[str]) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err
