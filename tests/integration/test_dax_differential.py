"""The same call once through the official DAX client and once through boto3: same result, same error, same tables.

The cases are made from tables by the rules of the DAX protocol notes, section 15. Both ways end in one bare MiniStack.
"""

import asyncio
import contextlib
import copy
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from amazondax import AmazonDaxClient
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.npm import JavaScript
from todo_backend.local.dax import Credentials, DaxCluster, DaxSettings, HttpDynamoDb

pytestmark = pytest.mark.xdist_group("dax")  # one MiniStack for all of it

CREDENTIALS = Credentials("AKIDDIFFERENTIAL", "a-secret-of-the-test")
REGION = "us-east-1"
ONCE = Config(retries={"max_attempts": 0})
_START_SECONDS = 30.0

S, N, B = "S", "N", "B"
TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "h_s": (("pk", S),),
    "h_n": (("id", N),),
    "h_b": (("pk", B),),
    "s_s": (("pk", S), ("sk", S)),
    "s_n": (("pk", S), ("sk", N)),
    "n_n": (("pk", N), ("sk", N)),
    "b_b": (("pk", B), ("sk", B)),
}
INDEXED = "s_s"

ONE = {"pk": {"S": "one"}}
DOCUMENT = {
    **ONE,
    "n": {"N": "5"},
    "f": {"N": "-1.25"},
    "s": {"S": "hello"},
    "b": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nil": {"NULL": True},
    "l": {"L": [{"N": "1"}, {"S": "two"}, {"M": {"x": {"L": [{"N": "7"}, {"N": "8"}, {"N": "9"}]}}}]},
    "m": {"M": {"a": {"S": "inner"}, "b": {"M": {"c": {"N": "3"}}}}},
    "ss": {"SS": ["x", "y"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"\x01", b"\x02"]},
}
BARE = {"pk": {"S": "bare"}}
SORTED = [
    {
        "pk": {"S": "p"},
        "sk": {"S": f"s{place:02d}"},
        "v": {"N": str(place)},
        "g": {"S": "even" if place % 2 == 0 else "odd"},
        "l": {"N": str(100 - place)},
        "d": {"M": {"x": {"N": str(place)}}},
    }
    for place in range(8)
]
NUMBERED = [
    {"pk": {"S": "p"}, "sk": {"N": number}, "v": {"S": number}} for number in ("-10", "-0.5", "0", "1.5", "3", "200")
]
SEEDS: dict[str, list[dict[str, Any]]] = {
    "h_s": [DOCUMENT, BARE, {"pk": {"S": "ümlaut ✓"}, "v": {"S": "𝄞"}}],
    "h_n": [{"id": {"N": "42"}, "v": {"S": "q"}}, {"id": {"N": "-1.5"}}, {"id": {"N": "100"}, "v": {"S": "hundred"}}],
    "h_b": [{"pk": {"B": b"\x00\x01"}, "v": {"N": "1"}}],
    "s_s": SORTED,
    "s_n": NUMBERED,
    "n_n": [{"pk": {"N": "1"}, "sk": {"N": "2.5"}, "v": {"S": "x"}}],
    "b_b": [{"pk": {"B": b"a"}, "sk": {"B": b"\xff\x00"}, "v": {"S": "x"}}],
}

Case = tuple[str, str, dict[str, Any]]


def key_of(item: dict[str, Any], table: str) -> dict[str, Any]:
    return {name: item[name] for name, _ in TABLES[table]}


