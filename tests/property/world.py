"""The read path in one process and on one clock: gateway with its cache, service, DAX nodes with theirs, table.

Real are the gateway, the service, the nodes and the official client's encoding; bytes go from one to the other without
sockets, and time passes when it is told to. What may fail, fails when it is told to.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from amazondax import DynamoDbExpressionParser
from amazondax.DaxClient import DaxClient
from amazondax.DaxError import DaxClientError, DaxErrorCode
from amazondax.Tube import Tube, TubePool
from botocore.exceptions import ClientError

from tests.property.table import MemoryTable, TableError
from tests.unit.gateway.world import Reply, World
from todo_backend import artifacts
from todo_backend.local.dax import Credentials, DaxCluster, DaxError, DaxSettings
from todo_backend.local.dax.backend import BackendError
from todo_backend.local.dax.server import Connection, Gate

START = 1_795_435_200.0  # 2026-11-23 12:00 UTC
NODES = 3
ENVIRONMENTS = 2
TTL_SECONDS = 300
CREDENTIALS = Credentials("AKIDPROPERTY", "a-secret-of-the-test")


def remembering(parse: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """The client's parser of expressions, that does each once: it takes longer than all the rest."""
    known: dict[str, Any] = {}

    def parsed(expression: str, error_listener: Any) -> Any:
        if expression not in known:
            known[expression] = parse(expression, error_listener)
        return known[expression]

    return parsed


for _name in ("parse_condition", "parse_update"):
    setattr(DynamoDbExpressionParser, _name, remembering(getattr(DynamoDbExpressionParser, _name)))


