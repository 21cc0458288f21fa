"""What is deployed, when it is read, and what makes it be read again."""

from typing import Any

import pytest

from tests.unit.gateway.world import API, REGION, World
from todo_backend.local.gateway.deployments import MAX_SNAPSHOTS

SIGNED = f"AWS4-HMAC-SHA256 Credential=AKIA/20260615/{REGION}/%s/aws4_request, SignedHeaders=host, Signature=0"


def signed(service: str) -> list[tuple[str, str]]:
    """The head of a call that is signed for a service."""
    return [("Authorization", SIGNED % service)]


def test_the_deployment_is_read_once(world: World) -> None:
    world.method("/todos")
    for _ in range(5):
        assert world.get("/todos").status == 200
    assert world.control.calls.count("GetStage") == 1
    assert world.control.calls.count("GetResources") == 1
    assert world.control.calls.count("GetPolicy") == 1


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("PATCH", f"/restapis/{API}/stages/v1", "apigateway"),
        ("PUT", f"/restapis/{API}/resources/r/methods/GET", ""),
        ("POST", "/", "cloudformation"),
        ("POST", "/2015-03-31/functions/f/policy", "lambda"),
    ],
)
def test_a_write_to_the_control_plane_makes_the_stage_be_read_again(
    world: World, method: str, path: str, service: str
) -> None:
    world.method("/todos")
    assert world.get("/todos").status == 200
    world.control.stages["v1"]["variables"] = {"a": "b"}
    assert world.call(method, path, signed(service) if service else []).status == 200
    world.get("/todos")
    assert world.control.invocations[-1]["stageVariables"] == {"a": "b"}


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("GET", f"/restapis/{API}", "apigateway"),
        ("POST", "/", "dynamodb"),
        ("POST", "/2015-03-31/functions/f/invocations", "lambda"),
    ],
)
def test_reads_and_other_services_make_nothing_be_read_again(
    world: World, method: str, path: str, service: str
) -> None:
    world.method("/todos")
    world.get("/todos")
    world.call(method, path, signed(service))
    world.get("/todos")
    assert world.control.calls.count("GetStage") == 1


def test_ag_10_changes_wait_for_a_deployment(world: World) -> None:
    world.method("/todos")
    assert world.get("/todos").status == 200
    world.method("/new")
    world.call("PUT", f"/restapis/{API}/resources/r/methods/GET", signed("apigateway"))
    assert world.get("/new").status == 403
    world.inner_answer = (201, b'{"id":"d2"}')
    world.call("POST", f"/restapis/{API}/deployments", signed("apigateway"))
    assert world.get("/new").status == 403  # the stage still shows the first deployment
    world.control.stages["v1"]["deploymentId"] = "d2"
    world.call("PATCH", f"/restapis/{API}/stages/v1", signed("apigateway"))
    assert world.get("/new").status == 200


def test_ag_10_a_deployment_is_frozen_when_it_is_made_and_a_stage_may_go_back(world: World) -> None:
    world.method("/todos")
    world.get("/todos")
    world.inner_answer = (201, b'{"id":"d2"}')
    world.method("/second")
    world.call("POST", f"/restapis/{API}/deployments", signed("apigateway"))
    world.method("/later")
    for deployment, second in (("d2", 200), ("d1", 403)):
        world.control.stages["v1"]["deploymentId"] = deployment
        world.call("PATCH", f"/restapis/{API}/stages/v1", signed("apigateway"))
        assert [world.get("/todos").status, world.get("/second").status, world.get("/later").status] == [
            200,
            second,
            403,
        ]


@pytest.mark.parametrize("answer", [(400, b'{"id":"d2"}'), (201, b"not json"), (201, b"[]"), (201, b'{"id":1}')])
def test_a_deployment_that_was_not_made_freezes_nothing(world: World, answer: tuple[int, bytes]) -> None:
    world.inner_answer = answer
    reply = world.call("POST", f"/restapis/{API}/deployments", signed("apigateway"))
    assert (reply.status, reply.body) == answer
    assert "GetResources" not in world.control.calls


def test_frozen_deployments_are_bounded(world: World) -> None:
    for number in range(MAX_SNAPSHOTS + 5):
        world.inner_answer = (201, f'{{"id":"x{number}"}}'.encode())
        world.call("POST", f"/restapis/{API}/deployments")
    assert len(world.gateway._plane.deployments._snapshots) == MAX_SNAPSHOTS


def test_ac_13_flush_stage_cache_is_202_for_those_whom_the_control_plane_lets_in(world: World) -> None:
    world.method("/x")
    world.cached("/x")
    world.counts()
    path = f"/restapis/{API}/stages/v1/cache/data"
    first = world.get("/x").body
    world.inner_answer = (403, b'{"message":"The security token included in the request is invalid."}')
    assert world.call("DELETE", path).status == 403
    assert world.get("/x").body == first
    world.inner_answer = (404, b'{"message":"Unknown API Gateway v1 path: /restapis"}')
    reply = world.call("DELETE", path, signed("apigateway"))
    assert (reply.status, reply.body) == (202, b"")
    assert world.get("/x").body != first
    assert world.call("DELETE", path.replace("v1", "v9"), signed("apigateway")).status == 404
    world.inner_answer = (404, b"<Error><Code>NoSuchBucket</Code></Error>")
    assert world.call("DELETE", path).status == 404


def test_a_control_plane_that_fails_is_500_without_detail(world: World) -> None:
    world.control.stages["v1"] = {}
    reply = world.get("/todos")
    assert (reply.status, reply.body) == (500, b'{"message": "Internal server error"}')


def test_a_function_call_that_breaks_is_500_without_detail(world: World) -> None:
    world.method("/todos")

    def broken(event: dict[str, Any]) -> Any:
        raise ConnectionResetError("secret address")

    world.answers(broken)
    reply = world.get("/todos")
    assert (reply.status, reply.body) == (500, b'{"message": "Internal server error"}')


def test_pages_of_a_long_answer_are_all_read() -> None:
    world = World()
    world.method("/todos")
    describe, positions = world.control._describe, iter(["p1", "p2", None])

    def paged(operation: str, params: Any) -> Any:
        answer = describe(operation, params)
        if operation != "GetResources":
            return answer
        position = next(positions)
        return {"items": answer["items"] if position is None else [], **({"position": position} if position else {})}

    world.control._describe = paged  # type: ignore[method-assign]
    assert world.get("/todos").status == 200
    world.runner.close()


def test_other_scopes_are_the_inner_applications(world: World) -> None:
    async def nothing(*_: Any) -> Any:
        return {"type": "lifespan.startup"}

    world.runner.run(world.gateway({"type": "websocket", "path": "/ws", "headers": []}, nothing, nothing))
    assert world.passed_on == ["/ws"]


def test_the_place_given_is_the_one_that_functions_see() -> None:
    world = World(region="eu-west-1", account_id="123456789012")
    world.control.policy = [{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}]
    world.method("/todos")
    world.get("/todos")
    context = world.control.invocations[0]["requestContext"]
    assert (context["accountId"], context["domainName"]) == (
        "123456789012",
        f"{API}.execute-api.eu-west-1.amazonaws.com",
    )
    world.runner.close()
