"""Every failure becomes an exit code and one sentence here, and nowhere else."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from todo_cli._output import printable, to_json

if TYPE_CHECKING:
    from todo_cli._context import Settings


class ExitCode(IntEnum):
    """What a script can rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    REFUSED = 4
    NOT_FOUND = 5
    INVALID = 6
    UNAVAILABLE = 7
    CHECK_FAILED = 9
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "It is done.",
    ExitCode.FAILED: "It failed, for a reason that none of the others names.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.CONFIGURATION: "A profile, a setting or an extra is missing or wrong.",
    ExitCode.REFUSED: "Not signed in, or not allowed.",
    ExitCode.NOT_FOUND: "There is no such to-do, file or deployment.",
    ExitCode.INVALID: "Somebody else was first, or a value is not valid.",
    ExitCode.UNAVAILABLE: "The network, a throttle or the server; trying again later may help.",
    ExitCode.CHECK_FAILED: "A check or a threshold failed.",
    ExitCode.INTERRUPTED: "Interrupted by Ctrl-C.",
}


class CommandError(Exception):
    """A failure that the command itself found; the message is the sentence for the user."""

    def __init__(self, message: str, exit_code: ExitCode, code: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code


# By the class's name, so that reporting an error imports neither the SDK nor the stack. The first name found along the
# class's ancestors counts: the most specific one. A test holds the table to what both packages export.
EXIT_CODES: dict[str, ExitCode] = {
    # todo_sdk
    "ConfigError": ExitCode.CONFIGURATION,
    "TransportError": ExitCode.UNAVAILABLE,
    "SignInError": ExitCode.REFUSED,
    "ForbiddenError": ExitCode.REFUSED,
    "NotFoundError": ExitCode.NOT_FOUND,
    "ConflictError": ExitCode.INVALID,
    "InvalidRequestError": ExitCode.INVALID,
    "ServiceError": ExitCode.UNAVAILABLE,
    "ReplicaError": ExitCode.FAILED,  # but see REPLICA_REASONS
    "TodoError": ExitCode.FAILED,
    # todo_backend
    "MissingExtraError": ExitCode.CONFIGURATION,
    "DataDirError": ExitCode.CONFIGURATION,
    "PortTakenError": ExitCode.FAILED,
    "AlreadyRunningError": ExitCode.FAILED,
    "NotRunningError": ExitCode.FAILED,
    "NotDeployedError": ExitCode.NOT_FOUND,
    "StackError": ExitCode.FAILED,
}
# What the person has to set up otherwise: another file, another folder, another release.
REPLICA_REASONS = {"newer", "foreign", "read_only"}
OUR_PACKAGES = ("todo_sdk", "todo_backend", "todo_cli")


@dataclass(frozen=True)
class Failure:
    """One failure, ready to be told."""

    exit_code: ExitCode
    code: str
    message: str
    request_id: str | None = None


def failure_of(error: BaseException) -> Failure:
    """Find the exit code, the machine's word and the person's sentence for any exception."""
    if isinstance(error, CommandError):
        return Failure(error.exit_code, error.code, str(error))
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Failure(ExitCode.INTERRUPTED, "interrupted", "interrupted")
    if isinstance(error, click.ClickException):
        return _usage(error)
    for cls in type(error).__mro__:
        if cls.__name__ in EXIT_CODES and cls.__module__.partition(".")[0] in OUR_PACKAGES:
            return _known(error, EXIT_CODES[cls.__name__])
    if isinstance(error, OSError):
        return Failure(ExitCode.FAILED, "os_error", _os_sentence(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    sentence = f"this is a bug in todo ({what}); run it again with -v and report what that prints"
    return Failure(ExitCode.FAILED, "bug", sentence)


def report(error: BaseException, settings: Settings) -> int:
    """Tell a failure on stderr, in the face that was asked for, and return its exit code."""
    failure = failure_of(error)
    if settings.verbose and failure.code == "bug":
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if settings.as_json:
        members = {"code": failure.code, "message": failure.message, "exit_code": int(failure.exit_code)}
        if failure.request_id:
            members["request_id"] = failure.request_id
        click.echo(to_json({"error": members}), err=True)
    elif failure.exit_code is not ExitCode.INTERRUPTED:
        click.echo(printable(_human(failure, settings)), err=True)
    return int(failure.exit_code)


def _human(failure: Failure, settings: Settings) -> str:
    if "\n" in failure.message:  # a command that was called without its words: its help
        return failure.message
    request = f" (request {failure.request_id})" if failure.request_id and settings.verbose else ""
    return f"todo: {failure.message}{request}"


def _usage(error: click.ClickException) -> Failure:
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later; its message is the whole help
        return Failure(ExitCode.USAGE, "usage", error.format_message())
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is not None:
        message = f"{message.rstrip('.')}; see `{context.command_path} --help`"
    return Failure(ExitCode.USAGE, "usage", _one_line(message))


def _known(error: BaseException, exit_code: ExitCode) -> Failure:
    # The service's own word where it gave one ("version_mismatch"), else the class's ("not_signed_in").
    word = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
    code = getattr(error, "code", None) or word
    if getattr(error, "reason", None) in REPLICA_REASONS:
        exit_code = ExitCode.CONFIGURATION
    return Failure(exit_code, str(code), _one_line(str(error)), getattr(error, "request_id", None))


def _os_sentence(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _one_line(text: str) -> str:
    return " ".join(text.split())
