"""The response cache of a stage, and the leaks that a wrong deployment makes visible."""

import json
from typing import Any

import pytest

from tests.unit.gateway.world import AUTHORIZATION, World
from todo_backend.local.gateway.cache import ENTRY_OVERHEAD_BYTES, StageCache
from todo_backend.local.gateway.messages import Answer

MINUTE = 60
MAX_AGE_0 = [("Cache-Control", "max-age=0")]
ID = "method.request.path.id"


@pytest.fixture
def cached(world: World) -> World:
    """`GET /todos`, cached per caller, and a function whose answers are never the same twice."""
    world.secured("/todos", key=[AUTHORIZATION])
    world.cached("/todos", cacheTtlInSeconds=MINUTE)
    world.counts()
    return world


def outcomes(world: World) -> list[object]:
    """What the trace says of the cache, request by request."""
    return [record["cache"] for record in world.traces]


def test_ac_15_the_second_answer_is_the_first_byte_for_byte(cached: World) -> None:
    token = cached.token()
    first, second = cached.get("/todos", token), cached.get("/todos", token)
    assert first.status == 200
    assert first.body == second.body
    assert len(cached.control.invocations) == 1


def test_no_header_tells_a_hit_from_a_miss(cached: World) -> None:
    token = cached.token()
    first, second = cached.get("/todos", token), cached.get("/todos", token)
    assert [name for name, _ in first.headers] == [name for name, _ in second.headers]
    for name in ("x-amzn-RequestId", "x-amz-apigw-id", "X-Amzn-Trace-Id"):
        assert first.header(name) != second.header(name)
    assert outcomes(cached) == ["miss", "hit"]


def test_ac_16_after_the_ttl_the_function_is_asked_again(cached: World) -> None:
    token = cached.token()
    cached.get("/todos", token)
    cached.now += MINUTE - 1
    cached.get("/todos", token)
    cached.now += 1
    assert cached.get("/todos", token).json["count"] == 2
    assert len(cached.control.invocations) == 2


def test_ac_20_se_01_the_mutation_a_key_without_authorization_leaks_between_users(world: World) -> None:
    """The deployment that forgets Authorization in its cache key must visibly leak, as on AWS."""
    world.secured("/todos", key=[])
    world.cached("/todos")
    world.counts()
    assert world.get("/todos", world.token("alice")).json["sub"] == "alice"
    assert world.get("/todos", world.token("bob")).json["sub"] == "alice"


def test_ac_21_se_01_with_authorization_in_the_key_nobody_sees_anothers_answer(cached: World) -> None:
    tokens = {name: cached.token(name) for name in ("alice", "bob")}
    for name in ("alice", "bob") * 20:
        assert cached.get("/todos", tokens[name]).json["sub"] == name
    assert len(cached.control.invocations) == 2
    refreshed = cached.token("bob", iat=int(cached.now) + 1)
    assert cached.get("/todos", refreshed).json == {"count": 3, "sub": "bob", "path": "/todos"}


def test_se_02_a_key_on_a_header_of_the_clients_own_choice_leaks(world: World) -> None:
    world.secured("/todos", key=["method.request.header.X-User-Id"])
    world.cached("/todos")
    world.counts()
    world.get("/todos", world.token("alice"), headers=[("X-User-Id", "alice")])
    assert world.get("/todos", world.token("bob"), headers=[("X-User-Id", "alice")]).json["sub"] == "alice"


def test_ac_22_se_03_the_authorizer_runs_before_the_cache(world: World) -> None:
    world.secured("/todos", key=[])
    world.cached("/todos", cacheTtlInSeconds=3600)
    expired = world.token(exp=int(world.now) + 10)
    assert world.get("/todos", expired).status == 200
    world.now += 10
    for token in (None, "junk", expired, world.token(key="foreign-key"), world.token(use="access")):
        assert world.get("/todos", token).status == 401
    assert world.get("/todos", world.token("bob")).status == 200
    assert outcomes(world)[-1] == "hit"


def test_ac_18_only_declared_query_parameters_are_in_the_key(world: World) -> None:
    world.method("/users", key=["method.request.querystring.type"])
    world.cached("/users")
    world.counts()
    first = world.get("/users?type=admin&department=A").body
    assert world.get("/users?type=admin&department=B").body == first
    assert world.get("/users?type=user&department=A").body != first
    assert world.get("/users?Type=admin").json["count"] == 3  # AG-41: query names have a case


def test_ac_19_se_04_the_mutation_a_path_parameter_out_of_the_key_mixes_up_todos(world: World) -> None:
    world.method("/todos/{id}", key=[])
    world.cached("/todos/{id}")
    world.counts()
    assert [world.get(f"/todos/{n}").json["path"] for n in (1, 2)] == ["/todos/1", "/todos/1"]


