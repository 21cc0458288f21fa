"""Bringing the replica and the service together: push what waits, pull what changed, until nothing is left.

What is sent is written down first, with its key, and sent again as it is until there is an answer: so an answer that
was lost, or a process that was killed, repeats nothing. What came back is applied in one transaction with the position.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from todo_sdk._errors import (
    InvalidRequestError,
    NotFoundError,
    ReplicaError,
    ServerError,
    ThrottledError,
    TodoError,
    TransportError,
)
from todo_sdk._exchange import SYNC_CHANGES, Exchange, Position, current_revision, exchange, snapshot_page
from todo_sdk._fields import new_idempotency_key
from todo_sdk._merge import changed, fields_of
from todo_sdk._offline_models import Conflict
from todo_sdk._replica_apply import Applied, apply_exchange, apply_snapshot, begin_snapshot
from todo_sdk._replica_rows import Record, Rows, moment, record_of
from todo_sdk._replica_store import Store, alone
from todo_sdk._session import Session

WAIT_SECONDS = 120.0  # for another process that is syncing
MAX_ROUNDS = 10_000
BROKEN_STATUS = 500  # which one change can cause; 502 to 504 are nobody's fault

_log = logging.getLogger("todo_sdk.replica")

_NEXT = """SELECT * FROM todo WHERE place IS NOT NULL AND problem IS NULL
 ORDER BY sent IS NULL, place LIMIT ?"""


@dataclass
class Tally:
    """What a sync has done so far."""

    pushed: int = 0
    pulled: int = 0
    requests: int = 0
    complete: bool = False
    conflicts: list[Conflict] = field(default_factory=list)
    error: TodoError | None = None

    @property
    def online(self) -> bool:
        """False when the service could not be reached."""
        return not isinstance(self.error, TransportError)

    def add(self, applied: Applied) -> None:
        """Count what one answer brought."""
        self.pushed += applied.pushed
        self.pulled += applied.pulled
        self.conflicts += applied.conflicts


class Sync:
    """One sync of one replica.

    Args:
        rows: makes the rows for a transaction of the store.
        still_signed_in: raises NotSignedInError unless the session is that of the replica's user.
    """

    def __init__(
        self,
        store: Store,
        session: Session,
        rows: Callable[[Any], Rows],
        clock: Callable[[], float],
        still_signed_in: Callable[[], None],
    ) -> None:
        self._store = store
        self._session = session
        self._rows = rows
        self._clock = clock
        self._still_signed_in = still_signed_in
        self._failed_alone: set[str] = set()
        self.tally = Tally()

    def run(self, budget_seconds: float | None) -> Tally:
        """Sync, one process at a time; what passes by itself ends up in the tally's `error`.

        Raises:
            NotSignedInError, ForbiddenError, ConfigError, ReplicaError: the user must act.
        """
        deadline = None if budget_seconds is None else time.monotonic() + budget_seconds
        with alone(self._store.path, WAIT_SECONDS if budget_seconds is None else budget_seconds) as mine:
            if not mine:
                self.tally.error = ReplicaError("another program is syncing at the moment", reason="busy")
                return self.tally
            try:
                self._rounds(deadline)
            except (TransportError, ServerError, ThrottledError) as error:
                self.tally.error = error
        return self.tally

    def _rounds(self, deadline: float | None) -> None:
        snapshot_tried = False
        for _ in range(MAX_ROUNDS):
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                self.tally.error = self.tally.error or TransportError("there was no time to sync everything")
                return
            batch, position = self._take()
            self._still_signed_in()
            self.tally.requests += 1
            try:
                answer = exchange(
                    self._session, [record.sent or {} for record in batch], position, timeout_seconds=left
                )
            except (InvalidRequestError, ServerError) as error:
                self._isolate(batch, error)
                continue
            self._still_signed_in()
            if self._apply(batch, position, answer):
                self.tally.complete = self.tally.error is None
                return
            if answer.more and position.since == 0 and left is None and not snapshot_tried:
                snapshot_tried = True
                self._take_snapshot()

    def _take(self) -> tuple[list[Record], Position]:
        """Give the next changes to send, each written down as it will be sent."""
        with self._store.writing() as db:
            rows = self._rows(db)
            size = int(rows.fact("batch", SYNC_CHANGES))
            found = [record_of(row) for row in db.execute(_NEXT, (size + len(self._failed_alone),))]
            batch = [record for record in found if record.id not in self._failed_alone][:size]
            for record in batch:
                if record.sent is None:
                    record.sent = change_of(record)
                    db.execute("UPDATE todo SET sent = ? WHERE rowid = ?", (json.dumps(record.sent), record.rowid))
            return batch, Position(int(rows.fact("since", 0)), rows.fact("since_at"))

    def _apply(self, batch: list[Record], position: Position, answer: Exchange) -> bool:
        """Apply an answer in one transaction; gives whether nothing is left to do."""
        with self._store.writing() as db:
            rows = self._rows(db)
            if rows.fact("since", 0) != position.since:  # not the file that was asked for: damaged and filled anew
                return False
            self.tally.add(apply_exchange(rows, answer))
            if answer.position.since_at is not None:
                ahead = moment(answer.position.since_at) - datetime.fromtimestamp(self._clock(), UTC)
                rows.remember(ahead_seconds=ahead.total_seconds())
            if batch:
                rows.remember(batch=min(SYNC_CHANGES, 2 * int(rows.fact("batch", SYNC_CHANGES))))
            waiting = db.execute(_NEXT, (1 + len(self._failed_alone),)).fetchall()
            return not answer.more and all(row["id"] in self._failed_alone for row in waiting)

    def _take_snapshot(self) -> None:
        """Fetch a long list for the first time: in a third of the requests that pages of changes would take.

        It stands or falls as a whole. When the list changes meanwhile, or the service fails (AC-24: API Gateway repeats
        errors from its cache), the pages of changes are asked for instead, from the beginning.
        """
        try:
            self.tally.requests += 1
            revision, page = current_revision(self._session), None
            with self._store.writing() as db:
                begin_snapshot(self._rows(db))
            while True:
                self._still_signed_in()
                self.tally.requests += 1
                answer = snapshot_page(self._session, revision, page)
                page = answer.next_page
                with self._store.writing() as db:
                    applied = apply_snapshot(self._rows(db), answer.todos, revision if page is None else None)
                    self.tally.add(applied)
                if page is None:
                    return
        except (NotFoundError, ServerError) as error:
            _log.debug("no snapshot: %s", error)

    def _isolate(self, batch: list[Record], error: InvalidRequestError | ServerError) -> None:
        """Find the change that spoils its batch: send less at a time; the one that fails alone lets the others pass."""
        refused = isinstance(error, InvalidRequestError)
        if not batch or not (refused or error.status in (BROKEN_STATUS, None)):
            raise error
        with self._store.writing() as db:
            rows = self._rows(db)
            if len(batch) > 1:
                rows.remember(batch=len(batch) // 2)
                return
            record = rows.get(batch[0].id)
            if record is not None and refused:
                record.sent, record.problem = None, str(error)
                rows.save(record)
            elif record is not None:
                rows.requeue(record)
                rows.save(record)
        if not refused:
            self._failed_alone.add(batch[0].id)
            self.tally.error = error


def change_of(record: Record) -> dict[str, Any]:
    """Make the change that brings the service to what the user sees."""
    key = new_idempotency_key()
    if record.base is None:
        return {"op": "create", "id": record.id, "key": key, "fields": fields_of(record.todo)}
    change = {"id": record.id, "key": key, "if_version": record.base["version"]}
    if record.todo["deleted"]:
        return {"op": "delete", **change}
    return {"op": "update", **change, "fields": changed(record.base, record.todo)}
