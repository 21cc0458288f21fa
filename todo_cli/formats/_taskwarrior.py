"""Taskwarrior's JSON, as `task export` writes it and `task import` reads it.

Title is the description, the list the project, priorities 1 to 3 are H, M and L. Notes are one annotation; a recurrence
is the attribute rrule, which Taskwarrior keeps and does not act on. Every due of Taskwarrior has a time: a day is its
local midnight, and a due at local midnight is read as a day. Attachments cannot be held.

Of a recurring task, Taskwarrior exports a template and its instances: the template is left out, and the next instance
that is open gets the recurrence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from todo_cli._dates import at_time
from todo_cli.formats._item import Broken, Format, Item, Surroundings
from todo_cli.formats._json import json_values

if TYPE_CHECKING:
    from todo_sdk import Todo

STAMP = "%Y%m%dT%H%M%SZ"
LETTERS = {1: "H", 2: "M", 3: "L"}
NUMBERS = {letter: number for number, letter in LETTERS.items()}
OPEN, DONE = ("pending", "waiting"), ("completed",)
_UNITS = {"d": "DAILY", "w": "WEEKLY", "m": "MONTHLY", "y": "YEARLY", "q": "MONTHLY"}
_WORDS = {
    "daily": "FREQ=DAILY",
    "day": "FREQ=DAILY",
    "weekly": "FREQ=WEEKLY",
    "monthly": "FREQ=MONTHLY",
    "yearly": "FREQ=YEARLY",
    "annual": "FREQ=YEARLY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "biweekly": "FREQ=WEEKLY;INTERVAL=2",
    "fortnight": "FREQ=WEEKLY;INTERVAL=2",
    "bimonthly": "FREQ=MONTHLY;INTERVAL=2",
    "quarterly": "FREQ=MONTHLY;INTERVAL=3",
    "semiannual": "FREQ=MONTHLY;INTERVAL=6",
    "biannual": "FREQ=YEARLY;INTERVAL=2",
    "biyearly": "FREQ=YEARLY;INTERVAL=2",
}
_COUNTED = re.compile(
    r"P?(\d+) ?(d|days?|w|wks?|weeks?|m|mo|mths?|months?|q|qtrs?|quarters?|y|yrs?|years?)", re.IGNORECASE
)


def _write(todos: Iterable[Todo], around: Surroundings) -> str:
    tasks = ",\n".join(json.dumps(_task(todo, around), ensure_ascii=False) for todo in todos)
    return f"[\n{tasks}\n]\n" if tasks else "[\n]\n"


def _task(todo: Todo, around: Surroundings) -> dict[str, Any]:
    task: dict[str, Any] = {
        "uuid": todo.id,
        "description": todo.title,
        "status": "completed" if todo.status == "done" else "pending",
        "entry": _stamp(todo.created_at),
        "modified": _stamp(todo.updated_at),
    }
    if todo.status == "done":
        task["end"] = _stamp(todo.completed_at or todo.updated_at)
    if todo.due is not None:
        task["due"] = _stamp(todo.due if isinstance(todo.due, datetime) else at_time(todo.due, time(), around.now))
    if todo.priority in LETTERS:
        task["priority"] = LETTERS[todo.priority]
    if todo.list:
        task["project"] = todo.list
    if todo.tags:
        task["tags"] = list(todo.tags)
    if todo.notes:
        task["annotations"] = [{"entry": _stamp(todo.created_at), "description": todo.notes}]
    if todo.recurrence:
        task["rrule"] = todo.recurrence
    return task


def _leaves_out(todo: Todo) -> tuple[str, ...]:
    return ("attachments",) if todo.attachments else ()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(STAMP)


def _read(text: str, around: Surroundings) -> Iterator[Item | Broken]:
    values = list(json_values(text))
    next_of = _next_instances(task for _, task in values if isinstance(task, Mapping))
    for line, task in values:
        if isinstance(task, Broken):
            yield task
        elif not isinstance(task, Mapping):
            yield Broken(line, f"a task is an object, not {json.dumps(task)[:40]}")
        elif task.get("status") not in ("recurring", "deleted"):
            yield _item(task, line, around, next_of)


def _next_instances(tasks: Iterable[Mapping[str, Any]]) -> set[str]:
    """Give the uuids of the open instance of each recurring task that is due first."""
    first: dict[str, tuple[str, str]] = {}
    for task in tasks:
        if task.get("parent") and task.get("status") in OPEN:
            candidate = (str(task.get("due", "")), str(task.get("uuid")))
            first[str(task["parent"])] = min(first.get(str(task["parent"]), candidate), candidate)
    return {uuid for _, uuid in first.values()}


def _item(task: Mapping[str, Any], line: int, around: Surroundings, next_of: set[str]) -> Item | Broken:
    title = task.get("description")
    if not isinstance(title, str) or not title.strip():
        return Broken(line, "it has no description")
    status = task.get("status", "pending")
    if status not in (*OPEN, *DONE):
        return Broken(line, f"status {status!r} is none of {', '.join((*OPEN, *DONE))}, recurring, deleted")
    fields: dict[str, Any] = {"title": title, "status": "done" if status in DONE else "open"}
    try:
        if task.get("due"):
            fields["due"] = _due(str(task["due"]), around)
        made_at = _moment(str(task["entry"])) if task.get("entry") else None
    except ValueError as error:
        return Broken(line, f"{error} is no date; one looks like 20261224T180000Z")
    if task.get("priority"):
        fields["priority"] = NUMBERS.get(str(task["priority"]), 4)
    if task.get("project"):
        fields["list"] = str(task["project"])
    fields |= _texts(task)
    losses = _recurrence(task, fields, next_of)
    return Item(fields, line, str(task["uuid"]) if task.get("uuid") else None, made_at, losses)


def _texts(task: Mapping[str, Any]) -> dict[str, Any]:
    tags = task.get("tags") or ()
    tags = tags.split(",") if isinstance(tags, str) else tags
    notes = [str(note.get("description", "")) for note in task.get("annotations") or () if isinstance(note, Mapping)]
    found: dict[str, Any] = {"tags": tuple(map(str, tags))} if tags else {}
    return found | ({"notes": "\n".join(notes)} if notes else {})


def _recurrence(task: Mapping[str, Any], fields: dict[str, Any], next_of: set[str]) -> tuple[str, ...]:
    if task.get("rrule"):
        fields["recurrence"] = str(task["rrule"])
    elif task.get("recur") and "due" in fields and str(task.get("uuid")) in next_of:
        rule = _rule(str(task["recur"]))
        if rule is None:
            return (f"the recurrence {task['recur']}",)
        fields["recurrence"] = rule
    return ()


def _rule(recur: str) -> str | None:
    word = recur.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    found = _COUNTED.fullmatch(word)
    if not found:
        return None
    count = int(found[1]) * (3 if found[2][0] == "q" else 1)
    return f"FREQ={_UNITS[found[2][0]]}" + (f";INTERVAL={count}" if count != 1 else "")


def _due(text: str, around: Surroundings) -> date | datetime:
    moment = _moment(text)
    local = moment.astimezone(around.now.tzinfo)
    return local.date() if local.time() == time() else at_time(local.date(), local.time(), around.now)


def _moment(text: str) -> datetime:
    for form in (STAMP, "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(text)


FORMAT = Format("taskwarrior", _write, _read, _leaves_out)
