"""What a batch of changes makes of a user's to-dos: a pure function from state to plan. No I/O, no clock.

Change i of a batch takes the revision after change i-1, if it changes anything; a refused change, and one that alters
nothing, takes none, so revisions have no gaps. An item that is touched twice is written once, with its last state.

A repeated change is known by its key, which the item remembers (`recent`, JSON text, oldest first) together with the
values that the change replaced (`before`). The first answer is not stored: it is the item as it is now, with the
`before` of all later changes put back. That is exact, and small.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from todo_backend.service import routes, todos
from todo_backend.service.errors import InvalidRequestError
from todo_backend.service.times import timestamp
from todo_backend.service.todos import Item

RECENT_KEYS: Final = 16
# Bounds an item to about 140 KB, and so a transaction of 25 to 3.5 MB of the allowed 4 (DD-13, DD-14).
RECENT_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Meta:
    """A user's META item. `base` and `written` tell what the last transaction was: the revision before it, and how
    many to-dos it wrote; by them a reader knows that it sees all of it."""

    revision: int = 0
    changed_at: str | None = None
    base: int = 0
    written: int = 0


@dataclass(frozen=True)
class Change:
    """One validated change. `fields` of a create are complete, those of an update what shall change."""

    op: str
    todo_id: str
    key: str
    fields: dict[str, Any] = field(default_factory=dict)
    if_version: int | None = None


@dataclass(frozen=True)
class Result:
    """What became of one change. `settled_by_write` is False when it was decided by what was read alone."""

    outcome: str
    todo: Item | None = None
    code: str | None = None
    message: str | None = None
    settled_by_write: bool = False


@dataclass(frozen=True)
class Plan:
    """What to write, and what to answer once it is written. `expected` has the version read of each item, or None."""

    results: tuple[Result, ...]
    puts: dict[str, Item]
    expected: dict[str, int | None]
    before: Meta
    after: Meta

    @property
    def needs_confirmation(self) -> bool:
        """True when some answer rests on a read alone, which therefore must have been a consistent one."""
        return not all(result.settled_by_write for result in self.results)


def apply(changes: tuple[Change, ...], items: Mapping[str, Item], meta: Meta, now: datetime) -> Plan:
    """Fold the changes over the items (by id; an absent one does not exist) and say what to write."""
    state: dict[str, Item] = {todo_id: item for todo_id, item in items.items() if not expired(item, now)}
    puts: dict[str, Item] = {}
    results: list[Result] = []
    revision = meta.revision
    for change in changes:
        result, item = _apply_one(change, state.get(change.todo_id), revision + 1, now)
        if item is not None:
            revision += 1
            state[change.todo_id] = puts[change.todo_id] = item
        results.append(result)
    # The versions are those of the table: an expired tombstone is overwritten only as long as it is that one.
    expected = {todo_id: items[todo_id]["version"] if todo_id in items else None for todo_id in puts}
    after = Meta(revision, timestamp(now), meta.revision, len(puts)) if puts else meta
    return Plan(tuple(results), puts, expected, meta, after)


def expired(item: Item, now: datetime) -> bool:
    """True for a tombstone past its time: TTL deletes late, so readers must not wait for it (DD-19)."""
    return item.get("expires_at") is not None and bool(item["expires_at"] <= now.timestamp())


def _apply_one(change: Change, item: Item | None, revision: int, now: datetime) -> tuple[Result, Item | None]:
    if change.op == "create":
        return _create(change, item, revision, now)
    if item is not None and (first := _first_answer(item, change.key)) is not None:
        return Result("repeated", first), None
    if item is None or item["deleted"]:
        return Result("not_found", None, "not_found", "there is no such to-do"), None
    if change.if_version is not None and change.if_version != item["version"]:
        message = f"the to-do has version {item['version']} by now"
        return Result("conflict", todos.wire(item), "version_mismatch", message), None
    return (_delete if change.op == "delete" else _update)(change, item, revision, now)


def _create(change: Change, item: Item | None, revision: int, now: datetime) -> tuple[Result, Item | None]:
    digest = todos.digest(change.fields)
    if item is not None and item["digest"] == digest:
        return Result("repeated", todos.wire(item)), None
    if item is not None:
        message = "another to-do was created under this id"
        return Result("conflict", todos.wire(item), "already_exists", message), None
    at = timestamp(now)
    server = {"created_at": at, "updated_at": at, "completed_at": at if change.fields["status"] == "done" else None}
    new = {"id": change.todo_id, **change.fields, **server, "version": 1, "revision": revision, "deleted": False}
    new |= {"digest": digest, "recent": "[]"}
    return Result("applied", todos.wire(new), settled_by_write=True), new


def _update(change: Change, item: Item, revision: int, now: datetime) -> tuple[Result, Item | None]:
    values = {name: value for name, value in change.fields.items() if value != item[name]}
    if not values:
        return Result("applied", todos.wire(item)), None
    if "due" in values or "recurrence" in values:
        try:
            todos.check_whole({**item, **values})
        except InvalidRequestError as error:
            return Result("invalid", todos.wire(item), error.code, error.message), None
    if "status" in values:
        values["completed_at"] = timestamp(now) if values["status"] == "done" else None
    return _write(change, item, values, revision, now)


def _delete(change: Change, item: Item, revision: int, now: datetime) -> tuple[Result, Item | None]:
    expires_at = int((now + timedelta(days=routes.TOMBSTONE_DAYS)).timestamp())
    result, new = _write(change, item, {"deleted": True}, revision, now)
    return result, {**new, "expires_at": expires_at}


def _write(change: Change, item: Item, values: dict[str, Any], revision: int, now: datetime) -> tuple[Result, Item]:
    values = {**values, "updated_at": timestamp(now)}
    before = {name: item[name] for name, value in values.items() if value != item[name]}
    entry = {"key": change.key, "version": item["version"] + 1, "revision": revision, "before": before}
    new = {**item, **values, "version": item["version"] + 1, "revision": revision}
    new["recent"] = _remember(item["recent"], entry)
    return Result("applied", todos.wire(new), settled_by_write=True), new


def _remember(recent: str, entry: dict[str, Any]) -> str:
    entries = [*json.loads(recent), entry][-RECENT_KEYS:]
    text = _compact(entries)
    while len(entries) > 1 and len(text.encode()) > RECENT_BYTES:
        del entries[0]
        text = _compact(entries)
    return text


def _compact(entries: list[dict[str, Any]]) -> str:
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":"))


def _first_answer(item: Item, key: str) -> Item | None:
    """Undo the changes after the one with this key; None when the item does not remember the key."""
    answer = todos.wire(item)
    for entry in reversed(json.loads(item["recent"])):
        if entry["key"] == key:
            return {**answer, "version": entry["version"], "revision": entry["revision"]}
        answer |= entry["before"]
    return None


def refused(error: InvalidRequestError) -> Result:
    """Make the result of a change that failed validation; no read could alter it."""
    return Result("invalid", None, error.code, error.message, settled_by_write=True)
