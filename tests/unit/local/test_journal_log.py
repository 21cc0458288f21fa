"""Group commit: one write for all who wait together; refused together, and taken back, when it fails."""

import asyncio
import errno
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from todo_backend.local.journal import log as journal_log
from todo_backend.local.journal.log import Log
from todo_backend.local.journal.segments import Segments


class Disk(Segments):
    """Counts its commits, and can be held up or full."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.commits = 0
        self.is_full = False
        self.free = threading.Event()
        self.free.set()

    def append(self, body: bytes) -> None:
        assert self.free.wait(20)
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.commits += 1
        super().append(body)


class Store:
    """What the journal keeps: a dictionary in memory."""

    def __init__(self, log: Log) -> None:
        self.items: dict[str, int] = {}
        self._log = log

    def put(self, name: str, value: int) -> None:
        before = self.items.get(name)
        self.items[name] = value
        self._log.note(("item", name), str(value), lambda: self._take_back(name, before))

    def _take_back(self, name: str, before: int | None) -> None:
        if before is None:
            del self.items[name]
        else:
            self.items[name] = before


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def kept(directory: Path) -> dict[str, int]:
    files = Segments(directory)
    found = files.open().values
    files.close()
    return {key[1]: value for key, value in found.items()}


def opened(directory: Path) -> tuple[Disk, Log, Store]:
    disk = Disk(directory)
    log = Log(disk)
    log.load()
    return disk, log, Store(log)


def test_nothing_is_said_before_it_is_on_the_disk(tmp_path: Path) -> None:
    async def test() -> None:
        disk, log, store = opened(tmp_path)
        disk.free.clear()
        store.put("a", 1)
        waiting = asyncio.ensure_future(log.commit())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert kept(tmp_path) == {}
        disk.free.set()
        await waiting
        assert kept(tmp_path) == {"a": 1}
        await log.close()

    run(test())


def test_those_who_wait_together_share_one_commit(tmp_path: Path) -> None:
    async def test() -> None:
        disk, log, store = opened(tmp_path)

        async def write(number: int) -> None:
            store.put(str(number), number)
            await log.commit()

        await asyncio.gather(*(write(number) for number in range(50)))
        assert disk.commits <= 2
        assert kept(tmp_path) == {str(number): number for number in range(50)}
        await log.close()

    run(test())


def test_who_only_reads_waits_for_what_may_have_been_read(tmp_path: Path) -> None:
    async def test() -> None:
        disk, log, store = opened(tmp_path)
        disk.free.clear()
        store.put("a", 1)
        writer = asyncio.ensure_future(log.commit())
        await asyncio.sleep(0.01)  # it is being written now
        reader = asyncio.ensure_future(log.commit())
        await asyncio.sleep(0.01)
        assert not reader.done()
        disk.free.set()
        await asyncio.gather(reader, writer)
        await log.commit()  # and who reads later does not
        assert disk.commits == 1
        await log.close()

    run(test())


def test_a_full_disk_refuses_all_who_wait_and_takes_their_changes_back(tmp_path: Path) -> None:
    async def test() -> None:
        disk, log, store = opened(tmp_path)
        store.put("a", 1)
        await log.commit()
        disk.is_full = True
        disk.free.clear()
        store.put("a", 2)
        first = asyncio.ensure_future(log.commit())
        await asyncio.sleep(0.01)
        store.put("a", 3)  # while the one before is being written: built on it
        store.put("b", 4)
        second = asyncio.ensure_future(log.commit())
        disk.free.set()
        refused = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(error) for error in refused] == [OSError, OSError]
        assert store.items == {"a": 1}
        disk.is_full = False  # space returns
        store.put("b", 5)
        await log.commit()
        await log.close()
        assert kept(tmp_path) == store.items == {"a": 1, "b": 5}

    run(test())


def test_a_change_that_nobody_waits_for_is_there_after_the_next_commit(tmp_path: Path) -> None:
    async def test() -> None:
        _, log, store = opened(tmp_path)
        thread = threading.Thread(target=store.put, args=("expired", 1))  # as the TTL's own thread does
        thread.start()
        thread.join()
        store.put("a", 1)
        await log.commit()
        assert kept(tmp_path) == {"a": 1, "expired": 1}
        await log.close()

    run(test())


def test_closing_writes_what_is_left(tmp_path: Path) -> None:
    async def test() -> None:
        _, log, store = opened(tmp_path)
        store.put("a", 1)
        await log.close()
        assert kept(tmp_path) == {"a": 1}

    run(test())


def test_a_large_journal_is_compacted_while_writes_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_log, "COMPACT_MIN_BYTES", 2_000)

    async def test() -> None:
        _, log, store = opened(tmp_path)
        for number in range(400):
            store.put(f"item-{number % 7}", number)
            await log.commit()
        await log.close()
        files = {path.suffix for path in tmp_path.iterdir()}
        assert ".base" in files
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 400 * len('12345678 [[["item","item-1"],123]]')
        assert kept(tmp_path) == store.items

    run(test())


def test_a_compaction_that_fails_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_log, "COMPACT_MIN_BYTES", 500)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Segments, "compact", full)

    async def test() -> None:
        _, log, store = opened(tmp_path)
        for number in range(100):
            store.put("a", number)
            await log.commit()
        await log.close()
        assert kept(tmp_path) == {"a": 99}

    run(test())
    assert "was not compacted: No space left on device" in caplog.text