def variants(table: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from table.items()


def update_cases() -> Iterator[Case]:
    """Every ReturnValues with every kind of action, on a full item, a bare one and none."""
    updates: list[tuple[str, dict[str, Any]]] = [
        ("SET n = n + :v", {":v": {"N": "1"}}),
        ("SET n = n - :v, s = :s", {":v": {"N": "0.5"}, ":s": {"S": "new"}}),
        ("SET q = if_not_exists(q, :v)", {":v": {"N": "1"}}),
        ("SET l = list_append(l, :v)", {":v": {"L": [{"S": "end"}]}}),
        ("SET m.b.c = :v", {":v": {"N": "4"}}),
        ("SET l[1] = :v REMOVE s", {":v": {"S": "changed"}}),
        ("REMOVE m.a, l[0]", {}),
        ("ADD n :v", {":v": {"N": "2"}}),
        ("ADD ss :v DELETE ns :w", {":v": {"SS": ["z"]}, ":w": {"NS": ["1"]}}),
    ]
    for number, (expression, values) in enumerate(updates):
        for wanted in ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"):
            given: dict[str, Any] = {
                "TableName": "h_s",
                "Key": ONE,
                "UpdateExpression": expression,
                "ReturnValues": wanted,
            }
            yield (
                f"update {number} {wanted}",
                "update_item",
                given | ({"ExpressionAttributeValues": values} if values else {}),
            )
    for target in ("bare", "nobody"):
        for wanted in ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_NEW"):
            given = {
                "TableName": "h_s",
                "Key": {"pk": {"S": target}},
                "UpdateExpression": "SET #a = :v",
                "ReturnValues": wanted,
            }
            names = {"ExpressionAttributeNames": {"#a": "a.b"}, "ExpressionAttributeValues": {":v": {"NULL": True}}}
            yield f"update {target} {wanted}", "update_item", given | names
    yield "update without expression", "update_item", {"TableName": "h_s", "Key": {"pk": {"S": "touched"}}}


CONDITIONS: list[tuple[str, dict[str, Any]]] = [
    ("attribute_exists(pk)", {}),
    ("attribute_not_exists(pk)", {}),
    ("attribute_exists(m.b.c)", {}),
    ("attribute_not_exists(l[7])", {}),
    ("n = :v", {":v": {"N": "5"}}),
    ("n = :v", {":v": {"N": "5.0"}}),
    ("n <> :v", {":v": {"N": "5"}}),
    ("n < :v", {":v": {"N": "6"}}),
    ("n <= :v", {":v": {"N": "4"}}),
    ("n > :v", {":v": {"N": "4"}}),
    ("n >= :v", {":v": {"N": "5"}}),
    ("n BETWEEN :v AND :w", {":v": {"N": "1"}, ":w": {"N": "9"}}),
    ("n IN (:v, :w)", {":v": {"N": "4"}, ":w": {"N": "5"}}),
    ("begins_with(s, :v)", {":v": {"S": "hel"}}),
    ("contains(s, :v)", {":v": {"S": "ell"}}),
    ("contains(ss, :v)", {":v": {"S": "x"}}),
    ("attribute_type(l, :v)", {":v": {"S": "L"}}),
    ("size(s) > :v", {":v": {"N": "4"}}),
    ("NOT n = :v", {":v": {"N": "5"}}),
    ("n = :v AND s = :w", {":v": {"N": "5"}, ":w": {"S": "hello"}}),
    ("n = :v OR s = :w", {":v": {"N": "1"}, ":w": {"S": "hello"}}),
    ("(n = :v OR s = :w) AND attribute_exists(b)", {":v": {"N": "1"}, ":w": {"S": "hello"}}),
    ("NOT (n = :v AND s = :w)", {":v": {"N": "5"}, ":w": {"S": "hello"}}),
    ("n = :v AND s = :w AND yes = :x", {":v": {"N": "5"}, ":w": {"S": "hello"}, ":x": {"BOOL": True}}),
    ("m.a = :v", {":v": {"S": "inner"}}),
    ("l[2].x[1] = :v", {":v": {"N": "8"}}),
    ("n < f", {}),
]


def condition_cases() -> Iterator[Case]:
    """Every condition function, before a put, a delete and as a scan's filter."""
    for number, (condition, values) in enumerate(CONDITIONS):
        given: dict[str, Any] = {"TableName": "h_s"} | ({"ExpressionAttributeValues": values} if values else {})
        put = {"Item": {**ONE, "fresh": {"N": "1"}}, "ReturnValues": "ALL_OLD", "ConditionExpression": condition}
        yield f"put if {number}", "put_item", given | put
        yield f"scan filter {number}", "scan", given | {"FilterExpression": condition}
        if number % 4 == 0:
            delete = {"Key": ONE, "ConditionExpression": condition, "ReturnValues": "ALL_OLD"}
            yield f"delete if {number}", "delete_item", given | delete


PROJECTIONS = [
    "n",
    "pk",
    "m",
    "m.b.c",
    "l[2].x[1]",
    "l[0], l[2]",
    "n, m.a, ss",
    "nothing",
    "pk, m.nothing, l[9]",
    "yes, nil, b, bs, ns",
]


def projection_cases() -> Iterator[Case]:
    """Names, nested paths, list indexes and what is missing, in each operation that projects."""
    for number, projection in enumerate(PROJECTIONS):
        get = {"TableName": "h_s", "Key": ONE, "ProjectionExpression": projection}
        yield f"get projected {number}", "get_item", get
        query = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "one"}}}
        yield f"query projected {number}", "query", {"TableName": "h_s", "ProjectionExpression": projection, **query}
        batch = {"h_s": {"Keys": [ONE, BARE], "ProjectionExpression": projection}}
        if number % 2 == 0:
            yield f"batch projected {number}", "batch_get_item", {"RequestItems": batch}
            yield f"scan projected {number}", "scan", {"TableName": "h_s", "ProjectionExpression": projection}
        else:
            yield f"transact projected {number}", "transact_get_items", {"TransactItems": [{"Get": get}]}
            yield f"consistent projected {number}", "get_item", get | {"ConsistentRead": True}


