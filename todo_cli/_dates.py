"""Dates and times as people write them: tomorrow 5pm, friday, 24 dec, in 3 days, end of month, 2026-12-24.

No clock of its own: now is given, and its zone is the person's. Two readings share one grammar: `parse_due` is given
what must be a date (an option, a filter) and takes every form; `when_in_words` is given a piece of a sentence and takes
the forms that are dates and nothing else: "sun", "3:16" and "24.12" stay words there.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from todo_cli._days import COUNT, MONTHS, SPANS, WEEKDAYS, NoSuchDayError, day_of, number

DAYPARTS = {"morning": time(9), "afternoon": time(15), "evening": time(19), "night": time(19)}

_ISO_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[t ](\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?) ?(z|[+-]\d\d:\d\d)?")
_TIME = re.compile(r"(?:at |by |due )?(?:(\d{1,2})(?::(\d\d))? ?(am|pm)|(\d{1,2}):(\d\d)|(noon))")
_SURELY_A_DATE = re.compile(r"\d{4}-\d\d-|[a-z]{3}")
_IN_HOURS = re.compile(rf"in ({COUNT}) (minute|min|hour)s?")


def parse_due(text: str, now: datetime) -> date | datetime:
    """Give the date, or the date-time with an offset, that the whole text says.

    A time without an offset is meant where the person is: it gets `now`'s zone on that day.

    Raises:
        ValueError: the text is none of the forms; NoSuchDayError when the calendar has no such day.
    """
    found = _when(_folded(text), now, loose=True)
    if found is None:
        raise ValueError(text)
    return found


def when_in_words(text: str, now: datetime, *, beside_date: bool = False) -> date | datetime | None:
    """Give what a piece of a sentence says if it is clearly a date or a time, else None.

    Args:
        beside_date: what stands beside it is surely about time (every day 9:30), so that this is too.

    Raises:
        NoSuchDayError: 30 feb, 2026-02-30. Numbers alone that are no day (1.45.) are just words.
    """
    try:
        return _when(_folded(text), now, loose=beside_date)
    except NoSuchDayError:
        if _SURELY_A_DATE.search(text.lower()):
            raise
        return None


def time_in_words(text: str) -> time | None:
    """Give the time of day that a piece of a sentence says, if it says one and no more."""
    return _time(_folded(text), loose=True)


def at_time(day: date, clock: time, now: datetime) -> datetime:
    """Give that time of that day where the person is."""
    local = datetime.combine(day, clock, now.tzinfo)
    offset = local.utcoffset()
    return local if offset is None else local.replace(tzinfo=_fixed(offset))


def told(when: date | datetime, now: datetime) -> str:
    """Say a date as a person would: Tue 24 Nov 17:00; the year only where it is not this one."""
    local = when.astimezone(now.tzinfo) if isinstance(when, datetime) else when
    year = "" if local.year == now.year else f" {local.year}"
    clock = f" {local:%H:%M}" if isinstance(local, datetime) else ""
    return f"{WEEKDAYS[local.weekday()][:3].title()} {local.day} {MONTHS[local.month - 1][:3].title()}{year}{clock}"


def _fixed(offset: timedelta) -> tzinfo:
    return timezone(offset)


def _folded(text: str) -> str:
    words = " ".join(text.lower().replace(",", " ").split())
    if words == "tonight":
        return "today night"
    return re.sub(r"\bthis (?=morning|afternoon|evening)|\btonight\b", _today_for, words)


def _today_for(found: re.Match[str]) -> str:
    return "today " if found[0].startswith("this") else "today"


def _when(text: str, now: datetime, *, loose: bool) -> date | datetime | None:
    moment = _iso_moment(text, now) or _in_hours(text, now)
    if moment is not None:
        return moment
    words = text.split(" ")
    for split in range(len(words), -1, -1):  # a day and then a time, or a time and then a day; either may be missing
        first, second = " ".join(words[:split]), " ".join(words[split:])
        for day_text, time_text in ((first, second), (second, first)):
            found = _day_and_time(day_text, time_text, now, loose=loose)
            if found is not None:
                return found
    return None


def _day_and_time(day_text: str, time_text: str, now: datetime, *, loose: bool) -> date | datetime | None:
    if not day_text and not time_text:
        return None
    day = day_of(day_text, now.date(), loose=loose or bool(time_text)) if day_text else None
    clock = _time(time_text, loose=loose or day is not None) if time_text else None
    if (day_text and day is None) or (time_text and clock is None):
        return None
    if clock is None:
        return day
    if day is not None:
        return at_time(day, clock, now)
    today = at_time(now.date(), clock, now)
    return today if today > now else at_time(now.date() + timedelta(days=1), clock, now)


def _iso_moment(text: str, now: datetime) -> datetime | None:
    found = _ISO_MOMENT.fullmatch(text.removeprefix("due ").removeprefix("on ").removeprefix("by "))
    if not found:
        return None
    try:  # fromisoformat alone would also take 20261123T10 and 2026-W48
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '').upper()}")
    except ValueError:
        raise NoSuchDayError(text) from None
    return moment if moment.tzinfo else at_time(moment.date(), moment.time(), now)


def _in_hours(text: str, now: datetime) -> datetime | None:
    found = _IN_HOURS.fullmatch(text)
    if not found:
        return None
    later = now.astimezone(UTC) + timedelta(**{SPANS[found[2]]: number(found[1])})
    local = later.astimezone(now.tzinfo).replace(second=0, microsecond=0)
    return at_time(local.date(), local.time(), now)


def _time(text: str, *, loose: bool) -> time | None:
    if text in DAYPARTS and loose:
        return DAYPARTS[text]
    found = _TIME.fullmatch(text)
    if not found:
        return None
    if found[6]:
        return time(12)
    if found[3]:
        hour, minute = int(found[1]), int(found[2] or 0)
        return time(hour % 12 + (12 if found[3] == "pm" else 0), minute) if 1 <= hour <= 12 and minute < 60 else None
    hour, minute = int(found[4]), int(found[5])
    if not loose and len(found[4]) == 1 and not text.startswith("at "):  # John 3:16
        return None
    return time(hour, minute) if hour < 24 and minute < 60 else None