def test_ac_19_se_04_a_declared_path_parameter_keeps_todos_apart(world: World) -> None:
    world.method("/todos/{id}", key=[ID])
    world.cached("/todos/{id}")
    world.counts()
    for _ in range(20):
        assert [world.get(f"/todos/{n}").json["path"] for n in (1, 2)] == ["/todos/1", "/todos/2"]
    assert len(world.control.invocations) == 2


def test_values_of_a_key_cannot_imitate_one_another(world: World) -> None:
    world.method("/x", key=["method.request.querystring.a", "method.request.querystring.b"])
    world.cached("/x")
    world.counts()
    queries = ["a=1&b=2", "a=2&b=1", "a=12", "b=12", "a=&b=12", "a=12&b=", "a=1:1&b=", "", "a=1%00&b=2"]
    assert len({world.get(f"/x?{query}").body for query in queries}) == len(queries)


def test_multi_value_parameters_count_all_values_single_ones_the_last(world: World) -> None:
    world.method("/one", key=["method.request.querystring.a"])
    world.method("/all", key=["method.request.multivaluequerystring.a"])
    world.cached("/one")
    world.cached("/all")
    world.counts()
    assert world.get("/one?a=1&a=3").body == world.get("/one?a=2&a=3").body
    assert world.get("/all?a=1&a=3").body != world.get("/all?a=2&a=3").body
    assert world.get("/all?a=1&a=23").body != world.get("/all?a=12&a=3").body


def test_a_mapped_parameter_is_followed_to_its_source(world: World) -> None:
    method = world.method("/x", key=[])
    mapped = {"integration.request.header.X-User": AUTHORIZATION}
    method["methodIntegration"] |= {"cacheKeyParameters": list(mapped), "requestParameters": mapped}
    world.cached("/x")
    world.counts()
    assert world.get("/x", "a").body == world.get("/x", "a").body
    assert world.get("/x", "a").body != world.get("/x", "b").body


def test_ac_10_a_key_that_is_not_declared_makes_the_method_fail_and_not_leak(world: World) -> None:
    method = world.method("/x", key=[AUTHORIZATION])
    method["requestParameters"] = {}
    world.cached("/x")
    assert world.get("/x", "a").status == 500
    assert not world.control.invocations


def test_ac_11_one_namespace_on_two_resources_shares_entries(world: World) -> None:
    for path in ("/a", "/b", "/c"):
        method = world.method(path)
        world.cached(path)
        if path != "/c":
            method["methodIntegration"]["cacheNamespace"] = "shared"
    world.counts()
    assert world.get("/a").body == world.get("/b").body
    assert world.get("/a").body != world.get("/c").body


def test_ac_04_a_ttl_of_0_switches_caching_off_and_3600_is_the_most(world: World) -> None:
    world.method("/zero")
    world.method("/long")
    world.cached("/zero", cacheTtlInSeconds=0)
    world.cached("/long", cacheTtlInSeconds=86_400)
    world.counts()
    assert world.get("/zero").body != world.get("/zero").body
    first = world.get("/long").body
    world.now += 3599
    assert world.get("/long").body == first
    world.now += 1
    assert world.get("/long").body != first


def test_ac_05_a_wildcard_caches_get_only(world: World) -> None:
    world.method("/x")
    world.method("/x", "POST")
    stage = world.control.stages["v1"]
    stage |= {
        "cacheClusterEnabled": True,
        "cacheClusterSize": "0.5",
        "methodSettings": {"*/*": {"cachingEnabled": True}},
    }
    world.counts()
    assert world.get("/x").body == world.get("/x").body
    assert world.send("POST", "/x").body != world.send("POST", "/x").body
    stage["methodSettings"]["~1x/POST"] = {"cachingEnabled": True}
    world.gateway.invalidate()
    assert world.send("POST", "/x").body == world.send("POST", "/x").body


def test_ac_18_the_method_is_in_the_key(world: World) -> None:
    for name in ("GET", "POST"):
        world.method("/x", name)
        world.cached("/x", name)
    world.counts()
    get, post = world.get("/x").body, world.send("POST", "/x").body
    assert get != post
    assert (world.get("/x").body, world.send("POST", "/x").body) == (get, post)


def test_ac_05_the_methods_behind_any_share_no_entries(world: World) -> None:
    world.method("/x", "ANY")
    world.cached("/x", "ANY")
    world.counts()
    first = world.get("/x").body
    assert world.get("/x").body == first
    assert (
        len({first, world.send("POST", "/x").body, world.send("POST", "/x").body, world.send("HEAD", "/x").body}) == 4
    )


