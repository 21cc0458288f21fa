"""Which requests meet which fault; and how a request is named."""

from typing import Any

import pytest

from todo_backend.local.faults.rules import MAX_RULES, Fault, Rules
from todo_backend.local.operations import Named, named

LIST = Named("execute-api", None, "GET", "/v1/todos")
ONE = Named("execute-api", None, "GET", "/v1/todos/one")
READ = Named("dynamodb", "GetItem", "POST", "/")
WRITE = Named("dynamodb", "PutItem", "POST", "/")
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def scope(method: str = "POST", path: str = "/", query: str = "", **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs}


def test_a_request_is_named_by_its_target_its_signature_or_its_route() -> None:
    dynamodb = scope(authorization=SIGNED.format("dynamodb"), x_amz_target="DynamoDB_20120810.GetItem")
    assert named(dynamodb) == READ
    cognito = named(scope(x_amz_target="AWSCognitoIdentityProviderService.SignUp"))
    assert (cognito.service, cognito.operation) == ("cognito-idp", "SignUp")
    assert named(scope("GET", "/_aws/execute-api/abc/prod/v1/todos")) == LIST
    assert named(scope("GET", "/somewhere")) == Named(None, None, "GET", "/somewhere")


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/bucket/a/b", "", "GetObject"),
        ("HEAD", "/bucket/a/b", "", "HeadObject"),
        ("PUT", "/bucket/a", "partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/bucket/a", "uploads", "CreateMultipartUpload"),
        ("POST", "/bucket/a", "uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/bucket/a", "uploadId=u", "AbortMultipartUpload"),
        ("GET", "/bucket", "list-type=2&prefix=x", "ListObjectsV2"),
        ("POST", "/bucket", "delete", "DeleteObjects"),
        ("GET", "/", "", "ListBuckets"),
        ("PATCH", "/bucket/a", "", None),
    ],
)
def test_an_operation_of_s3_is_named_by_its_method_and_path(
    method: str, path: str, query: str, operation: str | None
) -> None:
    assert named(scope(method, path, query, authorization=SIGNED.format("s3"))).operation == operation


def test_a_presigned_url_names_its_service_too() -> None:
    query = "X-Amz-Credential=ASIA%2F20261123%2Fus-east-1%2Fs3%2Faws4_request"
    assert named(scope("GET", "/bucket/a", query)) == Named("s3", "GetObject", "GET", "/bucket/a")


def test_a_copy_is_not_a_put() -> None:
    copied = scope("PUT", "/bucket/a", authorization=SIGNED.format("s3"), x_amz_copy_source="/bucket/b")
    assert named(copied).operation == "CopyObject"


@pytest.mark.parametrize(
    ("on", "struck"),
    [
        ("*", [LIST, ONE, READ, WRITE]),
        ("GET /v1/todos", [LIST]),
        ("GET /v1/todos/*", [ONE]),
        ("* /v1/*", [LIST, ONE]),
        ("POST /v1/todos", []),
        ("execute-api:*", [LIST, ONE]),
        ("dynamodb:GetItem", [READ]),
        ("dynamodb:*Item", [READ, WRITE]),
        ("s3:*", []),
    ],
)
def test_a_rule_strikes_what_it_names(on: str, struck: list[Named]) -> None:
    rules = Rules()
    rules.add(Fault("drop", on))
    assert [request for request in (LIST, ONE, READ, WRITE) if rules.strike(request)] == struck


def test_a_star_is_the_only_special_character() -> None:
    rules = Rules()
    rules.add(Fault("drop", "GET /v1/[a-z].+"))
    assert not rules.strike(Named("execute-api", None, "GET", "/v1/aa"))
    assert rules.strike(Named("execute-api", None, "GET", "/v1/[a-z].+"))


def test_a_count_is_how_often_at_most() -> None:
    rules = Rules()
    rule = rules.add(Fault("drop", count=2))
    assert [bool(rules.strike(LIST)) for _ in range(4)] == [True, True, False, False]
    assert rule.struck == 2


def test_the_same_seed_strikes_the_same_requests() -> None:
    def pattern(seed: int) -> list[bool]:
        rules = Rules()
        rules.add(Fault("drop", probability=0.5, seed=seed))
        return [bool(rules.strike(LIST)) for _ in range(64)]

    assert pattern(7) == pattern(7)
    assert pattern(7) != pattern(8)
    assert 16 < sum(pattern(7)) < 48


def test_a_probability_of_0_never_strikes_and_one_of_1_always() -> None:
    rules = Rules()
    rules.add(Fault("drop", probability=0.0))
    assert not any(rules.strike(LIST) for _ in range(100))
    rules.add(Fault("drop", probability=1.0))
    assert all(rules.strike(LIST) for _ in range(100))


def test_latencies_add_up_and_the_oldest_other_fault_decides() -> None:
    rules = Rules()
    rules.add(Fault("latency", seconds=1))
    rules.add(Fault("error", status=503))
    late = rules.add(Fault("drop"))
    rules.add(Fault("latency", seconds=2))
    assert [fault.kind for fault in rules.strike(LIST)] == ["latency", "error", "latency"]
    assert late.struck == 0


def test_only_eventually_consistent_reads_can_lag() -> None:
    rules = Rules()
    rules.add(Fault("lag", seconds=1))
    assert [bool(rules.strike(request)) for request in (LIST, WRITE, READ)] == [False, False, True]


def test_a_rule_that_was_removed_strikes_no_more() -> None:
    rules = Rules()
    first, second = rules.add(Fault("drop")), rules.add(Fault("lose"))
    assert rules.remove(first.id)
    assert not rules.remove(first.id)
    assert [fault.kind for fault in rules.strike(LIST)] == ["lose"]
    rules.clear()
    assert not rules.strike(LIST)
    assert rules.add(Fault("drop")).id not in (first.id, second.id)


def test_there_is_an_end_to_rules() -> None:
    rules = Rules()
    for _ in range(MAX_RULES):
        rules.add(Fault("drop"))
    with pytest.raises(ValueError, match="clear them first"):
        rules.add(Fault("drop"))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ([], "a JSON object"),
        ({}, "has a kind"),
        ({"kind": "explode"}, "'explode'"),
        ({"kind": "drop", "probability": 1.5}, "probability"),
        ({"kind": "drop", "probability": float("nan")}, "probability"),
        ({"kind": "drop", "count": 0}, "count"),
        ({"kind": "drop", "count": True}, "'count'"),
        ({"kind": "drop", "on": "everything"}, "'everything' names no requests"),
        ({"kind": "drop", "on": "get /v1"}, "names no requests"),
        ({"kind": "drop", "on": 5}, "'on'"),
        ({"kind": "latency"}, "need seconds"),
        ({"kind": "latency", "seconds": 1e9}, "need seconds"),
        ({"kind": "drop", "seconds": 1}, "no other fault has them"),
        ({"kind": "error", "status": 200}, "400 to 599"),
        ({"kind": "error", "code": "a\r\nSet-Cookie: b"}, "printable"),
        ({"kind": "drop", "colour": "red"}, "'colour'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_the_reason(given: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Fault.of(given)


def test_a_fault_survives_its_description() -> None:
    fault = Fault("error", "s3:*", status=503, code="SlowDown", probability=0.25, count=3, seed=9)
    assert Fault.of(fault.described()) == fault
