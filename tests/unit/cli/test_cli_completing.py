"""What TAB offers, asked as the shells ask: by variables, one line for each word that is offered."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.conftest import BANK_ID, MILK_ID, NOW
from tests.unit.cli.test_cli_output import PROFILE
from todo_cli import _completing
from todo_sdk import FileInfo, write_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Cli

    Tab = Callable[..., list[str]]


@pytest.fixture
def tab(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """Press TAB behind words, on a machine with a profile and the to-dos of one sync."""
    write_profile("local", PROFILE)
    cli("list")

    def press(words: str, *, shell: str = "bash") -> list[str]:
        with monkeypatch.context() as patched:
            patched.setenv("_TODO_COMPLETE", f"{shell}_complete")
            patched.setenv("COMP_WORDS", words)
            patched.setenv("COMP_CWORD", str(len(words.split()) - (not words.endswith(" "))) if shell != "fish" else "")
            result = cli()
        assert (result.code, result.err) == (0, "")
        lines = list(filter(None, result.out.splitlines()))
        return [line.partition(",")[2] for line in lines] if shell != "zsh" else lines

    return press


@pytest.mark.parametrize("command", ["show", "edit", "done", "rm", "attach", "conflicts", "sync --discard"])
def test_ids_are_offered_from_this_machine_alone(cli: Cli, tab: Tab, command: str) -> None:
    asked = len(cli.world.asked)
    cli.offline()
    assert {"1", "2"} <= set(tab(f"todo {command} "))
    assert tab(f"todo {command} 2") == ["2"]
    assert len(cli.world.asked) == asked


def test_titles_are_told_in_one_line_where_a_shell_shows_them(cli: Cli, tab: Tab) -> None:
    cli("edit", "2", "--title", "Call\n\x1b[31mthe bank\t: now")
    lines = tab("todo done ", shell="zsh")
    assert lines[lines.index("2") + 1].startswith("Call [31mthe bank ")
    assert lines[lines.index("1") + 1] == "Buy milk"
    assert "\x1b" not in "".join(lines)


def test_a_whole_id_is_offered_once_it_is_begun(tab: Tab) -> None:
    assert set(tab("todo show 0193")) == {MILK_ID, BANK_ID}
    assert tab(f"todo show {MILK_ID[:-2]}") == [MILK_ID]


def test_done_ones_are_not_offered(cli: Cli, tab: Tab) -> None:
    cli("done", "2")
    assert tab("todo done 2") == []


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("todo list +", ["+food", "+shop"]),
        ("todo done +f", ["+food"]),
        ("todo list --tag ", ["food", "shop"]),
        ("todo add Milk --list h", ["home"]),
        ("todo list list:", ["list:home"]),
        ("todo export @", ["@week"]),
        ("todo filter rm ", ["week"]),
        ("todo list --profile ", ["local"]),
        ("todo profile use l", ["local"]),
        ("todo --network 2", ["2g"]),
        ("todo files get n", ["notes/a.txt"]),
        ("todo files share ", ["notes/a.txt"]),
        ("todo device forget 0000", ["00001111", "00002222"]),
        ("todo help fil", ["filter", "files"]),
        ("todo help files p", ["put"]),
        ("todo help e", ["edit", "export", "exit-codes", "environment"]),
        ("todo files put a", ["a"]),
        ("todo attach 1 f", ["f"]),
    ],
)
def test_words_are_offered_by_what_they_may_become(cli: Cli, tab: Tab, words: str, offered: list[str]) -> None:
    cli("filter", "save", "week", "+food")
    assert tab(words) == offered


def test_attachments_are_offered_by_name(cli: Cli, tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "form.pdf").write_bytes(b"%PDF")
    cli("attach", "1", str(tmp_path / "form.pdf"))
    assert tab("todo attach 1 --remove ") == ["form.pdf"]
    assert tab("todo attach 2 --remove ") == []


def test_bash_gets_what_it_would_not_take_as_it_stands_escaped(cli: Cli, tab: Tab) -> None:
    cli.client.files.kept = {"my notes/a $1.txt": b"", "new\nline": b""}
    assert tab("todo files get ") == [r"my\\ notes/a\\ \\$1.txt"]
    assert "my notes/a $1.txt" in tab("todo files get ", shell="zsh")


def test_files_that_are_not_told_in_time_are_not_waited_for(
    cli: Cli, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()

    def slow(prefix: str) -> Iterator[Any]:
        answer.wait(10)
        return iter([FileInfo(key="late.txt", size_bytes=1, modified_at=NOW, etag="e")])

    monkeypatch.setattr(_completing, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(cli.client.files, "list", slow)
    assert tab("todo files get ") == []
    answer.set()


def test_a_line_with_v_starts_no_log(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("todo_sdk"), "level", logging.NOTSET)
    assert tab("todo -v done 2") == ["2"]
    assert logging.getLogger("todo_sdk").level == logging.NOTSET


@pytest.mark.parametrize(
    "words", ["todo show ", "todo list +", "todo files get ", "todo device forget ", "todo -v rm "]
)
@pytest.mark.parametrize("trouble", ["signed out", "no client", "broken settings", "no address", "nothing configured"])
def test_whatever_is_wrong_nothing_is_offered_and_nothing_printed(
    cli: Cli, tab: Tab, own_folders: Path, words: str, trouble: str
) -> None:
    if trouble == "signed out":
        cli.client.auth.signed_in = False
        del cli.client.files, cli.client.auth.devices
    elif trouble == "no client":
        cli.failure = RuntimeError("on purpose")
    elif trouble == "broken settings":
        (own_folders / "config" / "cli.toml").write_text("[")
        (own_folders / "config" / "config.toml").write_text("[")
    elif trouble == "no address":
        write_profile("local", {"api_url": "https://example.com"})
    else:
        (own_folders / "config" / "config.toml").unlink()
    assert tab(words) == []


def test_the_installed_command_answers_without_the_sdks_heavy_parts(tmp_path: Path) -> None:
    own = {"TODO_CONFIG_DIR": str(tmp_path), "TODO_DATA_DIR": str(tmp_path)}
    asking = {"_TODO_COMPLETE": "bash_complete", "COMP_WORDS": "todo show ", "COMP_CWORD": "2"}
    code = """
import sys
import todo_cli
try:
    todo_cli.main()
finally:
    print("LOADED", sorted({"boto3", "requests", "rich", "pycognito"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | own | asking, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\nLOADED []\n", "")
