"""The contract of Lambda proxy integrations."""

import base64
import json
from typing import Any

import pytest

from tests.unit.gateway.world import ACCOUNT, API, REGION, World

INTERNAL = b'{"message": "Internal server error"}'


@pytest.fixture
def proxied(world: World) -> World:
    world.method("/todos/{id}", "ANY", requestParameters={"method.request.header.X-MinRevision": False})
    return world


def answered(world: World, payload: Any, **options: Any) -> Any:
    """The reply when the function returns the payload."""
    world.answers(lambda event: payload)
    return world.get("/todos/1", **options)


def test_ag_29_a_function_that_failed_is_502_and_tells_nothing(proxied: World) -> None:
    proxied.control.function_error = True
    reply = answered(proxied, {"errorMessage": "secret table", "errorType": "KeyError"})
    assert (reply.status, reply.body, len(reply.body)) == (502, INTERNAL, 36)
    assert reply.header("x-amzn-ErrorType") == "InternalServerErrorException"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        "text",
        None,
        [],
        1,
        b"not json",
        b"[" * 50_000,
        {"statusCode": 200, "wrongValue": 1},
        {"statusCode": "abc"},
        {"statusCode": True},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": 2000},
        {"statusCode": 200.5},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        {"statusCode": 200, "multiValueHeaders": []},
        {"statusCode": 200, "headers": "a"},
        {"statusCode": 200, "headers": {"a": {"b": 1}}},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a": "b\r\nSet-Cookie: c"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "isBase64Encoded": "yes"},
        {"statusCode": 200, "body": ["a"]},
    ],
)
def test_ag_30_a_malformed_answer_is_502(proxied: World, payload: Any) -> None:
    reply = answered(proxied, payload)
    assert (reply.status, reply.body) == (502, INTERNAL)


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"statusCode": 200}, 200),
        ({"headers": {"a": "b"}}, 200),
        ({"statusCode": "201"}, 201),
        ({"statusCode": 200, "headers": None, "multiValueHeaders": None, "body": None}, 200),
        ({"statusCode": 404, "body": "no"}, 404),
    ],
)
def test_ag_30_what_is_left_out_is_filled_in(proxied: World, payload: Any, status: int) -> None:
    reply = answered(proxied, payload)
    assert (reply.status, reply.body.decode()) == (status, payload.get("body") or "")


def test_ag_30_scalar_header_values_are_rendered(proxied: World) -> None:
    reply = answered(proxied, {"statusCode": 200, "headers": {"A": True, "B": 1, "C": 1.5}})
    assert [reply.header(name) for name in "ABC"] == ["true", "1", "1.5"]


def test_ag_31_a_body_that_is_an_object_is_502(proxied: World) -> None:
    assert answered(proxied, {"statusCode": 200, "body": {"a": 1}}).status == 502


@pytest.mark.parametrize(
    "policy",
    [
        None,
        [],
        [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "lambda:InvokeFunction"}],
        [{"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "lambda:GetFunction"}],
        [
            {"Effect": "Allow", "Principal": "*", "Action": "lambda:*"},
            {"Effect": "Deny", "Principal": "*", "Action": "lambda:*"},
        ],
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "apigateway.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Condition": {"ArnLike": {"AWS:SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/*/POST/*"}},
            }
        ],
    ],
)
def test_ag_32_la_11_without_permission_the_answer_is_500(proxied: World, policy: Any) -> None:
    proxied.control.policy = policy
    reply = proxied.get("/todos/1")
    assert (reply.status, reply.body) == (500, INTERNAL)
    assert not proxied.control.invocations


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceNotFoundException", "AccessDeniedException"])
def test_ag_33_la_09_what_lambda_refuses_is_500_and_never_tried_again(proxied: World, code: str) -> None:
    proxied.refuses(code)
    reply = proxied.get("/todos/1")
    assert (reply.status, reply.body) == (500, INTERNAL)
    assert len(proxied.control.invocations) == 1


def test_ag_34_both_header_maps_are_merged(proxied: World) -> None:
    reply = answered(
        proxied,
        {
            "statusCode": 200,
            "headers": {"x-Both": "solo", "X-Solo": "s"},
            "multiValueHeaders": {"X-BOTH": ["multi"], "Set-Cookie": ["a=1", "b=2"]},
        },
    )
    assert [pair for pair in reply.headers if pair[0].lower() == "x-both"] == [("X-BOTH", "multi, solo")]
    assert reply.header("X-Solo") == "s"
    assert reply.values("Set-Cookie") == ["a=1", "b=2"]


def test_ag_35_the_content_type_defaults_to_json_and_the_trace_id_is_there(proxied: World) -> None:
    reply = answered(proxied, {"statusCode": 200})
    assert reply.header("Content-Type") == "application/json"
    assert (reply.header("X-Amzn-Trace-Id") or "").startswith("Root=1-")
    reply = answered(proxied, {"statusCode": 200, "headers": {"content-type": "text/html"}})
    assert reply.values("Content-Type") == ["text/html"]
    assert proxied.get("/nowhere").header("X-Amzn-Trace-Id") is None


