"""Lists of to-dos in pages: the filtered list, a snapshot, the changes since a revision. No I/O of its own.

All three cut pages out of blocks that are read by revision. A to-do that changes meanwhile moves to a higher revision:
it leaves the rest of the walk and stands in "changes since the revision at which the walk began". So the pages of a
walk and those changes together are everything, whatever happens in between.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from todo_backend.service import todos
from todo_backend.service.changes import Meta, expired
from todo_backend.service.errors import GoneError
from todo_backend.service.partition import Block, Range
from todo_backend.service.reads import Reader
from todo_backend.service.todos import Item

# AC-25: API Gateway does not cache an answer over 1 MiB; Lambda's own limit is 6 MB (LA-07).
PAGE_BYTES: Final = 900_000
# A filter that matches little must not read a whole table in one request.
BLOCKS_A_PAGE: Final = 4


@dataclass
class Page:
    """To-dos as they go out; `revision` is what they are a list as of, `rest` where the next page begins."""

    limit: int
    revision: int = 0
    rest: int | None = None
    todos: list[Item] = field(default_factory=list)
    _size_bytes: int = 0

    def add(self, todo: Item) -> bool:
        """Add a to-do; False when the page is full. The first always fits."""
        size_bytes = len(json.dumps(todo, ensure_ascii=False).encode())
        if self.todos and (len(self.todos) >= self.limit or self._size_bytes + size_bytes > PAGE_BYTES):
            return False
        self.todos.append(todo)
        self._size_bytes += size_bytes
        return True

    def fill(self, block: Block, wanted: Callable[[Item], bool], below: int | None = None) -> bool:
        """Add the block's wanted to-dos in order; False, with `rest` set, when one of them did not fit.

        `rest` is the last revision that was looked at: the next page goes on after it.
        """
        for index, revision in enumerate(block.revisions):
            if below is None or revision < below:
                item = block.load(index)
                if wanted(item) and not self.add(todos.wire(item)):
                    return False
            self.rest = revision
        self.rest = block.end
        return True


def newest_page(
    reader: Reader, meta: Meta, limit: int, wanted: Callable[[Item], bool], below: int | None = None
) -> Page:
    """Give the newest wanted to-dos, or those below a revision: a page of the list. Tombstones never show."""
    page = Page(limit, revision=meta.revision)
    if meta.revision == 0:
        return page
    meta, block = reader.proven(Range(at=meta.revision), meta)
    page.revision = meta.revision

    def shown(item: Item) -> bool:
        return not item["deleted"] and wanted(item)

    for _ in range(BLOCKS_A_PAGE - 1):
        if not page.fill(block, shown, below) or block.end is None:
            return page
        lower = block.end if below is None else min(block.end, below)
        block = reader.partition.block(Range(at=meta.revision, below=lower), consistent=True)
    page.fill(block, shown, below)
    return page


def snapshot_page(reader: Reader, revision: int, below: int | None = None) -> Page:
    """Give a page of the whole list as of a revision.

    API Gateway keeps the answer for an hour, so it must be exact: META is read consistently before and after.

    Raises:
        GoneError: the revision is not the current one, or ceased to be while the page was read.
    """
    _check_current(reader, revision)
    page = Page(sys.maxsize, revision=revision)
    if revision > 0:
        block = reader.partition.block(Range(at=revision, below=below), consistent=True)
        page.fill(block, lambda item: not item["deleted"])
    _check_current(reader, revision)
    return page


def changes_page(reader: Reader, meta: Meta, since: int, limit: int) -> Page:
    """Give the changes after a revision, tombstones among them, oldest first; `revision` is the last one delivered."""
    page = Page(limit, revision=meta.revision)
    if meta.revision <= since:
        return page
    meta, block = reader.proven(Range(at=meta.revision, low=since + 1, newest_first=False), meta)
    page.fill(block, lambda item: not expired(item, reader.now))
    page.revision = meta.revision if page.rest is None else page.rest
    return page


def _check_current(reader: Reader, revision: int) -> None:
    current = reader.fresh_meta().revision
    if current != revision:
        raise GoneError(f"revision {revision} is not the current one", revision=current)
