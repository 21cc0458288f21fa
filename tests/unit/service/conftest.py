"""A user's items in memory, with replicas that lag and a cache that remembers, and the service on top of it."""

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from todo_backend.service.api import Api, Record
from todo_backend.service.changes import Meta, Plan
from todo_backend.service.partition import Block, Facts, Partition, RaceLostError, Range
from todo_backend.service.settings import Settings
from todo_backend.service.todos import Item

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = Settings(
    table_name="todos",
    region="eu-west-1",
    user_pool_id="eu-west-1_AbCdEf",
    user_pool_client_id="client",
    identity_pool_id="eu-west-1:11111111-2222-3333-4444-555555555555",
    files_bucket="files",
    stage="prod",
    query_ttl_seconds=300,
)


@dataclass(frozen=True)
class State:
    """All items of one user at one moment."""

    meta: Meta | None = None
    items: dict[str, Item] = field(default_factory=dict)


@dataclass
class MemoryTable:
    """One user's items. `history` has a state per transaction; `lag` says by how many the replica is behind.

    `remembers` turns on caches that are never refreshed, the worst that a DAX cluster within its TTL can do.
    """

    history: list[State] = field(default_factory=lambda: [State()])
    lag: int = 0
    remembers: bool = False
    block_size: int = 1000
    on_read: Callable[[], None] = lambda: None
    on_write: Callable[[], None] = lambda: None
    replica: State | None = None
    reads: list[tuple[str, bool]] = field(default_factory=list)
    _cache: dict[Any, Any] = field(default_factory=dict)

    @property
    def now(self) -> State:
        return self.history[-1]

    def seen(self, key: Any, consistent: bool, read: Callable[[State], Any]) -> Any:
        self.reads.append((key[0], consistent))
        self.on_read()
        if consistent:
            return copy.deepcopy(read(self.now))
        state = self.replica or self.history[max(0, len(self.history) - 1 - self.lag)]
        if not self.remembers:
            return copy.deepcopy(read(state))
        if key not in self._cache:
            self._cache[key] = copy.deepcopy(read(state))
        return copy.deepcopy(self._cache[key])

    def write(self, plan: Plan) -> None:
        self.on_write()
        meta = self.now.meta or Meta()
        versions = {todo_id: self.now.items.get(todo_id, {}).get("version") for todo_id in plan.puts}
        if meta.revision != plan.before.revision or versions != plan.expected:
            raise RaceLostError
        self.history.append(State(plan.after, {**self.now.items, **copy.deepcopy(plan.puts)}))

    def forget(self, todo_id: str) -> None:
        """Remove an item, as TTL does."""
        items = {key: item for key, item in self.now.items.items() if key != todo_id}
        self.history.append(State(self.now.meta, items))


@dataclass
class MemoryPartition:
    """A request's view of a MemoryTable."""

    table: MemoryTable
    facts: Facts = field(default_factory=Facts)

    def meta(self, *, consistent: bool) -> Meta | None:
        self.facts.count_read(consistent=consistent)
        meta: Meta | None = self.table.seen(("meta",), consistent, lambda state: state.meta)
        return meta

    def todo(self, todo_id: str) -> Item | None:
        self.facts.count_read(consistent=True)
        item: Item | None = self.table.seen(("todo", todo_id), True, lambda state: state.items.get(todo_id))
        return item

    def load(self, todo_ids: Iterable[str], *, consistent: bool) -> tuple[Meta | None, dict[str, Item]]:
        self.facts.count_read(consistent=consistent)
        # As in DAX: the item cache of a batch is that of single reads.
        meta = self.table.seen(("meta",), consistent, lambda state: state.meta)
        found = {}
        for todo_id in todo_ids:
            item = self.table.seen(("todo", todo_id), consistent, _item_reader(todo_id))
            if item is not None:
                found[todo_id] = item
        return meta, found

    def block(self, span: Range, *, consistent: bool) -> Block:
        self.facts.count_read(consistent=consistent)

        def read(state: State) -> list[Item]:
            inside = [
                item
                for item in state.items.values()
                if item["revision"] >= span.low and (span.below is None or item["revision"] < span.below)
            ]
            return sorted(inside, key=lambda item: item["revision"], reverse=span.newest_first)

        items = self.table.seen(("block", span), consistent, read)
        cut = items[: self.table.block_size]
        revisions = tuple(item["revision"] for item in cut)
        return Block(revisions, cut.__getitem__, revisions[-1] if len(cut) < len(items) else None)

    def write(self, plan: Plan) -> None:
        self.table.write(plan)
        self.facts.writes += 1


