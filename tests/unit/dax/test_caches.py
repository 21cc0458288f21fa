"""Caches, attribute-list ids, and what writes do to item caches."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todo_backend.local.dax import DaxError
from todo_backend.local.dax.attributes import AttributeRegistry
from todo_backend.local.dax.caches import ENTRY_OVERHEAD_BYTES, ItemCache, LruCache, QueryCache
from todo_backend.local.dax.coherence import Coherence, Image, Outcome

KEY = ("table", b"key")


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def item_cache(clock: Clock | None = None, ttl: float = 300, size: int = 1 << 20) -> ItemCache:
    return ItemCache(capacity_bytes=size, ttl_seconds=ttl, clock=clock or Clock())


def value(cache: ItemCache, key: tuple[str, bytes] = KEY) -> Any:
    entry = cache.get(key)
    return "nothing known" if entry is None else entry.value


def test_an_entry_lives_as_long_as_its_ttl() -> None:
    clock = Clock()
    cache = item_cache(clock, ttl=300)
    cache.store(KEY, b"x")
    clock.seconds = 299.9
    assert value(cache) == b"x"
    clock.seconds = 300
    assert value(cache) == "nothing known"
    assert cache.entries.used_bytes == 0


def test_dd_34_item_ttl_zero_never_expires_and_query_ttl_zero_is_off() -> None:
    clock = Clock()
    items, queries = item_cache(clock, ttl=0), QueryCache(capacity_bytes=9999, ttl_seconds=0, clock=clock)
    items.store(KEY, b"x")
    queries.store(("query",), b"x")
    clock.seconds = 1e9
    assert value(items) == b"x"
    assert queries.get(("query",)) is None


def test_dd_28_a_missing_item_is_remembered_as_missing() -> None:
    cache = item_cache()
    cache.store(KEY, None)
    assert value(cache) is None


def test_the_least_recently_used_entry_goes_first() -> None:
    size = ENTRY_OVERHEAD_BYTES + 2
    cache: LruCache[str] = LruCache(capacity_bytes=3 * size, ttl_seconds=0, clock=Clock())
    for name in "abc":
        cache.put(name, b"x", 1)
    cache.get("a")
    cache.put("d", b"x", 1)
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    assert cache.evicted_bytes == size


def test_what_is_larger_than_the_cache_is_not_kept_and_replaces_nothing_but_itself() -> None:
    cache: LruCache[str] = LruCache(capacity_bytes=1000, ttl_seconds=0, clock=Clock())
    cache.put("a", b"x", 1)
    cache.put("b", b"y" * 2000, 1)
    assert cache.get("a")
    assert cache.get("b") is None
    cache.put("a", b"y" * 2000, 1)
    assert cache.get("a") is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["put", "get", "drop"]), st.integers(0, 900)), max_size=60
    )
)
def test_the_cache_never_holds_more_than_it_may(steps: list[tuple[str, str, int]]) -> None:
    cache: LruCache[str] = LruCache(capacity_bytes=3000, ttl_seconds=0, clock=Clock())
    for key, step, size in steps:
        if step == "put":
            cache.put(key, b"x" * size, 1)
        elif step == "get":
            cache.get(key)
        else:
            cache.drop(key)
        held = sum(entry.size_bytes for entry in cache._entries.values())
        assert cache.used_bytes == held <= 3000


def test_a_read_overtaken_by_a_write_is_not_kept() -> None:
    cache = item_cache()
    early = cache.begin_fill(KEY)
    other = cache.begin_fill(("table", b"other"))
    cache.write(KEY, b"new")
    late = cache.begin_fill(KEY)
    assert not cache.end_fill(early)
    assert cache.end_fill(late)
    assert cache.end_fill(other)
    assert not cache._fills


def running(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 20))

    run.__name__ = test.__name__
    return run


@running
async def test_writes_that_overlap_leave_no_image() -> None:
    cache = item_cache()
    coherence = Coherence([cache], 0)
    cache.store(KEY, b"old")
    first, second = coherence.begin(KEY), coherence.begin(KEY)
    coherence.end(second, Image(b"two"))
    assert value(cache) == "nothing known"
    cache.store(KEY, b"read meanwhile")
    coherence.end(first, Image(b"one"))
    assert value(cache) == "nothing known"
    third = coherence.begin(KEY)
    coherence.end(third, Image(b"three"))
    assert value(cache) == b"three"


@running
async def test_dd_26_a_refused_write_leaves_the_entry_and_an_unknown_one_does_not() -> None:
    cache = item_cache()
    coherence = Coherence([cache], 0)
    cache.store(KEY, b"old")
    coherence.end(coherence.begin(KEY), Outcome.REFUSED)
    assert value(cache) == b"old"
    coherence.end(coherence.begin(KEY), Outcome.LATER)
    assert value(cache) == b"old"
    coherence.end(coherence.begin(KEY), Outcome.UNKNOWN)
    assert value(cache) == "nothing known"


@running
async def test_dd_30_replicas_follow_after_the_lag_in_order() -> None:
    caches = [item_cache() for _ in range(3)]
    coherence = Coherence(caches, 0.05)
    for content in (b"1", b"2", None, b"3"):
        coherence.end(coherence.begin(KEY), Image(content))
        coherence.lag_seconds = 0.01  # a shorter lag must not let later changes overtake earlier ones
    assert [value(cache) for cache in caches] == [b"3", "nothing known", "nothing known"]
    await asyncio.sleep(0.15)
    assert [value(cache) for cache in caches] == [b"3"] * 3
    coherence.end(coherence.begin(KEY), Image(b"4"))
    coherence.close()
    await asyncio.sleep(0.05)
    assert [value(cache) for cache in caches] == [b"4", b"3", b"3"]


@running
async def test_a_lag_that_becomes_shorter_takes_what_is_underway_along() -> None:
    caches = [item_cache() for _ in range(2)]
    coherence = Coherence(caches, 60)
    coherence.change(KEY, Image(b"early"))
    coherence.change(KEY, Image(b"late"))
    coherence.lag_seconds = 0.01
    coherence.change(("table", b"other"), Image(b"other"))
    await asyncio.sleep(0.05)
    assert value(caches[1]) == b"late"
    assert value(caches[1], ("table", b"other")) == b"other"
    assert not coherence._timers
    coherence.lag_seconds = 60
    coherence.change(KEY, None)
    coherence.lag_seconds = 0
    coherence.change(("table", b"other"), None)
    assert value(caches[1]) == "nothing known"


@running
async def test_a_new_leader_has_seen_everything() -> None:
    caches = [item_cache() for _ in range(3)]
    coherence = Coherence(caches, 60)
    for content in (b"1", b"2"):
        coherence.end(coherence.begin(KEY), Image(content))
    coherence.lead(2)
    assert [value(cache) for cache in caches] == [b"2"] * 3
    coherence.end(coherence.begin(KEY), Image(b"3"))
    assert [value(cache) for cache in caches] == [b"2", b"3", b"2"]
    coherence.close()


def test_ids_outlive_the_process_and_are_never_used_again(tmp_path: Path) -> None:
    file = tmp_path / "state" / "lists"
    first = AttributeRegistry(file)
    ids = {names: first.id_of(names) for names in (("a",), ("a", "b"), ("b", "a"), ("ü", "𝄞"))}
    assert len(set(ids.values())) == 4
    second = AttributeRegistry(file)
    assert {names: second.id_of(names) for names in ids} == ids
    assert all(second.names_of(list_id) == names for names, list_id in ids.items())
    assert second.id_of(("new",)) > max(ids.values())
    assert len(second) == 6


def test_the_empty_list_is_id_one_and_unknown_ids_are_an_error(tmp_path: Path) -> None:
    lists = AttributeRegistry(tmp_path / "lists")
    assert lists.id_of(()) == 1
    assert lists.names_of(1) == ()
    assert not (tmp_path / "lists").exists()
    with pytest.raises(DaxError):
        lists.names_of(2)


def test_a_line_that_was_not_finished_never_was(tmp_path: Path) -> None:
    file = tmp_path / "lists"
    first = AttributeRegistry(file)
    known = first.id_of(("a",))
    with file.open("ab") as handle:
        handle.write(json.dumps([known + 1, ["b"]]).encode()[:-1])
    second = AttributeRegistry(file)
    assert second.id_of(("c",)) == known + 1
    assert AttributeRegistry(file).names_of(known + 1) == ("c",)


def test_a_registry_that_was_lost_starts_elsewhere() -> None:
    assert len({AttributeRegistry().id_of(("a",)) for _ in range(20)}) == 20
