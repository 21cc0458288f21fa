"""Files of checksummed lines: what was committed, in the order of the commits. Knows nothing of what is recorded.

    00000003.base   the state after segment 3; everything before it is void
    00000004.log    what came after it
    00000005.log    … the highest number is appended to

A line is `CRC BODY`: eight hex digits and the JSON array of one commit's records, `[[key, value], …]`, null removing
the key. So a commit is there whole or not at all. Kill it where you like: a draft counts for nothing until it is
renamed, a base makes what is older void, and a torn last line is cut off.

A log ends in zeros that count for nothing: room taken in advance, since bringing a byte to the disk takes a fraction of
the time where the file need not grow for it.
"""

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, ...]

_LOG, _BASE, _DRAFT, _DAMAGED = ".log", ".base", ".draft", ".damaged"
_RECORDS_A_LINE = 1000  # of a base
_ROOM_BYTES = 256 * 1024


@dataclass
class Reading:
    """What one file holds.

    Attributes:
        end: where its last good line ends.
        damaged: numbers of lines that are not what was written; only the last can have been torn.
        torn: bytes after the last good line.
    """

    bodies: list[bytes] = field(default_factory=list)
    end: int = 0
    damaged: list[int] = field(default_factory=list)
    torn: int = 0


@dataclass
class Found:
    """What the directory held: each key once, and what had to be left out, as sentences."""

    values: dict[Key, Any]
    notes: list[str]


def line_of(body: bytes, seed: int) -> bytes:
    """The line; `seed` is the number of the file, so that a line of another one does not fit."""
    return b"%08x %s\n" % (zlib.crc32(body, seed), body)


def body_of(records: Iterable[tuple[Key, str]]) -> bytes:
    """One commit as a body; the values are JSON texts."""
    return ("[" + ",".join(f"[{json.dumps(key)},{text}]" for key, text in records) + "]").encode()


def read(content: bytes, seed: int) -> Reading:
    """The good lines of a file; a damaged one in the middle is passed over."""
    content = content.rstrip(b"\0")
    found = Reading()
    doubtful: list[int] = []
    start = 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        start += len(line)
        body = line[9:-1]
        if line == line_of(body, seed):
            found.bodies.append(body)
            found.end = start
            found.damaged += doubtful
            doubtful = []
        else:
            doubtful.append(number)
    found.damaged += doubtful[:-1]
    found.torn = len(content) - found.end
    return found


def fold(bodies: Iterable[bytes], into: dict[Key, Any]) -> None:
    """Apply commits in their order."""
    for body in bodies:
        for key, value in json.loads(body):
            if value is None:
                into.pop(tuple(key), None)
            else:
                into[tuple(key)] = value