def _item_reader(todo_id: str) -> Callable[[State], Item | None]:
    return lambda state: state.items.get(todo_id)


@dataclass
class Service:
    """The service with a table in memory for each user, and a clock that only moves when told."""

    tables: dict[str, MemoryTable] = field(default_factory=dict)
    time: datetime = START
    last: Record = field(default_factory=Record)
    settings: Settings = SETTINGS

    def table(self, user: str = "alice") -> MemoryTable:
        return self.tables.setdefault(user, MemoryTable())

    def partition(self, user: str = "alice") -> Partition:
        return MemoryPartition(self.table(user))

    def later(self, **delta: float) -> None:
        self.time += timedelta(**delta)

    def send(self, event: dict[str, Any]) -> "Reply":
        self.last = Record()
        api = Api(self.settings, self.partition, lambda: self.time)
        return Reply(api.answer(event, self.last))

    def call(self, method: str, resource: str, **parts: Any) -> "Reply":
        return self.send(event(method, resource, **parts))

    def add(self, todo_id: str, title: str = "milk", **fields: Any) -> dict[str, Any]:
        reply = self.call("POST", "/v1/todos", body={"id": todo_id, "title": title, **fields})
        assert reply.status in (200, 201), reply.body
        todo: dict[str, Any] = reply.body
        return todo

    def edit(self, todo_id: str, key: str | None = None, version: int | None = None, **fields: Any) -> "Reply":
        headers = {"Idempotency-Key": key} if key else {}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return self.call("PATCH", "/v1/todos/{id}", path={"id": todo_id}, body=fields, headers=headers)

    def delete(self, todo_id: str, **headers: str) -> "Reply":
        return self.call("DELETE", "/v1/todos/{id}", path={"id": todo_id}, headers=headers)

    def list(self, min_revision: int = 0, user: str = "alice", **query: Any) -> "Reply":
        headers = {"X-Min-Revision": str(min_revision)}
        texts = {name: str(value) for name, value in query.items()}
        return self.call("GET", "/v1/todos", query=texts, headers=headers, user=user)

    def get(self, todo_id: str, min_revision: int = 0, user: str = "alice") -> "Reply":
        headers = {"X-Min-Revision": str(min_revision)}
        return self.call("GET", "/v1/todos/{id}", path={"id": todo_id}, headers=headers, user=user)

    def sync(self, since: int = 0, *changes: dict[str, Any], **rest: Any) -> "Reply":
        return self.call("POST", "/v1/sync", body={"since": since, "changes": list(changes), **rest})


class Reply:
    """A proxy response, read as a client would."""

    def __init__(self, response: dict[str, Any]) -> None:
        assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
        self.status: int = response["statusCode"]
        self.headers: dict[str, str] = response["headers"]
        self.text: str = response["body"]
        self.body: Any = json.loads(self.text) if self.text else None


def event(
    method: str,
    resource: str,
    *,
    user: str | None = "alice",
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: Any = None,
    claims: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An event of the REST API's proxy integration, as far as the service reads it (AG-39)."""
    token = {"sub": user, "token_use": "id", "aud": "client"} if claims is None else claims
    authorizer = {"authorizer": {"claims": token}} if user else {}
    return {
        "httpMethod": method,
        "resource": resource,
        "pathParameters": path,
        "queryStringParameters": query,
        "headers": headers,
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "request-1", **authorizer},
    }


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def make_event() -> Callable[..., dict[str, Any]]:
    return event


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Ids in the order of asking: UUIDv7 of one millisecond."""
    numbers = iter(range(1, 10_000))
    return lambda: f"019ab000-0000-7000-8000-{next(numbers):012x}"
