"""How a to-do comes again, between words and RFC 5545: `every 2 weeks` is FREQ=WEEKLY;INTERVAL=2.

A rule counts from the day the to-do was due, or, with an x-param before it (RFC 5545 section 3.8.5.3), from the day it
was done: `every! 3 days` is RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3.

Pure: no clock; what is no such phrase is None. `told(recurrence_of(words))` says the words again.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from todo_cli._days import MONTHS, WEEKDAYS

UNITS = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}
ADVERBS = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "annually": "year"}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
DAY_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WORKDAYS, WEEKEND = DAY_CODES[:5], DAY_CODES[5:]

AFTER_DONE = "RRULE;X-FROM=COMPLETION:"

_CODE_OF = {word: code for name, code in zip(WEEKDAYS, DAY_CODES, strict=True) for word in (name, name[:3], f"{name}s")}
_CODE_OF |= {"tues": "TU", "weds": "WE", "thur": "TH", "thurs": "TH"}
_MONTH_OF = {word: number for number, name in enumerate(MONTHS, 1) for word in (name, name[:3])}
_EVERY = re.compile(r"every (?:(other|\d{1,3}) )?(day|week|month|year)s?")
_AFTER = re.compile(r"(?:every! ?|after )(?:(other|\d{1,3}) )?(day|week|month|year)s?")
_NTH_DAY = re.compile(r"every (\d{1,2})(?:st|nd|rd|th)")
_NTH_WEEKDAY = re.compile(rf"every ({'|'.join(ORDINALS)}) ({'|'.join(WEEKDAYS)})")
_YEAR_DAY = re.compile(rf"every (\d{{1,2}}) ({'|'.join(_MONTH_OF)})")
_DAYS = re.compile(r"every ([a-z, ]+)")


def recurrence_of(words: str) -> str | None:
    """Read a phrase: every month, every 2 weeks, every mon,wed, every weekday, every 15th, every! 3 days."""
    text = " ".join(re.sub(r"\s*,\s*|\s+and\s+", ",", words.lower()).split())
    if found := _AFTER.fullmatch(text):
        return AFTER_DONE + _interval(found)
    if found := _EVERY.fullmatch(text):
        return _interval(found)
    return _by_day(text)


def given_recurrence(text: str) -> str | None:
    """Read what must be a recurrence: a phrase, an adverb such as monthly, or an RRULE as it is."""
    plain = text.strip()
    if "=" in plain:
        return plain.upper().removeprefix("RRULE:")
    unit = ADVERBS.get(plain.lower())
    return f"FREQ={UNITS[unit]}" if unit else recurrence_of(plain) or recurrence_of(f"every {plain}")


def first_day(recurrence: str, today: date) -> date:
    """Give the first day from today on that the rule names; today itself if it names none."""
    rule = recurrence.removeprefix(AFTER_DONE)
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    if not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYMONTH"}:
        return today
    from dateutil.rrule import rrulestr

    start = datetime(today.year, today.month, today.day)
    try:
        found = rrulestr(rule.replace(f"INTERVAL={parts.get('INTERVAL')}", "INTERVAL=1"), dtstart=start)
        first = found.after(start - timedelta(seconds=1))
    except (ValueError, KeyError, TypeError, AttributeError):  # the service says what is wrong with the rule
        return today
    return first.date() if first else today


def told(recurrence: str) -> str:
    """Say a recurrence in words; what the words cannot say is given as it is."""
    rule = recurrence.removeprefix(AFTER_DONE)
    if rule != recurrence:
        text = _told_interval(rule)
        return text.replace("every ", "every! ", 1) if text else f"{rule} after it is done"
    return _told_interval(rule) or _told_days(rule) or rule


def _interval(found: re.Match[str]) -> str:
    count = 2 if found[1] == "other" else int(found[1] or 1)
    every = f";INTERVAL={count}" if count != 1 else ""
    return f"FREQ={UNITS[found[2]]}{every}"


def _by_day(text: str) -> str | None:
    if found := _NTH_DAY.fullmatch(text):
        return f"FREQ=MONTHLY;BYMONTHDAY={int(found[1])}" if 1 <= int(found[1]) <= 31 else None
    if found := _NTH_WEEKDAY.fullmatch(text):
        return f"FREQ=MONTHLY;BYDAY={ORDINALS[found[1]]}{_CODE_OF[found[2]]}"
    if found := _YEAR_DAY.fullmatch(text):
        return f"FREQ=YEARLY;BYMONTH={_MONTH_OF[found[2]]};BYMONTHDAY={int(found[1])}"
    found = _DAYS.fullmatch(text)
    return _weekly(found[1]) if found else None


def _weekly(text: str) -> str | None:
    if text in ("weekday", "weekdays", "workday", "workdays"):
        return f"FREQ=WEEKLY;BYDAY={','.join(WORKDAYS)}"
    if text in ("weekend", "weekends"):
        return f"FREQ=WEEKLY;BYDAY={','.join(WEEKEND)}"
    codes = {_CODE_OF.get(word.strip()) for word in text.split(",")}
    return None if None in codes else f"FREQ=WEEKLY;BYDAY={','.join(code for code in DAY_CODES if code in codes)}"


def _told_interval(rule: str) -> str | None:
    found = re.fullmatch(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(?:;INTERVAL=(\d{1,3}))?", rule)
    if not found:
        return None
    unit = next(word for word, freq in UNITS.items() if freq == found[1])
    return f"every {unit}" if found[2] in (None, "1") else f"every {int(found[2])} {unit}s"


def _told_days(rule: str) -> str | None:
    if found := re.fullmatch(r"FREQ=MONTHLY;BYMONTHDAY=(\d{1,2})", rule):
        return f"every {_ordinal(int(found[1]))}"
    if found := re.fullmatch(r"FREQ=MONTHLY;BYDAY=(-?\d)([A-Z]{2})", rule):
        which = next((word for word, number in ORDINALS.items() if number == int(found[1])), None)
        return f"every {which} {WEEKDAYS[DAY_CODES.index(found[2])]}" if which and found[2] in DAY_CODES else None
    if found := re.fullmatch(r"FREQ=YEARLY;BYMONTH=(\d{1,2});BYMONTHDAY=(\d{1,2})", rule):
        month = int(found[1])
        return f"every {int(found[2])} {MONTHS[month - 1][:3]}" if 1 <= month <= 12 else None
    found = re.fullmatch(r"FREQ=WEEKLY;BYDAY=([A-Z,]+)", rule)
    codes = tuple(found[1].split(",")) if found else ()
    if not codes or not set(codes) <= set(DAY_CODES):
        return None
    if codes in (WORKDAYS, WEEKEND):
        return "every weekday" if codes == WORKDAYS else "every weekend"
    return "every " + ",".join(WEEKDAYS[DAY_CODES.index(code)][:3] for code in codes)


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
