"""Golden vectors: requests as official clients sent them, and the replies that these clients took.

Origin: the DAX protocol notes, section 13 (captured from the Python client 2.1.0, the JavaScript client 3.1.0 and the
Go client 1.2.14), and sections 4.3, 5.1 and 7.3.
"""

import asyncio
from typing import Any

import pytest

from todo_backend.local.dax import DaxError, cbor
from todo_backend.local.dax.backend import BackendError
from todo_backend.local.dax.protocol import Endpoint, Parser, endpoints_reply

S_N = {"pk": {"S": "p"}, "sk": {"N": "3.14"}}
FULL = {**S_N, "a": {"N": "-7"}, "b": {"SS": ["x"]}, "c": {"N": "1.5"}}
V1 = {"pk": {"S": "v1"}}
GSI_1 = {"pk": {"S": "p"}, "sk": {"S": "s11"}, "g": {"S": "g1"}, "l": {"N": "101"}}
GSI_0 = {**GSI_1, "sk": {"S": "s10"}, "l": {"N": "100"}}
TOKEN = "0" * 36

# (name, request, answer of DynamoDB, what it is asked, reply)
VECTORS: list[tuple[str, str, Any, Any, str]] = [
    ("2 key schema", "013a2c43e27e43685f73", None, None, "80a162706b6153"),
    ("3 key schema", "013a2c43e27e43735f6e", None, None, "80a262706b615362736b614e"),
    ("4 key schema", "013a2c43e27e43685f6e", None, None, "80a1626964614e"),
    ("5 attribute list id", "013a495927bb83616161626163", None, None, "8002"),
    ("6 attribute list", "011a27f9bd7102", None, None, "8083616161626163"),
    (
        "7 missing item",
        "011a0fb0cc6a43685f734161bf0300ff",
        {},
        ("GetItem", {"TableName": "h_s", "Key": {"pk": {"S": "a"}}}),
        "80bfff",
    ),
    (
        "8 put",
        "013a7d8e7e5643735f6e466170c15180204c0226d90cf9816178c482200fbf07020300ff",
        {},
        ("PutItem", {"TableName": "s_n", "Item": FULL, "ReturnValues": "ALL_OLD"}),
        "80bfff",
    ),
    (
        "9 get",
        "011a0fb0cc6a43735f6e466170c1518020bf0300ff",
        {"Item": FULL},
        ("GetItem", {"TableName": "s_n", "Key": S_N}),
        "80bf004c0226d90cf9816178c482200fff",
    ),
    (
        "9a get, JavaScript and Go",
        "011a0fb0cc6a43735f6e466170c1518020bfff",
        {"Item": FULL},
        ("GetItem", {"TableName": "s_n", "Key": S_N}),
        "80bf004c0226d90cf9816178c482200fff",
    ),
    (
        "10 conditional put, key 4 twice",
        (
            "013a7d8e7e5643685f734276314101bf03000458226174747269627574655f6e6f745f65786973747328706b29204f52206e203c203a6d"
            "045683018307820c821262706b83028212616e821100810505a1623a6d05ff"
        ),
        {},
        (
            "PutItem",
            {
                "TableName": "h_s",
                "Item": V1,
                "ConditionExpression": "attribute_not_exists(#n0) OR #n1 < :v0",
                "ExpressionAttributeNames": {"#n0": "pk", "#n1": "n"},
                "ExpressionAttributeValues": {":v0": {"N": "5"}},
            },
        ),
        "80bfff",
    ),
    (
        "10a conditional put, JavaScript's float",
        "013a7d8e7e5643685f734276314a03fb3ff8000000000000bf045683018307820c821262706b83028212616e8211008105ff",
        {},
        ("PutItem", {"Item": {**V1, "n": {"N": "1.5"}}}),
        "80bfff",
    ),
    (
        "10b conditional put, Go",
        "013a7d8e7e5643685f734276314503c482200fbf045683018307820c821262706b83028212616e8211008105ff",
        {},
        ("PutItem", {"Item": {**V1, "n": {"N": "1.5"}}}),
        "80bfff",
    ),
    (
        "11 consistent get with projection and capacity",
        "011a0fb0cc6a43735f6e466170c1518020bf02f503010051820182821261618412616d6178d90cfc02ff",
        {"Item": FULL, "ConsumedCapacity": {"TableName": "s_n", "CapacityUnits": 1.0}},
        ("GetItem", {"TableName": "s_n", "Key": S_N, "ConsistentRead": True, "ReturnConsumedCapacity": "TOTAL"}),
        "80bf00a10026015063735f6efb3ff0000000000000f6f6f6ff",
    ),
    (
        "12 update, UPDATED_NEW",
        (
            "011a54f89c0f43685f73427631bf0705030008582183018283138212616e83181983178212616e82110082110182168212617182000105"
            "a2623a6f01623a7a00ff"
        ),
        {"Attributes": {"n": {"N": "1"}}},
        (
            "UpdateItem",
            {
                "UpdateExpression": "SET #n0 = if_not_exists(#n0, :v0) + :v1 REMOVE #n1",
                "ExpressionAttributeNames": {"#n0": "n", "#n1": "q"},
                "ExpressionAttributeValues": {":v0": {"N": "0"}, ":v1": {"N": "1"}},
                "ReturnValues": "UPDATED_NEW",
            },
        ),
        "80bf024403a10001ff",
    ),
    (
        "13 update, ALL_NEW",
        "011a54f89c0f43685f73427631bf07040300084e83018183148212616e821100810105a1623a6f01ff",
        {"Attributes": {**V1, "n": {"N": "2"}}},
        ("UpdateItem", {"UpdateExpression": "ADD #n0 :v0", "ReturnValues": "ALL_NEW"}),
        "80bf02420302ff",
    ),
    (
        "14 delete, ALL_OLD",
        "011a3c69622143685f73427631bf07020300ff",
        {"Attributes": {**V1, "n": {"N": "2"}}},
        ("DeleteItem", {"TableName": "h_s", "Key": V1, "ReturnValues": "ALL_OLD"}),
        "80bf02420302ff",
    ),
    (
        "15 conditional delete that fails",
        "011a3c69622143685f73427631bf030004466e203d203a6f044e830183008212616e82110081184d05a1623a6f184dff",
        DaxError("ConditionalCheckFailedException", "The conditional request failed"),
        ("DeleteItem", {"ConditionExpression": "#n0 = :v0", "ExpressionAttributeValues": {":v0": {"N": "77"}}}),
        (
            "8504182518261827182b781e54686520636f6e646974696f6e616c2072657175657374206661696c656483ID"
            "781f436f6e646974696f6e616c436865636b4661696c6564457863657074696f6e190190"
        ),
    ),
    (
        "16 query",
        (
            "013a3781c2ae43735f6e5820830183068300821262706b8211008409821262736b8211018211028361700304bf0d01030005a3623a6103"
            "623a6204623a706170ff"
        ),
        {"Items": [FULL], "Count": 1, "ScannedCount": 1, "LastEvaluatedKey": S_N},
        (
            "Query",
            {
                "TableName": "s_n",
                "KeyConditionExpression": "#n0 = :v0 AND #n1 BETWEEN :v1 AND :v2",
                "ExpressionAttributeNames": {"#n0": "pk", "#n1": "sk"},
                "ExpressionAttributeValues": {":v0": {"S": "p"}, ":v1": {"N": "3"}, ":v2": {"N": "4"}},
                "Limit": 1,
            },
        ),
        "80bf078182466170c15180204c0226d90cf9816178c482200f08010a0109466170c1518020ff",
    ),
    (
        "17 query of an index, backward, with projection",
        "013a3781c2ae43735f734f830183008212616782110081626731bf0b436773690d010e00030000478201818212616c05a1623a67626731ff",
        {"Items": [GSI_1], "Count": 1, "ScannedCount": 1, "LastEvaluatedKey": GSI_1},
        ("Query", {"IndexName": "gsi", "ProjectionExpression": "#n1", "ScanIndexForward": False, "Limit": 1}),
        "80bf0781a100186508010a010957bf62706b617062736b637331316167626731616c1865ffff",
    ),
    (
        "18 its next page, filtered, counted",
        (
            "013a3781c2ae43735f734f830183008212616782110081626731bf0b436773690f030d010e000957bf62706b617062736b637331316167"
            "626731616c1865ff03000a548301830a82108212616c8282110082110182010201a1622367616705a3623a6101623a6202623a67626731ff"
        ),
        {"Count": 0, "ScannedCount": 1, "LastEvaluatedKey": GSI_0},
        (
            "Query",
            {
                "Select": "COUNT",
                "FilterExpression": "size(#n1) IN (:v1, :v2)",
                "ExclusiveStartKey": GSI_1,
            },
        ),
        "80bf08000a010957bf62706b617062736b637331306167626731616c1864ffff",
    ),
    (
        "19 scan of a segment",
        "013a6fc8309b43685f6ebf0d01030011011000ff",
        {
            "Items": [{"id": {"N": "42"}, "v": {"S": "q"}}],
            "Count": 1,
            "ScannedCount": 1,
            "LastEvaluatedKey": {"id": {"N": "42"}},
        },
        ("Scan", {"TableName": "h_n", "Limit": 1, "Segment": 0, "TotalSegments": 1}),
        "80bf07818242182a4304617108010a010942182aff",
    ),
    (
        "20 batch get",
        "013a29985cdba163685f6e83f4f68242182a4109bf0300ff",
        {"Responses": {"h_n": [{"id": {"N": "9"}, "v": {"S": "r"}}, {"id": {"N": "42"}, "v": {"S": "q"}}]}},
        ("BatchGetItem", {"RequestItems": {"h_n": {"Keys": [{"id": {"N": "42"}}, {"id": {"N": "9"}}]}}}),
        "8082a163685f6e8442182a43046171410943046172a080",
    ),
    (
        "21 consistent batch get with projection",
        "013a29985cdba163685f6e83f547820181821261768142182abf0300ff",
        {"Responses": {"h_n": [{"id": {"N": "42"}, "v": {"S": "q"}}]}},
        ("BatchGetItem", {"RequestItems": {"h_n": {"Keys": [{"id": {"N": "42"}}], "ConsistentRead": True}}}),
        "8082a163685f6e81a1006171a080",
    ),
    (
        "22 batch write",
        "011a06ed585fa163685f6e844108430461714109f6bf0300ff",
        {},
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "h_n": [
                        {"PutRequest": {"Item": {"id": {"N": "8"}, "v": {"S": "q"}}}},
                        {"DeleteRequest": {"Key": {"id": {"N": "9"}}}},
                    ]
                }
            },
        ),
        "80a080a0",
    ),
    (
        "23 transactional gets",
        "011a6f3d49db8343685f6e43685f6e43685f6e8342182a42184d410883f6f64782018182126176bf0300ff",
        {
            "Responses": [
                {"Item": {"id": {"N": "42"}, "v": {"S": "q"}}},
                {},
                {"Item": {"id": {"N": "8"}, "v": {"S": "q"}}},
            ]
        },
        (
            "TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "h_n", "Key": {"id": {"N": n}}}} for n in ("42", "77", "8")]},
        ),
        "80828343046171f6a100617180",
    ),
    (
        "25 cancelled transaction",
        (
            "013a4524c56982020c8243685f6e43685f6e8242183242182a8243046171f6f682010282f64f830183008212617682110081627a7a82f6"
            "f6bf03001363746f6bff"
        ),
        BackendError(
            "TransactionCanceledException",
            "cancelled",
            status=400,
            body={
                "CancellationReasons": [
                    {"Code": "None"},
                    {
                        "Code": "ConditionalCheckFailed",
                        "Message": "The conditional request failed",
                        "Item": {"id": {"N": "42"}, "v": {"S": "z"}},
                    },
                ]
            },
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "h_n", "Item": {"id": {"N": "50"}, "v": {"S": "q"}}}},
                    {
                        "ConditionCheck": {
                            "TableName": "h_n",
                            "Key": {"id": {"N": "42"}},
                            "ConditionExpression": "#n0 = :v0",
                            "ExpressionAttributeNames": {"#n0": "v"},
                            "ExpressionAttributeValues": {":v0": {"S": "zz"}},
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    },
                ],
                "ClientRequestToken": "tok",
            },
        ),
        (
            "8504182518261827183a6963616e63656c6c656484ID781c5472616e73616374696f6e43616e63656c6564457863657074696f6e190190"
            "86644e6f6e65f6f676436f6e646974696f6e616c436865636b4661696c6564781e54686520636f6e646974696f6e616c2072657175657374"
            "206661696c65644304617a"
        ),
    ),
]


