"""To-dos: what is sent, what is refused before anything is sent, and how answers are read."""

import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from todo_sdk import Change, InvalidRequestError, ServerError, Todo
from todo_sdk._fields import due_from_text, due_to_text, file_key, new_todo_id, todo_id_text

from .conftest import API, START, Device, wire_todo

ID = wire_todo()["id"]
ONE = f"{API}/v1/todos/{ID}"
ALL = f"{API}/v1/todos"
CET = timezone(timedelta(hours=1))


def sent(number: int = -1) -> Any:
    """The JSON of one of the requests."""
    body = responses.calls[number].request.body
    assert body is not None
    return json.loads(body)


def header(name: str, number: int = -1) -> str | None:
    """A header of one of the requests."""
    return responses.calls[number].request.headers.get(name)


@responses.activate
def test_add_makes_the_id_itself_and_sends_every_field(device: Device) -> None:
    responses.post(ALL, status=201, json=wire_todo())
    added = device.todos.add("Buy milk", tags=("home",), due=date(2026, 12, 24), priority=1)
    assert added == Todo.from_wire(wire_todo())
    body = sent()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", body.pop("id"))
    assert body == {
        "title": "Buy milk", "notes": "", "due": "2026-12-24", "tags": ["home"], "list": "", "priority": 1,
        "recurrence": None, "attachments": [],
    }  # fmt: skip


@responses.activate
def test_a_retried_add_is_the_same_todo(device: Device) -> None:
    responses.post(ALL, body=requests.ConnectionError())
    responses.post(ALL, status=503, json={})
    responses.post(ALL, status=200, json=wire_todo())
    device.todos.add("Buy milk")
    assert len({sent(number)["id"] for number in range(3)}) == 1
    assert len({header("Idempotency-Key", number) for number in range(3)}) == 1


@responses.activate
@pytest.mark.parametrize("verb", ["edit", "remove"])
def test_a_retried_change_carries_the_same_key_and_the_next_change_another(device: Device, verb: str) -> None:
    method = "PATCH" if verb == "edit" else "DELETE"
    responses.add(method, ONE, body=requests.ReadTimeout())
    responses.add(method, ONE, status=401, json={"code": "unauthorized", "message": "expired"})
    responses.add(method, ONE, json=wire_todo())
    for _ in range(2):
        device.todos.edit(ID, title="x") if verb == "edit" else device.todos.remove(ID)
    keys = [header("Idempotency-Key", number) for number in range(4)]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(keys[0]))


@responses.activate
def test_edit_sends_only_what_was_given_and_the_version_if_wanted(device: Device) -> None:
    responses.patch(ONE, json=wire_todo(version=2))
    device.todos.edit(ID, due=None, if_version=1)
    assert sent() == {"due": None}
    assert header("If-Match") == '"1"'
    device.todos.done(ID)
    assert sent() == {"status": "done"}
    assert header("If-Match") is None
    device.todos.reopen(ID)
    assert sent() == {"status": "open"}


@responses.activate
def test_list_pages_by_itself_and_only_as_far_as_asked(device: Device) -> None:
    for number in range(1, 4):
        cursor = f"c{number}" if number < 3 else None
        todo = wire_todo(title=f"{number}", id=f"{ID[:-1]}{number}", revision=4 - number)
        responses.get(ALL, json={"todos": [todo], "revision": 3, "cursor": cursor})
    responses.get(ALL, status=304)
    todos = device.todos.list(status="open", tag="home", due_before=date(2027, 1, 1), q="milk & more")
    assert len(responses.calls) == 0
    assert next(todos).title == "1"
    assert len(responses.calls) == 1
    assert [todo.title for todo in todos] == ["2", "3"]
    params = [dict(call.request.params) for call in responses.calls]  # type: ignore[attr-defined]
    filters = {"status": "open", "tag": "home", "due_before": "2027-01-01", "q": "milk & more", "limit": "200"}
    assert params == [filters, {**filters, "cursor": "c1"}, {**filters, "cursor": "c2"}, filters]
    assert [header("If-None-Match", number) for number in range(4)] == [None, None, None, '"3"']


