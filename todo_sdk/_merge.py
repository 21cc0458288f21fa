"""The rule by which two versions of a to-do become one. Pure: values in, values out.

Each field is settled by itself against what both sides began from. What one side changed is taken; what both changed to
the same is that; what both changed differently goes to the change that was made last, and the other value is given
back as lost. Tags and attachments are sets: what either side added is in, what either side took away is out. A due date
and its recurrence are one field, since one without the other may mean nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

DEFAULTS: Mapping[str, Any] = {
    "title": "",
    "notes": "",
    "status": "open",
    "priority": 4,
    "due": None,
    "tags": [],
    "list": "",
    "recurrence": None,
    "attachments": [],
}
WRITABLE = tuple(DEFAULTS)
UNITS = (("title",), ("notes",), ("status",), ("priority",), ("due", "recurrence"), ("list",))
SETS = {"tags": 20, "attachments": 20}  # and how many the service takes

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Lost:
    """A value that was given up; `winner` says whose value is kept."""

    field: str
    kept: Any
    lost: Any
    winner: Literal["mine", "theirs"]


def fields_of(todo: Fields) -> dict[str, Any]:
    """Give the fields that its owner writes."""
    return {name: todo[name] for name in WRITABLE}


def changed(before: Fields, after: Fields) -> dict[str, Any]:
    """Give the fields that differ, as they are after."""
    return {name: after[name] for name in WRITABLE if after[name] != before[name]}


def merge(
    base: Fields, mine: Fields, theirs: Fields, mine_at: Mapping[str, str], theirs_at: str
) -> tuple[dict[str, Any], list[Lost]]:
    """Join what this device and what others made of a to-do.

    Args:
        base: what both began from.
        mine_at: when this device changed each field, by the service's clock.
        theirs_at: when the others last changed the to-do. All times are UTC in one format, so that text compares.

    Returns:
        The fields, and the values that lost.
    """
    merged: dict[str, Any] = {}
    lost: list[Lost] = []
    for unit in UNITS:
        latest = max((mine_at.get(name, "") for name in unit), default="")
        values, losses = _settle(unit, (base, mine, theirs), mine_wins=latest > theirs_at)
        merged |= values
        lost += losses
    for name, limit in SETS.items():
        joined = _join(base[name], mine[name], theirs[name])
        merged[name] = joined[:limit]
        lost += [Lost(name, joined[:limit], joined[limit:], "theirs")] if joined[limit:] else []
    return merged, lost


def _settle(
    unit: tuple[str, ...], sides: tuple[Fields, Fields, Fields], *, mine_wins: bool
) -> tuple[dict[str, Any], list[Lost]]:
    base, mine, theirs = ({name: side[name] for name in unit} for side in sides)
    if theirs in (base, mine):
        return mine, []
    if mine == base:
        return theirs, []
    winner: Literal["mine", "theirs"] = "mine" if mine_wins else "theirs"
    kept, gone = (mine, theirs) if mine_wins else (theirs, mine)
    return kept, [Lost(name, kept[name], gone[name], winner) for name in unit if kept[name] != gone[name]]


def _join(base: Iterable[str], mine: Iterable[str], theirs: Iterable[str]) -> list[str]:
    ours, others = set(mine), set(theirs)
    taken_away = set(base) - (ours & others)
    return [each for each in dict.fromkeys((*theirs, *mine)) if each not in taken_away]
