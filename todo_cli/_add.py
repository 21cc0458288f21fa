"""The command add: words into a to-do."""

from __future__ import annotations

from typing import Any

import click

from todo_cli._context import AppContext
from todo_cli._fields import field_options, given
from todo_cli._options import Command

LITERAL = f"{__name__}.literal"


class AddCommand(Command):
    """Remembers whether `--` stood before the words, which click takes away."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the two dashes."""
        ctx.meta[LITERAL] = "--" in args
        return super().parse_args(ctx, args)


@click.command(
    cls=AddCommand,
    examples="""
        todo add Buy milk
        todo add 'Pay rent tomorrow 5pm #home !1 every month'
        todo add Call the bank --due friday --priority 1 --tag phone --list home
        todo add Water the plants every! 3 days list:balcony
        todo add -- Read the news today       literally: nothing is read from the words
    """,
)
@click.argument("words", nargs=-1, required=True)
@field_options
@click.pass_context
def add(ctx: click.Context, /, words: tuple[str, ...], **fields: Any) -> None:
    """Add a to-do.

    The words make the title. A date, a time and a recurrence at their end or beginning, #tag, list:name and !1 (or
    tag:, due: and priority:, which no shell takes for something else) are read and told back; options win over words.
    After -- the words are the title as they stand. It is kept on this machine first and sent when there is a network.
    """
    app = ctx.ensure_object(AppContext)
    from todo_cli import _syncing, _words

    text = " ".join(words)
    title, found = text, dict[str, Any]()
    if not ctx.meta[LITERAL]:
        title, found = _understood(text, app)
    todo = app.replica.add(title, **_whole({**found, **given(fields)}, app))
    known = {**plain_fields(todo), "priority": todo.priority if todo.priority < 4 else None}
    told = _words.echo(known, app.now(), spoken=app.accessible)
    short = app.replica.short_id(todo)
    app.out.result(todo, [f"added {short}  {todo.title}", *([f"  {told}"] if told else [])])
    _syncing.after_change(app)


def _understood(text: str, app: AppContext) -> tuple[str, dict[str, Any]]:
    from todo_cli import _words
    from todo_cli._days import NoSuchDayError

    try:
        found = _words.understood(text, app.now())
    except NoSuchDayError as error:
        sentence = f"{str(error)!r} is a day that no calendar has; put -- before the words to keep them as they stand"
        raise click.UsageError(sentence) from None
    return found.title, found.fields


def _whole(fields: dict[str, Any], app: AppContext) -> dict[str, Any]:
    """Give a recurrence without a date its first one."""
    if fields.get("recurrence") and not fields.get("due"):
        from todo_cli._words import first_due

        fields = {**fields, "due": first_due(fields["recurrence"], None, app.now())}
    return fields


def plain_fields(todo: Any) -> dict[str, Any]:
    """Give the fields that are told back."""
    return {name: getattr(todo, name) for name in ("due", "recurrence", "tags", "list")}
