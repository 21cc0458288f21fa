"""To-do commands: add, list, show, edit, done, rm, sync."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from todo_cli._context import AppContext
from todo_cli._due import parse_due
from todo_cli._ids import whole_id
from todo_cli._options import YES, Command
from todo_cli._output import pairs, plain, short_id

if TYPE_CHECKING:
    from todo_sdk import Todo

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def _as_due(ctx: click.Context, param: click.Parameter, value: str | None) -> date | datetime | None:
    if value is None:
        return None
    try:
        return parse_due(value, ctx.ensure_object(AppContext).now())
    except ValueError:
        sentence = f"{value!r} is no date; write 2026-11-23, '2026-11-23 18:00', today or tomorrow"
        raise click.BadParameter(sentence, ctx, param) from None


PRIORITY = click.IntRange(1, 4)


def _fields(command: AnyFunction) -> AnyFunction:
    """Add the options for a to-do's fields, the same on every command that writes."""
    for option in (
        click.option("--recurrence", metavar="RRULE", help="How it comes again (RFC 5545), e.g. FREQ=WEEKLY."),
        click.option("--priority", type=PRIORITY, help="1 is highest, 4 is the default."),
        click.option("--list", "list", metavar="NAME", help="The list it is on."),
        click.option("--tag", "tags", metavar="TAG", multiple=True, help="A tag; give it several times for several."),
        click.option(
            "--due", metavar="WHEN", callback=_as_due, help="When: 2026-11-23, '2026-11-23 18:00', today, tomorrow."
        ),
        click.option("--notes", metavar="TEXT", help="More words about it."),
    ):
        command = option(command)
    return command


@click.command(
    cls=Command,
    examples="""
        todo add Buy milk
        todo add Call the bank --due tomorrow --priority 1 --tag phone --list home
        todo add Water the plants --due 2026-12-01 --recurrence FREQ=WEEKLY
        todo add -- --a title that begins with dashes
    """,
)
@click.argument("words", nargs=-1, required=True)
@_fields
@click.pass_obj
def add(app: AppContext, /, words: tuple[str, ...], **fields: Any) -> None:
    """Add a to-do.

    The words make the title.
    """
    todo = app.client.todos.add(" ".join(words), **_given(fields))
    app.out.result(todo, [f"added {_in_a_line(todo)}"])


@click.command(
    "list",
    cls=Command,
    examples="""
        todo list
        todo list --tag phone --due-before tomorrow
        todo list --all --search milk --json
    """,
)
@click.option("--status", type=click.Choice(["open", "done"]), help="Only open or only done ones (default: open).")
@click.option("--all", "everything", is_flag=True, help="Open and done ones.")
@click.option("--tag", metavar="TAG", help="Only those with this tag.")
@click.option("--list", "list", metavar="NAME", help="Only those on this list.")
@click.option("--priority", type=PRIORITY, help="Only those of this priority.")
@click.option("--due-before", metavar="WHEN", callback=_as_due, help="Only those due before.")
@click.option("--due-after", metavar="WHEN", callback=_as_due, help="Only those due after.")
@click.option("--search", "q", metavar="TEXT", help="Only those with this text in title or notes.")
@click.pass_obj
def list_todos(app: AppContext, /, status: Literal["open", "done"] | None, everything: bool, **filters: Any) -> None:
    """List to-dos, the newest change first.

    Done ones are left out unless --all or --status done asks for them. The short ids shown work in every command.
    """
    if everything and status:
        raise click.UsageError("--all and --status exclude each other")
    wanted: Literal["open", "done"] | None = None if everything else status or "open"
    todos = list(app.client.todos.list(status=wanted, **_given(filters)))
    rows = [_row(todo) for todo in todos]
    app.out.table({"todos": todos}, ("ID", "", "P", "DUE", "LIST", "TITLE", "TAGS"), rows)
    if not todos:
        app.out.talk("nothing to do" if wanted == "open" else "no to-dos")


@click.command(
    cls=Command,
    examples="""
        todo show 4f1c9ab
        todo show 0193a5b2-7c1e-7000-8000-1b2c34f1c9ab --json
    """,
)
@click.argument("todo_id", metavar="ID")
@click.pass_obj
def show(app: AppContext, todo_id: str) -> None:
    """Show one to-do in full.

    ID is the whole id or a part that only one to-do has: at least 4 characters of its beginning or end.
    """
    client = app.client
    todo = client.todos.get(whole_id(client, todo_id))
    app.out.result(todo, _in_full(todo))


