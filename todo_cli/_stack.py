"""Commands for the embedded stack: up, down, outputs, inbox, logs. A shell over `todo_backend.local`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from todo_cli._context import AppContext
from todo_cli._options import DATA_DIR, Command
from todo_cli._output import pairs, plain

DEFAULT_PORT = 4566
LOCAL_PROFILE = "local"


@click.command(
    cls=Command,
    examples="""
        todo up                     until Ctrl-C
        todo up --detach            in the background; `todo down` stops it
        todo up --port 0 --data-dir /tmp/stack --ephemeral --json
    """,
)
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@DATA_DIR
@click.option("--detach", "-d", is_flag=True, help="Return when it is ready; it goes on in the background.")
@click.option("--ephemeral", is_flag=True, help="Keep nothing when it stops.")
@click.option("--tls", is_flag=True, help="Serve HTTPS by a private CA, which the profile trusts.")
@click.pass_obj
def up(app: AppContext, port: int, data_dir: str | None, detach: bool, ephemeral: bool, tls: bool) -> None:
    """Start the whole backend on this machine.

    The packaged template and Lambda code, on loopback only; needs the extra: pip install 'todo-sdk[local]'. Writes
    the profile "local" (or --profile), so that `todo signup` works at once.
    """
    profile = app.settings.profile or os.environ.get("TODO_PROFILE") or LOCAL_PROFILE
    stack = app.stack
    place = data_dir_of(app, data_dir)
    options = stack.StackOptions(data_dir=place, port=port, ephemeral=ephemeral, profile=profile, tls=tls)
    app.out.talk("starting the embedded stack ...")
    if detach:
        outputs = stack.start(options)
        _talk_notes(app, place)
        _ready(app, profile, place, outputs)
        return

    def ready(outputs: dict[str, str | None]) -> None:
        _talk_notes(app, place)
        _ready(app, profile, place, outputs, foreground=True)

    stack.serve(options, ready)
    app.out.talk("stopped")


def _ready(
    app: AppContext, profile: str, place: Path, outputs: dict[str, str | None], *, foreground: bool = False
) -> None:
    from todo_cli._configure import SETTINGS_FROM_OUTPUTS, option_for, save_profile

    outputs = {**outputs, "Profile": profile}
    settings = {name: outputs.get(key) for name, key in SETTINGS_FROM_OUTPUTS.items()}
    save_profile(profile, {**settings, "ca_bundle": app.stack.ca_bundle(place)})
    app.out.result(outputs, pairs(outputs))
    sys.stdout.flush()
    option = option_for(profile)
    app.out.talk("\nready. Next, in another terminal:" if foreground else "\nready. Next:")
    steps = ("signup you@example.com", "inbox", "confirm you@example.com CODE", "login you@example.com")
    app.out.talk("\n".join(f"  todo {step}{'' if step == 'inbox' else option}" for step in steps))
    app.out.talk("Ctrl-C stops the stack; its data stays." if foreground else "`todo down` stops the stack.")


def _talk_notes(app: AppContext, data_dir: Path) -> None:
    for note in app.stack.notes(data_dir):
        app.out.talk(f"note: {note}")


def data_dir_of(app: AppContext, given: str | None) -> Path:
    """Tell the stack's data directory: the given one, or the usual one."""
    return Path(given).resolve() if given else app.stack.default_data_dir()


@click.command(cls=Command, examples="todo down")
@DATA_DIR
@click.pass_obj
def down(app: AppContext, data_dir: str | None) -> None:
    """Stop the embedded stack; its data stays.

    That none was running is no failure.
    """
    stopped = app.stack.stop(data_dir_of(app, data_dir))
    app.out.result({"stopped": stopped}, ["stopped" if stopped else "no stack was running"])


def stack_lines(status: Any) -> list[str]:
    """Tell the embedded stack's status."""
    document = dict(plain(status))
    outputs = document.pop("outputs", None) or {}
    versions = document.pop("versions", None) or {}
    if cache := document.get("api_cache"):
        document["api_cache"] = f"on ({cache['hits']} hits, {cache['misses']} misses)"
    running = "running" if document.pop("running") else "not running"
    shown = {"stack": running} | {name.replace("_", " "): value for name, value in document.items()}
    if outputs:
        shown["api url"] = outputs.get("ApiUrl")
    if versions:
        shown["versions"] = ", ".join(f"{name} {number}" for name, number in versions.items())
    return pairs({name: value for name, value in shown.items() if value is not None})


@click.command(cls=Command, examples="todo outputs --json")
@DATA_DIR
@click.pass_obj
def outputs(app: AppContext, data_dir: str | None) -> None:
    """Print the embedded stack's outputs.

    The same keys as `todo backend outputs` prints for a stage on AWS.
    """
    found = app.stack.outputs(data_dir_of(app, data_dir))
    app.out.result(found, pairs(found))


@click.command(cls=Command, examples="todo inbox --json")
@DATA_DIR
@click.pass_obj
def inbox(app: AppContext, data_dir: str | None) -> None:
    """Show the mails the embedded stack has sent.

    The newest is the last. Confirmation codes are here.
    """
    mails = app.stack.inbox(data_dir_of(app, data_dir))
    app.out.result({"mails": mails}, [line for mail in mails for line in _as_letter(mail)])
    if not mails:
        app.out.talk("no mails")


def _as_letter(mail: Any) -> list[str]:
    head = pairs({"To:": mail.to, "Subject:": mail.subject, "Sent:": plain(mail.sent_at)})
    return [*head, "", mail.text.rstrip(), ""]


@click.command(cls=Command, examples="todo logs --lines 50")
@DATA_DIR
@click.option("--lines", "-n", type=click.IntRange(min=1), default=200, show_default=True, help="The last so many.")
@click.pass_obj
def logs(app: AppContext, data_dir: str | None, lines: int) -> None:
    """Show the embedded stack's log.

    One line a request, the Lambda's own lines among them.
    """
    found = app.stack.logs(data_dir_of(app, data_dir), lines=lines)
    app.out.result({"lines": found}, found)
