"""The machine's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class SystemZone(tzinfo):
    """The machine's own time zone, whose offset depends on the day (a timezone of `datetime.now()` is fixed)."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Give the offset at that moment."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Say nothing about summer time: only the whole offset is known."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """Give the zone's name at that moment."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """Turn UTC into local time."""
        return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)
