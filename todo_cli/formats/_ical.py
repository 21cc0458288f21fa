"""iCalendar (RFC 5545): each to-do a VTODO, read and written by the library icalendar. Holds everything.

PRIORITY is 1, 5 and 9 for 1, 2 and 3, and none for 4, as calendars show them: high, medium, low. The list and the
attachments, which are keys and no addresses, are properties of our own. A due time is written in UTC: the moment stays,
the offset does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from todo_cli.formats._item import Broken, Format, Item, Surroundings

if TYPE_CHECKING:
    from icalendar import Todo as VTodo

    from todo_sdk import Todo

OWN_LIST, OWN_ATTACHMENT = "X-TODO-LIST", "X-TODO-ATTACHMENT"
TO_ICAL = {1: 1, 2: 5, 3: 9}
AFTER_DONE = "RRULE;X-FROM=COMPLETION:"
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//todo-sdk//todo//EN\r\n"
END = "END:VCALENDAR\r\n"


def _write(todos: Iterable[Todo], around: Surroundings) -> str:
    return HEAD + "".join(_vtodo(todo).to_ical().decode() for todo in todos) + END


def _vtodo(todo: Todo) -> VTodo:
    from icalendar import Todo as VTodo
    from icalendar import vRecur, vText

    entry = VTodo()
    entry.add("uid", todo.id)
    entry.add("dtstamp", todo.updated_at.astimezone(UTC))
    entry.add("created", todo.created_at.astimezone(UTC))
    entry.add("last-modified", todo.updated_at.astimezone(UTC))
    entry.add("summary", todo.title)
    if todo.notes:
        entry.add("description", todo.notes)
    entry.add("status", "COMPLETED" if todo.status == "done" else "NEEDS-ACTION")
    if todo.completed_at:
        entry.add("completed", todo.completed_at.astimezone(UTC))
    if todo.priority in TO_ICAL:
        entry.add("priority", TO_ICAL[todo.priority])
    if todo.due is not None:
        entry.add("due", todo.due.astimezone(UTC) if isinstance(todo.due, datetime) else todo.due)
    if todo.tags:
        entry.add("categories", list(todo.tags))
    if todo.recurrence:
        rule = todo.recurrence.removeprefix(AFTER_DONE)
        entry.add("rrule", vRecur.from_ical(rule), {"X-FROM": "COMPLETION"} if rule != todo.recurrence else {})
    if todo.list:
        entry.add(OWN_LIST, vText(_encoded(todo.list)))
    for key in todo.attachments:
        entry.add(OWN_ATTACHMENT, vText(_encoded(key)))
    return entry


def _encoded(text: str) -> str:
    # Whether text of an unknown property is escaped depends on the program; percent signs are read alike by all.
    return re.sub(r'[%\\;,:"\s]', lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _read(text: str, around: Surroundings) -> Iterator[Item | Broken]:
    blocks, zones = _blocks(text)
    if "BEGIN:VCALENDAR" not in text.upper():
        yield Broken(1, "this is no iCalendar: it does not begin with BEGIN:VCALENDAR")
    for line, block in blocks:
        if block is None:
            yield Broken(line, "the VTODO is not closed")
        else:
            yield _item(f"{HEAD}{zones}{block}{END}", line, around)


def _blocks(text: str) -> tuple[list[tuple[int, str | None]], str]:
    """Cut the VTODOs out, each with its line, so that one that is broken leaves the others readable."""
    found: list[tuple[int, str | None]] = []
    zones: list[str] = []
    begun: tuple[int, str] | None = None
    lines: list[str] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.rstrip("\r")
        word = line.strip().upper()
        if word in ("BEGIN:VTODO", "BEGIN:VTIMEZONE"):
            if begun and begun[1] == "VTODO":
                found.append((begun[0], None))
            begun, lines = (number, word[6:]), []
        if begun:
            lines.append(line)
        if begun and word == f"END:{begun[1]}":
            block = "\r\n".join(lines) + "\r\n"
            if begun[1] == "VTODO":
                found.append((begun[0], block))
            else:
                zones.append(block)
            begun = None
    if begun and begun[1] == "VTODO":
        found.append((begun[0], None))
    return found, "".join(zones)


def _item(calendar: str, line: int, around: Surroundings) -> Item | Broken:
    from icalendar import Calendar

    try:
        entry = Calendar.from_ical(calendar).walk("VTODO")[0]
        if entry.errors:
            name, reason = entry.errors[0]
            return Broken(line, f"{name or 'a property'} cannot be read: {reason}")
        title = str(entry.get("summary", "")).strip("\r\n")
        if not title.strip():
            return Broken(line, "it has no SUMMARY")
        fields = {"title": title, **_fields(entry, around)}
        created = entry.decoded("created", None)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        return Broken(line, f"it cannot be read: {' '.join(str(error).split())[:120]}")
    made_at = created if isinstance(created, datetime) and created.tzinfo else None
    return Item(fields, line, str(entry.get("uid")) if entry.get("uid") else None, made_at)


def _fields(entry: Any, around: Surroundings) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if entry.get("description"):
        fields["notes"] = str(entry["description"])
    if str(entry.get("status", "")).upper() in ("COMPLETED", "CANCELLED") or entry.get("completed"):
        fields["status"] = "done"
    if "priority" in entry:
        fields["priority"] = _priority(int(entry["priority"]))
    if "due" in entry:
        fields["due"] = _due(entry.decoded("due"), around)
    tags = ["-".join(str(tag).replace(",", " ").split()) for tag in _categories(entry)]
    if tags:
        fields["tags"] = tuple(dict.fromkeys(filter(None, tags)))
    if "rrule" in entry:
        rule = entry["rrule"]
        after = AFTER_DONE if str(rule.params.get("X-FROM", "")).upper() == "COMPLETION" else ""
        fields["recurrence"] = after + rule.to_ical().decode()
    if entry.get(OWN_LIST):
        fields["list"] = unquote(str(entry[OWN_LIST]))
    if OWN_ATTACHMENT in entry:
        keys = entry[OWN_ATTACHMENT]
        fields["attachments"] = tuple(unquote(str(key)) for key in (keys if isinstance(keys, list) else [keys]))
    return fields


def _categories(entry: Any) -> Iterator[str]:
    found = entry.get("categories")
    for group in found if isinstance(found, list) else [found]:
        if group is not None:
            yield from (str(tag) for tag in group.cats)


def _priority(number: int) -> int:
    if number == 0:
        return 4
    return 1 if number < 5 else 2 if number == 5 else 3


def _due(value: Any, around: Surroundings) -> date | datetime:
    if isinstance(value, datetime) and value.tzinfo is None:  # a floating time: where the person is
        from todo_cli._dates import at_time

        return at_time(value.date(), value.time(), around.now)
    if not isinstance(value, date):
        raise TypeError("DUE is neither a date nor a date-time")
    return value


FORMAT = Format("ical", _write, _read)
