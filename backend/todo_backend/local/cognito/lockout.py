"""How often a password may be tried (UP-61), and other quotas by the hour and the second. No clock of its own."""

from collections import OrderedDict, deque
from dataclasses import dataclass

FREE_FAILURES = 5  # UP-61
MAX_LOCK_SECONDS = 900.0  # UP-61: up to about 15 minutes
FORGET_AFTER_SECONDS = 900.0  # UP-61: reset needs 15 min without attempts
_MAX_TRACKED = 20_000  # names that nobody has may be tried too; memory stays bounded


@dataclass
class _Failures:
    count: int = 0
    locked_until: float = 0.0
    last_attempt: float = 0.0


class Lockouts:
    """Failed sign-ins by user, known or not, so that a lock tells nothing about who exists."""

    def __init__(self) -> None:
        self._by_user: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def is_locked(self, user: tuple[str, str], now: float) -> bool:
        """Whether an attempt now is refused without being looked at; it does not count and extends nothing."""
        found = self._by_user.get(user)
        if found is None:
            return False
        if now - found.last_attempt >= FORGET_AFTER_SECONDS and now >= found.locked_until:
            del self._by_user[user]
            return False
        found.last_attempt = now
        return now < found.locked_until

    def fail(self, user: tuple[str, str], now: float) -> None:
        """Count a failure; from the fifth on the user is locked for 2^(n-5) seconds."""
        found = self._by_user.setdefault(user, _Failures())
        self._by_user.move_to_end(user)
        found.count += 1
        found.last_attempt = now
        if found.count >= FREE_FAILURES:
            found.locked_until = now + lock_seconds(found.count)
        while len(self._by_user) > _MAX_TRACKED:
            self._by_user.popitem(last=False)

    def succeed(self, user: tuple[str, str]) -> None:
        """Forget the user's failures."""
        self._by_user.pop(user, None)


def lock_seconds(failures: int) -> float:
    """How long the n-th failure locks: 2^(n-5) s, at most 15 min (UP-61)."""
    return 0.0 if failures < FREE_FAILURES else min(2.0 ** min(failures - FREE_FAILURES, 20), MAX_LOCK_SECONDS)


class Windows:
    """How often something happened lately, by name."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def allow(self, name: tuple[str, ...], limit: int, seconds: float, now: float) -> bool:
        """Count one more, unless `limit` happened within the last `seconds`."""
        times = self._seen.setdefault(name, deque())
        self._seen.move_to_end(name)
        while times and not now - seconds < times[0] <= now:
            times.popleft()
        if len(times) >= limit:
            return False
        times.append(now)
        while len(self._seen) > _MAX_TRACKED:
            self._seen.popitem(last=False)
        return True

    def happened(self, name: tuple[str, ...], seconds: float, now: float) -> bool:
        """Whether it happened at all within the last `seconds`."""
        return any(now - seconds < time <= now for time in self._seen.get(name, ()))
