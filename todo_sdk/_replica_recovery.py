"""What to do with a damaged file: keep it aside, and save what the service does not have into a new one.

To-dos that wait to be pushed, conflicts and the journal are carried over; the rest comes back with the next sync.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todo_sdk._errors import ReplicaError
from todo_sdk._replica_store import BUSY_SECONDS, Damaged, Store, alone, rows_of, said_plainly, set_aside

if TYPE_CHECKING:
    from todo_sdk._offline_models import Recovery

_TABLES = ("todo", "journal", "conflict")
_DERIVED = ("rowid", "number", "stale")


def open_or_recover(store: Store, owner: str) -> Recovery | None:
    """Open a store; a damaged one is replaced, and what became of it is told.

    Raises:
        ReplicaError: it cannot be used.
    """
    finish(store.path)
    try:
        store.open()
    except Damaged:
        return recover(store, owner)
    return None


def recover(store: Store, owner: str, wait_seconds: float = BUSY_SECONDS) -> Recovery:
    """Replace a damaged file by a new one with all that could be saved.

    Raises:
        ReplicaError: the new one cannot be made; nothing was moved.
    """
    from todo_sdk._offline_models import Recovery

    store.close()
    with alone(store.path.with_name(f"{store.path.name}.recovery"), wait_seconds) as mine:
        if not mine:
            raise ReplicaError(f"another program is repairing {store.path}; try again in a moment", reason="busy")
        found = {table: rows_of(store.path, table) for table in _TABLES}
        waiting = [row for row in found["todo"][0] if row.get("place") is not None]
        saved = {"todo": waiting, "journal": found["journal"][0], "conflict": found["conflict"][0]}
        with said_plainly(store.path):
            rescued = _fill(_rescue_path(store.path), owner, saved)
            aside = set_aside(store.path)
        finish(store.path)
        store.open()
    return Recovery(aside, rescued, all(whole for _, whole in found.values()))


def finish(path: Path) -> None:
    """Put the saved file in its place; a process that was killed in the middle of a recovery left it behind."""
    rescued = _rescue_path(path)
    with said_plainly(path):
        if rescued.exists() and not path.exists():
            set_aside(path)  # a log that was left behind would be played back into the new file
            rescued.replace(path)


def _rescue_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.rescued")


def _fill(path: Path, owner: str, saved: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    for side in ("", "-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    store = Store(path, owner)
    store.open()
    try:
        with store.writing() as db:
            counts = {table: _insert(db, table, rows) for table, rows in saved.items()}
            if store.has_words:
                db.execute("INSERT INTO words (words) VALUES ('rebuild')")
    finally:
        store.close()
    return counts["todo"]


def _insert(db: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    columns = [row["name"] for row in db.execute(f"PRAGMA table_info({table})") if row["name"] not in _DERIVED]
    count = 0
    for row in rows:
        known = [name for name in columns if name in row]
        marks = ", ".join("?" * len(known))
        statement = f"INSERT OR IGNORE INTO {table} ({', '.join(known)}) VALUES ({marks})"  # noqa: S608
        with suppress(sqlite3.IntegrityError):  # a row that was half damaged
            count += db.execute(statement, [row[name] for name in known]).rowcount
    return count
