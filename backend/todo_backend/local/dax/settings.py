"""What a cluster can be told. Where the values come from is the caller's affair."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

_MEGABYTE = 1024 * 1024
MAX_NODES = 5


@dataclass(frozen=True)
class DaxSettings:
    """The settings of a cluster; defaults are DAX's own where it has some (DD-24, DD-27).

    Attributes:
        host: address to listen on; also what clients are told to dial, unless `advertise_host` says otherwise.
        port: of the first node, the others follow; 0 lets the system choose.
        nodes: 1 to 5, the first is the leader.
        region: what clients have to sign for, and what is signed towards DynamoDB.
        attribute_file: keeps the ids of attribute lists over restarts; without it clients must not outlive the cluster.
        tls_directory: where the private CA is made on first use; given means `daxs://`.
        tls_names: further names and addresses that clients may dial.
        item_ttl_seconds: 0 means that items never expire (DD-34).
        query_ttl_seconds: 0 turns the query cache off (DD-34).
        replication_lag_seconds: how long replicas take to see a write (DD-30).
        advertise_host: IP address under which clients reach the nodes, behind a port mapping say.
        arn: the cluster in IAM decisions.
        max_busy_requests: calls to DynamoDB at one time per node; beyond that clients are throttled (DD-31).
        max_connections: per node; further ones are closed at once.
    """

    host: str = "127.0.0.1"
    port: int = 8111
    nodes: int = 1
    region: str = "us-east-1"
    attribute_file: Path | None = None
    tls_directory: Path | None = None
    tls_names: tuple[str, ...] = field(default=())
    item_ttl_seconds: float = 300.0
    query_ttl_seconds: float = 300.0
    item_cache_bytes: int = 128 * _MEGABYTE
    query_cache_bytes: int = 64 * _MEGABYTE
    replication_lag_seconds: float = 0.05
    advertise_host: str | None = None
    arn: str = "arn:aws:dax:us-east-1:000000000000:cache/local"
    max_busy_requests: int = 1000
    max_connections: int = 10_000

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= MAX_NODES:
            raise ValueError(f"a cluster has 1 to {MAX_NODES} nodes, not {self.nodes}")
        if min(self.item_ttl_seconds, self.query_ttl_seconds, self.replication_lag_seconds) < 0:
            raise ValueError("times are not negative")
        if self.advertise_host is not None:
            ipaddress.ip_address(self.advertise_host)  # the roster holds addresses, no names (section 5.1)
