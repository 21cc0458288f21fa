"""What is asked of the replica: lists, searches, numbers, counts. Reads only."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any, TypedDict

from todo_sdk._errors import InvalidRequestError
from todo_sdk._fields import due_to_text, tag_texts, wire_fields
from todo_sdk._models import Due, Status, Todo
from todo_sdk._replica_rows import COLUMNS, NEVER, due_seconds, moment, todo_of

if TYPE_CHECKING:
    from todo_sdk._offline_models import Stats

SHORTEST_PREFIX = 4
SHORT_ID_CHARS = 8

_COLUMNS = ", ".join(f"todo.{name}" for name in COLUMNS)
_SELECT = f"SELECT {_COLUMNS} FROM todo"  # noqa: S608
# The indexes of the schema have these orders, so that a list that is cut short need not be sorted whole.
_ORDERS: Mapping[Status, str] = {
    "open": "todo.status = 'open' ORDER BY todo.due_seconds, todo.priority, todo.id",
    "done": "todo.status = 'done' ORDER BY todo.completed_at DESC, todo.id",
}
_OVERDUE = "todo.due_seconds < :now AND (length(todo.due) > 10 OR todo.due < :today)"


class Filters(TypedDict, total=False):
    """What a list shows; every filter that is given must fit."""

    status: Status | None
    tag: str | Iterable[str] | None
    list: str | None
    priority: int | None
    due_before: Due | str | None
    due_after: Due | str | None
    q: str | None
    overdue: bool


class Queries:
    """Questions to one view of the replica.

    Args:
        now: the time; a plain due date is overdue when the day is over in `zone`, the machine's own if None.
    """

    def __init__(self, db: Connection, *, has_words: bool, now: datetime, zone: tzinfo | None) -> None:
        self._db = db
        self._has_words = has_words
        self._clock = {"now": now.timestamp(), "today": now.astimezone(zone).date().isoformat()}

    def one(self, todo_id: str) -> Todo | None:
        """Give a to-do that is not removed."""
        row = self._db.execute(f"{_SELECT} WHERE id = ? AND deleted = 0", (todo_id,)).fetchone()
        return None if row is None else todo_of(row)

    def select(self, filters: Filters, limit: int | None) -> tuple[Todo, ...]:
        """Give the to-dos that fit all filters: open ones by due date and priority, then done ones, the last first."""
        tables, conditions, values = "", ["todo.deleted = 0"], dict[str, Any](self._clock)
        given = {name: filters.get(name) for name in ("status", "list", "priority")}
        fields = wire_fields({name: value for name, value in given.items() if value is not None})
        status: Status | None = fields.pop("status", None)
        for name, value in fields.items():
            conditions.append(f"todo.{name} = :{name}")
            values[name] = value
        for name, sign in (("due_before", "<"), ("due_after", ">=")):
            text = due_to_text(filters.get(name))  # type: ignore[arg-type]
            if text is not None:
                conditions.append(f"todo.due_seconds {sign} :{name} AND todo.due_seconds < {NEVER}")
                values[name] = due_seconds(text)
        for number, tag in enumerate(_tags(filters.get("tag"))):
            tables += f" JOIN tag AS tag{number} ON tag{number}.todo = todo.rowid AND tag{number}.tag = :tag{number}"
            values[f"tag{number}"] = tag
        if filters.get("overdue"):
            conditions.append(f"todo.status = 'open' AND {_OVERDUE}")
        conditions += self._words(filters.get("q"), values)
        query = f"{_SELECT}{tables} WHERE {' AND '.join(conditions)}"
        return self._in_order(query, values, (status,) if status else ("open", "done"), _limit(limit))

    def search(self, text: str, limit: int | None) -> tuple[Todo, ...]:
        """Give the to-dos with all words of a text, the last one as a word's beginning.

        Open ones before done ones, those with the words in the title before the others, the youngest first.
        """
        if not (self._has_words and words_of(text)):
            return self.select({"q": text}, limit)
        most, found = _limit(limit), dict[str, Todo]()
        query = f"SELECT {_COLUMNS} FROM words CROSS JOIN todo ON todo.rowid = words.rowid"  # noqa: S608
        for status in ("open", "done"):
            for match in (f"title : ({_match(text)})", _match(text)):
                values = {"match": match, "status": status, "limit": most}
                tier = f"{query} WHERE words MATCH :match AND todo.deleted = 0 AND todo.status = :status"
                for todo in self._todos(f"{tier} ORDER BY words.rowid DESC LIMIT :limit", values):
                    found.setdefault(todo.id, todo)
                if 0 <= most <= len(found):
                    return tuple(found.values())[:most]
        return tuple(found.values())

    def _in_order(
        self, query: str, values: Mapping[str, Any], statuses: Iterable[Status], most: int
    ) -> tuple[Todo, ...]:
        found: tuple[Todo, ...] = ()
        for status in statuses:
            left = most if most < 0 else most - len(found)
            found += self._todos(f"{query} AND {_ORDERS[status]} LIMIT :limit", {**values, "limit": left})
        return found

    def _words(self, text: str | None, values: dict[str, Any]) -> list[str]:
        if text is None or not text.strip():
            return []
        if self._has_words and words_of(text):
            values["words"] = _match(text)
            return ["todo.rowid IN (SELECT rowid FROM words WHERE words MATCH :words)"]
        self._db.create_function("folded", -1, _folded, deterministic=True)
        conditions = []
        for number, word in enumerate(text.split()):
            values[f"word{number}"] = _folded(word)
            conditions.append(f"instr(folded(todo.title, todo.notes, todo.tags, todo.list), :word{number})")
        return conditions

    def short_id(self, todo_id: str) -> str:
        """Give the number of a to-do, or the shortest beginning of its id that no other has."""
        row = self._db.execute("SELECT number FROM todo WHERE id = ?", (todo_id,)).fetchone()
        if row is not None and row[0] is not None:
            return str(row[0])
        beside = (
            self._db.execute(f"SELECT {side} FROM todo WHERE deleted = 0 AND id {sign} ?", (todo_id,)).fetchone()[0]  # noqa: S608
            for side, sign in (("max(id)", "<"), ("min(id)", ">"))
        )
        shared = max((_shared(todo_id, other) for other in beside if other), default=0)
        return todo_id[: max(SHORT_ID_CHARS, shared + 1)].rstrip("-")

    def short_ids(self, todo_ids: Iterable[str]) -> dict[str, str]:
        """Give the short id of each of several to-dos."""
        query = "SELECT id, number FROM todo WHERE number IS NOT NULL"
        numbers = {row[0]: str(row[1]) for row in self._db.execute(query)}
        return {todo_id: numbers.get(todo_id) or self.short_id(todo_id) for todo_id in todo_ids}

    def find(self, text: str) -> tuple[Todo, ...]:
        """Give the to-do with a number, else those whose id begins so."""
        text = text.strip().lower()
        if text.isascii() and text.isdigit() and len(text) < SHORT_ID_CHARS:
            found = self._todos(f"{_SELECT} WHERE number = :number AND deleted = 0", {"number": int(text)})
            if found:
                return found
        if len(text) < SHORTEST_PREFIX or not re.fullmatch(r"[0-9a-f-]+", text):
            return ()
        values = {"low": text, "high": text + "~"}
        return self._todos(f"{_SELECT} WHERE id >= :low AND id < :high AND deleted = 0 ORDER BY id", values)

    def tags(self) -> dict[str, int]:
        """Give every tag with the number of open to-dos that have it."""
        query = """SELECT tag.tag, sum(todo.status = 'open') FROM tag JOIN todo ON todo.rowid = tag.todo
 WHERE todo.deleted = 0 GROUP BY tag.tag ORDER BY tag.tag"""
        return dict(tuple(row) for row in self._db.execute(query))

    def lists(self) -> dict[str, int]:
        """Give every list with the number of open to-dos on it; the empty name is the inbox."""
        query = "SELECT list, sum(status = 'open') FROM todo WHERE deleted = 0 GROUP BY list ORDER BY list"
        return dict(tuple(row) for row in self._db.execute(query))

    def stats(self) -> "Stats":
        """Count everything."""
        from todo_sdk._offline_models import Stats  # a list needs none of these

        shown = "FROM todo WHERE deleted = 0 AND status"
        state = self._db.execute(
            f"""SELECT (SELECT count(*) {shown} = 'open'), (SELECT count(*) {shown} = 'done'),
 (SELECT count(*) {shown} = 'open' AND {_OVERDUE}), (SELECT count(*) FROM todo WHERE place IS NOT NULL),
 (SELECT count(problem) FROM todo WHERE place IS NOT NULL), (SELECT count(*) FROM conflict)""",  # noqa: S608
            self._clock,
        ).fetchone()
        facts = dict(tuple(fact) for fact in self._db.execute("SELECT name, value FROM fact"))
        synced_at = facts.get("since_at")
        is_open, done, overdue, queued, refused, conflicts = state
        revision, at = int(facts.get("since", 0)), moment(synced_at) if synced_at else None
        return Stats(is_open, done, overdue, queued, refused, conflicts, revision, at)

    def _todos(self, query: str, values: Mapping[str, Any]) -> tuple[Todo, ...]:
        return tuple(todo_of(row) for row in self._db.execute(query, values))


def _tags(given: str | Iterable[str] | None) -> list[str]:
    return [] if given is None else tag_texts([given] if isinstance(given, str) else given)


def words_of(text: str) -> list[str]:
    """Split a text the way the full-text index does: into runs of letters and digits."""
    return re.findall(r"[^\W_]+", text)


def _match(text: str) -> str:
    words = words_of(text)
    last = "" if text[-1:].isspace() else "*"
    return " ".join([*(f'"{word}"' for word in words[:-1]), f'"{words[-1]}"{last}'])


def _folded(*texts: str) -> str:
    plain = unicodedata.normalize("NFKD", "\n".join(texts).casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def _limit(limit: int | None) -> int:
    if limit is None:
        return -1
    if type(limit) is not int or limit < 0:
        raise InvalidRequestError(f"limit must be a number of to-dos, not {limit!r}")
    return limit


def _shared(one: str, other: str) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
