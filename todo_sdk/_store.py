"""Where a session is kept between two runs: in a file that only its owner can read, or in memory.

A store holds one session as a JSON object and does not know what is in it. What is not readable as such is no session:
a damaged file means "signed out", never an error.
"""

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from todo_sdk._errors import ConfigError
from todo_sdk._lock import FileLock

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_log = logging.getLogger("todo_sdk.store")


@runtime_checkable
class TokenStore(Protocol):
    """What a place for a session must be able to do; an application may bring its own.

    The mapping is JSON and holds secrets: keep it where nobody else can read it. A store that several threads or
    processes share should also have `locked()`, a context manager that keeps the others out: within it a session is
    read, renewed at Cognito, and saved. Without it two of them may renew at the same time.
    """

    def load(self) -> Mapping[str, Any] | None:
        """Give the session that was saved last, or None."""

    def save(self, session: Mapping[str, Any]) -> None:
        """Keep this session instead of the one before, all of it or nothing; ConfigError when it cannot be kept."""

    def clear(self) -> None:
        """Forget the session; one that is not there is forgotten already."""


class MemoryTokenStore:
    """A session that ends with the process; several clients may share it."""

    def __init__(self) -> None:
        self._session: dict[str, Any] | None = None
        self._lock = threading.RLock()

    def load(self) -> Mapping[str, Any] | None:
        """Give the session that was saved last, or None."""
        return None if self._session is None else dict(self._session)

    def save(self, session: Mapping[str, Any]) -> None:
        """Keep this session instead of the one before."""
        self._session = dict(session)

    def clear(self) -> None:
        """Forget the session."""
        self._session = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads out between a load and the save that depends on it."""
        with self._lock:
            yield


class FileTokenStore:
    """A session in a file of mode 0600 in a folder of mode 0700, replaced atomically.

    Args:
        because: why it is a file and not a keyring; said once, when a session is first kept there.
    """

    def __init__(self, path: Path | str, *, because: str | None = None) -> None:
        self.path = Path(path)
        self._because = because

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

        with make_private_folder(self.path):
            temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
            try:
                _write_private(temporary, json.dumps(session).encode())
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)
        self._say_where()

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
        with make_private_folder(self.path):
            lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
            lock.take()
        try:
            yield
        finally:
            lock.give_back()

    def _say_where(self) -> None:
        said = self.path.with_name(f".{self.path.name}.said")
        if self._because is None or said.exists():
            return
        _log.warning("%s: the session is kept in %s, which only you can read", self._because, self.path)
        with _said_plainly(said):
            said.touch(mode=FILE_MODE)


@contextmanager
def make_private_folder(path: Path) -> Iterator[None]:
    """Make the folder of a file, for its owner only; what goes wrong with the file within is said plainly."""
    with _said_plainly(path):
        folder = path.parent
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(FOLDER_MODE)
        yield


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"the session cannot be kept in {path}: {error.strerror}; set TODO_DATA_DIR") from error
