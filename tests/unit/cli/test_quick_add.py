"""Quick add: what the words say, and what they do not; both ways."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_cli._days import NoSuchDayError
from todo_cli._recurrence import AFTER_DONE
from todo_cli._words import echo, understood

HERE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=HERE)  # a Monday


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=HERE)


READ: list[tuple[str, str, dict[str, Any]]] = [
    (
        "Pay rent tomorrow 5pm #home !1 every month",
        "Pay rent",
        {"due": at(11, 24, 17), "tags": ("home",), "priority": 1, "recurrence": "FREQ=MONTHLY"},
    ),
    ("Call mum friday", "Call mum", {"due": date(2026, 11, 27)}),
    ("Call mum on monday", "Call mum", {"due": date(2026, 11, 30)}),
    ("Call mum this wed", "Call mum", {"due": date(2026, 11, 25)}),
    ("Call mum next friday", "Call mum", {"due": date(2026, 12, 4)}),
    ("Call mum fri 5pm", "Call mum", {"due": at(11, 27, 17)}),
    ("Call mum on sun", "Call mum", {"due": date(2026, 11, 29)}),
    ("Call mum next week", "Call mum", {"due": date(2026, 11, 30)}),
    ("Call mum next month", "Call mum", {"due": date(2026, 12, 1)}),
    ("Call mum next year", "Call mum", {"due": date(2027, 1, 1)}),
    ("Call mum in 3 days", "Call mum", {"due": date(2026, 11, 26)}),
    ("Call mum in a week", "Call mum", {"due": date(2026, 11, 30)}),
    ("Call mum in two months", "Call mum", {"due": date(2027, 1, 23)}),
    ("Call mum in 2 hours", "Call mum", {"due": at(11, 23, 14)}),
    ("Call mum in 30 minutes", "Call mum", {"due": at(11, 23, 12, 30)}),
    ("Buy gifts 24 dec", "Buy gifts", {"due": date(2026, 12, 24)}),
    ("Buy gifts dec 24th", "Buy gifts", {"due": date(2026, 12, 24)}),
    ("Buy gifts by 24 december 2027", "Buy gifts", {"due": date(2027, 12, 24)}),
    ("Buy gifts 2026-12-24", "Buy gifts", {"due": date(2026, 12, 24)}),
    ("Buy gifts 2026-12-24 17:30", "Buy gifts", {"due": at(12, 24, 17, 30)}),
    ("Buy gifts 2026-12-24T17:30", "Buy gifts", {"due": at(12, 24, 17, 30)}),
    ("Buy gifts 24.12.", "Buy gifts", {"due": date(2026, 12, 24)}),
    ("Buy gifts 24.12.2027 at 9am", "Buy gifts", {"due": at(12, 24, 9, year=2027)}),
    ("File taxes 3 jan", "File taxes", {"due": date(2027, 1, 3)}),
    ("Leap 29 feb", "Leap", {"due": date(2028, 2, 29)}),
    ("Ring at 5pm", "Ring", {"due": at(11, 23, 17)}),
    ("Ring at 9am", "Ring", {"due": at(11, 24, 9)}),
    ("Ring 17:30", "Ring", {"due": at(11, 23, 17, 30)}),
    ("Ring 5 pm tomorrow", "Ring", {"due": at(11, 24, 17)}),
    ("Ring at noon on friday", "Ring", {"due": at(11, 27, 12)}),
    ("Ring 12am friday", "Ring", {"due": at(11, 27, 0)}),
    ("Ring tomorrow 3:16", "Ring", {"due": at(11, 24, 3, 16)}),
    ("Ring tonight", "Ring", {"due": at(11, 23, 19)}),
    ("Ring tonight at 8pm", "Ring", {"due": at(11, 23, 20)}),
    ("Ring tomorrow morning", "Ring", {"due": at(11, 24, 9)}),
    ("Ring this evening", "Ring", {"due": at(11, 23, 19)}),
    ("Ring day after tomorrow", "Ring", {"due": date(2026, 11, 25)}),
    ("Send report end of month", "Send report", {"due": date(2026, 11, 30)}),
    ("Send report by the end of next month", "Send report", {"due": date(2026, 12, 31)}),
    ("Send report end of week", "Send report", {"due": date(2026, 11, 29)}),
    ("Read the news today", "Read the news", {"due": date(2026, 11, 23)}),
    ("Tomorrow call mum", "call mum", {"due": date(2026, 11, 24)}),
    ("Friday: call mum", "call mum", {"due": date(2026, 11, 27)}),
    ("On friday call mum", "call mum", {"due": date(2026, 11, 27)}),
    ("24 dec buy gifts", "buy gifts", {"due": date(2026, 12, 24)}),
    ("Every monday: wash", "wash", {"due": date(2026, 11, 23), "recurrence": "FREQ=WEEKLY;BYDAY=MO"}),
    ("Gym every mon,wed", "Gym", {"due": date(2026, 11, 23), "recurrence": "FREQ=WEEKLY;BYDAY=MO,WE"}),
    ("Gym every tue and thu 18:00", "Gym", {"due": at(11, 24, 18), "recurrence": "FREQ=WEEKLY;BYDAY=TU,TH"}),
    (
        "Stand up every weekday 9:30",
        "Stand up",
        {"due": at(11, 24, 9, 30), "recurrence": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
    ),
    ("Bins every 2 weeks", "Bins", {"due": date(2026, 11, 23), "recurrence": "FREQ=WEEKLY;INTERVAL=2"}),
    ("Bins every other week from friday", "Bins every other week from friday", {}),
    ("Bins friday every other week", "Bins", {"due": date(2026, 11, 27), "recurrence": "FREQ=WEEKLY;INTERVAL=2"}),
    ("Rent every 1st", "Rent", {"due": date(2026, 12, 1), "recurrence": "FREQ=MONTHLY;BYMONTHDAY=1"}),
    ("Board every last friday", "Board", {"due": date(2026, 11, 27), "recurrence": "FREQ=MONTHLY;BYDAY=-1FR"}),
    ("Water every! 3 days", "Water", {"due": date(2026, 11, 23), "recurrence": f"{AFTER_DONE}FREQ=DAILY;INTERVAL=3"}),
    ("Water after 3 days", "Water", {"due": date(2026, 11, 23), "recurrence": f"{AFTER_DONE}FREQ=DAILY;INTERVAL=3"}),
    ("#shop Buy !2 milk list:food", "Buy milk", {"tags": ("shop",), "priority": 2, "list": "food"}),
    ('Buy milk list:"my shop" tomorrow', "Buy milk", {"list": "my shop", "due": date(2026, 11, 24)}),
    ("Buy  milk #a #b #a", "Buy milk", {"tags": ("a", "b")}),
    ("Buy milk tag:a priority:2 due:next-week", "Buy milk", {"tags": ("a",), "priority": 2, "due": date(2026, 11, 30)}),
    ("Buy milk due:2026-12-24 every month", "Buy milk", {"due": date(2026, 12, 24), "recurrence": "FREQ=MONTHLY"}),
]
KEPT = (
    """