class Loop(asyncio.SelectorEventLoop):
    """An event loop on the world's clock: timers fire when the clock is moved, nothing ever waits."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        super().__init__()

    def time(self) -> float:
        """The world's time."""
        return self._now()

    def finish(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run work to its end, also when it is asked for within another loop."""
        outer = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return self.run_until_complete(work)
        finally:
            asyncio._set_running_loop(outer)


async def turns(number: int) -> None:
    """Let what is ready go on."""
    for _ in range(number):
        await asyncio.sleep(0)


class Wire(asyncio.Transport):
    """Both ends of a connection: a transport for the node, and what the client's tube needs of a socket."""

    family = socket.AF_INET

    def __init__(self, loop: Loop, connection: Connection, faults: list[str]) -> None:
        super().__init__()
        self._loop, self._connection, self._faults = loop, connection, faults
        self._replies = bytearray()
        self._closed = False
        connection.connection_made(self)

    def write(self, data: Any) -> None:
        self._replies += data

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._connection.connection_lost(None)

    abort = close

    def is_closing(self) -> bool:
        return self._closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def sendall(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionResetError
        raw = bytes(data)

        async def deliver() -> None:
            self._connection.data_received(raw)

        self._loop.finish(deliver())

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        while not self._replies and not self._closed:
            self._loop.finish(turns(1))
        if self._faults:
            self._faults.pop()
            self._replies.clear()
            self.close()
        data = bytes(self._replies[:size])
        del self._replies[:size]
        return data


class Tubes(TubePool):  # type: ignore[misc]
    """The client's connections to one node."""

    def __init__(self, open_wire: Callable[[], Wire], now: Callable[[], float]) -> None:
        super().__init__()
        self._open_wire, self._now = open_wire, now

    def _alloc(self) -> Tube:
        key = SimpleNamespace(
            access_key=CREDENTIALS.access_key_id, secret_key=CREDENTIALS.secret_access_key, token=None
        )
        return Tube(self._open_wire(), self._session_version, lambda: key, "us-east-1", clock=self._now)


@dataclass
class Environment:
    """What one Lambda environment sees of the cluster. `route` decides which node a read goes to."""

    world: "ReadPath"
    can_reach: bool = True
    lost_answers: list[str] = field(default_factory=list)
    route: int = 0
    clients: dict[int, DaxClient] = field(default_factory=dict)

    def __getattr__(self, operation: str) -> Any:
        return partial(self._call, operation)

    def _call(self, operation: str, **parameters: Any) -> Any:
        world = self.world
        world.before_call()
        if not self.can_reach or not world.up:
            raise DaxClientError("No cluster endpoints available", DaxErrorCode.NoRoute)
        up = sorted(world.up)
        world.asked.append("".join(word.capitalize() for word in operation.split("_")))
        number = up[0] if operation == "transact_write_items" else up[self.route % len(up)]
        if number not in self.clients:
            open_wire = partial(world.open_wire, number, self.lost_answers)
            self.clients[number] = DaxClient(Tubes(open_wire, world.now))
        return getattr(self.clients[number], operation)(**parameters)


class Dynamo:
    """The table as the cluster asks it."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    async def call(self, operation: str, parameters: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        try:
            return self._table.call(operation, parameters)
        except TableError as error:
            reasons = {"CancellationReasons": [{"Code": reason} for reason in error.reasons]} if error.reasons else {}
            raise BackendError(error.name, error.name, status=error.status, body=reasons) from error
        except ConnectionResetError as error:
            raise DaxError("InternalServerError", "no answer", status=500) from error

    async def close(self) -> None:
        pass


class Direct:
    """The table as boto3 asks it."""

    def __init__(self, world: "ReadPath") -> None:
        self._world = world

    def __getattr__(self, operation: str) -> Any:
        return partial(self._call, operation)

    def _call(self, operation: str, **parameters: Any) -> Any:
        self._world.before_call()
        name = "".join(word.capitalize() for word in operation.split("_"))
        try:
            return self._world.table.call(name, parameters)
        except TableError as error:
            said: Any = {"Error": {"Code": error.name}, "ResponseMetadata": {"HTTPStatusCode": error.status}}
            if error.reasons:
                said["CancellationReasons"] = [{"Code": reason} for reason in error.reasons]
            raise ClientError(said, name) from error


class ReadPath:
    """The whole of it. `service` is the service under test: its own modules, or those of a mutant."""

    def __init__(self, service: Any, *, authorization_in_key: bool = True) -> None:
        self.seconds = START
        self.loop = Loop(self.now)
        self.table = MemoryTable(self.now)
        self.up = set(range(1, NODES + 1))
        self.interference: list[Callable[[], None]] = []
        self.asked: list[str] = []
        settings = DaxSettings(
            port=0,
            nodes=NODES,
            replication_lag_seconds=0.5,
            item_ttl_seconds=TTL_SECONDS,
            query_ttl_seconds=TTL_SECONDS,
        )
        self.cluster = DaxCluster(
            settings,
            dynamodb=Dynamo(self.table),
            credentials={CREDENTIALS.access_key_id: CREDENTIALS}.get,
            clock=self.now,
            now=lambda: datetime.fromtimestamp(self.seconds, UTC),
        )
        self._gate = Gate({CREDENTIALS.access_key_id: CREDENTIALS}.get, "us-east-1", self.datetime)
        self.loop.finish(self.cluster.__aenter__())
        self.environments = [Environment(self) for _ in range(ENVIRONMENTS)]
        self._apis = [self._api(service, environment) for environment in self.environments]
        self.chosen = 0
        self.gateway = deployed(self._invoke, authorization_in_key=authorization_in_key)
        self._tokens: dict[str, tuple[float, str]] = {}

    def now(self) -> float:
        """Seconds since 1970."""
        return self.seconds

    def datetime(self) -> datetime:
        """The same, aware."""
        return datetime.fromtimestamp(self.seconds, UTC)

    def close(self) -> None:
        """Let go of everything."""
        for environment in self.environments:
            for client in environment.clients.values():
                client.close()
        self.loop.finish(self.cluster.close())
        self.loop.close()
        self.gateway.runner.close()

    def advance(self, seconds: float) -> None:
        """Let time pass, and what was to happen by then happen."""
        self.seconds += seconds
        self.loop.finish(turns(8))

    def open_wire(self, number: int, faults: list[str]) -> Wire:
        """Connect to a node."""
        if number not in self.up:
            raise ConnectionRefusedError
        return Wire(self.loop, Connection(self.cluster.nodes[number - 1], self._gate, set(), 100), faults)

    def crash(self, number: int) -> None:
        """A node is gone, and with it what it had not told the others yet."""

        async def gone() -> None:
            await self.cluster.nodes[number - 1].close()
            self.cluster.coherence.close()
            await self.cluster.stop_node(number)

        self.up.discard(number)
        self.loop.finish(gone())
        for environment in self.environments:
            if number in environment.clients:
                environment.clients.pop(number).close()

    def restart(self, number: int) -> None:
        """A node is back, with empty caches."""
        self.loop.finish(self.cluster.start_node(number))
        self.up.add(number)

    def before_call(self) -> None:
        """Between two calls of a request, another request may run whole."""
        if self.interference:
            self.interference.pop(0)()

    def ask(
        self, user: str, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request of a user through the gateway."""
        self.gateway.now = self.seconds
        content = b"" if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        return self.gateway.send(method, path, self._token(user), headers=list(given.items()), body=content)

    def ask_within(
        self, user: str, method: str, resource: str, todo_id: str, body: Any, headers: dict[str, str]
    ) -> Any:
        """A request that comes while another one is under way, from another environment; no cache knows its route."""
        event = {
            "httpMethod": method,
            "resource": resource,
            "pathParameters": {"id": todo_id},
            "headers": headers,
            "body": json.dumps(body),
            "requestContext": {"authorizer": {"claims": {"sub": user, "token_use": "id", "aud": "client1"}}},
        }
        return self._apis[(self.chosen + 1) % ENVIRONMENTS](event)

    def _token(self, user: str) -> str:
        made, token = self._tokens.get(user, (0.0, ""))
        if self.seconds - made > 1800:
            token = self.gateway.token(user)
            self._tokens[user] = self.seconds, token
        return token

    def _invoke(self, event: dict[str, Any]) -> Any:
        return self._apis[self.chosen](event)

    def _api(self, service: Any, environment: Environment) -> Callable[[dict[str, Any]], Any]:
        settings = service.settings.Settings(
            table_name="todos",
            region="us-east-1",
            user_pool_id="pool",
            user_pool_client_id="client1",
            identity_pool_id="identities",
            files_bucket="files",
            stage="test",
            query_ttl_seconds=TTL_SECONDS,
            record_ttl_seconds=TTL_SECONDS,
            dax_endpoint="daxs://cluster",
        )
        table = service.store.Table(
            settings, connect=lambda _: Direct(self), connect_to_dax=lambda _: environment, clock=self.now
        )
        api = service.api.Api(settings, table.partition_of, self.datetime)

        def answer(event: dict[str, Any]) -> Any:
            record = service.api.Record()
            response = api.answer(event, record)
            if record.error is not None:
                raise record.error
            return response

        return answer


def deployed(handler: Callable[[dict[str, Any]], Any], *, authorization_in_key: bool) -> World:
    """The gateway with the routes, caches and cache keys of the template that is deployed."""
    gateway = World()
    gateway.answers(handler)
    resources = artifacts.template()["Resources"]
    for resource in resources.values():
        if resource["Type"] != "AWS::ApiGateway::Method" or resource["Properties"]["HttpMethod"] == "OPTIONS":
            continue
        properties = resource["Properties"]
        key = list(properties["Integration"].get("CacheKeyParameters") or ())
        if not authorization_in_key:
            key = [name for name in key if not name.endswith(".Authorization")]
        path = path_of(resources, properties["ResourceId"])
        add = gateway.method if properties["AuthorizationType"] == "NONE" else gateway.secured
        add(path, properties["HttpMethod"], key=key)
    (stage,) = (it["Properties"] for it in resources.values() if it["Type"] == "AWS::ApiGateway::Stage")
    for setting in stage["MethodSettings"]:
        if setting.get("CachingEnabled") and setting["ResourcePath"] != "/*":
            path = setting["ResourcePath"].replace("~1", "/")
            gateway.cached(
                "/" + path.lstrip("/"), setting["HttpMethod"], cacheTtlInSeconds=setting["CacheTtlInSeconds"]
            )
    return gateway


def path_of(resources: dict[str, Any], reference: Any) -> str:
    """The path of a resource in the template."""
    if "Ref" not in reference:
        return ""
    properties = resources[reference["Ref"]]["Properties"]
    return f"{path_of(resources, properties['ParentId'])}/{properties['PathPart']}"


@contextmanager
def read_path(service: Any, **options: Any) -> Iterator[ReadPath]:
    """A world for one story."""
    world = ReadPath(service, **options)
    try:
        yield world
    finally:
        world.close()