@responses.activate
def test_a_todo_that_changes_while_the_list_is_walked_is_in_the_list_once(device: Device) -> None:
    def page(numbers: dict[str, int], revision: int, cursor: str | None) -> None:
        todos = [wire_todo(id=f"{ID[:-1]}{number}", revision=at) for number, at in numbers.items()]
        responses.get(ALL, json={"todos": todos, "revision": revision, "cursor": cursor})

    page({"1": 4, "2": 3}, 4, "c1")
    page({"4": 1}, 4, None)  # 3 was at revision 2; it is changed now, and so is 1
    page({"1": 6, "3": 5, "2": 3}, 6, None)
    assert [todo.id[-1] for todo in device.todos.list()] == ["1", "2", "4", "3"]
    assert len(responses.calls) == 3


@responses.activate
def test_a_list_of_one_page_is_one_request(device: Device) -> None:
    responses.get(ALL, json={"todos": [wire_todo()], "revision": 3, "cursor": None})
    assert len(list(device.todos.list())) == 1
    assert len(responses.calls) == 1


@responses.activate
def test_sync_begins_after_what_was_taken_in(device: Device) -> None:
    result = {"id": ID, "key": "k", "outcome": "applied", "todo": wire_todo(), "code": None, "message": None}
    body = {"results": [result], "changes": [wire_todo(revision=4)], "revision": 4, "more": False, "reset": False}
    for answer in (body, {**body, "results": []}):
        responses.post(f"{API}/v1/sync", json={**answer, "at": "2026-11-23T12:00:00.000Z"})
    synced = device.todos.sync([Change("update", ID, {"title": "Milk"}, if_version=1, key="k")])
    assert sent() == {
        "since": 0,
        "since_at": None,
        "changes": [{"op": "update", "id": ID, "key": "k", "if_version": 1, "fields": {"title": "Milk"}}],
    }
    assert synced.results[0].outcome == "applied"
    assert synced.changes[0].revision == 4
    device.again().todos.sync()
    assert sent()["since"] == 0, "the changes were not taken in yet"
    device.todos.synced(synced)
    device.again().todos.sync()
    assert sent() == {"since": 4, "since_at": "2026-11-23T12:00:00.000Z", "changes": []}


@responses.activate
def test_too_many_changes_for_one_sync_are_refused(device: Device) -> None:
    with pytest.raises(InvalidRequestError, match="26 changes"):
        device.todos.sync([Change("delete", ID) for _ in range(26)])
    assert len(responses.calls) == 0


