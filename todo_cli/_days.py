"""Days as people write them: tomorrow, friday, next week, 24 dec, 24.12., in 3 days, end of month, 2026-12-24.

Pure: today is given. A week begins on Monday.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
SPANS = {"minute": "minutes", "min": "minutes", "hour": "hours", "day": "days", "week": "weeks"}

_WEEKDAY_WORDS = {short: number for number, name in enumerate(WEEKDAYS) for short in (name, name[:3])}
_WEEKDAY_WORDS |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_MONTH_WORDS = {short: number for number, name in enumerate(MONTHS, 1) for short in (name, name[:3])} | {"sept": 9}
_ENGLISH_TOO = {"mon", "wed", "sat", "sun"}  # Words of their own (or a name): alone in a sentence they are no date.

_WEEKDAY = "|".join(sorted(_WEEKDAY_WORDS, key=len, reverse=True))
_MONTH = "|".join(sorted(_MONTH_WORDS, key=len, reverse=True))
COUNT = r"\d{1,4}|an?|one|two|three|four|five|six"
_COUNT_WORDS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


class NoSuchDayError(ValueError):
    """The text is a date in its form, and the calendar has no such day."""


def day_of(text: str, today: date, *, loose: bool) -> date | None:
    """Give the day that a text in lower case says; `loose` takes also what is a day only where one must stand.

    Raises:
        NoSuchDayError: it is a date in its form, and the calendar has no such day.
    """
    said = re.fullmatch(r"(?:due |on |by )*(.*)", text)
    plain = said[1] if said else text
    for pattern, meant, only_loose in _DAYS:
        found = re.fullmatch(pattern, plain)
        if found and (loose or plain != text or not only_loose(plain)):
            return meant(found, today)
    return None


def number(text: str) -> int:
    """Give the number that a count says."""
    return _COUNT_WORDS.get(text) or int(text)


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
    count = number(found["count"]) * (-1 if found["ago"] else 1)
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


# A pattern, the day it means, and whether it means one only where a date is expected.
_DAYS: tuple[tuple[str, Callable[[re.Match[str], date], date], Callable[[str], bool]], ...] = (
    (r"today", _after(0), _clear),
    (r"tomorrow", _after(1), _clear),
    (r"(?:the )?day after tomorrow", _after(2), _clear),
    (r"yesterday", _after(-1), _vague),
    (rf"(?P<which>next |this )?(?P<weekday>{_WEEKDAY})", _weekday, lambda text: text in _ENGLISH_TOO),
    (rf"in (?P<count>{COUNT}) (?P<unit>day|week|month|year)s?(?P<ago>)", _in_days, _clear),
    (rf"(?P<count>{COUNT}) (?P<unit>day|week|month|year)s?(?P<ago> ago)", _in_days, _vague),
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
    ends = {"w": today + timedelta(days=6 - today.weekday()), "m": _month_end(today.year, today.month)}
    return ends.get(letter) or date(today.year, 12, 31)
