"""What a request may have changed, and how it is refused when that cannot be kept."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from todo_backend.local.journal.calls import Call, Change, call_of, needs_body, refusal

FORM = b"application/x-www-form-urlencoded; charset=utf-8"


def scope(method: str = "POST", path: str = "/", query: str = "", **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"method": method, "path": path, "query_string": query.encode(), "headers": pairs}


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/{service}/aws4_request, Signature=0"


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ("PutItem", Change.NOTED),
        ("TransactWriteItems", Change.NOTED),
        ("ExecuteTransaction", Change.NOTED),
        ("Query", Change.NOTED),
        ("DescribeTable", Change.NOTED),
        ("CreateTable", Change.ANY),
        ("UpdateTimeToLive", Change.ANY),
        ("RestoreTableFromBackup", Change.ANY),
        ("AnOperationThatNobodyKnowsYet", Change.ANY),
    ],
)
def test_items_note_themselves_and_tables_are_looked_at(operation: str, change: Change) -> None:
    call = call_of(scope(x_amz_target=f"DynamoDB_20120810.{operation}"))
    assert call == Call(change, "dynamodb")


@pytest.mark.parametrize(
    ("target", "change"),
    [
        ("AmazonSSM.GetParameter", Change.NOTED),
        ("AmazonSSM.PutParameter", Change.ANY),
        ("AmazonSQS.ReceiveMessage", Change.ANY),  # it hides the message
        ("AWSCognitoIdentityProviderService.ListUserPools", Change.NOTED),
    ],
)
def test_a_json_call_is_told_by_its_target(target: str, change: Change) -> None:
    assert call_of(scope(x_amz_target=target)) == Call(change, "json")


@pytest.mark.parametrize(
    ("service", "form", "call"),
    [
        ("iam", b"Action=CreateRole&RoleName=a%2Fb", Call(Change.ROLE, "query", "a/b")),
        ("iam", b"Action=AttachRolePolicy&RoleName=r", Call(Change.ANY, "query")),
        ("iam", b"Action=GetRole&RoleName=r", Call(Change.NOTED, "query")),
        ("sts", b"Action=AssumeRole&RoleArn=r", Call(Change.NOTED, "query")),
        ("cloudformation", b"Action=DescribeStacks", Call(Change.ANY, "query")),
    ],
)
def test_a_query_call_is_told_by_its_form(service: str, form: bytes, call: Call) -> None:
    asked = scope(authorization=signed(service), content_type=FORM.decode())
    assert needs_body(asked)
    assert call_of(asked, form) == call


@pytest.mark.parametrize(
    ("method", "path", "query", "change"),
    [
        ("PUT", "/bucket/a/key", "", Change.OBJECT),
        ("POST", "/bucket/a/key", "uploadId=1", Change.OBJECT),
        ("DELETE", "/bucket/a/key", "versionId=1", Change.OBJECT),
        ("GET", "/bucket/a/key", "", Change.NOTED),
        ("PUT", "/bucket", "", Change.ANY),
        ("PUT", "/bucket/", "versioning", Change.ANY),
        ("POST", "/bucket", "delete", Change.ANY),
    ],
)
@pytest.mark.parametrize("presigned", [False, True])
def test_an_object_is_told_from_its_bucket(
    method: str, path: str, query: str, change: Change, *, presigned: bool
) -> None:
    if presigned:
        asked = scope(method, path, f"{query}&X-Amz-Signature=0")
    else:
        asked = scope(method, path, query, authorization=signed("s3"))
    assert call_of(asked) == Call(change, "s3")


@pytest.mark.parametrize(
    ("method", "path", "change"),
    [
        ("GET", "/restapis", Change.NOTED),
        ("POST", "/restapis", Change.ANY),
        ("PUT", "/2015-03-31/functions/f/code", Change.ANY),
        ("POST", "/2015-03-31/functions/f/invocations", Change.NOTED),
    ],
)
def test_a_rest_call_is_told_by_its_method(method: str, path: str, change: Change) -> None:
    assert call_of(scope(method, path, authorization=signed("lambda"))) == Call(change, "rest")


@pytest.mark.parametrize("protocol", ["dynamodb", "json", "rest"])
def test_a_refusal_in_json_is_json_whatever_the_reason(protocol: str) -> None:
    answer = refusal(Call(Change.NOTED, protocol), 'no "room" on C:\\')
    assert answer.status == 500
    assert json.loads(answer.body)["message"].startswith("The change was not kept: no 'room' on C:/.")
    assert dict(answer.headers)[b"content-length"] == str(len(answer.body)).encode()


@pytest.mark.parametrize(("protocol", "code"), [("query", "InternalFailure"), ("s3", "InternalError")])
def test_a_refusal_in_xml_is_xml_whatever_the_reason(protocol: str, code: str) -> None:
    root = ElementTree.fromstring(refusal(Call(Change.ANY, protocol), "<no & room>").body)
    assert root.findtext(".//Code") == code
    assert "<no & room>" in (root.findtext(".//Message") or "")
