"""Passwords, second factor, devices, profiles, and a sign-in in steps: what a phone's settings page does."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from todo_cli._options import NETWORKS
from todo_sdk import Challenge, InvalidRequestError, NetworkProfile, SignInError, profiles, write_profile

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli, FakeTerminal

EMAIL = "ada@example.com"
CODE = Challenge(name="SOFTWARE_TOKEN_MFA", email=EMAIL, username="u", session="a-session")
SETUP = Challenge(name="MFA_SETUP", email=EMAIL, username="u", session="a-session", secret="JBSWY3DPEHPK3PXP")


def test_a_password_is_changed_with_the_old_one(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal("old", "new", there=True)
    assert cli("password", "change").code == 0
    assert cli.terminal.asked == ["Current password (hidden)", "New password (hidden, twice)"]
    assert cli.client.auth.password.set == [("old", "new")]


def test_passwords_come_from_stdin_one_on_each_line(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal(stdin="old\nnew\n")
    assert cli("password", "change", "--password-stdin").code == 0
    assert cli.client.auth.password.set == [("old", "new")]
    cli.terminal = terminal(stdin="old\n")
    result = cli("password", "change", "--password-stdin")
    assert result.code == 2
    assert "standard input holds no password" in result.err


def test_a_forgotten_password_is_replaced_with_the_mailed_code(cli: Cli, terminal: type[FakeTerminal]) -> None:
    assert cli("password", "forgot", EMAIL, "--json").json == {"email": EMAIL, "sent_to": "a***@e***.com"}
    cli.terminal = terminal(stdin="new\n")
    assert cli("password", "reset", EMAIL, "654321", "--password-stdin").out == (
        f"password changed; next: todo login {EMAIL}\n"
    )
    assert cli.client.auth.password.set == [(EMAIL, "654321", "new")]


def test_a_second_factor_is_set_up_with_a_code_to_scan(cli: Cli, terminal: type[FakeTerminal]) -> None:
    cli.terminal = terminal("123456", there=True)
    result = cli("mfa", "on")
    assert (result.code, cli.client.auth.mfa.on) == (0, True)
    assert "\u2588" in result.err  # the QR code
    assert "JBSW Y3DP EHPK 3PXP" in result.err
    assert "JBSW" not in result.out


def test_a_script_sets_it_up_in_two_steps(cli: Cli) -> None:
    first = cli("mfa", "on", "--json")
    assert first.json["next"] == "todo mfa confirm CODE"
    assert first.json["otpauth_uri"].startswith("otpauth://totp/MyTodoList:ada%40example.com?secret=JBSW")
    assert cli.client.auth.mfa.on is False
    assert cli("mfa", "confirm", "000000").code == 6
    assert cli("mfa", "confirm", "123456", "--json").json == {"on": True}
    assert cli("mfa", "status").out == "on\n"
    assert cli("mfa", "off", "--json").json == {"on": False}


def test_devices_are_listed_and_named_by_the_end_of_their_key(cli: Cli) -> None:
    lines = cli("device", "list").out.splitlines()
    assert lines[1].split()[:2] == ["00001111", "laptop"]
    assert lines[1].endswith("this one")
    assert lines[2].endswith("remembered")
    assert cli("device", "remember").code == 0
    assert cli("device", "unremember", "0000-2222").code == 0
    assert cli("device", "forget", "2222", "--yes", "--json").json["forgotten"] is True
    phone = "us-east-1_bbbb0000-2222"
    assert cli.client.auth.devices.calls == [
        ("remember", "us-east-1_aaaa0000-1111"),
        ("unremember", phone),
        ("forget", phone),
    ]


def test_a_device_that_is_not_there_or_several_are_told(cli: Cli) -> None:
    missing = cli("device", "forget", "ffff", "--yes")
    assert (missing.code, "known: 00001111, 00002222" in missing.err) == (5, True)
    cli.client.auth.devices.kept[0] = cli.client.auth.devices.kept[1]
    several = cli("device", "forget", "2222", "--yes")
    assert (several.code, "several devices" in several.err) == (2, True)
    cli.client.auth.devices.kept = []
    assert "does not track devices" in cli("device", "remember").err


def test_an_account_is_deleted_after_its_address_was_typed(cli: Cli, terminal: type[FakeTerminal]) -> None:
    assert cli("account", "delete").code == 2  # nobody can be asked
    cli.terminal = terminal("someone@else.example", EMAIL, there=True)
    assert cli("account", "delete").code == 1
    assert cli.client.auth.deleted is False
    assert cli("account", "delete").code == 0
    assert cli.client.auth.deleted is True


def test_a_script_deletes_an_account_with_yes_only(cli: Cli) -> None:
    assert cli("account", "delete", "--yes", "--json").json == {"deleted": True, "email": EMAIL}


def test_signing_out_everywhere(cli: Cli) -> None:
    assert cli("logout", "--everywhere").out == "signed out on all devices\n"
    assert cli.client.auth.everywhere is True


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_of_the_sdk_can_be_simulated(cli: Cli, name: str) -> None:
    assert cli("whoami", "--network", name).code == 0
    assert cli.client.network == name


def test_the_networks_are_those_of_the_sdk(cli: Cli) -> None:
    assert NetworkProfile.names() == NETWORKS
    assert cli("whoami", "--network", "5g").code == 2


@pytest.fixture
def steps(cli: Cli, own_folders: Path) -> Path:
    """Where a sign-in that waits is kept."""
    sessions = own_folders / "data" / "sessions"
    cli.client.config = SimpleNamespace(api_url="http://x/", profile="p", session_path=sessions / "p.json")
    return sessions / "p.challenge.json"


def test_a_sign_in_in_steps_says_what_is_wanted_next(cli: Cli, terminal: type[FakeTerminal], steps: Path) -> None:
    cli.client.auth.challenges = [SETUP]
    asked = cli("login", EMAIL, "--non-interactive")
    assert (asked.code, asked.json["wanted"]) == (4, "password")
    assert asked.json["next"] == f"printf '%s\\n' ANSWER | todo login {EMAIL} --non-interactive"
    cli.terminal = terminal(stdin="pass word\n")
    more = cli("login", EMAIL, "--non-interactive")
    assert (more.code, more.json["wanted"], more.json["expires_in_seconds"]) == (4, "MFA_SETUP", 180)
    assert more.json["otpauth_uri"].startswith("otpauth://")
    assert "a-session" not in more.out
    assert stat.S_IMODE(steps.stat().st_mode) == 0o600
    cli.terminal = terminal(stdin="123456\n")
    done = cli("login", "--answer-stdin")
    assert (done.code, done.json["signed_in"], done.json["email"]) == (0, True, EMAIL)
    assert not steps.exists()
    assert (cli.client.auth.passwords, cli.client.auth.answers) == (["pass word"], ["123456"])


@pytest.mark.parametrize("error", [SignInError("the code is wrong"), InvalidRequestError("the code is wrong")])
def test_a_wrong_answer_can_be_given_again(
    cli: Cli, terminal: type[FakeTerminal], steps: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    cli.client.auth.challenges = [CODE]
    cli.terminal = terminal(stdin="pass\n")
    cli("login", EMAIL, "--non-interactive")

    def refuse(challenge: Challenge, reply: str) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(cli.client.auth, "answer", refuse)
        cli.terminal = terminal(stdin="000000\n")
        again = cli("login", "--answer-stdin")
    assert (again.code, again.json["wanted"], again.json["refused"]) == (4, CODE.name, "the code is wrong")
    cli.terminal = terminal(stdin="123456\n")
    assert cli("login", "--answer-stdin").code == 0


@pytest.mark.parametrize("content", [None, "", "{}", '{"until": 1, "challenge": {"name": 5}}'])
def test_an_answer_to_nothing_says_how_to_begin(
    cli: Cli, terminal: type[FakeTerminal], steps: Path, content: str | None
) -> None:
    if content is not None:
        steps.parent.mkdir(parents=True)
        steps.write_text(content)
    cli.terminal = terminal(stdin="123456\n")
    result = cli("login", "--answer-stdin")
    assert (result.code, result.error["code"]) == (4, "no_challenge")
    assert "todo login EMAIL --non-interactive" in result.error["message"]


def test_an_answer_that_comes_too_late_says_so(
    cli: Cli, terminal: type[FakeTerminal], steps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.client.auth.challenges = [CODE]
    cli.terminal = terminal(stdin="pass\n")
    cli("login", EMAIL, "--non-interactive")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 181)
    cli.terminal = terminal(stdin="123456\n")
    assert cli("login", "--answer-stdin").error["code"] == "challenge_expired"
    assert not steps.exists()


@pytest.mark.parametrize("words", [["login"], ["login", EMAIL, "--answer-stdin"], ["login", "--answer-stdin"]])
def test_a_step_without_what_it_needs_is_a_usage_error(cli: Cli, steps: Path, words: list[str]) -> None:
    assert cli(*words).code == 2


@pytest.mark.usefixtures("own_folders")
def test_profiles_are_listed_chosen_copied_and_removed(cli: Cli) -> None:
    write_profile("home", {"api_url": "http://127.0.0.1:1/api"})
    write_profile("work", {"api_url": "https://work.example/prod"})
    found = cli("profile", "list", "--json").json["profiles"]
    assert [(one["name"], one["default"], one["email"]) for one in found] == [
        ("home", True, EMAIL),
        ("work", False, EMAIL),
    ]
    assert cli("profile", "use", "work").code == 0
    assert cli("profile", "copy", "work", "work-bob").code == 0
    assert profiles()["work-bob"] == {"api_url": "https://work.example/prod"}
    assert cli("profile", "copy", "home", "work-bob").code == 6
    assert cli("profile", "rm", "work", "--yes").code == 0
    assert cli.client.auth.signed_in is False
    rest = cli("profile", "list", "--json").json["profiles"]
    assert [(one["name"], one["default"]) for one in rest] == [("home", False), ("work-bob", False)]


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize("words", [["use", "x"], ["copy", "x", "y"], ["rm", "x", "--yes"]])
def test_a_profile_that_is_not_there_is_told_with_those_that_are(cli: Cli, words: list[str]) -> None:
    write_profile("home", {"api_url": "http://127.0.0.1:1/api"})
    result = cli("profile", *words)
    assert (result.code, "there is no profile 'x'; known: home" in result.err) == (5, True)


@pytest.mark.usefixtures("own_folders")
def test_no_profile_at_all_says_how_to_get_one(cli: Cli) -> None:
    result = cli("profile", "list")
    assert (result.code, result.out) == (0, "")
    assert "todo up, or: todo configure" in result.err
