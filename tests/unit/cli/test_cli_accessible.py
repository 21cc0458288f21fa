"""--accessible: what is printed can be read aloud, and means the same without eyes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import MILK_ID
from tests.unit.cli.test_cli_output import PROFILE, PretendingStack
from todo_sdk import write_profile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli, FakeTerminal


def test_a_to_do_is_a_line_in_which_every_value_has_its_name(cli: Cli) -> None:
    cli("done", "2")
    cli("edit", "1", "--due", "2026-11-20")
    assert cli("list", "--all", "--accessible").out.splitlines() == [
        "to-do: 1; title: Buy milk; state: open; due: 2026-11-20 overdue; priority: 2; list: home; tags: food, shop",
        "to-do: 2; title: Call the bank; state: done; priority: 2",
    ]


def test_a_variable_says_it_for_every_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TODO_ACCESSIBLE", "1")
    assert cli("search", "milk").out.startswith("to-do: 1; title: Buy milk; ")
    assert cli("tags").out == "tag: food; open: 1\ntag: shop; open: 1\n"
    shown = cli("show", MILK_ID).out
    assert "title: Buy milk\n" in shown
    assert "attachments: none\n" in shown
    assert cli("list", "--json").json["todos"]


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--all"],
        ["show", MILK_ID],
        ["stats"],
        ["lists"],
        ["conflicts"],
        ["profile", "list"],
        ["device", "list"],
        ["files", "ls"],
        ["configure", "--show"],
        ["status"],
        ["outputs"],
        ["inbox"],
    ],
)
def test_nothing_is_laid_out_for_eyes(cli: Cli, words: list[str]) -> None:
    write_profile("local", PROFILE)
    cli.stack = PretendingStack()
    cli("done", MILK_ID)
    result = cli(*words, "--accessible")
    assert result.code == 0
    assert "\x1b" not in result.out
    for line in result.out.splitlines():
        if not line.startswith("  "):  # an indented line is a sentence below its heading
            assert "  " not in line, line
        assert not {"*", "-", "x"} & set(line.replace(";", " ").split()), line


def test_marks_are_words(cli: Cli) -> None:
    added = cli("add", "Pay rent tomorrow 5pm #home !1 every month", "--accessible").out
    assert added.splitlines()[1] == "  due Tue 24 Nov 17:00; every month; tag home; priority 1"
    write_profile("local", PROFILE)
    assert cli("profile", "list", "--accessible").out.startswith("default; profile: local; signed in: ada@example.com")
    assert "name: laptop; last used (utc): 2026-11-23 12:00; this one" in cli("device", "list", "--accessible").out


def test_the_secret_stands_for_the_qr_code(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal("123456", there=True)
    result = cli("mfa", "on", "--accessible")
    assert (result.code, result.out) == (0, "on: each sign-in wants a code of the app\n")
    assert result.err == "type this secret into your authenticator app: JBSW Y3DP EHPK 3PXP\n"


def test_a_transfer_tells_quarters_in_lines_of_their_own(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(100))
    upload = cli.client.files.upload

    def in_steps(local: Path, remote: str, *, progress: object, if_absent: bool) -> object:
        assert callable(progress)
        for gone in range(0, 101, 10):
            progress(gone, 100)
        return upload(local, remote)

    monkeypatch.setattr(cli.client.files, "upload", in_steps)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    result = cli("files", "put", str(tmp_path / "a.bin"), "--accessible")
    assert result.err.splitlines() == [f"a.bin: {part} percent of 100 bytes" for part in (25, 50, 75, 100)]
    assert not {"\r", "\x1b"} & set(result.out + result.err)
