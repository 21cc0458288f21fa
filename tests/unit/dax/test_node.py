"""What a node does with its caches, errors and callers: AWS_BEHAVIOURS DD-24 to DD-34, before a scripted DynamoDB."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todo_backend.local.dax import DaxError, cbor
from todo_backend.local.dax.errors import CODES
from todo_backend.local.dax.protocol import METHOD_IDS, METHODS

PK = b"a"
KEY = {"pk": {"S": "a"}}
OLD = {"Item": {**KEY, "v": {"S": "old"}}}
NEW = {"Item": {**KEY, "v": {"S": "new"}}}
MISSING = bytes.fromhex("80bfff")
SET_V = cbor.encode([1, [[19, [18, "v"], [17, 0]]], ["x"]])
CONDITION = cbor.encode([1, [0, [18, "pk"], [17, 0]], ["p"]])

Test = Callable[[Any], Awaitable[None]]


def running(test: Test) -> Callable[[Any], None]:
    def run(bench: Any) -> None:
        asyncio.run(asyncio.wait_for(test(bench), 20))

    run.__name__ = test.__name__
    return run


def error_of(reply: bytes) -> tuple[list[int], str]:
    reader = cbor.Reader(reply)
    codes, _, info = reader.value(), reader.value(), reader.value()
    assert reader.at_end
    return codes, info[1]


def value_of(table: Any, reply: bytes) -> Any:
    """The attribute v in the reply to a GetItem of h_s."""
    reader = cbor.Reader(reply)
    assert reader.value() == []
    item = reader.value().get(0)
    if item is None:
        return None
    inner = cbor.Reader(item)
    names = table.node.context.lists.names_of(inner.value())
    return dict(zip(names, [inner.value() for _ in names], strict=True))["v"]


async def get(table: Any, node: int = 1, **options: Any) -> Any:
    given = {2: True} if options.get("consistent") else {}
    return value_of(table, await table.ask("getItem", b"h_s", PK, given, node=node))


async def put(table: Any, value: str, node: int = 1) -> bytes:
    list_id = table.node.context.lists.id_of(("v",))
    reply: bytes = await table.ask("putItem", b"h_s", PK, cbor.integer(list_id) + cbor.text(value), {}, node=node)
    return reply


async def query(table: Any, **options: Any) -> bytes:
    reply: bytes = await table.ask("query", b"s_s", CONDITION, options.get("options", {}))
    return reply


@running
async def test_dd_24_a_second_read_is_a_hit(bench: Any) -> None:
    table = bench(OLD)
    assert await get(table) == "old"
    assert await get(table) == "old"
    assert len(table.dynamodb.calls) == 1
    assert table.counts["ItemCacheHits"] == table.counts["ItemCacheMisses"] == 1
    assert table.counts["GetItemRequestCount"] == table.counts["TotalRequestCount"] == 2


@running
async def test_dd_24_after_five_minutes_it_is_read_again(bench: Any) -> None:
    table = bench(OLD, NEW)
    assert await get(table) == "old"
    table.clock.seconds += 300
    assert await get(table) == "new"


@running
async def test_dd_25_a_consistent_read_passes_through_and_is_not_kept(bench: Any) -> None:
    table = bench(OLD, NEW)
    assert await get(table) == "old"
    assert await get(table, consistent=True) == "new"
    assert await get(table) == "old"
    assert table.dynamodb.calls[1][1]["ConsistentRead"] is True
    table = bench(OLD, NEW)
    assert await get(table, consistent=True) == "old"
    assert await get(table) == "new"


@running
async def test_dd_25_transactional_reads_pass_through_and_are_not_kept(bench: Any) -> None:
    table = bench(OLD, {"Responses": [NEW]})
    assert await get(table) == "old"
    reply = await table.ask("transactGetItems", [b"h_s"], [PK], [None], {})
    assert b"new" in reply
    assert await get(table) == "old"


@running
async def test_dd_26_a_put_is_read_from_the_cache(bench: Any) -> None:
    table = bench(OLD, {})
    await get(table)
    assert await put(table, "put") == MISSING
    assert await get(table) == "put"


@running
async def test_dd_26_a_refused_put_changes_nothing(bench: Any) -> None:
    table = bench(OLD, DaxError("ConditionalCheckFailedException", "The conditional request failed"))
    await get(table)
    assert error_of(await put(table, "put")) == ([4, 37, 38, 39, 43], "ConditionalCheckFailedException")
    assert await get(table) == "old"
    assert table.counts["ErrorRequestCount"] == table.counts["FailedRequestCount"] == 1


@running
async def test_a_put_of_unknown_outcome_is_forgotten(bench: Any) -> None:
    table = bench(OLD, DaxError("InternalServerError", "gone", codes=(1, 37, 38, 53), status=500), NEW)
    await get(table)
    assert error_of(await put(table, "put"))[0] == [1, 37, 38, 53]
    assert await get(table) == "new"
    assert table.counts["FaultRequestCount"] == 1


@running
async def test_an_update_asks_for_the_new_image_and_keeps_it_to_itself(bench: Any) -> None:
    table = bench(OLD, {"Attributes": NEW["Item"]})
    await get(table)
    assert await table.ask("updateItem", b"h_s", PK, {8: SET_V}) == MISSING
    assert table.dynamodb.calls[1][1]["ReturnValues"] == "ALL_NEW"
    assert await get(table) == "new"


@pytest.mark.parametrize("wanted", [2, 3, 5])
def test_an_update_that_returns_something_else_drops_the_entry(bench: Any, wanted: int) -> None:
    async def run() -> None:
        table = bench(OLD, {"Attributes": {"v": {"S": "x"}}}, NEW)
        await get(table)
        await table.ask("updateItem", b"h_s", PK, {8: SET_V, 7: wanted})
        assert await get(table) == "new"

    asyncio.run(run())


@running
async def test_dd_28_a_miss_and_a_delete_are_remembered(bench: Any) -> None:
    table = bench({}, {}, {})
    assert await get(table) is None
    assert await get(table) is None
    await put(table, "put")
    assert await get(table) == "put"
    await table.ask("deleteItem", b"h_s", PK, {})
    assert await get(table) is None
    assert len(table.dynamodb.calls) == 3


@running
async def test_dd_27_a_query_stays_as_it_was_after_a_write(bench: Any) -> None:
    empty = {"Items": [], "Count": 0, "ScannedCount": 0}
    table = bench(empty, {}, {"Items": [], "Count": 7, "ScannedCount": 7})
    first = await query(table)
    await put(table, "put")
    assert await query(table) == first
    assert table.counts["QueryCacheHits"] == table.counts["QueryCacheMisses"] == 1
    table.clock.seconds += 300
    assert await query(table) != first


@running
async def test_dd_27_other_parameters_are_another_query(bench: Any) -> None:
    answers = [{"Items": [], "Count": 0, "ScannedCount": number} for number in range(6)]
    table = bench(*answers)
    limits: list[dict[int, Any]] = [{}, {13: 1}, {13: 2}, {14: 0}, {11: b"gsi"}]
    assert len({await query(table, options=options) for options in limits}) == 5
    # redundant names and values, and the wish for capacity, make no difference
    hit = await query(table, options={1: {"#a": "b"}, 5: {":v": 1}, 3: 1, 13: 1})
    assert len(table.dynamodb.calls) == 5
    assert b"s_s" in hit
    await query(table, options={2: 1})
    assert len(table.dynamodb.calls) == 6
    assert table.counts["QueryCacheMisses"] == 5


@running
async def test_a_scan_has_its_own_counters(bench: Any) -> None:
    table = bench({"Items": [], "Count": 0, "ScannedCount": 0})
    assert await table.ask("scan", b"s_s", {}) == await table.ask("scan", b"s_s", {})
    assert table.counts["ScanCacheHits"] == table.counts["ScanCacheMisses"] == 1


@running
async def test_queries_never_fill_the_item_cache(bench: Any) -> None:
    item = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    table = bench({"Items": [item], "Count": 1, "ScannedCount": 1}, {})
    await query(table)
    await table.ask("getItem", b"s_s", b"\x61ps", {})
    assert table.counts["ItemCacheMisses"] == 1


@running
async def test_a_read_that_a_write_overtook_is_not_kept(bench: Any) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> dict[str, Any]:
        arrived.set()
        await go_on.wait()
        return OLD

    table = bench(slow, {})
    reading = asyncio.create_task(get(table))
    await arrived.wait()
    await put(table, "new")
    go_on.set()
    assert await reading == "old"
    assert await get(table) == "new"


@running
async def test_a_batch_read_that_a_write_overtook_is_not_kept(bench: Any) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> dict[str, Any]:
        arrived.set()
        await go_on.wait()
        return {"Responses": {"h_s": [OLD["Item"]]}}

    table = bench(slow, {})
    reading = asyncio.create_task(table.ask("batchGetItem", {"h_s": [False, None, [PK]]}, {}))
    await arrived.wait()
    await put(table, "new")
    go_on.set()
    assert b"old" in await reading
    assert await get(table) == "new"


@running
async def test_a_transaction_refreshes_a_moment_later_unless_a_write_came_first(bench: Any) -> None:
    go_on = asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> dict[str, Any]:
        await go_on.wait()
        return {"Responses": [NEW]}

    lists = [[9], [b"h_s"], [PK], [None], None, [1], [None], [SET_V], {}]
    table = bench(OLD, {}, slow)
    await get(table)
    assert (await table.ask("transactWriteItems", *lists)).hex() == "80838080a0"
    assert await get(table) == "old"
    go_on.set()
    await table.settle()
    assert await get(table) == "new"
    go_on.clear()
    table = bench(OLD, {}, slow, {})
    await get(table)
    await table.ask("transactWriteItems", *lists)
    await table.settle()
    await put(table, "newest")
    go_on.set()
    await table.settle()
    assert await get(table) == "newest"


@running
async def test_a_transaction_that_cannot_be_read_back_is_forgotten(bench: Any) -> None:
    table = bench(OLD, {}, DaxError("ThrottlingException", "slow down"), NEW)
    await get(table)
    await table.ask("transactWriteItems", [7], [b"h_s"], [PK], [None], None, [1], [None], [None], {})
    await table.settle()
    assert await get(table) == "new"


@running
async def test_dd_30_nodes_answer_differently_until_the_lag_is_over(bench: Any) -> None:
    table = bench(OLD, OLD, {}, nodes=2, replication_lag_seconds=0.05)
    assert [await get(table, node=1), await get(table, node=2)] == ["old", "old"]
    await put(table, "new", node=2)  # a write may reach a replica: the leader still is first (pitfall 17)
    assert [await get(table, node=1), await get(table, node=2)] == ["new", "old"]
    await asyncio.sleep(0.1)
    assert [await get(table, node=1), await get(table, node=2)] == ["new", "new"]


@running
async def test_dd_31_a_node_with_too_much_to_do_throttles(bench: Any) -> None:
    go_on = asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> dict[str, Any]:
        await go_on.wait()
        return OLD

    table = bench(slow, max_busy_requests=1)
    reading = asyncio.create_task(get(table))
    await table.settle()
    codes, name = error_of(await table.ask("getItem", b"h_s", b"other", {}))
    assert (codes, name) == ([4, 37, 38, 39, 50], "ThrottlingException")
    assert table.counts["ThrottledRequestCount"] == 1
    go_on.set()
    assert await reading == "old"


@running
async def test_a_batch_reads_hits_from_the_cache_and_the_rest_in_one_call(bench: Any) -> None:
    table = bench(OLD, {"Responses": {"h_s": [{"pk": {"S": "b"}, "v": {"S": "b"}}]}})
    await get(table)
    for _ in range(2):
        reply = await table.ask("batchGetItem", {"h_s": [False, None, [PK, b"b", b"c"]]}, {})
        assert b"old" in reply
    (_, _), (operation, asked) = table.dynamodb.calls
    assert operation == "BatchGetItem"
    assert asked["RequestItems"] == {"h_s": {"Keys": [{"pk": {"S": "b"}}, {"pk": {"S": "c"}}]}}
    assert table.counts["ItemCacheHits"] == 1 + 3
    assert table.counts["ItemCacheMisses"] == 1 + 2


@pytest.mark.parametrize("keys", [[PK, PK], [], [b"%d" % number for number in range(101)]])
def test_a_batch_that_dynamodb_refuses_is_not_answered_from_the_cache(bench: Any, keys: list[bytes]) -> None:
    async def run() -> None:
        table = bench(OLD, DaxError("ValidationException", "no"))
        await get(table)
        reply = await table.ask("batchGetItem", {"h_s": [False, None, keys]}, {})
        assert error_of(reply) == ([4, 37, 38, 39, 46], "ValidationException")

    asyncio.run(run())


@running
async def test_unprocessed_keys_are_handed_on_and_not_kept_as_missing(bench: Any) -> None:
    answer = {"Responses": {"h_s": []}, "UnprocessedKeys": {"h_s": {"Keys": [KEY]}}}
    table = bench(answer, OLD)
    reply = await table.ask("batchGetItem", {"h_s": [False, None, [PK]]}, {})
    assert reply == cbor.encode([]) + cbor.encode([{"h_s": []}, {"h_s": [PK]}]) + cbor.encode([])
    assert await get(table) == "old"


@running
async def test_unprocessed_writes_are_tried_again_here(bench: Any) -> None:
    left = {"UnprocessedItems": {"h_s": [{"PutRequest": {"Item": OLD["Item"]}}]}}
    table = bench(left, {})
    lists = table.node.context.lists
    item = cbor.integer(lists.id_of(("v",))) + cbor.text("old")
    reply = await table.ask("batchWriteItem", {"h_s": [PK, item, b"b", None]}, {})
    assert reply.hex() == "80a080a0"
    assert table.dynamodb.calls[1][1]["RequestItems"] == left["UnprocessedItems"]
    assert await get(table) == "old"
    assert await table.ask("getItem", b"h_s", b"b", {}) == MISSING


@running
async def test_writes_that_stay_unprocessed_throttle_the_whole_batch(bench: Any) -> None:
    left = {"UnprocessedItems": {"h_s": [{"DeleteRequest": {"Key": KEY}}]}}
    table = bench(OLD, *[left] * 6)
    await get(table)
    reply = await table.ask("batchWriteItem", {"h_s": [PK, None, b"b", None]}, {})
    assert error_of(reply)[1] == "ThrottlingException"
    assert await get(table) == "old"
    assert await table.ask("getItem", b"h_s", b"b", {}) == MISSING


@running
async def test_iam_actions_are_asked_for_and_denials_are_told(bench: Any) -> None:
    table = bench(OLD)
    await get(table)
    table.denied = {"dax:GetItem", "dax:ConditionCheckItem"}
    for reply in (
        await table.ask("getItem", b"h_s", PK, {}),
        await table.ask("transactGetItems", [b"h_s"], [PK], [None], {}),
        await table.ask("transactWriteItems", [12], [b"h_s"], [PK], [None], None, [1], [CONDITION], [None], {}),
    ):
        assert error_of(reply) == ([4, 37, 38, 42], "AccessDeniedException")
    assert len(table.dynamodb.calls) == 1
    assert {(asked.action, asked.enclosing_operation) for asked in table.asked} == {
        ("dax:GetItem", None),
        ("dax:GetItem", "TransactGetItems"),
        ("dax:ConditionCheckItem", "TransactWriteItems"),
    }


@pytest.mark.parametrize("name", sorted(CODES))
def test_each_error_of_dynamodb_has_its_codes(bench: Any, name: str) -> None:
    async def run() -> None:
        table = bench(DaxError(name, "message"))
        codes, told = error_of(await table.ask("getItem", b"h_s", PK, {}))
        assert told == name
        assert codes == list(CODES[name])
        assert codes[:3] == [4, 37, 38]

    asyncio.run(run())


@running
async def test_an_error_of_any_other_name_is_told_by_its_name(bench: Any) -> None:
    table = bench(DaxError("UnheardOfException", "message"))
    assert error_of(await table.ask("getItem", b"h_s", PK, {})) == ([4, 99], "UnheardOfException")


@running
async def test_a_fault_of_ours_is_an_answer_too(bench: Any) -> None:
    table = bench({"Item": {"v": {"WHAT": "?"}}})
    assert error_of(await table.ask("getItem", b"h_s", PK, {}))[1] == "InternalServerError"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("getItem", (b"nowhere", PK, {})),
        ("getItem", (None, PK, {})),
        ("getItem", (b"\xff", PK, {})),
        ("getItem", (b"h_s", None, {})),
        ("getItem", (b"h_s", b"\xff", {})),
        ("getItem", (b"h_s", PK, 5)),
        ("getItem", (b"h_s", PK, {0: b"\x80"})),
        ("getItem", (b"h_s", PK, {0: 5})),
        ("getItem", (b"h_s", PK, {3: 9})),
        ("putItem", (b"h_s", PK, b"\x05", {})),
        ("putItem", (b"h_s", PK, None, {})),
        ("updateItem", (b"h_s", PK, {8: b"SET v = :v"})),
        ("updateItem", (b"h_s", PK, {7: 77})),
        ("query", (b"s_s", b"nonsense", {})),
        ("query", (b"s_s", 5, {})),
        ("query", (b"s_s", CONDITION, {9: b"\x61"})),
        ("query", (b"s_s", CONDITION, {11: b"gsi", 9: b"\x01"})),
        ("scan", (b"s_s", {13: "many"})),
        ("batchGetItem", ([], {})),
        ("batchGetItem", ({"h_s": [PK]}, {})),
        ("batchGetItem", ({1: [False, None, [PK]]}, {})),
        ("batchWriteItem", ({"h_s": [PK]}, {})),
        ("batchWriteItem", (None, {})),
        ("transactGetItems", ([b"h_s"], [PK, PK], [None], {})),
        ("transactGetItems", (None, None, None, {})),
        ("transactWriteItems", ([2], [b"h_s"], [PK], None, None, [1], [None], [None], {})),
        ("transactWriteItems", ([5], [b"h_s"], [PK], [None], None, [1], [None], [None], {})),
        ("transactWriteItems", (None, None, None, None, None, None, None, None, {})),
        ("transactWriteItems", ([2, 2], [b"h_s"], [PK], [None], None, [1], [None], [None], {})),
        ("defineKeySchema", (b"nowhere",)),
        ("defineKeySchema", (5,)),
        ("defineAttributeListId", ([1],)),
        ("defineAttributeListId", (None,)),
        ("defineAttributeList", (77,)),
        ("defineAttributeList", ("x",)),
    ],
)
def test_a_request_that_means_nothing_is_an_error_and_reaches_nobody(bench: Any, method: str, arguments: Any) -> None:
    async def run() -> None:
        table = bench()
        codes, name = error_of(await table.ask(method, *arguments))
        assert name in ("ValidationException", "ResourceNotFoundException")
        assert codes == list(CODES[name])
        assert not table.dynamodb.calls

    asyncio.run(run())


@running
async def test_a_table_that_comes_back_with_other_keys_is_noticed(bench: Any) -> None:
    table = bench(OLD, {})
    await get(table)
    table.dynamodb.keys["h_s"] = [("id", "N")]
    table.clock.seconds += 60
    assert (await table.ask("defineKeySchema", b"h_s")).hex() == "80a1626964614e"
    assert table.node.context.items.get(("h_s", PK)) is None


@running
async def test_key_schemas_are_asked_for_once_a_minute(bench: Any) -> None:
    table = bench(OLD)
    for _ in range(3):
        await get(table)
        await table.ask("defineKeySchema", b"h_s")
    assert table.dynamodb.described == 1
    table.clock.seconds += 60
    await get(table)
    assert table.dynamodb.described == 2


@pytest.mark.parametrize(
    ("agent", "sent"), [("DaxGoV2Client-1.0.3", None), ("DaxPythonClient-2.1.0", "ALL_ATTRIBUTES")]
)
def test_pitfall_16_what_a_client_always_sends_does_not_count(bench: Any, agent: str, sent: str | None) -> None:
    async def run() -> None:
        table = bench({"Items": [], "Count": 0, "ScannedCount": 0})
        await table.ask("query", b"s_s", CONDITION, {15: 1, 11: b"gsi"}, agent=agent)
        assert table.dynamodb.calls[0][1].get("Select") == sent

    asyncio.run(run())


@running
async def test_metrics_have_their_names_in_cloudwatch(bench: Any) -> None:
    table = bench(OLD, nodes=2)
    await get(table)
    await get(table)
    metrics = table.cluster.metrics()
    assert metrics["ItemCacheHits"] == 1
    assert metrics["EstimatedDbSize"] > 0
    assert 0 < metrics["CacheMemoryUtilization"] < 1
    assert table.cluster.metrics(2)["TotalRequestCount"] == 0
    assert {
        "QueryCacheMisses",
        "ThrottledRequestCount",
        "FaultRequestCount",
        "ClientConnections",
        "EvictedSize",
    } <= set(metrics)


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-3, 20)
    | st.sampled_from([b"", b"a", b"\x01", b"\x80", b"h_s", b"s_n", CONDITION, SET_V])
)
ARGUMENTS = st.recursive(
    PLAIN | st.sampled_from(["h_s", "s_n", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(0, 19) | st.sampled_from(["h_s", "s_n"]), inner, max_size=4)
        | st.builds(cbor.Tag, st.sampled_from([3321, 3324]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_arguments_are_an_error_of_the_caller_or_reach_dynamodb(bench: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(METHOD_IDS.keys() - {"authorizeConnection"})))
    arguments = [data.draw(ARGUMENTS) for _ in range(METHODS[METHOD_IDS[name]][1])]

    async def run() -> None:
        table = bench(*[DaxError("ConditionalCheckFailedException", "reached")] * 3)
        reply = await table.ask(name, *arguments)
        if not reply.startswith(b"\x80"):
            allowed = {"ValidationException", "ResourceNotFoundException", "ConditionalCheckFailedException"}
            assert error_of(reply)[1] in allowed
        await table.cluster.close()

    asyncio.run(run())
