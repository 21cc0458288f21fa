"""Which to-dos are meant: ids as lists show them, or a filter; and the question before many are changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from todo_cli import _syncing
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import Command

if TYPE_CHECKING:
    from todo_cli._context import AppContext
    from todo_cli._filter import Filter
    from todo_sdk import Todo

ID = re.compile(r"\d+|[0-9a-f-]{4,36}", re.IGNORECASE)
LONGEST_NUMBER = 7  # what is longer is the beginning of an id
MOST_NAMED = 5
MOST_LISTED = 10
TITLE_CHARS = 30
_TERM = re.compile(r"[+@]\S.*|-?[a-z_]+(\.[a-z]+)?:.+|overdue", re.DOTALL)
_MINUS_TERM = re.compile(r"-[^\W\d_][^=]+")


class FilterCommand(Command):
    """A command that takes a filter: -home among its words is a term (those without the tag), not options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Turn -home into not:home, which click leaves alone."""
        flags: set[str] = set()
        takes_value: set[str] = set()
        for param in self.get_params(ctx):
            if isinstance(param, click.Option):
                (flags if param.is_flag or param.count else takes_value).update(param.opts)
        flags.update(ctx.help_option_names)
        literal = args.index("--") if "--" in args else len(args)
        for place, word in enumerate(args[:literal]):
            is_value = place > 0 and args[place - 1] in takes_value
            is_options = all(f"-{letter}" in flags for letter in word[1:]) or word[:2] in takes_value
            if _MINUS_TERM.fullmatch(word) and not is_value and not is_options:
                args[place] = f"not:{word[1:]}"
        return super().parse_args(ctx, args)


@dataclass(frozen=True)
class Chosen:
    """The to-dos that are meant; `bulk` when they were not named one by one, or are several."""

    todos: tuple[Todo, ...]
    bulk: bool


def read_filter(app: AppContext, words: Iterable[str]) -> Filter:
    """Read a filter as of now, with the saved ones; a term that is none is a usage error."""
    from todo_cli import _filter

    try:
        return _filter.Reader(app.now(), app.preferences.filters).read(words)
    except _filter.FilterError as error:
        raise click.UsageError(str(error)) from None


def fitting(app: AppContext, words: Sequence[str], *, everything: bool = False) -> list[Todo]:
    """Give the to-dos that fit a filter; open ones, unless the filter speaks about the status itself."""
    if not words:
        return list(app.replica.list(status=None if everything else "open"))
    wanted = read_filter(app, words)
    todos = app.replica.list(status=None if everything or wanted.says_status else "open")
    return [todo for todo in todos if wanted.fits(todo)]


def choose(app: AppContext, words: Sequence[str]) -> Chosen:
    """Find what the words mean: a filter if one of them is a filter's term, else ids.

    Raises:
        CommandError: an id that is none (6), that no to-do has (5), or that several have (6, naming them); a filter
            that nothing fits (5).
    """
    _syncing.before_reading(app)
    if any(_TERM.fullmatch(word) for word in words):
        found = tuple(fitting(app, words))
        if not found:
            raise CommandError(f"no open to-do fits {' '.join(words)}", ExitCode.NOT_FOUND, "not_found")
        return Chosen(found, bulk=True)
    named = {todo.id: todo for todo in (one(app, word) for word in words)}
    return Chosen(tuple(named.values()), bulk=len(named) > 1)


def one(app: AppContext, typed: str) -> Todo:
    """Find the to-do with an id, or with one that begins so; raises as `choose` does."""
    wanted = typed.strip()
    if not ID.fullmatch(wanted):
        sentence = f"{typed!r} is not a to-do's id; give the number that `todo list` shows, or the id's beginning"
        raise CommandError(sentence, ExitCode.INVALID, "invalid_request")
    found = app.replica.find(wanted)
    if not found and len(wanted) > LONGEST_NUMBER and _syncing.look_again(app):
        found = app.replica.find(wanted)  # another device made it a moment ago
    if len(found) == 1:
        return found[0]
    if found:
        sentence = f"{typed} could be {_named(app, found)}; give more of it"
        raise CommandError(sentence, ExitCode.INVALID, "ambiguous_id")
    there = app.replica.list(status="open", limit=3)
    known = f"; there are {_named(app, there)}" if there else ""
    raise CommandError(f"no to-do has the id {typed}{known}; see `todo list --all`", ExitCode.NOT_FOUND, "not_found")


def agree(app: AppContext, deed: str, chosen: Chosen, *, yes: bool) -> None:
    """Ask before many to-dos are changed; a script must say --yes."""
    if not chosen.bulk or yes:
        return
    count = len(chosen.todos)
    what = "1 to-do" if count == 1 else f"{count} to-dos"
    if not app.may_ask:
        raise click.UsageError(f"this would {deed} {what}; add --yes")
    shown = chosen.todos[:MOST_LISTED]
    short = app.replica.short_ids(shown)
    for todo in shown:
        app.out.talk(f"  {short[todo.id]}  {todo.title}")
    if count > len(shown):
        app.out.talk(f"  … and {count - len(shown)} more")
    if not app.terminal.agrees(f"{deed.capitalize()} {what}?"):
        raise click.Abort


def document(chosen: Chosen, todos: Sequence[Any]) -> Any:
    """Give what --json prints: the to-do that was named, or {"todos": [...]} for several or a filter."""
    return {"todos": list(todos)} if chosen.bulk else todos[0]


def _named(app: AppContext, todos: Sequence[Todo]) -> str:
    short = app.replica.short_ids(todos[:MOST_NAMED])
    shown = ", ".join(f"{short[todo.id]} ({todo.title[:TITLE_CHARS]})" for todo in todos[:MOST_NAMED])
    return shown + (f" and {len(todos) - MOST_NAMED} more" if len(todos) > MOST_NAMED else "")
