"""Between this machine and the service: sync, offline, conflicts."""

from __future__ import annotations

import click

from todo_cli import _preferences, _syncing
from todo_cli._choice import one
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import Command
from todo_cli._output import plain


@click.command(
    cls=Command,
    examples="""
        todo sync
        todo sync --json
        todo sync --discard 3                give up what the service does not take
    """,
)
@click.option("--discard", metavar="ID", help="Give up the unsent changes of this to-do; it is what the service has.")
@click.pass_obj
def sync(app: AppContext, discard: str | None) -> None:
    """Send what waits on this machine and fetch what changed elsewhere.

    Tells what came, what went, which values lost a conflict and what the service refused. Ends with 7 when the service
    was not reached: what waits goes on waiting.
    """
    if discard is not None:
        _discard(app, discard)
        return
    if app.preferences.offline:
        raise CommandError("offline is on; `todo offline off` turns it off and syncs", ExitCode.UNAVAILABLE, "offline")
    _report(app)


@click.command(
    cls=Command,
    examples="""
        todo offline on
        todo offline off                     and send what waited
        todo offline                         tell which
    """,
)
@click.argument("switch", type=click.Choice(["on", "off"]), required=False)
@click.pass_obj
def offline(app: AppContext, switch: str | None) -> None:
    """Work without the network until it is turned off again.

    Everything but files goes on working on this machine's own copy; nothing is sent or fetched meanwhile. The switch is
    kept for later commands.
    """
    if switch is not None:
        _preferences.save_offline(switch == "on")
    is_on = app.preferences.offline if switch is None else switch == "on"
    app.out.result({"offline": is_on}, [f"offline is {'on' if is_on else 'off'}"])
    if switch == "off":
        _syncing.after_change(app)


@click.command(
    cls=Command,
    examples="""
        todo conflicts
        todo conflicts 3 --json
    """,
)
@click.argument("todo_id", metavar="[ID]", required=False)
@click.pass_obj
def conflicts(app: AppContext, todo_id: str | None) -> None:
    """Show the values that lost when two devices changed the same, the last one first.

    They are kept for good: `todo edit` brings one back.
    """
    found = app.replica.conflicts(None if todo_id is None else one(app, todo_id).id)
    rows = [
        (each.at.astimezone(app.now().tzinfo).strftime("%Y-%m-%d %H:%M"), each.title, each.field, *_sides(each))
        for each in found
    ]
    app.out.table({"conflicts": found}, ("WHEN", "TITLE", "FIELD", "STAYS", "LOST"), rows, folded=1)
    if not found:
        app.out.talk("no conflicts")


def _sides(conflict: object) -> tuple[str, str]:
    kept, lost = (plain(getattr(conflict, name)) for name in ("kept", "lost"))
    return str(kept), str(lost)


def _report(app: AppContext) -> None:
    report = _syncing.full_sync(app, None)
    if report.error is not None:
        if report.queued:
            app.out.talk(f"{_syncing.waiting(report.queued)} here and will be sent")
        raise report.error
    lines = [_syncing.told_conflict(conflict) for conflict in report.conflicts]
    lines += [_syncing.told_refused(change, app.replica.short_id(change.todo_id)) for change in report.refused]
    lines.append(f"{report.pushed} sent, {report.pulled} fetched; now at revision {report.revision}")
    app.out.result(report, lines)


def _discard(app: AppContext, typed: str) -> None:
    todo = one(app, typed)
    left = app.replica.discard(todo.id)
    told = "it was never sent and is gone" if left is None else "it is what the service has again"
    app.out.result({"todo_id": todo.id, "todo": left}, [f"given up: {todo.title}; {told}"])
