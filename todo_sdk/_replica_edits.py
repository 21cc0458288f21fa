"""What the user does to the replica: each change with its entry in the journal, and the way back.

Works within one transaction; no network.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from todo_sdk._errors import ConflictError, InvalidRequestError, NotFoundError
from todo_sdk._fields import new_todo_id, time_to_text
from todo_sdk._merge import DEFAULTS, fields_of
from todo_sdk._models import Todo
from todo_sdk._recurrence import SUCCESSORS, check_schedule, successor_fields, successor_id
from todo_sdk._replica_rows import JOURNAL_STEPS, Record, Rows, new_todo
from todo_sdk._replica_store import Row, Store


class Edits:
    """Changes of one transaction; together they are one step for `undo`."""

    def __init__(self, rows: Rows, store: Store, zone: tzinfo | None) -> None:
        self._rows = rows
        self._store = store
        self._zone = zone

    def live(self, todo_id: str) -> Record:
        """Give a row that is not removed.

        Raises:
            NotFoundError: there is none.
        """
        record = self._rows.get(todo_id)
        if record is None or record.todo["deleted"]:
            raise NotFoundError("there is no such to-do")
        return record

    def add(self, todo_id: str, fields: Mapping[str, Any], op: str = "add") -> Record:
        """Add a to-do; the same again is the one that is there.

        Raises:
            ConflictError: there is another one with this id.
        """
        whole = {**DEFAULTS, **fields}
        check_schedule(whole["due"], whole["recurrence"])
        there = self._rows.get(todo_id)
        if there is not None:
            if there.todo["deleted"] or fields_of(there.todo) != whole:
                raise _another(there, whole)
            return there
        record = Record(new_todo(todo_id, whole, self._rows.now))
        self._rows.queue(record)
        self._rows.save(record)
        self._log(op, todo_id, None, whole)
        return record

    def edit(self, record: Record, fields: Mapping[str, Any], op: str = "edit") -> Record:
        """Change fields of a to-do; what is so already is no change."""
        new = {name: value for name, value in fields.items() if record.todo[name] != value}
        if not new:
            return record
        todo = {**record.todo, **new}
        if "due" in new or "recurrence" in new:
            check_schedule(todo["due"], todo["recurrence"])
        before = {name: record.todo[name] for name in new}
        record.todo = todo
        self._touch(record, *new)
        if "status" in new:
            todo["completed_at"] = todo["updated_at"] if new["status"] == "done" else None
        self._keep(record)
        self._log(op, record.id, before, new)
        return record

    def done(self, record: Record) -> Record | None:
        """Mark a to-do as done, and give its next occurrence, if there is one."""
        if record.todo["status"] == "done":
            return next(self._successors(record), None)
        fields = successor_fields(record.todo, self._rows.now, self._zone)
        self.edit(record, {"status": "done"}, "done")
        if fields is None:
            return None
        for attempt in range(SUCCESSORS):
            todo_id = successor_id(record.id, attempt)
            there = self._rows.get(todo_id)
            if there is None:
                return self.add(todo_id, fields, "next")
            if not there.todo["deleted"]:
                return there
        return None

    def reopen(self, record: Record) -> Record:
        """Mark a to-do as open again; a next occurrence that nobody has changed goes."""
        if record.todo["status"] == "open":
            return record
        completed_at = record.todo["completed_at"]
        for successor in list(self._successors(record)):
            if fields_of(successor.todo) == self._made_of(record, completed_at):
                self.remove(successor)
        return self.edit(record, {"status": "open"}, "reopen")

    def remove(self, record: Record, op: str = "remove") -> Record:
        """Remove a to-do; one that the service never heard of leaves nothing behind."""
        before = fields_of(record.todo)
        record.todo = {**record.todo, "deleted": True}
        self._touch(record, "deleted")
        if record.base is None and record.sent is None:
            self._rows.drop(record)
        else:
            self._keep(record)
        self._log(op, record.id, before, None)
        return record

    def restore(self, todo_id: str, fields: Mapping[str, Any], op: str = "restore") -> Record:
        """Bring a removed to-do back: itself while the service does not know of the removal, else one like it."""
        record = self._rows.get(todo_id)
        if record is not None and record.base is not None and not record.base["deleted"] and record.sent is None:
            record.todo = {**record.todo, **fields, "deleted": False}
            self._touch(record, *fields)
            self._keep(record)
            self._log(op, todo_id, None, fields_of(record.todo))
            return record
        new_id = todo_id if record is None else new_todo_id(self._rows.now.timestamp())
        # what was done to the old one can still be undone, on the new one
        self._rows.db.execute("UPDATE journal SET todo_id = ? WHERE todo_id = ?", (new_id, todo_id))
        return self.add(new_id, fields, op)

    def removed(self, todo_id: str) -> dict[str, Any]:
        """Give the fields of a removed to-do.

        Raises:
            NotFoundError: it is not removed, or nothing is known of it any more.
        """
        record = self._rows.get(todo_id)
        if record is not None and record.todo["deleted"]:
            return fields_of(record.todo)
        query = "SELECT before FROM journal WHERE todo_id = ? AND after IS NULL ORDER BY seq DESC LIMIT 1"
        row = self._rows.db.execute(query, (todo_id,)).fetchone() if record is None else None
        if row is None:
            raise NotFoundError("there is no such removed to-do")
        return dict(json.loads(row["before"]))

    def discard(self, todo_id: str) -> Record | None:
        """Give up what waits of a to-do; what may have been sent already is taken back by the next sync.

        Raises:
            NotFoundError: nothing waits.
        """
        record = self._rows.get(todo_id)
        if record is None or record.place is None:
            raise NotFoundError("nothing of this to-do waits to be pushed")
        if record.base is None:
            self.remove(record, "discard")
            return None
        before, record.todo, record.problem = fields_of(record.todo), dict(record.base), None
        record.settle()
        self._rows.save(record)
        self._log("discard", todo_id, before, fields_of(record.todo))
        return record

    def undo(self) -> tuple[str, list[Record], list[str]] | None:
        """Take the last step back that was not taken back yet.

        Returns:
            Its operation, the rows as they are now, and the fields that stayed since others changed them again.
        """
        last = "SELECT max(step) FROM journal WHERE undone = 0 AND op != 'undo'"
        entries = self._rows.db.execute(f"SELECT * FROM journal WHERE step = ({last}) ORDER BY seq DESC").fetchall()  # noqa: S608
        if not entries:
            return None
        done: list[Record] = []
        kept: list[str] = []
        for entry in entries:
            self._rows.db.execute("UPDATE journal SET undone = 1 WHERE seq = ?", (entry["seq"],))
            record, stayed = self._invert(entry)
            done += [record] if record is not None else []
            kept += stayed
        ops = list(dict.fromkeys(entry["op"] for entry in reversed(entries) if entry["op"] != "next"))
        return ops[0] if len(ops) == 1 and len(entries) <= 2 else "batch", done, kept

    def _invert(self, entry: Row) -> tuple[Record | None, list[str]]:
        before, after = (json.loads(entry[name]) if entry[name] else None for name in ("before", "after"))
        if after is None and before is not None:
            return self.restore(entry["todo_id"], before, "undo"), []
        record = self._rows.get(entry["todo_id"])
        if record is None or record.todo["deleted"]:
            return None, list(before or ())
        if before is None or after is None:
            mine = fields_of(record.todo) == after
            return (self.remove(record, "undo"), []) if mine else (record, ["deleted"])
        back = {name: value for name, value in before.items() if record.todo[name] == after[name]}
        return self.edit(record, back, "undo"), [name for name in before if name not in back]

    def _successors(self, record: Record) -> Iterator[Record]:
        for attempt in range(SUCCESSORS):
            there = self._rows.get(successor_id(record.id, attempt))
            if there is None:
                return
            if not there.todo["deleted"]:
                yield there

    def _made_of(self, record: Record, completed_at: str) -> dict[str, Any] | None:
        try:
            return successor_fields(record.todo, Todo.from_wire(record.todo).completed_at or self._rows.now, self._zone)
        except InvalidRequestError:
            return None

    def _touch(self, record: Record, *names: str) -> None:
        at = time_to_text(self._rows.now)
        record.todo["updated_at"] = at
        record.touched = {**record.touched, **dict.fromkeys(names, at)}
        record.problem = None

    def _keep(self, record: Record) -> None:
        self._rows.queue(record)
        record.settle()
        self._rows.save(record)

    def _log(self, op: str, todo_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        db = self._rows.db
        if self._store.step is None:
            last = db.execute("SELECT max(step) FROM journal").fetchone()[0] or 0
            self._store.step = last + 1
            db.execute("DELETE FROM journal WHERE step <= ?", (last - JOURNAL_STEPS,))
        texts = [None if side is None else json.dumps(side, ensure_ascii=False) for side in (before, after)]
        db.execute(
            "INSERT INTO journal (step, at, op, todo_id, before, after) VALUES (?, ?, ?, ?, ?, ?)",
            (self._store.step, time_to_text(self._rows.now), op, todo_id, *texts),
        )


def _another(there: Record, mine: Mapping[str, Any]) -> ConflictError:
    error = ConflictError("there is another to-do with this id", code="already_exists")
    error.mine, error.theirs = mine, Todo.from_wire(there.todo)
    return error
