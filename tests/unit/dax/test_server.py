"""Connections: what clients send in which pieces, who is let in, what bad input leads to (sections 1 to 5 and 16)."""

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todo_backend.local.dax import Credentials, DaxError, HttpDynamoDb, cbor
from todo_backend.local.dax.__main__ import credentials_of, main, parser, settings_of
from todo_backend.local.dax.errors import IncompleteError, MalformedError
from todo_backend.local.dax.protocol import MAX_ANONYMOUS_BYTES, Parser
from todo_backend.local.dax.tls import CA_FILE

ITEM = {"Item": {"pk": {"S": "a"}, "v": {"S": "x"}}}
MISSING = bytes.fromhex("80bfff")


def running(test: Callable[[Any, Any], Awaitable[None]]) -> Callable[[Any, Any], None]:
    def run(bench: Any, wire: Any) -> None:
        asyncio.run(asyncio.wait_for(test(bench, wire), 30))

    run.__name__ = test.__name__
    return run


class Client:
    """A raw connection to a node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._received = b""

    @classmethod
    async def connect(cls, cluster: Any, node: int = 1, **options: Any) -> "Client":
        endpoint = cluster.endpoints[node - 1]
        return cls(*await asyncio.open_connection(endpoint.host, endpoint.port, **options))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def value(self) -> Any:
        """The next value that the node sends."""
        while True:
            reader = cbor.Reader(self._received)
            try:
                found = reader.value()
            except IncompleteError:
                more = await self.reader.read(65536)
                if not more:
                    raise EOFError from None
                self._received += more
            else:
                self._received = reader.rest
                return found

    async def error(self) -> tuple[list[int], str]:
        codes, _, info = await self.value(), await self.value(), await self.value()
        return codes, info[1]

    async def is_closed(self) -> bool:
        try:
            return await self.reader.read(65536) == b""
        except ConnectionError:
            return True

    async def is_silent(self) -> bool:
        try:
            await asyncio.wait_for(self.reader.read(1), 0.1)
        except TimeoutError:
            return not self._received
        return False

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@running
async def test_one_reply_whether_bytes_come_singly_or_at_once(bench: Any, wire: Any) -> None:
    table = bench(ITEM)
    raw = wire.preamble + wire.authorize() + wire.request("getItem", b"h_s", b"a", {})
    async with table.cluster:
        for size in (1, 7, len(raw)):
            client = await Client.connect(table.cluster)
            for start in range(0, len(raw), size):
                client.send(raw[start : start + size])
                if size == 1 and start % 16 == 0:
                    await asyncio.sleep(0)
            assert await client.value() == []
            assert list(await client.value()) == [0]
            assert await client.is_silent()  # authorizeConnection has no reply (pitfall 1)
            await client.close()


@running
async def test_requests_on_one_connection_are_answered_in_order(bench: Any, wire: Any) -> None:
    async def slow(_: Any) -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return ITEM

    table = bench(slow, {})
    async with table.cluster:
        client = await Client.connect(table.cluster)
        client.send(wire.preamble + wire.authorize())
        client.send(wire.request("getItem", b"h_s", b"a", {}) + wire.request("getItem", b"h_s", b"b", {}))
        client.send(wire.request("getItem", b"h_s", b"a", {}) + wire.request("endpoints"))
        replies = [(await client.value(), await client.value())[1] for _ in range(4)]
        assert [bool(reply) for reply in replies] == [True, False, True, True]
        await client.close()


@running
async def test_the_roster_names_all_nodes_and_one_leader(bench: Any, wire: Any) -> None:
    table = bench(nodes=3)
    async with table.cluster:
        client = await Client.connect(table.cluster, node=3)
        client.send(wire.preamble + wire.authorize() + wire.request("endpoints"))
        assert await client.value() == []
        roster = await client.value()
        assert [set(entry) for entry in roster] == [set(range(7))] * 3
        assert [entry[4] for entry in roster] == [1, 2, 2]
        assert [entry[3] for entry in roster] == [endpoint.port for endpoint in table.cluster.endpoints]
        assert {entry[2] for entry in roster} == {bytes([127, 0, 0, 1])}
        await table.cluster.stop_node(2)
        client.send(wire.request("endpoints"))
        assert await client.value() == []
        assert [entry[0] for entry in await client.value()] == [1, 3]
        await table.cluster.stop_node(1)
        client.send(wire.request("endpoints"))
        assert await client.value() == []
        assert [(entry[0], entry[4], entry[6]) for entry in await client.value()] == [(3, 1, 3)]
        await table.cluster.start_node(1)
        await table.cluster.start_node(2)
        assert [endpoint.is_leader for endpoint in table.cluster.endpoints] == [True, False, False]
        assert [endpoint.node_id for endpoint in table.cluster.endpoints] == [1, 2, 3]
        await client.close()


@running
async def test_a_stranger_gets_one_error_per_request_until_it_proves_itself(bench: Any, wire: Any) -> None:
    table = bench()
    async with table.cluster:
        client = await Client.connect(table.cluster)
        client.send(wire.preamble + wire.request("endpoints"))
        assert await client.error() == ([4, 23, 31, 32], "MissingAuthenticationTokenException")
        client.send(wire.authorize(Credentials("AKIDEXAMPLE", "guess")) + wire.request("endpoints"))
        assert await client.error() == ([4, 23, 31, 32], "InvalidSignatureException")
        client.send(wire.request("endpoints"))
        assert await client.error() == ([4, 23, 31, 32], "InvalidSignatureException")
        client.send(wire.authorize() + wire.request("endpoints"))
        assert await client.value() == []
        assert await client.value()
        assert await client.is_silent()
        await client.close()


@running
async def test_an_authorization_is_good_for_five_minutes(bench: Any, wire: Any) -> None:
    table = bench({})
    async with table.cluster:
        client = await Client.connect(table.cluster)
        client.send(wire.preamble + wire.authorize())
        for seconds, good in ((300, True), (1, False)):
            await asyncio.sleep(0.05)
            table.now += timedelta(seconds=seconds)
            client.send(wire.request("defineAttributeListId", ["a"]))
            if good:
                assert await client.value() == []
                assert await client.value() > 1
            else:
                assert await client.error() == ([4, 23, 31, 33], "ExpiredTokenException")
        await client.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",  # a TLS client at a plaintext port
        b"\x67J7yne5H",
        b"\x67J7yne5G\x01\x40\xa0\x00",
        b"\x67J7yne5G\x00\x40\x00\x00",
        b"\xff",
        b"\x81" * 1000,
    ],
)
def test_a_wrong_preamble_closes_the_connection(bench: Any, wire: Any, raw: bytes) -> None:
    @running
    async def test(bench: Any, wire: Any) -> None:
        table = bench()
        async with table.cluster:
            client = await Client.connect(table.cluster)
            client.send(raw)
            assert await client.is_closed()
            await client.close()

    test(bench, wire)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x01\x1a\x2e\xcb\x30\xe7",  # a method that exists and that no client sends: its arguments are unknown
        b"\x3a\x3c\x9b\x09\xaf\x00",
        b"\x01\x63abc",
        b"\x01\x1a\x0f\xb0\xcc\x6a\x1c",
        b"\x01\x1a\x0f\xb0\xcc\x6a\x41a\x41a\xff",
        b"\x01\x1a\x0f\xb0\xcc\x6a\x41a\x41a\xa1\x80\x01",
        b"\x01\x1a\x0f\xb0\xcc\x6a\x41a\x41a" + b"\x81" * 1000,
        b"\x01\x1a\x1b\x2b\xcf\x02\x05",  # endpoints and a value too many
    ],
)
def test_a_request_without_an_end_is_an_error_and_the_end(bench: Any, wire: Any, raw: bytes) -> None:
    @running
    async def test(bench: Any, wire: Any) -> None:
        table = bench()
        async with table.cluster:
            client = await Client.connect(table.cluster)
            client.send(wire.preamble + wire.authorize() + raw + b"\x00\x00")
            if raw.endswith(b"\x05"):
                assert await client.value() == []
                assert await client.value()
            codes, name = await client.error()
            assert (codes, name) == ([4, 37, 38, 39, 46], "ValidationException")
            assert await client.is_closed()
            await client.close()

    test(bench, wire)


@running
async def test_truncated_requests_and_idle_and_half_open_connections_wait_and_harm_nobody(
    bench: Any, wire: Any
) -> None:
    table = bench({})
    async with table.cluster:
        idle = [await Client.connect(table.cluster) for _ in range(20)]
        for number, client in enumerate(idle):
            client.send((wire.preamble + wire.authorize() + wire.request("getItem", b"h_s", b"a", {}))[: number * 3])
        half_open = await Client.connect(table.cluster)
        half_open.send(wire.preamble)
        half_open.writer.write_eof()
        client = await Client.connect(table.cluster)
        client.send(wire.preamble + wire.authorize() + wire.request("getItem", b"h_s", b"a", {}))
        assert await client.value() == []
        assert table.node.connections >= 21
        for connection in (*idle, half_open, client):
            await connection.close()
        await asyncio.sleep(0.05)
        assert table.node.connections == 0


@running
async def test_a_stranger_cannot_fill_the_memory(bench: Any, wire: Any) -> None:
    table = bench()
    async with table.cluster:
        client = await Client.connect(table.cluster)
        client.send(
            wire.preamble + b"\x01\x1a\x0f\xb0\xcc\x6a" + cbor.head(2, 1 << 30) + b"x" * (4 * MAX_ANONYMOUS_BYTES)
        )
        assert (await client.error())[1] == "ValidationException"
        assert await client.is_closed()
        await client.close()


@running
async def test_more_connections_than_allowed_are_closed_at_once(bench: Any, wire: Any) -> None:
    table = bench(max_connections=2)
    async with table.cluster:
        clients = [await Client.connect(table.cluster) for _ in range(3)]
        assert await clients[2].is_closed()
        for client in clients:
            await client.close()


@running
async def test_items_of_400_kb_and_larger_go_to_dynamodb_which_decides(bench: Any, wire: Any) -> None:
    too_large = DaxError("ValidationException", "Item size has exceeded the maximum allowed size")
    table = bench({}, too_large)
    async with table.cluster:
        client = await Client.connect(table.cluster)
        client.send(wire.preamble + wire.authorize() + wire.request("defineAttributeListId", ["v"]))
        await client.value()
        list_id = await client.value()
        for size, good in ((399_000, True), (5_000_000, False)):
            item = cbor.integer(list_id) + cbor.text("x" * size)
            client.send(wire.request("putItem", b"h_s", b"big", item, {}))
            if good:
                assert (await client.value(), await client.value()) == ([], {})
            else:
                assert (await client.error())[1] == "ValidationException"
        client.send(wire.request("getItem", b"h_s", b"big", {}))
        assert (await client.value(), len((await client.value())[0]) > 399_000) == ([], True)
        await client.close()


@running
async def test_a_client_that_does_not_read_is_not_read_from(bench: Any, wire: Any) -> None:
    table = bench({"Item": {"pk": {"S": "a"}, "v": {"S": "x" * 300_000}}})
    async with table.cluster:
        client = await Client.connect(table.cluster)
        client.send(wire.preamble + wire.authorize() + 500 * wire.request("getItem", b"h_s", b"a", {}))
        await asyncio.sleep(0.3)
        assert table.counts["GetItemRequestCount"] < 100
        for _ in range(500):
            assert await client.value() == []
            assert await client.value()
        await client.close()


@running
async def test_a_back_end_that_is_gone_is_an_error_and_then_works_again(bench: Any, wire: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    dynamodb = HttpDynamoDb(f"http://127.0.0.1:{port}", region="us-east-1", credentials=Credentials("a", "b"))
    with pytest.raises(DaxError, match="cannot be reached") as caught:
        await dynamodb.call("GetItem", {})
    assert caught.value.codes == (4, 37, 38, 39, 47)
    answers = iter(
        [
            b"",  # closed without an answer
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
            b"nonsense\r\n\r\n",
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\n<html/>\r\n",
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n',
            b'HTTP/1.1 400 Bad\r\nContent-Length: 48\r\n\r\n{"__type":"com.amazonaws#SomeException","m":"x"}',
        ]
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        for _ in range(4):
            with pytest.raises(DaxError) as caught:
                await dynamodb.call("PutItem", {})
            assert caught.value.outcome_is_unknown
            await asyncio.sleep(0.02)
        assert await dynamodb.call("PutItem", {}) == {"a": 1}
        await asyncio.sleep(0.02)
        with pytest.raises(DaxError) as caught:
            await dynamodb.call("PutItem", {})
        assert caught.value.name == "SomeException"
    await dynamodb.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        HttpDynamoDb(url, region="us-east-1", credentials=Credentials("a", "b"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"\x01\x1a\x0f\xb0\xcc\x6a", b"\x01\x1a\x1b\x2b\xcf\x02", b"\x41a"]),
        max_size=8,
    )
)
def test_any_pieces_of_bytes_are_requests_or_a_malformed_one(wire: Any, pieces: list[bytes]) -> None:
    pieced, whole = Parser(), Parser()
    whole.feed(wire.preamble + b"".join(pieces))
    expected = drained(whole)
    found: list[Any] = []
    pieced.feed(wire.preamble)
    for piece in pieces:
        pieced.feed(piece)
        found += drained(pieced)
        if found and found[-1] == "malformed":
            break
    # Bytes that come singly may be refused a little later, when the value they are in is complete.
    assert found == expected or [*found, "malformed"] == expected


def drained(parser: Parser) -> list[Any]:
    found: list[Any] = []
    try:
        while request := parser.next_request():
            found.append((request.method, repr(request.arguments)))
    except MalformedError:
        found.append("malformed")
    return found


@running
async def test_tls_with_a_private_ca_made_on_first_use(bench: Any, wire: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "tls"
        for _ in range(2):
            table = bench({}, tls_directory=directory, tls_names=("my-cluster.example",))
            async with table.cluster:
                assert table.cluster.endpoint.startswith("daxs://")
                trusting = ssl.create_default_context(cafile=str(directory / CA_FILE))
                for name in ("127.0.0.1", "localhost", "my-cluster.example"):
                    client = await Client.connect(table.cluster, ssl=trusting, server_hostname=name)
                    client.send(wire.preamble + wire.authorize() + wire.request("getItem", b"h_s", name.encode(), {}))
                    table.dynamodb.answers.append({})
                    assert await client.value() == []
                    assert await client.value() == {}
                    await client.close()
                with pytest.raises(ssl.SSLCertVerificationError):
                    await Client.connect(table.cluster, ssl=trusting, server_hostname="other.example")
        assert (directory / "ca-key.pem").stat().st_mode & 0o077 == 0


def test_the_command_s_settings_come_from_arguments_then_environment_then_defaults() -> None:
    arguments = parser().parse_args(["--dynamodb", "http://127.0.0.1:8000", "--listen", "0.0.0.0:9000", "--nodes", "3"])
    made = settings_of(arguments, {"AWS_DEFAULT_REGION": "eu-west-1"})
    assert (made.host, made.port, made.nodes, made.region) == ("0.0.0.0", 9000, 3, "eu-west-1")
    assert credentials_of({"AWS_ACCESS_KEY_ID": "a"}) is None
    assert credentials_of(
        {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": ""}
    ) == Credentials("a", "b")


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        ([], {}),
        (["--dynamodb", "http://127.0.0.1:1"], {}),
        (
            ["--dynamodb", "http://127.0.0.1:1", "--listen", "x:y"],
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
        ),
        (
            ["--dynamodb", "http://127.0.0.1:1", "--nodes", "6"],
            {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
        ),
        (["--dynamodb", "nonsense"], {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}),
    ],
)
def test_the_command_refuses_what_it_cannot_use(
    monkeypatch: pytest.MonkeyPatch, words: list[str], environment: dict[str, str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
