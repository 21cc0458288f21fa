"""Bytes from S3: into a `.part` file beside the target that becomes the target when it is whole and right.

The part file is named after the version of the file that it holds, so a later try goes on only with the same version.
Two processes that get the same version write the same bytes to the same places.
"""

import hashlib
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

from todo_sdk._errors import ConflictError, InvalidRequestError, NotFoundError, TransportError
from todo_sdk._files.folder import OwnFolder, bare, quoted
from todo_sdk._files.parts import Crc32, part_bytes_of
from todo_sdk._files.upload import MTIME
from todo_sdk._files.values import Download, Progress
from todo_sdk._retry import MAX_ATTEMPTS, pause_seconds

PART_NAME = re.compile(r"\..+\.[0-9a-f]{8}-[0-9a-f]{16}\.part")
_DAMAGED = "what arrived does not fit the checksum that S3 keeps of the file; download it again"


@dataclass(frozen=True)
class _Wanted:
    """One version of a file, as HEAD described it."""

    key: str
    whole: str
    etag: str
    size_bytes: int
    checksum: str | None
    part_bytes: int | None
    mtime: str | None

    def summing(self) -> Crc32:
        return Crc32(self.part_bytes)


class Downloads:
    """Downloads from one folder."""

    def __init__(self, folder: OwnFolder, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = folder
        self._sleep = sleep

    def file(self, key: str, target: Path, progress: Progress | None, *, keep_time: bool = False) -> Download:
        """Get a file; the target appears whole and right, or not at all.

        Args:
            keep_time: give the target the modification time of the file that was uploaded.
        """
        _must_be_replaceable(target)
        wanted = self._wanted(key)
        part = _part_of(target, wanted)
        _remove_stale_parts(target, part)
        done = self._into_part(wanted, part, progress)
        if done is None:  # what was left of an earlier try is damaged
            done = self._into_part(wanted, part, progress)
        if done is None:
            raise TransportError(_DAMAGED)
        if keep_time:
            _restore_time(part, wanted)
        _put_in_place(part, target)
        return replace(done, path=target)

    def stream(self, key: str, target: BinaryIO, progress: Progress | None) -> Download:
        """Write a file into an open stream."""
        wanted = self._wanted(key)
        summing = wanted.summing()

        def take(chunk: bytes) -> None:
            target.write(chunk)
            summing.update(chunk)

        self._receive(wanted, 0, take, progress)
        if wanted.checksum is not None and summing.text() != wanted.checksum:
            raise TransportError(_DAMAGED)
        return _download(wanted, 0)

    def _into_part(self, wanted: _Wanted, part: Path, progress: Progress | None) -> Download | None:
        """Fill the part file; None when what it holds then is not the file, and it is removed."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(part, flags, 0o666), "r+b", buffering=0) as file:
            summing = wanted.summing()
            kept = _summed(file, summing, wanted.size_bytes)

            def take(chunk: bytes) -> None:
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) :]
                summing.update(chunk)

            try:
                self._receive(wanted, kept, take, progress)
            except (ConflictError, NotFoundError):
                part.unlink(missing_ok=True)
                raise
            os.fsync(file.fileno())
        if wanted.checksum is not None and summing.text() != wanted.checksum:
            part.unlink(missing_ok=True)
            return None
        return _download(wanted, kept)

    def _receive(self, wanted: _Wanted, offset: int, take: Callable[[bytes], None], progress: Progress | None) -> None:
        """Hand over the bytes from an offset on; a line that breaks is taken up again where it broke."""
        failures = 0
        if progress is not None and offset:
            progress(offset, wanted.size_bytes)
        while offset < wanted.size_bytes:
            before = offset
            broken = TransportError("S3 broke off in the middle of its answer")
            try:
                for chunk in self._folder.bucket.read(wanted.whole, quoted(wanted.etag), offset):
                    take(chunk)
                    offset += len(chunk)
                    if progress is not None:
                        progress(offset, wanted.size_bytes)
            except TransportError as error:
                broken = error
            except ConflictError as error:
                raise _replaced(wanted.key, error) from error
            if offset < wanted.size_bytes:
                failures = failures + 1 if offset == before else 1
                if failures >= MAX_ATTEMPTS:
                    raise broken
                self._sleep(pause_seconds(failures, None, random.random) or 0.0)

    def _wanted(self, key: str) -> _Wanted:
        whole = self._folder.whole(key)
        facts = self._folder.bucket.describe(whole)
        checksum = facts.get("ChecksumCRC32")
        size_bytes = int(facts["ContentLength"])
        part_bytes = self._part_bytes(whole, facts, size_bytes) if checksum and "-" in checksum else None
        if checksum and "-" in checksum and part_bytes is None:
            checksum = None
        return _Wanted(
            key, whole, bare(facts["ETag"]), size_bytes, checksum, part_bytes, facts.get("Metadata", {}).get(MTIME)
        )

    def _part_bytes(self, whole: str, facts: Mapping[str, Any], size_bytes: int) -> int | None:
        """Tell the size of the parts a file was uploaded in: ours, or that of the first part."""
        count = int(facts["ChecksumCRC32"].rpartition("-")[2])
        ours = part_bytes_of(size_bytes)
        if -(-size_bytes // ours) == count:
            return ours
        first = int(self._folder.bucket.describe(whole, PartNumber=1, IfMatch=facts["ETag"])["ContentLength"])
        return first if first and -(-size_bytes // first) == count else None


def _replaced(key: str, error: ConflictError) -> ConflictError:
    sentence = f"{key!r} was replaced while it was downloaded; download it again"
    return ConflictError(sentence, status=error.status, code=error.code, request_id=error.request_id)


def _download(wanted: _Wanted, kept: int) -> Download:
    return Download(
        key=wanted.key,
        path=None,
        size_bytes=wanted.size_bytes,
        etag=wanted.etag,
        received_bytes=wanted.size_bytes - kept,
        kept_bytes=kept,
        verified=wanted.checksum is not None,
    )


def _summed(file: BinaryIO, summing: Crc32, size_bytes: int) -> int:
    """Sum up what is in the file already, and leave it at the end of that."""
    kept = 0
    while chunk := file.read(1024 * 1024):
        summing.update(chunk)
        kept += len(chunk)
    if kept > size_bytes:
        raise InvalidRequestError("the .part file is longer than the file it is to become; remove it and try again")
    return kept


def _part_of(target: Path, wanted: _Wanted) -> Path:
    return target.with_name(f"{_start_of_parts(target)}{_digest(f'{wanted.whole} {wanted.etag}')[:16]}.part")


def _start_of_parts(target: Path) -> str:
    return f".{target.name[:40]}.{_digest(target.name)[:8]}-"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _remove_stale_parts(target: Path, part: Path) -> None:
    """Remove what was left of downloads of other versions to the same target."""
    start = _start_of_parts(target)
    for found in target.parent.iterdir():
        if found.name.startswith(start) and found.name != part.name and PART_NAME.fullmatch(found.name):
            found.unlink(missing_ok=True)


def _must_be_replaceable(target: Path) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if not S_ISREG(mode) and not target.is_symlink():
        raise InvalidRequestError(f"{target} is there and is not a file; say another name")


def _restore_time(part: Path, wanted: _Wanted) -> None:
    with suppress(ValueError, OverflowError):
        if wanted.mtime is not None:
            seconds, _, fraction = wanted.mtime.partition(".")
            nanoseconds = int(seconds) * 10**9 + int(fraction[:9].ljust(9, "0") or 0)
            os.utime(part, ns=(nanoseconds, nanoseconds))


def _put_in_place(part: Path, target: Path) -> None:
    try:
        part.replace(target)
    except FileNotFoundError:
        if target.exists():  # another process got the same version to the same place
            return
        raise
    if os.name != "nt":  # the name is on the disk, too
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
