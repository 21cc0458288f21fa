"""Keeping secrets out of other libraries' logs (SE-20).

botocore's DEBUG lines hold whole requests and answers: passwords, tokens, keys, signatures; urllib3's hold paths and
queries. Such lines are dropped while the SDK itself is asking; what an application asks with the same libraries is
logged as it wishes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOUD = ("botocore", "boto3", "s3transfer", "urllib3")

_asking: ContextVar[bool] = ContextVar("asking", default=False)


class _Hush(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not _asking.get()


_HUSH = _Hush()


def hush() -> None:
    """Put the filter on every logger that these libraries have made so far; a parent's filter does not count."""
    for name in [*LOUD, *logging.Logger.manager.loggerDict]:
        if name.partition(".")[0] in LOUD:
            logging.getLogger(name).addFilter(_HUSH)  # adds it once only


@contextmanager
def quietly() -> Iterator[None]:
    """Drop these libraries' DEBUG lines of this thread."""
    before = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(before)
