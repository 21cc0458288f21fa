"""Reads are cached and never stale for the one who wrote: the proof, and that each rule is needed for it.

`TODO_READ_PATH_EXAMPLES=20000 pytest tests/property -k anything` runs it for as long as wanted, each time anew.
"""

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.machine import ReadPathMachine
from tests.property.mutants import mutant

LONG = os.environ.get("TODO_READ_PATH_EXAMPLES")
QUIET = settings(
    deadline=None,
    database=None,
    derandomize=LONG is None,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)

HUNTING = settings(
    QUIET, max_examples=60, phases=[Phase.generate], derandomize=False, report_multiple_bugs=False, print_blob=False
)


def test_whatever_happens_in_any_order_no_device_ever_sees_what_it_must_not() -> None:
    run_state_machine_as_test(ReadPathMachine, settings=settings(QUIET, max_examples=int(LONG or 60)))


def hunt(machine: type[ReadPathMachine]) -> None:
    """Run many short runs: each begins with stories in which little happens, so a long one begins with too many."""
    for number in range(12):
        run_state_machine_as_test(seed(number)(machine), settings=HUNTING)


@dataclass(frozen=True)
class Rule:
    """A rule of the read path, and the source without it; None takes `Authorization` out of the gateway's cache key."""

    module: str = ""
    text: str = ""
    without: str = ""


RULES = {
    "the revision is in the query's key": Rule("store", "UNBOUNDED + span.at if", "UNBOUNDED if"),
    "a page proves that it is complete": Rule("reads", "        if _proves(block, span, meta):", "        if True:"),
    "all of the last batch is counted": Rule(
        "reads", "return sum(revision > meta.base for revision in block.revisions) == meta.written", "return True"
    ),
    "a block newer than META proves META old": Rule(
        "reads", "if self._settled(meta) and block.top <= meta.revision:", "if self._settled(meta):"
    ),
    "META is as new as the caller knows": Rule(
        "reads", "if meta is None or meta.revision < min_revision:", "if meta is None:"
    ),
    "an absent META is not believed": Rule(
        "reads",
        "if meta is None or meta.revision < min_revision:\n            return self.fresh_meta()",
        "if meta is None or meta.revision < min_revision:\n            return meta and self.fresh_meta() or Meta()",
    ),
    "a to-do is read consistently while META is young": Rule("reads", " or not self._items_settled(meta)", ""),
    "young is as long as the item cache keeps things": Rule(
        "reads", "> ttl_seconds + SETTLE_SECONDS", "> SETTLE_SECONDS"
    ),
    "a to-do is as new as the caller knows": Rule(
        "reads", "meta is None or meta.revision < min_revision or", "meta is None or"
    ),
    "a snapshot is of the current revision": Rule("listing", "if current != revision:", "if False:"),
    "Authorization is in the gateway's cache key": Rule(),
    "a repeated change is known by its key": Rule(
        "changes",
        "if item is not None and (first := _first_answer(item, change.key)) is not None:",
        "if item is not None and (first := None) is not None:",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_without_the_rule_a_device_sees_what_it_must_not(name: str) -> None:
    rule = RULES[name]
    changed = mutant(rule.module, rule.text, rule.without) if rule.module else nullcontext(ReadPathMachine.service)
    with changed as service:
        members: dict[str, Any] = {"service": service, "authorization_in_key": bool(rule.module)}
        broken = type("BrokenReadPathMachine", (ReadPathMachine,), members)
        with pytest.raises(AssertionError):
            hunt(broken)
