"""The command's table of contents and its one way in.

A command's module is imported when the command is called: `todo --help` needs this file and click.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple

import click

from todo_cli._context import AppContext
from todo_cli._options import Group
from todo_cli._output import prepare_streams

COMPLETE = "_TODO_COMPLETE"


class Entry(NamedTuple):
    """Where a command stands, and the line that `todo --help` shows; a test holds it to the command's own help."""

    section: str
    where: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "configure": Entry("Account", "_configure:configure", "Write a profile, or show where each setting comes from."),
    "signup": Entry("Account", "_account:signup", "Make an account; a confirmation code comes by mail."),
    "confirm": Entry("Account", "_account:confirm", "Confirm an account with the code from the mail."),
    "login": Entry("Account", "_account:login", "Sign in (SRP: the password is not sent)."),
    "logout": Entry("Account", "_account:logout", "Sign out and revoke the session."),
    "whoami": Entry("Account", "_account:whoami", "Show who is signed in."),
    "password": Entry("Account", "_password:password", "Change your password, or replace a forgotten one."),
    "mfa": Entry("Account", "_mfa:mfa", "Want a code of an authenticator app at sign-in."),
    "device": Entry("Account", "_device:device", "Where you have signed in, and what is trusted there."),
    "profile": Entry("Account", "_profile:profile", "Several deployments and several accounts, each under a name."),
    "account": Entry("Account", "_account:account", "Your account as a whole."),
    "add": Entry("To-dos", "_add:add", "Add a to-do."),
    "list": Entry("To-dos", "_list:list_todos", "List to-dos, the most urgent first."),
    "show": Entry("To-dos", "_list:show", "Show to-dos in full, with what was changed here and what lost a conflict."),
    "edit": Entry("To-dos", "_change:edit", "Change to-dos."),
    "done": Entry("To-dos", "_change:done", "Mark to-dos as done; one that recurs comes again."),
    "undo": Entry("To-dos", "_change:undo", "Take the last change back that was made here; again, the one before it."),
    "rm": Entry("To-dos", "_change:rm", "Remove to-dos."),
    "search": Entry("To-dos", "_list:search", "Search titles, notes, tags and lists, the best match first."),
    "tags": Entry("To-dos", "_list:tags", "Show every tag and how many open to-dos have it."),
    "lists": Entry("To-dos", "_list:lists", "Show every list and how many open to-dos are on it."),
    "stats": Entry("To-dos", "_list:stats", "Count what is open, done, overdue and waiting to be sent."),
    "filter": Entry("To-dos", "_filters:filter_group", "Filters under a name: save, ls, rm."),
    "import": Entry(
        "To-dos",
        "_transfer:import_todos",
        "Add the to-dos of a file: JSON, CSV, todo.txt, iCalendar or Taskwarrior's JSON; - is standard input.",
    ),
    "export": Entry(
        "To-dos", "_transfer:export", "Write to-dos as JSON, CSV, todo.txt, iCalendar or Taskwarrior's JSON."
    ),
    "sync": Entry("Sync", "_sync:sync", "Send what waits on this machine and fetch what changed elsewhere."),
    "offline": Entry("Sync", "_sync:offline", "Work without the network until it is turned off again."),
    "conflicts": Entry(
        "Sync", "_sync:conflicts", "Show the values that lost when two devices changed the same, the last one first."
    ),
    "status": Entry("Sync", "_status:status", "Show who is signed in, what waits to be sent, and the embedded stack."),
    "files": Entry("Files", "_files:files", "Files in your own folder: ls, put, get, rm, share, sync."),
    "attach": Entry("Files", "_attach:attach", "Attach a file to a to-do, or take one away."),
    "up": Entry("Embedded stack", "_stack:up", "Start the whole backend on this machine."),
    "down": Entry("Embedded stack", "_stack:down", "Stop the embedded stack; its data stays."),
    "outputs": Entry("Embedded stack", "_stack:outputs", "Print the embedded stack's outputs."),
    "inbox": Entry("Embedded stack", "_stack:inbox", "Show the mails the embedded stack has sent."),
    "logs": Entry("Embedded stack", "_stack:logs", "Show the embedded stack's log."),
    "help": Entry("Help", "_help:help_command", "Show a command's help, or a page on its own."),
    "completion": Entry(
        "Help", "_completion:completion", "Complete words with TAB: print or install it for your shell."
    ),
    "doctor": Entry("Help", "_doctor:doctor", "Find out what is wrong, and what to do about it."),
    "smoke": Entry("Harness", "_smoke:smoke", "Check the deployment from outside, promise by promise."),
    "backend": Entry("AWS", "_backend:backend", "The backend on AWS: synth, diff, deploy, destroy, outputs."),
}


class LazyGroup(Group):
    """The top command: knows its commands by the table and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and give the command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.where.partition(":")
        command: click.Command = getattr(import_module(f"todo_cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table by sections, importing nothing."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl([(n, e.summary) for n, e in COMMANDS.items() if e.section == section])


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"todo {version('todo-sdk')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples="""
        todo up --detach                     start the backend on this machine
        todo signup ada@example.com          then: todo inbox, todo confirm, todo login
        todo add Buy milk --due tomorrow
        todo list --json
    """,
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show it.")
def cli() -> None:
    """MyTodoList on the command line: to-dos and files on your own backend, embedded or on AWS."""


def run(argv: Sequence[str] | None = None, app: AppContext | None = None) -> int:
    """Run one command line and return its exit code; nothing but an exit code ever leaves."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    app = app or AppContext()
    prepare_streams()
    try:
        code = _completed(app) if COMPLETE in os.environ else _invoke(arguments, app)
        sys.stdout.flush()
    except BrokenPipeError:
        # `todo list | head`: the reader has what it wanted, which is no failure of ours.
        _silence_stdout()
        return 0
    except BaseException as error:  # noqa: BLE001 - the one place where every failure ends
        from todo_cli._errors import report

        if isinstance(error, click.UsageError):
            # A line that click could not read to its end may hold an unread --json.
            options = arguments[: arguments.index("--")] if "--" in arguments else arguments
            app.settings.as_json = app.settings.as_json or "--json" in options
        return report(error, app.settings)
    return code


def _invoke(arguments: list[str], app: AppContext) -> int:
    try:
        with cli.make_context("todo", arguments, obj=app) as context:
            cli.invoke(context)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    finally:
        app.close()
    return 0


def _completed(app: AppContext) -> int:
    """Answer the shell, which asks with this variable what a word could become."""
    from click.shell_completion import shell_complete

    try:
        return shell_complete(cli, {"obj": app}, "todo", COMPLETE, os.environ[COMPLETE])
    finally:
        app.close()


def _silence_stdout() -> None:
    # The interpreter flushes stdout once more at exit; that flush must find somebody.
    with suppress(OSError, ValueError):  # a stdout that is no file needs none of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
