"""The command attach: a file that belongs to a to-do, in the user's own folder and named in the to-do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from todo_cli import _completing, _syncing, _telling
from todo_cli._choice import one
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._files import must_be_a_file
from todo_cli._options import YES, Command
from todo_cli._progress import bar

if TYPE_CHECKING:
    from todo_sdk import QueuedChange, SyncReport, Todo


@click.command(
    cls=Command,
    examples="""
        todo attach 3 form.pdf
        todo attach 3 form.pdf --json
        todo attach 3 --remove form.pdf
    """,
)
@click.argument("todo_id", metavar="ID", shell_complete=_completing.todo_ids)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--remove",
    metavar="NAME",
    shell_complete=_completing.attachments,
    help="Take this attachment away, and remove its file.",
)
@YES
@click.pass_obj
def attach(app: AppContext, todo_id: str, file: Path | None, remove: str | None, yes: bool) -> None:
    """Attach a file to a to-do, or take one away.

    The file goes into your folder and needs the network; what waits here for that to-do is sent first. An attachment
    of the same name is replaced. `todo show ID` lists what is attached, `todo files get` fetches it.
    """
    if (file is None) == (remove is None):
        raise click.UsageError("give the FILE to attach, or --remove NAME")
    if file is not None:
        must_be_a_file(file)
    _syncing.before_reading(app)
    todo = one(app, todo_id)
    short = app.replica.short_id(todo)
    if file is None:
        name = _named(todo, remove or "")
        if not app.confirm(f"Remove {name} from {short}  {todo.title}?", yes=yes):
            raise click.Abort
        _be_at_the_service(app, todo)
        changed, deed = app.client.files.detach(todo.id, name), f"removed {name} from"
    else:
        _be_at_the_service(app, todo)
        with bar(app, file.name) as moved:
            changed = app.client.files.attach(todo.id, file, progress=moved)
        deed = f"attached {file.name} to"
    app.out.result(changed, [f"{deed} {_telling.in_a_line(changed, short, app.now())}"])
    _bring_it_here(app)


def _named(todo: Todo, name: str) -> str:
    """Give the name if the to-do has it: its own attachment's, or the key of another file."""
    names = _telling.attachment_names(todo)
    if name in names:
        return name
    known = f"it has {', '.join(names)}" if names else "it has none"
    raise CommandError(f"{todo.title!r} has no attachment {name!r}; {known}", ExitCode.NOT_FOUND, "not_found")


def _be_at_the_service(app: AppContext, todo: Todo) -> None:
    """Send what waits here for a to-do: a file can only be attached to what the service has.

    Raises:
        CommandError: offline is on (7), or the service refuses what waits (6).
        TodoError: the service was not reached.
    """
    if app.preferences.offline:
        sentence = "a file needs the network, and offline is on; `todo offline off` turns it off"
        raise CommandError(sentence, ExitCode.UNAVAILABLE, "offline")
    if not _waits(app, todo):
        return
    report = _synced(app, None)
    if report.error is not None:
        app.out.talk(f"{_syncing.waiting(report.queued)} here and will be sent; attach the file after that")
        raise report.error
    refused = _waits(app, todo)
    if refused:
        told = _syncing.told_refused(refused[0], app.replica.short_id(todo))
        raise CommandError(told, ExitCode.INVALID, "refused")


def _synced(app: AppContext, budget_seconds: float | None) -> SyncReport:
    report = _syncing.full_sync(app, budget_seconds)
    for conflict in report.conflicts:
        app.out.talk(_syncing.told_conflict(conflict))
    return report


def _waits(app: AppContext, todo: Todo) -> list[QueuedChange]:
    return [change for change in app.replica.queued() if change.todo_id == todo.id]


def _bring_it_here(app: AppContext) -> None:
    """Fetch what the service has now; when that fails the file is attached all the same, and it is said."""
    from todo_sdk import TodoError

    try:
        error = _synced(app, app.preferences.budget_seconds or None).error
    except TodoError as raised:
        error = raised
    if error is not None:
        app.out.talk(f"it is done, but not yet to be seen on this machine ({error}); `todo sync` fetches it")
