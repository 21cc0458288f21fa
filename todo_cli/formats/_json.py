"""JSON: the document of `todo list --json`, an array of to-dos, or one to-do a line. Holds everything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from todo_cli.formats._item import Broken, Format, Item, Surroundings

if TYPE_CHECKING:
    from todo_sdk import Todo

FIELDS = ("title", "notes", "status", "priority", "due", "tags", "list", "recurrence", "attachments")
SPACE = " \t\r\n"


def _write(todos: Iterable[Todo], around: Surroundings) -> str:
    return json.dumps({"todos": [todo.to_wire() for todo in todos]}, indent=2, ensure_ascii=False) + "\n"


def _read(text: str, around: Surroundings) -> Iterator[Item | Broken]:
    for line, value in json_values(text):
        yield value if isinstance(value, Broken) else _item(value, line)


def json_values(text: str) -> Iterator[tuple[int, Any]]:
    """Give each value of an array, of the member "todos" of an object, or of lines of JSON, with its line.

    After what is no JSON nothing more can be found; it is a Broken.
    """
    decoder = json.JSONDecoder()
    at = _after_space(text, 1 if text.startswith("\ufeff") else 0)
    if text[at : at + 1] == "{" and (start := _start_of_todos(text, at)) is not None:
        at = start
    in_array = text[at : at + 1] == "["
    at = _after_space(text, at + in_array)
    while at < len(text) and not (in_array and text[at] == "]"):
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            wrong = text.count("\n", 0, getattr(error, "pos", at)) + 1
            yield wrong, Broken(wrong, f"no JSON: {getattr(error, 'msg', 'it is nested too deeply')}")
            return
        yield line, value
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
    if in_array and at >= len(text):
        last = text.count("\n") + 1
        yield last, Broken(last, "no JSON: the array is not closed")


def _start_of_todos(text: str, at: int) -> int | None:
    """Find the array of an object {"todos": [...]}; another object is a to-do itself."""
    try:
        document, _ = json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError):
        document = None
    if document is not None and not isinstance(document.get("todos"), list):
        return None
    key = text.find('"todos"', at)
    bracket = text.find("[", key)
    return bracket if key >= 0 and bracket >= 0 and text[key + 7 : bracket].strip() == ":" else None


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at


def _item(value: Any, line: int) -> Item | Broken:
    if not isinstance(value, Mapping):
        return Broken(line, f"a to-do is an object, not {json.dumps(value)[:40]}")
    if value.get("deleted"):
        return Broken(line, "it is a removed to-do")
    fields = {name: value[name] for name in FIELDS if value.get(name) is not None}
    if not isinstance(fields.get("title"), str):
        return Broken(line, "it has no title")
    for name in ("tags", "attachments"):
        if name in fields and not isinstance(fields[name], list):
            return Broken(line, f"{name} must be an array")
    try:
        if "due" in fields:
            fields["due"] = due_of(fields["due"])
    except (ValueError, TypeError):
        return Broken(line, f"due {fields['due']!r} is no date")
    known = {name: tuple(each) if isinstance(each, list) else each for name, each in fields.items()}
    return Item(known, line, _text(value.get("id")), moment_of(value.get("created_at")))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def due_of(text: str) -> date | datetime:
    """Read a date, or a date-time with its offset; raises ValueError."""
    if len(text) == 10:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def moment_of(text: Any) -> datetime | None:
    """Read a moment that is not worth failing for."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else None


FORMAT = Format("json", _write, _read)
