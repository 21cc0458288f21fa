"""Saved filters: filter save, filter ls, filter rm."""

from __future__ import annotations

import re
import shlex

import click

from todo_cli import _preferences
from todo_cli._choice import FilterCommand, read_filter
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import Group

NAME = re.compile(r"[\w-]{1,40}")


@click.group(
    "filter",
    cls=Group,
    examples="""
        todo filter save week +work due.by:eow
        todo list @week
        todo filter ls
        todo filter rm week
    """,
)
def filter_group() -> None:
    """Filters under a name: save, ls, rm."""


@filter_group.command("save", cls=FilterCommand, examples="todo filter save week +work due.by:eow")
@click.argument("name")
@click.argument("terms", nargs=-1, required=True)
@click.pass_obj
def save(app: AppContext, name: str, terms: tuple[str, ...]) -> None:
    """Keep a filter under a name; `todo list @NAME` uses it.

    It is read before it is kept. Dates in it are read anew each time: due:today is always today.
    """
    name = name.removeprefix("@")
    if not NAME.fullmatch(name):
        raise click.UsageError(f"{name!r} cannot be the name of a filter; use letters, digits, '-' and '_'")
    read_filter(app, terms)
    text = shlex.join(terms)
    _preferences.save_filter(name, text)
    app.out.result({"name": name, "filter": text}, [f"saved @{name}: {text}"])


@filter_group.command("ls", examples="todo filter ls --json")
@click.pass_obj
def ls(app: AppContext) -> None:
    """List the saved filters."""
    filters = dict(app.preferences.filters)
    app.out.table({"filters": filters}, ("NAME", "FILTER"), [(f"@{name}", text) for name, text in filters.items()])
    if not filters:
        app.out.talk("no filters are saved")


@filter_group.command("rm", examples="todo filter rm week")
@click.argument("name")
@click.pass_obj
def rm(app: AppContext, name: str) -> None:
    """Forget a saved filter."""
    name = name.removeprefix("@")
    if name not in app.preferences.filters:
        known = ", ".join(f"@{each}" for each in app.preferences.filters) or "none"
        raise CommandError(f"there is no saved filter @{name}; there are: {known}", ExitCode.NOT_FOUND, "not_found")
    _preferences.save_filter(name, None)
    app.out.result({"name": name}, [f"forgot @{name}"])
