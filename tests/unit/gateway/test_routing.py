"""Which resource a path names, and what is said of paths that name none."""

import base64
import hashlib

import pytest

from tests.unit.gateway.world import API, World

FORBIDDEN = b'{"message":"Forbidden"}'


@pytest.fixture
def routed(world: World) -> World:
    world.method("/todos")
    world.method("/todos/{id}")
    world.method("/todos/mine")
    world.method("/files/{key+}", "ANY")
    world.answers(lambda event: {"statusCode": 200, "body": event["resource"]})
    return world


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/todo"), ("DELETE", "/todos"), ("GET", "/todos/1/2"), ("GET", "/")]
)
def test_ag_15_an_unknown_route_without_authorization_is_403_missing_token(
    routed: World, method: str, path: str
) -> None:
    reply = routed.send(method, path)
    assert (reply.status, reply.body) == (403, b'{"message":"Missing Authentication Token"}')
    assert reply.header("x-amzn-ErrorType") == "MissingAuthenticationTokenException"


def test_ag_16_an_unknown_route_with_a_bearer_token_is_an_incomplete_signature(routed: World) -> None:
    value = f"Bearer {routed.token()}"
    reply = routed.get("/todo", value)
    digest = base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()
    assert reply.status == 403
    assert reply.header("x-amzn-ErrorType") == "IncompleteSignatureException"
    assert reply.json["message"] == (
        "Invalid key=value pair (missing equal-sign) in Authorization header "
        f"(hashed with SHA-256 and encoded with Base64): '{digest}'."
    )
    assert digest.endswith("=")


def test_ag_17_a_trailing_slash_names_another_resource(routed: World) -> None:
    assert routed.get("/todos/").status == 403


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/todos", "/todos"),
        ("/todos/1", "/todos/{id}"),
        ("/todos/mine", "/todos/mine"),
        ("/todos/a%2Fb", "/todos/{id}"),
        ("/t%6Fdos", "/todos"),
        ("/files/a", "/files/{key+}"),
        ("/files/a/b/", "/files/{key+}"),
    ],
)
def test_the_most_specific_resource_answers(routed: World, path: str, resource: str) -> None:
    assert routed.get(path).body.decode() == resource


def test_path_parameters_reach_the_function_decoded(routed: World) -> None:
    routed.get("/todos/a%2Fb%20%C3%A9")
    assert routed.control.invocations[-1]["pathParameters"] == {"id": "a/b é"}


def test_any_serves_every_method_that_has_no_entry_of_its_own(routed: World) -> None:
    assert routed.send("PATCH", "/files/a").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/_aws/execute-api/zzzz/v1/todos",
        f"/_aws/execute-api/{API}/v2/todos",
        "/_aws/execute-api/..%2F/v1",
        "/_aws/execute-api/",
    ],
)
def test_an_unknown_api_or_stage_is_403_forbidden(routed: World, target: str) -> None:
    reply = routed.call("GET", target)
    assert (reply.status, reply.body, reply.header("x-amzn-ErrorType")) == (403, FORBIDDEN, "ForbiddenException")


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (f"/restapis/{API}/v1/_user_request_/secret", "localhost"),
        ("/v1/secret", f"{API}.execute-api.localhost:4566"),
        ("/v1/secret", f"{API.upper()}.Execute-Api.localhost"),
        (f"/%5Faws/execute-api/{API}/v1/secret", "localhost"),
        (f"/_aws/execute%2Dapi/{API}/v1/s%65cret", "localhost"),
        (f"/rest%61pis/{API}/v1/_user_request_/secret", "localhost"),
    ],
)
def test_no_other_spelling_of_the_address_leads_around_the_authorizer(world: World, target: str, host: str) -> None:
    world.secured("/secret")
    assert world.call("GET", target, [("Host", host)]).status == 401
    assert world.call("GET", target, [("Host", host), ("Authorization", world.token())]).status == 200
    assert not world.passed_on


def test_everything_else_goes_on_to_the_control_plane(routed: World) -> None:
    for target in ("/", "/restapis", "/_aws/other", "/todos"):
        assert routed.call("GET", target).status == 200
    assert routed.passed_on == ["/", "/restapis", "/_aws/other", "/todos"]


def test_every_answer_names_itself(routed: World) -> None:
    for path, status in (("/todos", 200), ("/nowhere", 403)):
        reply = routed.get(path)
        assert reply.status == status
        assert len(reply.header("x-amzn-RequestId") or "") == 36
        assert (reply.header("x-amz-apigw-id") or "").endswith("=")
        assert reply.header("Content-Type") == "application/json"
        assert reply.values("Date") == ["Mon, 15 Jun 2026 05:56:40 GMT"]  # the stack's clock, not the machine's


def test_the_trace_goes_on_where_the_caller_began_it(routed: World) -> None:
    root = "1-66ad5c3b-0123456789abcdef01234567"
    assert (
        routed.get("/todos", headers=[("X-Amzn-Trace-Id", f"Root={root};Sampled=1")]).header("X-Amzn-Trace-Id")
        == f"Root={root}"
    )
    assert (routed.get("/todos", headers=[("X-Amzn-Trace-Id", "Root=x")]).header("X-Amzn-Trace-Id") or "").startswith(
        "Root=1-"
    )
