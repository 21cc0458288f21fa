"""The next due date of a rule, and the next occurrence's id."""

import re
import uuid
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_sdk import InvalidRequestError
from todo_sdk._recurrence import check_schedule, next_due, read_rule, successor_fields, successor_id

BERLIN = ZoneInfo("Europe/Berlin")
UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def noon(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00:00+00:00")


def following(rule: str, due: str, completed: str, zone: Any = BERLIN) -> tuple[str, str] | None:
    day = date.fromisoformat(due) if len(due) == 10 else datetime.fromisoformat(due)
    done = noon(completed) if len(completed) == 10 else datetime.fromisoformat(completed)
    found = next_due(read_rule(rule), day, done, zone)
    return None if found is None else (found[0].isoformat(), str(found[1]))


@pytest.mark.parametrize(
    ("rule", "due", "completed", "wanted"),
    [
        ("FREQ=DAILY", "2026-11-23", "2026-11-23", "2026-11-24"),
        ("FREQ=DAILY", "2026-11-25", "2026-11-23", "2026-11-26"),  # done early: still one after the other
        ("FREQ=DAILY", "2026-11-01", "2026-11-23", "2026-11-23"),  # what was missed is left out, today is not over
        ("FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-23", "2026-11-23", "2026-11-26"),
        ("FREQ=WEEKLY;INTERVAL=2", "2026-11-02", "2026-11-20", "2026-11-30"),
        ("RRULE:FREQ=YEARLY", "2024-02-29", "2024-02-29", "2028-02-29"),
        ("FREQ=MONTHLY", "2026-01-31", "2026-01-31", "2026-03-31"),  # RFC 5545: a month without a 31st is left out
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31", "2026-01-31", "2026-02-28"),
        ("FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1", "2026-11-27", "2026-11-27", "2026-12-25"),
        ("freq=daily", "2026-11-23", "2026-11-23", "2026-11-24"),
    ],
)
def test_by_the_due_date(rule: str, due: str, completed: str, wanted: str) -> None:
    assert following(rule, due, completed) == (wanted, rule.upper())


@pytest.mark.parametrize(
    ("rule", "due", "completed", "wanted"),
    [
        ("FREQ=DAILY;INTERVAL=3", "2026-11-01", "2026-11-23", "2026-11-26"),
        ("FREQ=WEEKLY", "2026-11-30", "2026-11-23", "2026-11-30"),
        ("FREQ=WEEKLY;BYDAY=MO", "2026-11-02", "2026-11-24", "2026-11-30"),
        ("FREQ=MONTHLY", "2026-01-02", "2026-01-31", "2026-02-28"),  # a month later, at most its last day
        ("FREQ=YEARLY", "2024-02-01", "2024-02-29", "2025-02-28"),
        ("FREQ=DAILY", "2026-11-01T09:00:00+01:00", "2026-11-23", "2026-11-24T09:00:00+01:00"),
        ("FREQ=HOURLY;INTERVAL=4", "2026-11-01T09:00:00+01:00", "2026-11-23", "2026-11-23T17:00:00+01:00"),
    ],
)
def test_by_the_completion(rule: str, due: str, completed: str, wanted: str) -> None:
    whole = f"RRULE;X-FROM=COMPLETION:{rule}"
    assert following(whole, due, completed) == (wanted, whole)


def test_the_day_of_completion_is_the_users() -> None:
    late = "2026-11-23T23:30:00+00:00"  # the 24th in Berlin
    assert following("RRULE;X-FROM=COMPLETION:FREQ=DAILY", "2026-11-01", late) == (
        "2026-11-25",
        "RRULE;X-FROM=COMPLETION:FREQ=DAILY",
    )


@pytest.mark.parametrize(
    ("due", "completed", "wanted"),
    [
        ("2026-03-28T09:00:00+01:00", "2026-03-28", "2026-03-29T09:00:00+02:00"),
        ("2026-10-24T09:00:00+02:00", "2026-10-24", "2026-10-25T09:00:00+01:00"),
        ("2026-03-28T02:30:00+01:00", "2026-03-28", "2026-03-29T03:30:00+02:00"),  # half past two does not exist
        ("2026-03-28T09:00:00-05:00", "2026-03-28", "2026-03-29T09:00:00-05:00"),  # somebody else's clock
    ],
)
def test_a_time_of_day_stays_when_the_clocks_change(due: str, completed: str, wanted: str) -> None:
    assert following("FREQ=DAILY", due, completed) == (wanted, "FREQ=DAILY")


def test_hours_are_counted_and_not_read_off_the_wall() -> None:
    wanted = ("2026-03-29T05:30:00+01:00", "FREQ=HOURLY;INTERVAL=4")
    assert following("FREQ=HOURLY;INTERVAL=4", "2026-03-29T01:30:00+01:00", "2026-03-29T00:00:00+00:00") == wanted


def test_count_counts_down_and_what_was_missed_counts() -> None:
    assert following("FREQ=DAILY;COUNT=3", "2026-11-23", "2026-11-23") == ("2026-11-24", "FREQ=DAILY;COUNT=2")
    assert following("FREQ=DAILY;COUNT=9", "2026-11-20", "2026-11-23") == ("2026-11-23", "FREQ=DAILY;COUNT=6")
    assert following("FREQ=DAILY;COUNT=3", "2026-11-20", "2026-11-23") is None
    assert following("FREQ=DAILY;COUNT=1", "2026-11-23", "2026-11-23") is None
    completion = "RRULE;X-FROM=COMPLETION:FREQ=DAILY;COUNT="
    assert following(f"{completion}2", "2026-11-01", "2026-11-23") == ("2026-11-24", f"{completion}1")
    assert following(f"{completion}1", "2026-11-01", "2026-11-23") is None


def test_a_first_date_beside_the_rule_counts_as_one_too() -> None:
    # a Monday, for a rule of Tuesdays
    assert following("FREQ=WEEKLY;BYDAY=TU;COUNT=2", "2026-11-23", "2026-11-23") == (
        "2026-11-24",
        "FREQ=WEEKLY;BYDAY=TU;COUNT=1",
    )


@pytest.mark.parametrize(
    ("until", "due", "more"),
    [
        ("20261124", "2026-11-23", True),
        ("20261123", "2026-11-23", False),
        ("20261124T080000Z", "2026-11-23T09:00:00+01:00", True),
        ("20261124T075959Z", "2026-11-23T09:00:00+01:00", False),
    ],
)
def test_until_is_the_last_moment(until: str, due: str, more: bool) -> None:
    done = "2026-11-23T08:30:00+00:00"
    assert (following(f"FREQ=DAILY;UNTIL={until}", due, done) is not None) is more


def test_the_calendar_ends() -> None:
    assert following("FREQ=YEARLY;INTERVAL=1000", "9500-01-01", "2026-11-23") is None
    assert following("RRULE;X-FROM=COMPLETION:FREQ=YEARLY;INTERVAL=1000", "9500-01-01", "9500-01-01") is None


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("every monday", "write one RRULE"),
        ("FREQ=DAILY\nRRULE:FREQ=WEEKLY", "write one RRULE"),
        ("RRULE;X-FROM=MONDAY:FREQ=DAILY", "the only parameter is X-FROM=COMPLETION"),
        ("INTERVAL=2", "FREQ must be one of"),
        ("FREQ=MINUTELY", "FREQ must be one of"),
        ("FREQ=DAILY;FREQ=WEEKLY", "a part stands twice"),
        ("FREQ=DAILY;BYEASTER=1", "there is no part BYEASTER"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20261231", "exclude each other"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be a number from 1"),
        ("FREQ=DAILY;INTERVAL=1001", "INTERVAL is at most 1000"),
        ("FREQ=DAILY;UNTIL=2026", "UNTIL is no date"),
        ("FREQ=DAILY;UNTIL=20261399", "a value means nothing"),
        ("FREQ=WEEKLY;BYDAY=XX", "a value means nothing"),
        ("FREQ=HOURLY;BYHOUR=25", "a value means nothing"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY cannot stand beside FREQ=DAILY"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "it never occurs"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(rule: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said) as caught:
        read_rule(rule)
    assert repr(rule[:20])[1:-1] in str(caught.value)


@pytest.mark.parametrize(
    ("due", "rule", "said"),
    [
        (None, "FREQ=DAILY", "needs a due date"),
        ("2026-12-24", "FREQ=HOURLY", "speaks of hours"),
        ("2026-12-24", "FREQ=DAILY;BYHOUR=9", "speaks of hours"),
        ("2026-12-24", "FREQ=DAILY;UNTIL=20261231T000000Z", "UNTIL must look like 20261231"),
        ("2026-12-24T09:00:00+01:00", "FREQ=DAILY;UNTIL=20261231", "UNTIL must look like 20261231T230000Z"),
    ],
)
def test_a_rule_must_fit_its_due_date(due: str | None, rule: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        check_schedule(due, rule)
    check_schedule(due, None)


@given(st.uuids(version=4), st.integers(0, 3))
def test_the_next_occurrences_id_is_everybodys_and_a_uuid_7(any_id: uuid.UUID, attempt: int) -> None:
    made = successor_id(str(any_id), attempt)
    assert UUID_7.fullmatch(made)
    assert made == successor_id(str(any_id), attempt)
    assert made[:13] == str(any_id)[:13], "it sorts where its first occurrence does"
    assert len({successor_id(str(any_id), each) for each in range(4)}) == 4


def test_the_next_occurrence_is_open_and_has_all_the_rest() -> None:
    todo = {
        "title": "t", "notes": "n", "status": "done", "priority": 2, "due": "2026-11-23", "tags": ["a"], "list": "l",
        "recurrence": "FREQ=DAILY", "attachments": ["f"],
    }  # fmt: skip
    assert successor_fields(todo, noon("2026-11-23"), UTC) == {**todo, "status": "open", "due": "2026-11-24"}
    assert successor_fields({**todo, "recurrence": None}, noon("2026-11-23"), UTC) is None
