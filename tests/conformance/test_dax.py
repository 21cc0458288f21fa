"""DAX behind the function (DD-24 to DD-35), asked by AWS's own client."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from .conftest import Sut


@pytest.fixture(scope="module")
def direct(sut: Sut) -> Any:
    """DynamoDB itself: a write here goes around DAX."""
    return sut.owner("dynamodb")


@pytest.fixture(scope="module")
def dax(sut: Sut) -> Iterator[Any]:
    if sut.is_aws:
        pytest.skip("the cluster can be reached from its VPC only")
    assert sut.stack
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(sut.stack.data_dir / "tls" / "ca.pem"))
        client = dax_client(sut, *sut.owner_keys.values())
        yield client
        client.close()


def dax_client(sut: Sut, *keys: str) -> Any:
    from amazondax import AmazonDaxClient

    session = botocore.session.get_session()
    session.set_credentials(*keys)
    return AmazonDaxClient(session, endpoint_url=sut.outputs["DaxEndpoint"], region_name=sut.region)


@pytest.fixture
def pk() -> str:
    return f"CONFORMANCE#{secrets.token_hex(6)}"


def place(sut: Sut, pk: str, sk: str = "a") -> dict[str, Any]:
    return {"TableName": sut.outputs["TableName"], "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}


def put(client: Any, sut: Sut, pk: str, value: str, sk: str = "a", **more: Any) -> None:
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "v": {"S": value}}
    client.put_item(TableName=sut.outputs["TableName"], Item=item, **more)


def got(client: Any, sut: Sut, pk: str, **more: Any) -> str | None:
    found = client.get_item(**place(sut, pk), **more).get("Item")
    return str(found["v"]["S"]) if found else None


def test_dd_24_dd_29_an_item_is_kept_whatever_happens_around_dax(dax: Any, direct: Any, sut: Sut, pk: str) -> None:
    put(direct, sut, pk, "old")
    assert got(dax, sut, pk) == "old"
    put(direct, sut, pk, "new")
    assert (got(dax, sut, pk), got(direct, sut, pk, ConsistentRead=True)) == ("old", "new")


def test_dd_25_consistent_reads_pass_through_and_refresh_nothing(dax: Any, direct: Any, sut: Sut, pk: str) -> None:
    put(direct, sut, pk, "old")
    got(dax, sut, pk)
    put(direct, sut, pk, "new")
    assert got(dax, sut, pk, ConsistentRead=True) == "new"
    read = dax.transact_get_items(TransactItems=[{"Get": place(sut, pk)}])
    assert read["Responses"][0]["Item"]["v"] == {"S": "new"}
    assert got(dax, sut, pk) == "old"


def test_dd_26_writes_go_through(dax: Any, direct: Any, sut: Sut, pk: str) -> None:
    put(dax, sut, pk, "first")
    assert (got(dax, sut, pk), got(direct, sut, pk, ConsistentRead=True)) == ("first", "first")
    with pytest.raises(ClientError) as refused:
        put(dax, sut, pk, "second", ConditionExpression="attribute_not_exists(pk)")
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert got(dax, sut, pk) == "first"
    dax.delete_item(**place(sut, pk))
    assert (got(dax, sut, pk), got(direct, sut, pk, ConsistentRead=True)) == (None, None)


def listed(client: Any, sut: Sut, pk: str, **more: Any) -> list[str]:
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": pk}}, **more}
    return [item["sk"]["S"] for item in client.query(TableName=sut.outputs["TableName"], **asked)["Items"]]


def test_dd_27_a_list_does_not_see_what_was_written_after_it(dax: Any, sut: Sut, pk: str) -> None:
    put(dax, sut, pk, "1", sk="a")
    assert listed(dax, sut, pk) == ["a"]
    put(dax, sut, pk, "1", sk="b")
    assert listed(dax, sut, pk) == ["a"]
    assert listed(dax, sut, pk, Limit=10) == ["a", "b"]  # other parameters are another entry
    assert listed(dax, sut, pk, ConsistentRead=True) == ["a", "b"]


def test_dd_28_that_there_is_nothing_is_kept_too(dax: Any, direct: Any, sut: Sut, pk: str) -> None:
    assert got(dax, sut, pk) is None
    put(direct, sut, pk, "around")
    assert got(dax, sut, pk) is None
    put(dax, sut, pk, "through")
    assert got(dax, sut, pk) == "through"


def test_dd_32_tables_are_not_its_business(dax: Any, sut: Sut) -> None:
    for operation in ("create_table", "describe_table", "delete_table", "list_tables", "update_table"):
        with pytest.raises((AttributeError, NotImplementedError, ClientError)):
            getattr(dax, operation)(TableName=sut.outputs["TableName"])


def test_dd_33_la_15_the_cluster_has_its_own_rights(dax: Any, sut: Sut, pk: str) -> None:
    """A caller who may use DAX, and nothing of DynamoDB, reads by the rights of the cluster's role."""
    iam, name = sut.owner("iam"), f"dax-only-{secrets.token_hex(4)}"
    account = sut.owner("sts").get_caller_identity()["Account"]
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        f'"Principal":{{"AWS":"arn:aws:iam::{account}:root"}}}}]}}'
    )
    only = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dax:*","Resource":"*"}]}'
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="dax", PolicyDocument=only)
    found = sut.owner("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    put(dax, sut, pk, "read by the cluster")
    client = dax_client(sut, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    words = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    plain = boto3.client(
        "dynamodb",
        region_name=sut.region,
        endpoint_url=sut.outputs["EndpointUrl"],
        aws_session_token=found["SessionToken"],
        **words,
    )
    assert got(client, sut, pk) == "read by the cluster"
    with pytest.raises(ClientError, match="AccessDenied"):
        got(plain, sut, pk)
    client.close()
    iam.delete_role_policy(RoleName=name, PolicyName="dax")
    iam.delete_role(RoleName=name)