def parsed(wire: Any, raw: bytes) -> Any:
    parser = Parser()
    parser.feed(wire.preamble + raw)
    request = parser.next_request()
    assert request is not None
    assert parser.next_request() is None
    return request


@pytest.mark.parametrize(
    ("request_hex", "answer", "call", "reply_hex"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS]
)
def test_a_captured_request_gets_the_reply_that_its_client_took(
    bench: Any, wire: Any, request_hex: str, answer: Any, call: Any, reply_hex: str
) -> None:
    async def run() -> None:
        table = bench(*([] if answer is None else [answer]))
        lists = table.node.context.lists
        lists._next = 2  # the notes count from two
        assert [lists.id_of(names) for names in (("a", "b", "c"), ("n",), ("v",), ("v", "w"))] == [2, 3, 4, 5]
        request = parsed(wire, bytes.fromhex(request_hex))
        reply = (await table.ask(request.method, *request.arguments)).hex()
        before, _, after = reply_hex.partition("ID")
        assert reply.startswith(before)
        assert reply.endswith(after)
        assert len(reply) == len(reply_hex) if not after else len(reply) == len(before) + 2 * (2 + 36) + len(after)
        if call is not None:
            operation, parameters = table.dynamodb.calls[0]
            assert operation == call[0]
            assert {name: parameters.get(name) for name in call[1]} == call[1]

    asyncio.run(run())


