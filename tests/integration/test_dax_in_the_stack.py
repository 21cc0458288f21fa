"""The DAX cluster of the template on one machine: the Lambda and the official client talk to the stack's own nodes."""

import json
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.conftest import NewUser, RunningStack, changed_stack, confirmed_user
from todo_backend import local
from todo_sdk import MemoryTokenStore, ServiceError, Todo, TodoClient, fetch_config

COUNTS = re.compile(r"item cache (\d+) hits (\d+) misses, query cache (\d+) hits (\d+) misses")
WITHOUT_THE_ROLES_DAX_ACTIONS = """
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::IAM::Policy":
        document = resource["Properties"]["PolicyDocument"]
        document["Statement"] = [it for it in document["Statement"] if it.get("Sid") != "Cache"]
"""
WITHOUT_TLS = """
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::DAX::Cluster":
        resource["Properties"]["ClusterEndpointEncryptionType"] = "NONE"
        resource["Properties"]["ReplicationFactor"] = 2
"""
WITHOUT_QUERY_CACHE = """
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::DAX::ParameterGroup":
        resource["Properties"]["ParameterNameValues"]["query-ttl-millis"] = "0"
"""
WITHOUT_DAX = """
gone = [name for name, it in template["Resources"].items() if it["Type"].startswith("AWS::DAX::")]
for name in gone:
    del template["Resources"][name]
for name, resource in template["Resources"].items():
    variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    variables.pop("DAX_ENDPOINT", None)
    if resource["Type"] == "AWS::IAM::Policy":
        document = resource["Properties"]["PolicyDocument"]
        document["Statement"] = [it for it in document["Statement"] if it.get("Sid") != "Cache"]
del template["Outputs"]["DaxEndpoint"]
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose stack is stopped at the end."""
    place = tmp_path / "stack"
    yield place
    local.stop(place)


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Callable[[str], RunningStack]]:
    """Starts a stack of a changed template."""
    started = []

    def start(changes: str) -> RunningStack:
        process = changed_stack(tmp_path / "data", tmp_path / "script.py", changes)
        started.append(process)
        return RunningStack(process.report["outputs"], tmp_path / "data")

    yield start
    for process in started:
        process.stop()


def counts(stack: RunningStack) -> tuple[int, ...]:
    """Item hits and misses, query hits and misses, as `todo status` tells them."""
    found = COUNTS.search(local.status(stack.data_dir).dax)
    assert found, local.status(stack.data_dir).dax
    return tuple(int(count) for count in found.groups())


def signed_in(stack: RunningStack) -> TodoClient:
    user = confirmed_user(stack)
    client = TodoClient(fetch_config(stack.output("ApiUrl")), store=MemoryTokenStore())
    client.auth.sign_in(user.email, user.password)
    return client


def dax_client(stack: RunningStack, monkeypatch: pytest.MonkeyPatch, **changed: str) -> Any:
    from amazondax import AmazonDaxClient

    key = stack.admin_credentials
    monkeypatch.setenv("SSL_CERT_FILE", str(stack.data_dir / "tls" / "ca.pem"))
    session = botocore.session.get_session()
    session.set_credentials(changed.get("access_key", key.access_key), changed.get("secret_key", key.secret_key))
    return AmazonDaxClient(session, endpoint_url=stack.output("DaxEndpoint"), region_name="us-east-1")


def test_the_lambda_reads_through_both_caches(stack: RunningStack) -> None:
    with signed_in(stack) as ada:
        ada.todos.add("milk")
        list(ada.todos.list())
        before = counts(stack)
        for _ in range(3):
            assert [todo.title for todo in ada.todos.list()] == ["milk"]
        after = counts(stack)
    assert after[0] >= before[0] + 3, "META did not come from the item cache"
    assert after[2] >= before[2] + 3, "the list did not come from the query cache"
    assert (after[1], after[3]) == (before[1], before[3])


def test_own_writes_are_seen_at_once(stack: RunningStack) -> None:
    with signed_in(stack) as ada:
        seen: list[Todo] = []
        for number in range(5):
            made = ada.todos.add(f"number {number}")
            seen.append(made)
            assert {todo.id for todo in ada.todos.list()} == {todo.id for todo in seen}
            assert ada.todos.edit(made.id, title=f"changed {number}").title == f"changed {number}"
            assert ada.todos.get(made.id).title == f"changed {number}"
            assert f"changed {number}" in {todo.title for todo in ada.todos.list()}
        ada.todos.remove(seen[0].id)
        assert seen[0].id not in {todo.id for todo in ada.todos.list()}


