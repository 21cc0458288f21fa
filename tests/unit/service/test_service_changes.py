"""The pure engine: what a batch of changes makes of a user's to-dos."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from todo_backend.service import todos
from todo_backend.service.changes import RECENT_BYTES, Change, Meta, Plan, apply
from todo_backend.service.todos import Item

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
A, B = "019ab000-0000-7000-8000-00000000000a", "019ab000-0000-7000-8000-00000000000b"


def create(todo_id: str = A, **fields: Any) -> Change:
    return Change("create", todo_id, "create", todos.check_create({"title": "milk", **fields}))


def update(key: str = "k", todo_id: str = A, if_version: int | None = None, **fields: Any) -> Change:
    return Change("update", todo_id, key, fields, if_version)


def delete(key: str = "d", todo_id: str = A) -> Change:
    return Change("delete", todo_id, key)


def run(*changes: Change, items: dict[str, Item] | None = None, revision: int = 0, now: datetime = NOW) -> Plan:
    return apply(changes, items or {}, Meta(revision), now)


def outcomes(plan: Plan) -> list[str]:
    return [result.outcome for result in plan.results]


def test_each_change_takes_the_next_revision() -> None:
    plan = run(create(A), create(B), update(title="bread"), revision=7)
    assert [result.todo and result.todo["revision"] for result in plan.results] == [8, 9, 10]
    assert plan.after == Meta(10, "2026-11-23T12:00:00.000Z", base=7, written=2)


def test_an_item_touched_twice_is_written_once_with_its_last_state() -> None:
    plan = run(create(), update("a", title="bread"), update("b", title="eggs"))
    assert list(plan.puts) == [A]
    assert (plan.puts[A]["title"], plan.puts[A]["version"], plan.puts[A]["revision"]) == ("eggs", 3, 3)
    assert plan.expected == {A: None}


def test_a_refused_change_and_one_that_alters_nothing_take_no_revision() -> None:
    items = run(create()).puts
    plan = run(update(title="milk"), update(todo_id=B, title="x"), update("z", title="tea"), items=items, revision=1)
    assert outcomes(plan) == ["applied", "not_found", "applied"]
    assert (plan.after.revision, plan.puts[A]["revision"]) == (2, 2)


def test_a_batch_that_changes_nothing_writes_nothing() -> None:
    plan = run(update(title="milk"), items=run(create()).puts, revision=1)
    assert (plan.puts, plan.after) == ({}, plan.before)


def test_what_rests_on_a_read_alone_asks_to_be_confirmed() -> None:
    items = run(create()).puts
    assert not run(create()).needs_confirmation
    assert not run(update(title="tea"), items=items).needs_confirmation
    for change in (create(), create(notes="other"), update(title="milk"), update(todo_id=B), update(if_version=9)):
        assert run(change, items=items).needs_confirmation


def test_the_same_create_again_is_the_todo_as_it_is_now() -> None:
    items = run(create(), update(title="tea"), delete()).puts
    plan = run(create(), items=items, revision=3)
    assert outcomes(plan) == ["repeated"]
    assert items[A]["deleted"]
    assert plan.results[0].todo == todos.wire(items[A])


def test_another_create_under_the_same_id_is_a_conflict() -> None:
    plan = run(create(notes="other"), items=run(create()).puts)
    assert (plan.results[0].outcome, plan.results[0].code) == ("conflict", "already_exists")
    assert plan.puts == {}


def test_done_sets_the_time_and_reopening_clears_it() -> None:
    done = run(create(), update("a", status="done"))
    assert done.puts[A]["completed_at"] == "2026-11-23T12:00:00.000Z"
    again = run(update("b", status="open"), items=done.puts, revision=2)
    assert again.puts[A]["completed_at"] is None


def test_changing_a_done_todo_keeps_the_time_it_was_done() -> None:
    items = run(create(status="done")).puts
    plan = run(update(title="tea", status="done"), items=items, now=NOW + timedelta(hours=1))
    assert plan.puts[A]["completed_at"] == "2026-11-23T12:00:00.000Z"
    assert plan.puts[A]["updated_at"] == "2026-11-23T13:00:00.000Z"


def test_a_wrong_version_is_a_conflict_that_shows_the_current_todo() -> None:
    plan = run(update(if_version=2, title="tea"), items=run(create()).puts, revision=1)
    result = plan.results[0]
    assert (result.outcome, result.code, result.todo and result.todo["version"]) == ("conflict", "version_mismatch", 1)


def test_a_repeat_gets_the_first_answer_even_when_its_version_no_longer_fits() -> None:
    change = update("k1", if_version=1, status="done", notes="n")
    first = run(change, items=run(create()).puts, revision=1)
    later = run(update("k2", title="tea", notes="", status="open"), delete("k3"), items=first.puts, revision=2, now=NOW)
    repeat = run(change, items=later.puts, revision=4)
    assert outcomes(repeat) == ["repeated"]
    assert repeat.results[0].todo == first.results[0].todo
    assert repeat.puts == {}


def test_a_repeated_delete_gets_its_tombstone_and_another_delete_finds_nothing() -> None:
    first = run(delete("k1"), items=run(create()).puts, revision=1)
    assert run(delete("k1"), items=first.puts).results[0].todo == first.results[0].todo
    assert outcomes(run(delete("k2"), items=first.puts)) == ["not_found"]
    assert outcomes(run(update("k2", title="tea"), items=first.puts)) == ["not_found"]


def test_a_tombstone_lives_thirty_days_and_is_then_no_longer_there() -> None:
    items = run(create(), delete()).puts
    assert items[A]["expires_at"] == int((NOW + timedelta(days=30)).timestamp())
    late = run(create(notes="new life"), items=items, revision=2, now=NOW + timedelta(days=30))
    assert outcomes(late) == ["applied"]
    # The table still holds the tombstone (DD-19): it is overwritten only as long as it is that one.
    assert late.expected == {A: 2}
    assert "expires_at" not in late.puts[A]


def test_sixteen_keys_are_remembered_and_the_seventeenth_pushes_out_the_first() -> None:
    items = run(create()).puts
    for number in range(17):
        items = run(update(f"k{number}", title=f"t{number}"), items=items, revision=number + 1).puts
    assert outcomes(run(update("k1", title="t1"), items=items)) == ["repeated"]
    assert outcomes(run(update("k0", title="t0"), items=items)) == ["applied"]


def test_what_is_remembered_stays_small_when_notes_are_large() -> None:
    items = run(create()).puts
    for number in range(16):
        items = run(update(f"k{number}", notes=str(number % 10) * 10_000), items=items, revision=number + 1).puts
    assert len(items[A]["recent"].encode()) <= RECENT_BYTES
    assert outcomes(run(update("k15", notes="5" * 10_000), items=items)) == ["repeated"]


def test_a_recurrence_needs_the_due_date_that_the_todo_has_by_then() -> None:
    items = run(create()).puts
    assert outcomes(run(update(recurrence="FREQ=DAILY"), items=items)) == ["invalid"]
    with_due = run(update(recurrence="FREQ=DAILY", due="2026-11-24"), items=items)
    assert outcomes(with_due) == ["applied"]
    assert outcomes(run(update("x", due=None), items=with_due.puts)) == ["invalid"]
    assert outcomes(run(update("y", due=None, recurrence=None), items=with_due.puts)) == ["applied"]


def test_bookkeeping_never_goes_out() -> None:
    plan = run(create(), update(title="tea"), delete())
    assert {"digest", "recent", "expires_at"} <= set(plan.puts[A])
    for result in plan.results:
        assert result.todo is not None
        assert tuple(result.todo) == todos.WIRE_FIELDS


EDITS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["milk", "tea", "eggs"]),
        "status": st.sampled_from(["open", "done"]),
        "notes": st.sampled_from(["", "n"]),
        "tags": st.sampled_from([[], ["a"], ["a", "b"]]),
    },
)


@given(st.lists(EDITS, min_size=1, max_size=16))
def test_every_remembered_change_can_be_answered_again_exactly(edits: list[dict[str, Any]]) -> None:
    items, revision = run(create()).puts, 1
    answers: list[tuple[Change, Item | None]] = []
    for number, fields in enumerate(edits):
        change = update(f"k{number}", **fields)
        plan = run(change, items=items, revision=revision, now=NOW + timedelta(seconds=number))
        if plan.puts:
            answers.append((change, plan.results[0].todo))
            items, revision = plan.puts, plan.after.revision
    for change, answer in answers:
        assert run(change, items=items, revision=revision).results[0].todo == answer
