"""The replica's file: opening, transactions, and every way in which a file fails. Knows nothing of to-dos.

The only module that imports sqlite3. A change is acknowledged when its transaction is committed, with WAL and
`synchronous=FULL`: then it is on the disk and survives the end of the process, of the system, and of the power.
"""

import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from todo_sdk._errors import ReplicaError
from todo_sdk._replica_schema import APPLICATION_ID, MIGRATIONS, WORDS

BUSY_SECONDS = 10.0
CACHE_KIB = 16 * 1024  # a list of 10,000 with its indexes; taken only as far as it is used
_SIDES = ("", "-wal", "-shm")
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SAID: Mapping[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("busy", "another program is writing to it for long; try again in a moment"),
    sqlite3.SQLITE_LOCKED: ("busy", "another program is writing to it for long; try again in a moment"),
    sqlite3.SQLITE_FULL: ("full", "the disk is full; make room and repeat the last change"),
    sqlite3.SQLITE_READONLY: ("read_only", "it cannot be written; check who owns it, or set TODO_DATA_DIR"),
    sqlite3.SQLITE_PERM: ("read_only", "it may not be opened; check who owns it, or set TODO_DATA_DIR"),
    sqlite3.SQLITE_CANTOPEN: ("unusable", "it cannot be opened; check the folder, or set TODO_DATA_DIR"),
    sqlite3.SQLITE_IOERR: ("unusable", "the disk cannot be read or written; look after the disk, then try again"),
}
_SAID_BY_SYSTEM: Mapping[int, str] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}

Row = sqlite3.Row


class Damaged(Exception):  # noqa: N818, an event between two modules that never reaches a caller
    """The file is not a sound database; the transaction has been rolled back."""


