"""The filter language and the order of urgency."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cli.conftest import a_todo
from todo_cli._filter import KEYS, FilterError, Reader
from todo_cli._urgency import order, state, urgency

if TYPE_CHECKING:
    from todo_sdk import Todo

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PLAIN = {"due": None, "tags": (), "list": "", "notes": "", "recurrence": None, "priority": 4, "created_at": NOW}


def todo(**fields: Any) -> Todo:
    return a_todo(**{**PLAIN, "title": "Buy milk", **fields})


def fits(terms: str, each: Todo, **saved: str) -> bool:
    return Reader(NOW, saved).read(terms.split()).fits(each)


@pytest.mark.parametrize(
    ("terms", "yes", "no"),
    [
        ("status:done", {"status": "done"}, {}),
        ("status:all", {"status": "done"}, None),
        ("is:open", {}, {"status": "done"}),
        ("tag:home", {"tags": ("Home",)}, {"tags": ("homework",)}),
        ("+home", {"tags": ("home",)}, {}),
        ("-home", {}, {"tags": ("home",)}),
        ("tag:none", {}, {"tags": ("home",)}),
        ("list:shop", {"list": "Shop"}, {"list": "shopping"}),
        ("list:none", {}, {"list": "shop"}),
        ("-list:shop", {}, {"list": "shop"}),
        ("priority:1,2", {"priority": 2}, {"priority": 3}),
        ("due:today", {"due": date(2026, 11, 23)}, {"due": date(2026, 11, 24)}),
        ("due:today", {"due": datetime(2026, 11, 23, 23, 0, tzinfo=UTC)}, {"due": None}),
        ("due:none", {}, {"due": date(2026, 11, 23)}),
        ("due:any", {"due": date(2026, 11, 23)}, {}),
        ("due.before:friday", {"due": date(2026, 11, 26)}, {"due": date(2026, 11, 27)}),
        ("due.by:friday", {"due": date(2026, 11, 27)}, {"due": date(2026, 11, 28)}),
        ("due.after:friday", {"due": date(2026, 11, 28)}, {"due": date(2026, 11, 27)}),
        ("due.before:next-week", {"due": date(2026, 11, 29)}, {"due": date(2026, 11, 30)}),
        ("due.before:17:00", {"due": datetime(2026, 11, 23, 16, 59, tzinfo=UTC)}, {"due": date(2026, 11, 23)}),
        ("created.before:today", {"created_at": NOW - timedelta(days=1)}, {}),
        ("completed.after:yesterday", {"completed_at": NOW}, {"completed_at": NOW - timedelta(days=2)}),
        ("overdue", {"due": date(2026, 11, 22)}, {"due": date(2026, 11, 23)}),
        ("is:overdue", {"due": NOW - timedelta(seconds=1)}, {"due": NOW + timedelta(seconds=1)}),
        ("is:today", {"due": NOW + timedelta(seconds=1)}, {"due": NOW - timedelta(days=1)}),
        ("is:recurring", {"recurrence": "FREQ=DAILY"}, {}),
        ("has:notes", {"notes": "n"}, {}),
        ("milk", {"title": "Oat MILK"}, {"title": "Oat"}),
        ("milk buy", {}, {"title": "milk"}),
        ("milk", {"title": "x", "notes": "milk"}, {"title": "x"}),
        ("-text:milk", {"title": "x"}, {}),
        ("text:or", {"title": "or"}, {"title": "x"}),
        ("http://a.b", {"title": "see http://a.b"}, {}),
        ("10:30", {"title": "train 10:30"}, {}),
        ("+home or +work", {"tags": ("work",)}, {"tags": ("x",)}),
        ("id:c9ab", {}, {"id": "0193a5b2-7c1e-7000-8000-1b2c3400beef"}),
        ("@urgent", {"priority": 1}, {"priority": 2}),
        ("-@urgent", {"priority": 2}, {"priority": 1}),
    ],
)
def test_a_term_means_some_todos_and_not_others(terms: str, yes: dict[str, Any], no: dict[str, Any] | None) -> None:
    assert fits(terms, todo(**yes), urgent="priority:1")
    assert no is None or not fits(terms, todo(**no), urgent="priority:1")


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ("stauts:done", "did you mean status"),
        ("foo:bar", "there are status, tag, list"),
        ("status:dnoe", "did you mean done"),
        ("status:", "says nothing"),
        ("priority:5", "there are 1, 2, 3, 4"),
        ("due:someday", "is no date"),
        ("due:2026-02-30", "no calendar has"),
        ("due.befor:today", "did you mean before"),
        ("tag.before:x", "only due"),
        ("is:blue", "there are open, done"),
        ("has:legs", "there are due"),
        ("@nope", "no saved filter @nope"),
        ("@loop", "holds itself"),
        ("@open", "cannot be split"),
        ("or milk", "between two terms"),
    ],
)
def test_a_term_that_is_none_says_what_would_be_one(terms: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        fits(terms, todo(), loop="@loop", open='"x')


def test_a_filter_tells_whether_it_speaks_about_the_status() -> None:
    for terms, says in (
        ("milk", False),
        ("status:all", True),
        ("is:done milk", True),
        ("@done", True),
        ("due:any", False),
    ):
        assert Reader(NOW, {"done": "status:done"}).read(terms.split()).says_status is says


def test_a_saved_filter_holds_its_quotes() -> None:
    assert fits("@two", todo(list="my shop"), two="'list:my shop'")


def test_every_key_that_errors_name_can_be_used() -> None:
    for key, example in KEYS.items():
        if example:
            Reader(NOW).read([example.split(",")[0].split(" ")[0]])
        assert key


@given(st.lists(st.sampled_from(["+a", "-a", "or", "milk", "is:overdue", "-priority:1", "due.by:today"]), max_size=7))
def test_turning_every_single_term_around_turns_the_answer_around(words: list[str]) -> None:
    singles = [word for word in words if word != "or"]
    for word in singles:
        turned = word[1:] if word.startswith("-") and ":" in word else f"-{word}" if ":" in word else None
        for each in (todo(), todo(tags=("a",), priority=1, due=date(2026, 1, 1))):
            if turned:
                assert fits(word, each) is not fits(turned, each)


def test_an_open_day_is_overdue_when_it_is_over_where_the_person_is() -> None:
    late = datetime(2026, 11, 23, 23, 30, tzinfo=timezone(timedelta(hours=5)))
    assert state(todo(due=date(2026, 11, 23)), late) == "today"
    assert state(todo(due=date(2026, 11, 23)), late + timedelta(hours=1)) == "overdue"
    assert state(todo(due=date(2026, 11, 1), status="done"), late) == ""
    assert state(todo(due=date(2026, 11, 24)), late) == ""


def test_the_formula_of_urgency_gives_the_documented_numbers() -> None:
    assert urgency(todo(), NOW) == 0
    assert urgency(todo(priority=1), NOW) == 6
    assert urgency(todo(due=NOW - timedelta(days=7)), NOW) == pytest.approx(12 + 3)
    assert urgency(todo(due=NOW - timedelta(days=70)), NOW) == pytest.approx(12 + 3)
    assert urgency(todo(due=NOW), NOW) == pytest.approx(12 * (0.2 + 0.8 * 14 / 21) + 3)
    assert urgency(todo(due=NOW + timedelta(days=7)), NOW) == pytest.approx(12 * (0.2 + 0.8 * 7 / 21))
    assert urgency(todo(due=NOW + timedelta(days=90)), NOW) == pytest.approx(2.4)
    assert urgency(todo(created_at=NOW - timedelta(days=730)), NOW) == pytest.approx(2)
    assert urgency(todo(priority=1, status="done"), NOW) == 0


def test_lists_begin_with_what_is_most_urgent_and_end_with_what_is_done() -> None:
    late = todo(title="late", due=NOW - timedelta(days=3))
    soon = todo(title="soon", due=NOW + timedelta(days=3))
    first, done = todo(title="first", priority=1), replace(late, title="done", status="done")
    older = todo(title="older", created_at=NOW - timedelta(hours=1))
    got = sorted([done, todo(title="plain"), older, first, soon, late], key=lambda each: order(each, NOW))
    assert [each.title for each in got] == ["late", "soon", "first", "older", "plain", "done"]


@given(st.integers(-400, 400), st.integers(1, 400))
def test_what_is_due_earlier_is_never_less_urgent(days: int, later: int) -> None:
    early, late = (todo(due=NOW + timedelta(days=count)) for count in (days, days + later))
    assert urgency(early, NOW) >= urgency(late, NOW)
