"""What a sync of a folder would do: two listings in, one plan out. Nothing is changed, and nothing remote is asked."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from todo_sdk._errors import InvalidRequestError
from todo_sdk._files import kept
from todo_sdk._files.download import PART_NAME
from todo_sdk._files.names import folded, local_path
from todo_sdk._files.parts import MEBIBYTE, etag_of, part_bytes_of
from todo_sdk._files.values import ActionKind, Direction, SyncAction, SyncPlan
from todo_sdk._models import FileInfo

_UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Local:
    """A file in the folder, by its path's facts; `problem` says why it is none that can be synced."""

    path: Path
    size_bytes: int
    mtime_ns: int
    problem: str | None = None


@dataclass(frozen=True)
class Listing:
    """What the folder holds by relative key; `broken` are the folders that could not be read."""

    files: Mapping[str, Local]
    broken: tuple[tuple[str, str], ...]


class Memory:
    """What was the same on both sides when a file was last looked at, so that it need not be read again."""

    def __init__(self, note: Path) -> None:
        self._note = note
        self._known = kept.read(note)

    def says_same(self, key: str, local: Local, etag: str) -> bool:
        """Tell whether neither side has changed since they were the same."""
        return bool(self._known.get(key) == [local.size_bytes, local.mtime_ns, etag])

    def same(self, key: str, local: Local, etag: str) -> None:
        """Remember that both sides are the same now."""
        self._known[key] = [local.size_bytes, local.mtime_ns, etag]

    def save(self) -> None:
        """Write it down."""
        kept.write(self._note, self._known)


def listed(folder: Path) -> Listing:
    """List a folder and those below. Links are not followed; what is left of a broken download is not seen."""
    files: dict[str, Local] = {}
    broken: list[tuple[str, str]] = []

    def failed(error: OSError) -> None:
        broken.append((os.path.relpath(error.filename, folder), error.strerror or _UNREADABLE))

    for above, folders, names in os.walk(folder, onerror=failed):
        links = [name for name in folders if Path(above, name).is_symlink()]
        for name in [*names, *links]:
            if not PART_NAME.fullmatch(name):
                path = Path(above, name)
                files[path.relative_to(folder).as_posix()] = _local(path)
    return Listing(files, tuple(sorted(broken)))


def _local(path: Path) -> Local:
    try:
        facts = path.lstat()
    except OSError as error:
        return Local(path, 0, 0, error.strerror or _UNREADABLE)
    if path.is_symlink():
        return Local(path, 0, 0, "a link, and links are not followed")
    problem = None if S_ISREG(facts.st_mode) else "not a file"
    return Local(path, facts.st_size, facts.st_mtime_ns, problem)


@dataclass(frozen=True)
class Sides:
    """Both sides of a sync, by relative key."""

    folder: Path
    prefix: str
    here: Listing
    there: Mapping[str, FileInfo]
    memory: Memory
    ignores_case: bool

    def plan(self, direction: Direction, *, delete: bool) -> SyncPlan:
        """Compare the sides: by size, then by the checksum in the ETag, which is read off the local file."""
        actions: list[SyncAction] = []
        unchanged = 0
        clashes = clashes_of(self.there) if direction == "down" and self.ignores_case else {}
        may_delete = delete and not self.here.broken
        for key in sorted(self.here.files.keys() | self.there.keys()):
            action = self._upward(key, may_delete) if direction == "up" else self._downward(key, may_delete, clashes)
            if action is not None:
                actions.append(action)
            elif key in self.here.files and key in self.there:
                unchanged += 1
        actions += [self._action("refuse", name, why) for name, why in self.here.broken]
        return SyncPlan(self.folder, self.prefix, direction, tuple(actions), unchanged)

    def _upward(self, key: str, may_delete: bool) -> SyncAction | None:
        local, remote = self.here.files.get(key), self.there.get(key)
        if local is None:
            return self._action("remove_remote", key, "not in the folder") if may_delete else None
        if local.problem is not None:
            return self._action("skip", key, local.problem)
        if remote is None:
            return self._action("upload", key, "new", local.size_bytes)
        why = self._difference(key, local, remote)
        return self._action("upload", key, why, local.size_bytes) if isinstance(why, str) else why

    def _downward(self, key: str, may_delete: bool, clashes: Mapping[str, str]) -> SyncAction | None:
        local, remote = self.here.files.get(key), self.there.get(key)
        if remote is None:
            return self._surplus(key, may_delete)
        try:
            local_path(self.folder, key)
        except InvalidRequestError as error:
            return self._action("refuse", key, str(error))
        if key in clashes:
            return self._action("refuse", key, f"differs from {clashes[key]!r} in case only; rename one of them")
        if local is None:
            return self._action("download", key, "new", remote.size_bytes)
        if local.problem is not None:
            return self._action("refuse", key, f"in its place is {local.problem}; remove that")
        why = self._difference(key, local, remote)
        return self._action("download", key, why, remote.size_bytes) if isinstance(why, str) else why

    def _surplus(self, key: str, may_delete: bool) -> SyncAction | None:
        problem = self.here.files[key].problem
        if problem is not None:
            return self._action("skip", key, problem)
        return self._action("remove_local", key, "not in your files") if may_delete else None

    def _difference(self, key: str, local: Local, remote: FileInfo) -> "SyncAction | str | None":
        """Say what differs; None when nothing does."""
        if local.size_bytes != remote.size_bytes:
            return "another size"
        if self.memory.says_same(key, local, remote.etag):
            return None
        try:
            same = _etag(local, remote.etag) == remote.etag
        except OSError as error:
            return self._action("refuse", key, f"{error.strerror or _UNREADABLE}: {local.path}")
        if same:
            self.memory.same(key, local, remote.etag)
        return None if same else "another content"

    def _action(self, kind: ActionKind, key: str, reason: str, size_bytes: int = 0) -> SyncAction:
        remote = self.there.get(key)
        etag = None if remote is None else remote.etag
        return SyncAction(kind, self.prefix + key, Path(self.folder, key), size_bytes, reason, etag)


def clashes_of(keys: Iterable[str]) -> dict[str, str]:
    """Give each key that is one name with another where case does not count, with that other one."""
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for key in sorted(keys):
        other = first.setdefault(folded(key), key)
        if other != key:
            found[key] = other
            found.setdefault(other, key)
    return found


def _etag(local: Local, remote_etag: str) -> str:
    """Give the ETag that S3 would give the file, whole or in parts as the remote one was sent."""
    part_bytes = part_bytes_of(local.size_bytes) if "-" in remote_etag else None
    with local.path.open("rb") as file:
        chunk_bytes = part_bytes or MEBIBYTE
        return etag_of(iter(lambda: file.read(chunk_bytes), b""), part_bytes)
