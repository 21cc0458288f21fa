"""Preamble, requests and replies: the frames of a connection, bytes on one side and values on the other. No I/O.

Source: the DAX protocol notes, sections 1 to 3, 5 and 12.
"""

import contextlib
import ipaddress
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import cbor
from .errors import DaxError, IncompleteError, MalformedError
from .scanner import Scanner

MAGIC = "J7yne5G"
SERVICE = 1
OK = cbor.EMPTY_ARRAY

# Method ids are hashes; the number of arguments is known from the id alone (section 3).
METHODS: dict[int, tuple[str, int]] = {
    1489122155: ("authorizeConnection", 5),
    455855874: ("endpoints", 0),
    -742646399: ("defineKeySchema", 1),
    -1230579644: ("defineAttributeListId", 1),
    670678385: ("defineAttributeList", 1),
    263244906: ("getItem", 3),
    -2106490455: ("putItem", 4),
    1425579023: ("updateItem", 3),
    1013539361: ("deleteItem", 3),
    -931250863: ("query", 3),
    -1875390620: ("scan", 2),
    -697851100: ("batchGetItem", 2),
    116217951: ("batchWriteItem", 2),
    1866287579: ("transactGetItems", 4),
    -1160037738: ("transactWriteItems", 9),
}
METHOD_IDS = {name: method for method, (name, _) in METHODS.items()}

# A BatchWriteItem carries 16 MB of items, their encoding included with room to spare.
MAX_REQUEST_BYTES = 32 * 1024 * 1024
# Whoever has not shown credentials gets memory for a handshake only.
MAX_ANONYMOUS_BYTES = 64 * 1024
_PREAMBLE_VALUES = 5
# Service and method id take at most nine bytes each.
_HEAD_BYTES = 18


@dataclass(frozen=True)
class Request:
    """One request: the method's name and its decoded arguments."""

    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Endpoint:
    """A node as `endpoints` describes it (section 5.1)."""

    node_id: int
    host: str
    port: int
    is_leader: bool
    zone: str = "local-1a"


class Parser:
    """Cuts the bytes of one connection into preamble and requests, however they are fragmented."""

    def __init__(self) -> None:
        self.user_agent: str | None = None
        self.limit = MAX_ANONYMOUS_BYTES
        self._pending: bytes | bytearray = b""
        self._scanner: Scanner | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        if self._pending:
            self._pending += data
        else:
            self._pending = data

    def next_request(self) -> Request | None:
        """The next complete request, if there is one; the preamble is read on the way.

        Raises:
            MalformedError: wrong magic, no CBOR, no such method, or too large; the connection has to be closed.
        """
        if self.user_agent is None and not self._read_preamble():
            return None
        if not self._pending:
            return None
        if self._scanner is None and isinstance(self._pending, bytes):
            # Nearly every request comes whole: try that first, without a scan.
            with contextlib.suppress(IncompleteError):
                return self._read_request(self._pending)
        if not self._is_whole(2):
            return None
        _, count = _method(cbor.Reader(bytes(self._pending[:_HEAD_BYTES])))
        if not self._is_whole(2 + count):
            return None
        return self._read_request(bytes(self._pending))

    def _read_request(self, data: bytes) -> Request:
        reader = cbor.Reader(data)
        name, count = _method(reader)
        request = Request(name, tuple([reader.value() for _ in range(count)]))
        self._pending = reader.rest
        self._scanner = None
        return request

    def _read_preamble(self) -> bool:
        # A stranger is recognised by its first bytes; waiting for five values would let it feed the buffer.
        magic = cbor.text(MAGIC)
        if not magic.startswith(bytes(self._pending[: len(magic)])):
            raise MalformedError("wrong magic")
        if not self._is_whole(_PREAMBLE_VALUES):
            return False
        _, version, session, agent, _ = self._values(_PREAMBLE_VALUES)
        if version != 0 or not isinstance(agent, dict) or not isinstance(session, str | bytes | None):
            raise MalformedError("an unknown preamble")
        self.user_agent = str(agent.get("UserAgent", ""))
        return True

    def _is_whole(self, values: int) -> bool:
        """Whether so many values are there; each byte is looked at once, however often this is asked."""
        if self._scanner is None:
            self._scanner = Scanner()
        if self._scanner.advance(self._pending, values):
            return True
        if len(self._pending) > self.limit:
            raise MalformedError("the request is too large")
        if isinstance(self._pending, bytes):
            self._pending = bytearray(self._pending)  # grows without being copied for each fragment
        return False

    def _values(self, count: int) -> list[Any]:
        reader = cbor.Reader(bytes(self._pending))
        values = [reader.value() for _ in range(count)]
        self._pending = reader.rest
        self._scanner = None
        return values


def _method(reader: cbor.Reader) -> tuple[str, int]:
    service, method = reader.value(), reader.value()
    if service != SERVICE or type(method) is not int or method not in METHODS:
        raise MalformedError("unknown service or method")
    return METHODS[method]


def endpoints_reply(endpoints: Iterable[Endpoint]) -> bytes:
    """The reply to `endpoints`; the leader's session id is its node id, the same as long as it leads."""
    nodes = list(endpoints)
    leader = next((node.node_id for node in nodes if node.is_leader), 0)
    return OK + cbor.encode(
        [
            {
                0: endpoint.node_id,
                1: f"node{endpoint.node_id}.dax.local",
                2: ipaddress.ip_address(endpoint.host).packed,
                3: endpoint.port,
                4: 1 if endpoint.is_leader else 2,
                5: endpoint.zone,
                6: leader,
            }
            for endpoint in nodes
        ]
    )


def error_reply(error: DaxError) -> bytes:
    """The reply that tells an error; name, request id and status are always filled in (section 12.1)."""
    info: list[Any] = [str(uuid.uuid4()).upper(), error.name, error.status]
    if error.reasons is not None:
        info.append([part for reason in error.reasons for part in (reason.code, reason.message, reason.item)])
    return cbor.encode([*error.codes]) + cbor.text(error.message) + cbor.encode(info)
