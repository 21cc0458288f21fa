"""Every command line of the cheat sheet and of the README's tables is one that the command takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from todo_cli._main import cli

ROOT = Path(__file__).resolve().parents[3]
LINES = sorted(
    {
        line
        for page in ("docs/cheat-sheet.md", "docs/smoke.md", "docs/offline.md", "README.md")
        for line in re.findall(r"`todo ([^`]+)`", (ROOT / page).read_text("utf-8"))
    }
)


@pytest.mark.parametrize("line", LINES)
def test_the_command_takes_the_line(line: str) -> None:
    words = shlex.split(line)
    if words == ["…"] or "…" in words:
        pytest.skip("not a whole line")
    command: click.Command = cli
    context = click.Context(cli, info_name="todo")
    words = [word for word in words if word not in ("-v",)]
    while isinstance(command, click.Group) and words:
        if words[0] == "--network":
            words = words[2:]
            continue
        found = command.get_command(context, words[0])
        assert found is not None, f"todo {line}: there is no {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    if "--" in words:
        words = words[: words.index("--")]
    known = {option for param in command.params for option in param.opts}
    assert not {word.partition("=")[0] for word in words if word.startswith("-")} - known
