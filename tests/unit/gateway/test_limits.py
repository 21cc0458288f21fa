"""Sizes, times and rates."""

import time
from typing import Any

import pytest

from tests.unit.gateway.world import World
from todo_backend.local.gateway.description import stage_from
from todo_backend.local.gateway.throttling import ACCOUNT_BURST

MIB = 1024 * 1024


@pytest.fixture
def posted(world: World) -> World:
    world.method("/todos", "POST")
    world.method("/todos")
    return world


def test_ag_24_a_body_over_10_mb_is_413_in_plain_text(posted: World) -> None:
    posted.control.responses = [_cors("DEFAULT_4XX"), _cors("REQUEST_TOO_LARGE")]
    reply = posted.send("POST", "/todos", body=b"x" * (10 * MIB + 1))
    assert (reply.status, reply.body) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert reply.header("Access-Control-Allow-Origin") is None


def test_ag_24_a_body_that_does_not_tell_its_length_is_counted(posted: World) -> None:
    headers = [("Transfer-Encoding", "chunked"), ("Content-Length", "junk")]
    target = "/_aws/execute-api/a1b2c3d4/v1/todos"
    reply = posted.call("POST", target, headers[:1], b"x" * (10 * MIB + 1))
    assert (reply.status, reply.body) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert posted.call("POST", target, headers, b"{}").status == 200


def test_ag_24_a_declared_length_over_the_limit_is_refused_before_anything_is_read(world: World) -> None:
    world.secured("/todos", "POST")
    reply = world.call("POST", "/_aws/execute-api/a1b2c3d4/v1/todos", [("Content-Length", str(10 * MIB + 1))])
    assert (reply.status, reply.body) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert not world.control.calls


def test_ag_25_a_body_too_large_for_lambda_is_413(posted: World) -> None:
    reply = posted.send("POST", "/todos", body=b"x" * (6 * MIB))
    assert (reply.status, reply.json) == (413, {"message": "Request Too Long"})
    assert posted.send("POST", "/todos", body=b"x" * (6 * MIB - 10_000)).status == 200


@pytest.mark.parametrize("token", ["x" * 100_000, "a.b." + "c" * 100_000])
def test_ag_26_a_head_over_10240_bytes_is_431(posted: World, token: str) -> None:
    assert posted.get("/todos", token).status == 431


def test_ag_26_an_address_over_10240_characters_is_414(posted: World) -> None:
    assert posted.get("/todos?q=" + "x" * 10_240).status == 414


def test_ag_27_a_slow_integration_is_504_and_runs_on(world: World) -> None:
    method = world.method("/slow")
    method["methodIntegration"]["timeoutInMillis"] = 50
    world.control.delay_seconds = 1.0
    finished: list[bool] = []

    def finishing(event: dict[str, Any]) -> Any:
        finished.append(True)
        return {"statusCode": 200}

    world.answers(finishing)
    reply = world.get("/slow")
    assert (reply.status, reply.body) == (504, b'{"message": "Endpoint request timed out"}')
    assert reply.header("x-amzn-ErrorType") == "InternalServerErrorException"
    assert not finished
    deadline = time.monotonic() + 20
    while not finished and time.monotonic() < deadline:
        time.sleep(0.05)
        world.get("/nowhere")  # the world's loop turns while it is asked something
    assert finished


def test_ag_27_no_integration_gets_more_than_29_seconds(world: World) -> None:
    method = world.method("/slow")
    method["methodIntegration"]["timeoutInMillis"] = 120_000
    world.get("/slow")
    found = world.runner.run(world.gateway._plane.deployments.find("a1b2c3d4", "v1"))
    assert found
    resource = next(item for item in found.snapshot.api.resources if item.path == "/slow")
    assert resource.methods["GET"].integration.timeout_seconds == 29


def test_ag_28_over_the_burst_is_429_until_the_rate_refills_it(posted: World) -> None:
    posted.control.stages["v1"]["methodSettings"] = {
        "*/*": {"throttlingRateLimit": 100.0, "throttlingBurstLimit": 50},
        "~1todos/POST": {"throttlingRateLimit": 2.0, "throttlingBurstLimit": 3},
    }
    assert [posted.send("POST", "/todos").status for _ in range(4)] == [200, 200, 200, 429]
    reply = posted.send("POST", "/todos")
    assert (reply.body, reply.header("x-amzn-ErrorType")) == (
        b'{"message":"Too Many Requests"}',
        "TooManyRequestsException",
    )
    assert posted.get("/todos").status == 200  # the stage's bucket is another one
    posted.now += 0.5
    assert [posted.send("POST", "/todos").status for _ in range(2)] == [200, 429]
    posted.now -= 100
    assert posted.send("POST", "/todos").status == 429


def test_ag_28_methods_without_limits_of_their_own_share_the_stages(posted: World) -> None:
    posted.control.stages["v1"]["methodSettings"] = {"*/*": {"throttlingRateLimit": 1.0, "throttlingBurstLimit": 2}}
    assert [posted.get("/todos").status, posted.send("POST", "/todos").status] == [200, 200]
    assert posted.get("/todos").status == 429


def test_ag_28_without_settings_the_accounts_limit_holds(posted: World) -> None:
    posted.control.stages["v1"]["methodSettings"] = {"*/*": {"throttlingRateLimit": -1, "throttlingBurstLimit": -1}}
    statuses = {posted.get("/todos").status for _ in range(ACCOUNT_BURST)}
    assert statuses == {200}
    assert posted.get("/todos").status == 429


def test_a_caller_who_is_refused_takes_nothing_from_the_bucket(world: World) -> None:
    world.secured("/todos")
    world.control.stages["v1"]["methodSettings"] = {"*/*": {"throttlingRateLimit": 1.0, "throttlingBurstLimit": 1}}
    assert {world.get("/todos", "junk").status for _ in range(5)} == {401}
    assert world.get("/todos", world.token()).status == 200


def test_ac_03_what_a_setting_leaves_out_is_awss_default() -> None:
    stage = stage_from(
        {"stageName": "v1", "cacheClusterEnabled": True, "methodSettings": {"~1a/GET": {"cachingEnabled": True}}}
    )
    settings = stage.caches("/a", "GET")
    assert settings
    assert (settings.ttl_seconds, settings.authorization_for_cache_control) == (300, True)
    assert settings.strategy == "SUCCEED_WITH_RESPONSE_HEADER"


def _cors(kind: str) -> dict[str, object]:
    return {"responseType": kind, "responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}}
