"""Request validators and models."""

import json
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tests.unit.gateway.world import API, World
from todo_backend.local.gateway.model_faults import fault_text

SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "ratio": {"type": "number"},
        "priority": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
        "tags": {"$ref": f"https://apigateway.amazonaws.com/restapis/{API}/models/Tags"},
    },
    "additionalProperties": False,
}


@pytest.fixture
def validated(world: World) -> World:
    world.control.validators = [{"id": "v", "validateRequestBody": True, "validateRequestParameters": True}]
    world.control.models = [
        {"name": "Todo", "schema": json.dumps(SCHEMA)},
        {"name": "Tags", "schema": '{"type":"array","items":{"type":"string"}}'},
        {"name": "Broken", "schema": '{"type":"nothing"}'},
        {"name": "Remote", "schema": '{"$ref":"http://127.0.0.1:1/schema"}'},
    ]
    declared = {
        "method.request.header.x-header-param": True,
        "method.request.header.X-Other": False,
        "method.request.path.issuer": True,
        "method.request.querystring.qs1": True,
        "method.request.querystring.a": True,
    }
    world.method("/p/{issuer}", requestValidatorId="v", requestParameters=declared)
    for name in ("Todo", "Broken", "Remote"):
        models = {"application/json": name}
        world.method(f"/{name.lower()}", "POST", requestValidatorId="v", requestModels=models)
    world.method("/free", "POST", requestModels={"application/json": "Todo"})
    return world


def test_ag_18_missing_parameters_are_named_headers_first_then_path_then_query(validated: World) -> None:
    reply = validated.get("/p/x")
    assert reply.status == 400
    assert reply.json == {"message": "Missing required request parameters: [x-header-param, a, qs1]"}
    assert reply.header("x-amzn-ErrorType") == "BadRequestException"


def test_ag_18_a_blank_parameter_is_missing(validated: World) -> None:
    reply = validated.get("/p/%20?a=1&qs1=", headers=[("X-Header-Param", "1")])
    assert reply.json == {"message": "Missing required request parameters: [issuer, qs1]"}
    assert validated.get("/p/x?a=1&qs1=2", headers=[("x-header-param", "1")]).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"title":""}',
        b'{"title":1}',
        b'{"title":"a","more":1}',
        b'{"title":"a","priority":0}',
        b'{"title":"a","priority":1.5}',
        b'{"title":"a","tags":[1]}',
        b'{"title":"a","ratio":NaN}',
        b'{"title":"a","ratio":-Infinity}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"title":' + b"9" * 10_000 + b"}",
    ],
)
def test_ag_19_a_body_that_breaks_the_model_is_refused_without_detail(validated: World, body: bytes) -> None:
    reply = validated.send("POST", "/todo", body=body)
    assert (reply.status, reply.json) == (400, {"message": "Invalid request body"})
    assert reply.header("x-amzn-ErrorType") == "BadRequestException"
    assert not validated.control.invocations


@pytest.mark.parametrize("body", [{"title": "a"}, {"title": "a", "priority": 1, "tags": ["x"]}])
def test_ag_19_a_good_body_reaches_the_function(validated: World, body: Any) -> None:
    assert validated.send("POST", "/todo", body=body).status == 200
    assert json.loads(validated.control.invocations[0]["body"]) == body