Buy milk|Read May's book|Buy 7 up|Watch Black Friday|Watch High Noon|Enjoy the sun|Celebrate Good Friday|I may
Plan for tomorrow|Plan for tomorrow 5pm|Slides for friday|Hold mail until friday|Friday report|Bins from friday
See John 3:16|Fix issue #42|Upgrade to python 3.11.|Install version 24.12.|Release 1.45.|Price is 3.50|Watch 24
Watch tomorrow never dies|Read the friday paper|Chapter 3 may|Where the cat sat|Walk on march|March on|Buy 25:00
tomorrow|#home|!1|every day|!5 stars|# heading|a#b|list:|mail a@b.c|Meet @alice|9 to 5|Ring 13pm|due:whenever x
Write 1984|Order 2|Be there at 5|Meet in 5|Use C# daily|Read weekly|Buy 31 things|Do it every time|Type priority:9
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize(("text", "title", "fields"), READ, ids=[case[0] for case in READ])
def test_words_that_say_when_where_and_how_often_are_read(text: str, title: str, fields: dict[str, Any]) -> None:
    found = understood(text, NOW)
    assert (found.title, found.fields) == (title, fields)


@pytest.mark.parametrize("text", KEPT)
def test_words_that_are_the_title_stay_the_title(text: str) -> None:
    found = understood(text, NOW)
    assert (found.title, found.fields) == (text, {})


@pytest.mark.parametrize("text", ["Pay 31 feb", "Pay 2026-02-30", "Pay feb 30th 2027", "Pay on 31 november 5pm"])
def test_a_day_that_no_calendar_has_is_said_and_not_kept_as_words(text: str) -> None:
    with pytest.raises(NoSuchDayError):
        understood(text, NOW)


def test_what_was_understood_is_said_again() -> None:
    found = understood("Pay rent tomorrow 5pm #home !1 every month list:flat", NOW)
    assert echo(found.fields, NOW) == "due Tue 24 Nov 17:00 · every month · #home · list flat · priority 1"
    assert echo(understood("Tax 3 jan", NOW).fields, NOW) == "due Sun 3 Jan 2027"
    assert echo({}, NOW) == ""


MIXED = """
buy milk tomorrow friday on by at 5pm every month 2 weeks #home !1 may list:shop the for 24 dec sun in days, 17:30 :
next week may's black noon every! 24.12. 2026-12-24 1st of and or due:friday tag:x
"""
WORDS = st.sampled_from(MIXED.split())


@given(st.lists(WORDS, min_size=1, max_size=9))
def test_a_title_is_always_left_and_holds_only_words_that_were_typed(words: list[str]) -> None:
    text = " ".join(words)
    found = understood(text, NOW)
    assert found.title.strip()
    left = found.title.split()
    # What is left is one run of the words without their marks.
    unmarked = [word for word in words if word not in ("#home", "!1", "list:shop", "due:friday", "tag:x")]
    if found.fields:
        assert any(unmarked[start : start + len(left)] == left for start in range(len(unmarked)))
    else:
        assert found.title == text


@given(st.text(max_size=80))
def test_any_text_is_understood_without_failing(text: str) -> None:
    try:
        found = understood(text, NOW)
    except NoSuchDayError:
        return
    assert found.title.strip() or not text.strip() or found.title == text
