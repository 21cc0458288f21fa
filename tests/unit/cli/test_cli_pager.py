"""The pager: for what is longer than the terminal, and only where somebody can read it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import MILK_ID
from tests.unit.cli.test_cli_rough import Machine, machine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli, FakeTerminal

__all__ = ["machine"]


@pytest.fixture
def read(cli: Cli, terminal: type[FakeTerminal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person at a terminal of three lines; what the pager was given is in this file."""
    cli("list")  # the first fetch
    pager = tmp_path / "pager.sh"
    pager.write_text(f'#!/bin/sh\necho "$LESS $1" > "{tmp_path}/how"\ncat > "{tmp_path}/read"\n')
    pager.chmod(0o700)
    cli.terminal = terminal(there=True)
    for name, value in {"LINES": "3", "COLUMNS": "80", "TODO_PAGER": f"{pager} -x", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    for name in ("PAGER", "LESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True)  # pytest makes another one for the test itself
    return tmp_path / "read"


def test_a_list_that_is_longer_than_the_terminal_goes_through_the_pager(cli: Cli, read: Path) -> None:
    result = cli("list")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert read.read_text("utf-8").count("\n") == 3
    assert "Buy milk" in read.read_text("utf-8")
    assert (read.parent / "how").read_text() == "FRX -x\n"
    assert cli("show", MILK_ID).out == ""
    assert "title         Buy milk\n" in read.read_text("utf-8")


def test_what_fits_is_printed(cli: Cli, read: Path) -> None:
    assert "Buy milk" in cli("list", "--limit", "1").out
    assert not read.exists()


@pytest.mark.parametrize("option", ["--json", "--no-input", "--accessible", "--no-pager"])
def test_it_can_be_left_out(cli: Cli, read: Path, option: str) -> None:
    assert "Buy milk" in cli("list", option).out
    assert not read.exists()


@pytest.mark.parametrize(("name", "value"), [("TODO_PAGER", ""), ("TODO_PAGER", "cat"), ("TERM", "dumb")])
def test_a_variable_can_leave_it_out(
    cli: Cli, read: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAGER", "false")
    assert "Buy milk" in cli("list").out
    assert not read.exists()


def test_off_a_terminal_there_is_none(
    cli: Cli, read: Path, terminal: type[FakeTerminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.terminal = terminal(there=False)
    assert "Buy milk" in cli("list").out
    cli.terminal = terminal(there=True)
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: False)
    assert "Buy milk" in cli("list").out
    assert not read.exists()


def test_the_usual_variable_is_the_next_one(cli: Cli, read: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", os.environ["TODO_PAGER"])
    monkeypatch.delenv("TODO_PAGER")
    assert cli("list").out == ""
    assert read.exists()


def test_a_pager_that_is_closed_early_is_no_failure(cli: Cli, read: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cli.client.replica.transaction():
        for number in range(2000):  # more than a pipe holds
            cli.client.replica.add(f"{number} {'x' * 60}")
    monkeypatch.setenv("TODO_PAGER", "true")
    result = cli("list")
    assert (result.code, result.out) == (0, "")
    assert "Traceback" not in result.err


@pytest.mark.parametrize("pager", ["/no/such/pager", "less '"])
def test_a_pager_that_cannot_be_started_is_told_and_the_list_is_there(
    cli: Cli, read: Path, monkeypatch: pytest.MonkeyPatch, pager: str
) -> None:
    monkeypatch.setenv("TODO_PAGER", pager)
    result = cli("list")
    assert (result.code, "Buy milk" in result.out) == (0, True)
    assert "the pager cannot be started" in result.err
    assert result.err.count("\n") == 1


def test_the_installed_command_pages_at_a_real_terminal(machine: Machine) -> None:
    import pty

    for number in range(5):
        machine("add", f"Number {number}")
    ours, theirs = pty.openpty()
    variables = {"TODO_PAGER": "tail -n 1", "LINES": "4", "TERM": "xterm"}
    try:
        done = machine("list", stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, variables=variables)
        printed = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert printed.count("\n") == 1
