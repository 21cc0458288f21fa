"""What a write does to the item caches of all nodes: the leader's at once, the replicas' a moment later (DD-26, DD-30).

Two writes of one key that overlap may be done by DynamoDB in either order, whatever the order of their answers: then
nobody knows which image stays, and the entry is dropped rather than guessed.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .caches import ItemCache, ItemKey


class Outcome(Enum):
    """How a write ended when there is no new image to keep."""

    REFUSED = "refused"  # DynamoDB said no: caches stay as they are
    UNKNOWN = "unknown"  # it may have happened, or its image was not asked for
    LATER = "later"  # it happened, and a read on its way will bring the image


@dataclass(frozen=True)
class Image:
    """The encoded content of an item after a write; None if there is no item any more."""

    content: bytes | None


class Write:
    """A write on its way to DynamoDB."""

    __slots__ = ("key", "overlapped")

    def __init__(self, key: ItemKey) -> None:
        self.key = key
        self.overlapped = False


class Coherence:
    """Keeps the item caches of a cluster in step with its writes."""

    def __init__(self, caches: Sequence[ItemCache], lag_seconds: float) -> None:
        self.lag_seconds = lag_seconds
        self._caches = list(caches)
        self._leader = self._caches[0]
        self._writes: dict[ItemKey, set[Write]] = {}
        self._underway: deque[tuple[ItemKey, Image | None]] = deque()
        self._last_due = 0.0
        self._timers: set[asyncio.TimerHandle] = set()

    def begin(self, key: ItemKey) -> Write:
        """Announce a write. `end` has to follow."""
        write = Write(key)
        others = self._writes.setdefault(key, set())
        if others:
            write.overlapped = True
            for other in others:
                other.overlapped = True
        others.add(write)
        return write

    def end(self, write: Write, outcome: Outcome | Image) -> None:
        """Tell how a write ended."""
        others = self._writes[write.key]
        others.discard(write)
        if not others:
            del self._writes[write.key]
        if outcome is Outcome.REFUSED or (outcome is Outcome.LATER and not write.overlapped):
            return
        self.change(write.key, None if write.overlapped or isinstance(outcome, Outcome) else outcome)

    def change(self, key: ItemKey, image: Image | None) -> None:
        """Bring an image, or the loss of one, to all nodes."""
        _apply(self._leader, key, image)
        if len(self._caches) == 1:
            return
        if self.lag_seconds <= 0 and not self._underway:
            self._apply_to_replicas(key, image)
            return
        self._underway.append((key, image))
        loop = asyncio.get_running_loop()
        # Never before an earlier change, also when the lag has become shorter meanwhile.
        self._last_due = max(loop.time() + self.lag_seconds, self._last_due)
        self._timers.add(loop.call_at(self._last_due, self._arrive))

    def lead(self, number: int) -> None:
        """Another node leads; what is underway arrives first, or the new leader would never see it."""
        while self._underway:
            self._apply_to_replicas(*self._underway.popleft())
        self.close()
        self._leader = self._caches[number - 1]

    def close(self) -> None:
        """Forget what is underway."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._underway.clear()

    def _arrive(self) -> None:
        # Timers of one moment fire in any order, so what they deliver is always the oldest change.
        self._apply_to_replicas(*self._underway.popleft())
        now = asyncio.get_running_loop().time()
        self._timers = {timer for timer in self._timers if not timer.cancelled() and timer.when() > now}

    def _apply_to_replicas(self, key: ItemKey, image: Image | None) -> None:
        for cache in self._caches:
            if cache is not self._leader:
                _apply(cache, key, image)


def _apply(cache: ItemCache, key: ItemKey, image: Image | None) -> None:
    if image is None:
        cache.forget(key)
    else:
        cache.write(key, image.content)
