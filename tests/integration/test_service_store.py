"""The service's rules on a real table: the embedded stack's DynamoDB."""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from todo_backend.service.api import Api, Record
from todo_backend.service.settings import Settings
from todo_backend.service.store import UserPartition

if TYPE_CHECKING:
    from tests.conftest import RunningStack

NewId = Callable[[], str]
ATTRIBUTES = {"pk": "S", "sk": "S", "revision": "N"}


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@pytest.fixture(scope="module")
def client(stack: "RunningStack") -> Any:
    admin = stack.admin_credentials
    return boto3.client(
        "dynamodb",
        region_name=stack.outputs["Region"],
        endpoint_url=stack.outputs["EndpointUrl"],
        aws_access_key_id=admin.access_key,
        aws_secret_access_key=admin.secret_key,
        config=Config(retries={"total_max_attempts": 2}, max_pool_connections=16),
    )


@pytest.fixture(scope="module")
def table_name(client: Any) -> Iterator[str]:
    name = f"service-{secrets.token_hex(4)}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in ATTRIBUTES.items()],
        KeySchema=_keys("pk", "sk"),
        LocalSecondaryIndexes=[
            {
                "IndexName": "by_revision",
                "KeySchema": _keys("pk", "revision"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    yield name
    client.delete_table(TableName=name)


class Device:
    """A signed-in device that talks to the service without a gateway."""

    def __init__(self, client: Any, table_name: str, user_id: str) -> None:
        settings = Settings(table_name, "us-east-1", "pool", "client", "identities", "files", "test", 300)
        self._user_id = user_id
        self._api = Api(settings, lambda user: UserPartition(client, table_name, user), lambda: datetime.now(UTC))
        self.last = Record()

    def call(self, method: str, resource: str, body: Any = None, **parts: Any) -> tuple[int, Any]:
        self.last = Record()
        event = {
            "httpMethod": method,
            "resource": resource,
            "body": None if body is None else json.dumps(body),
            "requestContext": {
                "requestId": "r",
                "authorizer": {"claims": {"sub": self._user_id, "token_use": "id", "aud": "client"}},
            },
            **parts,
        }
        answer = self._api.answer(event, self.last)
        assert self.last.error is None, self.last.error
        return answer["statusCode"], json.loads(answer["body"] or "null")

    def add(self, todo_id: str, title: str, **fields: Any) -> tuple[int, Any]:
        return self.call("POST", "/v1/todos", {"id": todo_id, "title": title, **fields})


@pytest.fixture
def device(client: Any, table_name: str) -> Device:
    return Device(client, table_name, secrets.token_hex(8))


@pytest.fixture
def new_id() -> NewId:
    return lambda: f"019ab000-0000-7000-8000-{secrets.token_hex(6)}"


def test_a_todo_lives_from_create_to_tombstone(device: Device, new_id: NewId) -> None:
    todo_id = new_id()
    at = {"pathParameters": {"id": todo_id}}
    fields = {"notes": "", "tags": ["a"], "due": None, "attachments": ["x/y"]}
    status, created = device.add(todo_id, "milk", **fields)
    assert (status, created["revision"], created["tags"], created["due"]) == (201, 1, ["a"], None)
    assert device.add(todo_id, "milk", **fields) == (200, created)
    assert device.add(todo_id, "bread")[0] == 409
    status, edited = device.call(
        "PATCH", "/v1/todos/{id}", {"status": "done"}, headers={"If-Match": '"1"', "Idempotency-Key": "k"}, **at
    )
    assert (status, edited["version"], edited["revision"]) == (200, 2, 2)
    assert device.call("GET", "/v1/todos/{id}", **at) == (200, edited)
    assert device.call("GET", "/v1/todos")[1]["todos"] == [edited]
    assert device.call("DELETE", "/v1/todos/{id}", **at)[1]["deleted"]
    assert device.call("PATCH", "/v1/todos/{id}", {"status": "done"}, headers={"Idempotency-Key": "k"}, **at) == (
        200,
        edited,
    )
    assert device.call("GET", "/v1/todos/{id}", **at)[0] == 404
    _, synced = device.call("POST", "/v1/sync", {"since": 2})
    assert [(todo["id"], todo["deleted"]) for todo in synced["changes"]] == [(todo_id, True)]


def test_two_users_do_not_see_each_other(client: Any, table_name: str, new_id: NewId) -> None:
    alice, bob = (Device(client, table_name, secrets.token_hex(8)) for _ in range(2))
    todo_id = new_id()
    alice.add(todo_id, "alice's")
    assert bob.call("GET", "/v1/todos")[1]["todos"] == []
    assert bob.call("GET", "/v1/todos/{id}", pathParameters={"id": todo_id})[0] == 404
    assert bob.add(todo_id, "bob's")[0] == 201
    assert alice.call("GET", "/v1/todos")[1]["todos"][0]["title"] == "alice's"


def test_a_list_larger_than_a_block_is_walked_whole(device: Device, new_id: NewId) -> None:
    # DD-08: a query answers with 1 MB at most.
    ids = {new_id() for _ in range(140)}
    pending = [
        {"op": "create", "id": todo_id, "key": "k", "fields": {"title": "x", "notes": "n" * 10_000}} for todo_id in ids
    ]
    while pending:
        body = {"since": 10**6, "limit": 1, "changes": pending[:25]}
        assert device.call("POST", "/v1/sync", body)[0] == 200
        del pending[:25]
    seen: list[str] = []
    query: dict[str, str] = {"limit": "200"}
    for _ in range(9):
        status, page = device.call("GET", "/v1/todos", queryStringParameters=query)
        assert status == 200
        seen += [todo["id"] for todo in page["todos"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert (len(seen), set(seen)) == (140, ids)
    since, synced = 0, set()
    for _ in range(9):
        _, body = device.call("POST", "/v1/sync", {"since": since})
        synced |= {todo["id"] for todo in body["changes"]}
        since = body["revision"]
        if not body["more"]:
            break
    assert (since, synced) == (140, ids)


def test_devices_that_write_at_once_lose_nothing(client: Any, table_name: str, new_id: NewId) -> None:
    user_id = secrets.token_hex(8)
    shared = new_id()
    Device(client, table_name, user_id).add(shared, "shared")
    start = threading.Barrier(6)

    def work(number: int) -> list[int]:
        device, revisions = Device(client, table_name, user_id), []
        start.wait()
        for step in range(6):
            key = {"Idempotency-Key": f"device-{number}-{step}"}
            writes: list[tuple[str, str, Any, dict[str, Any]]] = [
                ("POST", "/v1/todos", {"id": new_id(), "title": f"{number}.{step}"}, {}),
                (
                    "PATCH",
                    "/v1/todos/{id}",
                    {"tags": [f"t{number}-{step}"]},
                    {"pathParameters": {"id": shared}, "headers": key},
                ),
            ]
            for method, resource, body, parts in writes:
                for _ in range(30):
                    status, todo = device.call(method, resource, body, **parts)
                    if status != 503:
                        break
                assert status in (200, 201), todo
                revisions.append(todo["revision"])
        return revisions

    with ThreadPoolExecutor(6) as pool:
        taken = sorted(revision for revisions in pool.map(work, range(6)) for revision in revisions)
    # One revision for each write, none twice, none left out.
    assert taken == list(range(2, 2 + 6 * 6 * 2))
    device = Device(client, table_name, user_id)
    _, body = device.call("GET", "/v1/todos", queryStringParameters={"limit": "200"})
    assert len(body["todos"]) == 1 + 36
    assert body["revision"] == 73
    versions = {todo["id"]: todo["version"] for todo in body["todos"]}
    assert versions[shared] == 37
