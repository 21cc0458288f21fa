"""The rows of the replica: one to-do with what is known about it, read and written within a transaction.

No transactions of its own and no network.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from sqlite3 import Connection, Row
from typing import Any

from todo_sdk._fields import due_from_text, time_from_text, time_to_text
from todo_sdk._merge import WRITABLE, changed, fields_of
from todo_sdk._models import Todo

COLUMNS = (
    *("id", *WRITABLE),
    *("created_at", "updated_at", "completed_at", "version", "revision", "deleted"),
)
LISTS = ("tags", "attachments")
WORD_COLUMNS = ("title", "notes", "tags", "list")
# A done to-do keeps its number so long, so that one can still speak of it.
NUMBER_KEPT = timedelta(days=7)
JOURNAL_STEPS = 1000
NEVER = 1e15  # seconds; later than every date that there is

_STATE = ("base", "touched", "place", "queued_at", "sent", "problem", "stale", "number", "due_seconds")
_UPDATE = f"UPDATE todo SET {', '.join(f'{name} = ?' for name in (*COLUMNS[1:], *_STATE))} WHERE rowid = ?"  # noqa: S608
_INSERT = f"INSERT INTO todo ({', '.join((*COLUMNS, *_STATE))}) VALUES ({', '.join('?' * len((*COLUMNS, *_STATE)))})"  # noqa: S608
_INDEX = "INSERT INTO words (rowid, title, notes, tags, list) VALUES (?, ?, ?, ?, ?)"
_UNINDEX = "INSERT INTO words (words, rowid, title, notes, tags, list) VALUES ('delete', ?, ?, ?, ?, ?)"
_FIRST_GAP = """SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM todo WHERE number = 1)
 UNION ALL SELECT * FROM (
 SELECT number + 1 FROM todo AS before WHERE number IS NOT NULL
 AND NOT EXISTS (SELECT 1 FROM todo WHERE number = before.number + 1) ORDER BY number LIMIT 1)"""


@dataclass
class Record:
    """One row: `todo` is what the user sees, as the wire writes it; for the rest see `_replica_schema`."""

    todo: dict[str, Any]
    base: dict[str, Any] | None = None
    touched: dict[str, str] = field(default_factory=dict)
    place: int | None = None
    queued_at: str | None = None
    sent: dict[str, Any] | None = None
    problem: str | None = None
    stale: bool = False
    number: int | None = None
    rowid: int | None = None
    words: tuple[str, ...] | None = None

    @property
    def id(self) -> str:
        """The to-do's id."""
        return str(self.todo["id"])

    @property
    def differs(self) -> bool:
        """True when the service has it otherwise, as far as this device knows."""
        if self.base is None:
            return not self.todo["deleted"]
        if self.todo["deleted"] or self.base["deleted"]:
            return bool(self.todo["deleted"]) != bool(self.base["deleted"])
        return bool(changed(self.base, self.todo))

    def settle(self) -> None:
        """Take it out of the queue when nothing waits any more."""
        if self.sent is None and not self.differs:
            self.place = self.queued_at = self.problem = None
            self.touched = {}


