"""The local disk: where a download goes, and its errors in a sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from todo_sdk._errors import InvalidRequestError, NotFoundError
from todo_sdk._files.names import local_name
from todo_sdk._files.values import Progress

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class _CallersError(Exception):
    """What the caller's own callback raised, on its way out past everything that speaks for the disk."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def guarded(progress: Progress | None) -> Progress | None:
    """Give a callback whose errors reach the caller as they are, if inside `said_plainly`."""
    if progress is None:
        return None

    def told(done: int, total: int | None) -> None:
        try:
            progress(done, total)
        except Exception as error:
            raise _CallersError(error) from error

    return told


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn what the disk says into an error of the SDK."""
    try:
        yield
    except _CallersError as callers:
        raise callers.error from None
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file or folder {path}") from error
    except OSError as error:
        more = "; make room and do it again, it goes on where it stopped" if error.errno in _FULL else ""
        raise InvalidRequestError(f"{path}: {error.strerror or error}{more}") from error
    except ValueError as error:  # a NUL in the path
        raise InvalidRequestError(f"{path}: {error}") from error


def target_of(key: str, local: Path | str | None) -> Path:
    """Give the path to write; from the key comes at most one plain name."""
    given = Path.cwd() if local is None else Path(local).absolute()
    if given.is_dir():
        return given / local_name(key)
    if not given.parent.is_dir():
        raise NotFoundError(f"there is no folder {given.parent}")
    return given
