"""Where a session is kept between two runs: in a file that only its owner can read, or in memory.

A store holds one session as a JSON object and does not know what is in it. What is not readable as such is no session:
a damaged file means "signed out", never an error.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from todo_sdk._errors import ConfigError

FILE_MODE = 0o600
FOLDER_MODE = 0o700


@runtime_checkable
class TokenStore(Protocol):
    """What a place for a session must be able to do.

    A store that several processes share may also have `locked()`, a context manager that keeps the others out.
    """

    def load(self) -> Mapping[str, Any] | None:
        """Give the session that was saved last, or None."""

    def save(self, session: Mapping[str, Any]) -> None:
        """Keep this session instead of the one before, all of it or nothing."""

    def clear(self) -> None:
        """Forget the session."""


class MemoryTokenStore:
    """A session that ends with the process."""

    def __init__(self) -> None:
        self._session: dict[str, Any] | None = None

    def load(self) -> Mapping[str, Any] | None:
        """Give the session that was saved last, or None."""
        return None if self._session is None else dict(self._session)

    def save(self, session: Mapping[str, Any]) -> None:
        """Keep this session instead of the one before."""
        self._session = dict(session)

    def clear(self) -> None:
        """Forget the session."""
        self._session = None


class FileTokenStore:
    """A session in a file of mode 0600 in a folder of mode 0700, replaced atomically."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self.path)!r})"

    def load(self) -> Mapping[str, Any] | None:
        """Give the session in the file; None when there is none, or what is there is not a session."""
        try:
            # SE-19: a link in the way is not followed, neither here nor when saving
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(descriptor, encoding="utf-8") as file:
                session = json.load(file)
        except (OSError, ValueError):
            return None
        return session if isinstance(session, dict) else None

    def save(self, session: Mapping[str, Any]) -> None:
        """Put this session in the file, all of it or nothing.

        Raises:
            ConfigError: the folder cannot be written.
        """
        import secrets  # reading, which is what most runs do, needs none of it

        with _said_plainly(self.path):
            self._make_folder()
            temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
            try:
                _write_private(temporary, json.dumps(session).encode())
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the file.

        Raises:
            ConfigError: it cannot be removed.
        """
        with _said_plainly(self.path):
            self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out between a load and the save that depends on it."""
        with _said_plainly(self.path):
            self._make_folder()
            lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            _wait_for(lock)
            yield
        finally:
            os.close(lock)  # which gives the lock back

    def _make_folder(self) -> None:
        folder = self.path.parent
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(FOLDER_MODE)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _wait_for(lock: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: threads are kept apart by the session, processes are not
        return
    fcntl.flock(lock, fcntl.LOCK_EX)


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"the session cannot be kept in {path}: {error.strerror}; set TODO_DATA_DIR") from error