def test_another_device_sees_the_write_too(stack: RunningStack, new_user: Callable[[], NewUser]) -> None:
    user = new_user()
    config = fetch_config(stack.output("ApiUrl"))
    phone, laptop = (TodoClient(config, store=MemoryTokenStore()) for _ in range(2))
    with phone, laptop:
        phone.auth.sign_in(user.email, user.password)
        laptop.auth.sign_in(user.email, user.password)
        phone.todos.add("milk")
        assert [todo.title for todo in laptop.todos.list()] == ["milk"]
        laptop.todos.add("tea")
        assert {todo.title for todo in laptop.todos.list()} == {"milk", "tea"}


def test_the_official_client_is_served_with_the_admins_key(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"pk": {"S": f"TEST#{secrets.token_hex(4)}"}, "sk": {"S": "one"}}
    assert stack.output("DaxEndpoint").startswith("daxs://127.0.0.1:")
    with dax_client(stack, monkeypatch) as client:
        client.put_item(TableName=stack.output("TableName"), Item={**key, "n": {"N": "1"}})
        hits = counts(stack)[0]
        found = client.get_item(TableName=stack.output("TableName"), Key=key)
        assert found["Item"]["n"] == {"N": "1"}
        assert counts(stack)[0] == hits + 1
        client.delete_item(TableName=stack.output("TableName"), Key=key)


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong"}, {"access_key": "AKIAAAAAAAAAAAAAAAAA"}])
def test_wrong_credentials_are_refused(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    with pytest.raises(ClientError), dax_client(stack, monkeypatch, **wrong) as client:
        client.get_item(TableName=stack.output("TableName"), Key={"pk": {"S": "a"}, "sk": {"S": "b"}})


def test_without_the_roles_dax_actions_the_lambda_reads_nothing(changed: Callable[[str], RunningStack]) -> None:
    with signed_in(changed(WITHOUT_THE_ROLES_DAX_ACTIONS)) as ada, pytest.raises(ServiceError):
        list(ada.todos.list())


def test_the_cluster_is_the_one_of_the_template(changed: Callable[[str], RunningStack]) -> None:
    stack = changed(WITHOUT_TLS)
    assert stack.output("DaxEndpoint").startswith("dax://")
    assert "2 nodes" in local.status(stack.data_dir).dax
    with signed_in(stack) as ada:
        ada.todos.add("milk")
        assert [todo.title for todo in ada.todos.list()] == ["milk"]


def test_the_ttl_is_the_one_of_the_parameter_group(changed: Callable[[str], RunningStack]) -> None:
    stack = changed(WITHOUT_QUERY_CACHE)
    with signed_in(stack) as ada:
        ada.todos.add("milk")
        list(ada.todos.list())
        list(ada.todos.list())
    assert counts(stack)[2] == 0


def test_a_template_without_dax_has_none(changed: Callable[[str], RunningStack]) -> None:
    stack = changed(WITHOUT_DAX)
    assert stack.outputs["DaxEndpoint"] is None
    assert local.status(stack.data_dir).dax == "off (the Lambda reads DynamoDB directly)"
    assert not (stack.data_dir / "dax").exists()
    with signed_in(stack) as ada:
        ada.todos.add("milk")
        assert [todo.title for todo in ada.todos.list()] == ["milk"]


def test_after_a_restart_the_endpoint_is_the_same_and_still_works(data_dir: Path) -> None:
    first = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    ca = (data_dir / "tls" / "ca.pem").read_bytes()
    with signed_in(first) as ada:
        ada.todos.add("milk")
    local.stop(data_dir)
    second = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    assert second.output("DaxEndpoint") == first.output("DaxEndpoint")
    assert (data_dir / "tls" / "ca.pem").read_bytes() == ca
    with signed_in(second) as bob:
        bob.todos.add("tea")
        assert [todo.title for todo in bob.todos.list()] == ["tea"]
    assert counts(second)[1] > 0


def test_a_port_that_is_taken_meanwhile_is_another_deployment(data_dir: Path) -> None:
    first = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    local.stop(data_dir)
    port = json.loads((data_dir / "dax.json").read_text())["port"]
    with socket.create_server(("127.0.0.1", port)):
        second = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    assert second.output("DaxEndpoint") != first.output("DaxEndpoint")
    assert second.output("UserPoolId") == first.output("UserPoolId")
    with signed_in(second) as ada:
        ada.todos.add("milk")
        assert [todo.title for todo in ada.todos.list()] == ["milk"]
    assert counts(second)[1] > 0
