"""Files in parts: how large, how many at once, and their checksums. No network here."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

MEBIBYTE = 1024 * 1024
SMALLEST_PART_BYTES = 5 * MEBIBYTE  # S3-31
MOST_PARTS = 10_000  # S3-31
FEWEST_AT_ONCE = 2  # while S3 is busy with one, the next is on its way
MOST_AT_ONCE = 4
AT_RISK = 20  # a crash costs what is on its way: a twentieth of the file, or those two parts

Item = TypeVar("Item")
Result = TypeVar("Result")


def part_bytes_of(size_bytes: int) -> int:
    """Give the size of a file's parts: the smallest that S3 takes, for S3 takes at most 10,000."""
    fair = -(-size_bytes // MOST_PARTS)
    return max(SMALLEST_PART_BYTES, -(-fair // MEBIBYTE) * MEBIBYTE)


def parts_at_once(size_bytes: int) -> int:
    """Give how many parts may be on their way together, so that a crash costs little of a small file."""
    return max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, size_bytes // (AT_RISK * part_bytes_of(size_bytes))))


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item], at_once: int) -> Iterator[Result]:
    """Give the results as they come. An item is drawn when there is somebody to work on it, so memory stays bounded."""
    if at_once == 1:
        yield from map(work, items)
        return
    running: set[Future[Result]] = set()
    with ThreadPoolExecutor(at_once, thread_name_prefix="todo-files") as pool:
        try:
            for item in items:
                running.add(pool.submit(work, item))
                while len(running) >= at_once:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in running:
                future.cancel()


def crc32_text(content: bytes, before: int = 0) -> str:
    """Give a CRC-32 as S3 writes it: base64 of four bytes, big-endian."""
    return _text(zlib.crc32(content, before))


def _text(crc32: int) -> str:
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()


class Crc32:
    """The checksum that S3 keeps of a file, made while its bytes pass.

    Args:
        part_bytes: the size of the parts the file was uploaded in; S3's checksum is then the CRC-32 of the parts'
            checksums, with "-N" behind it. None for a file that was put as a whole.
    """

    def __init__(self, part_bytes: int | None) -> None:
        self._part_bytes = part_bytes
        self._crc32 = 0
        self._room = part_bytes or 0
        self._of_parts: list[int] = []

    def update(self, content: bytes) -> None:
        """Take the next bytes."""
        if self._part_bytes is None:
            self._crc32 = zlib.crc32(content, self._crc32)
            return
        rest = memoryview(content)
        while rest:
            piece, rest = rest[: self._room], rest[self._room :]
            self._crc32 = zlib.crc32(piece, self._crc32)
            self._room -= len(piece)
            if not self._room:
                self._end_part()

    def text(self) -> str:
        """Give the checksum of all the bytes, as S3 writes it."""
        if self._part_bytes is None:
            return _text(self._crc32)
        ended = self._of_parts if self._room == self._part_bytes else [*self._of_parts, self._crc32]
        together = b"".join(crc32.to_bytes(4, "big") for crc32 in ended)
        return f"{crc32_text(together)}-{len(ended)}"

    def _end_part(self) -> None:
        self._of_parts.append(self._crc32)
        self._crc32, self._room = 0, self._part_bytes or 0


def etag_of(chunks: Iterable[bytes], part_bytes: int | None) -> str:
    """Give the ETag that S3 would give a file: MD5, or MD5 of the parts' MD5s with "-N" behind it.

    Args:
        chunks: the content; where there are parts, one chunk each.
    """
    if part_bytes is None:
        whole = hashlib.md5(usedforsecurity=False)
        for chunk in chunks:
            whole.update(chunk)
        return whole.hexdigest()
    digests = [hashlib.md5(chunk, usedforsecurity=False).digest() for chunk in chunks]
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
