"""One user's part of the table, as the rules for reading and writing see it. No I/O here; `store` does it.

The owner is bound when a partition is made: no method takes one, so no rule can reach another user's items.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from todo_backend.service.changes import Meta, Plan
from todo_backend.service.todos import Item


class RaceLostError(Exception):
    """A condition of the transaction did not hold, or another transaction held an item: read again, then retry."""


@dataclass
class Facts:
    """What a request cost and what it found in the caches: one line of the log. Counted by the partition and rules.

    `detours` are calls around a cluster that was away; reads among them are consistent, whatever was asked.
    """

    eventual_reads: int = 0
    consistent_reads: int = 0
    writes: int = 0
    detours: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    store_ms: float = 0.0
    proof: str | None = None
    not_modified: bool = False

    def count_read(self, *, consistent: bool) -> None:
        """Count one read request."""
        if consistent:
            self.consistent_reads += 1
        else:
            self.eventual_reads += 1


@dataclass(frozen=True)
class Block:
    """Up to 1 MB of to-dos in order of revision (DD-08), META left out.

    `end` is the last revision looked at when the range goes on beyond the block, else None. Items are made when they
    are asked for: a page of 100 out of 2,000 needs 100.
    """

    revisions: tuple[int, ...]
    load: Callable[[int], Item]
    end: int | None = None

    @property
    def top(self) -> int:
        """The highest revision in the block; 0 when it is empty."""
        return max(self.revisions[0], self.revisions[-1]) if self.revisions else 0


@dataclass(frozen=True)
class Range:
    """Which revisions to read: from `low` upwards to `below` (exclusive; None is unbounded), newest or oldest first.

    `at` is the current revision as the reader knows it. It decides nothing and is sent all the same, see `Partition`.
    """

    at: int
    low: int = 1
    below: int | None = None
    newest_first: bool = True


class Partition(Protocol):
    """One user's items."""

    facts: Facts

    def meta(self, *, consistent: bool) -> Meta | None:
        """Read META; None when the user never wrote anything."""

    def load(self, todo_ids: Iterable[str], *, consistent: bool) -> tuple[Meta | None, dict[str, Item]]:
        """Read META and some to-dos in one request; absent ones are left out."""

    def todo(self, todo_id: str) -> Item | None:
        """Read one to-do consistently."""

    def block(self, span: Range, *, consistent: bool) -> Block:
        """Read to-dos by revision. `span.at` is part of the parameters of the request and so of the key under which
        DAX caches the answer: a new revision is a new entry, and an old entry is never asked for again."""

    def write(self, plan: Plan) -> None:
        """Carry out a plan in one transaction.

        Raises:
            RaceLostError: nothing was written; somebody else was first.
        """
