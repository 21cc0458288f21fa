"""Account commands: where the password comes from, and what a sign-in may still want."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from todo_sdk import Challenge

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli, FakeTerminal

NEW_PASSWORD = Challenge(name="NEW_PASSWORD_REQUIRED", email="ada@example.com", username="u", session="s")
CODE = Challenge(name="SOFTWARE_TOKEN_MFA", email="ada@example.com", username="u", session="s")


def test_a_password_is_read_from_the_first_line_of_stdin(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal(stdin="pass word \r\nsecond\n")
    assert cli("login", "ada@example.com", "--password-stdin").code == 0
    assert cli.client.auth.passwords == ["pass word "]
    assert cli.terminal.asked == []


def test_a_password_is_asked_for_hidden_and_at_sign_up_twice(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal("one", "two", there=True)
    assert cli("signup", "ada@example.com").code == 0
    assert cli("login", "ada@example.com").code == 0
    assert cli.terminal.asked == ["Password (hidden, twice)", "Password (hidden)"]
    assert cli.client.auth.passwords == ["one", "two"]


@pytest.mark.parametrize("command", ["signup", "login"])
@pytest.mark.parametrize(("there", "words"), [(False, []), (True, ["--no-input"]), (False, ["--password-stdin"])])
def test_without_a_password_and_nobody_to_ask_it_is_a_usage_error(
    cli: Cli, terminal: type[FakeTerminal], command: str, there: bool, words: list[str]
) -> None:
    cli.terminal = terminal(there=there)
    result = cli(command, "ada@example.com", *words)
    assert result.code == 2
    assert "password" in result.err
    assert cli.client.auth.passwords == []


@pytest.mark.parametrize("words", [["--password", "x"], ["x"]])
def test_a_password_is_never_an_argument(cli: Cli, words: list[str]) -> None:
    assert cli("login", "ada@example.com", *words).code == 2


def test_a_sign_in_that_wants_a_new_password_and_a_code_asks_for_both(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal("old", "new", "123456", there=True)
    cli.client.auth.challenges = [NEW_PASSWORD, CODE]
    assert cli("login", "ada@example.com").code == 0
    assert cli.client.auth.answers == ["new", "123456"]
    assert cli.terminal.asked[1] == "New password (hidden, twice)"


def test_a_script_is_told_that_more_is_wanted(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal(stdin="old\n")
    cli.client.auth.challenges = [CODE]
    result = cli("login", "ada@example.com", "--password-stdin", "--json")
    assert (result.code, result.error["code"]) == (4, "challenge_required")


def test_a_pool_that_asks_in_circles_is_left(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal(*["x"] * 9, there=True)
    cli.client.auth.challenges = [CODE] * 9
    assert cli("login", "ada@example.com").code == 4


@pytest.mark.parametrize("words", [[], ["123456", "--resend"]])
def test_confirm_wants_a_code_or_a_new_one(cli: Cli, words: list[str]) -> None:
    assert cli("confirm", "ada@example.com", *words).code == 2


def test_whoami_without_a_session_is_refused(cli: Cli) -> None:
    assert cli("whoami").out == "ada@example.com\n"
    assert cli("logout").code == 0
    result = cli("whoami")
    assert (result.code, result.err) == (4, "todo: not signed in; run `todo login`\n")


@pytest.mark.parametrize("words", [["--profile", "work", "whoami"], ["whoami", "--profile", "work"]])
def test_a_global_option_may_stand_before_and_after_the_command(cli: Cli, words: list[str]) -> None:
    assert cli(*words).code == 0
    assert cli.client.profile == "work"


def test_the_option_next_to_the_command_wins(cli: Cli) -> None:
    assert cli("--profile", "one", "whoami", "--profile", "two").code == 0
    assert cli.client.profile == "two"


@pytest.mark.parametrize("words", [["--json", "files", "ls"], ["files", "--json", "ls"], ["files", "ls", "--json"]])
def test_global_options_may_stand_at_every_level(cli: Cli, words: list[str]) -> None:
    assert cli(*words).json["files"][0]["key"] == "notes/a.txt"
