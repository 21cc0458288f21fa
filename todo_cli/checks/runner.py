"""Runs checks one after the other, and says what became of each."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from todo_cli.checks.registry import Check, CheckFailedError, CheckSkippedError
from todo_cli.checks.world import World

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
NEEDS_ALLOW_WRITE = "makes users or data on a deployed stage; allow it with --allow-write"


@dataclass(frozen=True)
class Outcome:
    """What became of one check; `evidence` is what was seen, what came instead, or why it was left out."""

    check: Check
    outcome: str
    evidence: str
    milliseconds: float


def chosen(checks: Sequence[Check], wanted: Iterable[str]) -> list[Check]:
    """Give the checks that the words name: a whole name, an area, or a pattern with `*`; all when there are none.

    Raises:
        LookupError: a word names none of them.
    """
    words = list(wanted)
    found = [check for check in checks if not words or any(_names(word, check) for word in words)]
    for word in words:
        if not any(_names(word, check) for check in found):
            raise LookupError(word)
    return found


def _names(word: str, check: Check) -> bool:
    return word == check.area or fnmatch.fnmatchcase(check.name, word)


def run(
    checks: Iterable[Check],
    world: World,
    *,
    may_write: bool,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Outcome]:
    """Run the checks, giving each outcome as it is known."""
    for check in checks:
        begun = clock()
        outcome, evidence = _one(check, world, may_write)
        yield Outcome(check, outcome, evidence, round((clock() - begun) * 1000, 1))


def _one(check: Check, world: World, may_write: bool) -> tuple[str, str]:
    if check.writes and not may_write:
        return SKIPPED, NEEDS_ALLOW_WRITE
    try:
        return PASSED, check.run(world)
    except CheckSkippedError as reason:
        return SKIPPED, str(reason)
    except CheckFailedError as instead:
        return FAILED, str(instead)
    except Exception as error:  # noqa: BLE001 - a check that breaks has not been kept; the others are still run
        return FAILED, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