def test_ag_19_detail_is_for_gateway_responses_only(validated: World) -> None:
    template = '{"why":"$context.error.validationErrorString","what":$context.error.messageString}'
    validated.control.responses = [
        {"responseType": "BAD_REQUEST_BODY", "responseTemplates": {"application/json": template}}
    ]
    for body in ({}, {"title": 'a"b', "tags": ['"', 1]}, {"title": 1, '"\\': "}"}):
        reply = validated.send("POST", "/todo", body=body)
        assert (reply.status, reply.json["what"]) == (400, "Invalid request body")
        assert reply.json["why"].startswith("[")


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"required": ["a", "b", "c"]}, {"b": 1}, 'object has missing required properties (["a","c"])'),
        (
            {"type": ["string", "null"]},
            1,
            'instance type (integer) does not match any allowed primitive type (allowed: ["null","string"])',
        ),
        (
            {"properties": {"a": {}}, "patternProperties": {"^x": {}}, "additionalProperties": False},
            {"a": 1, "xa": 1, "b": 1},
            'object instance has properties which are not allowed by the schema: ["b"]',
        ),
        ({"minLength": 2}, "a", 'string "a" is too short (length: 1, required minimum: 2)'),
        ({"maxLength": 2}, "abc", 'string "abc" is too long (length: 3, maximum allowed: 2)'),
        ({"minimum": 1}, 0, "numeric instance is lower than the required minimum (minimum: 1, found: 0)"),
        ({"maximum": 1}, 2.5, "numeric instance is greater than the required maximum (maximum: 1, found: 2.5)"),
        ({"minItems": 1}, [], "array is too short: must have at least 1 elements but instance has 0 elements"),
        ({"maxItems": 1}, [1, 2], "array is too long: must have at most 1 elements but instance has 2 elements"),
        ({"minProperties": 1}, {}, "object has too few properties (found 0 but schema requires at least 1)"),
        ({"maxProperties": 0}, {"a": 1}, "object has too many properties (found 1 but schema requires at most 0)"),
        ({"uniqueItems": True}, [1, 1], "array must not contain duplicate elements"),
        ({"enum": ["a"]}, None, 'instance value (null) not found in enum (possible values: ["a"])'),
        ({"pattern": "^a"}, "b", 'ECMA 262 regex "^a" does not match input string "b"'),
        ({"not": {}}, True, 'instance does not match the schema (keyword: "not")'),
    ],
)
def test_ag_19_a_fault_is_told_in_awss_words(schema: dict[str, Any], value: Any, text: str) -> None:
    assert list(dict.fromkeys(map(fault_text, Draft4Validator(schema).iter_errors(value)))) == [text]


def test_ag_20_a_body_of_another_content_type_is_not_validated(validated: World) -> None:
    assert validated.send("POST", "/todo", body="{", headers=[("Content-Type", "text/plain")]).status == 200
    assert (
        validated.send("POST", "/todo", body="{", headers=[("Content-Type", "Application/JSON; charset=utf-8")]).status
        == 400
    )


def test_ag_21_models_are_draft_4_and_reach_other_models_of_the_api_only(validated: World) -> None:
    assert validated.send("POST", "/todo", body={"title": "a", "tags": "x"}).status == 400
    assert validated.send("POST", "/broken", body={"title": "a"}).status == 400
    assert validated.send("POST", "/remote", body={"title": "a"}).status == 400


def test_without_a_validator_nothing_is_validated(validated: World) -> None:
    assert validated.send("POST", "/free", body="{").status == 200


def test_a_large_body_is_validated_as_a_small_one(validated: World) -> None:
    assert validated.send("POST", "/todo", body={"title": "a" * 100_000}).status == 200
    assert validated.send("POST", "/todo", body={"title": ["a"] * 100_000}).status == 400


@pytest.mark.parametrize("key", [None, "", "wrong", "disabled"])
def test_ag_23_a_missing_or_unknown_api_key_is_forbidden(world: World, key: str | None) -> None:
    world.method("/keyed", apiKeyRequired=True)
    world.control.api_keys = {"k1": "the-key-the-key-the-key"}
    reply = world.get("/keyed", headers=[] if key is None else [("x-api-key", key)])
    assert (reply.status, reply.body) == (403, b'{"message":"Forbidden"}')
    assert reply.header("x-amzn-ErrorType") == "ForbiddenException"
    assert world.get("/keyed", headers=[("x-api-key", "the-key-the-key-the-key")]).status == 200
