"""Bytes to S3: small ones in one request, large ones in parts that survive a crash.

`progress` counts what S3 has confirmed. That is never sent again, whatever happens to this process.
"""

import mimetypes
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import fstat
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from todo_sdk._errors import ConflictError, InvalidRequestError, NotFoundError, ServiceError, TodoError
from todo_sdk._files.folder import OwnFolder, bare, quoted
from todo_sdk._files.parts import (
    SMALLEST_PART_BYTES,
    crc32_text,
    part_bytes_of,
    parts_at_once,
)
from todo_sdk._files.sending import Sending, filled, pieces_of, rest_of, slices_of
from todo_sdk._files.unfinished import Begun, Stamp, Unfinished
from todo_sdk._files.values import Progress

if TYPE_CHECKING:
    from todo_sdk._s3 import Part

Said = TypeVar("Said", ConflictError, NotFoundError)

MARK = "upload"  # metadata by which an upload whose answer was lost is known again
MTIME = "mtime"  # metadata, in seconds; rclone writes and reads the same


@dataclass(frozen=True)
class Target:
    """Where an upload goes, and on which condition."""

    key: str
    if_match: str | None = None
    if_absent: bool = False

    def terms(self) -> dict[str, str]:
        """Give the condition as S3 takes it (S3-26, S3-28)."""
        if self.if_match is not None and self.if_absent:
            raise InvalidRequestError("if_match and if_absent exclude each other: a file is there, or it is not")
        if self.if_absent:
            return {"IfNoneMatch": "*"}
        return {} if self.if_match is None else {"IfMatch": quoted(self.if_match)}


@dataclass(frozen=True)
class Sent:
    """What an upload came to."""

    etag: str
    sent_bytes: int
    kept_bytes: int


class Uploads:
    """Uploads into one folder."""

    def __init__(self, folder: OwnFolder, unfinished: Unfinished) -> None:
        self._folder = folder
        self._unfinished = unfinished

    def file(self, path: Path, target: Target, progress: Progress | None) -> Sent:
        """Upload a file, or go on where an earlier upload of the same file to the same key was broken off."""
        target.terms()
        path = path.absolute()
        _must_be_a_file(path)
        with path.open("rb") as file:
            stamp = Stamp.of(fstat(file.fileno()))
            metadata = {MTIME: f"{stamp.mtime_ns // 10**9}.{stamp.mtime_ns % 10**9:09d}"}
            if stamp.size_bytes > SMALLEST_PART_BYTES:
                return self._file_in_parts(file, path, stamp, target, metadata, progress)
            content = file.read(SMALLEST_PART_BYTES + 1)
            _must_be_unchanged(path, file, stamp, len(content))
            return self._whole(content, target, metadata, progress)

    def stream(self, source: BinaryIO, target: Target, progress: Progress | None) -> Sent:
        """Upload what a stream gives from where it stands; it need not be seekable, and cannot be resumed."""
        target.terms()
        total = rest_of(source)
        part_bytes = part_bytes_of(total or 0)
        first = filled(source, part_bytes)
        if len(first) < part_bytes or total == part_bytes:
            return self._whole(first, target, {}, progress)
        bucket, whole, mark = self._folder.bucket, self._folder.whole(target.key), secrets.token_hex(16)
        upload_id = bucket.begin(whole, **_facts(target.key, {MARK: mark}))
        try:
            sending = Sending(bucket, whole, upload_id, {}, total, progress)
            parts = sending.all(pieces_of(first, source, part_bytes), parts_at_once(total or 0))
            etag = self._ended(target, mark, lambda: bucket.complete(whole, upload_id, parts, target.terms()))
        except BaseException:
            with suppress(TodoError):  # what broke is the thing to say; the bucket's lifecycle rule removes the parts
                bucket.abort(whole, upload_id)
            raise
        return Sent(etag, sending.sent_bytes, 0)

    def _whole(self, content: bytes, target: Target, metadata: Mapping[str, str], progress: Progress | None) -> Sent:
        mark = secrets.token_hex(16)
        facts = _facts(target.key, {**metadata, MARK: mark})
        bucket, whole = self._folder.bucket, self._folder.whole(target.key)
        etag = self._ended(
            target, mark, lambda: bucket.put(whole, content, crc32_text(content), target.terms(), **facts)
        )
        if progress is not None:
            progress(len(content), len(content))
        return Sent(etag, len(content), 0)

    def _file_in_parts(
        self,
        file: BinaryIO,
        path: Path,
        stamp: Stamp,
        target: Target,
        metadata: Mapping[str, str],
        progress: Progress | None,
    ) -> Sent:
        begun, known = self._resumable(target.key, path, stamp)
        if begun is not None and known is None:  # S3 does not know the upload: it is finished, or was given up
            etag = self._own(target.key, begun.mark)
            self._unfinished.forget(target.key, path)
            if etag is not None:
                return Sent(etag, 0, stamp.size_bytes)
        if begun is None or known is None:
            begun, known = self._begin(target.key, path, stamp, metadata), {}
        sending = Sending(
            self._folder.bucket, self._folder.whole(target.key), begun.upload_id, known, stamp.size_bytes, progress
        )
        try:
            parts = sending.all(slices_of(file, stamp.size_bytes, begun.part_bytes), parts_at_once(stamp.size_bytes))
            _must_be_unchanged(path, file, stamp, sending.sent_bytes + sending.kept_bytes)
            etag = self._ended(target, begun.mark, lambda: sending.complete(parts, target.terms()))
        except (ConflictError, InvalidRequestError, NotFoundError):
            with suppress(TodoError):  # then it stays among the unfinished ones
                self._unfinished.abort(target.key, path, begun.upload_id)
            raise
        self._unfinished.forget(target.key, path)
        return Sent(etag, sending.sent_bytes, sending.kept_bytes)

    def _resumable(self, key: str, path: Path, stamp: Stamp) -> "tuple[Begun | None, dict[int, Part] | None]":
        """Give the upload that can be gone on with, and the parts that S3 has of it."""
        begun = self._unfinished.find(key, path)
        if begun is None:
            return None, None
        if begun.stamp != stamp:  # another content: what was sent of the old one is no use
            self._unfinished.abort(key, path, begun.upload_id)
            return None, None
        try:
            return begun, self._folder.bucket.parts(self._folder.whole(key), begun.upload_id)
        except NotFoundError:
            return begun, None

    def _begin(self, key: str, path: Path, stamp: Stamp, metadata: Mapping[str, str]) -> Begun:
        mark = secrets.token_hex(16)
        upload_id = self._folder.bucket.begin(self._folder.whole(key), **_facts(key, {**metadata, MARK: mark}))
        started_at = self._folder.now().isoformat(timespec="seconds")
        begun = Begun(key, str(path), stamp, part_bytes_of(stamp.size_bytes), upload_id, mark, started_at)
        self._unfinished.save(begun)
        return begun

    def _ended(self, target: Target, mark: str, end: Callable[[], str]) -> str:
        """Do the request that makes the file; when S3 refuses it because it was done already, it was done."""
        try:
            return bare(end())
        except (ConflictError, NotFoundError) as error:
            etag = self._own(target.key, mark)
            if etag is not None:
                return etag
            raise _plainer(error, target) from error

    def _own(self, key: str, mark: str) -> str | None:
        try:
            facts = self._folder.bucket.describe(self._folder.whole(key))
        except NotFoundError:
            return None
        return bare(facts["ETag"]) if facts.get("Metadata", {}).get(MARK) == mark else None


