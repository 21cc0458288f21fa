"""The caches: answers come from them, never to the wrong one, and never too late."""

from __future__ import annotations

import re
from typing import Any

from todo_cli.checks.registry import CheckSkippedError, check, expect
from todo_cli.checks.world import World, told

DAX_HITS = re.compile(r"(\d+) hits")


@check("AC-35")
def cache_api_hit(world: World) -> str:
    """API Gateway answers the second of two equal requests from its cache."""
    path = f"snapshots/{world.alice.add('cached')['revision']}"
    before = _status(world).api_cache
    answers = [world.alice.ask("GET", path) for _ in range(2)]
    after = _status(world).api_cache
    expect([found.status_code for found in answers] == [200, 200], f"GET /v1/{path}: {told(answers[0])}")
    expect(answers[0].content == answers[1].content, "two different answers")
    expect(bool(before and after), "the stack does not tell about its cache")
    hits = after["hits"] - before["hits"]
    expect(hits >= 1, "both went through to the function")
    return f"{hits} hit"


@check("DD-24")
def cache_dax_hit(world: World) -> str:
    """DAX answers reads from its caches."""
    world.alice.add("read often")
    before = _dax_hits(world)
    for _ in range(3):
        world.alice.listed()
    after = _dax_hits(world)
    expect(after > before, f"{before} hits before three reads, {after} after them")
    return f"{after - before} hits in 3 reads"


@check("SE-01", "AC-20")
def cache_no_leak(world: World) -> str:
    """A cached answer is never another user's."""
    mine = world.alice.add("of Alice")
    path = f"snapshots/{mine['revision']}"
    first = world.alice.ask("GET", path)
    expect(mine["id"] in first.text, f"Alice's own: {told(first)}")
    while world.bob.ask("GET", "revision").json()["revision"] < mine["revision"]:
        world.bob.add("of Bob")  # to the same path
    for _ in range(3):
        expect(mine["id"] not in world.bob.ask("GET", path).text, "Bob was given Alice's list")
    return f"/v1/{path}: Alice's list to Alice only"


@check("SE-01")
def cache_not_for_strangers(world: World) -> str:
    """What is cached is not given to who may not call."""
    path = f"snapshots/{world.alice.add('cached, and closed')['revision']}"
    expect(world.alice.ask("GET", path).status_code == 200, "it is not given to Alice")
    for token in (None, "junk", world.alice.tokens["AccessToken"]):
        answer = world.deployment.ask("GET", path, token=token)
        expect(answer.status_code == 401, told(answer))
    return "401 three times"


@check("AC-23")
def cache_old_snapshot(world: World) -> str:
    """A snapshot of a revision that has passed is not given out as the newest."""
    old = world.alice.add("first")["revision"]
    new = world.alice.add("second")["revision"]
    answer = world.alice.ask("GET", f"snapshots/{old}", {"X-Min-Revision": str(new)})
    expect(answer.status_code == 410, f"revision {old} of {new}: {told(answer)}")
    expect(answer.json()["revision"] == new, f"it names revision {answer.json()['revision']}")
    return f"410, and names revision {new}"


@check("AC-35", writes=False)
def cache_config_is_the_same(world: World) -> str:
    """The config, which is cached, is the same for all."""
    answers = {world.deployment.ask("GET", "config").content for _ in range(3)}
    expect(len(answers) == 1, f"{len(answers)} different answers")
    return "three times the same"


def _status(world: World) -> Any:
    if world.embedded is None:
        raise CheckSkippedError("AWS sends no hit header; the embedded stack's trace shows it")
    return world.embedded()


def _dax_hits(world: World) -> int:
    told_by_stack = str(_status(world).dax)
    if not told_by_stack.startswith("on"):
        raise CheckSkippedError(f"DAX is {told_by_stack}")
    return sum(map(int, DAX_HITS.findall(told_by_stack)))