def test_ac_07_what_is_not_switched_on_always_reaches_the_function(world: World) -> None:
    world.method("/cached")
    world.method("/free")
    world.cached("/cached")
    world.counts()
    assert len({world.get("/free").body for _ in range(5)}) == 5
    assert len({world.get("/cached").body for _ in range(5)}) == 1


def test_without_a_cluster_nothing_is_cached(cached: World) -> None:
    cached.control.stages["v1"]["cacheClusterEnabled"] = False
    token = cached.token()
    assert cached.get("/todos", token).body != cached.get("/todos", token).body
    assert not [name for name, _ in cached.figures if name.startswith("Cache")]


def test_ac_02_a_new_size_or_a_new_cluster_begins_empty(cached: World) -> None:
    token, stage = cached.token(), cached.control.stages["v1"]
    seen = {cached.get("/todos", token).body}
    for change in ({"cacheClusterSize": "1.6"}, {"cacheClusterEnabled": False}, {"cacheClusterEnabled": True}):
        stage |= change
        cached.gateway.invalidate()
        seen.add(cached.get("/todos", token).body)
    assert len(seen) == 4


@pytest.mark.parametrize("status", [404, 429, 500])
def test_ac_24_se_06_an_error_of_the_function_is_replayed_until_the_ttl(cached: World, status: int) -> None:
    token = cached.token()
    cached.answers(lambda event: {"statusCode": status, "body": "no"})
    assert cached.get("/todos", token).status == status
    cached.counts()  # the function has recovered
    cached.now += MINUTE - 1
    assert (cached.get("/todos", token).status, cached.get("/todos", token).body) == (status, b"no")
    cached.now += 1
    assert cached.get("/todos", token).status == 200


def test_ac_24_an_error_of_the_gateway_is_not_kept(cached: World) -> None:
    token = cached.token()
    cached.answers(lambda event: "malformed")
    assert cached.get("/todos", token).status == 502
    cached.counts()
    assert cached.get("/todos", token).status == 200


@pytest.mark.parametrize(("size", "kept"), [(1_048_576, True), (1_048_577, False)])
def test_ac_25_an_answer_over_1_mib_is_served_and_not_kept(cached: World, size: int, kept: bool) -> None:
    cached.answers(lambda event: {"statusCode": 200, "body": "x" * size})
    token = cached.token()
    assert [len(cached.get("/todos", token).body) for _ in range(2)] == [size, size]
    assert len(cached.control.invocations) == (1 if kept else 2)


def test_ac_26_ac_32_without_required_authorization_anyone_replaces_the_entry(world: World) -> None:
    world.method("/x")
    world.cached("/x", requireAuthorizationForCacheControl=False)
    world.counts()
    assert [world.get("/x").json["count"], world.get("/x", headers=MAX_AGE_0).json["count"]] == [1, 2]
    reply = world.get("/x")
    assert (reply.json["count"], reply.header("Warning")) == (2, None)
    assert outcomes(world) == ["miss", "miss", "hit"]


def test_ac_26_a_failed_replacement_leaves_the_entry(world: World) -> None:
    world.method("/x")
    world.cached("/x", requireAuthorizationForCacheControl=False)
    world.counts()
    world.get("/x")
    world.answers(lambda event: None)
    assert world.get("/x", headers=MAX_AGE_0).status == 502
    assert world.get("/x").json["count"] == 1


def test_ac_28_ac_29_se_05_by_default_the_wish_is_ignored_with_a_warning(cached: World) -> None:
    token = cached.token()
    first = cached.get("/todos", token)
    reply = cached.get("/todos", token, headers=MAX_AGE_0)
    assert (reply.status, reply.body) == (200, first.body)
    assert reply.header("Warning") == "199 Cache-control headers were ignored because the caller was unauthorized."
    assert cached.get("/todos", token).header("Warning") is None
    assert len(cached.control.invocations) == 1


@pytest.mark.parametrize(("strategy", "status"), [("SUCCEED_WITHOUT_RESPONSE_HEADER", 200), ("FAIL_WITH_403", 403)])
def test_ac_30_ac_31_se_05_the_other_strategies(cached: World, strategy: str, status: int) -> None:
    cached.cached("/todos", unauthorizedCacheControlHeaderStrategy=strategy)
    token = cached.token()
    cached.get("/todos", token)
    reply = cached.get("/todos", token, headers=[("cache-control", "no-transform, MAX-AGE = 0")])
    assert (reply.status, reply.header("Warning")) == (status, None)
    assert len(cached.control.invocations) == 1
    assert cached.get("/todos", headers=MAX_AGE_0).status == 401


