"""What file operations give: plain frozen values that say what happened."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from todo_sdk._errors import TodoError
from todo_sdk._models import FileInfo

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are safe by now, and the bytes in all (None when that is not known)."""

Direction = Literal["up", "down"]
ActionKind = Literal["upload", "download", "remove_remote", "remove_local", "skip", "refuse"]


@dataclass(frozen=True)
class Upload(FileInfo):
    """A file that was uploaded, and how: `kept_bytes` S3 had from an earlier try, `sent_bytes` went over the line."""

    sent_bytes: int
    kept_bytes: int


@dataclass(frozen=True)
class Download:
    """A file that was downloaded, and how.

    `path` is None when it went into a stream. `kept_bytes` were here from an earlier try, `received_bytes` came over
    the line. `verified`: the content fits the checksum that S3 keeps; False only where S3 keeps none that can be
    checked (files that other programs put there).
    """

    key: str
    path: Path | None
    size_bytes: int
    etag: str
    received_bytes: int
    kept_bytes: int
    verified: bool


@dataclass(frozen=True)
class FileTree:
    """A folder of files: `name` is the last part of `prefix`; both are empty at the top. In the order of the keys."""

    name: str
    prefix: str
    folders: tuple["FileTree", ...]
    files: tuple[FileInfo, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files, those in folders below too."""
        return sum(file.size_bytes for file in self.files) + sum(folder.size_bytes for folder in self.folders)


@dataclass(frozen=True)
class FileFailure:
    """A file that something could not be done with, and why; `error` is never raised, it is told here."""

    key: str
    error: TodoError


@dataclass(frozen=True)
class Removal:
    """What `remove_many` did: the keys that are gone, and those that are not."""

    removed: tuple[str, ...]
    failed: tuple[FileFailure, ...]


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload that was broken off; `upload` of the same file to the same key goes on with it.

    S3 forgets it a week after `started_at` (the bucket's lifecycle rule).
    """

    key: str
    path: Path
    size_bytes: int
    started_at: datetime
    upload_id: str = field(repr=False)


@dataclass(frozen=True)
class Share:
    """A URL that anybody can read one file with, until `expires_at`. Who has the URL has the file: it is in no repr.

    `limited_by`: what sets the end; "credentials" when the session's own end before the time that was asked for.
    """

    key: str
    url: str = field(repr=False)
    expires_at: datetime
    limited_by: Literal["request", "credentials"]


@dataclass(frozen=True)
class SyncAction:
    """One step of a plan. `reason` says why in a few words; `size_bytes` is what goes over the line.

    `skip` and `refuse` do nothing: a link or a socket is skipped, a name that cannot be held is refused.
    """

    kind: ActionKind
    key: str
    path: Path
    size_bytes: int
    reason: str
    etag: str | None = None


@dataclass(frozen=True)
class SyncPlan:
    """What a sync would do, in the order of the keys, and how many files are the same on both sides."""

    folder: Path
    prefix: str
    direction: Direction
    actions: tuple[SyncAction, ...]
    unchanged: int

    @property
    def transfer_bytes(self) -> int:
        """How much would go over the line."""
        return sum(action.size_bytes for action in self.actions if action.kind in ("upload", "download"))


@dataclass(frozen=True)
class FolderSync:
    """What a sync did: the plan, the actions that were carried out, and the files that could not be handled."""

    plan: SyncPlan
    done: tuple[SyncAction, ...]
    failed: tuple[FileFailure, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed
