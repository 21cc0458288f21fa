"""Times on the wire: server timestamps and due dates. No clock of its own; `now` is always given."""

import re
from datetime import UTC, date, datetime
from typing import Final

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339 section 5.6, with upper-case T and Z; the offset is not optional.
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def timestamp(now: datetime) -> str:
    """Write an aware time as the API writes all its times: UTC, milliseconds, Z."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_date_time(text: str) -> datetime:
    """Read an RFC 3339 date-time with offset.

    Raises:
        ValueError: not one, or not a time that exists.
    """
    if _DATE_TIME.fullmatch(text) is None:
        raise ValueError("not a date-time with offset")
    return datetime.fromisoformat(text)


def parse_due(text: str) -> date | datetime:
    """Read a due date: a `datetime` (aware) when it has a time of day, a plain `date` otherwise.

    Raises:
        ValueError: neither of both.
    """
    return date.fromisoformat(text) if _DATE.fullmatch(text) else parse_date_time(text)


def due_instant(text: str) -> datetime:
    """Place a due date on one time line, for comparison: a plain date counts from its midnight UTC."""
    due = parse_due(text)
    if isinstance(due, datetime):
        # Not astimezone(UTC): it overflows in the first and last hours of the calendar, comparing does not.
        return due
    return datetime(due.year, due.month, due.day, tzinfo=UTC)
