"""The parts of one upload on their way, and the bytes that they are made of."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from todo_sdk._errors import InvalidRequestError
from todo_sdk._files.parts import MOST_PARTS, crc32_text, in_parallel
from todo_sdk._files.values import Progress

if TYPE_CHECKING:
    from todo_sdk._s3 import Bucket, Part


@dataclass(frozen=True)
class Piece:
    """One part to send: its number, and how to get its bytes when it is its turn."""

    number: int
    read: Callable[[], bytes]


class Sending:
    """The parts of one upload on their way."""

    def __init__(
        self,
        bucket: "Bucket",
        whole: str,
        upload_id: str,
        known: "Mapping[int, Part]",
        total: int | None,
        progress: Progress | None,
    ) -> None:
        self._bucket = bucket
        self._whole = whole
        self._upload_id = upload_id
        self._known = known
        self._total = total
        self._progress = progress
        self.sent_bytes = 0
        self.kept_bytes = 0

    def all(self, pieces: Iterable[Piece], at_once: int) -> "list[Part]":
        """Send what S3 does not have; gives all parts. `progress` is called in the caller's thread."""
        parts = []
        for part, was_there in in_parallel(self._one, pieces, at_once):
            parts.append(part)
            self.kept_bytes += part.size_bytes if was_there else 0
            self.sent_bytes += 0 if was_there else part.size_bytes
            if self._progress is not None:
                self._progress(self.sent_bytes + self.kept_bytes, self._total)
        return parts

    def complete(self, parts: "list[Part]", terms: Mapping[str, str]) -> str:
        """Make the file of its parts."""
        return self._bucket.complete(self._whole, self._upload_id, parts, terms)

    def _one(self, piece: Piece) -> "tuple[Part, bool]":
        content = piece.read()
        crc32 = crc32_text(content)
        there = self._known.get(piece.number)
        # the stamp may be fooled (a restored mtime), the checksum of what was sent is not
        if there is not None and (there.size_bytes, there.crc32) == (len(content), crc32):
            return there, True
        return self._bucket.put_part(self._whole, self._upload_id, piece.number, content, crc32), False


def slices_of(file: BinaryIO, size_bytes: int, part_bytes: int) -> Iterator[Piece]:
    """Give the parts of a file; each is read when it is its turn."""
    lock = threading.Lock()

    def read(offset: int) -> bytes:
        with lock:
            file.seek(offset)
            return file.read(part_bytes)

    for number, offset in enumerate(range(0, size_bytes, part_bytes), start=1):
        yield Piece(number, lambda offset=offset: read(offset))  # type: ignore[misc]


def pieces_of(first: bytes, source: BinaryIO, part_bytes: int) -> Iterator[Piece]:
    """Give the parts of a stream whose first part was read already."""
    content, number = first, 1
    while content:
        if number > MOST_PARTS:
            raise InvalidRequestError(
                f"the stream is longer than {MOST_PARTS * part_bytes:,} bytes; put it in a file first, then upload that"
            )
        yield Piece(number, lambda content=content: content)  # type: ignore[misc]
        content, number = filled(source, part_bytes), number + 1


def filled(source: BinaryIO, size_bytes: int) -> bytes:
    """Read that many bytes, fewer only at the end: pipes and sockets give what they have."""
    pieces, missing = [], size_bytes
    while missing:
        piece = source.read(missing)
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise InvalidRequestError('the stream gives no bytes; open it in binary mode ("rb")')
        if not piece:
            break
        pieces.append(bytes(piece))
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def rest_of(source: BinaryIO) -> int | None:
    """Tell how much a stream has left, if it can say so without being read."""
    try:
        if not source.seekable():
            return None
        here = source.tell()
        end = source.seek(0, 2)
        source.seek(here)
    except (AttributeError, OSError):
        return None
    return max(0, end - here)
