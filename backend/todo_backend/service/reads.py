"""What a reader may believe: the rules by which cached reads are never stale for the one who wrote. No I/O of its own.

- META comes from the cache, but is read again when the caller has already seen a higher revision, and its absence is
  never believed (DD-28: a miss is cached as well).
- A block of to-dos is believed when it proves that it is complete: the top revision is in it, and so is every to-do of
  the last transaction. If it does not, META and block are read again consistently.
- Once META is older than the query cache's lifetime plus a minute, no entry filled from a lagging replica can be left,
  and the proof is not asked for: a tombstone that would give it may have gone by TTL. A block newer than META proves
  that META is old, at any age.
- A single to-do comes from the item cache once META is older than that cache's lifetime plus a minute, else it is read
  consistently: until then an entry from before the change may be left. A minute would do if every change reached the
  cache; one that was written around the cluster, or whose node died before it had told the others, does not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from todo_backend.service.changes import Meta, expired
from todo_backend.service.errors import NotFoundError
from todo_backend.service.partition import Block, Partition, Range
from todo_backend.service.times import parse_date_time
from todo_backend.service.todos import Item

# Replicas of DynamoDB and nodes of DAX follow within a second or so.
SETTLE_SECONDS: Final = 60
PROOF_TRIES: Final = 3
PROOF_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Reader:
    """Reads one user's items for one request."""

    partition: Partition
    now: datetime
    query_ttl_seconds: int
    record_ttl_seconds: int
    pause: Callable[[float], None] = time.sleep

    def meta(self, min_revision: int = 0) -> Meta:
        """Read META so that it is at least as new as the caller knows."""
        meta = self.partition.meta(consistent=False)
        if meta is None or meta.revision < min_revision:
            return self.fresh_meta()
        return meta

    def fresh_meta(self) -> Meta:
        """Read META consistently; a user who never wrote has revision 0."""
        return self.partition.meta(consistent=True) or Meta()

    def todo(self, todo_id: str, min_revision: int = 0) -> Item:
        """Read one to-do.

        Raises:
            NotFoundError: absent or deleted, by a consistent read.
        """
        meta, items = self.partition.load([todo_id], consistent=False)
        item = items.get(todo_id)
        moved = meta is None or meta.revision < min_revision or not self._items_settled(meta)
        if moved or item is None:
            item = self.partition.todo(todo_id)
        if item is None or item["deleted"] or expired(item, self.now):
            raise NotFoundError("there is no such to-do")
        return item

    def proven(self, span: Range, meta: Meta) -> tuple[Meta, Block]:
        """Read a range without upper bound, and META with it, such that the block holds all that META counts.

        `span.at` is set here. A block that ends early (`end`) is proved as far as it goes.
        """
        facts = self.partition.facts
        block = self.partition.block(replace(span, at=meta.revision), consistent=False)
        if self._settled(meta) and block.top <= meta.revision:
            facts.proof = "settled"
            return meta, block
        if _proves(block, span, meta):
            facts.proof = "proved"
            return meta, block
        facts.proof = "reread"
        for attempt in range(PROOF_TRIES):
            meta = self.fresh_meta()
            block = self.partition.block(replace(span, at=meta.revision), consistent=True)
            ends_early = not span.newest_first and block.end is not None
            if ends_early or _proves(block, span, meta, consistent=True) or self._settled(meta):
                return meta, block
            # A transaction is visible item by item while it is being applied; a moment later it is whole.
            self.pause(PROOF_PAUSE_SECONDS * (attempt + 1))
        facts.proof = "unproved"
        return meta, block

    def _settled(self, meta: Meta) -> bool:
        return self._age_seconds(meta) > self.query_ttl_seconds + SETTLE_SECONDS

    def _items_settled(self, meta: Meta) -> bool:
        # DD-34: with a lifetime of 0 items never expire.
        ttl_seconds = self.record_ttl_seconds
        return ttl_seconds > 0 and self._age_seconds(meta) > ttl_seconds + SETTLE_SECONDS

    def _age_seconds(self, meta: Meta) -> float:
        if meta.changed_at is None:
            return 0.0
        return (self.now - parse_date_time(meta.changed_at)).total_seconds()


def _proves(block: Block, span: Range, meta: Meta, *, consistent: bool = False) -> bool:
    if block.top != meta.revision:
        return False
    if span.low > meta.base + 1 and meta.written > 1:
        # The range begins inside the last batch, so its to-dos cannot be counted.
        return consistent
    # Top alone is not enough: a replica may show the last to-do of a batch before the first. An older transaction
    # needs no proof of its own, since META's condition lets the next one begin only after it.
    return sum(revision > meta.base for revision in block.revisions) == meta.written
