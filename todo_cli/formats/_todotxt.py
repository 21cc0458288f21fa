"""todo.txt: one to-do a line. The list is the +project, tags are @contexts, priorities 1 to 3 are (A) to (C).

Beyond the format's own words it writes due:, rec: (the widespread add-on), rrule: for rules that rec: cannot say, and
id:. A word of the title that would be read as one of these gets a backslash before it. Notes and attachments cannot be
held, and line breaks and runs of spaces in a title become one space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from todo_cli.formats._item import Broken, Format, Item, Surroundings
from todo_cli.formats._json import due_of

if TYPE_CHECKING:
    from todo_sdk import Todo

LETTERS = {1: "A", 2: "B", 3: "C"}
AFTER_DONE = "RRULE;X-FROM=COMPLETION:"
UNITS = {"d": "DAILY", "w": "WEEKLY", "m": "MONTHLY", "y": "YEARLY"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PRIORITY = re.compile(r"\(([A-Z])\)")
_KEY = re.compile(r"(due|rec|rrule|id|pri):(\S+)")
_SPECIAL = re.compile(r"\\*(?:[+@]\S|(?:due|rec|rrule|id|pri):\S)")
_SPECIAL_FIRST = re.compile(r"\\*(?:x$|\([A-Z]\)$|\d{4}-\d\d-\d\d$)")
_RULE = re.compile(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(?:;INTERVAL=(\d+))?")
_REC = re.compile(r"(\+?)(\d+)([dwmy])")


def _write(todos: Iterable[Todo], around: Surroundings) -> str:
    return "".join(_line(todo, around.now) + "\n" for todo in todos)


def _line(todo: Todo, now: datetime) -> str:
    words = []
    if todo.status == "done":
        words += ["x", (todo.completed_at or todo.updated_at).astimezone(now.tzinfo).date().isoformat()]
    elif todo.priority in LETTERS:
        words.append(f"({LETTERS[todo.priority]})")
    words.append(todo.created_at.astimezone(now.tzinfo).date().isoformat())
    words += _title_words(todo.title)
    if todo.list:
        words.append("+" + re.sub(r"[\s%]", lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), todo.list))
    words += [f"@{tag}" for tag in todo.tags]
    if todo.due is not None:
        words.append(f"due:{todo.due.isoformat()}")
    if todo.recurrence:
        words.append(_recurrence_word(todo.recurrence))
    if todo.status == "done" and todo.priority in LETTERS:
        words.append(f"pri:{LETTERS[todo.priority]}")
    return " ".join([*words, f"id:{todo.id}"])


def _title_words(title: str) -> list[str]:
    words = title.split()
    escaped = [f"\\{word}" if _SPECIAL.match(word) else word for word in words]
    if words and _SPECIAL_FIRST.match(words[0]):
        escaped[0] = f"\\{words[0]}"
    return escaped


def _recurrence_word(recurrence: str) -> str:
    rule = recurrence.removeprefix(AFTER_DONE)
    found = _RULE.fullmatch(rule)
    if not found:
        return f"rrule:{recurrence}"
    letter = next(letter for letter, freq in UNITS.items() if freq == found[1])
    return f"rec:{'' if rule != recurrence else '+'}{found[2] or 1}{letter}"


def _leaves_out(todo: Todo) -> tuple[str, ...]:
    return tuple(name for name in ("notes", "attachments") if getattr(todo, name))


def _read(text: str, around: Surroundings) -> Iterator[Item | Broken]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.strip():
            yield _item(line.split(), number, around)


def _item(words: list[str], line: int, around: Surroundings) -> Item | Broken:
    fields: dict[str, Any] = {}
    if words[0] == "x":
        fields["status"] = "done"
        words = words[1:]
    if words and (found := _PRIORITY.fullmatch(words[0])):
        fields["priority"] = _priority(found[1])
        words = words[1:]
    dates: list[str] = []
    while words and len(dates) < (2 if "status" in fields else 1) and _DATE.fullmatch(words[0]):
        dates.append(words[0])
        words = words[1:]
    try:
        source_id = _read_words(words, fields)
        made_at = datetime.combine(date.fromisoformat(dates[-1]), time(), UTC) if dates else None
    except ValueError as error:
        return Broken(line, str(error))
    if not fields["title"]:
        return Broken(line, "it has no title")
    return Item(fields, line, source_id, made_at)


def _read_words(words: list[str], fields: dict[str, Any]) -> str | None:
    title, tags, source_id = [], [], None
    for position, word in enumerate(words):
        found = _KEY.fullmatch(word)
        if word.startswith("\\") and (_SPECIAL.match(word) or (position == 0 and _SPECIAL_FIRST.match(word))):
            title.append(word[1:])
        elif len(word) > 1 and word[0] == "+":
            fields["list"] = unquote(word[1:])
        elif len(word) > 1 and word[0] == "@":
            tags.append(word[1:])
        elif found and found[1] == "id":
            source_id = found[2]
        elif found:
            _read_key(found[1], found[2], fields)
        else:
            title.append(word)
    fields["title"] = " ".join(title)
    if tags:
        fields["tags"] = tuple(tags)
    return source_id


def _read_key(key: str, value: str, fields: dict[str, Any]) -> None:
    if key == "due":
        try:
            fields["due"] = due_of(value)
        except ValueError:
            raise ValueError(f"due:{value} is no date") from None
    elif key == "rrule":
        fields["recurrence"] = value
    elif key == "pri":
        fields["priority"] = _priority(value)
    else:
        found = _REC.fullmatch(value)
        if not found:
            raise ValueError(f"rec:{value} is no recurrence; it looks like rec:1w or rec:+1m")
        every = f";INTERVAL={int(found[2])}" if int(found[2]) != 1 else ""
        fields["recurrence"] = f"{'' if found[1] else AFTER_DONE}FREQ={UNITS[found[3]]}{every}"


def _priority(letter: str) -> int:
    return {"A": 1, "B": 2, "C": 3}.get(letter, 4)


FORMAT = Format("todotxt", _write, _read, _leaves_out)
