"""Files of checksummed lines: what was committed, in the order of the commits. Knows nothing of what is recorded.

    00000003.base   the state after segment 3; everything before it is void
    00000004.log    what came after it
    00000005.log    … the highest number is appended to

A line is `CRC BODY`: eight hex digits and the JSON array of one commit's records, `[[key, value], …]`, null removing the
key. The checksum covers the one of the line before, so a line left over from a refused commit fits nowhere, and a commit
is there whole or not at all. Kill it where you like: a draft counts for nothing until it is renamed, a base makes what is
older void, and a torn last line is cut off.
"""

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, ...]

_LOG, _BASE, _DRAFT, _DAMAGED = ".log", ".base", ".draft", ".damaged"
_RECORDS_A_LINE = 1000  # of a base


@dataclass
class Reading:
    """What one file holds.

    Attributes:
        end: where its last good line ends.
        checksum: of that line.
        damaged: numbers of lines before it that are not what was written.
        torn: bytes after it.
    """

    bodies: list[bytes] = field(default_factory=list)
    end: int = 0
    checksum: int = 0
    damaged: list[int] = field(default_factory=list)
    torn: int = 0


@dataclass
class Found:
    """What the directory held: each key once, and what had to be left out, as sentences."""

    values: dict[Key, Any]
    notes: list[str]


def line_of(body: bytes, previous: int) -> tuple[bytes, int]:
    """The line, and its checksum for the next one."""
    checksum = zlib.crc32(body, previous)
    return b"%08x %s\n" % (checksum, body), checksum


def body_of(records: Iterable[tuple[Key, str]]) -> bytes:
    """One commit as a body; the values are JSON texts."""
    return ("[" + ",".join(f"[{json.dumps(key)},{text}]" for key, text in records) + "]").encode()


def read(content: bytes, seed: int) -> Reading:
    """The good lines of a file; a damaged one in the middle is passed over."""
    found = Reading(checksum=seed)
    previous: int | None = seed
    doubtful: list[int] = []
    start = number = 0
    while (newline := content.find(b"\n", start)) >= 0:
        number += 1
        told, body = _checksum(content[start : start + 9]), content[start + 9 : newline]
        start = newline + 1
        if told is None or previous is None or zlib.crc32(body, previous) != told:
            doubtful.append(number)
        else:
            found.bodies.append(body)
            found.end, found.checksum = start, told
            found.damaged += doubtful
            doubtful = []
        previous = told
    found.torn = len(content) - found.end
    return found


def _checksum(head: bytes) -> int | None:
    try:
        return int(head[:8], 16) if len(head) == 9 and head[8:] == b" " else None
    except ValueError:
        return None


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
        self._checksum = 0
        self._is_clean = True
        self.base_bytes = 0
        self.log_bytes = 0

    def open(self) -> Found:
        """Read everything, and be ready to append.

        Raises:
            OSError: the directory cannot be read or written.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = self._tidy()
        found = Found({}, [])
        for path in (self._path(number, kind) for number, kind in numbers):
            reading = self._read(path, found.notes)
            fold(reading.bodies, found.values)
            if path.suffix == _BASE:
                self.base_bytes = reading.end
            else:
                self._end, self._checksum = reading.end, reading.checksum
                self.log_bytes += reading.end
        last, kind = numbers[-1] if numbers else (0, _BASE)
        if kind == _LOG:
            self._number = last
            self._active = os.open(self._path(last, _LOG), os.O_WRONLY)
            self._is_clean = False  # a torn line may follow
            self._clean()
        else:
            self._begin(last + 1)
        return found

    def append(self, body: bytes) -> None:
        """Add one commit; it is on the disk when this returns.

        Raises:
            OSError: it is not; the file is as it was.
        """
        line, checksum = line_of(body, self._checksum)
        self._clean()
        self._is_clean = False
        try:
            _write_all(self._active, line, self._end)
            _sync(self._active)
        except OSError:
            self._clean(quietly=True)
            raise
        self._is_clean = True
        self._end += len(line)
        self.log_bytes += len(line)
        self._checksum = checksum

    def rotate(self) -> int:
        """Append to a new file from now on; the number of the one before.

        Raises:
            OSError: there is no new file.
        """
        closed, before = self._number, self._active
        self._begin(closed + 1)
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
            os.close(self._active)
            self._active = -1

    def _begin(self, number: int) -> None:
        path = self._path(number, _LOG)
        self._active = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        _sync_directory(self._directory)
        self._number, self._end, self._checksum, self._is_clean = number, 0, number, True

    def _clean(self, *, quietly: bool = False) -> None:
        """Cut off what a commit that failed has left behind."""
        if self._is_clean:
            return
        try:
            os.ftruncate(self._active, self._end)
            self._is_clean = True
        except OSError:
            if not quietly:
                raise

    def _read(self, path: Path, notes: list[str]) -> Reading:
        content = path.read_bytes()
        reading = read(content, _number(path))
        if reading.damaged:
            numbers = ", ".join(map(str, reading.damaged))
            kept = path.with_name(path.name + _DAMAGED)
            kept.write_bytes(content)
            notes.append(f"{path}: damaged, left out line {numbers}; the file as it was is {kept.name}")
        if reading.torn:
            notes.append(f"{path}: dropped a torn last record of {reading.torn} bytes, which nobody was told of")
        return reading

    def _tidy(self) -> list[tuple[int, str]]:
        """Remove drafts and what a base has made void; what is left, in order."""
        paths = list(self._directory.iterdir())
        base = max((_number(path) for path in paths if path.suffix == _BASE), default=0)
        for path in paths:
            is_old = _number(path) < base or (_number(path) == base and path.suffix == _LOG)
            if path.suffix == _DRAFT or (path.suffix in (_LOG, _BASE) and is_old):
                path.unlink()
        return [(_number(path), path.suffix) for path in self._paths()]

    def _paths(self, upto: int | None = None) -> Iterator[Path]:
        found = [path for path in self._directory.iterdir() if path.suffix in (_LOG, _BASE)]
        for path in sorted(found, key=lambda path: (_number(path), path.suffix == _LOG)):
            if upto is None or _number(path) <= upto:
                yield path

    def _path(self, number: int, kind: str) -> Path:
        return self._directory / f"{number:08d}{kind}"


def _number(path: Path) -> int:
    name = path.name.partition(".")[0]
    return int(name) if name.isdigit() else 0


def _write_base(path: Path, values: dict[Key, Any], seed: int) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        checksum, end = seed, 0
        records = [(key, json.dumps(value, separators=(",", ":"))) for key, value in values.items()]
        for begin in range(0, len(records), _RECORDS_A_LINE):
            line, checksum = line_of(body_of(records[begin : begin + _RECORDS_A_LINE]), checksum)
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
