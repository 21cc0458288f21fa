"""The command status: this machine's to-dos and the embedded stack, in one look."""

from __future__ import annotations

from typing import Any

import click

from todo_cli import _syncing
from todo_cli._context import AppContext
from todo_cli._options import DATA_DIR, Command
from todo_cli._output import pairs, plain
from todo_cli._stack import data_dir_of, stack_lines


@click.command(
    cls=Command,
    examples="""
        todo status
        todo status --json && echo it runs
    """,
)
@DATA_DIR
@click.pass_context
def status(ctx: click.Context, data_dir: str | None) -> None:
    """Show who is signed in, what waits to be sent, and the embedded stack.

    Nothing is asked over the network. Ends with 1 when the embedded stack does not run and the profile, or --data-dir,
    is one of an embedded stack.
    """
    app = ctx.ensure_object(AppContext)
    client = _client_view(app)
    found = app.stack.status(data_dir_of(app, data_dir))
    lines = [*_client_lines(client, app), "", *stack_lines(found)] if client["profile"] else stack_lines(found)
    app.out.result({**plain(found), "client": client}, lines)
    needs_stack = data_dir is not None or client["profile"] is None or bool(client["embedded"])
    ctx.exit(0 if found.running or not needs_stack else 1)


def _client_view(app: AppContext) -> dict[str, Any]:
    """Tell what this machine knows by itself; a profile that is none is none, not a failure of the stack's view."""
    from todo_sdk import Config, ConfigError, TodoError

    view: dict[str, Any] = {"profile": None, "api_url": None, "embedded": None, "user": None}
    view |= {"offline": app.preferences.offline, "queued": 0, "refused": 0, "conflicts": 0, "last_sync": None}
    try:
        config = Config.load(app.settings.profile)
    except ConfigError:
        if app.settings.profile:
            raise
        return view
    view |= {"profile": config.profile, "api_url": config.api_url, "embedded": config.endpoint_url is not None}
    if config.missing:
        return view
    try:
        view["user"] = app.client.auth.user().email
        counts = app.replica.stats()
    except TodoError as error:
        return view | {"problem": str(error)} if view["user"] else view
    reached = _syncing.remembered(app.replica)
    return view | {
        "queued": counts.queued,
        "refused": counts.refused,
        "conflicts": counts.conflicts,
        "last_sync": counts.synced_at,
        "unreachable": reached.failures > 0,
    }


def _client_lines(view: dict[str, Any], app: AppContext) -> list[str]:
    last = view["last_sync"]
    shown: dict[str, Any] = {
        "user": view["user"] or "nobody is signed in; next: todo login EMAIL",
        "profile": view["profile"],
        "api": view["api_url"],
        "offline": "on (todo offline off)" if view["offline"] else "off",
        "queued": _syncing.waiting(view["queued"]) if view["queued"] else "nothing",
    }
    if view["refused"]:
        shown["refused"] = f"{view['refused']}; `todo sync` tells why"
    if view["conflicts"]:
        shown["conflicts"] = f"{view['conflicts']}; `todo conflicts` shows them"
    if view["user"]:
        shown["last sync"] = last.astimezone(app.now().tzinfo).strftime("%Y-%m-%d %H:%M") if last else "never"
    if view.get("unreachable"):
        shown["network"] = "the service was not reached last time"
    if view.get("problem"):
        shown["problem"] = view["problem"]
    return pairs(shown)
