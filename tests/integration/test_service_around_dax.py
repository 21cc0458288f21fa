"""The service's table through the official client and a real cluster: what it is asked, how it is left and found."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.property.table import MemoryTable
from tests.property.world import Dynamo
from todo_backend.local.dax import Credentials, DaxCluster, DaxSettings
from todo_backend.service.api import Api, Record
from todo_backend.service.partition import Facts
from todo_backend.service.settings import REQUIRED, Settings
from todo_backend.service.store import Table

CREDENTIALS = Credentials("AKIDAROUND", "a-secret-of-the-test")
FIRST, SECOND = (f"019ab000-0000-7000-8000-00000000000{number}" for number in (1, 2))


class Direct:
    """DynamoDB beside the cluster."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        name = "".join(word.capitalize() for word in operation.split("_"))
        return lambda **parameters: self._table.call(name, parameters)


class World:
    """A cluster that listens, the service before it, and a table behind both ways."""

    def __init__(self) -> None:
        self.table = MemoryTable(time.time)
        self.told: list[str] = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.cluster = DaxCluster(
            DaxSettings(port=0),
            dynamodb=Dynamo(self.table),
            credentials={CREDENTIALS.access_key_id: CREDENTIALS}.get,
        )
        self.do(self.cluster.__aenter__())
        environ = {**dict.fromkeys(REQUIRED, "x"), "AWS_REGION": "us-east-1", "DAX_ENDPOINT": self.cluster.endpoint}
        settings = Settings.from_environment(environ)
        tell = lambda level, sentence: self.told.append(f"{level}: {sentence}")  # noqa: E731
        self._table = Table(settings, tell, connect=lambda _: Direct(self.table))
        self._api = Api(settings, self._table.partition_of, lambda: datetime.now(UTC))

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self) -> None:
        if self._table._ways._cluster is not None:
            self._table._ways._cluster.close()
        self.do(self.cluster.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def move(self) -> None:
        """The node comes back where it was, as on AWS; here that takes its port."""
        self.cluster.settings = self.cluster.settings.__class__(port=self.port)
        self.do(self.cluster.start_node(1))

    def leave(self) -> None:
        self.port = self.cluster.endpoints[0].port
        self.do(self.cluster.stop_node(1))

    def ask(self, method: str, resource: str, body: Any = None, **headers: str) -> tuple[int, Any, Facts]:
        claims = {"sub": "ada", "token_use": "id", "aud": "x"}
        event = {
            "httpMethod": method,
            "resource": resource,
            "headers": headers,
            "body": body and json.dumps(body),
            "requestContext": {"authorizer": {"claims": claims}},
        }
        record = Record()
        answer = self._api.answer(event, record)
        assert record.error is None, record.error
        return answer["statusCode"], json.loads(answer["body"] or "null"), record.facts

    def count(self, name: str) -> int:
        return int(self.cluster.metrics()[name])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_access_key)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    made = World()
    yield made
    made.close()


def test_a_request_asks_the_cluster_no_more_than_it_may(world: World) -> None:
    def asked(*request: Any, **headers: str) -> dict[str, int]:
        names = ("GetItemRequestCount", "QueryRequestCount", "TransactWriteItemsCount", "TotalRequestCount")
        before = [world.count(name) for name in names]
        world.ask(*request, **headers)
        return {
            name: world.count(name) - old for name, old in zip(names, before, strict=True) if world.count(name) > old
        }

    write = {"GetItemRequestCount": 1, "TransactWriteItemsCount": 1, "TotalRequestCount": 2}
    assert asked("POST", "/v1/todos", {"id": FIRST, "title": "milk"}) == {**write, "GetItemRequestCount": 1}
    assert asked("GET", "/v1/todos") == {"GetItemRequestCount": 1, "QueryRequestCount": 1, "TotalRequestCount": 2}
    not_modified = asked("GET", "/v1/todos", **{"If-None-Match": '"1"'})
    assert not_modified == {"GetItemRequestCount": 1, "TotalRequestCount": 1}
    before = world.count("QueryCacheHits")
    world.ask("GET", "/v1/todos")
    assert world.count("QueryCacheHits") == before + 1


def test_a_condition_that_does_not_hold_reaches_the_node_once(world: World) -> None:
    world.ask("POST", "/v1/todos", {"id": FIRST, "title": "milk"})
    before = world.count("TransactWriteItemsCount")
    # The same id with another body: the condition of the first try fails, and what is read then decides.
    assert world.ask("POST", "/v1/todos", {"id": FIRST, "title": "bread"})[0] == 409
    assert world.count("TransactWriteItemsCount") == before + 1


def test_while_the_cluster_is_away_all_goes_on_and_it_is_used_again_when_it_is_back(world: World) -> None:
    assert world.ask("POST", "/v1/todos", {"id": FIRST, "title": "milk"})[0] == 201
    world.leave()
    status, _, facts = world.ask("GET", "/v1/todos")
    assert (status, facts.detours > 0) == (200, True)
    assert [line.split(":")[0] for line in world.told] == ["warning"]
    assert world.ask("POST", "/v1/todos", {"id": SECOND, "title": "tea"})[0] == 201
    listed = world.ask("GET", "/v1/todos", **{"X-Min-Revision": "2"})[1]
    assert [todo["title"] for todo in listed["todos"]] == ["tea", "milk"]
    world.move()
    deadline = time.monotonic() + 60
    while world.ask("GET", "/v1/todos", **{"X-Min-Revision": "2"})[2].detours:
        assert time.monotonic() < deadline, "the cluster is not used again"
        time.sleep(0.2)
    assert world.told[-1] == "info: the DAX cluster is back"
    assert [todo["title"] for todo in world.ask("GET", "/v1/todos", **{"X-Min-Revision": "2"})[1]["todos"]] == [
        "tea",
        "milk",
    ]


def test_a_cluster_that_is_away_at_the_start_is_no_reason_not_to_start(world: World) -> None:
    world.leave()
    world._table.open()
    assert world.ask("POST", "/v1/todos", {"id": FIRST, "title": "milk"})[0] == 201
    assert len([line for line in world.told if "away" in line]) == 1
