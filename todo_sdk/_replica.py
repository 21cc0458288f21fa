"""The replica: the user's to-dos on this machine, with and without a network. `client.replica`.

Every change is on the disk before the method that makes it returns; `sync` brings it to the service and fetches what
others changed. Nothing but `sync` asks anybody anything. What only some methods need is imported by them: a list is
often read by a process that does nothing else.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any, Literal, Unpack

from todo_sdk._errors import NotFoundError, NotSignedInError, ReplicaError
from todo_sdk._fields import new_todo_id, todo_id_text, wire_fields
from todo_sdk._merge import changed, fields_of
from todo_sdk._models import Change, Completed, Due, Status, Todo, TodoDetails, TodoFields
from todo_sdk._replica_queries import Filters, Queries
from todo_sdk._replica_recovery import open_or_recover, recover
from todo_sdk._replica_rows import Record, Rows, moment, record_of
from todo_sdk._replica_store import Damaged, Store

if TYPE_CHECKING:
    from todo_sdk._offline_models import Conflict, HistoryEntry, QueuedChange, Recovery, Stats, SyncReport, Undone
    from todo_sdk._replica_edits import Edits
    from todo_sdk._session import Session


class Replica:
    """One user's to-dos on this machine; threads and processes may share it.

    `path` is its file; `recovered` tells of a damaged file that was replaced when it was opened. A to-do that was never
    pushed has version and revision 0. Ids are taken as the service gives them, or as `find` does.

    Args:
        session: who is signed in; the replica is this user's and stays it.
        folder: where the file is kept.
        owner: the user in one deployment; it names the file and stands in it.
        clock: seconds since the epoch; corrected by what the service says at each sync.
        zone: in which days begin and due times recur; the machine's own if none is given.
    """

    def __init__(
        self,
        session: Session,
        folder: Path,
        owner: str,
        *,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
    ) -> None:
        self.user_id = session.user().user_id
        self.path = folder / f"{hashlib.sha256(owner.encode()).hexdigest()[:32]}.sqlite3"
        self._session = session
        self._owner = owner
        self._clock = clock
        self._zone = zone
        self._store = Store(self.path, owner)
        self._syncing = threading.Lock()
        self._edited: Rows | None = None
        self.recovered: Recovery | None = open_or_recover(self._store, owner)

    def __repr__(self) -> str:
        return f"Replica({str(self.path)!r})"

    def add(self, title: str, *, todo_id: str | None = None, **fields: Unpack[TodoDetails]) -> Todo:
        """Add a to-do; the fields are those of `client.todos.add`.

        Raises:
            InvalidRequestError: a field cannot be that.
            ConflictError: there is another to-do with this `todo_id`.
        """
        wire = wire_fields({"title": title, **fields})
        with self._editing() as edits:
            own_id = new_todo_id(self._clock()) if todo_id is None else todo_id_text(todo_id)
            return _seen(edits.add(own_id, wire))

    def get(self, todo_id: str) -> Todo:
        """Give one to-do; NotFoundError when there is none (any more)."""
        with self._asking() as queries:
            found = queries.one(todo_id_text(todo_id))
        if found is None:
            raise NotFoundError("there is no such to-do")
        return found

    def edit(self, todo_id: str, **fields: Unpack[TodoFields]) -> Todo:
        """Change fields of a to-do and give it as it is now.

        Raises:
            InvalidRequestError: a field cannot be that.
            NotFoundError: there is no such to-do.
        """
        wire = wire_fields(fields)
        with self._editing() as edits:
            return _seen(edits.edit(edits.live(todo_id_text(todo_id)), wire))

    def done(self, todo_id: str) -> Completed:
        """Mark a to-do as done; one that recurs gets its next occurrence."""
        with self._editing() as edits:
            record = edits.live(todo_id_text(todo_id))
            following = edits.done(record)
            return Completed(_seen(record), None if following is None else _seen(following))

    def reopen(self, todo_id: str) -> Todo:
        """Mark a to-do as open again; its next occurrence goes, unless it was changed since."""
        with self._editing() as edits:
            return _seen(edits.reopen(edits.live(todo_id_text(todo_id))))

    def remove(self, todo_id: str) -> Todo:
        """Remove a to-do; gives what was left of it, with `deleted` true."""
        with self._editing() as edits:
            return _seen(edits.remove(edits.live(todo_id_text(todo_id))))

    def restore(self, todo_id: str) -> Todo:
        """Bring a removed to-do back; under a new id when the service has removed it already.

        Raises:
            NotFoundError: there is no such removed to-do, or it is too long ago.
        """
        with self._editing() as edits:
            own_id = todo_id_text(todo_id)
            fields = edits.removed(own_id)
            return _seen(edits.restore(own_id, fields))

    def list(
        self,
        *,
        status: Status | None = None,
        tag: str | Iterable[str] | None = None,
        list: str | None = None,  # noqa: A002, one word for one thing, and on the wire it is list
        priority: int | None = None,
        due_before: Due | str | None = None,
        due_after: Due | str | None = None,
        q: str | None = None,
        overdue: bool = False,
        limit: int | None = None,
    ) -> tuple[Todo, ...]:
        """Give the to-dos that fit all of the filters: open ones by due date and priority, then done ones, last first.

        Args:
            tag: one tag, or several that must all be there.
            q: as in `search`.
            overdue: only open ones whose day or time is over.
        """
        filters: Filters = {
            "status": status,
            "tag": tag,
            "list": list,
            "priority": priority,
            "due_before": due_before,
            "due_after": due_after,
            "q": q,
            "overdue": overdue,
        }
        with self._asking() as queries:
            return queries.select(filters, limit)

    def search(self, text: str, *, limit: int | None = None) -> tuple[Todo, ...]:
        """Give the to-dos with all words of a text in title, notes, tags or list: open ones first, best first.

        Case and accents do not matter; the last word may be the beginning of one, unless a space follows it.
        """
        with self._asking() as queries:
            return queries.search(text, limit)

    def batch(self, changes: Iterable[Change]) -> tuple[Todo, ...]:
        """Make many changes, all of them or none; together they are one step for `undo`. Their keys are not used."""
        with self.transaction():
            return tuple(self._made(change) for change in changes)

    def _made(self, change: Change) -> Todo:
        if change.op == "create":
            fields = {"title": "", **change.fields}
            with self._editing() as edits:
                return _seen(edits.add(todo_id_text(change.todo_id), wire_fields(fields)))
        if change.op == "update":
            return self.edit(change.todo_id, **change.fields)
        return self.remove(change.todo_id)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes in the block, or none; together they are one step for `undo`."""
        with self._writing():
            yield

    def short_id(self, todo: Todo | str) -> str:
        """Give a small number that stays with a to-do; of one done long ago, the beginning of its id."""
        with self._asking() as queries:
            return queries.short_id(todo.id if isinstance(todo, Todo) else todo_id_text(todo))

    def short_ids(self, todos: Iterable[Todo]) -> dict[str, str]:
        """Give what `short_id` gives for each of several to-dos, by id, with one question instead of many."""
        with self._asking() as queries:
            return queries.short_ids([todo.id for todo in todos])

    def find(self, text: str) -> tuple[Todo, ...]:
        """Give the to-do with this number, else those whose id begins like this (4 characters at least)."""
        with self._asking() as queries:
            return queries.find(text)

    def undo(self) -> Undone | None:
        """Take the last change back that was made here and not taken back yet; again, the one before it.

        What others changed again since stays (`kept`). A change that was synced is taken back by a new change.
        """
        from todo_sdk._offline_models import Undone

        with self._editing() as edits:
            found = edits.undo()
            if found is None:
                return None
            op, records, kept = found
            return Undone(op, tuple(_seen(record) for record in records), tuple(kept))

    def queued(self) -> tuple[QueuedChange, ...]:
        """Give what waits to be pushed, in the order of pushing."""
        with self._reading() as db:
            rows = db.execute("SELECT * FROM todo WHERE place IS NOT NULL ORDER BY place").fetchall()
        return tuple(_queued(record_of(row)) for row in rows)

    def discard(self, todo_id: str) -> Todo | None:
        """Give up what waits to be pushed of one to-do: it is what the service has again, or nothing.

        Raises:
            NotFoundError: nothing of it waits.
        """
        with self._editing() as edits:
            record = edits.discard(todo_id_text(todo_id))
            return None if record is None else _seen(record)

    def sync(self, budget_seconds: float | None = None) -> SyncReport:
        """Push what waits and fetch what others changed. Without a network nothing happens, and the report says so.

        Args:
            budget_seconds: about how long it may take; what is left over waits for the next sync.

        Raises:
            NotSignedInError: sign in again.
            ForbiddenError, ConfigError, ReplicaError: the user must act, too.
        """
        from todo_sdk._offline_models import SyncReport
        from todo_sdk._replica_sync import Sync

        with self._syncing, self._sound():
            sync = Sync(self._store, self._session, self._rows, self._clock, self._still_signed_in)
            tally = sync.run(budget_seconds)
        waiting, stats = self.queued(), self.stats()
        return SyncReport(
            pushed=tally.pushed,
            pulled=tally.pulled,
            conflicts=tuple(tally.conflicts),
            refused=tuple(change for change in waiting if change.problem is not None),
            queued=len(waiting),
            revision=stats.revision,
            requests=tally.requests,
            online=tally.online,
            complete=tally.complete,
            error=tally.error,
        )

    def conflicts(self, todo_id: str | None = None) -> tuple[Conflict, ...]:
        """Give the values that lost a conflict, of one to-do or of all, the last one first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT * FROM conflict WHERE :id IS NULL OR todo_id = :id ORDER BY seq DESC",
                {"id": None if todo_id is None else todo_id_text(todo_id)},
            ).fetchall()
        return tuple(_conflict(row) for row in rows)

    def history(self, todo_id: str) -> tuple[HistoryEntry, ...]:
        """Give the changes of a to-do that were made here, the last one first."""
        with self._reading() as db:
            query = "SELECT * FROM journal WHERE todo_id = ? ORDER BY seq DESC"
            rows = db.execute(query, (todo_id_text(todo_id),)).fetchall()
        return tuple(_history_entry(row) for row in rows)

    def tags(self) -> dict[str, int]:
        """Give every tag with the number of open to-dos that have it."""
        with self._asking() as queries:
            return queries.tags()

    def lists(self) -> dict[str, int]:
        """Give every list with the number of open to-dos on it; the empty name is the inbox."""
        with self._asking() as queries:
            return queries.lists()

    def stats(self) -> Stats:
        """Count the to-dos, and tell when it was synced."""
        with self._asking() as queries:
            return queries.stats()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._store.close()

    def _still_signed_in(self) -> None:
        if self._session.user().user_id != self.user_id:
            raise NotSignedInError("this replica belongs to another user; sign in as that user to sync it")

    def _rows(self, db: Connection) -> Rows:
        return Rows(db, has_words=self._store.has_words, now=self._now(db))

    def _now(self, db: Connection) -> datetime:
        ahead = db.execute("SELECT value FROM fact WHERE name = 'ahead_seconds'").fetchone()
        return datetime.fromtimestamp(self._clock(), UTC) + timedelta(seconds=ahead[0] if ahead else 0)

    @contextmanager
    def _editing(self) -> Iterator[Edits]:
        from todo_sdk._replica_edits import Edits

        with self._writing() as db:
            self._edited = self._edited or self._rows(db)
            yield Edits(self._edited, self._store, self._zone)

    @contextmanager
    def _asking(self) -> Iterator[Queries]:
        with self._reading() as db:
            yield Queries(db, has_words=self._store.has_words, now=self._now(db), zone=self._zone)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._sound(), self._store.writing() as db:
            if self._store.depth == 1:
                self._edited = None  # the rows know what is free in their transaction, and only there
            yield db

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._sound(), self._store.reading() as db:
            yield db

    @contextmanager
    def _sound(self) -> Iterator[None]:
        try:
            yield
        except Damaged as error:
            self.recovered = recover(self._store, self._owner)
            raise ReplicaError(
                f"the replica was damaged and has been made anew; {self.recovered.rescued} unpushed changes were saved,"
                f" the damaged file is {self.recovered.aside}; repeat the last change, then sync",
                reason="damaged",
            ) from error


def _seen(record: Record) -> Todo:
    return Todo.from_wire(record.todo)


def _queued(record: Record) -> QueuedChange:
    from todo_sdk._offline_models import QueuedChange
    from todo_sdk._replica_sync import change_of

    change = record.sent or change_of(record)
    fields = change.get("fields", {})
    if record.sent is not None and record.base is not None:
        fields = {**fields, **changed(record.base, record.todo)}
    elif record.sent is not None:
        fields = fields_of(record.todo)
    since = moment(record.queued_at or record.todo["updated_at"])
    op: Literal["create", "update", "delete"] = "delete" if record.todo["deleted"] else change["op"]
    return QueuedChange(record.id, op, record.todo["title"], fields if op != "delete" else {}, since, record.problem)


def _conflict(row: Any) -> Conflict:
    from todo_sdk._offline_models import Conflict

    kept, lost = json.loads(row["kept"]), json.loads(row["lost"])
    return Conflict(row["todo_id"], row["title"], row["field"], kept, lost, row["winner"], moment(row["at"]))


def _history_entry(row: Any) -> HistoryEntry:
    from todo_sdk._offline_models import HistoryEntry

    before, after = (json.loads(row[name]) if row[name] else None for name in ("before", "after"))
    return HistoryEntry(row["todo_id"], row["op"], before, after, moment(row["at"]), bool(row["undone"]))
