"""When something is due, as people write it: a date, a date with a time, today, tomorrow.

No clock of its own: now is given.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

WORDS = {"today": 0, "tomorrow": 1}
DATE = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(:\d\d)?(\.\d{1,6})? ?(z|[+-]\d\d:\d\d)?")


def parse_due(text: str, now: datetime) -> date | datetime:
    """Give a date, or a date-time with an offset.

    A time without an offset is meant where the person is: it gets `now`'s zone.

    Raises:
        ValueError: the text is none of the forms, or no such day exists.
    """
    word = text.strip().lower()
    if word in WORDS:
        return now.date() + timedelta(days=WORDS[word])
    if DATE.fullmatch(word):
        return date.fromisoformat(word)
    if not MOMENT.fullmatch(word):  # fromisoformat alone also takes 20261123 and 2026-W48
        raise ValueError(text)
    moment = datetime.fromisoformat(word.replace(" ", "t", 1).replace(" ", "").upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
