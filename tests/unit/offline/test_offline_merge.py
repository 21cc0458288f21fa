"""The rule by which two versions become one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_sdk._merge import DEFAULTS, SETS, UNITS, WRITABLE, merge

BASE = {**DEFAULTS, "title": "milk", "tags": ["a", "b"], "due": "2026-12-01"}
EARLY, LATE = "2026-11-23T12:00:00.000Z", "2026-11-23T13:00:00.000Z"


def with_(**changes: Any) -> dict[str, Any]:
    return {**BASE, **changes}


def test_what_one_side_changed_is_taken() -> None:
    fields, lost = merge(BASE, with_(title="oat milk"), with_(priority=1), {"title": EARLY}, LATE)
    assert fields == with_(title="oat milk", priority=1)
    assert lost == []


@pytest.mark.parametrize(("mine_at", "winner"), [(EARLY, "theirs"), (LATE, "mine")])
def test_of_two_changes_of_a_field_the_last_one_wins_and_the_other_is_told(mine_at: str, winner: str) -> None:
    between = "2026-11-23T12:30:00.000Z"
    fields, lost = merge(BASE, with_(title="mine"), with_(title="theirs"), {"title": mine_at}, between)
    other = {"mine": "theirs", "theirs": "mine"}[winner]
    assert fields["title"] == winner
    assert [(each.field, each.kept, each.lost, each.winner) for each in lost] == [("title", winner, other, winner)]


def test_at_the_same_moment_the_service_wins() -> None:
    assert merge(BASE, with_(title="mine"), with_(title="theirs"), {"title": EARLY}, EARLY)[0]["title"] == "theirs"


def test_when_one_field_was_changed_says_nothing_about_another() -> None:
    mine, theirs = with_(title="mine", notes="mine"), with_(title="theirs", notes="theirs")
    fields, _ = merge(BASE, mine, theirs, {"title": LATE, "notes": EARLY}, "2026-11-23T12:30:00.000Z")
    assert (fields["title"], fields["notes"]) == ("mine", "theirs")


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    same = with_(status="done")
    assert merge(BASE, same, same, {"status": EARLY}, LATE) == (same, [])


def test_tags_are_a_set_that_both_sides_add_to_and_take_from() -> None:
    fields, lost = merge(BASE, with_(tags=["b", "c"]), with_(tags=["a", "b", "d"]), {"tags": EARLY}, LATE)
    assert fields["tags"] == ["b", "d", "c"]
    assert lost == []


def test_more_tags_than_the_service_takes_are_told() -> None:
    mine, theirs = [f"m{number}" for number in range(15)], [f"t{number}" for number in range(15)]
    fields, lost = merge(with_(tags=[]), with_(tags=mine), with_(tags=theirs), {}, LATE)
    assert len(fields["tags"]) == SETS["tags"]
    assert lost[0].lost == mine[5:]


def test_a_due_date_and_its_recurrence_stay_together() -> None:
    mine = with_(due=None)
    theirs = with_(due="2026-12-05", recurrence="FREQ=WEEKLY")
    for mine_at, wanted in ((EARLY, (theirs["due"], theirs["recurrence"])), ("2027", (None, None))):
        fields, lost = merge(BASE, mine, theirs, {"due": mine_at}, LATE)
        assert (fields["due"], fields["recurrence"]) == wanted
        assert {each.field for each in lost} == {"due", "recurrence"}
    fields, _ = merge(BASE, with_(recurrence="FREQ=DAILY"), with_(due=None), {"recurrence": EARLY}, LATE)
    assert (fields["due"], fields["recurrence"]) == (None, None)


values = st.fixed_dictionaries(
    {
        "title": st.sampled_from("abc"),
        "notes": st.sampled_from("abc"),
        "status": st.sampled_from(("open", "done")),
        "priority": st.integers(1, 3),
        "due": st.sampled_from(("2026-12-01", "2026-12-02")),
        "tags": st.lists(st.sampled_from("abcd"), unique=True),
        "list": st.sampled_from("ab"),
        "recurrence": st.sampled_from((None, "FREQ=DAILY")),
        "attachments": st.lists(st.sampled_from("xy"), unique=True),
    }
)


@given(values, values, values, st.sampled_from((EARLY, LATE)))
def test_every_value_that_a_side_made_is_kept_or_told(base: Any, mine: Any, theirs: Any, mine_at: str) -> None:
    touched = dict.fromkeys(WRITABLE, mine_at)
    fields, lost = merge(base, mine, theirs, touched, "2026-11-23T12:30:00.000Z")
    told = {(each.field, str(each.lost)) for each in lost}
    for side in (mine, theirs):
        for unit in UNITS:
            if any(side[name] != base[name] for name in unit):
                assert all(fields[name] == side[name] or (name, str(side[name])) in told for name in unit)
        for name in SETS:
            assert set(side[name]) - set(base[name]) <= set(fields[name])
            assert not (set(base[name]) - set(side[name])) & set(fields[name])


@given(values, values, values)
def test_merging_once_more_changes_nothing(base: Any, mine: Any, theirs: Any) -> None:
    fields, _ = merge(base, mine, theirs, {}, LATE)
    assert merge(theirs, fields, theirs, {}, LATE) == (fields, [])
