"""Quick add: what the words of `todo add` say beside the title.

`Pay rent tomorrow 5pm #home !1 every month` is the title "Pay rent" with a due time, a tag, a priority and a
recurrence. Marks (`#tag`, `!1`, `list:name`; `tag:`, `priority:`, `due:`) are read wherever they stand; dates and
recurrences at the end of the words, and at their beginning unless they are one word that may begin a title ("Friday
report"); never in the middle, and never so that the title is left hanging ("Plan for tomorrow", "Watch Black Friday"
stay whole).

Pure: no clock; now is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from todo_cli import _dates, _recurrence
from todo_cli._days import NoSuchDayError

MOST_PHRASE_WORDS = 14
_TAG = re.compile(r"(?:#(?=[^\s,]*[^\W\d])|tag:)([^\s,#]{1,50})")  # not #42, which is the number of something
_PRIORITY = re.compile(r"(?:!|priority:)([1-4])")
_DUE = re.compile(r"due:(\S+)")
_LIST = re.compile(r'(?:^|(?<=\s))list:(?:"([^"]+)"|(\S+))')
_SET_OFF = re.compile(r"[,:]$")
# A title does not end in one of these: the date after it belongs to it.
_HANGING = re.compile(
    "a|an|the|of|for|to|from|about|until|till|since|with|without|and|or|in|into|my|our|your|his|her|their|its|this|that"
    "|last|past|before|after|between|than|vs|via|per|as|is|are|was|were|be|not|no|every"
)
# Words that make a name with the date after them.
_NAMES = re.compile("black|good|cyber|high|ruby|casual|super|ash|palm|easter|holy|bloody|blue|manic|taco|st|sunday")
_NUMBERED = re.compile("version|release|chapter|section|part|page|level|step|room|no|nr|python|v")


@dataclass(frozen=True)
class Understood:
    """What the words said: the title, and the fields of a to-do that were found in them."""

    title: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Phrase:
    when: date | datetime | None = None
    recurrence: str | None = None
    clock_only: bool = False


def understood(text: str, now: datetime) -> Understood:
    """Read the words; words that say no more than their title give the title as it was typed.

    Raises:
        NoSuchDayError: a date stands there that the calendar does not have.
    """
    rest, fields = _without_marks(text, now)
    title, phrase = _without_phrase(rest, now)
    if not title.strip():  # `todo add tomorrow`: a to-do is more than its date
        return Understood(text)
    if phrase is not None:
        fields = _due_of(phrase, now) | fields
    if not fields:
        return Understood(text)
    return Understood(title, fields)


def echo(fields: Mapping[str, Any], now: datetime, *, spoken: bool = False) -> str:
    """Say what was understood: due Tue 24 Nov 17:00 · every month · #home · priority 1; `spoken` without marks."""
    told = [f"due {_dates.told(fields['due'], now)}"] if fields.get("due") else []
    if fields.get("recurrence"):
        told.append(_recurrence.told(fields["recurrence"]))
    told += [f"tag {tag}" if spoken else f"#{tag}" for tag in fields.get("tags", ())]
    if fields.get("list"):
        told.append(f"list {fields['list']}")
    if fields.get("priority"):
        told.append(f"priority {fields['priority']}")
    return ("; " if spoken else " · ").join(told)


def _without_marks(text: str, now: datetime) -> tuple[str, dict[str, Any]]:
    lists: list[str] = []

    def named(found: re.Match[str]) -> str:
        lists.append(found[1] or found[2])
        return ""

    fields: dict[str, Any] = {}
    kept, tags = [], []
    for word in _LIST.sub(named, text).split():
        if found := _TAG.fullmatch(word):
            tags.append(found[1])
        elif found := _PRIORITY.fullmatch(word):
            fields["priority"] = int(found[1])
        elif (found := _DUE.fullmatch(word)) and (due := _marked_due(found[1], now)):
            fields["due"] = due
        else:
            kept.append(word)
    fields |= {"tags": tuple(dict.fromkeys(tags))} if tags else {}
    fields |= {"list": lists[-1]} if lists else {}
    return (" ".join(kept) if fields else text), fields


def _marked_due(text: str, now: datetime) -> date | datetime | None:
    try:
        return _dates.parse_due(re.sub(r"(?<=\D)-|-(?=\D)", " ", text), now)  # due:next-week, and 2026-12-24 as it is
    except NoSuchDayError:
        raise
    except ValueError:
        return None


def _without_phrase(text: str, now: datetime) -> tuple[str, _Phrase | None]:
    words = text.split()
    for start in range(max(1, len(words) - MOST_PHRASE_WORDS), len(words)):
        phrase = _phrase(words[start:], now)
        if phrase is not None:
            return (text, None) if _is_part_of_the_title(words, start) else (" ".join(words[:start]), phrase)
    for end in range(min(len(words) - 1, MOST_PHRASE_WORDS), 0, -1):
        if _stands_off(words[:end]):
            phrase = _phrase([*words[: end - 1], _SET_OFF.sub("", words[end - 1])], now)
            if phrase is not None:
                return " ".join(words[end:]), phrase
    return text, None


def _stands_off(words: list[str]) -> bool:
    """Tell whether a date at the beginning is set off from the title after it: Friday: call, on friday call."""
    return len(words) > 1 or words[0].lower() in ("today", "tomorrow", "tonight") or bool(_SET_OFF.search(words[0]))


def _is_part_of_the_title(words: list[str], start: int) -> bool:
    before = re.sub(r"\W+$", "", words[start - 1].lower())
    number_next = words[start][0].isdigit()
    patterns = (_HANGING, _NAMES, _NUMBERED) if number_next else (_HANGING, _NAMES)
    return any(pattern.fullmatch(before) for pattern in patterns)


def _phrase(words: list[str], now: datetime) -> _Phrase | None:
    """Read words that are a date, a recurrence, or both in either order, and nothing else."""
    for split in range(len(words), -1, -1):
        first, second = " ".join(words[:split]), " ".join(words[split:])
        for when_text, recurrence_text in ((first, second), (second, first)):
            phrase = _both(when_text, recurrence_text, now)
            if phrase is not None:
                return phrase
    return None


def _both(when_text: str, recurrence_text: str, now: datetime) -> _Phrase | None:
    recurrence = _recurrence.recurrence_of(recurrence_text) if recurrence_text else None
    if recurrence_text and recurrence is None:
        return None
    if not when_text:
        return _Phrase(recurrence=recurrence) if recurrence else None
    when = _dates.when_in_words(when_text, now, beside_date=bool(recurrence))
    if when is None:
        return None
    return _Phrase(when, recurrence, clock_only=_dates.time_in_words(when_text) is not None)


def _due_of(phrase: _Phrase, now: datetime) -> dict[str, Any]:
    when, recurrence = phrase.when, phrase.recurrence
    if recurrence is None:
        return {"due": when}
    if when is None or phrase.clock_only:
        when = first_due(recurrence, when, now)
    return {"due": when, "recurrence": recurrence}


def first_due(recurrence: str, clock: date | datetime | None, now: datetime) -> date | datetime:
    """Give the first time that a recurrence without a date of its own is due: from today on, at that time of day."""
    day = _recurrence.first_day(recurrence, now.date())
    if not isinstance(clock, datetime):
        return day
    time_of_day = clock.astimezone(now.tzinfo).time()
    moment = _dates.at_time(day, time_of_day, now)
    if moment > now:
        return moment
    return _dates.at_time(_recurrence.first_day(recurrence, now.date() + timedelta(days=1)), time_of_day, now)
