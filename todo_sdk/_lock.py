"""One process at a time: a lock on a file, which the system gives back when its holder dies."""

import errno
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from todo_sdk._errors import ConfigError

LONGEST_WAIT_SECONDS = 120.0  # a renewal with all its retries ends long before
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.002, 0.05
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

_log = logging.getLogger("todo_sdk.lock")


class FileLock:
    """A lock on a path, once taken: against other processes, and other threads of this one."""

    def __init__(
        self, path: Path, *, sleep: Callable[[float], None] = time.sleep, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._sleep = sleep
        self._timer = timer
        self._descriptor: int | None = None

    def take(self) -> None:
        """Wait until nobody else holds it.

        Raises:
            ConfigError: somebody does not give it back.
            OSError: the file cannot be made.
        """
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._wait(self._descriptor)
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _wait(self, descriptor: int) -> None:
        until, pause = self._timer() + LONGEST_WAIT_SECONDS, _FIRST_PAUSE_SECONDS
        while not _try(descriptor):
            if self._timer() >= until:
                raise ConfigError(f"another program holds {self._path} and does not let go; end it, then try again")
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _try(descriptor: int) -> bool:
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        _log.debug("this file system has no locks (%s); processes may renew twice", error.strerror)
    return True


try:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

except ImportError:  # Windows
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
