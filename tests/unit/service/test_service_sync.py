"""One round trip for a phone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.service.conftest import Service

NewId = Callable[[], str]


def create(todo_id: str, key: str = "k", **fields: Any) -> dict[str, Any]:
    return {"op": "create", "id": todo_id, "key": key, "fields": {"title": "milk", **fields}}


def update(todo_id: str, key: str = "k", **fields: Any) -> dict[str, Any]:
    return {"op": "update", "id": todo_id, "key": key, "fields": fields}


def test_a_sync_pushes_and_pulls_in_one_transaction_and_two_reads(service: "Service", new_id: NewId) -> None:
    ids = [new_id() for _ in range(25)]
    reply = service.sync(0, *[create(todo_id) for todo_id in ids])
    facts = service.last.facts
    assert (facts.eventual_reads, facts.consistent_reads, facts.writes) == (2, 0, 1)
    assert [result["outcome"] for result in reply.body["results"]] == ["applied"] * 25
    assert [todo["revision"] for todo in reply.body["changes"]] == list(range(1, 26))
    assert (reply.body["revision"], reply.body["more"], reply.body["reset"]) == (25, False, False)
    assert reply.body["at"] == "2026-11-23T12:00:00.000Z"


def test_a_sync_that_has_nothing_to_say_is_one_read(service: "Service", new_id: NewId) -> None:
    service.add(new_id())
    assert service.sync(1).body["changes"] == []
    facts = service.last.facts
    assert (facts.eventual_reads, facts.consistent_reads, facts.writes) == (1, 0, 0)


def test_one_bad_change_does_not_refuse_the_others(service: "Service", new_id: NewId) -> None:
    good, absent = new_id(), new_id()
    changes = [
        create("not-an-id"),
        create(good, title=""),
        {"op": "update", "id": good, "key": "k"},
        {"op": "delete", "id": good, "key": "k", "fields": {"title": "x"}},
        update(absent, title="x"),
        create(good),
        update(good, "k2", titel="x"),
        {**update(good, "k3", title="tea"), "if_version": 7},
        update(good, "k4", title="tea"),
    ]
    results = service.sync(0, *changes).body["results"]
    outcomes = [result["outcome"] for result in results]
    assert outcomes == ["invalid"] * 4 + ["not_found", "applied", "invalid", "conflict", "applied"]
    assert results[0]["message"] == "id must be a UUIDv7 in lower case"
    assert results[6]["message"] == "titel is not a known field"
    assert [result["code"] for result in results[4:]] == [
        "not_found",
        None,
        "invalid_request",
        "version_mismatch",
        None,
    ]
    assert results[7]["todo"]["version"] == 1
    for change, result in zip(changes, results, strict=True):
        assert (result["id"], result["key"]) == (change["id"], change["key"])
        assert set(result) == {"id", "key", "outcome", "todo", "code", "message"}


def test_a_whole_sync_sent_again_has_happened_once(service: "Service", new_id: NewId) -> None:
    one, two = new_id(), new_id()
    changes = [create(one), update(one, "k1", status="done"), create(two), {"op": "delete", "id": two, "key": "k2"}]
    first = service.sync(0, *changes).body
    service.later(hours=1)
    again = service.sync(0, *changes).body
    assert [result["outcome"] for result in again["results"]] == ["repeated"] * 4
    # A change's first answer; a create's to-do as it is now.
    assert [again["results"][n]["todo"] for n in (1, 3)] == [first["results"][n]["todo"] for n in (1, 3)]
    assert (again["changes"], again["revision"]) == (first["changes"], first["revision"])


def test_changes_come_in_pages_that_lose_nothing(service: "Service", new_id: NewId) -> None:
    table = service.table()
    table.block_size = 3
    ids = [new_id() for _ in range(8)]
    for todo_id in ids:
        service.add(todo_id)
    service.delete(ids[2])
    since = 0
    seen: dict[str, Any] = {}
    for _ in range(20):
        body = service.sync(since, limit=2).body
        assert len(body["changes"]) <= 2
        seen |= {todo["id"]: todo for todo in body["changes"]}
        since = body["revision"]
        if not body["more"]:
            break
    assert since == 9
    assert set(seen) == set(ids)
    assert seen[ids[2]]["deleted"]


def test_a_page_that_is_not_the_last_is_read_consistently(service: "Service", new_id: NewId) -> None:
    for _ in range(6):
        service.add(new_id())
    service.table().block_size = 3
    body = service.sync(0).body
    assert (body["revision"], body["more"]) == (3, True)
    assert service.last.facts.consistent_reads == 2


def test_a_range_that_begins_inside_a_batch_is_read_consistently(service: "Service", new_id: NewId) -> None:
    service.sync(0, *[create(new_id()) for _ in range(4)])
    service.sync(2)
    assert service.last.facts.proof == "reread"
    assert [todo["revision"] for todo in service.sync(2).body["changes"]] == [3, 4]


def test_a_lagging_replica_hides_no_change(service: "Service", new_id: NewId) -> None:
    service.add(new_id())
    service.add(new_id())
    service.table().lag = 1
    assert [todo["revision"] for todo in service.sync(1, since_at=None).body["changes"]] == []
    service.table().replica = service.table().history[1]
    meta = service.table().now.meta
    service.table().replica = type(service.table().now)(meta, service.table().history[1].items)
    assert [todo["revision"] for todo in service.sync(1).body["changes"]] == [2]


def test_the_revision_that_a_phone_has_is_one_that_the_server_must_see(service: "Service", new_id: NewId) -> None:
    table = service.table()
    service.add(new_id())
    table.remembers = True
    service.sync(0)
    service.add(new_id())
    service.add(new_id())
    body = service.sync(2).body
    assert ([todo["revision"] for todo in body["changes"]], body["reset"]) == ([3], False)


def test_a_phone_ahead_of_the_server_starts_over(service: "Service", new_id: NewId) -> None:
    service.add(new_id())
    body = service.sync(5).body
    assert (body["reset"], body["revision"], len(body["changes"])) == (True, 1, 1)


@pytest.mark.parametrize(("days", "reset"), [(28.9, False), (29.1, True)])
def test_a_phone_that_was_away_longer_than_tombstones_live_starts_over(
    service: "Service", new_id: NewId, days: float, reset: bool
) -> None:
    service.add(new_id())
    at = service.sync(0).body["at"]
    service.add(new_id())
    service.later(days=days)
    body = service.sync(1, since_at=at).body
    assert (body["reset"], len(body["changes"])) == (reset, 2 if reset else 1)


def test_a_first_sync_is_no_reset(service: "Service") -> None:
    body = service.sync(0, since_at="2020-01-01T00:00:00Z").body
    assert (body["reset"], body["changes"], body["revision"]) == (False, [], 0)


def test_an_expired_tombstone_is_not_sent(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    service.delete(todo_id)
    assert [todo["deleted"] for todo in service.sync(0).body["changes"]] == [True]
    service.later(days=30)
    assert service.sync(0).body["changes"] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "since is missing"),
        ({"since": -1}, "since must be at least 0"),
        ({"since": "0"}, "since must be integer"),
        ({"since": 0, "since_at": "yesterday"}, "since_at must be a date-time"),
        ({"since": 0, "limit": 501}, "limit must be at least 1 and at most 500"),
        ({"since": 0, "changes": [{"op": "create", "id": "x", "key": "k"}] * 26}, "changes has more than 25 entries"),
        ({"since": 0, "changes": [{"op": "merge", "id": "x", "key": "k"}]}, "changes[0].op must be create or update"),
        ({"since": 0, "changes": [{"op": "delete", "id": "x"}]}, "changes[0].key is missing"),
        ({"since": 0, "changes": [{"op": "delete", "id": "x", "key": "a b"}]}, "changes[0].key is malformed"),
        ({"since": 0, "owner": "bob"}, "owner is not a known field"),
    ],
)
def test_a_malformed_sync_is_refused_whole(service: "Service", body: dict[str, Any], sentence: str) -> None:
    reply = service.call("POST", "/v1/sync", body=body)
    assert (reply.status, reply.body["code"]) == (400, "invalid_request")
    assert reply.body["message"].startswith(sentence)
    assert len(service.table().history) == 1