def test_ac_33_other_directives_and_the_functions_own_are_ignored(cached: World) -> None:
    body = iter(range(10))
    cached.answers(lambda event: {"statusCode": 200, "headers": {"Cache-Control": "no-store"}, "body": str(next(body))})
    token = cached.token()
    for headers in (
        [],
        [("Cache-Control", "no-cache")],
        [("Cache-Control", "no-store, max-age=00, max-age=5")],
        [("Pragma", "no-cache")],
    ):
        reply = cached.get("/todos", token, headers=headers)
        assert (reply.body, reply.header("Warning")) == (b"0", None)


def test_ac_13_a_flushed_cache_misses_and_takes_no_answer_that_was_under_way(cached: World) -> None:
    token = cached.token()
    cached.get("/todos", token)
    cached.gateway.flush("a1b2c3d4", "v1")
    assert cached.get("/todos", token).json["count"] == 2

    def flushing(event: dict[str, Any]) -> Any:
        cached.gateway.flush("a1b2c3d4", "v1")
        return {"statusCode": 200, "body": "old"}

    cached.now += MINUTE
    cached.answers(flushing)
    assert cached.get("/todos", token).body == b"old"
    cached.counts()
    assert cached.get("/todos", token).json["count"] == 4


def test_ac_23_a_write_does_not_touch_what_is_cached(cached: World) -> None:
    cached.secured("/todos", "POST")
    cached.gateway.invalidate()
    token = cached.token()
    first = cached.get("/todos", token).body
    cached.send("POST", "/todos", token, body={})
    assert cached.get("/todos", token).body == first


def test_ac_35_hits_and_misses_are_counted_where_the_cache_is_on(cached: World) -> None:
    cached.method("/free")
    token = cached.token()
    for path in ("/todos", "/todos", "/free", "/nowhere"):
        cached.get(path, token)
    sums = {name: sum(value for found, value in cached.figures if found == name) for name, _ in cached.figures}
    samples = [name for name, _ in cached.figures].count("CacheHitCount")
    assert (sums["CacheHitCount"], sums["CacheMissCount"], samples) == (1, 1, 2)
    assert (sums["Count"], sums["4XXError"], sums["5XXError"]) == (4, 1, 0)


def test_ac_37_a_new_deployment_does_not_flush(cached: World) -> None:
    token = cached.token()
    first = cached.get("/todos", token).body
    cached.control.stages["v1"]["deploymentId"] = "d2"
    cached.gateway.invalidate()
    assert cached.get("/todos", token).body == first


def test_a_token_in_the_key_is_not_kept_in_memory(cached: World) -> None:
    token = cached.token()
    cached.get("/todos", token)
    (_, cache), *_ = cached.gateway._plane._caches.values()
    assert token not in repr(vars(cache))
    assert token.split(".")[2] not in repr(cached.traces)
    assert token.split(".")[2] not in repr(vars(cached.gateway._plane.tokens))


def test_the_cache_never_grows_beyond_its_size_and_drops_the_least_used_first() -> None:
    answer = Answer(200, (), b"x" * 1000)
    cache = StageCache(3 * (1000 + ENTRY_OVERHEAD_BYTES))
    for key in (b"a", b"b", b"c"):
        cache.put(key, answer, expires_at=10, generation=0)
    assert cache.get(b"a", 0)
    cache.put(b"d", answer, expires_at=10, generation=0)
    assert [bool(cache.get(key, 0)) for key in (b"a", b"b", b"c", b"d")] == [True, False, True, True]
    assert not cache.put(b"e", Answer(200, (), b"x" * 5000), expires_at=10, generation=0)
    assert len(cache) == 3
    assert cache.size_bytes <= cache.max_bytes
    cache.put(b"a", Answer(200, (), b""), expires_at=10, generation=0)
    assert cache.size_bytes == 2 * (1000 + ENTRY_OVERHEAD_BYTES) + ENTRY_OVERHEAD_BYTES
    assert cache.get(b"a", 10) is None
    cache.flush()
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_ac_17_an_entry_may_be_evicted_and_is_then_only_a_miss() -> None:
    world = World(cache_bytes=3000)
    world.method("/x/{id}", key=[ID])
    world.cached("/x/{id}")
    world.answers(lambda event: {"statusCode": 200, "body": json.dumps({"path": event["path"], "pad": "x" * 1000})})
    for number in (*range(20), 0):
        assert world.get(f"/x/{number}").json["path"] == f"/x/{number}"
    assert len(world.control.invocations) == 21
    world.runner.close()
