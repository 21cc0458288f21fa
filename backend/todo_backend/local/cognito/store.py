"""What is kept when the process ends: one append-only journal of JSON lines, and files of keys. Owner-only, all of it.

A line is `["kind", "key", value]`; the last line about a key counts, null removes it. `commit` returns when everything
that was put before it lies on the disk; commits that wait together share one fsync. The cost of a write does not depend
on how much is there.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

Record = tuple[str, str, Any]

_log = logging.getLogger(__name__)
# Rewriting the journal at the start pays when it holds several times what is still true.
_COMPACT_FACTOR = 4
_COMPACT_MIN_LINES = 1000


class Store(Protocol):
    """Where state goes."""

    def load(self) -> Iterator[Record]:
        """What is true, each key once."""

    def put(self, kind: str, key: str, value: Any) -> None:
        """Note a change; it counts for nobody until `commit`."""

    async def commit(self) -> None:
        """Return when all changes noted so far are durable."""

    def read_key(self, name: str) -> str | None:
        """The key file of that name."""

    def write_key(self, name: str, text: str) -> None:
        """Write a key file in one step."""


class MemoryStore:
    """Keeps nothing."""

    def load(self) -> Iterator[Record]:
        """Nothing."""
        return iter(())

    def put(self, kind: str, key: str, value: Any) -> None:
        """Forget it."""

    async def commit(self) -> None:
        """Nothing to wait for."""

    def read_key(self, name: str) -> str | None:
        """There is none."""

    def write_key(self, name: str, text: str) -> None:
        """Forget it."""


class DirectoryStore:
    """Keeps everything in one directory: `journal.jsonl`, and `keys/` with one file a pool."""

    def __init__(self, directory: Path) -> None:
        self._journal = directory / "journal.jsonl"
        self._keys = directory / "keys"
        self._waiting: list[bytes] = []
        self._noted = 0
        self._durable = 0
        self._writing = asyncio.Lock()
        for folder in (directory, self._keys):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def load(self) -> Iterator[Record]:
        """What is true, each key once; a torn last line is dropped and said."""
        found: dict[tuple[str, str], Any] = {}
        lines = 0
        for kind, key, value in self._lines():
            lines += 1
            found[kind, key] = value
            if value is None:
                del found[kind, key]
        if lines > max(_COMPACT_MIN_LINES, _COMPACT_FACTOR * len(found)):
            self._rewrite(found)
        return ((kind, key, value) for (kind, key), value in found.items())

    def put(self, kind: str, key: str, value: Any) -> None:
        """Note a change; it is on the disk after the next `commit`."""
        self._waiting.append(_line(kind, key, value))
        self._noted += 1

    async def commit(self) -> None:
        """Return when all changes noted so far are on the disk.

        Raises:
            OSError: they could not be written; they are tried again at the next commit.
        """
        wanted = self._noted
        if self._durable >= wanted:
            return
        async with self._writing:
            if self._durable < wanted:
                batch, target = list(self._waiting), self._noted
                await asyncio.to_thread(self._append, b"".join(batch))
                del self._waiting[: len(batch)]
                self._durable = target

    def read_key(self, name: str) -> str | None:
        """The key file of that name."""
        try:
            return (self._keys / name).read_text("utf-8")
        except FileNotFoundError:
            return None

    def write_key(self, name: str, text: str) -> None:
        """Write a key file in one step; a reader sees the old or the new one."""
        _replace(self._keys / name, text.encode())

    def _lines(self) -> Iterator[Record]:
        try:
            content = self._journal.read_bytes()
        except FileNotFoundError:
            return
        good = content.rfind(b"\n") + 1
        if good < len(content):
            _log.warning("%s: dropped a torn last record of %d bytes", self._journal, len(content) - good)
            os.truncate(self._journal, good)
        for number, line in enumerate(content[:good].splitlines(), 1):
            try:
                kind, key, value = json.loads(line)
            except ValueError:
                _log.warning("%s: line %d is damaged and left out", self._journal, number)
                continue
            yield kind, key, value

    def _rewrite(self, found: dict[tuple[str, str], Any]) -> None:
        _replace(self._journal, b"".join(_line(kind, key, value) for (kind, key), value in found.items()))

    def _append(self, content: bytes) -> None:
        descriptor = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)


def open_store(directory: Path | None) -> Store:
    """The store of that directory; without one, nothing is kept."""
    return DirectoryStore(directory) if directory else MemoryStore()


def _line(kind: str, key: str, value: Any) -> bytes:
    return json.dumps([kind, key, value], separators=(",", ":")).encode() + b"\n"


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
