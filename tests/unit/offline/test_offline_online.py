"""`client.todos` against the service's own rules: completing, batches, conflicts, many tags."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.unit.offline.conftest import Phone, World
from todo_sdk import Change, ConflictError, InvalidRequestError, NotFoundError
from todo_sdk._fields import new_todo_id
from todo_sdk._recurrence import successor_id


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    made = Phone(World(), tmp_path / "phone")
    made.client._http._retries._sleep = lambda seconds: None
    yield made
    made.client.close()


def test_completing_costs_one_request_and_two_when_it_recurs(phone: Phone) -> None:
    todos = phone.client.todos
    plain = todos.add("Call")
    weekly = todos.add("Water", due=date(2026, 11, 23), recurrence="FREQ=WEEKLY;COUNT=2", tags=["home"])
    phone.world.asked.clear()
    assert todos.done(plain.id).next is None
    assert len(phone.world.asked) == 1
    completed = todos.done(weekly.id)
    assert len(phone.world.asked) == 3
    assert completed.todo.status == "done"
    following = completed.next
    assert following is not None
    assert (following.id, following.due, following.tags) == (successor_id(weekly.id), date(2026, 11, 30), ("home",))
    assert following.recurrence == "FREQ=WEEKLY;COUNT=1"
    assert todos.done(following.id).next is None


def test_completing_again_is_the_same_next_occurrence_whoever_does_it(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Filter", due="2026-11-01", recurrence="RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3")
    first = todos.done(todo.id).next
    assert first is not None
    phone.world.later(days=2)
    assert todos.done(todo.id).next == first
    phone.replica.sync()
    assert [each.id for each in phone.replica.list(status="open")] == [first.id]
    todos.edit(first.id, title="Filter, the blue one")
    again = todos.done(todo.id).next
    assert again is not None
    assert again.title == "Filter, the blue one"


def test_a_next_occurrence_that_another_device_made_otherwise_is_the_next_one(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Filter", due="2026-11-01", recurrence="RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3")
    theirs = todos.add("Filter", todo_id=successor_id(todo.id), due="2026-11-20")
    assert todos.done(todo.id).next == theirs
    todos.remove(theirs.id)
    following = todos.done(todo.id).next
    assert following is not None
    assert following.id == successor_id(todo.id, 1)


def test_an_answer_lost_between_completing_and_the_next_one_is_made_good_by_repeating(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Water", due="2026-11-23", recurrence="FREQ=WEEKLY")
    phone.world.fault = lambda request: "503" if request.method == "POST" else None
    with pytest.raises(Exception, match="on purpose"):
        todos.done(todo.id)
    phone.world.fault = lambda request: None
    assert todos.done(todo.id).next is not None
    assert len(phone.world.live()) == 2


def test_reopening_takes_an_untouched_next_occurrence_back(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Water", due="2026-11-23", recurrence="FREQ=WEEKLY")
    following = todos.done(todo.id).next
    assert following is not None
    assert todos.reopen(todo.id).status == "open"
    assert set(phone.world.live()) == {todo.id}
    again = todos.done(todo.id).next
    assert again is not None
    assert again.id == successor_id(todo.id, 1), "the first one's id is spent"


def test_reopening_leaves_a_changed_next_occurrence(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Water", due="2026-11-23", recurrence="FREQ=WEEKLY")
    following = todos.done(todo.id).next
    assert following is not None
    todos.edit(following.id, notes="mine")
    todos.reopen(todo.id)
    assert set(phone.world.live()) == {todo.id, following.id}
    assert todos.reopen(todos.add("plain").id).status == "open"


@pytest.mark.parametrize(
    "fields",
    [
        {"due": "2026-12-24", "recurrence": "every day"},
        {"due": "soon"},
        {"due": "2026-12-24", "recurrence": "FREQ=DAILY;COUNT=x"},
        {"recurrence": "FREQ=DAILY"},
    ],
)
def test_dates_and_rules_that_cannot_be_are_refused_before_any_call(phone: Phone, fields: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        phone.client.todos.add("x", **fields)  # type: ignore[arg-type]
    assert phone.world.asked == []


def test_a_conflict_carries_both_sides(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Buy milk")
    theirs = todos.edit(todo.id, notes="2 l")
    with pytest.raises(ConflictError) as caught:
        todos.edit(todo.id, notes="3 l", if_version=1)
    assert (caught.value.mine, caught.value.theirs, caught.value.status) == ({"notes": "3 l"}, theirs, 412)
    with pytest.raises(ConflictError) as caught:
        todos.add("Buy bread", todo_id=todo.id)
    assert (caught.value.mine["title"], caught.value.theirs) == ("Buy bread", theirs)


def test_a_conflict_with_a_removed_todo_has_no_other_side(phone: Phone) -> None:
    todos = phone.client.todos
    todo = todos.add("Buy milk")
    todos.remove(todo.id)
    with pytest.raises(ConflictError) as caught:
        todos.add("Buy bread", todo_id=todo.id)
    assert caught.value.theirs is None


def test_a_batch_has_a_result_for_each_change_and_goes_25_at_a_time(phone: Phone) -> None:
    todos = phone.client.todos
    ids = [new_todo_id(1_800_000_000 + number) for number in range(30)]
    changes = [Change("create", todo_id, {"title": str(number)}) for number, todo_id in enumerate(ids)]
    changes.insert(3, Change("update", new_todo_id(1), {"title": "x"}))
    results = todos.batch(changes)
    assert [result.outcome for result in results] == ["applied"] * 3 + ["not_found"] + ["applied"] * 27
    assert [result.key for result in results] == [change.key for change in changes]
    assert phone.world.asked == ["POST v1/sync"] * 2
    assert todos.batch([]) == ()
    phone.replica.sync()
    assert len(phone.replica.list()) == 30, "a batch does not move anybody's position"


def test_a_list_by_several_tags_has_those_with_all_of_them(phone: Phone) -> None:
    todos = phone.client.todos
    for tags in (["a"], ["a", "b"], ["b"]):
        todos.add(" ".join(tags), tags=tags)
    assert [todo.title for todo in todos.list(tag=["a", "b"])] == ["a b"]
    assert [todo.title for todo in todos.list(tag="b")] == ["b", "a b"]
    assert [todo.title for todo in todos.search("A")] == ["a b", "a"]


def test_the_sync_of_an_app_moves_on_when_the_app_says_so(phone: Phone) -> None:
    client = phone.client
    todo = client.todos.add("Buy milk")
    first = client.sync()
    assert [each.id for each in first.changes] == [todo.id]
    assert client.sync().changes == first.changes
    client.synced(first)
    assert client.sync().changes == ()
    with pytest.raises(NotFoundError):
        client.todos.get(new_todo_id(1))
