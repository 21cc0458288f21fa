"""Time that is moved and requests that go wrong on demand, in the running stack, and what a client makes of it.

Every test takes its moves and faults away again: the stack is the whole session's.
"""

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError

from tests.conftest import NewUser, RunningStack
from todo_backend import local
from todo_sdk import Config, MemoryTokenStore, NotFoundError, ServerError, TodoClient, TransportError, fetch_config

HOUR_SECONDS = 3600


@pytest.fixture
def clock(stack: RunningStack) -> Iterator[local.StackClock]:
    """The stack's clock; the machine's again after the test."""
    with local.clock(stack.data_dir) as moved:
        yield moved


@pytest.fixture
def faults(stack: RunningStack) -> Iterator[local.StackFaults]:
    """The stack's faults; none after the test."""
    with local.faults(stack.data_dir) as switched:
        yield switched


@pytest.fixture(scope="module")
def config(stack: RunningStack) -> Config:
    """The settings of the stack."""
    return fetch_config(stack.output("ApiUrl"))


@pytest.fixture
def store() -> MemoryTokenStore:
    """Where the client keeps its session."""
    return MemoryTokenStore()


@pytest.fixture
def client(config: Config, store: MemoryTokenStore, new_user: Callable[[], NewUser]) -> Iterator[TodoClient]:
    """A signed-in client of a new user."""
    with TodoClient(config, store=store) as made:
        made.auth.sign_in(*new_user())
        yield made


def credentials_of(stack: RunningStack, id_token: str) -> dict[str, Any]:
    """Fresh credentials of the user's identity."""
    provider = f"cognito-idp.{stack.output('Region')}.amazonaws.com/{stack.output('UserPoolId')}"
    logins = {provider: id_token}
    identity = stack.identity("GetId", IdentityPoolId=stack.output("IdentityPoolId"), Logins=logins).json()
    given = stack.identity("GetCredentialsForIdentity", IdentityId=identity["IdentityId"], Logins=logins).json()
    return dict(given)


