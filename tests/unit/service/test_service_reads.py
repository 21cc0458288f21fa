"""Cached reads that are never stale for the one who wrote: each rule of reading, against caches at their worst."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from todo_backend.service import todos, writes
from todo_backend.service.changes import Change, Meta, apply

if TYPE_CHECKING:
    from tests.unit.service.conftest import MemoryTable, Reply, Service, State

NewId = Callable[[], str]


def with_another_todo(table: "MemoryTable", todo_id: str) -> "State":
    """The state after a write that no cache heard of."""
    change = Change("create", todo_id, "k", {**todos.DEFAULTS, "title": "another"})
    plan = apply((change,), table.now.items, table.now.meta or Meta(), datetime(2026, 11, 23, 12, 6, tzinfo=UTC))
    return replace(table.now, meta=plan.after, items={**table.now.items, **plan.puts})


def titles(reply: "Reply") -> list[str]:
    return [todo["title"] for todo in reply.body["todos"]]


def test_a_list_is_two_eventual_reads_when_the_cache_is_right(service: "Service", new_id: NewId) -> None:
    service.add(new_id())
    service.list(min_revision=1)
    facts = service.last.facts
    assert (facts.eventual_reads, facts.consistent_reads, facts.proof) == (2, 0, "proved")


def test_not_modified_is_one_eventual_read(service: "Service", new_id: NewId) -> None:
    service.add(new_id())
    reply = service.call("GET", "/v1/todos", headers={"If-None-Match": '"1"'})
    facts = service.last.facts
    assert (reply.status, reply.text, reply.headers["ETag"]) == (304, "", '"1"')
    assert (facts.eventual_reads, facts.consistent_reads, facts.not_modified) == (1, 0, True)


def test_a_write_is_one_read_and_one_transaction(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    for write in (lambda: service.add(todo_id), lambda: service.edit(todo_id, title="tea")):
        write()
        facts = service.last.facts
        assert (facts.eventual_reads, facts.consistent_reads, facts.writes) == (1, 0, 1)


def test_an_old_meta_in_the_cache_does_not_hide_a_revision_that_the_caller_has_seen(
    service: "Service", new_id: NewId
) -> None:
    service.add(new_id(), "first")
    service.table().remembers = True
    service.list()
    service.add(new_id(), "second")
    assert titles(service.list(min_revision=2)) == ["second", "first"]
    assert service.call("GET", "/v1/revision", headers={"X-Min-Revision": "2"}).body == {"revision": 2}


def test_not_modified_is_never_said_of_a_revision_older_than_the_callers(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "first")
    service.table().remembers = True
    service.list()
    service.add(new_id(), "second")
    headers = {"If-None-Match": '"1"', "X-Min-Revision": "2"}
    assert service.call("GET", "/v1/todos", headers=headers).status == 200


def test_an_absent_meta_is_never_believed_from_the_cache(service: "Service", new_id: NewId) -> None:
    service.table().remembers = True
    assert service.list().body == {"todos": [], "revision": 0, "cursor": None}
    service.add(new_id(), "first")
    assert titles(service.list()) == ["first"]


def test_a_block_from_a_lagging_replica_is_read_again(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "first")
    service.add(new_id(), "second")
    service.table().lag = 1
    assert titles(service.list(min_revision=2)) == ["second", "first"]
    assert service.last.facts.proof == "reread"


def test_a_batch_of_which_the_replica_shows_only_the_end_is_read_again(service: "Service", new_id: NewId) -> None:
    # The top revision is there, one below it in the same transaction is not.
    changes = [{"op": "create", "id": new_id(), "key": f"k{n}", "fields": {"title": f"t{n}"}} for n in range(3)]
    service.sync(0, *changes)
    table = service.table()
    whole = table.now
    items = {key: item for key, item in whole.items.items() if item["title"] != "t1"}
    table.replica = type(whole)(whole.meta, items)
    assert titles(service.list()) == ["t2", "t1", "t0"]
    assert [todo["title"] for todo in service.sync(0).body["changes"]] == ["t0", "t1", "t2"]


def test_a_block_that_has_the_next_change_but_not_the_last_is_read_again(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "first")
    second = new_id()
    service.add(second, "second")
    table = service.table()
    meta = table.now.meta
    service.add(new_id(), "third")
    items = {key: item for key, item in table.now.items.items() if key != second}
    table.replica = type(table.now)(meta, items)
    assert titles(service.list()) == ["third", "second", "first"]


def test_a_block_that_was_overtaken_is_read_again(service: "Service", new_id: NewId) -> None:
    table = service.table()
    service.add(new_id(), "first")

    def another_device() -> None:
        if table.reads[-1] == ("block", False):
            table.on_read = lambda: None
            partition = service.partition()
            change = Change("create", new_id(), "k", todos.check_create({"title": "second"}))
            writes.commit(partition, (change,), service.time)

    table.on_read = another_device
    reply = service.list()
    assert (titles(reply), reply.body["revision"]) == (["second", "first"], 2)


def test_an_item_overtaken_while_the_list_is_read_does_not_vanish(service: "Service", new_id: NewId) -> None:
    # META says 2, the replica already shows the first to-do under revision 3: it must still be in the list.
    first = new_id()
    service.add(first, "first")
    service.add(new_id(), "second")
    table = service.table()
    meta = table.now.meta
    service.edit(first, title="first, changed")
    table.replica = type(table.now)(meta, table.now.items)
    assert titles(service.list()) == ["first, changed", "second"]


def test_the_query_cache_cannot_serve_an_older_revision(service: "Service", new_id: NewId) -> None:
    table = service.table()
    table.remembers = True
    for number in range(3):
        service.add(new_id(), f"t{number}")
        assert len(titles(service.list(min_revision=number + 1))) == number + 1


def test_the_proof_is_left_out_once_no_stale_entry_can_be_left(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "kept")
    gone = new_id()
    service.add(gone, "gone")
    service.delete(gone)
    service.table().forget(gone)
    service.later(seconds=360)
    assert titles(service.list()) == ["kept"]
    assert service.last.facts.proof == "unproved"
    service.later(seconds=1)
    assert titles(service.list()) == ["kept"]
    facts = service.last.facts
    assert (facts.proof, facts.consistent_reads) == ("settled", 0)


def test_a_list_that_never_proves_itself_is_served_all_the_same(service: "Service", new_id: NewId) -> None:
    # Somebody removed the newest to-do by hand: better a list without it than none for six minutes.
    service.add(new_id(), "kept")
    gone = new_id()
    service.add(gone, "gone")
    service.table().forget(gone)
    assert titles(service.list()) == ["kept"]
    assert service.last.facts.proof == "unproved"


def test_an_old_meta_is_found_out_by_a_newer_block_at_any_age(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "first")
    service.later(seconds=361)
    table = service.table()
    table.remembers = True
    assert service.call("GET", "/v1/revision").body == {"revision": 1}
    table.history.append(with_another_todo(table, new_id()))
    reply = service.list()
    assert (titles(reply), reply.body["revision"]) == (["another", "first"], 2)
    assert service.last.facts.proof == "reread"


def test_one_todo_is_read_consistently_until_no_older_copy_of_it_can_be_left(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    service.later(seconds=360)
    service.get(todo_id)
    assert service.last.facts.consistent_reads == 1
    service.later(seconds=1)
    service.get(todo_id)
    assert service.last.facts.consistent_reads == 0


def test_one_todo_is_never_believed_of_a_cache_that_never_forgets(service: "Service", new_id: NewId) -> None:
    # DD-34: a lifetime of 0 is for ever.
    service.settings = replace(service.settings, record_ttl_seconds=0)
    todo_id = new_id()
    service.add(todo_id)
    service.later(days=1)
    service.get(todo_id)
    assert service.last.facts.consistent_reads == 1


def test_an_old_meta_does_not_hide_the_callers_own_change_of_a_todo(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id, "milk")
    service.table().remembers = True
    service.later(seconds=361)
    assert service.get(todo_id).body["title"] == "milk"
    assert service.last.facts.consistent_reads == 0
    service.edit(todo_id, title="tea")
    assert service.get(todo_id, min_revision=2).body["title"] == "tea"


def test_that_a_todo_is_absent_is_confirmed_by_a_consistent_read(service: "Service", new_id: NewId) -> None:
    # DD-28: DAX caches a miss too.
    todo_id = new_id()
    service.add(new_id(), "other")
    service.later(seconds=361)
    service.table().remembers = True
    assert service.get(todo_id).status == 404
    service.add(todo_id, "milk")
    service.later(seconds=361)
    assert service.get(todo_id).status == 200


def test_a_deleted_todo_is_not_found(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    service.delete(todo_id)
    assert service.get(todo_id).status == 404
    assert titles(service.list()) == []


def test_a_refusal_from_a_stale_cache_is_decided_again(service: "Service", new_id: NewId) -> None:
    table = service.table()
    table.remembers = True
    todo_id = new_id()
    assert service.edit(todo_id, title="x").status == 404
    service.add(todo_id)
    assert service.edit(todo_id, title="tea").status == 200
    assert service.edit(todo_id, title="eggs", version=2).status == 200


def test_nothing_to_change_is_decided_on_a_consistent_read(service: "Service", new_id: NewId) -> None:
    table = service.table()
    todo_id = new_id()
    service.add(todo_id, "milk")
    table.remembers = True
    service.edit(todo_id, title="milk")
    service.edit(todo_id, title="tea")
    # The cache still says "milk"; believing it would lose this change.
    reply = service.edit(todo_id, title="milk")
    assert (reply.body["title"], reply.body["version"]) == ("milk", 3)


def test_a_repeat_on_a_stale_cache_gets_the_first_answer_once(service: "Service", new_id: NewId) -> None:
    table = service.table()
    todo_id = new_id()
    service.add(todo_id)
    table.remembers = True
    first = service.edit(todo_id, key="k1", status="done")
    repeat = service.edit(todo_id, key="k1", version=1, status="done")
    assert repeat.body == first.body
    assert (first.headers.get("Idempotent-Replay"), repeat.headers["Idempotent-Replay"]) == (None, "true")
    assert table.now.items[todo_id]["version"] == 2


def test_a_lost_race_is_run_again_on_consistent_reads(service: "Service", new_id: NewId) -> None:
    table = service.table()
    service.add(new_id())

    def interfere() -> None:
        table.on_write = lambda: None
        service.add(new_id(), "somebody else")

    table.on_write = interfere
    reply = service.call("POST", "/v1/todos", body={"id": new_id(), "title": "mine"})
    assert (reply.status, reply.body["revision"]) == (201, 3)


def test_a_race_that_is_always_lost_is_unavailable_and_writes_nothing(service: "Service", new_id: NewId) -> None:
    table = service.table()
    mine = new_id()

    def interfere() -> None:
        table.on_write = lambda: None
        service.add(new_id(), "somebody else")
        table.on_write = interfere

    table.on_write = interfere
    reply = service.call("POST", "/v1/todos", body={"id": mine, "title": "mine"})
    assert (reply.status, reply.body["code"], reply.headers["Retry-After"]) == (503, "unavailable", "1")
    assert mine not in table.now.items


@pytest.mark.parametrize("user", ["bob", "", "USER#alice"])
def test_no_list_ever_holds_another_users_todo(service: "Service", new_id: NewId, user: str) -> None:
    todo_id = new_id()
    service.add(todo_id)
    assert service.list(user=user).body.get("todos", []) == []
    assert service.get(todo_id, user=user).status in (401, 404)