class Store:
    """One SQLite file, used by several threads and several processes.

    Args:
        owner: whose it is; a file of another owner is refused.
        migrations: the schema, as steps from each version to the next.
        busy_seconds: how long to wait for another process that is writing.
    """

    def __init__(
        self,
        path: Path,
        owner: str,
        *,
        migrations: Sequence[str] = MIGRATIONS,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.path = path
        self.has_words = False
        self.step: int | None = None
        self._owner = owner
        self._migrations = migrations
        self._busy_seconds = busy_seconds
        self._lock = threading.RLock()
        self.depth = 0
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file, make it if there is none, and bring it to this schema.

        Raises:
            ReplicaError: it is a newer SDK's, another user's, or cannot be used.
            Damaged: it is there and not sound.
        """
        with self._lock, said_plainly(self.path):
            self.close()
            make_private(self.path)
            db = connect(self.path, self._busy_seconds)
            try:
                self._prepare(db)
            except BaseException:
                db.close()
                raise
            self._db, self._file = db, self._identity()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it on the disk when the block ends, or nothing. One inside another is a part of it.

        Raises:
            ReplicaError: it cannot be written; nothing was.
            Damaged: the file is not sound.
        """
        with self._lock, said_plainly(self.path):
            db = self._current()
            begin, end, back = (
                ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part")
                if self.depth
                else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
            )
            db.execute(begin)
            self.depth += 1
            try:
                yield db
                db.execute(end)
            except BaseException:
                with suppress(sqlite3.Error):
                    for statement in back.split("; "):
                        db.execute(statement)
                raise
            finally:
                self.depth -= 1
                if not self.depth:
                    self.step = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A view that nobody changes while it is looked at."""
        with self._lock, said_plainly(self.path):
            db = self._current()
            if self.depth:
                yield db
                return
            db.execute("BEGIN")
            try:
                yield db
            finally:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")

    def _current(self) -> sqlite3.Connection:
        # a file that was moved aside or deleted must not be written any more: nobody would read it
        if self._db is None or (not self.depth and self._identity() != self._file):
            self.open()
        assert self._db is not None
        return self._db

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        application = db.execute("PRAGMA application_id").fetchone()[0]
        if (application or version) and application != APPLICATION_ID:
            raise ReplicaError(f"{self.path} is not a replica of to-dos; move it away", reason="foreign")
        if version > len(self._migrations):
            raise ReplicaError(
                f"{self.path} was written by a newer todo-sdk (schema {version}, this one knows"
                f" {len(self._migrations)}); update todo-sdk",
                reason="newer",
            )
        if version < len(self._migrations):
            self._migrate(db)
        owner = db.execute("SELECT value FROM fact WHERE name = 'owner'").fetchone()
        if owner is None or owner[0] != self._owner:
            raise ReplicaError(f"{self.path} belongs to another user; move it away", reason="foreign")
        self.has_words = self._prepare_words(db)

    def _migrate(self, db: sqlite3.Connection) -> None:
        with _transaction(db):
            version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
            for script in self._migrations[version:]:
                for statement in script.split(";"):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(self._migrations)}")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute("INSERT OR IGNORE INTO fact VALUES ('owner', ?)", (self._owner,))

    def _prepare_words(self, db: sqlite3.Connection) -> bool:
        """Make the full-text index or fill it again; False when this SQLite has none, which voids an existing one."""
        sound = db.execute("SELECT value FROM fact WHERE name = 'words'").fetchone()
        possible = has_fts5(db)
        if possible == (sound is not None and sound[0] == 1):
            return possible
        with _transaction(db):
            if possible:
                if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is None:
                    db.execute(WORDS)
                db.execute("INSERT INTO words (words) VALUES ('rebuild')")
            db.execute("INSERT OR REPLACE INTO fact VALUES ('words', ?)", (int(possible),))
        return possible


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say about a file into the SDK's errors.

    Raises:
        Damaged: the file is not a sound database.
        ReplicaError: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the primary code
        if code in _DAMAGED:
            raise Damaged from error
        reason, said = _SAID.get(code, ("unusable", f"SQLite said: {error}"))
        raise ReplicaError(f"the replica {path} was left as it was: {said}", reason=reason) from error
    except OSError as error:
        reason = _SAID_BY_SYSTEM.get(error.errno or 0, "unusable")
        said = f"{error.strerror or error}; set TODO_DATA_DIR"
        raise ReplicaError(f"the replica {path} cannot be kept: {said}", reason=reason) from error


def has_fts5(db: sqlite3.Connection) -> bool:
    """Tell whether this SQLite can search texts."""
    return db.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone() is not None


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open a file that is there, the way the replica wants it."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"cache_size = -{CACHE_KIB}"):
            db.execute(f"PRAGMA {pragma}")
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def make_private(path: Path) -> None:
    """Make the folder (0700) and an empty file (0600) if there is none; refuse a link in its place (SE-19)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o077:
        path.parent.chmod(0o700)
    try:
        found = path.lstat()
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        return
    if not stat.S_ISREG(found.st_mode):
        raise ReplicaError(f"{path} is not a plain file; move it away", reason="foreign")
    if found.st_mode & 0o077:
        path.chmod(0o600)


def set_aside(path: Path, now: Callable[[], float] = time.time) -> Path:
    """Give a file and what belongs to it another name, and give that name."""
    aside = path.with_name(f"{path.name}.damaged-{int(now() * 1000)}")
    for side in _SIDES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).replace(aside.with_name(aside.name + side))
    return aside


@contextmanager
def alone(path: Path, wait_seconds: float) -> Iterator[bool]:
    """Keep other processes and threads out for the time of the block; gives False if somebody else is in it for long.

    The lock is SQLite's own on an empty file beside the replica: it is there on every platform, knows a time limit, and
    ends with the process that holds it.
    """
    with said_plainly(path):
        lock = path.with_name(f"{path.name}.lock")
        make_private(lock)
        db = sqlite3.connect(lock, timeout=max(wait_seconds, 0), isolation_level=None, check_same_thread=False)
    try:
        with said_plainly(path):
            mine = _exclusive(db)
        yield mine
    finally:
        db.close()


def _exclusive(db: sqlite3.Connection) -> bool:
    try:
        db.execute("PRAGMA journal_mode = MEMORY")
        db.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def rows_of(path: Path, table: str) -> tuple[list[dict[str, Any]], bool]:
    """Read what can be read of a table in a damaged file; says whether that was all."""
    found: list[dict[str, Any]] = []
    try:
        db = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error:
        return found, False
    try:
        db.row_factory = sqlite3.Row
        for row in db.execute(f"SELECT * FROM {table}"):  # noqa: S608, a name of the schema
            found.append(dict(row))  # what was read before the damage is kept
    except (sqlite3.Error, UnicodeDecodeError):
        return found, False
    finally:
        db.close()
    return found, True
