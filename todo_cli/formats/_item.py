"""What passes between a file and the to-dos: an item of fields, or a line that could not be read.

The id of an item is made from what the file says, so that importing a file twice makes nothing twice.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from todo_sdk import Todo

# Ids of items that do not say when they were made begin with this moment, which is nobody's.
UNKNOWN_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    """One to-do of a file.

    `fields` are those that its owner writes; `source_id` is the file's own id of it, if it has one; `made_at` when it
    was made, if the file says so; `losses` what of it is left out, in words.
    """

    fields: Mapping[str, Any]
    line: int
    source_id: str | None = None
    made_at: datetime | None = None
    losses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Broken:
    """One to-do of a file that cannot be read: where it stands and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Surroundings:
    """What reading depends on beside the text: the moment, with the person's own zone."""

    now: datetime


@dataclass(frozen=True)
class Format:
    """How to-dos are written to a text and read back.

    `leaves_out` says in words what of a to-do the format cannot hold; nothing means that it holds everything.
    """

    name: str
    write: Callable[[Iterable[Todo], Surroundings], str]
    read: Callable[[str, Surroundings], Iterator[Item | Broken]]
    leaves_out: Callable[[Todo], tuple[str, ...]] = field(default=lambda todo: ())


def ids_of(items: Iterable[Item], format_name: str) -> list[str]:
    """Give each item its id, the same at every import of the same file.

    An item that says its id keeps it if it is one of ours (a UUID of version 7), else the id is made of it; an item
    that says none is known by its fields, and equal ones by which of them it is.
    """
    seen: dict[str, int] = {}
    made = []
    for item in items:
        own = _own_id(item.source_id)
        if own is None:
            what = item.source_id or repr(sorted((name, _text(value)) for name, value in item.fields.items()))
            seen[what] = seen.get(what, 0) + 1
            own = _made_id(f"{format_name}\0{what}\0{seen[what]}", item.made_at or UNKNOWN_MOMENT)
        made.append(own)
    return made


def next_id(todo_id: str, times: int) -> str:
    """Give the id of what comes again in place of a removed to-do, the same one each time."""
    made_at = datetime.fromtimestamp(int(todo_id.replace("-", "")[:12], 16) / 1000, UTC)
    return _made_id(f"{todo_id}\0{times}", made_at)


def _own_id(text: str | None) -> str | None:
    try:
        found = uuid.UUID(text) if text else None
    except ValueError:
        return None
    return str(found) if found and found.version == 7 else None


def _made_id(what: str, made_at: datetime) -> str:
    random_bits = int.from_bytes(hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest(), "big")
    milliseconds = max(0, int(made_at.timestamp() * 1000)) & ((1 << 48) - 1)
    low, high = random_bits & ((1 << 62) - 1), (random_bits >> 62) & 0xFFF
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else repr(value)
