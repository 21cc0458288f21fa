"""The list's filters and its cursor. No I/O."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from todo_backend.service.errors import InvalidRequestError
from todo_backend.service.times import due_instant
from todo_backend.service.todos import Item, check_due

NAMES: Final = ("status", "tag", "list", "priority", "due_before", "due_after", "q")


@dataclass(frozen=True)
class Filter:
    """Which to-dos a list shows. A due date must be at or after `due_after` and before `due_before`."""

    equal: tuple[tuple[str, Any], ...] = ()
    tag: str | None = None
    due_before: datetime | None = None
    due_after: datetime | None = None
    words: tuple[str, ...] = ()

    @classmethod
    def from_query(cls, query: dict[str, Any]) -> "Filter":
        """Make a filter from query parameters whose schemas have been checked.

        Raises:
            InvalidRequestError: a due date is none.
        """
        return cls(
            equal=tuple((name, query[name]) for name in ("status", "list", "priority") if name in query),
            tag=query.get("tag"),
            due_before=_instant(query, "due_before"),
            due_after=_instant(query, "due_after"),
            words=tuple(query.get("q", "").casefold().split()),
        )

    def __call__(self, item: Item) -> bool:
        """Tell whether the list shows this to-do."""
        if any(item[name] != value for name, value in self.equal):
            return False
        if self.tag is not None and self.tag not in item["tags"]:
            return False
        return self._is_due(item["due"]) and self._has_words(item)

    def _is_due(self, due: str | None) -> bool:
        if self.due_before is None and self.due_after is None:
            return True
        if due is None:
            return False
        instant = due_instant(due)
        return (self.due_before is None or instant < self.due_before) and (
            self.due_after is None or instant >= self.due_after
        )

    def _has_words(self, item: Item) -> bool:
        if not self.words:
            return True
        text = f"{item['title']}\n{item['notes']}".casefold()
        return all(word in text for word in self.words)


@dataclass(frozen=True)
class Cursor:
    """Where a walk through a list stands: the revision at which it began, and the one to go on below."""

    revision: int
    below: int

    def encode(self, user_id: str, query: dict[str, Any]) -> str:
        """Write the cursor for this caller and these filters."""
        text = f"{self.revision}.{self.below}.{self._digest(user_id, query)}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, user_id: str, query: dict[str, Any]) -> "Cursor":
        """Read a cursor of this caller and these filters.

        The digest needs no secret: a forged cursor could name nothing but numbers within the caller's own list
        (SE-12). It is there to refuse a cursor that was mixed up or damaged.

        Raises:
            InvalidRequestError: another caller's, another list's, or altered.
        """
        try:
            plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            plain = ""
        match = re.fullmatch(r"([0-9]{1,15})\.([0-9]{1,15})\.[0-9a-f]+", plain)
        if match is not None:
            cursor = cls(int(match[1]), int(match[2]))
            if cursor.encode(user_id, query) == text:
                return cursor
        raise InvalidRequestError("cursor does not belong to this list")

    def _digest(self, user_id: str, query: dict[str, Any]) -> str:
        filters = {name: query[name] for name in NAMES if name in query}
        text = json.dumps([user_id, filters, self.revision, self.below], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _instant(query: dict[str, Any], name: str) -> datetime | None:
    return due_instant(check_due(query[name], name)) if name in query else None
