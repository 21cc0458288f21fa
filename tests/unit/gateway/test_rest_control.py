"""The gateway's calls over REST-JSON: what goes out, what comes back, what is raised. Nothing is sent."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from todo_backend.local.gateway.ports import refusal_code
from todo_backend.local.gateway.rest_control import OPERATIONS, RestControl, RestControlError

Sent = tuple[str, str, str, str, bytes]


class Wire:
    """A `send` that remembers and answers."""

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> None:
        self.sent: list[Sent] = []
        self._answer = status, headers or {}, body

    async def __call__(
        self, service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        self.sent.append((service, method, path, query, body))
        return self._answer


def call(wire: Wire, service: str, operation: str, **params: Any) -> dict[str, Any]:
    """One call."""
    return asyncio.run(RestControl(wire).call(service, operation, **params))


def test_a_list_is_asked_for_by_query_and_named_as_botocore_names_it() -> None:
    wire = Wire(body=b'{"item":[{"id":"r"}],"position":"p"}')
    answer = call(wire, "apigateway", "GetResources", restApiId="a", embed=["methods"], limit=500, position="x y")
    assert wire.sent == [("apigateway", "GET", "/restapis/a/resources", "embed=methods&limit=500&position=x%20y", b"")]
    assert answer == {"items": [{"id": "r"}], "position": "p"}


def test_an_invocation_carries_its_payload_as_it_is() -> None:
    wire = Wire(headers={"x-amz-function-error": "Unhandled"}, body=b"not json")
    answer = call(wire, "lambda", "Invoke", FunctionName="arn:aws:lambda:r:1:function:f", Payload=b'{"a":1}')
    path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ar%3A1%3Afunction%3Af/invocations"
    assert wire.sent == [("lambda", "POST", path, "", b'{"a":1}')]
    assert answer == {"StatusCode": 200, "Payload": b"not json", "FunctionError": "Unhandled"}


def test_what_is_neither_path_nor_query_is_the_body() -> None:
    wire = Wire()
    patches = [{"op": "replace", "path": "/a", "value": "b"}]
    call(wire, "apigateway", "UpdateStage", restApiId="a", stageName="v1", patchOperations=patches)
    call(wire, "apigateway", "GetApiKey", apiKey="k", includeValue=True)
    assert [item[1:4] for item in wire.sent] == [
        ("PATCH", "/restapis/a/stages/v1", ""),
        ("GET", "/apikeys/k", "includeValue=true"),
    ]
    assert json.loads(wire.sent[0][4]) == {"patchOperations": patches}


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"x-amzn-errortype": "NotFoundException:http://internal/"}, b"{}", "NotFoundException"),
        ({}, b'{"__type":"com.amazon#NotFoundException","message":"m"}', "NotFoundException"),
        ({}, b"<html>", "404"),
        ({}, b"[]", "404"),
    ],
)
def test_a_refusal_is_raised_with_its_code(headers: dict[str, str], body: bytes, code: str) -> None:
    with pytest.raises(RestControlError) as caught:
        call(Wire(404, headers, body), "apigateway", "GetRestApi", restApiId="a")
    assert refusal_code(caught.value) == code


def test_other_services_are_handed_on_or_refused() -> None:
    async def others(service: str, operation: str, **params: Any) -> dict[str, Any]:
        return {"asked": [service, operation, params]}

    wire = Wire()
    control = RestControl(wire, others)
    assert asyncio.run(control.call("cloudformation", "GetTemplate", StackName="s"))["asked"][1] == "GetTemplate"
    with pytest.raises(RestControlError, match="UnknownOperation"):
        call(wire, "s3", "PutObject")
    assert not wire.sent


def test_every_path_parameter_is_required() -> None:
    for service, operation in OPERATIONS:
        if "{" in OPERATIONS[service, operation].path:
            with pytest.raises(KeyError):
                call(Wire(), service, operation)
