"""What changes to-dos: edit, done, undo, rm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from todo_cli import _syncing, _telling
from todo_cli._choice import Chosen, FilterCommand, agree, choose, document
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._fields import field_options, given
from todo_cli._options import YES, Command
from todo_cli._output import plain

if TYPE_CHECKING:
    from todo_sdk import Todo

IDS = click.argument("ids", metavar="ID|FILTER...", nargs=-1, required=True)


@click.command(
    cls=FilterCommand,
    examples="""
        todo edit 3                          in your editor ($VISUAL, $EDITOR)
        todo edit 3 --title "Buy oat milk" --priority 2
        todo edit 3 --clear-due --clear-tags
        todo edit +home overdue --due tomorrow --yes
        todo edit 3 --status open --if-version 3
    """,
)
@IDS
@click.option("--title", metavar="TEXT", help="Other words.")
@field_options
@click.option("--status", type=click.Choice(["open", "done"]), help="Open it again, or mark it as done.")
@click.option("--clear-due", is_flag=True, help="No longer due at any time.")
@click.option("--clear-tags", is_flag=True, help="No tags.")
@click.option("--clear-recurrence", is_flag=True, help="Does not come again.")
@click.option(
    "--if-version", type=click.IntRange(min=1), metavar="N", help="Only if the service still has this version."
)
@YES
@click.pass_obj
def edit(app: AppContext, /, ids: tuple[str, ...], if_version: int | None, yes: bool, **fields: Any) -> None:
    """Change to-dos.

    Only what is given changes; --tag replaces all tags. Without an option the to-do opens in your editor. Several ids,
    or a filter, are asked about first. --if-version asks the service at once: a change by somebody else in between
    ends with exit code 6 and nothing is changed.
    """
    changes = _changes(fields)
    chosen = choose(app, ids)
    if not changes:
        changes = _from_editor(app, chosen, if_version)
        if not changes:
            app.out.result(document(chosen, chosen.todos), ["nothing was changed"])
            return
    agree(app, "change", chosen, yes=yes)
    if if_version is not None:
        todos = [_edited_online(app, chosen, if_version, changes)]
    else:
        with app.replica.transaction():
            todos = [app.replica.edit(todo.id, **changes) for todo in chosen.todos]
    _finish(app, "changed", chosen, todos)


@click.command(
    cls=FilterCommand,
    examples="""
        todo done 3
        todo done 3 5 8 --yes
        todo done +shop due:today
    """,
)
@IDS
@YES
@click.pass_obj
def done(app: AppContext, ids: tuple[str, ...], yes: bool) -> None:
    """Mark to-dos as done; one that recurs comes again.

    `todo undo` takes it back, and so does `todo edit ID --status open`. Several ids, or a filter, are asked about
    first.
    """
    chosen = choose(app, ids)
    agree(app, "finish", chosen, yes=yes)
    with app.replica.transaction():
        finished = [app.replica.done(todo.id) for todo in chosen.todos]
    followers = [each.next for each in finished if each.next is not None]
    short = app.replica.short_ids([*(each.todo for each in finished), *followers])
    now, lines = app.now(), []
    for each in finished:
        lines.append(f"done {_telling.in_a_line(each.todo, short[each.todo.id], now)}")
        if each.next is not None:
            lines.append(f"next {_telling.in_a_line(each.next, short[each.next.id], now)}")
    documents = [{**plain(each.todo), "next": plain(each.next)} for each in finished]
    app.out.result(document(chosen, documents), lines)
    _syncing.after_change(app)


@click.command(
    cls=FilterCommand,
    examples="""
        todo rm 3
        todo rm 3 --yes --no-input
        todo rm status:done completed.before:2026-01-01
    """,
)
@IDS
@YES
@click.pass_obj
def rm(app: AppContext, ids: tuple[str, ...], yes: bool) -> None:
    """Remove to-dos.

    Asks first on a terminal; a script is taken at its word for one id, and must say --yes for several, for a filter,
    and with --no-input. `todo undo` brings them back.
    """
    chosen = choose(app, ids)
    if chosen.bulk:
        agree(app, "remove", chosen, yes=yes)
    elif not app.confirm(f"Remove {app.replica.short_id(chosen.todos[0])}  {chosen.todos[0].title}?", yes=yes):
        raise click.Abort
    short = app.replica.short_ids(chosen.todos)  # a number goes with its to-do
    with app.replica.transaction():
        todos = [app.replica.remove(todo.id) for todo in chosen.todos]
    _finish(app, "removed", chosen, todos, short)


@click.command(cls=Command, examples="todo undo")
@click.pass_obj
def undo(app: AppContext) -> None:
    """Take the last change back that was made here; again, the one before it.

    Also after a sync: then the change back is sent. What somebody else changed again in between stays as it is.
    """
    undone = app.replica.undo()
    if undone is None:
        raise CommandError(
            "nothing to undo: nothing was changed here, or all of it is undone", ExitCode.FAILED, "nothing"
        )
    short = app.replica.short_ids(undone.todos)
    lines = [f"undone: {undone.op}"]
    for todo in undone.todos:
        told = f"gone  {todo.title}" if todo.deleted else _telling.in_a_line(todo, short[todo.id], app.now())
        lines.append(f"  {told}")
    if undone.kept:
        lines.append(f"  changed elsewhere since, and kept: {', '.join(undone.kept)}")
    app.out.result(undone, lines)
    _syncing.after_change(app)


def _finish(app: AppContext, deed: str, chosen: Chosen, todos: list[Todo], short: dict[str, str] | None = None) -> None:
    short, now = short or app.replica.short_ids(todos), app.now()
    lines = [f"{deed} {_telling.in_a_line(todo, short[todo.id], now)}" for todo in todos]
    app.out.result(document(chosen, todos), lines)
    _syncing.after_change(app)


def _edited_online(app: AppContext, chosen: Chosen, if_version: int, changes: dict[str, Any]) -> Todo:
    if chosen.bulk:
        raise click.UsageError("--if-version is for one to-do")
    report = _syncing.full_sync(app, None)  # what waits here goes first
    if report.error is not None:
        raise report.error
    todo = app.client.todos.edit(chosen.todos[0].id, if_version=if_version, **changes)
    _syncing.full_sync(app, None)
    return todo


def _from_editor(app: AppContext, chosen: Chosen, if_version: int | None) -> dict[str, Any]:
    if chosen.bulk or if_version is not None or not app.may_ask:
        raise click.UsageError("nothing to change; give at least one field")
    from todo_cli import _editor

    todo = chosen.todos[0]
    return _editor.edited(todo, app)


def _changes(fields: dict[str, Any]) -> dict[str, Any]:
    """Turn edit's options into fields: a --clear-x is the empty value of x, and excludes --x."""
    empty = {"due": None, "tags": (), "recurrence": None}
    cleared = {name for name in empty if fields.pop(f"clear_{name}")}
    changes = given(fields)
    for name in sorted(cleared):
        if name in changes:
            option = name.removesuffix("s")
            raise click.UsageError(f"--{option} and --clear-{name} exclude each other")
    return changes | {name: empty[name] for name in cleared}
