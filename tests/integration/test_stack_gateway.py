"""API Gateway in the running stack: what is cached and for whom, who is let in, and what a changed deployment changes.

Whether an answer came from the cache stands in the stack's trace only: as on AWS, no header says so.
"""

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from tests.conftest import RunningStack, changed_stack, confirmed_user
from tests.integration.test_security import REGION, Device, token_of_another_client
from todo_backend import local

LEAKING = """
for resource in template["Resources"].values():
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::ApiGateway::Authorizer":
        del properties["IdentityValidationExpression"]
    if resource["Type"] == "AWS::ApiGateway::Method":
        keys = properties["Integration"].get("CacheKeyParameters", [])
        properties["Integration"]["CacheKeyParameters"] = [key for key in keys if not key.endswith("Authorization")]
        properties.pop("RequestValidatorId", None)
"""
MOVABLE = """
import time
from todo_backend.local import server
real, ahead = server.Gateway, {ahead!r}
def clock():
    with open(ahead) as file:
        return time.time() + float(file.read())
server.Gateway = lambda *others, **more: real(*others, **(more | {{"clock": clock}}))
"""
UNCACHED = """
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::ApiGateway::Stage":
        for settings in resource["Properties"]["MethodSettings"]:
            settings["CachingEnabled"] = False
"""


def running(folder: Path, changes: str) -> Iterator[RunningStack]:
    process = changed_stack(folder / "data", folder / "script.py", changes)
    try:
        yield RunningStack(process.report["outputs"], folder / "data")
    finally:
        process.stop()


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Deployed with three mistakes: no caller in the cache key, no app client in the authorizer, no validators."""
    yield from running(tmp_path_factory.mktemp("leaking"), LEAKING)


@pytest.fixture
def ahead(tmp_path: Path) -> Path:
    """How many seconds the gateway's clock is ahead."""
    file = tmp_path / "ahead"
    file.write_text("0")
    return file


@pytest.fixture
def movable(tmp_path: Path, ahead: Path) -> Iterator[RunningStack]:
    """A stack of its own, whose gateway has a clock that can be moved."""
    yield from running(tmp_path, MOVABLE.format(ahead=str(ahead)))


def lines_of(stack: RunningStack, path: str, count: int) -> list[dict[str, Any]]:
    """The newest `count` lines of the trace for that path: a line is written when its answer has left."""
    deadline = time.monotonic() + 5
    while True:
        records = map(json.loads, (stack.data_dir / "requests.jsonl").read_text().splitlines())
        found = [record for record in records if record["path"].endswith(f"/v1/{path}")]
        if len(found) >= count:
            return found[-count:]
        assert time.monotonic() < deadline, f"{len(found)} lines for {path}, not {count}"
        time.sleep(0.01)


def cache_of(stack: RunningStack, path: str, count: int) -> list[str]:
    return [record["cache"] for record in lines_of(stack, path, count)]


def line_of(stack: RunningStack, answer: requests.Response) -> dict[str, Any]:
    """The line of the request with that answer: in a shared stack the newest line may still be of an earlier one."""
    request_id, deadline = answer.headers["x-amzn-RequestId"], time.monotonic() + 5
    while True:
        records = map(json.loads, (stack.data_dir / "requests.jsonl").read_text().splitlines())
        found = next((record for record in records if record["request_id"] == request_id), None)
        if found:
            return dict(found)
        assert time.monotonic() < deadline, f"no line for {request_id}"
        time.sleep(0.01)


def with_one_todo(stack: RunningStack) -> Device:
    """A new user whose list is at revision 1."""
    device = Device(stack, confirmed_user(stack))
    made = device.call("POST", "todos", id=f"01939999-0000-7000-8000-{secrets.token_hex(6)}", title=device.user.email)
    assert (made.status_code, made.json()["revision"]) == (201, 1)
    return device


def snapshot(device: Device, revision: int = 1) -> str:
    answer = device.call("GET", f"snapshots/{revision}")
    assert answer.status_code == 200, answer.text
    return answer.text


def admin_gateway(stack: RunningStack) -> Any:
    key = stack.admin_credentials
    return boto3.client(
        "apigateway",
        region_name=REGION,
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
    )


def config(stack: RunningStack) -> requests.Response:
    return requests.get(f"{stack.output('ApiUrl')}/v1/config", timeout=20)


def test_ac_35_the_config_is_cached_and_the_status_counts_it(stack: RunningStack) -> None:
    first = config(stack)
    before = local.status(stack.data_dir).api_cache
    second = config(stack)
    after = local.status(stack.data_dir).api_cache
    assert first.content == second.content
    assert before
    assert after == {"hits": before["hits"] + 1, "misses": before["misses"]}
    assert line_of(stack, second)["integration_ms"] is None


