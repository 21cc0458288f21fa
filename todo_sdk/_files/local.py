"""The local disk: where a download goes, and its errors in a sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from todo_sdk._errors import InvalidRequestError, NotFoundError
from todo_sdk._files.names import local_name

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn what the disk says into an error of the SDK."""
    try:
        yield
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
