"""Filters, pages and cursors of the list, and snapshots."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from todo_backend.service.listing import PAGE_BYTES

if TYPE_CHECKING:
    from tests.unit.service.conftest import Reply, Service

NewId = Callable[[], str]


def titles(reply: "Reply") -> list[str]:
    return [todo["title"] for todo in reply.body["todos"]]


def walk(service: "Service", **query: Any) -> list[str]:
    found, cursor = [], None
    for _ in range(50):
        reply = service.list(**query, **({"cursor": cursor} if cursor else {}))
        found += titles(reply)
        cursor = reply.body["cursor"]
        if cursor is None:
            return found
    raise AssertionError("the walk does not end")


def snapshot(service: "Service", revision: int, page: int | None = None) -> "Reply":
    query = {"page": str(page)} if page else None
    return service.call("GET", "/v1/snapshots/{revision}", path={"revision": str(revision)}, query=query)


@pytest.fixture
def filled(service: "Service", new_id: NewId) -> "Service":
    service.add(new_id(), "Buy milk", tags=["shop", "home"], list="errands", priority=1, due="2026-11-24")
    service.add(new_id(), "Call Anna", notes="about the MILK bill", due="2026-11-24T08:00:00+02:00")
    service.add(new_id(), "Write report", list="work", status="done", due="2026-12-01")
    service.add(new_id(), "Sleep", tags=["home"])
    return service


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Sleep", "Write report", "Call Anna", "Buy milk"]),
        ({"status": "open"}, ["Sleep", "Call Anna", "Buy milk"]),
        ({"status": "done"}, ["Write report"]),
        ({"tag": "home"}, ["Sleep", "Buy milk"]),
        ({"tag": "hom"}, []),
        ({"list": ""}, ["Sleep", "Call Anna"]),
        ({"list": "work"}, ["Write report"]),
        ({"priority": 1}, ["Buy milk"]),
        ({"q": "milk"}, ["Call Anna", "Buy milk"]),
        ({"q": "MILK buy"}, ["Buy milk"]),
        ({"due_before": "2026-12-01"}, ["Call Anna", "Buy milk"]),
        ({"due_after": "2026-12-01"}, ["Write report"]),
        # 08:00+02:00 is six hours into the 24th in UTC.
        ({"due_after": "2026-11-24T06:00:00Z", "due_before": "2026-11-25"}, ["Call Anna"]),
        ({"due_before": "2026-11-24T06:00:00Z"}, ["Buy milk"]),
        ({"owner": "bob", "sub": "bob", "pk": "USER#bob"}, ["Sleep", "Write report", "Call Anna", "Buy milk"]),
    ],
)
def test_filters(filled: "Service", query: dict[str, Any], expected: list[str]) -> None:
    assert titles(filled.list(**query)) == expected


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"status": "closed"}, "status must be open or done"),
        ({"priority": "high"}, "priority must be a whole number"),
        ({"priority": 9}, "priority must be at least 1 and at most 4"),
        ({"limit": 0}, "limit must be at least 1 and at most 200"),
        ({"limit": 201}, "limit must be at least 1 and at most 200"),
        ({"due_before": "soon"}, "due_before must be a date"),
        ({"q": "x" * 201}, "q is longer than 200 characters"),
        ({"cursor": "nonsense"}, "cursor does not belong to this list"),
        ({"cursor": "ä"}, "cursor does not belong to this list"),
    ],
)
def test_a_wrong_query_is_refused(service: "Service", query: dict[str, Any], sentence: str) -> None:
    reply = service.list(**query)
    assert (reply.status, reply.body["code"]) == (400, "invalid_request")
    assert reply.body["message"].startswith(sentence)


@pytest.mark.parametrize("block_size", [1000, 3, 2])
@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_pages_of_any_size_over_blocks_of_any_size_are_the_whole_list(
    service: "Service", new_id: NewId, limit: int, block_size: int
) -> None:
    service.table().block_size = block_size
    for number in range(8):
        service.add(new_id(), f"t{number}")
    assert walk(service, limit=limit) == [f"t{number}" for number in range(7, -1, -1)]


def test_a_filter_that_matches_little_ends_its_page_early_and_its_walk_late(service: "Service", new_id: NewId) -> None:
    service.table().block_size = 2
    service.add(new_id(), "needle")
    for number in range(20):
        service.add(new_id(), f"hay {number}")
    first = service.list(q="needle")
    assert (titles(first), first.body["cursor"] is None) == ([], False)
    assert walk(service, q="needle") == ["needle"]


def test_no_cursor_leads_to_an_empty_page_when_all_is_known(filled: "Service") -> None:
    assert filled.list(limit=4).body["cursor"] is None
    assert filled.list(limit=2, status="open", q="milk").body["cursor"] is None


def test_a_walk_and_the_changes_since_it_began_are_everything(service: "Service", new_id: NewId) -> None:
    ids = [new_id() for _ in range(6)]
    for number, todo_id in enumerate(ids):
        service.add(todo_id, f"t{number}")
    first = service.list(limit=2)
    service.edit(ids[0], title="t0 changed")
    service.add(new_id(), "new")
    service.delete(ids[1])
    seen = {todo["id"]: todo for todo in first.body["todos"]}
    cursor = first.body["cursor"]
    while cursor:
        reply = service.list(limit=2, cursor=cursor)
        assert reply.body["revision"] == first.body["revision"]
        seen |= {todo["id"]: todo for todo in reply.body["todos"]}
        cursor = reply.body["cursor"]
    seen |= {todo["id"]: todo for todo in service.sync(first.body["revision"]).body["changes"]}
    living = {todo_id for todo_id, todo in seen.items() if not todo["deleted"]}
    assert living == {todo["id"] for todo in service.list().body["todos"]}


def test_a_cursor_is_its_callers_its_lists_and_unaltered(filled: "Service") -> None:
    cursor = filled.list(limit=1, status="open").body["cursor"]
    assert filled.list(cursor=cursor, status="open").status == 200
    assert filled.list(cursor=cursor).status == 400
    assert filled.list(cursor=cursor, status="done").status == 400
    assert filled.list(cursor=cursor, status="open", user="bob").status == 400
    plain = base64.urlsafe_b64decode(cursor + "==").decode()
    forged = base64.urlsafe_b64encode(plain.replace("4.", "3.", 1).encode()).decode().rstrip("=")
    assert forged != cursor
    assert filled.list(cursor=forged, status="open").status == 400


def test_a_page_after_the_first_is_never_not_modified(filled: "Service") -> None:
    cursor = filled.list(limit=1).body["cursor"]
    reply = filled.call("GET", "/v1/todos", query={"cursor": cursor}, headers={"If-None-Match": '"4"'})
    assert (reply.status, "ETag" in reply.headers) == (200, False)


def test_a_page_stays_below_what_the_gateway_would_cache(service: "Service", new_id: NewId) -> None:
    # AC-25: an answer over 1 MiB is not cached.
    for _ in range(40):
        service.add(new_id(), "x", notes="ä" * 10_000, attachments=["k" * 1000 + str(n) for n in range(15)])
    reply = service.list(limit=200)
    assert reply.body["cursor"] is not None
    assert 800_000 < len(reply.text.encode()) < PAGE_BYTES + 10_000
    page = snapshot(service, 40)
    assert page.body["next_page"] is not None
    assert len(page.text.encode()) < 1_048_576
    assert len(walk(service, limit=200)) == 40


def test_a_snapshot_is_the_whole_list_without_tombstones_in_pages(service: "Service", new_id: NewId) -> None:
    ids = [new_id() for _ in range(7)]
    for number, todo_id in enumerate(ids):
        service.add(todo_id, f"t{number}")
    service.delete(ids[3])
    service.table().block_size = 3
    found: list[str] = []
    page: int | None = None
    for _ in range(9):
        reply = snapshot(service, 8, page)
        assert (reply.status, reply.body["revision"]) == (200, 8)
        found += titles(reply)
        page = reply.body["next_page"]
        if page is None:
            break
    assert found == ["t6", "t5", "t4", "t2", "t1", "t0"]


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_a_snapshot_of_another_revision_is_gone_and_names_the_current_one(
    service: "Service", new_id: NewId, revision: int
) -> None:
    service.add(new_id())
    service.add(new_id())
    reply = snapshot(service, revision)
    assert (reply.status, reply.body["code"], reply.body["revision"]) == (410, "gone", 2)
    assert service.last.facts.consistent_reads == 1


def test_a_snapshot_of_nothing_is_empty(service: "Service") -> None:
    assert snapshot(service, 0).body == {"todos": [], "revision": 0, "next_page": None}


def test_a_snapshot_does_not_trust_any_cache(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "first")
    table = service.table()
    table.remembers = True
    service.list()
    service.add(new_id(), "second")
    assert snapshot(service, 1).status == 410
    assert titles(snapshot(service, 2)) == ["second", "first"]
    assert service.last.facts.eventual_reads == 0


def test_a_snapshot_that_was_overtaken_while_it_was_read_is_gone(service: "Service", new_id: NewId) -> None:
    service.add(new_id(), "first")
    table = service.table()

    def another_device() -> None:
        if table.reads[-1][0] == "block":
            table.on_read = lambda: None
            service.add(new_id(), "second")

    table.on_read = another_device
    assert snapshot(service, 1).status == 410


@pytest.mark.parametrize("revision", ["x", "-1", "1.5", "", "9" * 20])
def test_a_snapshot_of_no_number_is_refused(service: "Service", revision: str) -> None:
    reply = service.call("GET", "/v1/snapshots/{revision}", path={"revision": revision})
    assert (reply.status, reply.body["code"]) == (400, "invalid_request")
