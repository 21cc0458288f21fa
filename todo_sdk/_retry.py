"""Asking again: whether, how often, and how long to wait. Jitter, clock and sleep are given."""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import TypeVar

from todo_sdk._errors import ServerError, ThrottledError, TodoError, TransportError

MAX_ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_RETRY_AFTER_SECONDS = 20.0  # a person waits that long, not longer; the error says how long it would be
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
# AWS SDKs and Tools Reference Guide, "Retry behavior", standard mode: a bucket of 500, 5 for each retry, 1 back for
# each success. A service that is down is asked once per call then, not four times.
BUDGET_TOKENS = 500
RETRY_TOKENS = 5
SUCCESS_TOKENS = 1

attempt_number: ContextVar[int] = ContextVar("attempt_number", default=1)

_log = logging.getLogger("todo_sdk.retry")
_T = TypeVar("_T")


class RetryBudget:
    """A bucket of tokens that everything shares which one client asks."""

    def __init__(self, tokens: int = BUDGET_TOKENS) -> None:
        self._most = self._left = tokens
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Pay for one retry; tell whether there was enough."""
        with self._lock:
            if self._left < RETRY_TOKENS:
                return False
            self._left -= RETRY_TOKENS
            return True

    def give(self, *, back: int = 0) -> None:
        """Fill up after a success; what its retries cost comes back."""
        with self._lock:
            self._left = min(self._most, self._left + (back or SUCCESS_TOKENS))


class Retries:
    """The one loop that sends something again; a client has one of it."""

    def __init__(
        self,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        budget: RetryBudget | None = None,
    ) -> None:
        self._sleep = sleep
        self._jitter = jitter
        self._budget = budget or RetryBudget()

    def run(self, what: str, once: Callable[[], _T], *, repeatable: bool) -> _T:
        """Give what `once` gives; after a failure that may pass, ask again, if asking twice does no harm.

        Args:
            what: what is asked, for the log.
            repeatable: asking twice has the effect of asking once.
        """
        spent = 0
        for attempt in range(1, MAX_ATTEMPTS + 1):
            token = attempt_number.set(attempt)
            try:
                result = once()
            except (TransportError, ServerError, ThrottledError) as error:
                pause = pause_seconds(attempt, getattr(error, "retry_after_seconds", None), self._jitter)
                again = repeatable and may_pass(error) and pause is not None and attempt < MAX_ATTEMPTS
                if not again or pause is None or not self._budget.take():
                    raise
                spent += RETRY_TOKENS
                _log.debug("%s again in %.2f s: %s", what, pause, error)
            else:
                self._budget.give(back=spent)
                return result
            finally:
                attempt_number.reset(token)
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def may_pass(error: TodoError) -> bool:
    """Tell whether the same request may fare better in a moment; what counts by the hour may not (`pause_seconds`)."""
    if isinstance(error, TransportError | ThrottledError):
        return True
    return getattr(error, "status", None) in RETRIED_STATUSES


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
