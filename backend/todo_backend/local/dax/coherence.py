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
        self._changes = 0
        self._underway: deque[tuple[int, ItemKey, Image | None]] = deque()
        self._timers: dict[int, asyncio.TimerHandle] = {}

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
        if outcome is Outcome.REFUSED:
            return
        # On every node and at once, whatever the lag: the read that refreshes an earlier transaction may have seen what
        # this write replaced, and would void the refresh of this one when it ends.
        for cache in self._caches:
            cache.void_fills(write.key)
        if outcome is Outcome.LATER and not write.overlapped:
            return
        self.change(write.key, None if write.overlapped or isinstance(outcome, Outcome) else outcome)

    def change(self, key: ItemKey, image: Image | None) -> None:
        """Bring an image, or the loss of one, to all nodes."""
        _apply(self._leader, key, image)
        if len(self._caches) == 1:
            return
        self._changes += 1
        self._underway.append((self._changes, key, image))
        if self.lag_seconds <= 0:
            self._arrive(self._changes)
        else:
            loop = asyncio.get_running_loop()
            self._timers[self._changes] = loop.call_later(self.lag_seconds, self._arrive, self._changes)

    def lead(self, number: int) -> None:
        """Another node leads; what is underway arrives first, or the new leader would never see it."""
        self._arrive(self._changes)
        self._leader = self._caches[number - 1]

    def close(self) -> None:
        """Forget what is underway."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._underway.clear()

    def _arrive(self, number: int) -> None:
        """A change arrives, and with it all that were made before: a lag that became shorter turns no order around."""
        while self._underway and self._underway[0][0] <= number:
            earlier, key, image = self._underway.popleft()
            timer = self._timers.pop(earlier, None)
            if timer is not None:
                timer.cancel()
            for cache in self._caches:
                if cache is not self._leader:
                    _apply(cache, key, image)


def _apply(cache: ItemCache, key: ItemKey, image: Image | None) -> None:
    if image is None:
        cache.forget(key)
    else:
        cache.write(key, image.content)
