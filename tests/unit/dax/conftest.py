"""What the tests of the DAX node share: a scripted DynamoDB, a cluster in front of it, and the protocol's own words."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from todo_backend.local.dax import Credentials, DaxCluster, DaxError, DaxSettings, cbor
from todo_backend.local.dax.auth import sign
from todo_backend.local.dax.node import Node
from todo_backend.local.dax.protocol import MAGIC, METHOD_IDS, Request

CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "20250102T030405Z"

KEYS = {
    "h_s": [("pk", "S")],
    "h_n": [("id", "N")],
    "h_b": [("pk", "B")],
    "s_n": [("pk", "S"), ("sk", "N")],
    "s_s": [("pk", "S"), ("sk", "S")],
    "n_b": [("pk", "N"), ("sk", "B")],
}
Answer = dict[str, Any] | DaxError | Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class ScriptedDynamoDb:
    """A DynamoDB that knows key schemas, gives prepared answers in order, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.described = 0
        self.keys = {table: list(keys) for table, keys in KEYS.items()}

    async def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "DescribeTable":
            return self._describe(parameters["TableName"])
        self.calls.append((operation, json.loads(json.dumps(parameters))))
        answer = self.answers.pop(0)
        if isinstance(answer, DaxError):
            raise answer
        await asyncio.sleep(0)
        return await answer(parameters) if callable(answer) else answer

    async def close(self) -> None:
        pass

    def _describe(self, table: str) -> dict[str, Any]:
        self.described += 1
        if table not in self.keys:
            raise DaxError("ResourceNotFoundException", f"Requested resource not found: Table: {table} not found")
        names = self.keys[table]
        kinds = ("HASH", "RANGE")
        return {
            "Table": {
                "KeySchema": [
                    {"AttributeName": name, "KeyType": kinds[place]} for place, (name, _) in enumerate(names)
                ],
                "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in names],
            }
        }


class ManualClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Wire:
    """Bytes as clients send them."""

    preamble = (
        cbor.text(MAGIC)
        + b"\x00"
        + cbor.byte_string(b"s" * 16)
        + cbor.encode({"UserAgent": "DaxPythonClient-2.1.0"})
        + b"\x00"
    )

    @staticmethod
    def request(method: str, *arguments: Any) -> bytes:
        return b"\x01" + cbor.integer(METHOD_IDS[method]) + b"".join(map(cbor.encode, arguments))

    @classmethod
    def authorize(
        cls, credentials: Credentials = CREDENTIALS, *, region: str = "us-east-1", stamp: str = STAMP
    ) -> bytes:
        to_sign, signature = sign(credentials, region, stamp)
        token = credentials.session_token
        return cls.request(
            "authorizeConnection",
            credentials.access_key_id,
            signature,
            to_sign.encode(),
            token,
            "DaxPythonClient-2.1.0",
        )


class Bench:
    """A cluster before a scripted DynamoDB, with a clock that stands still."""

    def __init__(self, *answers: Answer, dynamodb: Any = None, **settings: Any) -> None:
        self.dynamodb = dynamodb or ScriptedDynamoDb(*answers)
        self.clock = ManualClock()
        self.now = NOW
        self.denied: set[str] = set()
        self.asked: list[Any] = []
        self.cluster = DaxCluster(
            DaxSettings(**{"port": 0, "replication_lag_seconds": 0, **settings}),
            dynamodb=self.dynamodb,
            credentials={CREDENTIALS.access_key_id: CREDENTIALS}.get,
            authorize=self._decide,
            clock=self.clock,
            now=lambda: self.now,
        )

    def _decide(self, request: Any) -> bool:
        self.asked.append(request)
        return request.action not in self.denied

    @property
    def node(self) -> Node:
        return self.cluster.nodes[0]

    @property
    def counts(self) -> Mapping[str, int]:
        return self.node.context.counters.values()

    async def ask(self, method: str, *arguments: Any, node: int = 1, agent: str = "") -> bytes:
        """The reply to a request, by the way that the server takes."""
        request = Request(method, arguments)
        at_once = self.cluster.nodes[node - 1].answer_at_once(request, "AKIDEXAMPLE", agent)
        return at_once or await self.cluster.nodes[node - 1].answer(request, "AKIDEXAMPLE", agent)

    async def settle(self) -> None:
        """Let what goes on in the background end."""
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
def bench() -> type[Bench]:
    return Bench


@pytest.fixture
def wire() -> type[Wire]:
    return Wire


@pytest.fixture
def credentials() -> Credentials:
    return CREDENTIALS
