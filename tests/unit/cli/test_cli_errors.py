"""Every failure: one line, the documented exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import todo_backend.infra.errors as infra_errors
import todo_backend.local.errors as stack_errors
import todo_sdk
from todo_cli._errors import EXIT_CODES, ExitCode, failure_of

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

MILK = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab"
EXPECTED = {
    "ConfigError": 3,
    "TransportError": 7,
    "SignInError": 4,
    "NotSignedInError": 4,
    "InvalidCredentialsError": 4,
    "ForbiddenError": 4,
    "NotFoundError": 5,
    "ConflictError": 6,
    "InvalidRequestError": 6,
    "ThrottledError": 7,
    "ServerError": 7,
    "ServiceError": 7,
    "ReplicaError": 1,
    "TodoError": 1,
}


@pytest.mark.parametrize(("name", "code"), EXPECTED.items())
def test_each_error_of_the_sdk_has_its_exit_code_and_one_line(cli: Cli, name: str, code: int) -> None:
    cli.failure = getattr(todo_sdk, name)("what happened;\nwhat to do")
    result = cli("list")
    assert (result.code, result.out, result.err) == (code, "", "todo: what happened; what to do\n")


def every_error_class() -> list[type[Exception]]:
    """What both packages can raise on purpose."""
    exported = [getattr(todo_sdk, name) for name in todo_sdk.__all__ if name.endswith("Error")]
    modules = (stack_errors, infra_errors)
    return exported + [value for module in modules for name, value in vars(module).items() if name.endswith("Error")]


@pytest.mark.parametrize("cls", every_error_class(), ids=lambda cls: cls.__name__)
def test_no_error_of_ours_is_called_a_bug(cls: type[Exception]) -> None:
    failure = failure_of(cls.__new__(cls))
    assert failure.code != "bug"


def test_every_row_of_the_table_stands_for_a_class_that_exists() -> None:
    assert set(EXIT_CODES) <= {cls.__name__ for cls in every_error_class()}


def test_a_foreign_class_of_the_same_name_is_not_taken_for_ours() -> None:
    foreign = type("NotFoundError", (Exception,), {"__module__": "elsewhere"})
    assert failure_of(foreign("x")).code == "bug"


def test_an_error_with_json_is_one_document_on_stderr_and_stdout_stays_empty(cli: Cli) -> None:
    result = cli("edit", MILK, "--title", "x", "--if-version", "7", "--json")
    assert result.code == 6
    assert result.out == ""
    assert result.error == {
        "code": "version_mismatch",
        "message": "the to-do has version 1 by now",
        "exit_code": 6,
        "request_id": "request-1",
    }


@pytest.mark.parametrize(
    "words", [["list", "--json", "--nonsense"], ["list", "--nonsense", "--json"], ["--json", "nonsense"]]
)
def test_a_usage_error_is_a_document_too(cli: Cli, words: list[str]) -> None:
    result = cli(*words)
    assert (result.code, result.error["code"], result.error["exit_code"]) == (2, "usage", 2)


def test_the_word_json_after_two_dashes_is_not_the_option(cli: Cli) -> None:
    cli.failure = todo_sdk.TransportError("no answer")
    assert cli("add", "--", "--json").err == "todo: no answer\n"


def test_a_usage_error_is_one_line_that_names_the_help(cli: Cli) -> None:
    result = cli("list", "--priority", "9")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert result.err.rstrip().endswith("see `todo list --help`")


def test_a_bug_is_one_line_that_says_so_and_the_traceback_needs_v(cli: Cli) -> None:
    cli.failure = RuntimeError("boom\nsecond line")
    quiet, talkative = cli("list"), cli("list", "-v")
    assert (quiet.code, talkative.code) == (1, 1)
    assert quiet.err.count("\n") == 1
    assert "this is a bug in todo (RuntimeError: boom)" in quiet.err
    assert "with -v and report" in quiet.err
    assert "Traceback" not in quiet.err
    assert "Traceback" in talkative.err


def test_the_machines_errors_from_below_are_no_bug(cli: Cli) -> None:
    cli.failure = PermissionError(13, "Permission denied", "/config.toml")
    result = cli("list")
    assert (result.code, result.err) == (1, "todo: /config.toml: Permission denied\n")


def test_ctrl_c_ends_with_130_and_says_nothing(cli: Cli) -> None:
    def interrupted(request: Any) -> str | None:
        raise KeyboardInterrupt

    cli.world.fault = interrupted
    result = cli("show", MILK)
    assert (result.code, result.out) == (ExitCode.INTERRUPTED, "")
    assert "Traceback" not in result.err
    added = cli("add", "Kept")  # the answer is there before the network is asked
    assert (added.code, added.out) == (ExitCode.INTERRUPTED, "added 1  Kept\n")
    assert [todo.title for todo in cli.client.replica.list()] == ["Kept"]


def test_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "todo_cli", "--help"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_client_is_closed_also_after_a_failure(cli: Cli) -> None:
    assert cli("show", "0193a5b2-0000-7000-8000-000000000000").code == 5
    assert cli.client.closed
