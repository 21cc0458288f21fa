"""Whatever arrives: AWS's error in bounded time and memory, never a fault of the gateway's own."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.gateway.world import API, AUTHORIZATION, World
from todo_backend.local.gateway import limits
from todo_backend.local.gateway.cache import cache_key
from todo_backend.local.gateway.configuration import Integration
from todo_backend.local.gateway.messages import Request
from todo_backend.local.gateway.proxy_answer import MalformedAnswerError, proxy_answer
from todo_backend.local.gateway.refusals import FixedRefusalError
from todo_backend.local.gateway.templates import fill, has_directives

SCHEMA = {"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "pattern": "^[a-z]+$"}}}
LATIN = st.characters(max_codepoint=255, exclude_characters="\r\n\x00")
HEADERS = [
    "Authorization",
    "Content-Type",
    "Content-Length",
    "Cache-Control",
    "X-Any",
    "Accept",
    "Host",
    "X-Amzn-Trace-Id",
    "Transfer-Encoding",
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def busy_world() -> World:
    """An API with something of everything."""
    world = World()
    world.control.validators = [{"id": "v", "validateRequestBody": True, "validateRequestParameters": True}]
    world.control.models = [{"name": "M", "schema": json.dumps(SCHEMA)}]
    world.secured("/todos", key=[AUTHORIZATION, "method.request.querystring.q"])
    world.cached("/todos")
    world.method("/open/{id}", key=["method.request.path.id", "method.request.header.X-Any"])
    world.cached("/open/{id}")
    world.method("/files/{key+}", "ANY")
    world.method("/todos", "POST", requestValidatorId="v", requestModels={"application/json": "M"})
    template = '{"m":$context.error.messageString,"p":"$context.path"}'
    parameters = {"gatewayresponse.header.X-Echo": "method.request.header.X-Any"}
    world.control.responses = [
        {
            "responseType": "DEFAULT_4XX",
            "responseTemplates": {"application/json": template},
            "responseParameters": parameters,
        }
    ]
    return world


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "foo", "é"]),
    path=st.text(LATIN.filter(lambda letter: letter != "?"), max_size=40)
    | st.sampled_from(["/todos", "/open/%ff", "/files/%2e%2e/"]),
    query=st.text(LATIN, max_size=40),
    headers=st.lists(
        st.tuples(
            st.sampled_from(HEADERS),
            st.text(LATIN, max_size=60),
        ),
        max_size=5,
    ),
    body=st.binary(max_size=200),
)
def test_no_request_draws_a_fault(
    method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    world = _WORLD
    reply = world.call(method, f"/_aws/execute-api/{API}/v1{path}?{query}", headers, body)
    assert reply.status < 500 or reply.status == 408
    assert b"Traceback" not in reply.body
    for name, value in reply.headers:
        assert not set(name + value) & set("\r\n\x00")


_WORLD = busy_world()


@settings(max_examples=300, deadline=None)
@given(
    members=st.dictionaries(
        st.sampled_from(["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded", "x"]), JSON_VALUES
    )
)
def test_a_functions_answer_is_sendable_or_malformed(members: dict[str, Any]) -> None:
    try:
        answer = proxy_answer(json.dumps(members).encode(), Request("GET", "/", "", ()), ())
    except MalformedAnswerError:
        return
    assert 200 <= answer.status <= 599
    assert all("\n" not in name + value for name, value in answer.headers)


@given(
    parts=st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=6)), min_size=2, max_size=2, unique_by=str)
)
def test_two_requests_share_a_key_only_when_all_declared_values_are_equal(parts: list[dict[str, str]]) -> None:
    integration = Integration(
        "", "", "", 29, "n", tuple(f"method.request.path.{name}" for name in "abc"), {}, {}, "", ()
    )
    request = Request("GET", "/", "", ())
    first, second = (cache_key(integration, request, part) for part in parts)
    assert (first == second) == (parts[0] == parts[1])


@given(template=st.text(st.sampled_from("$context.{}[]'\"#if set!stageVariables a"), max_size=80))
def test_no_template_breaks_the_filling(template: str) -> None:
    has_directives(template)
    fill(template, {"a": "b"})


@pytest.mark.parametrize("length", ["-1", "1e9", "0x10", "९", "9" * 30, " 5", "5, 5"])
def test_a_strange_content_length_is_not_believed(world: World, length: str) -> None:
    world.method("/todos", "POST")
    reply = world.call(
        "POST", f"/_aws/execute-api/{API}/v1/todos", [("Content-Length", length)][: length.isascii()], b"{}"
    )
    assert reply.status == 200


def test_a_body_that_never_ends_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BODY_SECONDS", 0.05)

    async def trickling() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(FixedRefusalError) as caught:
        world.runner.run(limits.read_body(trickling))
    assert caught.value.answer.status == 408


def test_a_client_that_leaves_is_answered_to_nobody(world: World) -> None:
    world.method("/todos", "POST")

    async def left() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(FixedRefusalError):
        world.runner.run(limits.read_body(left))
    assert not world.control.invocations


def test_tokens_and_unknown_stages_leave_nothing_behind(world: World) -> None:
    world.secured("/todos")
    for number in range(200):
        world.get("/todos", f"a.b.{number}")
        world.call("GET", f"/_aws/execute-api/api{number}/v1/todos")
        world.get("/todos", stage=f"s{number}")
    plane = world.gateway._plane
    assert not plane.tokens._verified
    assert len(plane.deployments._stages) == 1
    assert not plane._caches
