"""Speed: reads within the budget, and a throttled client that waits instead of failing."""

from __future__ import annotations

import statistics
import time

from todo_cli.checks.registry import CheckSkippedError, check, expect
from todo_cli.checks.world import World, told

READS = 40


@check()
def speed_of_reads(world: World) -> str:
    """A warm read stays within the latency budget."""
    took = []
    for _ in range(READS):
        begun = time.perf_counter()
        answer = world.alice.ask("GET", "revision")
        took.append((time.perf_counter() - begun) * 1000)
        expect(answer.status_code == 200, told(answer))
    p95 = statistics.quantiles(took, n=20)[-1]
    seen = f"p50 {statistics.median(took):.0f} ms, p95 {p95:.0f} ms of {world.latency_budget_ms:.0f}"
    expect(p95 <= world.latency_budget_ms, seen)
    return seen


@check("AG-28")
def speed_when_throttled(world: World) -> str:
    """A throttled client waits and tries again; the effect happens once."""
    if world.throttled is None:
        raise CheckSkippedError(
            "needs more than 2,500 requests at once on a deployed stage; an embedded one is told to"
        )
    with world.phone(world.alice) as phone:
        with world.throttled():
            refused = world.alice.ask("GET", "revision")
            made = phone.todos.add("in spite of the throttle")
        expect(refused.status_code == 429, f"the throttled request: {told(refused)}")
        count = [found["id"] for found in world.alice.listed()].count(made.id)
    expect(count == 1, f"the to-do is {count} times in the list")
    return "429, then made once"