def key_cases() -> Iterator[Case]:
    """Keys of every type, alone and together, read, written, deleted, updated."""
    fresh: dict[str, Any] = {S: {"S": "fresh ✓"}, N: {"N": "-12.75"}, B: {"B": b"\xfe\x00\x01"}}
    for table, schema in TABLES.items():
        known, new = key_of(SEEDS[table][0], table), {name: fresh[kind] for name, kind in schema}
        yield f"get {table}", "get_item", {"TableName": table, "Key": known}
        yield f"get missing {table}", "get_item", {"TableName": table, "Key": new}
        yield (
            f"put {table}",
            "put_item",
            {"TableName": table, "Item": {**new, "v": {"N": "1"}}, "ReturnValues": "ALL_OLD"},
        )
        yield f"delete {table}", "delete_item", {"TableName": table, "Key": known, "ReturnValues": "ALL_OLD"}
        update = {
            "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"S": "u"}},
            "ReturnValues": "ALL_NEW",
        }
        yield f"update {table}", "update_item", {"TableName": table, "Key": new, **update}
        yield f"scan {table}", "scan", {"TableName": table}
    for number in ("0", "-0.001", "12345678901234567890123456789012345678", "1E100", "1E-100"):
        yield f"get number {number}", "get_item", {"TableName": "h_n", "Key": {"id": {"N": number}}}
        yield f"put number {number}", "put_item", {"TableName": "s_n", "Item": {"pk": {"S": "p"}, "sk": {"N": number}}}


def query_cases() -> Iterator[Case]:
    """Key conditions, indexes, order, limits, pages, counts, filters."""
    ranges: list[tuple[str, dict[str, Any]]] = [
        ("sk = :a", {":a": {"S": "s03"}}),
        ("sk < :a", {":a": {"S": "s03"}}),
        ("sk <= :a", {":a": {"S": "s03"}}),
        ("sk > :a", {":a": {"S": "s03"}}),
        ("sk >= :a", {":a": {"S": "s03"}}),
        ("sk BETWEEN :a AND :b", {":a": {"S": "s02"}, ":b": {"S": "s05"}}),
        ("begins_with(sk, :a)", {":a": {"S": "s0"}}),
    ]
    for number, (condition, values) in enumerate(ranges):
        given = {"TableName": "s_s", "KeyConditionExpression": f"pk = :p AND {condition}"}
        given_values = {"ExpressionAttributeValues": {":p": {"S": "p"}, **values}}
        yield f"query range {number}", "query", given | given_values
        backward = {"ScanIndexForward": False, "Limit": 2}
        yield f"query range {number} backward", "query", given | given_values | backward
    everything: dict[str, Any] = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}
    table = {"TableName": "s_s", **everything}
    for name, more in variants(
        {
            "all": {},
            "count": {"Select": "COUNT"},
            "consistent": {"ConsistentRead": True},
            "limit": {"Limit": 3},
            "page": {"Limit": 3, "ExclusiveStartKey": key_of(SORTED[2], "s_s")},
            "last page": {"Limit": 30, "ExclusiveStartKey": key_of(SORTED[5], "s_s")},
            "filter": {"FilterExpression": "v > :p OR begins_with(sk, :p)"},
            "all attributes": {"Select": "ALL_ATTRIBUTES"},
            "capacity": {"ReturnConsumedCapacity": "TOTAL"},
            "nobody": {"ExpressionAttributeValues": {":p": {"S": "nobody"}}},
            "local index": {"IndexName": "lsi"},
            "local index page": {"IndexName": "lsi", "Limit": 3},
            "local index next": {
                "IndexName": "lsi",
                "Limit": 3,
                "ExclusiveStartKey": {k: SORTED[6][k] for k in ("pk", "sk", "l")},
            },
            "local index backward": {"IndexName": "lsi", "ScanIndexForward": False, "Limit": 2},
        }
    ):
        yield f"query {name}", "query", table | more
    odd: dict[str, Any] = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "odd"}}}
    index = {"TableName": "s_s", "IndexName": "gsi", **odd}
    for name, more in variants(
        {
            "all": {},
            "page": {"Limit": 2},
            "next": {"Limit": 2, "ExclusiveStartKey": {name: SORTED[5][name] for name in ("pk", "sk", "g", "l")}},
            "projected": {"ProjectionExpression": "d.x, l"},
            "range": {
                "KeyConditionExpression": "g = :g AND l < :l",
                "ExpressionAttributeValues": {":g": {"S": "odd"}, ":l": {"N": "97"}},
            },
            "all projected": {"Select": "ALL_PROJECTED_ATTRIBUTES"},
        }
    ):
        yield f"query global index {name}", "query", index | more
    for condition in ("sk > :a", "sk <= :a", "sk = :a"):
        given = {"KeyConditionExpression": f"pk = :p AND {condition}", "TableName": "s_n"}
        yield (
            f"query number {condition}",
            "query",
            given | {"ExpressionAttributeValues": {":p": {"S": "p"}, ":a": {"N": "1.50"}}},
        )


