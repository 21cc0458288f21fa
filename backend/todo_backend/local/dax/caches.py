"""The two caches of a node: item cache and query cache, which do not know each other. No I/O; the clock is an argument.

Both hold encoded bytes, expire entries by age and evict the least recently used when their memory is full. A read
that was on its way while its key was written may bring the old image, so what it brings is served but not kept.
Source: AWS_BEHAVIOURS DD-24 to DD-28 and DD-34; the DAX protocol notes, section 14.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Clock = Callable[[], float]
ItemKey = tuple[str, bytes]

# What an entry costs beside its bytes: entry, key tuple, two bytes objects, slot in the ordered map. Measured.
ENTRY_OVERHEAD_BYTES = 420


@dataclass(slots=True)
class Entry:
    """A cached value; for the item cache None means that there is no such item (DD-28)."""

    value: bytes | None
    stored_at: float
    size_bytes: int


class LruCache(Generic[Key]):
    """Values by key, bounded in memory and age."""

    def __init__(self, *, capacity_bytes: int, ttl_seconds: float, clock: Clock) -> None:
        self.capacity_bytes = capacity_bytes
        self.ttl_seconds = ttl_seconds
        self.used_bytes = 0
        self.evicted_bytes = 0
        self._clock = clock
        self._entries: OrderedDict[Key, Entry] = OrderedDict()

    def __len__(self) -> int:
        """How many entries there are, expired ones that nobody asked for included."""
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The entry, if it is there and young enough."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self.ttl_seconds and self._clock() - entry.stored_at >= self.ttl_seconds:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: Key, value: bytes | None, key_bytes: int) -> None:
        """Keep a value, in place of the least recently used ones if there is no room."""
        self.drop(key)
        size = len(value or b"") + key_bytes + ENTRY_OVERHEAD_BYTES
        if size > self.capacity_bytes:
            return
        self._entries[key] = Entry(value, self._clock(), size)
        self.used_bytes += size
        while self.used_bytes > self.capacity_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.used_bytes -= oldest.size_bytes
            self.evicted_bytes += oldest.size_bytes

    def drop(self, key: Key) -> None:
        """Forget an entry."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= entry.size_bytes

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.used_bytes = 0


class Fill:
    """A read on its way for a key; void once the key has been written."""

    __slots__ = ("key", "void")

    def __init__(self, key: ItemKey) -> None:
        self.key = key
        self.void = False


class ItemCache:
    """Items by table and key: positive and negative entries, written through (DD-24, DD-26, DD-28)."""

    def __init__(self, *, capacity_bytes: int, ttl_seconds: float, clock: Clock) -> None:
        self.entries: LruCache[ItemKey] = LruCache(capacity_bytes=capacity_bytes, ttl_seconds=ttl_seconds, clock=clock)
        self._fills: dict[ItemKey, set[Fill]] = {}

    def get(self, key: ItemKey) -> Entry | None:
        """The entry of a key; TTL 0 means that it never expires (DD-34)."""
        return self.entries.get(key)

    def begin_fill(self, key: ItemKey) -> Fill:
        """Announce a read of a key. `end_fill` has to follow."""
        fill = Fill(key)
        self._fills.setdefault(key, set()).add(fill)
        return fill

    def end_fill(self, fill: Fill) -> bool:
        """The read is over; whether what it brought may be kept."""
        fills = self._fills.get(fill.key)
        if fills is not None:
            fills.discard(fill)
            if not fills:
                del self._fills[fill.key]
        return not fill.void

    def store(self, key: ItemKey, item: bytes | None) -> None:
        """Keep what a read brought or a write wrote; None for an item that does not exist."""
        self.entries.put(key, item, len(key[1]))

    def write(self, key: ItemKey, item: bytes | None) -> None:
        """A key was written: keep its new image, and let no read that is on its way bring back the old one."""
        self.void_fills(key)
        self.store(key, item)

    def forget(self, key: ItemKey) -> None:
        """A key was written, or may have been, and its new image is not known."""
        self.void_fills(key)
        self.entries.drop(key)

    def clear(self) -> None:
        """Forget everything, also what is on its way."""
        for key in list(self._fills):
            self.void_fills(key)
        self.entries.clear()

    def void_fills(self, key: ItemKey) -> None:
        """Let no read of the key that is on its way keep what it brings."""
        for fill in self._fills.pop(key, ()):
            fill.void = True


QueryKey = tuple[Hashable, ...]


class QueryCache:
    """Results of Query and Scan by their parameters; writes do not touch it (DD-27). TTL 0 means off (DD-34)."""

    def __init__(self, *, capacity_bytes: int, ttl_seconds: float, clock: Clock) -> None:
        self.entries: LruCache[QueryKey] = LruCache(capacity_bytes=capacity_bytes, ttl_seconds=ttl_seconds, clock=clock)

    def get(self, key: QueryKey) -> bytes | None:
        """The encoded result of a query."""
        entry = self.entries.get(key) if self.entries.ttl_seconds else None
        return entry.value if entry else None

    def store(self, key: QueryKey, result: bytes) -> None:
        """Keep the encoded result of a query."""
        if self.entries.ttl_seconds:
            self.entries.put(key, result, len(repr(key)))
