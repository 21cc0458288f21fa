"""Dates and times as people write them: tomorrow 5pm, friday, 24 dec, in 3 days, end of month, 2026-12-24.

No clock of its own: now is given, and its zone is the person's. Two readings share one grammar: `parse_due` is given
what must be a date (an option, a filter) and takes every form; `when_in_words` is given a piece of a sentence and takes
the forms that are dates and nothing else: "sun", "3:16" and "24.12" stay words there.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
DAYPARTS = {"morning": time(9), "afternoon": time(15), "evening": time(19), "night": time(19)}
SPANS = {"minute": "minutes", "min": "minutes", "hour": "hours", "day": "days", "week": "weeks"}

_WEEKDAY_WORDS = {short: number for number, name in enumerate(WEEKDAYS) for short in (name, name[:3])}
_WEEKDAY_WORDS |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_MONTH_WORDS = {short: number for number, name in enumerate(MONTHS, 1) for short in (name, name[:3])} | {"sept": 9}
_ENGLISH_TOO = {"mon", "wed", "sat", "sun"}  # Words of their own (or a name): alone in a sentence they are no date.

_WEEKDAY = "|".join(sorted(_WEEKDAY_WORDS, key=len, reverse=True))
_MONTH = "|".join(sorted(_MONTH_WORDS, key=len, reverse=True))
_COUNT = r"\d{1,4}|an?|one|two|three|four|five|six"
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_ISO_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[t ](\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?) ?(z|[+-]\d\d:\d\d)?")
_TIME = re.compile(r"(?:at |by |due )?(?:(\d{1,2})(?::(\d\d))? ?(am|pm)|(\d{1,2}):(\d\d)|(noon))")
_SURELY_A_DATE = re.compile(r"\d{4}-\d\d-|[a-z]{3}")
_IN_HOURS = re.compile(rf"in ({_COUNT}) (minute|min|hour)s?")


class NoSuchDayError(ValueError):
    """The text is a date in its form, and the calendar has no such day."""


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
    from datetime import timezone

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
    day = _day(day_text, now.date(), loose=loose or bool(time_text)) if day_text else None
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
    later = now.astimezone(UTC) + timedelta(**{SPANS[found[2]]: _number(found[1])})
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


def _day(text: str, today: date, *, loose: bool) -> date | None:
    said = re.fullmatch(r"(?:due |on |by )*(.*)", text)
    plain = said[1] if said else text
    for pattern, day_of, only_loose in _DAYS:
        found = re.fullmatch(pattern, plain)
        if found and (loose or plain != text or not only_loose(plain)):
            return day_of(found, today)
    return None


def _number(text: str) -> int:
    return _COUNTS.get(text) or int(text)


def _clear(_: str) -> bool:
    return False


def _vague(_: str) -> bool:
    return True


def _real(year: int, month: int, day: int, said: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise NoSuchDayError(said) from None


def _coming(month: int, day: int, today: date, said: str) -> date:
    """Give the next such day, today included; a 29 February waits for its year."""
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(2024, month)[1]:
        raise NoSuchDayError(said)
    years = (year for year in range(today.year, today.year + 9) if day <= monthrange(year, month)[1])
    return next(coming for year in years if (coming := date(year, month, day)) >= today)


def _month_end(year: int, month: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def _months_later(today: date, months: int) -> date:
    end = _month_end(today.year, today.month + months)
    return end.replace(day=min(today.day, end.day))


def _weekday(found: re.Match[str], today: date) -> date:
    number = _WEEKDAY_WORDS[found["weekday"]]
    if found["which"] == "next ":  # the one of next week
        return today + timedelta(days=7 - today.weekday() + number)
    return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)  # the coming one, never today


def _in_days(found: re.Match[str], today: date) -> date:
    count = _number(found["count"]) * (-1 if found["ago"] else 1)
    unit = found["unit"]
    try:
        if unit in SPANS:
            return today + timedelta(**{SPANS[unit]: count})
        return _months_later(today, count * (12 if unit == "year" else 1))
    except (OverflowError, ValueError):
        raise NoSuchDayError(found[0]) from None


def _start_of(found: re.Match[str], today: date) -> date:
    if found[1] == "week":
        return today + timedelta(days=7 - today.weekday())
    if found[1] == "weekend":
        return today + timedelta(days=12 - today.weekday())
    return _month_end(today.year, today.month if found[1] == "month" else 12) + timedelta(days=1)


def _end_of(found: re.Match[str], today: date) -> date:
    later, unit = (1 if found["next"] else 0), found["unit"]
    if unit == "week":
        return today + timedelta(days=6 - today.weekday() + 7 * later)
    return _month_end(today.year, today.month + later) if unit == "month" else date(today.year + later, 12, 31)


def _numbers(found: re.Match[str], today: date) -> date:
    day, month, year = int(found["day"]), int(found["month"]), found["year"]
    return _real(int(year), month, day, found[0]) if year else _coming(month, day, today, found[0])


def _named(found: re.Match[str], today: date) -> date:
    day, month, year = int(found["day"]), _MONTH_WORDS[found["month"]], found["year"]
    return _real(int(year), month, day, found[0]) if year else _coming(month, day, today, found[0])


def _of_month(found: re.Match[str], today: date) -> date:
    day = int(found[1])
    if not 1 <= day <= 31:
        raise NoSuchDayError(found[0])
    ends = (_month_end(today.year, today.month + later) for later in range(13))
    return next(coming for end in ends if end.day >= day and (coming := end.replace(day=day)) >= today)


def _after(days: int) -> Callable[[re.Match[str], date], date]:
    return lambda found, today: today + timedelta(days=days)


def _ago(text: str) -> bool:
    return text.endswith(" ago")


# A pattern, the day it means, and whether it means one only where a date is expected.
_DAYS: tuple[tuple[str, Callable[[re.Match[str], date], date], Callable[[str], bool]], ...] = (
    (r"today", _after(0), _clear),
    (r"tomorrow", _after(1), _clear),
    (r"(?:the )?day after tomorrow", _after(2), _clear),
    (r"yesterday", _after(-1), _vague),
    (rf"(?P<which>next |this )?(?P<weekday>{_WEEKDAY})", _weekday, lambda text: text in _ENGLISH_TOO),
    (rf"in (?P<count>{_COUNT}) (?P<unit>day|week|month|year)s?(?P<ago>)", _in_days, _clear),
    (rf"(?P<count>{_COUNT}) (?P<unit>day|week|month|year)s?(?P<ago> ago)", _in_days, _vague),
    (r"next (week|weekend|month|year)", _start_of, _clear),
    (r"(?:this )?weekend", lambda found, today: today + timedelta(days=(5 - today.weekday()) % 7), _vague),
    (r"(?:the )?end of (?P<next>next )?(?:the )?(?P<unit>week|month|year)", _end_of, _clear),
    (r"eo(?P<unit>w|m|y)(?P<next>)", lambda found, today: _end_of_letter(found["unit"], today), _vague),
    (r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", _numbers, _clear),
    (r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})?", _numbers, _clear),
    (r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})(?P<year>)", _numbers, _vague),
    (rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?(?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?", _named, _clear),
    (rf"(?P<month>{_MONTH}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: (?P<year>\d{{4}}))?", _named, _clear),
    (r"the (\d{1,2})(?:st|nd|rd|th)", _of_month, _vague),
)


def _end_of_letter(letter: str, today: date) -> date:
    word = {"w": "week", "m": "month", "y": "year"}[letter]
    return parse_due(f"end of {word}", datetime.combine(today, time(12), UTC))