def test_headers_that_the_gateway_owns_are_renamed(proxied: World) -> None:
    own = {
        "Content-Length": "7",
        "Transfer-Encoding": "chunked",
        "x-amzn-RequestId": "mine",
        "WWW-Authenticate": "Basic",
    }
    reply = answered(proxied, {"statusCode": 200, "headers": own, "body": "{}"})
    assert reply.values("Content-Length") == ["2"]
    assert reply.header("Transfer-Encoding") is None
    assert len(reply.values("x-amzn-RequestId")) == 1
    assert reply.header("x-amzn-Remapped-WWW-Authenticate") == "Basic"


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Content-Length",
        "Content-MD5",
        "Expect",
        "Max-Forwards",
        "Proxy-Authenticate",
        "Server",
        "TE",
        "Transfer-Encoding",
        "Trailer",
        "Upgrade",
        "WWW-Authenticate",
    ],
)
def test_ag_36_se_20_headers_that_never_reach_the_function(proxied: World, name: str) -> None:
    proxied.get("/todos/1", "Bearer x", headers=[(name, "0"), ("X-Other", "1")])
    headers = proxied.control.invocations[0]["headers"]
    assert name.lower() not in {found.lower() for found in headers}
    assert (headers["Authorization"], headers["X-Other"]) == ("Bearer x", "1")


def test_ag_37_base64_is_decoded_only_for_callers_who_accept_the_type(proxied: World) -> None:
    proxied.control.api["binaryMediaTypes"] = ["image/png"]
    payload = {"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": True}
    assert answered(proxied, payload).body == b"dGVzdC1kYXRh"
    assert answered(proxied, payload, headers=[("Accept", "image/png,*/*")]).body == b"test-data"
    assert answered(proxied, payload, headers=[("Accept", "text/html,image/png")]).body == b"dGVzdC1kYXRh"
    assert answered(proxied, {**payload, "body": "%"}, headers=[("Accept", "image/png")]).status == 502


def test_ag_38_a_binary_body_arrives_as_base64(proxied: World) -> None:
    proxied.control.api["binaryMediaTypes"] = ["image/png"]
    for media_type, encoded in (("image/png", True), ("text/plain", False)):
        proxied.send("POST", "/todos/1", body=b"\x89PNG\xff", headers=[("Content-Type", media_type)])
        event = proxied.control.invocations[-1]
        assert event["isBase64Encoded"] is encoded
        assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) in (
            b"\x89PNG\xff",
            "\ufffdPNG\ufffd".encode(),
        )


def test_ag_39_ag_40_the_event_has_awss_shape(proxied: World) -> None:
    headers = [("User-Agent", "curl/8"), ("x-minrevision", "3"), ("Accept", "a"), ("Accept", "b")]
    proxied.get("/todos/1?a=1&a=2&b=%C3%A9+x&c", headers=headers)
    event = proxied.control.invocations[0]
    assert set(event) == {
        "resource",
        "path",
        "httpMethod",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "requestContext",
        "body",
        "isBase64Encoded",
    }
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/todos/{id}", "/todos/1", "GET")
    assert event["queryStringParameters"] == {"a": "2", "b": "é x", "c": ""}
    assert event["multiValueQueryStringParameters"]["a"] == ["1", "2"]
    assert (event["pathParameters"], event["stageVariables"], event["body"]) == ({"id": "1"}, None, None)
    assert event["isBase64Encoded"] is False
    assert event["headers"]["X-MinRevision"] == "3"  # AG-41: spelled as the API declares it
    assert (event["headers"]["Accept"], event["multiValueHeaders"]["Accept"]) == ("b", ["a", "b"])
    assert (event["headers"]["X-Forwarded-For"], event["headers"]["X-Forwarded-Proto"]) == ("127.0.0.1", "http")


def test_ag_39_ag_40_the_request_context_has_awss_shape(proxied: World) -> None:
    proxied.get("/todos/1")
    context = proxied.control.invocations[0]["requestContext"]
    members = (
        "accountId apiId deploymentId domainName domainPrefix extendedRequestId httpMethod identity path protocol",
        "requestId requestTime requestTimeEpoch resourceId resourcePath stage",
    )
    assert sorted(context) == " ".join(members).split(" ")
    assert (context["path"], context["stage"], context["resourcePath"]) == ("/v1/todos/1", "v1", "/todos/{id}")
    assert (context["requestTime"], context["requestTimeEpoch"]) == ("15/Jun/2026:05:56:40 +0000", 1781503000000)
    assert (context["accountId"], context["apiId"], context["deploymentId"]) == (ACCOUNT, API, "d1")


def test_ag_39_nothing_asked_is_null_not_empty(proxied: World) -> None:
    proxied.method("/plain")
    proxied.gateway.invalidate()
    proxied.get("/plain")
    event = proxied.control.invocations[-1]
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert {name: event[name] for name in absent} == dict.fromkeys(absent)


def test_ag_45_stage_variables_reach_the_function_and_its_address(world: World) -> None:
    method = world.method("/todos")
    method["methodIntegration"]["uri"] = method["methodIntegration"]["uri"].replace(
        "function:todo", "function:${stageVariables.name}"
    )
    world.control.stages["v1"]["variables"] = {"name": "todo"}
    assert world.get("/todos").status == 200
    assert world.control.invocations[0]["stageVariables"] == {"name": "todo"}


def test_la_07_an_answer_over_6_mb_is_502(proxied: World) -> None:
    payload = json.dumps({"statusCode": 200, "body": "x" * 6_291_556}).encode()
    assert answered(proxied, payload).status == 502


def test_an_answer_without_a_body_has_none(proxied: World) -> None:
    for status in (204, 304):
        reply = answered(proxied, {"statusCode": status, "body": "x"})
        assert (reply.status, reply.body, reply.header("Content-Length")) == (status, b"", None)