class Segments:
    """The files of one directory. Everything blocks; one thread at a time, but for `compact`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._active = -1
        self._number = 0
        self._end = 0
        self._room = 0  # where the zeros end
        self.base_bytes = 0
        self.log_bytes = 0

    def open(self) -> Found:
        """Read everything, and be ready to append.

        Raises:
            OSError: the directory cannot be read or written.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tidy()
        paths = self._paths()
        found = Found({}, [])
        for path in paths:
            reading = read(path.read_bytes(), _number(path))
            fold(reading.bodies, found.values)
            found.notes += self._complaints(path, reading, is_last=path == paths[-1])
            if path.suffix == _BASE:
                self.base_bytes = reading.end
            else:
                self._end = reading.end
                self.log_bytes += reading.end
        if paths and paths[-1].suffix == _LOG:
            self._number = _number(paths[-1])
            self._active = os.open(paths[-1], os.O_WRONLY)
            self._cut_off()  # a torn line
        else:
            self._begin(_number(paths[-1]) + 1 if paths else 1)
        return found

    def append(self, body: bytes) -> None:
        """Add one commit; it is on the disk when this returns.

        Raises:
            OSError: it is not; the file is as it was.
        """
        line = line_of(body, self._number)
        try:
            self._make_room(len(line))
            _write_all(self._active, line, self._end)
            _sync(self._active)
        except OSError:
            # Where this fails too, the next line goes over the remains, and what it leaves of them is no line.
            with suppress(OSError):
                self._cut_off()
            raise
        self._end += len(line)
        self.log_bytes += len(line)

    def rotate(self) -> int:
        """Append to a new file from now on; the number of the one before.

        Raises:
            OSError: there is no new file.
        """
        closed, before, end = self._number, self._active, self._end
        self._begin(closed + 1)
        with suppress(OSError):
            os.ftruncate(before, end)
        os.close(before)
        self.log_bytes = 0
        return closed

    def compact(self, number: int) -> None:
        """Replace the files up to that number, none of which is written to, by a base. Any thread.

        Raises:
            OSError: it could not be written; nothing has changed.
        """
        values: dict[Key, Any] = {}
        for path in self._paths(upto=number):
            fold(read(path.read_bytes(), _number(path)).bodies, values)
        target = self._path(number, _BASE)
        draft = target.with_suffix(_DRAFT)
        try:
            size = _write_base(draft, values, number)
            draft.rename(target)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _sync_directory(self._directory)
        self.base_bytes = size
        self._tidy()

    def close(self) -> None:
        """Let go of the file."""
        if self._active >= 0:
            with suppress(OSError):
                self._cut_off()
            os.close(self._active)
            self._active = -1

    def _begin(self, number: int) -> None:
        path = self._path(number, _LOG)
        self._active = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        _sync_directory(self._directory)
        self._number, self._end, self._room = number, 0, 0

    def _make_room(self, size: int) -> None:
        """Take room in advance; on a disk with no more than is needed, none."""
        if self._end + size > self._room:
            wanted = self._end + size + _ROOM_BYTES
            with suppress(OSError):
                _write_all(self._active, bytes(wanted - self._end), self._end)
                self._room = wanted
                return
            self._cut_off()

    def _cut_off(self) -> None:
        """Remove what follows the last commit."""
        os.ftruncate(self._active, self._end)
        self._room = self._end

    def _complaints(self, path: Path, reading: Reading, *, is_last: bool) -> Iterator[str]:
        if reading.damaged or (reading.torn and not is_last):
            kept = path.with_name(path.name + _DAMAGED)
            with suppress(OSError):
                kept.write_bytes(path.read_bytes())
            numbers = f" {', '.join(map(str, reading.damaged))}" if reading.damaged else "s at the end"
            yield f"{path}: left out damaged line{numbers}; {kept.name} is the file as it was"
        elif reading.torn:
            yield f"{path}: dropped a torn last record of {reading.torn} bytes; nobody was told that it was kept"

    def _tidy(self) -> None:
        """Remove drafts and what a base has made void."""
        paths = list(self._directory.iterdir())
        base = max((_number(path) for path in paths if path.suffix == _BASE), default=0)
        for path in paths:
            is_old = _number(path) < base or (_number(path) == base and path.suffix == _LOG)
            if path.suffix == _DRAFT or (path.suffix in (_LOG, _BASE) and is_old):
                path.unlink()

    def _paths(self, upto: int | None = None) -> list[Path]:
        """The files in their order."""
        found = [path for path in self._directory.iterdir() if path.suffix in (_LOG, _BASE)]
        found.sort(key=lambda path: (_number(path), path.suffix == _LOG))
        return [path for path in found if upto is None or _number(path) <= upto]

    def _path(self, number: int, kind: str) -> Path:
        return self._directory / f"{number:08d}{kind}"


def _number(path: Path) -> int:
    name = path.name.partition(".")[0]
    return int(name) if name.isdigit() else 0


def _write_base(path: Path, values: dict[Key, Any], seed: int) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        end = 0
        records = [(key, json.dumps(value, separators=(",", ":"))) for key, value in values.items()]
        for begin in range(0, len(records), _RECORDS_A_LINE):
            line = line_of(body_of(records[begin : begin + _RECORDS_A_LINE]), seed)
            _write_all(descriptor, line, end)
            end += len(line)
        _sync(descriptor)
    finally:
        os.close(descriptor)
    return end


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def _sync(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)  # macOS has no fdatasync


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
