"""The lock between processes: given back when its holder dies, and not waited for without end."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from todo_sdk import ConfigError, _lock
from todo_sdk._lock import LONGEST_WAIT_SECONDS, FileLock


def test_a_lock_that_is_never_given_back_is_one_sentence(tmp_path: Path) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        assert 0 < seconds <= 0.05
        now[0] += seconds

    holder = FileLock(tmp_path / "lock")
    holder.take()
    waiting = FileLock(tmp_path / "lock", sleep=sleep, timer=lambda: now[0])
    with pytest.raises(ConfigError, match=r"another program holds .*lock and does not let go"):
        waiting.take()
    assert now[0] >= LONGEST_WAIT_SECONDS
    holder.give_back()
    holder.give_back()
    waiting.take()
    waiting.give_back()


def test_a_process_that_is_killed_gives_its_lock_back(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from todo_sdk._lock import FileLock\n"
        "FileLock(Path(sys.argv[1])).take(); print('taken', flush=True); time.sleep(600)"
    )
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "taken\n"
            with pytest.raises(InterruptedError):
                FileLock(path, sleep=_interrupt).take()
        finally:
            holder.kill()
        holder.wait()
    lock = FileLock(path)
    lock.take()
    lock.give_back()


def _interrupt(_: float) -> None:
    raise InterruptedError


def test_a_file_system_without_locks_does_not_keep_anybody_from_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_lock, "_lock", unsupported)
    lock = FileLock(tmp_path / "lock")
    lock.take()
    lock.give_back()
