"""Dates where a date is expected, and the zone of the person on that day."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_cli._dates import parse_due, told
from todo_cli._days import NoSuchDayError
from todo_cli._recurrence import AFTER_DONE, first_day, given_recurrence, recurrence_of
from todo_cli._recurrence import told as recurrence_told
from todo_cli._zone import SystemZone

if TYPE_CHECKING:
    from collections.abc import Iterator

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("yesterday", date(2026, 11, 22)),
        ("3 days ago", date(2026, 11, 20)),
        ("sun", date(2026, 11, 29)),
        ("24.12", date(2026, 12, 24)),
        ("eow", date(2026, 11, 29)),
        ("eom", date(2026, 11, 30)),
        ("eoy", date(2026, 12, 31)),
        ("end of next year", date(2027, 12, 31)),
        ("the 24th", date(2026, 11, 24)),
        ("the 22nd", date(2026, 12, 22)),
        ("weekend", date(2026, 11, 28)),
        ("next weekend", date(2026, 12, 5)),
        ("in 1 month", date(2026, 12, 23)),
        ("Tomorrow", date(2026, 11, 24)),
        ("3:16", datetime(2026, 11, 24, 3, 16, tzinfo=BERLIN)),
        ("2026-12-01T18:00:30Z", datetime(2026, 12, 1, 18, 0, 30, tzinfo=UTC)),
        ("2026-12-01 18:00 +05:30", datetime(2026, 12, 1, 18, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    ],
)
def test_every_form_is_taken_where_a_date_is_expected(text: str, due: date) -> None:
    assert parse_due(text, NOW) == due


@pytest.mark.parametrize(
    "text", ["", "someday", "20261123", "2026-W48-1", "2026-11-23T", "12/24", "midnight", "5", "at 5", "in x days"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_due(text, NOW)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    "text", ["2026-02-30", "31 apr", "32.1.", "2026-11-23T25:00", "the 32nd", "in 9999 years", "0 jan"]
)
def test_a_day_that_no_calendar_has_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(NoSuchDayError):
        parse_due(text, NOW)


def test_a_time_gets_the_offset_of_its_own_day_not_of_today() -> None:
    summer = parse_due("2027-07-01 17:00", NOW)
    assert summer.isoformat() == "2027-07-01T17:00:00+02:00"
    assert parse_due("tomorrow 17:00", NOW).isoformat() == "2026-11-24T17:00:00+01:00"


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_the_machines_own_zone_knows_summer_and_winter() -> None:
    zone = SystemZone()
    assert datetime(2026, 7, 1, 12, tzinfo=zone).isoformat() == "2026-07-01T12:00:00+02:00"
    assert datetime(2026, 12, 1, 12, tzinfo=zone).isoformat() == "2026-12-01T12:00:00+01:00"
    assert datetime(2026, 7, 1, 10, tzinfo=UTC).astimezone(zone).isoformat() == "2026-07-01T12:00:00+02:00"


def test_a_date_is_told_with_its_year_only_where_it_is_another() -> None:
    assert told(date(2026, 12, 24), NOW) == "Thu 24 Dec"
    assert told(date(2027, 1, 3), NOW) == "Sun 3 Jan 2027"
    assert told(datetime(2026, 11, 24, 16, 0, tzinfo=UTC), NOW) == "Tue 24 Nov 17:00"


DATES = st.dates(min_value=date(2026, 11, 23), max_value=date(2027, 11, 22))


@given(DATES)
def test_a_date_that_was_told_is_read_again(day: date) -> None:
    assert parse_due(told(day, NOW).split(" ", 1)[1], NOW) == day


RULES = st.one_of(
    st.builds(
        lambda freq, every: f"FREQ={freq}" + (f";INTERVAL={every}" if every > 1 else ""),
        st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        st.integers(1, 400),
    ),
    st.sets(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1).map(
        lambda days: "FREQ=WEEKLY;BYDAY=" + ",".join(d for d in ("MO", "TU", "WE", "TH", "FR", "SA", "SU") if d in days)
    ),
    st.integers(1, 31).map(lambda day: f"FREQ=MONTHLY;BYMONTHDAY={day}"),
    st.tuples(st.sampled_from([1, 2, 3, 4, -1]), st.sampled_from(["MO", "SU"])).map(
        lambda pair: f"FREQ=MONTHLY;BYDAY={pair[0]}{pair[1]}"
    ),
    st.tuples(st.integers(1, 12), st.integers(1, 28)).map(
        lambda pair: f"FREQ=YEARLY;BYMONTH={pair[0]};BYMONTHDAY={pair[1]}"
    ),
)


@given(RULES)
def test_a_rule_that_was_told_in_words_is_read_again(rule: str) -> None:
    assert recurrence_of(recurrence_told(rule)) == rule
    if "BY" not in rule:
        assert recurrence_of(recurrence_told(AFTER_DONE + rule)) == AFTER_DONE + rule


@given(RULES, DATES)
def test_the_first_day_of_a_rule_is_not_in_the_past_and_is_one_of_its_days(rule: str, today: date) -> None:
    first = first_day(rule, today)
    assert first >= today
    assert first_day(rule, first) == first


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("monthly", "FREQ=MONTHLY"),
        ("every 2 weeks", "FREQ=WEEKLY;INTERVAL=2"),
        ("2 weeks", "FREQ=WEEKLY;INTERVAL=2"),
        ("mon, wed", "FREQ=WEEKLY;BYDAY=MO,WE"),
        ("freq=weekly;count=3", "FREQ=WEEKLY;COUNT=3"),
        ("RRULE:FREQ=DAILY", "FREQ=DAILY"),
        (f"{AFTER_DONE}FREQ=DAILY", f"{AFTER_DONE}FREQ=DAILY"),
        ("every! day", f"{AFTER_DONE}FREQ=DAILY"),
    ],
)
def test_an_option_takes_a_phrase_an_adverb_or_a_rule(text: str, rule: str) -> None:
    assert given_recurrence(text) == rule


@pytest.mark.parametrize("text", ["", "sometimes", "every", "every moon", "every 32nd", "every 0"])
def test_what_is_no_recurrence_is_none(text: str) -> None:
    assert given_recurrence(text) is None


def test_a_rule_that_words_cannot_say_is_given_as_it_is() -> None:
    assert recurrence_told("FREQ=WEEKLY;COUNT=3") == "FREQ=WEEKLY;COUNT=3"
    assert recurrence_told("FREQ=WEEKLY;BYDAY=XX") == "FREQ=WEEKLY;BYDAY=XX"
