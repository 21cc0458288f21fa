"""From what a person types to one to-do: a whole id, its beginning, or the end that lists show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from todo_cli._errors import CommandError, ExitCode
from todo_cli._output import short_id

if TYPE_CHECKING:
    from todo_sdk import TodoClient

WHOLE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PART = re.compile(r"[0-9a-f-]{4,36}")
MOST_NAMED = 5


def whole_id(client: TodoClient, typed: str) -> str:
    """Find the whole id; a whole one is taken as it is, a part asks the list.

    Raises:
        CommandError: the text is no id (6), no to-do has it (5), or several do (6, naming them).
    """
    wanted = typed.strip().lower()
    if WHOLE.fullmatch(wanted):
        return wanted
    if not PART.fullmatch(wanted):
        sentence = f"{typed!r} is not a to-do's id; give the id, or at least 4 characters of its beginning or end"
        raise CommandError(sentence, ExitCode.INVALID, "invalid_request")
    found = [todo for todo in client.todos.list() if todo.id.startswith(wanted) or todo.id.endswith(wanted)]
    if len(found) == 1:
        return found[0].id
    if not found:
        raise CommandError(f"no to-do has the id {typed}; see `todo list --all`", ExitCode.NOT_FOUND, "not_found")
    named = ", ".join(f"{short_id(todo.id)} ({todo.title[:30]})" for todo in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    raise CommandError(f"{typed} could be {named}{more}; give more of it", ExitCode.INVALID, "ambiguous_id")