def test_vector_24_a_transaction_is_written_and_then_read_for_the_cache(bench: Any, wire: Any) -> None:
    raw = bytes.fromhex(
        "013a4524c5698209078243685f6e43685f6e8242182a410882f6f6f682010182f6f6824f83018183138212617682110081617af6bf0300137824"
    )

    async def run() -> None:
        fresh = {"Responses": [{"Item": {"id": {"N": "42"}, "v": {"S": "z"}}}, {}]}
        table = bench({}, fresh)
        request = parsed(wire, raw + TOKEN.encode() + b"\xff")
        assert (await table.ask(request.method, *request.arguments)).hex() == "80838080a0"
        await table.settle()
        (_, written), (operation, _) = table.dynamodb.calls
        assert written["ClientRequestToken"] == TOKEN
        assert [next(iter(action)) for action in written["TransactItems"]] == ["Update", "Delete"]
        assert operation == "TransactGetItems"
        cache = table.node.context.items
        assert cache.get(("h_n", cbor.integer(42))).value.endswith(b"az")
        assert cache.get(("h_n", cbor.integer(8))).value is None

    asyncio.run(run())


def test_the_roster_of_one_node() -> None:
    reply = endpoints_reply([Endpoint(1, "127.0.0.1", 6470, is_leader=True, zone="us-east-1a")])
    expected = "8081a70001016f" + b"node1.dax.local".hex() + "02447f0000010319194604010" + "56a75732d656173742d31610601"
    assert reply.hex() == expected


def test_requests_are_whole_however_they_are_cut(wire: Any) -> None:
    raw = wire.preamble + b"".join(bytes.fromhex(vector[1]) for vector in VECTORS)
    whole = Parser()
    whole.feed(raw)
    expected = [whole.next_request() for _ in VECTORS]
    cut = Parser()
    found = []
    for place in range(len(raw)):
        cut.feed(raw[place : place + 1])
        while request := cut.next_request():
            found.append(request)
    assert found == expected
    assert len(found) == len(VECTORS)