def _facts(key: str, metadata: Mapping[str, str]) -> dict[str, object]:
    kind, encoding = mimetypes.guess_type(key)
    return {
        "Metadata": dict(metadata),
        "ContentType": kind if kind and not encoding else "application/octet-stream",
    }


def _must_be_a_file(path: Path) -> None:
    mode = path.stat().st_mode  # before it is opened: opening a pipe would wait for somebody to write into it
    if S_ISDIR(mode):
        raise InvalidRequestError(f"{path} is a directory; `sync` uploads all that is in it")
    if not S_ISREG(mode):
        raise InvalidRequestError(f"{path} is not a file; open it and upload the stream")


def _must_be_unchanged(path: Path, file: BinaryIO, stamp: Stamp, read_bytes: int) -> None:
    if Stamp.of(fstat(file.fileno())) != stamp or read_bytes != stamp.size_bytes:
        raise ConflictError(f"{path} was changed while it was uploaded; upload it again", code="changed")


def _plainer(error: ConflictError | NotFoundError, target: Target) -> ConflictError | NotFoundError:
    if isinstance(error, NotFoundError) and target.if_match is not None:
        return _said(NotFoundError, error, f"{target.key!r} is not there (any more); nothing was replaced")
    if isinstance(error, NotFoundError):
        return _said(ConflictError, error, f"the upload of {target.key!r} was given up elsewhere; upload it again")
    if target.if_absent:
        return _said(ConflictError, error, f"{target.key!r} is there already; nothing was replaced")
    return _said(ConflictError, error, f"{target.key!r} is another file by now; look at it again, then decide")


def _said(kind: type[Said], error: ServiceError, sentence: str) -> Said:
    return kind(sentence, status=error.status, code=error.code, request_id=error.request_id)
