"""What is there: list, search, tags, lists, stats, and show."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import click

from todo_cli import _syncing, _telling
from todo_cli._choice import FilterCommand, choose, document, fitting
from todo_cli._context import AppContext
from todo_cli._fields import PRIORITY
from todo_cli._options import Command
from todo_cli._output import pairs, plain
from todo_cli._urgency import due_moment, order

if TYPE_CHECKING:
    from todo_sdk import Todo

SORTS = ("urgency", "due", "priority", "created", "updated", "title")


@click.command(
    "list",
    cls=FilterCommand,
    examples="""
        todo list
        todo list +home due.before:friday
        todo list list:shop or milk
        todo list overdue -work --sort due
        todo list status:done completed.after:yesterday --json
        todo list @work                      a saved filter: todo filter save work +work
    """,
)
@click.argument("terms", metavar="[FILTER]...", nargs=-1)
@click.option("--status", type=click.Choice(["open", "done"]), help="Only open or only done ones (default: open).")
@click.option("--all", "everything", is_flag=True, help="Open and done ones.")
@click.option("--tag", metavar="TAG", help="Only those with this tag; as +TAG.")
@click.option("--list", "list", metavar="NAME", help="Only those on this list; as list:NAME.")
@click.option("--priority", type=PRIORITY, help="Only those of this priority; as priority:N.")
@click.option("--due-before", metavar="WHEN", help="Only those due before; as due.before:WHEN.")
@click.option("--due-after", metavar="WHEN", help="Only those due after; as due.after:WHEN.")
@click.option("--search", metavar="TEXT", help="Only those with this text in title or notes; as text:TEXT.")
@click.option("--sort", type=click.Choice(SORTS), default="urgency", show_default=True, help="What comes first.")
@click.option("--limit", "-n", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.pass_obj
def list_todos(
    app: AppContext, /, terms: tuple[str, ...], everything: bool, sort: str, limit: int | None, **options: Any
) -> None:
    """List to-dos, the most urgent first.

    From this machine's own copy, which is then brought up to date. Done ones are left out unless the filter says
    status:done or status:all. The short ids shown stay with a to-do and work in every command.
    """
    if everything and options["status"]:
        raise click.UsageError("--all and --status exclude each other")
    _syncing.before_reading(app)
    wanted = [*terms, *_terms_of(options)]
    todos = _sorted(app, fitting(app, wanted, everything=everything), sort)[:limit]
    _telling.print_list(app, todos)
    if not todos:
        app.out.talk("no to-dos" if everything or wanted else "nothing to do")
    _syncing.after_reading(app)


@click.command(
    cls=Command,
    examples="""
        todo search milk
        todo search oat mil --json
    """,
)
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", "-n", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@click.pass_obj
def search(app: AppContext, words: tuple[str, ...], limit: int | None) -> None:
    """Search titles, notes, tags and lists, the best match first.

    All words must be there, the last one may be a beginning; case and accents do not matter. Done ones come last.
    """
    _syncing.before_reading(app)
    todos = app.replica.search(" ".join(words), limit=limit)
    _telling.print_list(app, todos)
    if not todos:
        app.out.talk("no to-do has these words")
    _syncing.after_reading(app)


@click.command(cls=Command, examples="todo tags")
@click.pass_obj
def tags(app: AppContext) -> None:
    """Show every tag and how many open to-dos have it."""
    _counts(app, "tags")


@click.command(cls=Command, examples="todo lists --json")
@click.pass_obj
def lists(app: AppContext) -> None:
    """Show every list and how many open to-dos are on it."""
    _counts(app, "lists")


@click.command(cls=Command, examples="todo stats")
@click.pass_obj
def stats(app: AppContext) -> None:
    """Count what is open, done, overdue and waiting to be sent."""
    _syncing.before_reading(app)
    found = app.replica.stats()
    shown = {name: value for name, value in plain(found).items() if name not in ("revision", "synced_at")}
    synced = found.synced_at.astimezone(app.now().tzinfo).strftime("%Y-%m-%d %H:%M") if found.synced_at else "never"
    app.out.result(found, pairs({**shown, "last sync": synced}))
    _syncing.after_reading(app)


@click.command(
    cls=FilterCommand,
    examples="""
        todo show 3
        todo show 0193a5b2-7c1e-7000-8000-1b2c34f1c9ab --json
        todo show +home due:today
    """,
)
@click.argument("ids", metavar="ID|FILTER...", nargs=-1, required=True)
@click.pass_obj
def show(app: AppContext, ids: tuple[str, ...]) -> None:
    """Show to-dos in full, with what was changed here and what lost a conflict.

    ID is the number that lists show, or at least 4 characters of the beginning of the whole id.
    """
    chosen = choose(app, ids)
    lines: list[str] = []
    for todo in chosen.todos:
        past = _telling.past_of(app.replica.history(todo.id), app.replica.conflicts(todo.id), app.now())
        lines += [*([""] if lines else []), *_telling.in_full(todo, app.replica.short_id(todo)), *past]
    app.out.result(document(chosen, chosen.todos), lines)
    _syncing.after_reading(app)


def _terms_of(options: dict[str, Any]) -> list[str]:
    keys = {"search": "text", "due_before": "due.before", "due_after": "due.after"}
    return [f"{keys.get(name, name)}:{value}" for name, value in options.items() if value is not None]


def _sorted(app: AppContext, todos: Sequence[Todo], sort: str) -> list[Todo]:
    now = app.now()
    by_urgency = sorted(todos, key=lambda todo: order(todo, now))
    if sort == "urgency":
        return by_urgency
    if sort == "due":  # what has no date comes last
        return sorted(by_urgency, key=lambda todo: due_moment(todo.due, now).timestamp() if todo.due else inf)
    if sort in ("created", "updated"):
        return sorted(by_urgency, key=lambda todo: getattr(todo, f"{sort}_at"), reverse=True)
    return sorted(by_urgency, key=lambda todo: todo.priority if sort == "priority" else todo.title.casefold())


def _counts(app: AppContext, name: Literal["tags", "lists"]) -> None:
    _syncing.before_reading(app)
    counts = app.replica.tags() if name == "tags" else app.replica.lists()
    rows = [(each or "(none)", str(count)) for each, count in counts.items()]
    app.out.table({name: counts}, (name.upper().removesuffix("S"), "OPEN"), rows)
    if not rows:
        app.out.talk(f"no {name}")
    _syncing.after_reading(app)
