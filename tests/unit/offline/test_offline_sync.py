"""Syncing: what is sent, what comes back, what happens when it does not, and who wins."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.unit.offline.conftest import Phone, World
from todo_sdk import ForbiddenError, NotFoundError, NotSignedInError, ReplicaError, ServerError, TransportError
from todo_sdk._exchange import Exchange, Position
from todo_sdk._replica_apply import apply_exchange
from todo_sdk._replica_store import alone

Both = tuple[Phone, Phone]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_phone(world: World, tmp_path: Path) -> Iterator[Callable[..., Phone]]:
    made: list[Phone] = []

    def make(name: str, **options: Any) -> Phone:
        made.append(Phone(world, tmp_path / name, **options))
        made[-1].client._http._retries._sleep = lambda seconds: None
        return made[-1]

    yield make
    for phone in made:
        phone.client.close()


@pytest.fixture
def phone(make_phone: Callable[..., Phone]) -> Phone:
    return make_phone("phone")


@pytest.fixture
def both(make_phone: Callable[..., Phone]) -> Both:
    """A phone and a tablet of one user, both with the to-do "Buy milk"."""
    phone, tablet = make_phone("phone"), make_phone("tablet")
    phone.replica.add("Buy milk", notes="2 l", tags=["home"], due="2026-12-01")
    for each in (phone, tablet):
        assert each.replica.sync().complete
    return phone, tablet


def id_of(phone: Phone, number: int = 0) -> str:
    return phone.replica.list()[number].id


def settle(*phones: Phone) -> None:
    for _ in range(2):
        for each in phones:
            assert each.replica.sync().complete
    assert len({each.replica.list() for each in phones}) == 1


def fails(*fates: str | None) -> Callable[[requests.PreparedRequest], str | None]:
    coming = iter(fates)
    return lambda request: next(coming, None)


# what it costs


def test_one_change_is_one_request(world: World, phone: Phone) -> None:
    todo = phone.replica.add("Buy milk")
    report = phone.replica.sync()
    assert (report.pushed, report.pulled, report.queued, report.requests, report.complete) == (1, 0, 0, 1, True)
    phone.replica.edit(todo.id, title="Buy bread")
    phone.replica.sync()
    phone.replica.remove(todo.id)
    phone.replica.sync()
    assert world.asked == ["POST v1/sync"] * 3
    assert world.live() == {}


def test_nothing_to_do_is_one_request(world: World, phone: Phone) -> None:
    assert phone.replica.sync().complete
    assert world.asked == ["POST v1/sync"]


def test_many_changes_go_25_at_a_time_in_the_order_they_were_made(world: World, phone: Phone) -> None:
    titles = [f"{number:02}" for number in range(60)]
    for title in titles:
        phone.replica.add(title)
    report = phone.replica.sync()
    assert (report.pushed, report.requests) == (60, 3)
    served = sorted(world.live().values(), key=lambda item: item["revision"])
    assert [item["title"] for item in served] == titles


def test_many_todos_come_in_pages_and_the_position_moves_with_them(world: World, both: Both) -> None:
    phone, tablet = both
    for number in range(40):
        phone.replica.add(str(number))
    phone.replica.sync()
    sent: list[Any] = []
    limit_to(world, 10, sent)
    world.fault = fails(None, None, *["down"] * 4)
    first = tablet.replica.sync()
    assert (first.online, first.complete, first.pulled) == (False, False, 20)
    assert len(tablet.replica.list()) == 21
    world.fault = fails()
    assert tablet.replica.sync().pulled == 20
    assert [body["since"] for body in sent] == [1, 11, 21, 31]


def limit_to(world: World, limit: int, sent: list[Any]) -> None:
    """Let the service give smaller pages."""
    send = world.service.send

    def limited(event: dict[str, Any]) -> Any:
        body = {**json.loads(event["body"]), "limit": limit}
        sent.append(body)
        return send({**event, "body": json.dumps(body)})

    world.service.send = limited  # type: ignore[method-assign]


# a long list for the first time


@pytest.fixture
def long_list(world: World) -> World:
    """A list of 700, in blocks of 300, of which some were removed."""
    world.table().block_size = 300
    for number in range(700):
        world.service.add(todo_id_of(number), f"to-do {number}")
    for number in range(0, 700, 7):
        world.service.delete(todo_id_of(number))
    return world


def todo_id_of(number: int) -> str:
    return f"019ab000-0000-7000-8000-{number:012x}"


def test_a_long_list_comes_as_a_snapshot_the_first_time(long_list: World, phone: Phone) -> None:
    mine = phone.replica.add("mine")
    report = phone.replica.sync()
    assert (report.complete, report.pulled, report.queued) == (True, 600, 0)
    assert {todo.id for todo in phone.replica.list()} == set(long_list.live())
    kinds = [asked.partition("?")[0] for asked in long_list.asked]
    assert kinds == ["POST v1/sync", "GET v1/revision", *["GET v1/snapshots/801"] * 3, "POST v1/sync"]
    long_list.asked.clear()
    phone.replica.edit(mine.id, title="still mine")
    assert phone.replica.sync().complete
    assert long_list.asked == ["POST v1/sync"]


@pytest.mark.parametrize("status", ["500", "404", "410"])
@pytest.mark.parametrize("at", [1, 2])
def test_without_a_snapshot_the_changes_are_walked_from_the_beginning(
    long_list: World, phone: Phone, status: str, at: int
) -> None:
    seen: list[str] = []

    def fault(request: requests.PreparedRequest) -> str | None:
        if "snapshots" not in request.path_url:
            return None
        seen.append(request.path_url)
        return status if len(set(seen)) > at else None

    long_list.fault = fault
    assert phone.replica.sync().complete
    assert {todo.id for todo in phone.replica.list()} == set(long_list.live())


def test_what_is_removed_while_a_snapshot_is_fetched_is_not_kept(long_list: World, phone: Phone) -> None:
    def meanwhile(request: requests.PreparedRequest) -> None:
        if "revision" in request.path_url or "page=" in request.path_url:
            number = len(long_list.live()) % 7 + 1 + 7 * len(long_list.asked)
            long_list.service.delete(todo_id_of(number))

    long_list.fault = meanwhile
    assert phone.replica.sync().complete
    assert {todo.id for todo in phone.replica.list()} == set(long_list.live())


def test_a_snapshot_that_is_cut_short_begins_again_and_nothing_is_lost(long_list: World, phone: Phone) -> None:
    mine = phone.replica.add("mine")
    long_list.fault = lambda request: "down" if "page=" in request.path_url else None
    first = phone.replica.sync()
    assert (first.complete, first.online) == (False, False)
    long_list.fault = fails()
    phone.restarted()
    long_list.service.delete(todo_id_of(8))
    assert phone.replica.sync().complete
    assert {todo.id for todo in phone.replica.list()} == set(long_list.live())
    assert mine.id in long_list.live()


def test_on_a_budget_a_long_list_comes_bit_by_bit(long_list: World, phone: Phone) -> None:
    assert phone.replica.sync(budget_seconds=60).complete
    assert set(long_list.asked) == {"POST v1/sync"}
    assert {todo.id for todo in phone.replica.list()} == set(long_list.live())


# the network


@pytest.mark.parametrize("fate", ["down", "lost", "503", "429", "500"])
def test_what_did_not_get_through_waits_and_is_told_not_raised(world: World, phone: Phone, fate: str) -> None:
    phone.replica.add("Buy milk")
    world.fault = lambda request: fate
    report = phone.replica.sync()
    assert (report.complete, report.queued, report.online) == (False, 1, fate not in ("down", "lost"))
    assert isinstance(report.error, TransportError if fate in ("down", "lost") else (ServerError, Exception))
    world.fault = fails()
    phone.restarted()
    assert phone.replica.sync().complete
    assert [item["version"] for item in world.live().values()] == [1]


def test_a_change_whose_answer_was_lost_happens_once_whatever_was_changed_since(world: World, phone: Phone) -> None:
    todo = phone.replica.add("a")
    phone.replica.sync()
    rounds: tuple[dict[str, Any], ...] = ({"title": "b"}, {"notes": "n"}, {"title": "c"})
    for changes in rounds:
        phone.replica.edit(todo.id, **changes)
        world.fault = lambda request: "lost"
        phone.replica.sync()
        world.fault = fails()
        phone.replica.edit(todo.id, priority=len(changes["title"]) if "title" in changes else 2)
        phone.restarted()
    report = phone.replica.sync()
    assert (report.conflicts, report.queued) == ((), 0)
    item = world.live()[todo.id]
    assert (item["title"], item["notes"], item["priority"]) == ("c", "n", 1)


def test_a_create_whose_answer_was_lost_is_not_made_twice(world: World, phone: Phone) -> None:
    todo = phone.replica.add("a")
    world.fault = lambda request: "lost"
    phone.replica.sync()
    phone.replica.edit(todo.id, title="b")
    phone.replica.add("c")
    world.fault = fails()
    report = phone.replica.sync()
    assert (report.pushed, report.conflicts) == (3, ())
    assert sorted(item["title"] for item in world.live().values()) == ["b", "c"]


def test_a_todo_removed_while_its_create_is_on_the_way_is_gone_everywhere(world: World, both: Both) -> None:
    phone, tablet = both
    todo = phone.replica.add("a")
    world.fault = lambda request: "lost"
    phone.replica.sync()
    phone.replica.remove(todo.id)
    world.fault = fails()
    settle(phone, tablet)
    assert todo.id not in world.live()


def test_a_change_edited_back_before_it_was_sent_sends_nothing(world: World, both: Both) -> None:
    phone, _ = both
    phone.replica.edit(id_of(phone), title="x")
    phone.replica.edit(id_of(phone), title="Buy milk")
    assert phone.replica.queued() == ()


def test_a_budget_ends_a_sync_and_the_rest_waits(world: World, phone: Phone) -> None:
    for number in range(30):
        phone.replica.add(str(number))
    report = phone.replica.sync(budget_seconds=0)
    assert (report.requests, report.queued, report.complete) == (0, 30, False)
    timeouts: list[Any] = []
    http = phone.client._http._session
    send = http.send
    http.send = lambda request, **options: timeouts.append(options["timeout"]) or send(request, **options)  # type: ignore
    world.fault = fails("503")
    assert phone.replica.sync(budget_seconds=3).requests == 1, "no second try on a budget"
    assert phone.replica.sync(budget_seconds=30).complete
    assert all(limit <= 3 for limit in timeouts[0])


def test_only_one_process_syncs_at_a_time(world: World, phone: Phone) -> None:
    phone.replica.add("Buy milk")
    with alone(phone.replica.path, 0) as mine:
        assert mine
        report = phone.replica.sync(budget_seconds=0.05)
    assert isinstance(report.error, ReplicaError)
    assert (report.error.reason, report.requests, report.queued) == ("busy", 0, 1)
    assert phone.replica.sync().complete


def test_a_change_made_while_a_sync_is_on_its_way_is_neither_lost_nor_mixed_up(world: World, both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)

    def meanwhile(request: requests.PreparedRequest) -> None:
        world.fault = fails()
        phone.replica.edit(todo_id, title="third", notes="more")

    phone.replica.edit(todo_id, title="second")
    world.fault = meanwhile
    report = phone.replica.sync()
    assert (report.conflicts, report.queued) == ((), 0)
    settle(phone, tablet)
    assert (tablet.replica.get(todo_id).title, tablet.replica.get(todo_id).notes) == ("third", "more")


# who is signed in


@pytest.mark.parametrize(("status", "error"), [("403", ForbiddenError), ("401", NotSignedInError)])
def test_what_the_user_must_act_on_is_raised_and_nothing_is_lost(
    world: World, phone: Phone, status: str, error: type[Exception]
) -> None:
    replica = phone.replica
    replica.add("Buy milk")
    phone.client._session._cognito.refresh = refused  # type: ignore[assignment,method-assign]
    world.fault = lambda request: status
    with pytest.raises(error):
        replica.sync()
    assert len(replica.queued()) == 1


def refused(*_: Any) -> Any:
    raise NotSignedInError("your session has ended; sign in again")


def test_a_replica_is_never_pushed_to_another_users_list(world: World, phone: Phone) -> None:
    replica = phone.replica
    replica.add("Alice's")
    phone.sign_in("bob")
    old = replica
    old._session = phone.client._session
    with pytest.raises(NotSignedInError, match="belongs to another user"):
        old.sync()
    assert world.asked == []
    assert phone.replica.list() == ()
    old.close()


# conflicts


def test_changes_of_different_fields_are_joined(both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    phone.replica.edit(todo_id, title="Buy oat milk", tags=["home", "new"])
    tablet.replica.edit(todo_id, priority=1, tags=[])
    settle(phone, tablet)
    todo = phone.replica.get(todo_id)
    assert (todo.title, todo.priority, todo.tags) == ("Buy oat milk", 1, ("new",))
    assert phone.replica.conflicts() == tablet.replica.conflicts() == ()


@pytest.mark.parametrize("phone_is_later", [True, False])
def test_the_last_change_of_a_field_wins_and_the_other_is_kept(world: World, both: Both, phone_is_later: bool) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    order = (tablet, phone) if phone_is_later else (phone, tablet)
    order[0].replica.edit(todo_id, title="earlier")
    if phone_is_later:
        tablet.replica.sync()
    world.later(hours=1)
    order[1].replica.edit(todo_id, title="later")
    tablet.replica.sync()
    report = phone.replica.sync()
    settle(phone, tablet)
    assert tablet.replica.get(todo_id).title == "later"
    (conflict,) = phone.replica.conflicts(todo_id)
    assert report.conflicts == (conflict,)
    assert (conflict.field, conflict.kept, conflict.lost) == ("title", "later", "earlier")
    assert conflict.winner == ("mine" if phone_is_later else "theirs")
    assert phone.replica.stats().conflicts == 1


def test_a_clock_that_is_wrong_does_not_decide(world: World, make_phone: Callable[..., Phone]) -> None:
    right, ahead = make_phone("right"), make_phone("ahead", wrong_by=timedelta(days=2))
    todo = right.replica.add("Buy milk")
    settle(right, ahead)
    ahead.replica.edit(todo.id, title="earlier")
    world.later(minutes=5)
    right.replica.edit(todo.id, title="later")
    right.replica.sync()
    settle(ahead, right)
    assert ahead.replica.get(todo.id).title == "later"


@pytest.mark.parametrize("who_removes", [0, 1])
def test_a_removal_wins_over_an_edit_and_the_edit_is_kept(world: World, both: Both, who_removes: int) -> None:
    todo_id = id_of(both[0])
    remover, editor = both[who_removes], both[1 - who_removes]
    remover.replica.remove(todo_id)
    editor.replica.edit(todo_id, notes="3 l")
    both[0].replica.sync()
    report = both[1].replica.sync()
    settle(*both)
    assert world.live() == {}
    (conflict,) = report.conflicts
    winner = "mine" if both[1] is remover else "theirs"
    assert (conflict.field, conflict.kept, conflict.lost, conflict.winner) == (
        "deleted",
        True,
        {"notes": "3 l"},
        winner,
    )
    back = editor.replica.restore(todo_id)
    assert (back.title, back.notes) == ("Buy milk", "3 l")
    settle(*both)
    assert len(world.live()) == 1


def test_an_edit_on_top_of_what_others_changed_is_sent_for_what_is_there_now(world: World, both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    for number in range(20):  # more changes than a to-do remembers keys
        tablet.replica.edit(todo_id, notes=str(number))
        tablet.replica.sync()
    phone.replica.edit(todo_id, title="Buy bread")
    assert phone.replica.sync().requests == 2
    item = world.live()[todo_id]
    assert (item["title"], item["notes"]) == ("Buy bread", "19")


def test_a_sent_change_that_the_service_forgot_is_not_made_twice(world: World, both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    phone.replica.edit(todo_id, tags=["home", "x"])
    world.fault = lambda request: "lost"
    phone.replica.sync()
    world.fault = fails()
    tablet.replica.sync()
    tablet.replica.edit(todo_id, tags=["home"])  # takes it off again
    tablet.replica.sync()
    for number in range(17):
        tablet.replica.edit(todo_id, notes=str(number))
        tablet.replica.sync()
    settle(phone, tablet)
    assert phone.replica.get(todo_id).notes == "16"


# recurrence


def test_two_devices_that_complete_the_same_todo_make_one_next_occurrence(world: World, both: Both) -> None:
    phone, tablet = both
    todo = phone.replica.add("Water", due="2026-11-20", recurrence="RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3")
    settle(phone, tablet)
    phone.replica.done(todo.id)
    world.later(days=1)  # the tablet's idea of the next day is another
    following = tablet.replica.done(todo.id).next
    assert following is not None
    tablet.replica.edit(following.id, notes="mine")
    settle(phone, tablet)
    waters = [each for each in phone.replica.list(status="open") if each.title == "Water"]
    assert [(each.id, each.notes) for each in waters] == [(following.id, "mine")]


def test_a_completion_taken_back_and_made_again_goes_on_everywhere(both: Both) -> None:
    phone, tablet = both
    todo = phone.replica.add("Water", due="2026-11-23", recurrence="FREQ=WEEKLY")
    phone.replica.done(todo.id)
    settle(phone, tablet)
    phone.replica.undo()
    settle(phone, tablet)
    assert [each.status for each in phone.replica.list(q="Water")] == ["open"]
    following = phone.replica.done(todo.id).next
    settle(phone, tablet)
    assert following is not None
    assert tablet.replica.get(following.id).status == "open"


# undo after a sync


def test_undo_of_what_was_synced_is_a_new_change(world: World, both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    phone.replica.edit(todo_id, title="Buy bread")
    phone.replica.remove(todo_id)
    settle(phone, tablet)
    for _ in range(2):
        assert phone.replica.undo() is not None
        settle(phone, tablet)
    (todo,) = tablet.replica.list()
    assert (todo.title, todo.notes, todo.tags) == ("Buy milk", "2 l", ("home",))


def test_undo_leaves_what_others_changed_again(both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    phone.replica.edit(todo_id, title="mine", notes="mine")
    settle(phone, tablet)
    tablet.replica.edit(todo_id, title="theirs")
    settle(phone, tablet)
    undone = phone.replica.undo()
    assert undone is not None
    assert undone.kept == ("title",)
    assert (phone.replica.get(todo_id).title, phone.replica.get(todo_id).notes) == ("theirs", "2 l")


# changes that the service does not want


def spoiled(world: World, title: str, status: str) -> None:
    """Let the service fail at every request that carries a to-do with this title."""
    world.fault = lambda request: status if title in str(bytes(request.body or b"")) else None  # type: ignore[arg-type]


def test_an_invalid_change_waits_aside_and_keeps_nobody_back(world: World, phone: Phone) -> None:
    good, bad = phone.replica.add("good"), phone.replica.add("bad")
    with phone.replica._writing() as db:  # what no version of this SDK would let through
        db.execute("UPDATE todo SET recurrence = 'FREQ=NEVER', due = '2026-12-01' WHERE id = ?", (bad.id,))
    report = phone.replica.sync()
    assert (report.pushed, report.queued, report.complete) == (1, 1, True)
    (refused_change,) = report.refused
    assert refused_change.todo_id == bad.id
    assert "recurrence must be one RRULE" in str(refused_change.problem)
    assert phone.replica.stats().refused == 1
    assert phone.replica.sync().requests == 1, "it is not sent again and again"
    phone.replica.edit(bad.id, recurrence=None)
    assert phone.replica.queued()[0].problem is None
    assert phone.replica.sync().queued == 0
    assert set(world.live()) == {good.id, bad.id}


@pytest.mark.parametrize("status", ["400", "413"])
def test_a_change_that_spoils_its_request_is_found_and_set_aside(world: World, phone: Phone, status: str) -> None:
    for number in range(30):
        phone.replica.add("poison" if number == 17 else f"good {number}")
    spoiled(world, "poison", status)
    report = phone.replica.sync()
    assert (report.complete, report.pushed, report.queued) == (True, 29, 1)
    assert [change.title for change in report.refused] == ["poison"]
    discarded = report.refused[0].todo_id
    assert phone.replica.discard(discarded) is None
    assert phone.replica.queued() == ()


def test_a_change_at_which_the_service_breaks_lets_the_others_pass(world: World, phone: Phone) -> None:
    for number in range(30):
        phone.replica.add("poison" if number == 3 else f"good {number}")
    spoiled(world, "poison", "500")
    report = phone.replica.sync()
    assert (report.complete, report.pushed, report.queued) == (False, 29, 1)
    assert isinstance(report.error, ServerError)
    world.service.add("019ab000-0000-7000-8000-0000000000aa", "from elsewhere")
    assert phone.replica.sync().pulled == 1, "and what others changed still comes"
    world.fault = fails()
    assert phone.replica.sync().complete
    assert len(world.live()) == 31


def test_discarding_a_change_gives_the_services_version_back(world: World, both: Both) -> None:
    phone, _ = both
    todo_id = id_of(phone)
    phone.replica.edit(todo_id, title="x")
    given_up = phone.replica.discard(todo_id)
    assert given_up is not None
    assert given_up.title == "Buy milk"
    assert phone.replica.queued() == ()
    with pytest.raises(NotFoundError, match="nothing of this to-do waits"):
        phone.replica.discard(todo_id)
    undone = phone.replica.undo()
    assert undone is not None
    assert phone.replica.get(todo_id).title == "x"


def test_discarding_what_may_have_been_sent_takes_it_back(world: World, both: Both) -> None:
    phone, tablet = both
    todo_id = id_of(phone)
    phone.replica.edit(todo_id, title="x")
    world.fault = lambda request: "lost"
    phone.replica.sync()
    world.fault = fails()
    phone.replica.discard(todo_id)
    settle(phone, tablet)
    assert tablet.replica.get(todo_id).title == "Buy milk"


# long away


def test_after_a_month_away_everything_is_fetched_anew_and_nothing_unpushed_is_lost(world: World, both: Both) -> None:
    phone, tablet = both
    kept = id_of(phone)
    gone, edited_here = phone.replica.add("gone"), phone.replica.add("edited here, removed there")
    settle(phone, tablet)
    tablet.replica.remove(gone.id)
    tablet.replica.remove(edited_here.id)
    tablet.replica.edit(kept, title="Buy oat milk")
    tablet.replica.sync()
    phone.replica.edit(edited_here.id, notes="mine")
    phone.replica.edit(kept, notes="mine too")
    new = phone.replica.add("new")
    for days in (15, 16):
        world.later(days=days)
        tablet.replica.sync()
    for todo_id in (gone.id, edited_here.id):
        world.table().forget(todo_id)  # by TTL: nobody can tell any more that they were removed
    report = phone.replica.sync()
    assert report.complete
    settle(phone, tablet)
    held = {todo.id: todo for todo in phone.replica.list()}
    assert held.keys() == {kept, new.id}
    assert (held[kept].title, held[kept].notes) == ("Buy oat milk", "mine too")
    assert [conflict.lost for conflict in phone.replica.conflicts(edited_here.id)] == [{"notes": "mine"}]


def test_more_than_one_request_full_of_unpushed_changes_survives_a_month_away(world: World, both: Both) -> None:
    phone, tablet = both
    known = id_of(phone)
    titles = {f"unpushed {number}" for number in range(30)}
    for title in sorted(titles):
        phone.replica.add(title)
    phone.replica.edit(known, notes="unpushed, too")
    world.later(days=31)
    assert phone.replica.sync().complete
    settle(phone, tablet)
    assert {item["title"] for item in world.live().values()} == {"Buy milk", *titles}
    assert tablet.replica.get(known).notes == "unpushed, too"


def test_a_walk_that_starts_anew_and_is_cut_short_goes_on_where_it_was(world: World, both: Both) -> None:
    phone, tablet = both
    for number in range(30):
        phone.replica.add(str(number))
    settle(phone, tablet)
    for todo in tablet.replica.list(q="1"):
        tablet.replica.remove(todo.id)
    for days in (15, 16):
        world.later(days=days)
        tablet.replica.sync()
    for todo_id, item in list(world.table().now.items.items()):
        if item["deleted"]:
            world.table().forget(todo_id)
    limit_to(world, 5, [])
    while not phone.replica.sync().complete:
        phone.restarted()
    assert len(phone.replica.list()) > len(world.live()) - 1
    world.fault = every_other()
    for _ in range(20):
        phone.replica.sync(budget_seconds=60)
        phone.restarted()
    world.fault = fails()
    settle(phone, tablet)
    assert {todo.id for todo in phone.replica.list()} == set(world.live())


def every_other() -> Callable[[requests.PreparedRequest], str | None]:
    fates = iter([None, "down"] * 100)
    return lambda request: next(fates)


def test_a_service_that_fell_behind_is_followed_and_nothing_unpushed_is_lost(world: World, both: Both) -> None:
    phone, tablet = both
    for title in ("lost", "by a restore of the table"):
        phone.replica.add(title)
        phone.replica.sync()
    del world.table().history[-2:]
    mine = phone.replica.add("mine")
    settle(phone, tablet)
    assert mine.id in world.live()
    assert len(phone.replica.list()) == 2


def test_old_tombstones_are_swept(world: World, both: Both) -> None:
    phone, _ = both
    phone.replica.remove(id_of(phone))
    phone.replica.sync()
    with phone.replica._reading() as db:
        assert db.execute("SELECT count(*) FROM todo").fetchone()[0] == 1
    for days in (25, 25):
        world.later(days=days)
        phone.replica.sync()
    with phone.replica._reading() as db:
        assert db.execute("SELECT count(*) FROM todo").fetchone()[0] == 0


def test_an_answer_that_cannot_be_read_changes_nothing(world: World, both: Both) -> None:
    phone, _ = both
    before = phone.replica.list()
    send = world.service.send

    def garbled(event: dict[str, Any]) -> Any:
        reply = send(event)
        reply.text = json.dumps({**reply.body, "changes": [{"id": "x"}]})
        return reply

    world.service.send = garbled  # type: ignore[method-assign]
    report = phone.replica.sync()
    assert isinstance(report.error, ServerError)
    assert phone.replica.list() == before


def test_an_answer_about_other_changes_is_not_believed(world: World, both: Both) -> None:
    phone, _ = both
    phone.replica.edit(id_of(phone), title="x")
    send = world.service.send

    def mixed_up(event: dict[str, Any]) -> Any:
        reply = send(event)
        results = [{**result, "key": "another"} for result in reply.body["results"]]
        reply.text = json.dumps({**reply.body, "results": results})
        return reply

    world.service.send = mixed_up  # type: ignore[method-assign]
    report = phone.replica.sync()
    assert isinstance(report.error, ServerError)
    assert report.queued == 1


def exchanged(phone: Phone, **parts: Any) -> None:
    """Apply an answer of the service to a phone."""
    with phone.replica._writing() as db:
        rows = phone.replica._rows(db)
        position = Position(rows.fact("since"), rows.fact("since_at"))
        apply_exchange(
            rows, Exchange(**{"results": (), "changes": (), "more": False, "reset": False, **parts}, position=position)
        )


def test_an_older_version_does_not_come_back(both: Both) -> None:
    phone, tablet = both
    old = phone.replica.list()[0].to_wire()
    tablet.replica.edit(old["id"], title="newer")
    settle(tablet, phone)
    exchanged(phone, changes=(old,))
    assert phone.titles() == ["newer"]


def test_a_result_for_another_change_settles_nothing(world: World, both: Both) -> None:
    phone, _ = both
    todo = phone.replica.list()[0]
    phone.replica.edit(todo.id, title="x")
    world.fault = lambda request: "down"
    phone.replica.sync()
    result = {"id": todo.id, "key": "another", "outcome": "applied", "todo": {**todo.to_wire(), "version": 9}}
    exchanged(phone, results=(result,))
    assert [change.fields for change in phone.replica.queued()] == [{"title": "x"}]
    world.fault = fails()
    assert phone.replica.sync().pushed == 1