def test_se_01_a_snapshot_is_cached_for_its_owner_and_for_nobody_else(movable: RunningStack) -> None:
    alice, bob = with_one_todo(movable), with_one_todo(movable)
    first, again, others = snapshot(alice), snapshot(alice), snapshot(bob)
    assert first == again
    assert alice.user.email in first
    assert alice.user.email not in others
    assert bob.user.email in others
    assert cache_of(movable, "snapshots/1", 3) == ["miss", "hit", "miss"]
    log = local.logs(movable.data_dir, lines=500)
    asked = [line for line in log if '"get_snapshot"' in line and '"message":"request"' in line]
    assert len(asked) == 2  # the function has not been asked for the one from the cache


def test_se_01_without_the_caller_in_the_key_it_is_given_to_another_user(leaking: RunningStack) -> None:
    alice, bob = with_one_todo(leaking), with_one_todo(leaking)
    assert snapshot(alice) == snapshot(bob)
    assert cache_of(leaking, "snapshots/1", 2) == ["miss", "hit"]


def test_what_is_cached_is_not_given_to_who_may_not_call(movable: RunningStack) -> None:
    alice = with_one_todo(movable)
    snapshot(alice)
    for token in (alice.tokens["AccessToken"], "junk", token_of_another_client(alice)):
        assert alice.call("GET", "snapshots/1", token).status_code == 401
    assert cache_of(movable, "snapshots/1", 4) == ["miss", "refused", "refused", "refused"]


def test_after_a_write_the_snapshot_of_the_new_revision_is_another_entry(stack: RunningStack) -> None:
    alice = with_one_todo(stack)
    first = snapshot(alice)
    made = alice.call("POST", "todos", id=f"01939999-0000-7000-8000-{secrets.token_hex(6)}", title="the second")
    assert made.json()["revision"] == 2
    assert "the second" not in first
    assert "the second" in snapshot(alice, 2)


def test_ag_03_an_expired_token_is_told_so(movable: RunningStack, ahead: Path) -> None:
    alice = with_one_todo(movable)
    assert alice.call("GET", "todos").status_code == 200
    ahead.write_text("3700")  # the app client's id tokens are good for an hour
    refused = alice.call("GET", "todos")
    assert (refused.status_code, refused.json()["message"]) == (401, "The incoming token has expired")


@pytest.mark.parametrize(("name", "told"), [("stack", "refused"), ("leaking", "off")])
def test_se_08_another_app_clients_token_is_refused_by_the_authorizer_already(
    request: pytest.FixtureRequest, name: str, told: str
) -> None:
    stack: RunningStack = request.getfixturevalue(name)
    device = Device(stack, confirmed_user(stack))
    answer = device.call("GET", "todos", token_of_another_client(device))
    assert answer.status_code == 401  # without the authorizer's expression it is the function that refuses
    assert line_of(stack, answer)["cache"] == told


@pytest.mark.parametrize(("name", "told"), [("stack", "refused"), ("leaking", "off")])
def test_ag_19_a_bad_body_does_not_reach_the_function(request: pytest.FixtureRequest, name: str, told: str) -> None:
    stack: RunningStack = request.getfixturevalue(name)
    device = Device(stack, confirmed_user(stack))
    answer = device.call("POST", "todos", title="no id")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert line_of(stack, answer)["cache"] == told


def test_ag_10_what_is_written_to_the_control_plane_holds_for_the_next_request(movable: RunningStack) -> None:
    api, stage = movable.output("ApiUrl").split("/")[-2:]
    control = admin_gateway(movable)
    for _ in range(2):
        config(movable)
    control.flush_stage_cache(restApiId=api, stageName=stage)
    config(movable)
    patch = {"op": "replace", "path": "/~1v1~1config/GET/caching/enabled", "value": "false"}
    control.update_stage(restApiId=api, stageName=stage, patchOperations=[patch])
    config(movable)
    assert cache_of(movable, "config", 4) == ["miss", "hit", "miss", "off"]


def test_a_redeployment_changes_what_is_cached(tmp_path: Path) -> None:
    cached, uncached = ["miss", "hit"], ["off", "off"]
    seen: list[str] = []
    for changes, now in (("", cached), (UNCACHED, uncached), ("", cached)):
        seen += now
        for stack in running(tmp_path, changes):
            for _ in range(2):
                assert config(stack).status_code == 200
            assert cache_of(stack, "config", len(seen)) == seen
