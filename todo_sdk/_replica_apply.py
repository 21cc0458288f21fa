"""What an answer of the service makes of the rows: results of what was sent, and what others changed.

Works within one transaction; no network, no clock.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from todo_sdk._exchange import Exchange
from todo_sdk._fields import time_to_text
from todo_sdk._merge import DEFAULTS, Lost, changed, fields_of, merge
from todo_sdk._offline_models import Conflict
from todo_sdk._replica_rows import COLUMNS, Record, Rows, record_of

# Longer than the service keeps tombstones, so that a next occurrence that was removed is known as long as it matters.
TOMBSTONES_KEPT = timedelta(days=40)

Wire = Mapping[str, Any]


@dataclass
class Applied:
    """What one answer did."""

    pushed: int = 0
    pulled: int = 0
    conflicts: list[Conflict] = field(default_factory=list)


def apply_exchange(rows: Rows, answer: Exchange) -> Applied:
    """Apply an answer, and move the position with it."""
    applied = Applied()
    resetting = answer.reset or bool(rows.fact("resetting", 0))
    if answer.reset:
        _begin_anew(rows)
    for result in answer.results:
        _settle(rows, result, applied)
    for change in answer.changes:
        _pull(rows, change, applied)
    if resetting and not answer.more:
        _forget_stale(rows, applied)
        resetting = False
    rows.remember(since=answer.position.since, since_at=answer.position.since_at, resetting=int(resetting))
    if not answer.more:
        rows.purge(time_to_text(rows.now - TOMBSTONES_KEPT))
    return applied


def begin_snapshot(rows: Rows) -> None:
    """Take back the position: until the snapshot is whole, everything may still change."""
    _begin_anew(rows)
    rows.remember(since=0, resetting=1)


def apply_snapshot(rows: Rows, todos: Iterable[Wire], revision: int | None) -> Applied:
    """Apply a page of a snapshot; the last one, with its `revision`, moves the position."""
    applied = Applied()
    for todo in todos:
        _pull(rows, todo, applied)
    if revision is not None:
        _forget_stale(rows, applied)
        rows.remember(since=revision, resetting=0)
    return applied


def _begin_anew(rows: Rows) -> None:
    rows.db.execute("UPDATE todo SET stale = 1")


def _settle(rows: Rows, result: Wire, applied: Applied) -> None:
    """Take in what became of a change that was sent."""
    record = rows.get(result["id"])
    if record is None or record.sent is None or record.sent["key"] != result["key"]:
        return
    sent, outcome, theirs = record.sent, result["outcome"], result.get("todo")
    common = DEFAULTS if (sent["op"], outcome) == ("create", "conflict") else _common(record)
    record.sent = None
    if outcome in ("applied", "repeated") and theirs is not None:
        applied.pushed += 1
        # what was pulled since the change was sent has it in it already
        if record.stale or record.base is None or theirs["version"] > record.base["version"]:
            _rebase(rows, record, {**common, **sent.get("fields", {})}, theirs, applied)
    elif outcome == "conflict" and theirs is not None:
        _rebase(rows, record, common, theirs, applied)
    elif outcome == "not_found":
        _rebase(rows, record, common, _removed(rows, record), applied)
    else:
        record.problem = str(result.get("message") or f"the service answered {outcome}")
    record.settle()
    rows.save(record)


def _pull(rows: Rows, theirs: Wire, applied: Applied) -> None:
    """Take in a to-do as it is at the service."""
    record = rows.get(theirs["id"])
    if record is None:
        rows.save(Record(_plain(theirs)))
        applied.pulled += not theirs["deleted"]
        return
    known = record.base["version"] if record.base is not None and not record.stale else 0
    if theirs["version"] > known:
        before = record.todo
        _rebase(rows, record, _common(record), theirs, applied)
        record.settle()
        applied.pulled += record.todo["deleted"] != before["deleted"] or fields_of(record.todo) != fields_of(before)
    elif not record.stale:
        return
    record.stale = False
    rows.save(record)


def _common(record: Record) -> dict[str, Any]:
    """Give what this device and the service last agreed on, or will have agreed on once a sent create has arrived."""
    if record.base is not None:
        return fields_of(record.base)
    sent = record.sent or {}
    return {**DEFAULTS, **sent.get("fields", {})}


def _removed(rows: Rows, record: Record) -> dict[str, Any]:
    """Give the tombstone of a to-do that the service does not have (any more)."""
    return {**(record.base or record.todo), "deleted": True, "updated_at": time_to_text(rows.now)}


def _rebase(rows: Rows, record: Record, common: Wire, theirs: Wire, applied: Applied) -> None:
    """Let a row begin from what the service has; what this device changed on top of `common` stays on top."""
    mine, theirs = record.todo, _plain(theirs)
    lost: Iterable[Lost]
    if theirs["deleted"]:
        gone = {} if mine["deleted"] else changed(common, mine)
        # the content stays readable in the tombstone, so that it can be brought back
        todo = {**theirs, **fields_of(mine)}
        lost = [Lost("deleted", True, gone, "theirs")] if gone else []
    elif mine["deleted"]:
        gone = changed(common, theirs)
        todo = {**theirs, "deleted": True}
        lost = [Lost("deleted", True, gone, "mine")] if gone else []
    else:
        fields, lost = merge(common, mine, theirs, record.touched, theirs["updated_at"])
        todo = {**theirs, **fields}
        if fields["status"] != theirs["status"]:
            todo["completed_at"] = mine["completed_at"]
        if changed(theirs, fields):
            todo["updated_at"] = max(mine["updated_at"], theirs["updated_at"])
    record.todo, record.base = todo, theirs
    for each in lost:
        applied.conflicts.append(_keep_lost(rows, todo, each))


def _keep_lost(rows: Rows, todo: Wire, lost: Lost) -> Conflict:
    """Write down a value that lost."""
    conflict = Conflict(todo["id"], todo["title"], lost.field, lost.kept, lost.lost, lost.winner, rows.now)
    texts = (json.dumps(lost.kept, ensure_ascii=False), json.dumps(lost.lost, ensure_ascii=False))
    rows.db.execute(
        "INSERT INTO conflict (at, todo_id, title, field, kept, lost, winner) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (time_to_text(rows.now), todo["id"], todo["title"], lost.field, *texts, lost.winner),
    )
    return conflict


def _forget_stale(rows: Rows, applied: Applied) -> None:
    """Take out what the service no longer has; what was never there, or is on its way, stays."""
    for row in rows.db.execute("SELECT * FROM todo WHERE stale = 1").fetchall():
        record = record_of(row)
        record.stale = False
        if record.place is None:
            rows.drop(record)
            applied.pulled += not record.todo["deleted"]
            continue
        if record.base is not None and record.sent is None:
            _rebase(rows, record, _common(record), _removed(rows, record), applied)
            record.settle()
        rows.save(record)


def _plain(wire: Wire) -> dict[str, Any]:
    return {name: wire[name] for name in COLUMNS}
