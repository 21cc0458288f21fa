"""Reads and writes of a few keys in any interleaving: when all is quiet, caches hold nothing but what DynamoDB has."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from todo_backend.local.dax import DaxError, cbor

KEYS = (b"a", b"b")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["get", "get", "batch get", "put", "delete", "update", "transact", "batch write", "lost put"]),
        st.sampled_from(KEYS),
        st.integers(1, 2),  # the node that is asked
        st.integers(0, 12),  # when it is asked
        st.tuples(st.integers(0, 6), st.integers(0, 6)),  # how long DynamoDB takes before and after it does it
    ),
    min_size=2,
    max_size=14,
)
SET_V = [[19, [18, "v"], [17, 0]]]


class SlowDynamoDb:
    """One table whose operations take effect some time after they are asked, and answer some time after that."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.delays = [(2, 3)]
        self._calls = 0

    async def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "DescribeTable":
            key = {"AttributeName": "pk", "KeyType": "HASH", "AttributeType": "S"}
            return {"Table": {"KeySchema": [key], "AttributeDefinitions": [key]}}
        before, after = self.delays[self._calls % len(self.delays)]
        self._calls += 1
        await ticks(before)
        answer: dict[str, Any] = getattr(self, operation)(parameters)
        await ticks(after)
        if "lost" in repr(parameters):
            raise DaxError("InternalServerError", "nobody knows", status=500)
        return answer

    async def close(self) -> None:
        pass

    def _found(self, key: Mapping[str, Any]) -> dict[str, Any]:
        item = self.items.get(key["pk"]["S"])
        return {"Item": item} if item else {}

    def GetItem(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - DynamoDB's names
        return self._found(asked["Key"])

    def BatchGetItem(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = [self._found(key).get("Item") for key in asked["RequestItems"]["t"]["Keys"]]
        return {"Responses": {"t": [item for item in found if item]}}

    def TransactGetItems(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Responses": [self._found(action["Get"]["Key"]) for action in asked["TransactItems"]]}

    def PutItem(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.items[asked["Item"]["pk"]["S"]] = asked["Item"]
        return {}

    def DeleteItem(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.items.pop(asked["Key"]["pk"]["S"], None)
        return {}

    def UpdateItem(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        item = {**asked["Key"], "v": next(iter(asked["ExpressionAttributeValues"].values()))}
        self.items[item["pk"]["S"]] = item
        return {"Attributes": item}

    def TransactWriteItems(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self.PutItem(asked["TransactItems"][0]["Put"])

    def BatchWriteItem(self, asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self.PutItem(asked["RequestItems"]["t"][0]["PutRequest"])


async def ticks(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def act(table: Any, number: int, step: Any) -> None:
    kind, key, node, start, _ = step
    await ticks(start)
    text = f"lost {number}" if kind == "lost put" else f"value {number}"
    item = cbor.integer(table.node.context.lists.id_of(("v",))) + cbor.text(text)
    method, arguments = {
        "get": ("getItem", (b"t", key, {})),
        "batch get": ("batchGetItem", ({"t": [False, None, list(KEYS)]}, {})),
        "put": ("putItem", (b"t", key, item, {})),
        "lost put": ("putItem", (b"t", key, item, {})),
        "delete": ("deleteItem", (b"t", key, {})),
        "update": ("updateItem", (b"t", key, {8: cbor.encode([1, SET_V, [text]])})),
        "transact": ("transactWriteItems", ([2], [b"t"], [key], [item], None, [1], [None], [None], {})),
        "batch write": ("batchWriteItem", ({"t": [key, item]}, {})),
    }[kind]
    await table.ask(method, *arguments, node=node)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(  # the refresh of the first transaction ends after the second one, with the image before it
    [
        ("get", b"a", 1, 0, (0, 5)),
        ("get", b"a", 1, 4, (0, 0)),
        ("get", b"a", 2, 0, (0, 0)),
        ("get", b"b", 2, 0, (0, 0)),
        ("transact", b"b", 1, 4, (0, 0)),
        ("get", b"a", 1, 3, (0, 1)),
        ("get", b"b", 1, 0, (0, 2)),
        ("get", b"a", 1, 4, (0, 0)),
        ("transact", b"b", 1, 2, (0, 0)),
    ]
)
@given(STEPS)
def test_no_interleaving_leaves_an_old_image(bench: Any, steps: list[Any]) -> None:
    async def run() -> None:
        dynamodb = SlowDynamoDb()
        dynamodb.delays = [step[-1] for step in steps]
        table = bench(nodes=2, dynamodb=dynamodb)
        await asyncio.gather(*(act(table, number, step) for number, step in enumerate(steps)))
        await ticks(60)
        for node in table.cluster.nodes:
            for key in KEYS:
                entry = node.context.items.get(("t", key))
                stored = dynamodb.items.get(key.decode())
                assert entry is None or content(table, entry.value) == (stored and stored["v"])
            assert not node.context.items._fills
        assert not table.cluster.coherence._writes
        await table.cluster.close()

    asyncio.run(run())


def content(table: Any, raw: bytes | None) -> Any:
    if raw is None:
        return None
    reader = cbor.Reader(raw)
    assert table.node.context.lists.names_of(reader.value()) == ("v",)
    return {"S": reader.value()}
