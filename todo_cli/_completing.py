"""What TAB offers for a word: ids, tags, lists, saved filters, profiles, devices, files, commands.

To-dos come from this machine's copy and ask nobody. Files and devices are asked for once and waited for a second. At a
prompt nothing may be printed and nothing may fail: whatever goes wrong, nothing is offered. What has to be imported is
imported when somebody asks: every command carries these.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from functools import wraps
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from todo_cli._context import AppContext

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from todo_sdk import Todo

ANSWER_SECONDS = 1.0  # more, and the person has typed the word
MOST_OFFERED = 100
ID_BEGINS = re.compile(r"[0-9a-f-]{4,36}", re.IGNORECASE)
BASH_SPECIAL = re.compile(r"([^\w@%+=:,./~-])")

Found = Callable[[AppContext, click.Context, str], Iterable[str | tuple[str, str]]]
Completer = Callable[[click.Context, click.Parameter, str], list["CompletionItem[str]"]]


def _offered(find: Found) -> Completer:
    """Make a completer of what finds values, each with a text about it where there is one."""

    @wraps(find)
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        found: dict[str, str | None] = {}
        try:
            with redirect_stderr(StringIO()):
                for each in find(ctx.ensure_object(AppContext), ctx, incomplete):
                    value, told = each if isinstance(each, tuple) else (each, None)
                    if value.startswith(incomplete) and value.isprintable():
                        found[value] = told
        except Exception:  # noqa: BLE001 - the person is typing; a word that is not offered is no failure
            return []
        return [CompletionItem(_quoted(value), help=_in_a_line(told)) for value, told in found.items()]

    return complete


def _quoted(value: str) -> str:
    """Escape for bash, twice: click's script reads one away, and bash takes the rest as it stands. Others need none."""
    is_bash = os.environ.get("_TODO_COMPLETE", "").startswith("bash")
    return BASH_SPECIAL.sub(r"\\\\\1", value) if is_bash else value


def _in_a_line(told: str | None) -> str | None:
    return None if told is None else " ".join("".join(c if c.isprintable() else " " for c in told).split())


def _is_set_up(app: AppContext) -> bool:
    """Tell whether a client can be made without asking the API which deployment it is."""
    from todo_sdk import Config

    return not Config.load(app.settings.profile).missing


@_offered
def todo_ids(app: AppContext, ctx: click.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Offer the numbers of the open to-dos, with their titles; whole ids once one has been begun."""
    yield from _ids(app, incomplete)


@_offered
def filter_terms(app: AppContext, ctx: click.Context, incomplete: str) -> Iterator[str]:
    """Offer the terms of a filter: +TAG, @NAME, list:NAME."""
    yield from _terms(app, incomplete)


@_offered
def ids_and_terms(app: AppContext, ctx: click.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    """Offer what a command takes that changes one to-do or many."""
    yield from _ids(app, incomplete)
    yield from _terms(app, incomplete)


@_offered
def tags(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[str]:
    """Offer the tags of open to-dos."""
    return app.replica.tags() if _is_set_up(app) else ()


@_offered
def lists(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[str]:
    """Offer the lists with open to-dos."""
    return filter(None, app.replica.lists()) if _is_set_up(app) else ()


@_offered
def saved_filters(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[tuple[str, str]]:
    """Offer the names of the saved filters."""
    return app.preferences.filters.items()


@_offered
def attachments(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[str]:
    """Offer what the to-do that was named has attached."""
    from todo_cli._telling import attachment_names

    # An option that still wants its value keeps click from sorting the words.
    typed = ctx.params.get("todo_id") or "".join(ctx.args[:1])
    found: tuple[Todo, ...] = app.replica.find(typed) if typed and _is_set_up(app) else ()
    return attachment_names(found[0]) if len(found) == 1 else ()


@_offered
def profiles(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[tuple[str, str]]:
    """Offer the profiles, with their addresses."""
    from todo_sdk import profiles as known

    return [(name, settings.get("api_url") or "") for name, settings in known().items()]


@_offered
def remote_files(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[str]:
    """Offer the files in the person's folder that begin so."""
    from itertools import islice

    found = _within_a_second(
        app, lambda: [file.key for file in islice(app.client.files.list(incomplete), MOST_OFFERED)]
    )
    return found or ()


@_offered
def devices(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[tuple[str, str]]:
    """Offer the devices, by the end of their keys."""
    from todo_cli._device import short_key

    found = _within_a_second(app, lambda: [(short_key(one), one.name) for one in app.client.auth.devices.list()])
    return found or ()


@_offered
def commands_and_pages(app: AppContext, ctx: click.Context, incomplete: str) -> Iterable[str]:
    """Offer what there is help for."""
    from todo_cli._help import PAGES

    context, words = ctx.find_root(), ctx.params.get("words") or ()
    for word in words:
        command = context.command.get_command(context, word) if isinstance(context.command, click.Group) else None
        if command is None:
            return ()
        context = click.Context(command, parent=context)
    here = context.command.list_commands(context) if isinstance(context.command, click.Group) else []
    return [*here, *([] if words else PAGES)]


def local_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Leave it to the shell, which knows the files here."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def _ids(app: AppContext, incomplete: str) -> Iterator[tuple[str, str]]:
    if not _is_set_up(app):
        return
    todos = app.replica.list(status="open")
    short = app.replica.short_ids(todos)
    yield from ((short[todo.id], todo.title) for todo in todos)
    if ID_BEGINS.fullmatch(incomplete):
        yield from ((todo.id, todo.title) for todo in app.replica.find(incomplete))


def _terms(app: AppContext, incomplete: str) -> Iterator[str]:
    yield from (f"@{name}" for name in app.preferences.filters)
    if not _is_set_up(app):
        return
    yield from (f"+{tag}" for tag in app.replica.tags())
    if incomplete.startswith("list:"):
        yield from (f"list:{name}" for name in app.replica.lists() if name)


def _within_a_second(app: AppContext, ask: Callable[[], Any]) -> Any:
    """Ask over the network, and give up on what takes longer; the process then ends with the question open."""
    from threading import Thread

    if not _is_set_up(app) or app.preferences.offline:
        return None
    answers: list[Any] = []

    def asking() -> None:
        try:
            answers.append(ask())
        except Exception:  # noqa: BLE001 - no answer, whatever the reason
            answers.append(None)

    thread = Thread(target=asking, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    return answers[0] if answers else None
