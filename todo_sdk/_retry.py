"""How long to wait before asking again. Pure: jitter and clock are given."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_RETRY_AFTER_SECONDS = 20.0  # a person waits that long, not longer; the error says how long it would be


def pause_seconds(attempt: int, retry_after: float | None, jitter: Callable[[], float]) -> float | None:
    """Give the pause after the given attempt (1 is the first), or None when asking again is no use.

    Exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), never less than the service
    asked for.
    """
    if retry_after is not None and retry_after > LONGEST_RETRY_AFTER_SECONDS:
        return None
    ceiling = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))
    return ceiling * jitter() + (retry_after or 0.0)


def retry_after_seconds(header: str | None, now_seconds: Callable[[], float] = time.time) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110 section 10.2.3); None when it says nothing readable."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now_seconds())
    except (ValueError, OverflowError):
        return None
