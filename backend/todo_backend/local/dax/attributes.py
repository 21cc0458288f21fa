"""The registry of attribute lists: ids that are durable and never used for another list.

Clients keep what an id means for their whole life, across restarts of the server: an id given out twice makes them read
and *store* attributes under swapped names, silently. So an id is on disk before anybody hears of it, and a registry
without a file starts at a random place. One file belongs to one running cluster.
Source: the DAX protocol notes, section 6.
"""

import json
import os
import secrets
from pathlib import Path

from .errors import DaxError

EMPTY_LIST_ID = 1
# Five bytes in CBOR, below the 2^53 of JavaScript; a registry that was lost hardly meets its old ids again.
_FIRST_IDS = range(1 << 16, 1 << 31)


class AttributeRegistry:
    """Lists of attribute names and their ids, one line of JSON per list in a file, or in memory only."""

    def __init__(self, file: Path | None = None, *, first_id: int | None = None) -> None:
        self._file = file
        self._ids: dict[tuple[str, ...], int] = {(): EMPTY_LIST_ID}
        self._names: dict[int, tuple[str, ...]] = {EMPTY_LIST_ID: ()}
        self._next = first_id or secrets.choice(_FIRST_IDS)
        if file is not None and file.exists():
            self._load(file)

    def _load(self, file: Path) -> None:
        content = file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            # A line without end was being written when the machine stopped: its id was never given out.
            os.truncate(file, len(whole))
        for line in whole.splitlines():
            list_id, names = json.loads(line)
            self._ids[tuple(names)] = list_id
            self._names[list_id] = tuple(names)
        if whole:
            self._next = max(self._names) + 1

    def __len__(self) -> int:
        """How many lists there are, the empty one included."""
        return len(self._ids)

    def id_of(self, names: tuple[str, ...]) -> int:
        """The id of a list exactly as given, in its order; a new one is on disk before this returns."""
        known = self._ids.get(names)
        if known is not None:
            return known
        list_id = self._next
        self._append(list_id, names)
        self._next += 1
        self._ids[names] = list_id
        self._names[list_id] = names
        return list_id

    def names_of(self, list_id: int) -> tuple[str, ...]:
        """The list with the id.

        Raises:
            DaxError: no list ever had it.
        """
        try:
            return self._names[list_id]
        except KeyError:
            raise DaxError("ValidationException", f"Attribute list id {list_id} does not exist") from None

    def _append(self, list_id: int, names: tuple[str, ...]) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab") as file:
            file.write(json.dumps([list_id, names]).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