def scan_cases() -> Iterator[Case]:
    """Limits, pages, segments, counts, indexes."""
    for name, more in variants(
        {
            "limit": {"Limit": 2},
            "page": {"Limit": 2, "ExclusiveStartKey": key_of(SORTED[3], "s_s")},
            "count": {"Select": "COUNT"},
            "consistent": {"ConsistentRead": True},
            "segment": {"Segment": 0, "TotalSegments": 1},
            "index": {"IndexName": "gsi"},
            "index limit": {"IndexName": "lsi", "Limit": 2},
            "filter": {
                "FilterExpression": "d.x BETWEEN :a AND :b",
                "ExpressionAttributeValues": {":a": {"N": "2"}, ":b": {"N": "4"}},
            },
        }
    ):
        yield f"scan {name}", "scan", {"TableName": "s_s", **more}


def batch_cases() -> Iterator[Case]:
    """Batches over tables, with what is missing, deleted, repeated."""
    keys = [key_of(item, "s_s") for item in SORTED]
    gone = {"pk": {"S": "p"}, "sk": {"S": "gone"}}
    yield (
        "batch get",
        "batch_get_item",
        {"RequestItems": {"s_s": {"Keys": [*keys, gone]}, "h_n": {"Keys": [{"id": {"N": "42"}}]}}},
    )
    yield (
        "batch get consistent",
        "batch_get_item",
        {"RequestItems": {"s_s": {"Keys": keys[:2], "ConsistentRead": True}}},
    )
    yield "batch get nothing", "batch_get_item", {"RequestItems": {"s_s": {"Keys": [gone]}}}
    one: dict[str, Any] = {"TableName": "h_s", "Key": ONE, "ReturnConsumedCapacity": "TOTAL"}
    yield "get capacity", "get_item", one
    yield "delete capacity", "delete_item", one
    yield "batch get unknown table", "batch_get_item", {"RequestItems": {"nowhere": {"Keys": [ONE]}}}
    put, delete = {"PutRequest": {"Item": {**ONE, "v": {"L": []}}}}, {"DeleteRequest": {"Key": BARE}}
    more = [{"PutRequest": {"Item": {"id": {"N": str(number)}, "v": {"M": {}}}}} for number in range(20)]
    yield "batch write", "batch_write_item", {"RequestItems": {"h_s": [put, delete]}}
    yield "batch write two tables", "batch_write_item", {"RequestItems": {"h_s": [put], "h_n": more}}
    yield "batch write unknown table", "batch_write_item", {"RequestItems": {"nowhere": [put]}}
    yield "batch delete missing", "batch_write_item", {"RequestItems": {"s_s": [{"DeleteRequest": {"Key": gone}}]}}