class Rows:
    """The rows within one transaction.

    Args:
        has_words: whether the full-text index is to be kept up.
        now: the time of the transaction, by the service's clock.
    """

    def __init__(self, db: Connection, *, has_words: bool, now: datetime) -> None:
        self.db = db
        self.now = now
        self._has_words = has_words
        self._numbers: Iterator[int] | None = None

    def get(self, todo_id: str) -> Record | None:
        """Give a row, a removed one too."""
        row = self.db.execute("SELECT * FROM todo WHERE id = ?", (todo_id,)).fetchone()
        return None if row is None else record_of(row)

    def save(self, record: Record) -> None:
        """Write a row, with its tags, its words and its number."""
        self._number(record)
        values = _values(record)
        if record.rowid is None:
            record.rowid = self.db.execute(_INSERT, values).lastrowid
        else:
            self.db.execute(_UPDATE, (*values[1:], record.rowid))
            self.db.execute("DELETE FROM tag WHERE todo = ?", (record.rowid,))
        if not record.todo["deleted"]:
            rows = [(tag, record.rowid) for tag in set(record.todo["tags"])]
            self.db.executemany("INSERT INTO tag VALUES (?, ?)", rows)
        self._index(record, dict(zip(COLUMNS, values, strict=False)))

    def drop(self, record: Record) -> None:
        """Take a row out for good."""
        if record.rowid is not None:
            if self._has_words and record.words is not None:
                self.db.execute(_UNINDEX, (record.rowid, *record.words))
            self.db.execute("DELETE FROM todo WHERE rowid = ?", (record.rowid,))

    def queue(self, record: Record) -> None:
        """Put a row at the end of what waits, if it does not wait already."""
        if record.place is None:
            self.requeue(record)

    def requeue(self, record: Record) -> None:
        """Put a row at the end of what waits."""
        last = self.db.execute("SELECT max(place) FROM todo WHERE place IS NOT NULL").fetchone()[0]
        record.place = (last or 0) + 1
        record.queued_at = record.queued_at or time_to_text(self.now)

    def purge(self, before: str) -> None:
        """Take out the tombstones of to-dos that were removed before a time."""
        old = "SELECT * FROM todo WHERE deleted = 1 AND place IS NULL AND updated_at < ?"
        for row in self.db.execute(old, (before,)).fetchall():
            self.drop(record_of(row))

    def fact(self, name: str, default: Any = None) -> Any:
        """Give a remembered value."""
        row = self.db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def remember(self, **facts: Any) -> None:
        """Keep values by name."""
        self.db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", list(facts.items()))

    def _number(self, record: Record) -> None:
        if record.todo["deleted"]:
            record.number = None
        elif record.number is None and record.todo["status"] == "open":
            self._numbers = self._numbers or self._free_numbers()
            record.number = next(self._numbers)

    def _free_numbers(self) -> Iterator[int]:
        """Give the smallest numbers that are free, without looking at all of them for the first."""
        self.db.execute(
            "UPDATE todo SET number = NULL WHERE number IS NOT NULL AND status = 'done' AND completed_at < ?",
            (time_to_text(self.now - NUMBER_KEPT),),
        )
        count, last = self.db.execute("SELECT count(number), max(number) FROM todo").fetchone()
        first = count + 1 if count == (last or 0) else self.db.execute(_FIRST_GAP).fetchone()[0]
        yield first
        used = {row[0] for row in self.db.execute("SELECT number FROM todo WHERE number IS NOT NULL")}
        yield from (number for number in itertools.count(first + 1) if number not in used)

    def _index(self, record: Record, values: Mapping[str, Any]) -> None:
        words = tuple(values[name] for name in WORD_COLUMNS)
        if self._has_words and words != record.words:
            if record.words is not None:
                self.db.execute(_UNINDEX, (record.rowid, *record.words))
            self.db.execute(_INDEX, (record.rowid, *words))
        record.words = words


def _values(record: Record) -> tuple[Any, ...]:
    todo = record.todo
    columns = tuple(_json(todo[name]) if name in LISTS else todo[name] for name in COLUMNS)
    return (
        *columns,
        None if record.base is None or record.place is None else _json(record.base),
        _json(record.touched),
        record.place,
        record.queued_at,
        None if record.sent is None else _json(record.sent),
        record.problem,
        int(record.stale),
        record.number,
        due_seconds(todo["due"]),
    )


def record_of(row: Row) -> Record:
    """Read a row; what waits nowhere is what the service has."""
    todo = {name: row[name] for name in COLUMNS}
    words = tuple(todo[name] for name in WORD_COLUMNS)
    todo |= {name: json.loads(todo[name]) for name in LISTS}
    todo["deleted"] = bool(todo["deleted"])
    base = json.loads(row["base"]) if row["base"] else None
    return Record(
        todo=todo,
        base=dict(todo) if base is None and row["place"] is None else base,
        touched=json.loads(row["touched"]),
        place=row["place"],
        queued_at=row["queued_at"],
        sent=json.loads(row["sent"]) if row["sent"] else None,
        problem=row["problem"],
        stale=bool(row["stale"]),
        number=row["number"],
        rowid=row["rowid"],
        words=words,
    )


def todo_of(row: Row) -> Todo:
    """Make what the user sees of the columns of a row, which stand in the order of the fields."""
    todo = [_READERS[name](value) if name in _READERS else value for name, value in zip(COLUMNS, row, strict=True)]
    return Todo(*todo)


def _texts(text: str) -> tuple[str, ...]:
    return () if text == "[]" else tuple(json.loads(text))


_READERS: Mapping[str, Any] = {
    "due": due_from_text,
    "tags": _texts,
    "attachments": _texts,
    "created_at": time_from_text,
    "updated_at": time_from_text,
    "completed_at": lambda text: None if text is None else time_from_text(text),
    "deleted": bool,
}


def due_seconds(due: str | None) -> float:
    """Place a due date on one time line: a plain date counts from its midnight in UTC, as the service has it."""
    if due is None:
        return NEVER
    if len(due) == len("2026-12-24"):
        return (date.fromisoformat(due) - date(1970, 1, 1)) / timedelta(seconds=1)
    return datetime.fromisoformat(due).timestamp()


def new_todo(todo_id: str, fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Make a to-do that the service does not know yet."""
    at = time_to_text(now)
    completed_at = at if fields["status"] == "done" else None
    times = {"created_at": at, "updated_at": at, "completed_at": completed_at}
    return {"id": todo_id, **fields_of(fields), **times, "version": 0, "revision": 0, "deleted": False}


def moment(text: str) -> datetime:
    """Read one of the texts that the rows keep for times."""
    return time_from_text(text).astimezone(UTC)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
