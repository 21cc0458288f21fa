"""How a to-do is told: in a line, as a row of a list, in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from todo_cli._output import pairs, plain
from todo_cli._urgency import state

if TYPE_CHECKING:
    from todo_cli._context import AppContext
    from todo_sdk import Conflict, HistoryEntry, Todo

HEADINGS = ("ID", "", "P", "DUE", "LIST", "TITLE", "TAGS")
TITLE_COLUMN = HEADINGS.index("TITLE")
STYLES = {"overdue": "31;1", "today": "33;1", "done": "2", "": ""}


def when(todo: Todo, now: datetime) -> str:
    """Tell when, in the person's own time; nothing for what is not due."""
    if isinstance(todo.due, datetime):
        return todo.due.astimezone(now.tzinfo).strftime("%Y-%m-%d %H:%M")
    return todo.due.isoformat() if todo.due else ""


def in_a_line(todo: Todo, short_id: str, now: datetime) -> str:
    """Tell the short id, the title and when it is due."""
    due = when(todo, now)
    return f"{short_id}  {todo.title}" + (f"  (due {due})" if due else "")


def row(todo: Todo, short_id: str, now: datetime) -> tuple[str, ...]:
    """Give the cells of a list; overdue and today are said in words, for eyes without colours."""
    due = " ".join(filter(None, (when(todo, now), state(todo, now))))
    done = "x" if todo.status == "done" else ""
    return (short_id, done, str(todo.priority), due, todo.list, todo.title, " ".join(todo.tags))


def print_list(app: AppContext, todos: Sequence[Todo]) -> None:
    """Print to-dos as a table, or as the document {"todos": [...]}."""
    if app.settings.as_json:
        app.out.document({"todos": list(todos)})
        return
    now, short = app.now(), app.replica.short_ids(todos)
    rows = [row(todo, short[todo.id], now) for todo in todos]
    styles = [STYLES["done" if todo.status == "done" else state(todo, now)] for todo in todos]
    app.out.table({}, HEADINGS, rows, styles=styles, folded=TITLE_COLUMN)


def in_full(todo: Todo, short_id: str) -> list[str]:
    """Tell every field, then the notes."""
    from todo_cli import _recurrence

    values = {"short id": short_id, **plain(todo)}
    for name in ("tags", "attachments"):
        values[name] = ", ".join(values.get(name) or ())
    if not values["deleted"]:
        del values["deleted"]
    if todo.recurrence and (told := _recurrence.told(todo.recurrence)) != todo.recurrence:
        values["recurrence"] = f"{told}  ({todo.recurrence})"
    notes = values.pop("notes", "")
    return pairs(values) + (["", notes] if notes else [])


def past_of(history: Sequence[HistoryEntry], conflicts: Sequence[Conflict], now: datetime) -> list[str]:
    """Tell what was changed on this device and what lost a conflict, the last one first."""
    lines = [f"  {_at(entry.at, now)}  {_told_entry(entry)}" for entry in history]
    lost = [f"  {_at(each.at, now)}  {each.field}: {each.kept!r} stays, {each.lost!r} lost" for each in conflicts]
    return (["", "changed here:", *lines] if lines else []) + (["", "conflicts:", *lost] if lost else [])


def _at(moment: datetime, now: datetime) -> str:
    return moment.astimezone(now.tzinfo).strftime("%Y-%m-%d %H:%M")


def _told_entry(entry: HistoryEntry) -> str:
    undone = " (undone)" if entry.undone else ""
    if entry.before is None or entry.after is None:
        return f"{entry.op}{undone}"
    return f"{entry.op}{undone}: {', '.join(_told_field(name, entry.before, entry.after) for name in entry.after)}"


def _told_field(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    return f"{name} {before.get(name)!r} → {after[name]!r}"
