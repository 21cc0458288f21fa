"""The stack's clock: the machine's, until somebody moves it. No I/O."""

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

_KEPT_MOVES = 10_000
_END = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class _Hand:
    """What one of the clocks shows, by a clock of the machine's: so far ahead of it, or always the same time."""

    ahead: float = 0.0
    stands_at: float | None = None

    def at(self, moment: float) -> float:
        return moment + self.ahead if self.stands_at is None else self.stands_at

    def moved(self, moment: float, seconds: float, *, runs: bool) -> "_Hand":
        if runs and self.stands_at is None:
            return _Hand(self.ahead + seconds)
        shows = self.at(moment) + seconds
        return _Hand(shows - moment) if runs else _Hand(stands_at=shows)


@dataclass(frozen=True, slots=True)
class _Move:
    """A move at the machine's `moment`: what `monotonic` showed before it, and whether it ran."""

    moment: float
    lived: float
    ran: bool


class Clock:
    """Two clocks in one, as in the module `time`: `time` can be set back by `reset`, `monotonic` only grows.

    Whatever expires asks `time`; whatever grows old in memory (cache entries, throttles) asks `monotonic`, so that a
    reset makes nothing young again.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._shown, self._lived = _Hand(), _Hand()
        self._moves: tuple[_Move, ...] = ()

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._shown.stands_at is not None

    @property
    def offset_seconds(self) -> float:
        """How far it is ahead of the machine's; below 0 when it stood still for a while."""
        moment = self._wall()
        return self._shown.at(moment) - moment if self.is_frozen else self._shown.ahead

    def time(self) -> float:
        """Seconds since 1970."""
        return self._shown.at(self._wall())

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self._lived.at(self._steady())

    def now(self) -> datetime:
        """The same as `time`, aware, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def age_of(self, moment: float) -> float:
        """How long ago something is that carries the machine's date; moves from `moment` on count.

        Signatures do: a client signs by its own clock, which nobody has moved.
        """
        later = bisect_left(self._moves, moment, key=lambda move: move.moment)
        if later == len(self._moves):
            return 0.0 if self.is_frozen else self._wall() - moment
        move = self._moves[later]
        return self.monotonic() - move.lived + (move.moment - moment if move.ran else 0.0)

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
        """Show the machine's time again, and let what carries the machine's date be as old as it says."""
        self._move(0.0, runs=True)
        self._shown, self._moves = _Hand(), ()

    def _move(self, seconds: float, *, runs: bool) -> None:
        moment = self._wall()
        self._moves = (*self._moves[-_KEPT_MOVES:], _Move(moment, self.monotonic(), not self.is_frozen))
        self._shown = self._shown.moved(moment, seconds, runs=runs)
        self._lived = self._lived.moved(self._steady(), seconds, runs=runs)
