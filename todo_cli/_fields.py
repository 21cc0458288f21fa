"""The options for a to-do's fields, the same on every command that writes, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import click

from todo_cli import _completing
from todo_cli._context import AppContext

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

PRIORITY = click.IntRange(1, 4)
FORMS = "2026-11-23, '2026-11-23 18:00', tomorrow 5pm, friday, 24 dec, in 3 days, end of month"


def _as_due(ctx: click.Context, param: click.Parameter, value: str | None) -> date | datetime | None:
    if value is None:
        return None
    from todo_cli._dates import parse_due
    from todo_cli._days import NoSuchDayError

    try:
        return parse_due(value, ctx.ensure_object(AppContext).now())
    except NoSuchDayError:
        raise click.BadParameter(f"{value!r} is a day that no calendar has", ctx, param) from None
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date; write {FORMS}", ctx, param) from None


def _as_recurrence(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from todo_cli._recurrence import given_recurrence

    found = given_recurrence(value)
    if found is None:
        sentence = f"{value!r} says not how often; write every 2 weeks, every mon,wed, every! 3 days, or an RRULE"
        raise click.BadParameter(sentence, ctx, param)
    return found


def field_options(command: AnyFunction) -> AnyFunction:
    """Add the options for a to-do's fields."""
    for option in (
        click.option(
            "--recurrence",
            metavar="HOW",
            callback=_as_recurrence,
            help="How it comes again: every month, every mon,wed, every! 3 days, FREQ=WEEKLY (RFC 5545).",
        ),
        click.option("--priority", type=PRIORITY, help="1 is highest, 4 is the default."),
        click.option("--list", "list", metavar="NAME", shell_complete=_completing.lists, help="The list it is on."),
        click.option(
            "--tag",
            "tags",
            metavar="TAG",
            multiple=True,
            shell_complete=_completing.tags,
            help="A tag; give it several times for several.",
        ),
        click.option("--due", metavar="WHEN", callback=_as_due, help=f"When: {FORMS}."),
        click.option("--notes", metavar="TEXT", help="More words about it."),
    ):
        command = option(command)
    return command


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields for which there was an option."""
    return {name: value for name, value in fields.items() if value not in (None, ())}
