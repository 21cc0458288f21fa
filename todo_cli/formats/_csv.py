"""CSV (RFC 4180): a header line, then one to-do a line. Holds everything; tags are separated by spaces.

A cell that a spreadsheet would run as a formula (it begins with =, +, -, @ or a control character) is written with an
apostrophe before it, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from todo_cli.formats._item import Broken, Format, Item, Surroundings
from todo_cli.formats._json import due_of, moment_of

if TYPE_CHECKING:
    from todo_sdk import Todo

COLUMNS = (
    *("id", "title", "notes", "status", "priority", "due", "tags", "list", "recurrence", "attachments"),
    *("created_at", "updated_at", "completed_at"),
)
LARGEST_CELL = 1_000_000
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def _write(todos: Iterable[Todo], around: Surroundings) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for todo in todos:
        writer.writerow([_guarded(_cell(name, todo.to_wire()[name])) for name in COLUMNS])
    return text.getvalue()


def _cell(name: str, value: Any) -> str:
    if name in ("tags", "attachments"):
        return (" " if name == "tags" else "\n").join(value)
    return "" if value is None else str(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _read(text: str, around: Surroundings) -> Iterator[Item | Broken]:
    csv.field_size_limit(LARGEST_CELL)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        header = []
        yield Broken(1, str(error))
    if "title" not in header:
        yield Broken(1, f"the first line must name the columns, title among them; there are {', '.join(COLUMNS)}")
        return
    line = reader.line_num + 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(line, str(error))
            return
        if any(row):
            yield _item(header, row, line)
        line = reader.line_num + 1


def _item(header: list[str], row: list[str], line: int) -> Item | Broken:
    if len(row) > len(header):
        return Broken(line, f"{len(row)} cells stand under {len(header)} columns")
    cells = {name: cell[1:] if _GUARDED.match(cell) else cell for name, cell in zip(header, row, strict=False)}
    given = {name: cell for name, cell in cells.items() if name in COLUMNS and cell != ""}
    if not given.get("title", "").strip():
        return Broken(line, "it has no title")
    fields: dict[str, Any] = {name: given[name] for name in ("title", "notes", "list", "recurrence") if name in given}
    if "status" in given:
        fields["status"] = given["status"].strip().lower()
    for name in ("tags", "attachments"):
        if name in given:
            fields[name] = tuple(given[name].split() if name == "tags" else given[name].split("\n"))
    try:
        if "priority" in given:
            fields["priority"] = int(given["priority"])
        if "due" in given:
            fields["due"] = due_of(given["due"].strip())
    except ValueError:
        name = "due" if "priority" in fields or "priority" not in given else "priority"
        return Broken(line, f"{name} {given[name]!r} is no {'date' if name == 'due' else 'number from 1 to 4'}")
    return Item(fields, line, given.get("id"), moment_of(given.get("created_at")))


FORMAT = Format("csv", _write, _read)
