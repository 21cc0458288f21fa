"""The sessions in the pages about the command, run word for word.

Every `$` line of a `console` block in docs/cli/*.md, and of docs/cli.md between its session marks, is run in order
and prints what the page shows. A page begins with an empty list, on Monday 2026-11-23 at 12:00; each command takes a
second. `$ cat FILE` shows a file that the session wrote, or makes the one that it shows; a comment `network: down` or
`up` before a block turns the network.

`TODO_UPDATE_DOCS=1 pytest tests/unit/cli/test_cli_docs.py` writes what is printed into the pages.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.test_cli_output import NEW_ID

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = [DOCS / "cli.md", *sorted((DOCS / "cli").glob("*.md"))]
BEGIN, END = "<!-- session -->", "<!-- /session -->"
PART = re.compile(r"<!-- network: (up|down) -->|```console\n(.*?)```", re.DOTALL)


def session(text: str) -> str:
    """The part of a page that is run: what stands between the marks, or all of it."""
    return text[text.index(BEGIN) : text.index(END)] if BEGIN in text else text


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what is shown under it."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    assert parts[0] == "", f"a block begins with a command: {parts[0]!r}"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def printed(cli: Cli, command: str, shown: str) -> str:
    """What a command prints, stdout before stderr."""
    words = shlex.split(command, comments=False)
    if words[0] == "cat":
        file = Path(words[1])
        if not file.exists():
            file.write_text(shown, encoding="utf-8")
        return NEW_ID.sub("019ab000-0000-7000-8000-000000000000", file.read_text("utf-8"))
    assert words[0] == "todo", command
    result = cli(*words[1:])
    cli.later(seconds=1)  # what was made earlier sorts earlier
    return NEW_ID.sub("019ab000-0000-7000-8000-000000000000", result.out + result.err)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_the_commands_print(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for todo_id in list(cli.world.live()):
        cli.world.service.delete(todo_id)
    cli.client.replica.sync()
    text = page.read_text("utf-8")
    rewritten, count = text, 0
    for part in PART.finditer(session(text)):
        if part[1]:
            (cli.offline if part[1] == "down" else cli.online)()
            continue
        made = ""
        for command, shown in steps(part[2]):
            out = printed(cli, command, shown)
            made += f"$ {command}\n{out}"
            count += 1
            assert os.environ.get("TODO_UPDATE_DOCS") or out == shown, f"{page.name}: $ {command}"
        rewritten = rewritten.replace(part[0], f"```console\n{made}```", 1)
    assert count >= 3
    if rewritten != text:
        page.write_text(rewritten, "utf-8")
