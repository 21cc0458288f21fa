"""S3's objects: each lies in two files of its own, data and metadata, and is replaced whole or not at all.

MiniStack writes both when an object changes, but one after the other, and answers 200 also when it could not. All of
its writes end in one function, `_atomic_write`; `Files` stands in its place.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..options import ACCOUNT_ID

META, DRAFT = ".meta.json", ".tmp"
VERSIONS = ".versions"  # where MiniStack keeps what was replaced: data only
RESERVE_BYTES = 1024 * 1024  # left for the journal, the metadata and the log


@dataclass
class Touched:
    """What one request has written; after the first failure nothing more."""

    paths: list[Path] = field(default_factory=list)
    error: OSError | None = None

    def sync(self) -> None:
        """Bring the files and their names to the disk; blocks."""
        folders = {path.parent for path in self.paths}
        for path in [*self.paths, *folders]:
            with suppress(FileNotFoundError):  # replaced or deleted meanwhile
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


touched: ContextVar[Touched] = ContextVar("touched")


class Files:
    """Stands in for the function by which MiniStack writes an object's files."""

    def __init__(self) -> None:
        self._staged: dict[Path, Path] = {}

    def install(self) -> None:
        """Begin to write in its place."""
        from ministack.services import s3  # it reads all objects' metadata when it is imported

        self._theirs: Callable[..., None] = s3._atomic_write
        s3._atomic_write = self._atomic_write

    def uninstall(self) -> None:
        """Let MiniStack write again."""
        from ministack.services import s3

        s3._atomic_write = self._theirs

    def _atomic_write(self, path: str, data: Any, *, text: bool = False) -> None:
        request = touched.get(None) or Touched()
        if request.error is not None:
            raise request.error
        try:
            self._replace(Path(path), data.encode() if text else data)
        except OSError as error:
            request.error = error
            raise
        request.paths.append(Path(path))

    def _replace(self, path: Path, content: bytes) -> None:
        data_path = path.with_name(path.name.removesuffix(META))
        draft = path.with_name(path.name + DRAFT)
        try:
            _write(draft, content)
        except OSError:
            _discard(self._staged.pop(data_path, None))
            raise
        if path == data_path and VERSIONS not in path.parts:
            self._staged[path] = draft  # until its metadata is written too
            return
        staged = self._staged.pop(data_path, None)
        if staged is not None:
            staged.replace(data_path)
        draft.replace(path)


def recover(folder: Path) -> None:
    """Finish or forget what a killed process was writing. Before MiniStack reads the folder.

    Drafts of both files: nothing was replaced yet. One of the metadata alone: the data has been, so it follows; a torn
    one was not about data.
    """
    for parent, _, names in os.walk(folder):
        for name in (name for name in names if name.endswith(META + DRAFT)):
            draft = Path(parent, name)
            data_draft = Path(parent, name.removesuffix(META + DRAFT) + DRAFT)
            if not data_draft.exists() and _is_object(draft):
                draft.replace(draft.with_name(name.removesuffix(DRAFT)))
        for name in (name for name in names if name.endswith(DRAFT)):
            Path(parent, name).unlink(missing_ok=True)


def room_for(folder: Path, size_bytes: int) -> bool:
    """Whether an object of that size fits on the disk."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return True  # writing will tell
    return size_bytes + RESERVE_BYTES <= found.f_bavail * found.f_frsize


def remembered(path: str) -> Callable[[], None]:
    """Takes a change of the object at `/bucket/key` back in memory, when its files could not be written."""
    from ministack.services import s3

    bucket, _, key = path.lstrip("/").partition("/")
    kept = s3._buckets.get_scoped(ACCOUNT_ID, None, bucket)
    objects = kept["objects"] if kept else {}
    name = (ACCOUNT_ID, (bucket, key))
    before = objects.get(key)
    versions = [dict(version) for version in s3._object_versions._data.get(name, [])]

    def undo() -> None:
        for place, at, value in ((objects, key, before), (s3._object_versions._data, name, versions)):
            if value:
                place[at] = value
            else:
                place.pop(at, None)

    return undo


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        _discard(path)
        raise


def _discard(path: Path | None) -> None:
    if path is not None:
        with suppress(OSError):
            path.unlink()


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (OSError, ValueError):
        return False