def s3_of(stack: RunningStack, given: dict[str, Any]) -> Any:
    found = given["Credentials"]
    return boto3.client(
        "s3",
        region_name=stack.output("Region"),
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretKey"],
        aws_session_token=found["SessionToken"],
        config=BotoConfig(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )


def id_token(store: MemoryTokenStore) -> str:
    kept = store.load()
    assert kept is not None
    return str(kept["id_token"])


def revision(stack: RunningStack, token: str) -> requests.Response:
    return requests.get(f"{stack.output('ApiUrl')}/v1/revision", headers={"Authorization": token}, timeout=20)


def the_next_second() -> None:
    """Let one begin: the date of a signature has no fractions."""
    begun = int(time.time())
    while int(time.time()) == begun:
        time.sleep(0.02)


def traced(stack: RunningStack, **wanted: object) -> list[dict[str, Any]]:
    """The lines of the trace that have these values, once there is one: they are written when the answer has left."""
    deadline = time.monotonic() + 20
    while True:
        lines = (stack.data_dir / "requests.jsonl").read_text().splitlines()
        found = [line for line in map(json.loads, lines) if wanted.items() <= line.items()]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


# --- The clock


def test_an_id_token_expires_at_the_api_and_the_client_renews_it(
    stack: RunningStack, client: TodoClient, store: MemoryTokenStore, clock: local.StackClock
) -> None:
    token = id_token(store)
    assert revision(stack, token).status_code == 200
    clock.advance(HOUR_SECONDS + 1)
    refused = revision(stack, token)
    assert (refused.status_code, refused.json()["message"]) == (401, "The incoming token has expired")  # AG-03
    assert list(client.todos.list()) == []
    assert id_token(store) != token
    assert revision(stack, id_token(store)).status_code == 200


def test_credentials_of_an_identity_end_after_an_hour(
    stack: RunningStack, client: TodoClient, store: MemoryTokenStore, clock: local.StackClock
) -> None:
    given = credentials_of(stack, id_token(store))
    place = {"Bucket": stack.output("FilesBucket"), "Key": f"{given['IdentityId']}/note"}
    s3 = s3_of(stack, given)
    s3.put_object(**place, Body=b"x")
    clock.advance(HOUR_SECONDS - 60)
    s3.get_object(**place)
    clock.advance(61)
    with pytest.raises(ClientError) as caught:
        s3.get_object(**place)
    assert caught.value.response["Error"]["Code"].startswith("ExpiredToken")  # S3-14
    client.auth.refresh()
    again = credentials_of(stack, id_token(store))
    assert s3_of(stack, again).get_object(**place)["Body"].read() == b"x"
    left = again["Credentials"]["Expiration"] - clock.now().timestamp()
    assert HOUR_SECONDS - 60 < left <= HOUR_SECONDS  # IP-06


def test_a_presigned_url_expires_and_one_that_is_signed_afterwards_does_not(
    stack: RunningStack, client: TodoClient, store: MemoryTokenStore, clock: local.StackClock
) -> None:
    given = credentials_of(stack, id_token(store))
    place = {"Bucket": stack.output("FilesBucket"), "Key": f"{given['IdentityId']}/shared"}
    s3 = s3_of(stack, given)
    s3.put_object(**place, Body=b"shared")
    old = s3.generate_presigned_url("get_object", place, ExpiresIn=120)
    clock.advance(110)
    assert requests.get(old, timeout=20).content == b"shared"
    clock.advance(20)
    the_next_second()
    new = s3.generate_presigned_url("get_object", place, ExpiresIn=120)
    refused = requests.get(old, timeout=20)
    assert (refused.status_code, "Request has expired" in refused.text) == (403, True)  # S3-21
    assert requests.get(new, timeout=20).content == b"shared"


def test_the_response_cache_forgets_after_its_ttl(stack: RunningStack, clock: local.StackClock) -> None:
    def misses() -> int:
        requests.get(f"{stack.output('ApiUrl')}/v1/config", timeout=20).raise_for_status()
        found = local.status(stack.data_dir).api_cache
        assert found is not None
        return found["misses"]

    misses()
    before = misses()
    clock.advance(HOUR_SECONDS - 60)
    assert misses() == before
    clock.advance(61)
    assert misses() == before + 1


def test_a_reset_makes_nothing_in_the_response_cache_young_again(stack: RunningStack, clock: local.StackClock) -> None:
    url = f"{stack.output('ApiUrl')}/v1/config"
    requests.get(url, timeout=20)
    clock.advance(HOUR_SECONDS + 1)
    clock.reset()
    answer = requests.get(url, timeout=20)
    line = traced(stack, request_id=answer.headers["x-amzn-RequestId"])[0]
    assert line["cache"] == "miss"


def test_dax_forgets_after_its_ttl(
    stack: RunningStack, client: TodoClient, store: MemoryTokenStore, clock: local.StackClock
) -> None:
    def item_misses() -> int:
        assert revision(stack, id_token(store)).status_code == 200
        found = re.search(r"item cache \d+ hits (\d+) misses", local.status(stack.data_dir).dax)
        assert found is not None
        return int(found[1])

    item_misses()
    before = item_misses()
    assert item_misses() == before
    clock.advance(HOUR_SECONDS / 2)
    assert item_misses() == before + 1


def test_a_confirmation_code_is_good_for_a_day(stack: RunningStack, clock: local.StackClock) -> None:
    email = f"late-{secrets.token_hex(4)}@example.com"
    login = {"ClientId": stack.output("UserPoolClientId"), "Username": email}
    attributes = [{"Name": "email", "Value": email}]
    stack.cognito("SignUp", **login, Password="Late-password-1!", UserAttributes=attributes)
    clock.advance(24 * HOUR_SECONDS + 1)
    late = stack.cognito("ConfirmSignUp", **login, ConfirmationCode=stack.newest_code(email))
    assert (late.status_code, late.json()["__type"]) == (400, "ExpiredCodeException")  # UP-21
    stack.cognito("ResendConfirmationCode", **login)
    assert stack.cognito("ConfirmSignUp", **login, ConfirmationCode=stack.newest_code(email)).status_code == 200


def test_a_frozen_clock_stands_still_for_everybody(stack: RunningStack, clock: local.StackClock) -> None:
    clock.freeze()
    first = requests.get(f"{stack.output('ApiUrl')}/v1/revision", timeout=20).headers["Date"]
    clock.advance(86400)
    second = requests.get(f"{stack.output('ApiUrl')}/v1/revision", timeout=20).headers["Date"]
    assert clock.now() == clock.now()
    assert first != second
    clock.resume()
    assert clock.offset_seconds() > 86000


def test_a_clock_in_a_context_is_the_machines_afterwards(stack: RunningStack) -> None:
    with local.clock(stack.data_dir) as clock:
        clock.advance(5)
        assert clock.offset_seconds() == 5
    assert local.clock(stack.data_dir).offset_seconds() == 0


def test_what_is_put_in_place_of_ministacks_time_is_still_there_to_be_replaced() -> None:
    code = """
from ministack.core import iam_evaluator
from ministack.services import dynamodb, iam, s3, sts
from inspect import getsource
print(all([
    "time.time() > expiration" in getsource(iam_evaluator.resolve_credential),
    "time.time() > exp" in getsource(sts._session_expired),
    "now = time.time()" in getsource(dynamodb._ttl_reaper),
    "time.time() + seconds" in getsource(iam._future) and sts._future is iam._future,
    "presigned_request_is_expired(amz_date, expires)" in getsource(s3),
]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


# --- Faults


def test_an_injected_error_is_told_from_a_real_one(
    stack: RunningStack, store: MemoryTokenStore, client: TodoClient, faults: local.StackFaults
) -> None:
    fault = faults.add("error", "GET /v1/revision", status=500)
    answer = revision(stack, id_token(store))
    assert (answer.status_code, answer.headers["x-todo-fault"]) == (500, "error")
    assert traced(stack, request_id=answer.headers["x-amzn-requestid"])[0]["fault"] == "error"
    faults.remove(fault)
    assert "x-todo-fault" not in revision(stack, id_token(store)).headers


def test_the_client_gets_over_a_fault_that_passes(client: TodoClient, faults: local.StackFaults) -> None:
    for kind in ("error", "throttle", "drop"):
        fault = faults.add(kind, "POST /v1/todos", count=1)
        client.todos.add(f"in spite of {kind}")
        assert faults.struck(fault) == 1
    assert len(list(client.todos.list())) == 3


def test_an_add_whose_answer_was_lost_is_one_todo(client: TodoClient, faults: local.StackFaults) -> None:
    fault = faults.add("lose", "POST /v1/todos", count=1)
    client.todos.add("once")
    assert faults.struck(fault) == 1
    assert [todo.title for todo in client.todos.list()] == ["once"]


def test_a_change_whose_answer_was_lost_has_happened_once(client: TodoClient, faults: local.StackFaults) -> None:
    todo = client.todos.add("once")
    faults.add("lose", "PATCH /v1/todos/*", count=1)
    changed = client.todos.edit(todo.id, title="twice?", if_version=todo.version)
    assert (changed.title, changed.version) == ("twice?", todo.version + 1)


def test_a_fault_that_stays_is_an_error_of_its_kind(client: TodoClient, faults: local.StackFaults) -> None:
    faults.add("error", "GET /v1/todos/*", status=502)
    with pytest.raises(ServerError):
        client.todos.get("018f0000-0000-7000-8000-000000000000")
    faults.clear()
    faults.add("drop", "GET /v1/todos/*")
    with pytest.raises(TransportError):
        client.todos.get("018f0000-0000-7000-8000-000000000000")
    faults.clear()
    with pytest.raises(NotFoundError):
        client.todos.get("018f0000-0000-7000-8000-000000000000")


def test_a_fault_of_dynamodb_reaches_the_client_as_the_apis_own_error(
    client: TodoClient, faults: local.StackFaults
) -> None:
    fault = faults.add("error", "dynamodb:TransactWriteItems", status=400, code="ValidationException")
    with pytest.raises(ServerError):
        client.todos.add("never")
    assert faults.struck(fault) > 0
    faults.clear()
    assert list(client.todos.list()) == []


def test_a_writer_sees_its_own_writes_through_lagging_replicas(client: TodoClient, faults: local.StackFaults) -> None:
    lag = faults.add("lag", "dynamodb:*", seconds=600)
    titles: list[str] = []
    for number in range(5):
        todo = client.todos.add(f"todo {number}")
        titles.insert(0, todo.title)
        assert [found.title for found in client.todos.list()] == titles
        assert client.todos.get(todo.id) == todo
    assert faults.struck(lag) > 0


def test_files_go_through_a_slow_down(client: TodoClient, faults: local.StackFaults, tmp_path: Any) -> None:
    fault = faults.add("throttle", "s3:PutObject", count=1)
    note = tmp_path / "note.txt"
    note.write_text("kept")
    client.files.upload(note, "note.txt")
    assert faults.struck(fault) == 1
    assert [found.key for found in client.files.list()] == ["note.txt"]


def test_a_web_page_cannot_switch_anything(stack: RunningStack) -> None:
    endpoint = stack.output("EndpointUrl")
    for path in ("/_todo/faults", "/_todo/clock"):
        page = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = requests.request(method, f"{endpoint}{path}", data='{"kind":"drop"}', headers=page, timeout=20)
            assert answer.status_code == 403
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert local.faults(stack.data_dir).list() == []


def test_values_that_make_no_sense_are_refused_before_anything_is_asked(faults: local.StackFaults) -> None:
    with pytest.raises(ValueError, match="'explode'"):
        faults.add("explode")
    with pytest.raises(ValueError, match="'sometimes'"):
        faults.add("drop", sometimes=True)
    assert faults.list() == []


def test_without_a_running_stack_there_is_nothing_to_switch(tmp_path: Any) -> None:
    with pytest.raises(local.NotRunningError):
        local.faults(tmp_path).add("drop")
    with pytest.raises(local.NotRunningError):
        local.clock(tmp_path).now()
    with local.faults(tmp_path), local.clock(tmp_path):
        pass  # what was switched went with the stack
