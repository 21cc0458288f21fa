"""The stack's clock: the machine's, until somebody moves it. No I/O."""

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

_KEPT_MOVES = 10_000
_END = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class _Move:
    """From the machine's moment `since` on the clock is `ahead` of the machine's, or stands still at a time."""

    since: float
    ahead: float = 0.0
    stands_at: float | None = None

    def at(self, moment: float) -> float:
        return moment + self.ahead if self.stands_at is None else self.stands_at

    def next(self, moment: float, seconds: float, *, runs: bool) -> "_Move":
        if runs and self.stands_at is None:
            return _Move(moment, self.ahead + seconds)
        shows = self.at(moment) + seconds
        return _Move(moment, shows - moment) if runs else _Move(moment, stands_at=shows)


class Clock:
    """Two clocks in one, as in the module `time`: `time` can be set back by `reset`, `monotonic` only grows.

    Whatever expires asks `time`; whatever grows old in memory (cache entries, throttles) asks `monotonic`, so that a
    reset makes nothing young again.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._moves: tuple[_Move, ...] = (_Move(float("-inf")),)
        self._age = _Move(float("-inf"))

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._moves[-1].stands_at is not None

    @property
    def offset_seconds(self) -> float:
        """How far it is ahead of the machine's; below 0 when it stood still for a while."""
        newest, moment = self._moves[-1], self._wall()
        return newest.at(moment) - moment if self.is_frozen else newest.ahead

    def time(self) -> float:
        """Seconds since 1970."""
        return self.at(self._wall())

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self._age.at(self._steady())

    def now(self) -> datetime:
        """The same as `time`, aware, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def at(self, moment: float) -> float:
        """What it showed at the machine's `moment`: when something happened that carries the machine's date.

        Signatures do: a client signs by its own clock, which nobody has moved.
        """
        found = bisect_right(self._moves, moment, key=lambda move: move.since)
        return self._moves[max(found - 1, 0)].at(moment)

    def advance(self, seconds: float) -> None:
        """Move it forward, whether it stands still or not.

        Raises:
            ValueError: `seconds` is negative, no number, or leads to a year that no date can show.
        """
        if not 0 <= seconds < _END - self.time():
            raise ValueError("a clock is advanced by 0 seconds or more, before the year 9000; only a reset goes back")
        self._move(seconds, runs=not self.is_frozen)

    def freeze(self) -> None:
        """Let it stand still."""
        self._move(0.0, runs=False)

    def resume(self) -> None:
        """Let it go on from where it stands."""
        self._move(0.0, runs=True)

    def reset(self) -> None:
        """Show the machine's time again."""
        self._move(0.0, runs=True)
        self._moves = (*self._moves, _Move(self._wall()))

    def _move(self, seconds: float, *, runs: bool) -> None:
        self._moves = (*self._moves[-_KEPT_MOVES:], self._moves[-1].next(self._wall(), seconds, runs=runs))
        self._age = self._age.next(self._steady(), seconds, runs=runs)