@responses.activate
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "needs a title"),
        ({"title": " \n"}, "needs a title"),
        ({"title": "x" * 501}, "title has 501 characters; at most 500"),
        ({"title": 3}, "title must be text"),
        ({"title": "\ud800"}, "not text"),
        ({"notes": "x" * 10_001}, "notes has 10001"),
        ({"priority": 0}, "priority must be"),
        ({"priority": 5}, "priority must be"),
        ({"priority": True}, "priority must be"),
        ({"priority": "1"}, "priority must be"),
        ({"status": "later"}, "status must be"),
        ({"tags": "home"}, "tags must be several"),
        ({"tags": ["a,b"]}, "cannot be a tag"),
        ({"tags": ["a b"]}, "cannot be a tag"),
        ({"tags": [""]}, "cannot be a tag"),
        ({"tags": ["x" * 51]}, "a tag has 51"),
        ({"tags": ["x"] * 21}, "21 tags are too many"),
        ({"list": "x" * 101}, "list has 101"),
        ({"due": datetime(2026, 1, 1)}, "no time zone"),
        ({"due": "2026-01-01T10:00:00"}, "neither a date"),
        ({"due": "tomorrow"}, "neither a date"),
        ({"due": "2026-02-30"}, "neither a date"),
        ({"due": 20260101}, "due must be a date"),
        ({"recurrence": "x" * 501}, "recurrence has 501"),
        ({"attachments": ["../x"]}, "cannot be the name of a file"),
        ({"colour": "red"}, "no field 'colour'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_before_any_call(
    device: Device, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        device.todos.edit(ID, **fields)
    assert len(responses.calls) == 0


@responses.activate
@pytest.mark.parametrize(
    "todo_id", ["", "x", "../x", "1234", ID[:-1], ID + "0", "{" + ID + "}", ID.replace("-", ""), None, 3]
)
def test_a_malformed_id_is_refused_before_any_call(device: Device, todo_id: Any) -> None:
    with pytest.raises(InvalidRequestError, match="is not the id of a to-do"):
        device.todos.get(todo_id)
    assert len(responses.calls) == 0


def test_an_id_may_be_typed_in_capitals() -> None:
    assert todo_id_text(ID.upper()) == ID


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_todo_id(START + number) for number in range(5)]
    assert ids == sorted(ids)
    assert len({new_todo_id(START) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("due", "text"),
    [
        (None, None),
        (date(2026, 12, 24), "2026-12-24"),
        (datetime(2026, 12, 24, 18, tzinfo=CET), "2026-12-24T18:00:00+01:00"),
        ("2026-12-24", "2026-12-24"),
        ("2026-12-24T18:00:00+01:00", "2026-12-24T18:00:00+01:00"),
        ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00+00:00"),
        ("2026-12-24t18:00:00z", "2026-12-24T18:00:00+00:00"),
    ],
)
def test_due_is_a_date_or_a_time_that_says_where(due: Any, text: str | None) -> None:
    assert due_to_text(due) == text
    assert due_to_text(due_from_text(text)) == text


def test_a_todo_survives_the_wire() -> None:
    wire = wire_todo(due="2026-12-24T18:00:00+01:00", completed_at="2026-11-23T12:00:00.123Z", tags=["a", "b"])
    todo = Todo.from_wire(wire)
    assert todo.to_wire() == wire
    assert Todo.from_wire(todo.to_wire()) == todo
    assert todo.created_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert todo.tags == ("a", "b")


def test_fields_of_a_newer_service_are_ignored() -> None:
    assert Todo.from_wire(wire_todo(colour="red")) == Todo.from_wire(wire_todo())


@pytest.mark.parametrize(
    "change", [{"created_at": "yesterday"}, {"created_at": None}, {"due": "later"}, {"tags": 3}, {"due": 3}]
)
def test_a_todo_that_cannot_be_read_is_the_servers_fault(change: dict[str, Any]) -> None:
    with pytest.raises(ServerError, match="cannot be read"):
        Todo.from_wire(wire_todo(**change))
    with pytest.raises(ServerError, match="title"):
        Todo.from_wire({name: value for name, value in wire_todo().items() if name != "title"})


@responses.activate
def test_an_answer_of_another_shape_is_the_servers_fault(device: Device) -> None:
    responses.get(ALL, json={"items": []})
    responses.post(f"{API}/v1/sync", json={"results": [], "changes": []})
    with pytest.raises(ServerError):
        list(device.todos.list())
    with pytest.raises(ServerError):
        device.todos.sync()


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "..", "../x", "a/../b", "a/..", "./a", "a/.", "a\0b", "x" * 1025, "é" * 513, "\ud800"]
)
def test_a_key_that_leaves_the_folder_or_does_not_fit_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be the name of a file"):
        file_key(key)


@pytest.mark.parametrize("key", ["a", "notes/a.txt", "..a", "a..", "a b/ü", "x" * 1024, "a//b"])
def test_a_plain_key_is_taken_as_it_is(key: str) -> None:
    assert file_key(key) == key


@given(st.text(max_size=40))
def test_a_key_that_was_taken_is_not_empty_and_has_no_steps(key: str) -> None:
    try:
        taken = file_key(key)
    except InvalidRequestError:
        return
    assert taken
    assert not taken.startswith("/")
    assert not {".", ".."} & set(taken.split("/"))
