"""Uploads that were begun and not finished, as far as this device knows: what it takes to go on with them.

S3 could list them too, but the role does not let it (S3-12); and a file's identity is known here only.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from todo_sdk._files import kept
from todo_sdk._files.folder import OwnFolder
from todo_sdk._files.values import UnfinishedUpload

FORGOTTEN_AFTER = timedelta(days=7)  # the bucket's lifecycle rule has removed the parts by then


@dataclass(frozen=True)
class Stamp:
    """What tells a file from another and from itself before a change."""

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, facts: os.stat_result) -> "Stamp":
        """Take the stamp of a file."""
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ino)


@dataclass(frozen=True)
class Begun:
    """A multipart upload that was begun; `mark` is in the object's metadata, by which it is known again."""

    key: str
    path: str
    stamp: Stamp
    part_bytes: int
    upload_id: str
    mark: str
    started_at: str

    @classmethod
    def from_note(cls, note: dict[str, Any]) -> "Begun | None":
        """Read a note; None when it is not one."""
        try:
            begun = cls(**{**note, "stamp": Stamp(**note["stamp"])})
            datetime.fromisoformat(begun.started_at).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return None
        return begun

    @property
    def started(self) -> datetime:
        """When it was begun, in UTC."""
        return datetime.fromisoformat(self.started_at).astimezone(UTC)

    def shown(self) -> UnfinishedUpload:
        """Give what the caller sees of it."""
        return UnfinishedUpload(self.key, Path(self.path), self.stamp.size_bytes, self.started, self.upload_id)


class Unfinished:
    """The notes about uploads of the signed-in user; one file each, so that two processes do not meet."""

    def __init__(self, folder: OwnFolder) -> None:
        self._folder = folder

    def find(self, key: str, path: Path) -> Begun | None:
        """Give what was begun with this file for this key."""
        return Begun.from_note(kept.read(self._note(key, path)))

    def save(self, begun: Begun) -> None:
        """Remember an upload."""
        kept.write(self._note(begun.key, Path(begun.path)), asdict(begun))

    def forget(self, key: str, path: Path) -> None:
        """Forget an upload."""
        kept.forget(self._note(key, path))

    def abort(self, key: str, path: Path, upload_id: str) -> None:
        """Give an upload up, at S3 and here."""
        self._folder.bucket.abort(self._folder.whole(key), upload_id)
        self.forget(key, path)

    def all(self, now: datetime) -> Iterator[Begun]:
        """Give what is unfinished; what S3 has forgotten by now is forgotten here, too."""
        for note in sorted(self._notes().glob("*.json")):
            begun = Begun.from_note(kept.read(note))
            if begun is None or now - begun.started > FORGOTTEN_AFTER:
                kept.forget(note)
            else:
                yield begun

    def _notes(self) -> Path:
        owner = hashlib.sha256(self._folder.whole("").encode()).hexdigest()[:16]
        return self._folder.kept_path("uploads", owner)

    def _note(self, key: str, path: Path) -> Path:
        name = hashlib.sha256(f"{key}\0{path.absolute()}".encode(errors="surrogateescape")).hexdigest()[:32]
        return self._notes() / f"{name}.json"
