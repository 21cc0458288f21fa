"""A cluster of one to five nodes in this process: the leader and its replicas, each with its own port and caches."""

import asyncio
import contextlib
import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType

from .attributes import AttributeRegistry
from .auth import AccessDecision, CredentialsLookup
from .backend import DynamoDb
from .caches import Clock, ItemCache, QueryCache
from .coherence import Coherence
from .context import NodeContext
from .counters import Counters
from .node import Node
from .protocol import Endpoint
from .schemas import KeySchemas
from .server import Connection, Gate
from .settings import DaxSettings
from .tls import server_context

# How long a peer may take to say goodbye.
_CLOSE_SECONDS = 1.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DaxCluster:
    """A DAX cluster that the official clients can talk to, while the context is open.

    Args:
        settings: addresses, number of nodes, cache times and sizes.
        dynamodb: what stands behind; closed with the cluster.
        credentials: the secret of an access key, or None for a stranger.
        authorize: the IAM decision on `dax:*` actions; everything is allowed without.
        clock: seconds that only grow, for the ages of cache entries.
        now: aware, for the dates of signatures.
    """

    def __init__(
        self,
        settings: DaxSettings,
        *,
        dynamodb: DynamoDb,
        credentials: CredentialsLookup,
        authorize: AccessDecision | None = None,
        clock: Clock = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.settings = settings
        self._dynamodb = dynamodb
        self._authorize = authorize
        self._clock = clock
        self._gate = Gate(credentials, settings.region, now)
        self._servers: dict[int, asyncio.Server] = {}
        self._endpoints: dict[int, Endpoint] = {}
        self._connections: dict[int, set[Connection]] = {}
        self._item_caches = [
            ItemCache(capacity_bytes=settings.item_cache_bytes, ttl_seconds=settings.item_ttl_seconds, clock=clock)
            for _ in range(settings.nodes)
        ]
        self.coherence = Coherence(self._item_caches, settings.replication_lag_seconds)
        self.nodes = self._make_nodes()

    def _make_nodes(self) -> list[Node]:
        settings = self.settings
        schemas = KeySchemas(self._dynamodb, self._clock, self.flush)
        lists = AttributeRegistry(settings.attribute_file)
        size, ttl = settings.query_cache_bytes, settings.query_ttl_seconds
        contexts = [
            NodeContext(
                dynamodb=self._dynamodb,
                schemas=schemas,
                lists=lists,
                coherence=self.coherence,
                items=items,
                queries=QueryCache(capacity_bytes=size, ttl_seconds=ttl, clock=self._clock),
                counters=Counters(),
            )
            for items in self._item_caches
        ]
        return [
            Node(
                context,
                roster=lambda: list(self._endpoints.values()),
                arn=settings.arn,
                authorize=self._authorize,
                max_busy_requests=settings.max_busy_requests,
            )
            for context in contexts
        ]

    @property
    def endpoint(self) -> str:
        """What clients take as their endpoint URL: the leader's address, which names the others."""
        scheme = "daxs" if self.settings.tls_directory else "dax"
        leader = next(node for node in self._endpoints.values() if node.is_leader)
        return f"{scheme}://{leader.host}:{leader.port}"

    @property
    def endpoints(self) -> list[Endpoint]:
        """The nodes that are up."""
        return list(self._endpoints.values())

    async def __aenter__(self) -> "DaxCluster":
        """Listen on all ports."""
        try:
            for number in range(1, self.settings.nodes + 1):
                await self.start_node(number)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close everything."""
        await self.close()

    async def start_node(self, number: int) -> None:
        """Bring a node up, the first one or again after `stop_node` (its caches are empty then)."""
        settings, node = self.settings, self.nodes[number - 1]
        port = settings.port + number - 1 if settings.port else 0
        tls = self._tls()
        connections = self._connections.setdefault(number, set())
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(node, self._gate, connections, settings.max_connections),
            settings.host,
            port,
            ssl=tls,
            ssl_shutdown_timeout=_CLOSE_SECONDS if tls else None,
        )
        self._servers[number] = server
        bound = server.sockets[0].getsockname()
        host = _dialled(settings.advertise_host or bound[0])
        self._forget(number)
        self._endpoints[number] = Endpoint(number, host, bound[1], is_leader=False)
        self._elect()

    async def stop_node(self, number: int) -> None:
        """Take a node down as if its machine had failed: gone from the roster, its caches lost."""
        server = self._servers.pop(number)
        self._endpoints.pop(number)
        server.close()
        for connection in list(self._connections[number]):
            connection.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), _CLOSE_SECONDS)
        self._forget(number)
        self._elect()

    async def close(self) -> None:
        """Close ports and connections, stop what goes on in the background, let go of DynamoDB."""
        for number in list(self._servers):
            await self.stop_node(number)
        self.coherence.close()
        for node in self.nodes:
            await node.close()
        await self._dynamodb.close()

    def flush(self) -> None:
        """Forget everything that is cached, on all nodes."""
        for number in range(1, len(self.nodes) + 1):
            self._forget(number)

    def _forget(self, number: int) -> None:
        context = self.nodes[number - 1].context
        context.items.clear()
        context.queries.entries.clear()

    def _elect(self) -> None:
        """The first node that is up leads: clients cannot start without a leader (pitfall 12)."""
        leader = min(self._endpoints, default=1)
        roles = {number: replace(node, is_leader=number == leader) for number, node in self._endpoints.items()}
        self._endpoints = dict(sorted(roles.items()))
        self.coherence.lead(leader)

    def metrics(self, number: int | None = None) -> Mapping[str, float]:
        """The metrics of a node, or their sums over the cluster, named as CloudWatch names them."""
        nodes = self.nodes if number is None else [self.nodes[number - 1]]
        total: dict[str, float] = {}
        for node in nodes:
            for name, value in _gauges(node).items():
                total[name] = total.get(name, 0) + value
        total["CacheMemoryUtilization"] /= len(nodes)
        return total

    def _tls(self) -> ssl.SSLContext | None:
        settings = self.settings
        if settings.tls_directory is None:
            return None
        names = {"localhost", "127.0.0.1", settings.host, settings.advertise_host or settings.host, *settings.tls_names}
        return server_context(settings.tls_directory, tuple(sorted(names)))


def _dialled(host: str) -> str:
    """The address that clients are told: addresses only, and never "any"."""
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return host


def _gauges(node: Node) -> dict[str, float]:
    items, queries = node.context.items.entries, node.context.queries.entries
    used, capacity = items.used_bytes + queries.used_bytes, items.capacity_bytes + queries.capacity_bytes
    return {
        **node.context.counters.values(),
        "ClientConnections": node.connections,
        "EstimatedDbSize": used,
        "EvictedSize": items.evicted_bytes + queries.evicted_bytes,
        "CacheMemoryUtilization": 100.0 * used / capacity if capacity else 0.0,
    }
