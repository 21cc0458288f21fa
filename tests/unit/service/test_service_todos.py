"""What makes a to-do valid, and the sentences that say why one is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_backend.service import todos
from todo_backend.service.errors import InvalidRequestError
from todo_backend.service.times import due_instant

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title must not be empty"),
    ({"title": " \n\t"}, "title must not be blank"),
    ({"title": "x" * 501}, "title is longer than 500 characters"),
    ({"title": None}, "title must be string"),
    ({"title": 7}, "title must be string"),
    ({"notes": "x" * 10_001}, "notes is longer than 10000 characters"),
    ({"status": "closed"}, "status must be open or done"),
    ({"priority": 0}, "priority must be at least 1 and at most 4"),
    ({"priority": 5}, "priority must be at least 1 and at most 4"),
    ({"priority": True}, "priority must be integer"),
    ({"priority": 1.0}, "priority must be integer"),
    ({"due": "tomorrow"}, "due must be a date"),
    ({"due": "2026-02-30"}, "due must be a date"),
    ({"due": "2026-11-23T12:00:00"}, "due must be a date"),
    ({"due": "20261123"}, "due must be a date"),
    ({"due": "2026-11-23T12:00:00+25:00"}, "due must be a date"),
    ({"tags": ["a b"]}, "tags must not contain commas or white space"),
    ({"tags": ["a,b"]}, "tags must not contain commas or white space"),
    ({"tags": [""]}, "tags[0] must not be empty"),
    ({"tags": ["ok", "x" * 51]}, "tags[1] is longer than 50 characters"),
    ({"tags": ["x"] * 21}, "tags has more than 20 entries"),
    ({"tags": "home"}, "tags must be array"),
    ({"list": "x" * 101}, "list is longer than 100 characters"),
    ({"attachments": ["k"] * 21}, "attachments has more than 20 entries"),
    ({"attachments": ["ä" * 513]}, "attachments has a key over 1024 bytes"),
    ({"attachments": ["/etc/passwd"]}, "attachments must be keys inside the owner's folder"),
    ({"attachments": ["a/../../b"]}, "attachments must be keys inside the owner's folder"),
    ({"recurrence": "FREQ=DAILY"}, "recurrence needs a due date"),
    ({"version": 3}, "version is not a known field"),
    ({"owner": "bob"}, "owner is not a known field"),
]


@pytest.mark.parametrize(("fields", "sentence"), WRONG)
def test_a_wrong_field_is_refused_with_a_sentence_that_names_it(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        todos.check_create({"title": "milk", **fields})
    assert caught.value.message.startswith(sentence)


def test_a_create_without_a_title_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="title is missing"):
        todos.check_create({"notes": "x"})


def test_fields_at_their_limits_pass_and_the_rest_is_filled_in() -> None:
    fields = {"title": "ä" * 500, "notes": "n" * 10_000, "tags": ["t" * 50] * 20, "attachments": ["a" * 1024] * 20}
    assert todos.check_create(fields) == {**todos.DEFAULTS, **fields}


@pytest.mark.parametrize("due", ["2026-11-23", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.123456+14:00"])
def test_a_due_date_is_a_date_or_a_time_with_offset(due: str) -> None:
    assert todos.check_create({"title": "x", "due": due})["due"] == due


def test_a_date_counts_from_its_midnight_in_utc() -> None:
    assert due_instant("2026-11-23") == due_instant("2026-11-23T01:00:00+01:00")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;BYDAY=MO,WE",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=DAILY;COUNT=3",
        "FREQ=YEARLY",
        "RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3",
    ],
)
def test_rules_of_rfc_5545_pass(rule: str) -> None:
    todos.check_whole({"recurrence": rule, "due": "2026-11-23"})


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "weekly",
        "FREQ=SOMETIMES",
        "BYDAY=MO",
        "FREQ=DAILY;COUNT=x",
        "FREQ=DAILY\nEXDATE:20261124T000000Z",
        "DTSTART:20260101T000000\nRRULE:FREQ=DAILY",
        "RRULE;X-FROM=MONDAY:FREQ=DAILY",
        "RRULE;X-FROM=COMPLETION:FREQ=NEVER",
        ";X-FROM=COMPLETION:FREQ=DAILY",
        "EXDATE:20261124T000000Z",
        "FREQ=DAILY;UNTIL=tomorrow",
    ],
)
def test_anything_else_is_no_recurrence(rule: str) -> None:
    with pytest.raises(InvalidRequestError, match="recurrence must be one RRULE"):
        todos.check_whole({"recurrence": rule, "due": "2026-11-23"})


@given(st.text(alphabet="FREQ=DAILYWK;COUNTBYSMP,:+-0123456789", max_size=60))
def test_no_rule_can_do_worse_than_be_refused(rule: str) -> None:
    for due in ("2026-11-23", "2026-11-23T12:00:00Z"):
        try:
            todos.check_whole({"recurrence": rule, "due": due})
        except InvalidRequestError:
            continue


def test_a_digest_does_not_depend_on_order_or_on_defaults_being_sent() -> None:
    one = todos.check_create({"title": "milk", "priority": 4, "tags": []})
    assert todos.digest(one) == todos.digest(todos.check_create({"title": "milk"}))
    assert todos.digest(one) != todos.digest(todos.check_create({"title": "bread"}))


@pytest.mark.parametrize(
    "todo_id",
    [
        "",
        "1",
        "019AB000-0000-7000-8000-000000000001",
        "019ab000-0000-4000-8000-000000000001",
        "019ab000-0000-7000-8000-000000000001\n",
        "META",
    ],
)
def test_only_a_lower_case_uuid_of_version_7_is_an_id(todo_id: str) -> None:
    with pytest.raises(InvalidRequestError, match="id must be a UUIDv7"):
        todos.check_id(todo_id)
