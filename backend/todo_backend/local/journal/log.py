"""Group commit: whoever waits together shares one write and one fsync, off the event loop."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .segments import Found, Key, Segments, body_of

COMPACT_MIN_BYTES = 4 * 1024 * 1024
COMPACT_FACTOR = 2  # of the base: then a byte is rewritten twice in its life, however much there is

_log = logging.getLogger(__name__)


@dataclass
class _Commit:
    """What is written together; `undo` takes it back in memory when it cannot be."""

    records: list[tuple[Key, str]] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list)
    waiter: asyncio.Future[None] | None = None

    def done(self) -> "asyncio.Future[None]":
        """Resolved when it is on the disk."""
        if self.waiter is None:
            self.waiter = asyncio.get_running_loop().create_future()
            # Whoever waited may have gone meanwhile; then nobody asks for the exception.
            self.waiter.add_done_callback(lambda waiter: waiter.cancelled() or waiter.exception())
        return self.waiter

    def settle(self, error: OSError | None) -> None:
        """Tell those who wait."""
        if self.waiter is None or self.waiter.done():
            return
        if error is None:
            self.waiter.set_result(None)
        else:
            self.waiter.set_exception(error)


class Log:
    """Notes what has changed in memory; `commit` returns when it is on the disk.

    When it cannot be written, everything that is not on the disk yet is taken back in memory, newest first, and all who
    wait are refused: what came later may have been built on it.
    """

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._open = _Commit()
        self._writing: _Commit | None = None
        self._lock = threading.Lock()  # notes come from threads too
        self._thread = ThreadPoolExecutor(1, "journal")
        self._flusher: asyncio.Task[None] | None = None
        self._compaction: asyncio.Task[None] | None = None
        self._compact_at = 0

    def load(self) -> Found:
        """What was committed until now.

        Raises:
            OSError: it cannot be read.
        """
        return self._segments.open()

    def note(self, key: Key, text: str, undo: Callable[[], None]) -> None:
        """Record that `key` has this value now, a JSON text; `null` when it is gone. Any thread.

        Args:
            undo: takes the change back in memory.
        """
        with self._lock:
            self._open.records.append((key, text))
            self._open.undo.append(undo)

    def on_refusal(self, undo: Callable[[], None]) -> None:
        """Take this back too when the change that is being made is refused."""
        with self._lock:
            self._open.undo.append(undo)

    def pending(self) -> list[Key]:
        """The keys that nobody has begun to write yet."""
        with self._lock:
            return [key for key, _ in self._open.records]

    async def commit(self) -> None:
        """Return when everything noted so far is on the disk.

        Raises:
            OSError: it could not be written, and is taken back.
        """
        commit = self._open if self._open.records else self._writing
        if commit is None:
            return
        done = commit.done()
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.ensure_future(self._flush())
        await asyncio.shield(done)

    async def close(self) -> None:
        """Commit, and let go of thread and file.

        Raises:
            OSError: what was noted last is not on the disk.
        """
        try:
            await self.commit()
        finally:
            if self._compaction is not None:
                await self._compaction
            await asyncio.to_thread(self._thread.shutdown)
            self._segments.close()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            commit = self._take()
            if not commit.records:
                return
            self._writing = commit
            try:
                await loop.run_in_executor(self._thread, self._append, commit.records)
            except OSError as error:
                self._refuse(commit, error)
            else:
                commit.settle(None)
            finally:
                self._writing = None
            self._compact_if_large()

    def _append(self, records: list[tuple[Key, str]]) -> None:
        self._segments.append(body_of(records))

    def _take(self) -> _Commit:
        with self._lock:
            commit, self._open = self._open, _Commit()
        return commit

    def _refuse(self, commit: _Commit, error: OSError) -> None:
        _log.error("the journal cannot be written, changes are refused: %s", error.strerror or error)
        later = self._take()
        for undo in reversed(commit.undo + later.undo):
            undo()
        commit.settle(error)
        later.settle(error)

    def _compact_if_large(self) -> None:
        segments = self._segments
        limit = max(COMPACT_MIN_BYTES, COMPACT_FACTOR * segments.base_bytes, self._compact_at)
        if segments.log_bytes > limit and (self._compaction is None or self._compaction.done()):
            self._compaction = asyncio.ensure_future(self._compact())

    async def _compact(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            closed = await loop.run_in_executor(self._thread, self._segments.rotate)
            await asyncio.to_thread(self._segments.compact, closed)
        except OSError as error:
            _log.warning("the journal was not compacted: %s", error.strerror or error)
            self._compact_at = self._segments.log_bytes + COMPACT_MIN_BYTES
        else:
            self._compact_at = 0
