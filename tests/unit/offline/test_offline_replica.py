"""The replica without a network: changes, lists, searches, numbers, the way back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.offline.conftest import Phone, World
from todo_sdk import (
    Change,
    ConflictError,
    InvalidRequestError,
    MemoryTokenStore,
    NotFoundError,
    NotSignedInError,
    Replica,
    TodoClient,
)
from todo_sdk._fields import new_todo_id
from todo_sdk._recurrence import successor_id

ABSENT = "01941f29-7c00-7000-8000-0123456789ab"


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    """A phone in aeroplane mode."""
    world = World(fault=lambda request: "down")
    made = Phone(world, tmp_path / "phone")
    yield made
    assert world.asked == []
    made.client.close()


@pytest.fixture
def replica(phone: Phone) -> Replica:
    return phone.replica


def test_what_was_added_is_there_after_a_restart(phone: Phone) -> None:
    todo = phone.replica.add("Buy milk", tags=["home"], due=date(2026, 12, 24), priority=1, list="shop", notes="2 l")
    phone.restarted()
    assert phone.replica.get(todo.id) == todo
    assert (todo.version, todo.revision, todo.status, todo.deleted) == (0, 0, "open", False)
    assert (todo.due, todo.tags, todo.list, todo.created_at) == (date(2026, 12, 24), ("home",), "shop", phone.world.now)


def test_every_change_is_seen_at_once(replica: Replica) -> None:
    todo = replica.add("Buy milk")
    assert replica.edit(todo.id, title="Buy oat milk", tags=["a"]).title == "Buy oat milk"
    done = replica.done(todo.id).todo
    assert (done.status, done.completed_at) == ("done", done.updated_at)
    assert replica.reopen(todo.id).completed_at is None
    assert replica.remove(todo.id).deleted
    with pytest.raises(NotFoundError, match="no such to-do"):
        replica.get(todo.id)
    assert replica.list() == ()


@pytest.mark.parametrize("verb", ["edit", "done", "reopen", "remove", "get", "restore", "discard"])
def test_what_is_not_there_cannot_be_changed(replica: Replica, verb: str) -> None:
    with pytest.raises(NotFoundError):
        getattr(replica, verb)(ABSENT)
    with pytest.raises(InvalidRequestError, match="is not the id of a to-do"):
        getattr(replica, verb)("3")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": " "}, "needs a title"),
        ({"colour": "red"}, "no field 'colour'"),
        ({"due": "tomorrow"}, "neither a date"),
        ({"recurrence": "FREQ=DAILY"}, "needs a due date"),
        ({"due": "2026-12-24", "recurrence": "every day"}, "cannot be followed"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(replica: Replica, fields: dict[str, Any], said: str) -> None:
    todo = replica.add("Buy milk")
    with pytest.raises(InvalidRequestError, match=said):
        replica.edit(todo.id, **fields)
    with pytest.raises(InvalidRequestError, match=said):
        replica.add(**{"title": "x", **fields})
    assert replica.list() == (todo,)


def test_a_due_date_cannot_go_while_a_rule_needs_it(replica: Replica) -> None:
    todo = replica.add("Water", due="2026-12-01", recurrence="FREQ=WEEKLY")
    with pytest.raises(InvalidRequestError, match="or clear the recurrence"):
        replica.edit(todo.id, due=None)
    assert replica.edit(todo.id, due=None, recurrence=None).due is None


def test_the_same_add_again_is_the_same_todo_and_another_is_a_conflict(replica: Replica) -> None:
    own_id = new_todo_id(1_800_000_000)
    assert replica.add("Buy milk", todo_id=own_id) == replica.add("Buy milk", todo_id=own_id)
    with pytest.raises(ConflictError) as caught:
        replica.add("Buy bread", todo_id=own_id)
    assert caught.value.mine["title"] == "Buy bread"
    assert caught.value.theirs == replica.get(own_id)


def test_a_list_takes_every_filter(phone: Phone) -> None:
    replica = phone.replica
    milk = replica.add("Milk", tags=["home", "shop"], list="errands", priority=1, due="2026-11-24")
    call = replica.add("Call", tags=["home"], due="2026-11-23T15:00:00+01:00")
    read = replica.add("Read", notes="the café menu")
    done = replica.done(replica.add("Sleep").id).todo
    titles = phone.titles
    assert titles() == ["Call", "Milk", "Read", "Sleep"]
    assert titles(status="open") == ["Call", "Milk", "Read"]
    assert titles(status="done") == [done.title]
    assert titles(tag="home") == ["Call", "Milk"]
    assert titles(tag=["home", "shop"]) == ["Milk"]
    assert titles(list="errands") == [milk.title]
    assert titles(list="", status="open") == ["Call", "Read"]
    assert titles(priority=1) == ["Milk"]
    assert titles(due_before="2026-11-24") == ["Call"]
    assert titles(due_after=date(2026, 11, 24)) == ["Milk"]
    assert titles(due_before="2026-11-23T15:00:00+01:00") == []
    assert titles(due_after="2026-11-23T14:00:00Z", due_before="2026-11-25", tag="home") == ["Call", "Milk"]
    assert titles(q="cafe") == [read.title]
    assert titles(limit=2) == ["Call", "Milk"]
    assert titles(limit=0) == []
    assert call in replica.list(q="call")


@pytest.mark.parametrize(
    "filters", [{"status": "maybe"}, {"priority": 9}, {"tag": "a b"}, {"due_before": "x"}, {"limit": -1}]
)
def test_a_filter_that_cannot_be_is_refused(replica: Replica, filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        replica.list(**filters)


def test_overdue_is_what_should_be_done_by_now_where_the_user_lives(phone: Phone) -> None:
    replica = phone.replica  # it is 13:00 on the 23rd in Berlin
    replica.add("today", due="2026-11-23")
    replica.add("yesterday", due="2026-11-22")
    replica.add("noon", due="2026-11-23T12:00:00+01:00")
    replica.add("evening", due="2026-11-23T20:00:00+01:00")
    replica.done(replica.add("done", due="2026-11-01").id)
    assert phone.titles(overdue=True) == ["yesterday", "noon"]
    assert replica.stats().overdue == 2
    phone.world.later(hours=10, minutes=30)  # 23:30 in Berlin: the day is not over
    assert phone.titles(overdue=True) == ["yesterday", "noon", "evening"]
    phone.world.later(hours=1)
    assert "today" in phone.titles(overdue=True)


@pytest.mark.parametrize("has_words", [True, False])
def test_a_search_finds_words_and_beginnings_whatever_their_case_and_accents(phone: Phone, has_words: bool) -> None:
    replica = phone.replica
    replica._store.has_words = replica._store.has_words and has_words
    replica.add("Crème brûlée", notes="für Jürgen")
    replica.add("Buy MILK", tags=["shop"], list="errands")
    replica.done(replica.add("Buy milk powder").id)

    def found(text: str) -> list[str]:
        return [todo.title for todo in replica.search(text)]

    assert found("creme") == found("CRÈME BRU") == found("jurgen") == ["Crème brûlée"]
    assert found("milk") == ["Buy MILK", "Buy milk powder"], "open ones first"
    assert found("buy mil") == ["Buy MILK", "Buy milk powder"]
    assert found("shop") == found("errands") == ["Buy MILK"]
    assert found("milk creme") == []
    assert found('"; DROP TABLE todo --') == []
    assert found("AND OR NOT NEAR(") == []
    assert len(found("buy")) == 2
    assert len(replica.search("buy", limit=1)) == 1


def test_a_changed_text_is_found_by_its_new_words_only(replica: Replica) -> None:
    todo = replica.add("Buy milk")
    replica.edit(todo.id, title="Buy bread")
    assert replica.search("milk") == ()
    assert len(replica.search("bread")) == 1
    replica.remove(todo.id)
    assert replica.search("bread") == ()


def test_a_search_for_nothing_gives_everything(replica: Replica) -> None:
    replica.add("Buy milk")
    assert len(replica.search("")) == len(replica.search("  ")) == 1


def test_a_number_stays_with_its_todo_and_is_small(replica: Replica) -> None:
    one, two, three = (replica.add(title) for title in "abc")
    assert [replica.short_id(todo) for todo in (one, two, three)] == ["1", "2", "3"]
    replica.edit(two.id, title="x")
    replica.done(two.id)
    assert replica.find("2") == (replica.get(two.id),)
    replica.remove(one.id)
    assert replica.find("1") == ()
    assert replica.short_id(replica.add("d")) == "1"
    assert replica.short_id(three.id) == "3"


def test_a_todo_done_long_ago_gives_its_number_back(phone: Phone) -> None:
    replica = phone.replica
    old = replica.add("a")
    replica.done(old.id)
    phone.world.later(days=8)
    assert replica.short_id(replica.add("b")) == "1"
    assert old.id.startswith(replica.short_id(old))
    assert replica.find(replica.short_id(old)) == (replica.get(old.id),)
    replica.reopen(old.id)
    assert replica.short_id(old) == "2"


def test_an_id_is_found_by_its_beginning(replica: Replica) -> None:
    first = replica.add("a", todo_id="01941f29-7c00-7000-8000-0123456789ab")
    second = replica.add("b", todo_id="01941f29-7c00-7000-8000-0123456789ff")
    assert replica.find("01941F29") == (first, second)
    assert replica.find(first.id) == (first,)
    assert replica.find("019") == ()
    assert replica.find("milk") == replica.find("") == replica.find("%") == ()


def test_a_batch_is_all_or_nothing_and_one_step(replica: Replica) -> None:
    todo = replica.add("Buy milk")
    own_id = new_todo_id(1_800_000_000)
    changes = [
        Change("create", own_id, {"title": "Buy bread"}),
        Change("update", todo.id, {"priority": 1}),
        Change("delete", todo.id),
    ]
    with pytest.raises(NotFoundError):
        replica.batch([*changes, Change("update", ABSENT, {"priority": 1})])
    assert replica.list() == (todo,)
    assert [each.deleted for each in replica.batch(changes)] == [False, False, True]
    undone = replica.undo()
    assert undone is not None
    assert undone.op == "batch"
    assert [each.title for each in replica.list()] == ["Buy milk"]
    assert replica.list()[0].priority == 4


def test_a_transaction_that_fails_changes_nothing(replica: Replica) -> None:
    def add_and_fail() -> None:
        with replica.transaction():
            replica.add("Buy milk")
            replica.remove(ABSENT)

    with pytest.raises(NotFoundError):
        add_and_fail()
    assert replica.list() == ()
    with replica.transaction():
        kept = replica.add("Buy bread")
        with pytest.raises(NotFoundError):
            replica.batch([Change("create", new_todo_id(1e9), {"title": "x"}), Change("delete", ABSENT)])
    assert replica.list() == (kept,)
    assert len(replica.queued()) == 1


def test_undo_goes_back_step_by_step(replica: Replica) -> None:
    todo = replica.add("a", tags=["x"])
    replica.edit(todo.id, title="b", priority=1)
    replica.edit(todo.id, title="c")
    replica.remove(todo.id)
    ops = []
    for wanted in ("c", "b", "a"):
        undone = replica.undo()
        assert undone is not None
        ops.append(undone.op)
        assert [each.title for each in replica.list()] == [wanted]
        assert [each.title for each in undone.todos] == [wanted]
    assert ops == ["remove", "edit", "edit"]
    assert replica.list()[0].tags == ("x",)
    undone = replica.undo()
    assert undone is not None
    assert undone.op == "add"
    assert replica.list() == ()
    assert replica.queued() == ()
    assert replica.undo() is None


def test_a_recurring_todo_that_is_done_comes_again_and_undo_takes_both_back(replica: Replica) -> None:
    todo = replica.add("Water", due="2026-11-23", recurrence="FREQ=WEEKLY", tags=["home"], notes="n")
    completed = replica.done(todo.id)
    following = completed.next
    assert following is not None
    assert completed.todo.recurrence == "FREQ=WEEKLY"
    assert (following.id, following.due, following.status) == (successor_id(todo.id), date(2026, 11, 30), "open")
    assert (following.tags, following.notes, following.recurrence) == (("home",), "n", "FREQ=WEEKLY")
    assert replica.done(todo.id).next == following, "done again is nothing new"
    undone = replica.undo()
    assert undone is not None
    assert undone.op == "done"
    assert [(each.id, each.status) for each in replica.list()] == [(todo.id, "open")]


def test_reopening_takes_an_untouched_next_occurrence_back_and_leaves_a_changed_one(replica: Replica) -> None:
    todo = replica.add("Water", due="2026-11-23", recurrence="FREQ=WEEKLY")
    replica.done(todo.id)
    replica.reopen(todo.id)
    assert [each.id for each in replica.list()] == [todo.id]
    following = replica.done(todo.id).next
    assert following is not None
    replica.edit(following.id, notes="mine")
    replica.reopen(todo.id)
    assert {each.id for each in replica.list()} == {todo.id, following.id}
    assert replica.done(todo.id).next == replica.get(following.id), "and it is not made twice"


def test_a_series_ends_when_its_rule_does(replica: Replica) -> None:
    todo = replica.add("Pill", due="2026-11-23", recurrence="FREQ=DAILY;COUNT=2")
    second = replica.done(todo.id).next
    assert second is not None
    assert second.recurrence == "FREQ=DAILY;COUNT=1"
    assert replica.done(second.id).next is None


def test_a_removed_todo_can_be_brought_back(replica: Replica) -> None:
    todo = replica.add("Buy milk", tags=["x"])
    replica.remove(todo.id)
    back = replica.restore(todo.id)
    assert (back.title, back.tags, back.deleted) == ("Buy milk", ("x",), False)
    with pytest.raises(NotFoundError):
        replica.restore(back.id)


def test_history_tells_what_was_done_here(phone: Phone) -> None:
    replica = phone.replica
    todo = replica.add("a")
    replica.edit(todo.id, title="b")
    replica.edit(todo.id, title="b")  # nothing
    replica.undo()
    told = [(each.op, each.undone) for each in replica.history(todo.id)]
    assert told == [("undo", False), ("edit", True), ("add", False)]
    edit = replica.history(todo.id)[1]
    assert (edit.before, edit.after, edit.at) == ({"title": "a"}, {"title": "b"}, phone.world.now)


def test_what_waits_is_told_as_it_will_be_sent(replica: Replica) -> None:
    todo = replica.add("a")
    replica.edit(todo.id, title="b")
    other = replica.add("c")
    first, second = replica.queued()
    assert (first.op, first.todo_id, first.title, first.fields["title"]) == ("create", todo.id, "b", "b")
    assert second.todo_id == other.id
    replica.discard(other.id)
    replica.remove(todo.id)
    assert replica.queued() == ()


def test_counts_by_tag_list_and_state(replica: Replica) -> None:
    replica.add("a", tags=["x", "y"], list="home")
    replica.add("b", tags=["x"])
    replica.done(replica.add("c", tags=["z"], list="home").id)
    replica.remove(replica.add("d", tags=["w"]).id)
    assert replica.tags() == {"x": 2, "y": 1, "z": 0}
    assert replica.lists() == {"": 1, "home": 1}
    stats = replica.stats()
    assert (stats.open, stats.done, stats.queued, stats.refused, stats.synced_at) == (2, 1, 3, 0, None)


def test_a_replica_is_its_users_own(phone: Phone) -> None:
    alices = phone.replica
    alices.add("Alice's")
    phone.store.save({**(phone.store.load() or {}), "user_id": "bob"})
    phone.restarted()
    bobs = phone.replica
    assert bobs.path != alices.path
    assert bobs.list() == ()
    assert alices.path.parent == bobs.path.parent


def test_nobody_signed_in_has_no_replica(phone: Phone) -> None:
    with TodoClient(phone.config, store=MemoryTokenStore()) as client, pytest.raises(NotSignedInError):
        _ = client.replica


def test_due_times_keep_their_offset(replica: Replica) -> None:
    due = datetime(2026, 12, 24, 18, tzinfo=UTC) + timedelta(minutes=1)
    assert replica.add("x", due=due).due == due
    assert replica.add("y", due="2026-12-24T18:00:00+05:30").due.isoformat() == "2026-12-24T18:00:00+05:30"  # type: ignore[union-attr]
