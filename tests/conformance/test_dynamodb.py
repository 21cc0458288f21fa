"""DynamoDB behind the API (DD-01 to DD-23)."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Sut, refusal


@pytest.fixture(scope="module")
def dynamodb(sut: Sut) -> Any:
    return sut.owner("dynamodb")


@pytest.fixture(scope="module")
def table(dynamodb: Any) -> Iterator[str]:
    """A table of its own, on demand, with keys `pk` and `sk`."""
    name = f"conformance-{secrets.token_hex(4)}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    yield name
    dynamodb.delete_table(TableName=name)


def key(pk: str | None = None, sk: str = "a") -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk or secrets.token_hex(6)}, "sk": {"S": sk}}


def of_bytes(size: int, **item: Any) -> dict[str, Any]:
    """An item whose names and values are that many bytes."""
    there = sum(len(name) + len(value["S"]) for name, value in item.items())
    return {**item, "f": {"S": "x" * (size - there - 1)}}


def units(answer: dict[str, Any]) -> float:
    consumed = answer["ConsumedCapacity"]
    return float((consumed[0] if isinstance(consumed, list) else consumed)["CapacityUnits"])


@pytest.mark.not_kept("the type comes without the prefix; SDKs cut it off")
def test_dd_01_the_shape_of_an_error(sut: Sut) -> None:
    body = '{"TableName":"nowhere","Key":{"pk":{"S":"x"}}}'
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.GetItem"}
    answer = sut.signed("dynamodb", body, **headers)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert answer.json()["__type"] == "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
    assert answer.json()["message"]


def test_dd_02_dd_03_a_condition_that_fails(dynamodb: Any, table: str) -> None:
    item = key() | {"n": {"N": "1"}}
    put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.put_item(**put)
    said = refusal(dynamodb.put_item, **put)
    assert (said.status, said.code) == (400, "ConditionalCheckFailedException")
    assert said.message == "The conditional request failed"
    told = refusal(dynamodb.put_item, **put, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert told.details["Item"] == item


def test_dd_04_of_two_updates_of_one_version_one_wins(dynamodb: Any, table: str) -> None:
    item = key()
    place, ended = {"TableName": table, "Key": item}, []
    dynamodb.put_item(TableName=table, Item=item | {"version": {"N": "1"}})

    def update() -> None:
        try:
            dynamodb.update_item(
                **place,
                UpdateExpression="SET version = :new",
                ConditionExpression="version = :old",
                ExpressionAttributeValues={":new": {"N": "2"}, ":old": {"N": "1"}},
            )
            ended.append("won")
        except ClientError as error:
            ended.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=update) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["ConditionalCheckFailedException"] * 3 + ["won"]


def test_dd_05_a_failed_condition_tells_no_capacity(dynamodb: Any, table: str) -> None:
    put = {"TableName": table, "Item": key(), "ReturnConsumedCapacity": "TOTAL"}
    said = refusal(dynamodb.put_item, **put, ConditionExpression="attribute_exists(pk)")
    assert said.code == "ConditionalCheckFailedException"
    assert "ConsumedCapacity" not in said.details


def test_dd_06_a_transaction_with_a_token_happens_once(dynamodb: Any, table: str) -> None:
    place = {"TableName": table, "Key": key()}
    adding = {**place, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    words = {"ClientRequestToken": secrets.token_hex(8), "TransactItems": [{"Update": adding}]}
    for _ in range(3):
        dynamodb.transact_write_items(**words)
    assert dynamodb.get_item(**place, ConsistentRead=True)["Item"]["n"] == {"N": "1"}
    other = {**adding, "ExpressionAttributeValues": {":one": {"N": "2"}}}
    said = refusal(dynamodb.transact_write_items, **words | {"TransactItems": [{"Update": other}]})
    assert (said.status, said.code) == (400, "IdempotentParameterMismatchException")


def test_dd_07_a_transaction_that_is_cancelled_tells_why(dynamodb: Any, table: str) -> None:
    first, second = key(), key()
    items = [
        {"Put": {"TableName": table, "Item": first, "ConditionExpression": "attribute_exists(pk)"}},
        {"Put": {"TableName": table, "Item": second}},
    ]
    said = refusal(dynamodb.transact_write_items, TransactItems=items)
    assert (said.status, said.code) == (400, "TransactionCanceledException")
    assert said.message == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed, None]"
    )
    reasons = [reason["Code"] for reason in said.details["CancellationReasons"]]
    assert reasons == ["ConditionalCheckFailed", "None"]
    assert "Item" not in dynamodb.get_item(TableName=table, Key=second, ConsistentRead=True)


@pytest.fixture(scope="module")
def large(dynamodb: Any, table: str) -> str:
    """A partition of four items of 350 kB."""
    pk = secrets.token_hex(6)
    for sk in "abcd":
        dynamodb.put_item(TableName=table, Item=of_bytes(350_000, **key(pk, sk)))
    return pk


def asked(table: str, pk: str, **more: Any) -> dict[str, Any]:
    values = {":p": {"S": pk}} | more.pop("values", {})
    return {"TableName": table, "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": values, **more}


def test_dd_08_a_page_has_a_megabyte_before_the_filter(dynamodb: Any, table: str, large: str) -> None:
    words = asked(table, large, FilterExpression="f = :none", values={":none": {"S": "none"}})
    first = page = dynamodb.query(**words)
    scanned = page["ScannedCount"]
    while "LastEvaluatedKey" in page:
        page = dynamodb.query(**words, ExclusiveStartKey=page["LastEvaluatedKey"])
        scanned += page["ScannedCount"]
    assert (first["Count"], first["ScannedCount"] < 4, scanned) == (0, True, 4)


def test_dd_09_the_limit_counts_what_was_looked_at(dynamodb: Any, table: str, large: str) -> None:
    words = asked(table, large, FilterExpression="f = :none", values={":none": {"S": "none"}}, Limit=2)
    page = dynamodb.query(**words)
    assert (page["Count"], page["ScannedCount"], page["LastEvaluatedKey"]["sk"]) == (0, 2, {"S": "b"})


@pytest.mark.not_kept("every read is told as one unit, or half a unit")
def test_dd_10_what_reads_cost(dynamodb: Any, table: str) -> None:
    pk = secrets.token_hex(6)
    for sk, size in (("a", 1500), ("b", 6500)):
        dynamodb.put_item(TableName=table, Item=of_bytes(size, **key(pk, sk)))
    get = {"TableName": table, "ReturnConsumedCapacity": "TOTAL"}
    assert units(dynamodb.get_item(**get, Key=key(pk, "b"), ConsistentRead=True)) == 2
    assert units(dynamodb.get_item(**get, Key=key(pk, "b"))) == 1
    assert units(dynamodb.get_item(**get, Key=key(), ConsistentRead=True)) == 1
    assert units(dynamodb.get_item(**get, Key=key())) == 0.5
    found = dynamodb.query(**asked(table, pk, ConsistentRead=True, ReturnConsumedCapacity="TOTAL"))
    assert units(found) == 2  # 8,000 bytes together
    keys = {table: {"Keys": [key(pk, "a"), key(pk, "b")], "ConsistentRead": True}}
    assert units(dynamodb.batch_get_item(RequestItems=keys, ReturnConsumedCapacity="TOTAL")) == 3
    both = [{"Get": {"TableName": table, "Key": key(pk, "a")}}]
    assert units(dynamodb.transact_get_items(TransactItems=both, ReturnConsumedCapacity="TOTAL")) == 2


def test_dd_11_what_writes_cost(dynamodb: Any, table: str) -> None:
    item = key()
    put = {"TableName": table, "ReturnConsumedCapacity": "TOTAL"}
    assert units(dynamodb.put_item(**put, Item=of_bytes(2500, **item))) == 3
    assert units(dynamodb.put_item(**put, Item=of_bytes(500, **item))) == 3  # the larger of before and after
    assert units(dynamodb.delete_item(**put, Key=item)) == 1
    assert units(dynamodb.put_item(**put, Item=of_bytes(500, **key()))) == 1
    twice = [{"Put": {"TableName": table, "Item": of_bytes(500, **key())}}]
    assert units(dynamodb.transact_write_items(TransactItems=twice, ReturnConsumedCapacity="TOTAL")) == 2
    batch = {table: [{"PutRequest": {"Item": of_bytes(size, **key())}} for size in (500, 3500)]}
    assert units(dynamodb.batch_write_item(RequestItems=batch, ReturnConsumedCapacity="TOTAL")) == 5


@pytest.mark.not_kept("every read is told as one unit, or half a unit")
def test_dd_12_filters_and_projections_make_nothing_cheaper(dynamodb: Any, table: str) -> None:
    pk = secrets.token_hex(6)
    dynamodb.put_item(TableName=table, Item=of_bytes(8000, **key(pk)))
    words = asked(table, pk, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    found = dynamodb.query(**words, FilterExpression="attribute_not_exists(f)", ProjectionExpression="pk")
    assert (found["Count"], units(found), units(dynamodb.query(**words))) == (0, 2, 2)


def test_dd_13_an_item_has_at_most_400_kb(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item=of_bytes(409_600, **key()))
    said = refusal(dynamodb.put_item, TableName=table, Item=of_bytes(409_601, **key()))
    assert (said.status, said.code) == (400, "ValidationException")


def test_dd_14_keys_batches_and_transactions_have_limits(dynamodb: Any, table: str) -> None:
    for wrong in (key("p" * 2049), key(sk="s" * 1025)):
        assert refusal(dynamodb.put_item, TableName=table, Item=wrong).code == "ValidationException"
    dynamodb.put_item(TableName=table, Item=key("p" * 2048, "s" * 1024))
    puts = [{"PutRequest": {"Item": key()}} for _ in range(26)]
    gets = [key() for _ in range(101)]
    writes = [{"Put": {"TableName": table, "Item": key()}} for _ in range(101)]
    for call, words in (
        (dynamodb.batch_write_item, {"RequestItems": {table: puts}}),
        (dynamodb.batch_get_item, {"RequestItems": {table: {"Keys": gets}}}),
        (dynamodb.transact_write_items, {"TransactItems": writes}),
    ):
        assert refusal(call, **words).code == "ValidationException"


def test_dd_18_on_demand_has_no_capacity_of_its_own(dynamodb: Any, table: str) -> None:
    described = dynamodb.describe_table(TableName=table)["Table"]["ProvisionedThroughput"]
    assert (described["ReadCapacityUnits"], described["WriteCapacityUnits"]) == (0, 0)
    said = refusal(
        dynamodb.create_table,
        TableName=f"{table}-2",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    assert (said.status, said.code) == (400, "ValidationException")
    assert said.message == (
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified "
        "when BillingMode is PAY_PER_REQUEST"
    )


def test_dd_19_what_has_expired_is_still_read_for_a_while(dynamodb: Any, table: str) -> None:
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    told = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told["AttributeName"] == "ttl"
    assert told["TimeToLiveStatus"] in ("ENABLING", "ENABLED")
    item = key() | {"ttl": {"N": str(int(time.time()) - 60)}}
    dynamodb.put_item(TableName=table, Item=item)
    assert dynamodb.get_item(TableName=table, Key=key(item["pk"]["S"]), ConsistentRead=True)["Item"] == item


@pytest.mark.not_kept("recovery is told as enabled, without its 35 days")
def test_dd_21_point_in_time_recovery_is_told(dynamodb: Any, sut: Sut) -> None:
    told = dynamodb.describe_continuous_backups(TableName=sut.outputs["TableName"])["ContinuousBackupsDescription"]
    recovery = told["PointInTimeRecoveryDescription"]
    assert (recovery["PointInTimeRecoveryStatus"], recovery["RecoveryPeriodInDays"]) == ("ENABLED", 35)


def test_dd_22_wrong_keys_and_tables_that_are_not_there(dynamodb: Any, table: str) -> None:
    said = refusal(dynamodb.get_item, TableName=table, Key={"pk": {"S": "x"}})
    assert (said.code, said.message) == (
        "ValidationException",
        "The provided key element does not match the schema",
    )
    missing = refusal(dynamodb.get_item, TableName="nowhere", Key=key())
    assert (missing.code, missing.message) == ("ResourceNotFoundException", "Requested resource not found")