@click.command(
    cls=Command,
    examples="""
        todo edit 4f1c9ab --title "Buy oat milk" --priority 2
        todo edit 4f1c9ab --clear-due --clear-tags
        todo edit 4f1c9ab --status open --if-version 3
    """,
)
@click.argument("todo_id", metavar="ID")
@click.option("--title", metavar="TEXT", help="Other words.")
@_fields
@click.option("--status", type=click.Choice(["open", "done"]), help="Open it again, or mark it as done.")
@click.option("--clear-due", is_flag=True, help="No longer due at any time.")
@click.option("--clear-tags", is_flag=True, help="No tags.")
@click.option("--clear-recurrence", is_flag=True, help="Does not come again.")
@click.option("--if-version", type=click.IntRange(min=1), metavar="N", help="Only if it still has this version.")
@click.pass_obj
def edit(app: AppContext, /, todo_id: str, if_version: int | None, **fields: Any) -> None:
    """Change a to-do.

    Only what is given changes; --tag replaces all tags. With --if-version, a change by somebody else in between ends
    with exit code 6 and nothing is changed.
    """
    changes = _changes(fields)
    if not changes:
        raise click.UsageError("nothing to change; give at least one field")
    client = app.client
    todo = client.todos.edit(whole_id(client, todo_id), if_version=if_version, **changes)
    app.out.result(todo, [f"changed {_in_a_line(todo)}"])


@click.command(cls=Command, examples="todo done 4f1c9ab")
@click.argument("todo_id", metavar="ID")
@click.pass_obj
def done(app: AppContext, todo_id: str) -> None:
    """Mark a to-do as done.

    `todo edit ID --status open` takes it back.
    """
    client = app.client
    todo = client.todos.done(whole_id(client, todo_id)).todo
    app.out.result(todo, [f"done {_in_a_line(todo)}"])


@click.command(
    cls=Command,
    examples="""
        todo rm 4f1c9ab
        todo rm 4f1c9ab --yes --no-input
    """,
)
@click.argument("todo_id", metavar="ID")
@YES
@click.pass_obj
def rm(app: AppContext, todo_id: str, yes: bool) -> None:
    """Remove a to-do.

    Asks first on a terminal; a script is taken at its word, and one that says --no-input must also say --yes.
    """
    client = app.client
    found = whole_id(client, todo_id)
    if not app.confirm(f"Remove {short_id(found)}?", yes=yes):
        raise click.Abort
    todo = client.todos.remove(found)
    app.out.result(todo, [f"removed {_in_a_line(todo)}"])


@click.command(cls=Command, examples="todo sync --json")
@click.pass_obj
def sync(app: AppContext) -> None:
    """Fetch what has changed since the last sync.

    One round trip. Changes made by this device and by others come back, removed to-dos too.
    """
    answer = app.client.sync()
    changed = [f"{'removed' if todo.deleted else 'changed'} {_in_a_line(todo)}" for todo in answer.changes]
    end = f"{len(changed)} changed; now at revision {answer.revision}"
    app.out.result(answer, [*changed, end])
    app.client.synced(answer)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, ())}


def _changes(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn edit's options into fields: a --clear-x is the empty value of x, and excludes --x."""
    empty = {"due": None, "tags": (), "recurrence": None}
    cleared = {name for name in empty if fields.pop(f"clear_{name}")}
    changes = _given(fields)
    for name in sorted(cleared):
        if name in changes:
            option = name.removesuffix("s")
            raise click.UsageError(f"--{option} and --clear-{name} exclude each other")
    return changes | {name: empty[name] for name in cleared}


def _row(todo: Todo) -> tuple[str, ...]:
    state = "x" if todo.status == "done" else ""
    due = _when(todo.due)
    return (short_id(todo.id), state, str(todo.priority), due, todo.list, todo.title, " ".join(todo.tags))


def _in_a_line(todo: Todo) -> str:
    due = f"  (due {_when(todo.due)})" if todo.due else ""
    return f"{short_id(todo.id)}  {todo.title}{due}"


def _when(due: date | datetime | None) -> str:
    """Tell when, in the person's own time."""
    if isinstance(due, datetime):
        return due.astimezone().strftime("%Y-%m-%d %H:%M")
    return due.isoformat() if due else ""


def _in_full(todo: Todo) -> list[str]:
    values = plain(todo)
    for name in ("tags", "attachments"):
        values[name] = ", ".join(values.get(name) or ())
    if not values["deleted"]:
        del values["deleted"]
    notes = values.pop("notes", "")
    return pairs(values) + (["", notes] if notes else [])