def transaction_cases() -> Iterator[Case]:
    """Each kind of action, alone and together, done and cancelled."""
    put = {"Put": {"TableName": "h_n", "Item": {"id": {"N": "50"}, "v": {"S": "q"}}}}
    update = {
        "Update": {
            "TableName": "h_s",
            "Key": ONE,
            "UpdateExpression": "SET n = n + :o REMOVE q",
            "ExpressionAttributeValues": {":o": {"N": "1"}},
        }
    }
    delete = {"Delete": {"TableName": "s_s", "Key": key_of(SORTED[0], "s_s")}}

    def check(value: str) -> dict[str, Any]:
        condition = {"ConditionExpression": "v = :v", "ExpressionAttributeValues": {":v": {"S": value}}}
        return {"ConditionCheck": {"TableName": "h_n", "Key": {"id": {"N": "42"}}, **condition}}

    for name, actions in {
        "put": [put],
        "update": [update],
        "delete": [delete],
        "all": [put, update, delete, check("q")],
        "check fails": [put, check("other")],
        "all but check fails": [update, delete, check("other"), put],
    }.items():
        yield f"transact {name}", "transact_write_items", {"TransactItems": actions}
    exists = {"ConditionExpression": "attribute_not_exists(pk)"}
    again = {"Put": {"TableName": "h_s", "Item": ONE, **exists, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}
    yield "transact put exists", "transact_write_items", {"TransactItems": [again]}
    gets = [{"Get": {"TableName": "h_n", "Key": {"id": {"N": number}}}} for number in ("42", "77", "-1.5")]
    yield "transact get", "transact_get_items", {"TransactItems": gets}
    yield (
        "transact get two tables",
        "transact_get_items",
        {"TransactItems": [gets[0], {"Get": {"TableName": "h_s", "Key": ONE}}]},
    )
    yield (
        "transact get unknown",
        "transact_get_items",
        {"TransactItems": [{"Get": {"TableName": "nowhere", "Key": ONE}}]},
    )


def value_cases() -> Iterator[Case]:
    """Every type of value, and its edges."""
    values: list[dict[str, Any]] = [
        {"S": ""},
        {"S": "x" * 70_000},
        {"S": "𝄞 and \u0000"},
        {"N": "0"},
        {"N": "-0.000001"},
        {"N": "18446744073709551616"},
        {"N": "-99999999999999999999999999999999999999"},
        {"N": "1.2345678901234567890123456789012345678"},
        {"N": "1E40"},
        {"N": "1E-40"},
        {"B": b""},
        {"B": bytes(range(256))},
        {"L": []},
        {"M": {}},
        {"L": [{"L": [{"L": [{"M": {"": {"NULL": True}}}]}]}]},
        {"M": {"a b": {"SS": ["ü"]}, "c.d": {"BS": [b"\x00"]}}},
        {"NS": ["0", "-1", "1E10"]},
    ]
    for number, value in enumerate(values):
        yield f"put value {number}", "put_item", {"TableName": "h_s", "Item": {"pk": {"S": "value"}, "v": value}}
    names = {f"attribute {number}": {"N": str(number)} for number in range(60)}
    yield "put many names", "put_item", {"TableName": "h_s", "Item": {"pk": {"S": "value"}, **names}}


def legacy_cases() -> Iterator[Case]:
    """Parameters from before there were expressions; the client rewrites them."""
    one = {"TableName": "h_s", "Key": ONE}
    yield "legacy attributes", "get_item", one | {"AttributesToGet": ["n", "s", "nothing"]}
    yield "legacy expected", "put_item", {"TableName": "h_s", "Item": ONE, "Expected": {"n": {"Value": {"N": "5"}}}}
    yield "legacy expected fails", "put_item", {"TableName": "h_s", "Item": ONE, "Expected": {"pk": {"Exists": False}}}
    updates = {"n": {"Action": "ADD", "Value": {"N": "1"}}, "s": {"Action": "DELETE"}, "z": {"Value": {"S": "put"}}}
    yield "legacy update", "update_item", one | {"AttributeUpdates": updates, "ReturnValues": "ALL_NEW"}
    where = {"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "p"}]}}
    after = {"sk": {"ComparisonOperator": "GT", "AttributeValueList": [{"S": "s03"}]}}
    yield "legacy query", "query", {"TableName": "s_s", "KeyConditions": where | after}
    small = {"v": {"ComparisonOperator": "LT", "AttributeValueList": [{"N": "3"}]}}
    yield "legacy filter", "query", {"TableName": "s_s", "KeyConditions": where, "QueryFilter": small}
    yield "legacy scan", "scan", {"TableName": "s_s", "ScanFilter": small}


def refused_cases() -> Iterator[Case]:
    """What DynamoDB refuses: the same refusal both ways."""
    one = {"TableName": "h_s", "Key": ONE}
    yield "get unknown table", "get_item", {"TableName": "nowhere", "Key": ONE}
    yield "put unknown table", "put_item", {"TableName": "nowhere", "Item": ONE}
    yield (
        "query unknown table",
        "query",
        {
            "TableName": "nowhere",
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": "p"}},
        },
    )
    yield "scan unknown table", "scan", {"TableName": "nowhere"}
    wrong = {"UpdateExpression": "SET n = s + :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}
    yield "update of a string", "update_item", one | wrong
    missing = {"UpdateExpression": "SET q.r.t = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}
    yield "update of a missing path", "update_item", one | missing
    yield (
        "update a key",
        "update_item",
        one | {"UpdateExpression": "SET pk = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    )
    yield (
        "delete if missing",
        "delete_item",
        {"TableName": "h_s", "Key": {"pk": {"S": "no"}}, "ConditionExpression": "attribute_exists(pk)"},
    )
    unknown = {
        "IndexName": "nowhere",
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "p"}},
    }
    yield "query unknown index", "query", {"TableName": "s_s", **unknown}


CASES: list[Case] = [
    case
    for cases in (
        update_cases,
        condition_cases,
        projection_cases,
        key_cases,
        query_cases,
        scan_cases,
        batch_cases,
        transaction_cases,
        value_cases,
        legacy_cases,
        refused_cases,
    )
    for case in cases()
]


class Node:
    """A DAX cluster on a thread of its own."""

    def __init__(self, url: str, settings: DaxSettings) -> None:
        self.cluster: DaxCluster | None = None
        self._url, self._settings = url, settings
        self._loop = asyncio.new_event_loop()
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    async def _serve(self) -> None:
        dynamodb = HttpDynamoDb(self._url, region=REGION, credentials=CREDENTIALS)
        known = {CREDENTIALS.access_key_id: CREDENTIALS}
        async with DaxCluster(self._settings, dynamodb=dynamodb, credentials=known.get) as self.cluster:
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> "Node":
        self._thread.start()
        assert self._ready.wait(_START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    @property
    def endpoint(self) -> str:
        assert self.cluster is not None
        return self.cluster.endpoint

    def flush(self) -> None:
        async def forget() -> None:
            assert self.cluster is not None
            self.cluster.flush()

        asyncio.run_coroutine_threadsafe(forget(), self._loop).result()

    def metrics(self) -> dict[str, float]:
        async def read() -> dict[str, float]:
            assert self.cluster is not None
            return dict(self.cluster.metrics())

        return asyncio.run_coroutine_threadsafe(read(), self._loop).result()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("nothing listens")


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bare MiniStack with the tables."""
    port = free_port()
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env=environment,
        cwd=tmp_path_factory.mktemp("ministack"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def direct(ministack: str) -> Iterator[Any]:
    client = boto3.client(
        "dynamodb",
        endpoint_url=ministack,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS.access_key_id,
        aws_secret_access_key=CREDENTIALS.secret_access_key,
        config=ONCE,
    )
    for table in TABLES:
        client.create_table(**description(table))
    yield client
    client.close()


def description(table: str) -> dict[str, Any]:
    attributes = dict(TABLES[table])
    found: dict[str, Any] = {
        "TableName": table,
        "KeySchema": keys_of(*attributes),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if table == INDEXED:
        attributes |= {"g": S, "l": N}
        everything = {"Projection": {"ProjectionType": "ALL"}}
        found["GlobalSecondaryIndexes"] = [{"IndexName": "gsi", "KeySchema": keys_of("g", "l"), **everything}]
        found["LocalSecondaryIndexes"] = [{"IndexName": "lsi", "KeySchema": keys_of("pk", "l"), **everything}]
    found["AttributeDefinitions"] = [
        {"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()
    ]
    return found


def keys_of(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


@pytest.fixture(scope="module")
def node(ministack: str) -> Iterator[Node]:
    with Node(ministack, DaxSettings(port=0, query_ttl_seconds=0, region=REGION)) as running:
        yield running


def dax_session() -> Any:
    session = botocore.session.get_session()
    session.set_credentials(CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key)
    return session


@pytest.fixture(scope="module")
def dax(node: Node) -> Iterator[Any]:
    client = AmazonDaxClient(dax_session(), endpoint_url=node.endpoint, region_name=REGION, config=ONCE)
    yield client
    client.close()


def contents(direct: Any) -> dict[str, list[str]]:
    return {table: sorted(repr(plain(item)) for item in direct.scan(TableName=table)["Items"]) for table in TABLES}


WANTED: dict[str, list[str]] = {}


def seed(direct: Any) -> None:
    """Bring the tables to their first state, if they are not there."""
    if not WANTED:
        WANTED.update({table: sorted(repr(plain(item)) for item in items) for table, items in SEEDS.items()})
    found = contents(direct)
    for table in TABLES:
        if found[table] == WANTED[table]:
            continue
        for item in direct.scan(TableName=table)["Items"]:
            direct.delete_item(TableName=table, Key=key_of(item, table))
        for item in SEEDS[table]:
            direct.put_item(TableName=table, Item=item)


def plain(value: Any) -> Any:
    """What a result says, without spelling: numbers as numbers, sets and batches in order, no transport."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, content),) = value.items()
        if kind == "N" and isinstance(content, str):
            return {"N": str(Decimal(content).normalize())}
        if kind in ("SS", "NS", "BS"):
            return {kind: sorted(str(Decimal(part).normalize()) if kind == "NS" else part for part in content)}
    if isinstance(value, dict):
        # The positional form of ConsumedCapacity cannot tell reads from writes (section 11.1)
        skipped = {"ResponseMetadata", "ReadCapacityUnits", "WriteCapacityUnits"}
        return {name: plain(content) for name, content in sorted(value.items()) if name not in skipped}
    if isinstance(value, list | tuple):
        return [plain(content) for content in value]
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value)
    return value


def outcome(client: Any, method: str, parameters: dict[str, Any]) -> Any:
    try:
        # The DAX client takes its arguments apart
        answer = plain(getattr(client, method)(**copy.deepcopy(parameters)))
    except ClientError as error:
        return error.response["Error"]["Code"], str(error.response["Error"]["Message"])
    except BotoCoreError as error:
        return type(error).__name__, ""
    # What DynamoDB leaves out, MiniStack sends empty: attributes of an update, items of a transaction
    if answer.get("Attributes") == {}:
        del answer["Attributes"]
    if method == "transact_get_items":
        answer["Responses"] = [entry.get("Item") or None for entry in answer["Responses"]]
    if method == "batch_get_item":
        answer["Responses"] = {table: sorted(map(repr, items)) for table, items in answer["Responses"].items()}
    return answer


@pytest.mark.parametrize(("method", "parameters"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_dax_and_dynamodb_do_the_same(
    direct: Any, dax: Any, node: Node, method: str, parameters: dict[str, Any]
) -> None:
    seed(direct)
    node.flush()
    through_dax = outcome(dax, method, parameters)
    after_dax = contents(direct)
    seed(direct)
    straight = outcome(direct, method, parameters)
    assert through_dax == straight
    assert after_dax == contents(direct)


def test_there_are_enough_cases_and_no_two_are_alike() -> None:
    assert len(CASES) >= 150
    assert len({name for name, _, _ in CASES}) == len(CASES)


READING = [case for case in CASES if case[1] in ("get_item", "batch_get_item") and "capacity" not in case[0]]


@pytest.mark.parametrize(("method", "parameters"), [case[1:] for case in READING], ids=[case[0] for case in READING])
def test_a_hit_is_the_same_as_its_miss(
    direct: Any, dax: Any, node: Node, method: str, parameters: dict[str, Any]
) -> None:
    seed(direct)
    node.flush()
    first = outcome(dax, method, parameters)
    assert outcome(dax, method, parameters) == first


def test_the_resource_interface_works_alike(direct: Any, node: Node, ministack: str) -> None:
    seed(direct)
    node.flush()
    with AmazonDaxClient.resource(
        endpoint_url=node.endpoint,
        region_name=REGION,
        config=ONCE,
        aws_access_key_id=CREDENTIALS.access_key_id,
        aws_secret_access_key=CREDENTIALS.secret_access_key,
    ) as resource:
        table = resource.Table("s_s")
        with table.batch_writer() as batch:
            for number in range(30):
                batch.put_item(
                    Item={"pk": "r", "sk": f"{number:02d}", "v": Decimal("1.5") * number, "tags": {"a", "b"}}
                )
        page = table.query(
            KeyConditionExpression=Key("pk").eq("r") & Key("sk").gt("10"), FilterExpression=Attr("v").lt(30)
        )
        assert [item["sk"] for item in page["Items"]] == [str(number) for number in range(11, 20)]
        assert table.get_item(Key={"pk": "r", "sk": "03"})["Item"] == {
            "pk": "r",
            "sk": "03",
            "v": Decimal("4.5"),
            "tags": {"a", "b"},
        }
        table.update_item(
            Key={"pk": "r", "sk": "03"}, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": Decimal(7)}
        )
        assert table.get_item(Key={"pk": "r", "sk": "03"})["Item"]["v"] == 7


def test_a_write_through_dax_is_read_from_the_cache(direct: Any, dax: Any, node: Node) -> None:
    seed(direct)
    node.flush()
    dax.put_item(TableName="h_s", Item={"pk": {"S": "cached"}, "v": {"N": "1"}})
    before = node.metrics()
    assert dax.get_item(TableName="h_s", Key={"pk": {"S": "cached"}})["Item"]["v"] == {"N": "1"}
    direct.put_item(TableName="h_s", Item={"pk": {"S": "cached"}, "v": {"N": "2"}})
    assert dax.get_item(TableName="h_s", Key={"pk": {"S": "cached"}})["Item"]["v"] == {"N": "1"}  # DD-29
    fresh = dax.get_item(TableName="h_s", Key={"pk": {"S": "cached"}}, ConsistentRead=True)
    assert fresh["Item"]["v"] == {"N": "2"}  # DD-25
    after = node.metrics()
    assert after["ItemCacheHits"] - before["ItemCacheHits"] == 2
    assert after["ItemCacheMisses"] == before["ItemCacheMisses"]


@pytest.mark.parametrize("spelling", ["1E2", "100.0", "100"])
def test_a_number_is_one_key_however_it_is_spelled(direct: Any, dax: Any, node: Node, spelling: str) -> None:
    seed(direct)
    node.flush()
    assert dax.get_item(TableName="h_n", Key={"id": {"N": "100"}})["Item"]["v"] == {"S": "hundred"}
    before = node.metrics()["ItemCacheHits"]
    assert dax.get_item(TableName="h_n", Key={"id": {"N": spelling}})["Item"]["v"] == {"S": "hundred"}
    assert node.metrics()["ItemCacheHits"] == before + 1


def test_a_repeated_token_is_the_same_transaction(direct: Any, dax: Any, node: Node) -> None:
    seed(direct)
    node.flush()
    put = {"Put": {"TableName": "h_n", "Item": {"id": {"N": "50"}}}}
    dax.transact_write_items(TransactItems=[copy.deepcopy(put)], ClientRequestToken="a-token-of-the-test")
    assert direct.delete_item(TableName="h_n", Key={"id": {"N": "50"}}, ReturnValues="ALL_OLD")["Attributes"]
    dax.transact_write_items(TransactItems=[copy.deepcopy(put)], ClientRequestToken="a-token-of-the-test")
    assert "Item" not in dax.get_item(TableName="h_n", Key={"id": {"N": "50"}}, ConsistentRead=True)


def test_a_cancelled_transaction_tells_its_reasons(direct: Any, dax: Any, node: Node) -> None:
    seed(direct)
    condition = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with pytest.raises(ClientError) as caught:
        dax.transact_write_items(TransactItems=[{"Put": {"TableName": "h_s", "Item": BARE, **condition}}])
    assert caught.value.response["Error"]["Code"] == "TransactionCanceledException"
    assert caught.value.cancellation_reasons[:2] == ["ConditionalCheckFailed", "The conditional request failed"]


def test_a_wrong_secret_and_an_unknown_key_are_refused(node: Node) -> None:
    for key, secret, refusal in (
        ("AKIDDIFFERENTIAL", "another secret", "InvalidSignatureException"),
        ("AKIDSTRANGER", CREDENTIALS.secret_access_key, "UnrecognizedClientException"),
    ):
        session = botocore.session.get_session()
        session.set_credentials(key, secret)
        with pytest.raises(ClientError) as caught:
            AmazonDaxClient(session, endpoint_url=node.endpoint, region_name=REGION, config=ONCE)
        assert caught.value.response["Error"]["Code"] == refusal


def test_clients_find_their_way_over_tls_and_three_nodes(
    direct: Any, ministack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(direct)
    settings = DaxSettings(port=0, nodes=3, region=REGION, tls_directory=tmp_path / "tls", replication_lag_seconds=0)
    with Node(ministack, settings) as running:
        assert running.endpoint.startswith("daxs://127.0.0.1:")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls" / "ca.pem"))
        client = AmazonDaxClient(dax_session(), endpoint_url=running.endpoint, region_name=REGION, config=ONCE)
        client.put_item(TableName="h_s", Item={"pk": {"S": "everywhere"}, "v": {"N": "1"}})
        for _ in range(30):
            assert client.get_item(TableName="h_s", Key={"pk": {"S": "everywhere"}})["Item"]["v"] == {"N": "1"}
        client.close()
        assert running.cluster is not None
        hits = [running.cluster.metrics(number)["ItemCacheHits"] for number in (1, 2, 3)]
        assert sum(hits) == 30
        assert all(hits)


def test_attribute_names_survive_a_restart_under_a_living_client(direct: Any, ministack: str, tmp_path: Path) -> None:
    seed(direct)
    settings = DaxSettings(port=free_port(), region=REGION, attribute_file=tmp_path / "lists")
    key = {"pk": {"S": "kept"}}
    with Node(ministack, settings) as first:
        client = AmazonDaxClient(dax_session(), endpoint_url=first.endpoint, region_name=REGION)
        client.put_item(TableName="h_s", Item={**key, "a": {"S": "a"}, "b": {"S": "b"}})
        assert client.get_item(TableName="h_s", Key=key)["Item"]["b"] == {"S": "b"}
    with Node(ministack, settings) as second:
        other = AmazonDaxClient(dax_session(), endpoint_url=second.endpoint, region_name=REGION)
        other.put_item(TableName="h_s", Item={**key, "b": {"S": "b"}, "c": {"S": "c"}})
        assert client.get_item(TableName="h_s", Key=key)["Item"] == {**key, "b": {"S": "b"}, "c": {"S": "c"}}
        client.put_item(TableName="h_s", Item={**key, "a": {"S": "1"}, "b": {"S": "2"}})
        other.close()
        client.close()
    stored = direct.get_item(TableName="h_s", Key=key)["Item"]
    assert stored == {**key, "a": {"S": "1"}, "b": {"S": "2"}}


def test_the_command_serves_the_official_client_with_the_credentials_of_its_environment(
    direct: Any, ministack: str, tmp_path: Path
) -> None:
    seed(direct)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key_id,
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_access_key,
        "AWS_REGION": REGION,
    }
    words = ["--dynamodb", ministack, "--listen", f"127.0.0.1:{free_port()}", "--state", str(tmp_path / "lists")]
    process = subprocess.Popen(
        [sys.executable, "-m", "todo_backend.local.dax", *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().split()[-1]
        client = AmazonDaxClient(dax_session(), endpoint_url=endpoint, region_name=REGION, config=ONCE)
        assert client.get_item(TableName="h_s", Key=ONE)["Item"]["s"] == {"S": "hello"}
        client.close()
        process.terminate()
        assert process.wait(_START_SECONDS) == 0
    assert (tmp_path / "lists").read_text().startswith("[")


def test_the_javascript_clients_work(direct: Any, node: Node, javascript: JavaScript) -> None:
    seed(direct)
    node.flush()
    words = [node.endpoint, REGION, CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key]
    found = javascript.run(Path(__file__).with_name("dax_javascript.cjs"), *words)
    item = {"pk": "js", "sk": 1.5, "n": 1.5, "s": ["x"], "m": {"a": [1, {"b": 2.25}]}, "nil": None, "t": True}
    reason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    assert found.pop("cancelled") == {
        "code": "TransactionCanceledException",
        "reasons": [{**reason, "Item": {"id": {"N": "9"}, "v": {"N": "1.25"}}}],
    }
    assert found == {
        "put": {},
        "get": {"Item": item},
        "projected": {"Item": {"m": {"a": [{"b": 2.25}]}, "n": 1.5}},
        "missing": {},
        "update": {"Attributes": {"n": 2.5}},
        "query": {"Items": [{"n": 2.5}], "Count": 1, "ScannedCount": 1},
        "batchWrite": {"UnprocessedItems": {}},
        "batchGet": {"Responses": {"h_n": [{"id": 7}]}, "UnprocessedKeys": {}},
        "transactWrite": {},
        "transactGet": {"Responses": [{"Item": {"id": 9, "v": 1.25}}, {}]},
        "nowhere": {"code": "ResourceNotFoundException"},
        "plain": {"Item": {"n": {"N": "2.5"}}},
    }
