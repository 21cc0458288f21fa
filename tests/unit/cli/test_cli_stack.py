"""Commands for the embedded stack and for AWS, on a stack that only pretends."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import todo_backend.infra.errors as infra_errors
from todo_backend.local import options as stack_options
from todo_backend.local.errors import (
    AlreadyRunningError,
    DataDirError,
    MissingExtraError,
    NotRunningError,
    PortTakenError,
    StackError,
)
from todo_backend.local.options import StackOptions, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Cli

OUTPUTS: dict[str, str | None] = {
    "Profile": "local",
    "Region": "us-east-1",
    "ApiUrl": "http://127.0.0.1:4566/_aws/execute-api/abc/prod",
    "UserPoolId": "us-east-1_pool",
    "UserPoolClientId": "client",
    "IdentityPoolId": "us-east-1:identity",
    "FilesBucket": "files",
    "TableName": "table",
    "DaxEndpoint": None,
    "EndpointUrl": "http://127.0.0.1:4566",
    "ConsoleUrl": None,
}


@dataclass
class PretendingStack:
    """Starts nothing and remembers what it was asked for."""

    failure: Exception | None = None
    running: bool = False
    asked: list[Any] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    authority: str | None = None
    StackOptions = StackOptions

    def _asked(self, what: Any) -> None:
        self.asked.append(what)
        if self.failure:
            raise self.failure

    def default_data_dir(self) -> Path:
        return Path("/default")

    def start(self, options: stack_options.StackOptions) -> dict[str, str | None]:
        self._asked(options)
        return OUTPUTS

    def serve(self, options: stack_options.StackOptions, on_ready: Callable[[dict[str, str | None]], None]) -> None:
        self._asked(options)
        on_ready(OUTPUTS)

    def stop(self, data_dir: Path) -> bool:
        self._asked(data_dir)
        return self.running

    def notes(self, data_dir: Path) -> list[str]:
        return self.left_out

    def status(self, data_dir: Path) -> Status:
        return Status(running=self.running, outputs=OUTPUTS if self.running else None)

    def outputs(self, data_dir: Path) -> dict[str, str | None]:
        self._asked(data_dir)
        return OUTPUTS

    def ca_bundle(self, data_dir: Path) -> str | None:
        return self.authority

    inbox = logs = outputs


@pytest.fixture
def stack(cli: Cli, own_folders: Path) -> PretendingStack:
    """The stack that the command sees."""
    cli.stack = PretendingStack()
    return cli.stack  # type: ignore[no-any-return]


def profiles(own_folders: Path) -> Any:
    """What config.toml says."""
    return tomllib.loads((own_folders / "config" / "config.toml").read_text("utf-8"))


@pytest.mark.parametrize("words", [[], ["--detach"]])
def test_up_says_what_of_the_last_run_was_left_out(cli: Cli, stack: PretendingStack, words: list[str]) -> None:
    stack.left_out = ["journal/00000001.log: dropped a torn last record of 12 bytes"]
    result = cli("up", *words)
    assert result.code == 0
    assert "note: journal/00000001.log: dropped a torn last record of 12 bytes" in result.err


@pytest.mark.parametrize("words", [[], ["--detach"]])
def test_up_writes_the_profile_so_that_the_next_command_works(
    cli: Cli, stack: PretendingStack, own_folders: Path, words: list[str]
) -> None:
    result = cli("up", *words, "--json")
    assert result.code == 0
    assert result.json == OUTPUTS
    written = profiles(own_folders)
    assert written["default_profile"] == "local"
    assert written["profiles"]["local"]["api_url"] == OUTPUTS["ApiUrl"]
    assert written["profiles"]["local"]["endpoint_url"] == OUTPUTS["EndpointUrl"]


def test_up_under_another_name_leaves_the_default_profile_alone(
    cli: Cli, stack: PretendingStack, own_folders: Path
) -> None:
    cli("up", "--detach")
    assert cli("up", "--detach", "--profile", "second", "--json").json["Profile"] == "second"
    assert profiles(own_folders)["default_profile"] == "local"
    assert set(profiles(own_folders)["profiles"]) == {"local", "second"}


def test_up_passes_its_options_on(cli: Cli, stack: PretendingStack, tmp_path: Path) -> None:
    cli("up", "-d")
    cli("up", "-d", "--port", "0", "--data-dir", str(tmp_path), "--ephemeral", "--tls")
    assert [asked for asked in stack.asked if isinstance(asked, StackOptions)] == [
        StackOptions(data_dir=Path("/default"), port=4566, ephemeral=False, profile="local", tls=False),
        StackOptions(data_dir=tmp_path, port=0, ephemeral=True, profile="local", tls=True),
    ]


@pytest.mark.parametrize("words", [[], ["--detach"]])
def test_the_profile_trusts_the_stacks_authority_as_long_as_it_has_one(
    cli: Cli, stack: PretendingStack, own_folders: Path, words: list[str]
) -> None:
    stack.authority = "/data/tls/ca.pem"
    cli("up", *words, "--tls")
    assert profiles(own_folders)["profiles"]["local"]["ca_bundle"] == "/data/tls/ca.pem"
    stack.authority = None
    cli("up", *words)
    assert "ca_bundle" not in profiles(own_folders)["profiles"]["local"]


def test_up_tells_a_person_what_comes_next(cli: Cli, stack: PretendingStack) -> None:
    result = cli("up", "--detach")
    assert "ApiUrl            http://127.0.0.1:4566" in result.out
    assert "todo signup" in result.err
    assert "todo signup" not in result.out
    assert "--profile" not in result.err
    assert "todo signup you@example.com --profile second" in cli("up", "--detach", "--profile", "second").err


@pytest.mark.parametrize(
    ("failure", "code", "word"),
    [
        (PortTakenError(4566), 1, "port_taken"),
        (AlreadyRunningError(7, 4566), 1, "already_running"),
        (DataDirError("the data directory /x cannot be used: Permission denied"), 3, "data_dir"),
        (MissingExtraError("ministack"), 3, "missing_extra"),
        (StackError("it did not become ready"), 1, "stack"),
    ],
)
@pytest.mark.parametrize("words", [[], ["--detach"]])
def test_a_stack_that_cannot_start_is_one_line_and_writes_no_profile(
    cli: Cli, stack: PretendingStack, own_folders: Path, failure: Exception, code: int, word: str, words: list[str]
) -> None:
    stack.failure = failure
    assert cli("up", "--json", *words).error["code"] == word
    result = cli("up", *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.splitlines()[-1] == f"todo: {failure}"
    assert not (own_folders / "config").exists()


def test_down_is_no_failure_when_nothing_runs(cli: Cli, stack: PretendingStack) -> None:
    assert cli("down", "--json").json == {"stopped": False}
    stack.running = True
    assert cli("down").out == "stopped\n"


def test_status_says_that_dax_is_off_and_ends_with_1_when_nothing_runs(cli: Cli, stack: PretendingStack) -> None:
    result = cli("status", "--json")
    assert (result.code, result.json["running"]) == (1, False)
    stack.running = True
    result = cli("status")
    assert result.code == 0
    assert "reads DynamoDB directly" in result.out
    assert "127.0.0.1:4566" in result.out


@pytest.mark.parametrize("command", ["outputs", "inbox", "logs"])
def test_reading_from_a_stack_that_does_not_run_says_so(cli: Cli, stack: PretendingStack, command: str) -> None:
    stack.failure = NotRunningError()
    if command == "logs":
        stack.logs = lambda data_dir, lines: stack.outputs(data_dir)  # type: ignore[method-assign,assignment,misc]
    result = cli(command)
    assert (result.code, result.err) == (1, "todo: the embedded stack is not running; start it with `todo up`\n")


@dataclass
class PretendingInfra:
    """Remembers what it was asked for."""

    failure: Exception | None = None
    asked: list[Any] = field(default_factory=list)

    def _do(self, context: dict[str, str]) -> Any:
        if self.failure:
            raise self.failure
        self.asked.append(context)
        return OUTPUTS

    diff = deploy = destroy = outputs = _do

    def synth(self, context: dict[str, str]) -> str:
        """Give a small template."""
        self._do(context)
        return '{\n "Resources": {}\n}'


def test_backend_commands_pass_the_context_on(cli: Cli) -> None:
    cli.infra = PretendingInfra()
    for command in ("synth", "diff", "deploy", "outputs"):
        assert cli("backend", command, "-c", "stage=prod", "-c", "dax=false").code == 0
    assert cli.infra.asked == [{"stage": "prod", "dax": "false"}] * 4
    assert cli("backend", "outputs", "--json").json == OUTPUTS
    assert cli("backend", "synth").json == cli("backend", "synth", "--json").json == {"Resources": {}}
    assert cli("backend", "synth", "-c", "nonsense").code == 2


def test_backend_destroy_wants_a_yes_from_scripts_too(cli: Cli) -> None:
    cli.infra = PretendingInfra()
    assert cli("backend", "destroy").code == 2
    assert cli.infra.asked == []
    assert cli("backend", "destroy", "--yes").code == 0


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (infra_errors.MissingExtraError(), 3),
        (infra_errors.SettingsError("dax must be true or false"), 3),
        (infra_errors.NotDeployedError("there is no stack"), 5),
        (infra_errors.StackError("`cdk deploy` failed with status 1"), 1),
    ],
)
def test_what_goes_wrong_on_the_way_to_aws_is_one_line(cli: Cli, failure: Exception, code: int) -> None:
    cli.infra = PretendingInfra(failure)
    result = cli("backend", "deploy")
    assert (result.code, result.out, result.err) == (code, "", f"todo: {failure}\n")


def test_configure_wants_one_of_its_two_jobs(cli: Cli) -> None:
    assert cli("configure").code == 2
    assert cli("configure", "--show", "--api-url", "https://example.com").code == 2


def test_configure_show_prints_each_value_with_its_source(
    cli: Cli, stack: PretendingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("up", "--detach")
    shown = cli("configure", "--show", "--json").json
    assert shown["api_url"] == {"value": OUTPUTS["ApiUrl"], "source": "profile local"}
    monkeypatch.setenv("TODO_API_URL", "https://example.com/prod")
    assert cli("configure", "--show", "--json").json["api_url"]["source"] == "environment"
    assert "https://example.com/prod" in cli("configure", "--show").out


def test_an_unknown_profile_is_a_configuration_error(cli: Cli, stack: PretendingStack) -> None:
    cli("up", "--detach")
    result = cli("configure", "--show", "--profile", "nobody")
    assert result.code == 3
    assert "nobody" in result.err


def test_an_address_that_is_no_url_or_not_encrypted_is_a_configuration_error(cli: Cli, own_folders: Path) -> None:
    for url in ("nonsense", "http://example.com"):
        assert cli("configure", "--api-url", url).code == 3
    assert not (own_folders / "config").exists()
