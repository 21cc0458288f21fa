"""Foreign clients that the tests install: once per version, into the user's cache folder."""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs


def installed_once(name: str, install: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache; filled by `install`, wholly or not at all.

    One worker of pytest-xdist installs, the others wait.
    """
    cache = platformdirs.user_cache_path("todo-sdk-tests")
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with (cache / f"{name}.lock").open("w") as turn, contextlib.ExitStack() as undo:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            new = Path(undo.enter_context(tempfile.TemporaryDirectory(dir=cache)))
            install(new)
            new.rename(folder)
            new.mkdir()  # for the TemporaryDirectory to remove
    return folder
