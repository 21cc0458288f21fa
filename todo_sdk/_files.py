"""Keeping files in one's own folder: `client.files`. The bytes go straight to S3, not through the API."""

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todo_sdk._config import Config
from todo_sdk._errors import InvalidRequestError, NotFoundError
from todo_sdk._fields import file_key
from todo_sdk._models import FileInfo
from todo_sdk._session import Session
from todo_sdk._traffic import Traffic

if TYPE_CHECKING:
    from todo_sdk._s3 import Bucket

UUID_CHARS = 36


class Files:
    """The signed-in user's files. Keys are relative to the user's folder, which is named after the identity (IP-03)."""

    def __init__(self, config: Config, session: Session, traffic: Traffic | None = None) -> None:
        self._config = config
        self._session = session
        self._traffic = traffic
        self._lock = threading.Lock()
        self._opened: Bucket | None = None

    def upload(self, local: Path | str, remote: str | None = None) -> FileInfo:
        """Put a local file into the folder, under its own name if no other is given; what was there is replaced.

        Raises:
            NotFoundError: there is no such local file.
            InvalidRequestError: the local file cannot be read, or the name cannot be one.
        """
        path = Path(local)
        key = self._checked(path.name if remote is None else remote)
        with _said_plainly(path):
            path.open("rb").close()
            whole = self._whole(key)
            self._bucket.upload(path, whole)
        return _described(key, self._bucket.describe(whole))

    def download(self, remote: str, local: Path | str | None = None) -> Path:
        """Get a file: to a path, into a folder, or else into the current one. Gives the path that was written.

        The target appears whole or not at all.

        Raises:
            NotFoundError: there is no such file, or no folder to put it in.
        """
        key = self._checked(remote)
        with _said_plainly(Path(key if local is None else local)):
            target = _target(key, local)
            temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
            try:
                with temporary.open("xb") as file:
                    self._bucket.download(self._whole(key), file)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        return target

    def list(self, prefix: str = "") -> Iterator[FileInfo]:
        """Give the files whose keys begin with a prefix, in the order of their keys; pages are fetched as needed."""
        if prefix:
            self._checked(prefix)
        return self._entries(prefix)

    def remove(self, remote: str) -> None:
        """Remove a file; one that is not there is removed already."""
        self._bucket.remove(self._whole(self._checked(remote)))

    def _entries(self, prefix: str) -> Iterator[FileInfo]:
        folder = self._whole("")
        for entry in self._bucket.entries(folder + prefix):
            yield _file_info(entry["Key"].removeprefix(folder), entry["Size"], entry)

    def _checked(self, key: str) -> str:
        # the folder's name is an identity id, "<region>:<uuid>", and a slash
        return file_key(key, prefix_bytes=len(self._config.region) + 1 + UUID_CHARS + 1)

    def _whole(self, key: str) -> str:
        return f"{self._session.identity_id()}/{key}"

    @property
    def _bucket(self) -> "Bucket":
        from todo_sdk._s3 import Bucket

        self._session.user()  # nobody signed in is the first thing to say
        with self._lock:
            if self._opened is None:
                self._opened = Bucket(self._config, self._session.credentials, self._traffic)
            return self._opened


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file or folder {path}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InvalidRequestError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _target(key: str, local: Path | str | None) -> Path:
    """Give the path to write; from the key comes at most one plain name."""
    given = Path.cwd() if local is None else Path(local)
    if not given.is_dir():
        if not given.parent.is_dir():
            raise NotFoundError(f"there is no folder {given.parent}")
        return given
    name = key.rsplit("/", 1)[-1]
    if not name or Path(name).name != name or name in (".", ".."):
        raise InvalidRequestError(f"{key!r} does not end in a name for a file here; say which file to write")
    return given / name


def _described(key: str, facts: Mapping[str, Any]) -> FileInfo:
    return _file_info(key, facts["ContentLength"], facts)


def _file_info(key: str, size_bytes: int, facts: Mapping[str, Any]) -> FileInfo:
    return FileInfo(
        key=key,
        size_bytes=int(size_bytes),
        modified_at=facts["LastModified"].astimezone(UTC),
        etag=str(facts["ETag"]).strip('"'),
    )
