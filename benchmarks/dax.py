"""Speed of the DAX node: the official client against boto3 on the same DynamoDB, and the node alone on a raw socket.

    python benchmarks/dax.py            prints the figures, ends 9 when one misses its limit

Ratios are medians over rounds that take turns; the figures of the raw socket depend on the machine.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from amazondax import AmazonDaxClient

from todo_backend.local.dax import Credentials, cbor
from todo_backend.local.dax.auth import sign
from todo_backend.local.dax.protocol import MAGIC, METHOD_IDS

CREDENTIALS = Credentials("AKIDBENCHMARK", "a-secret-of-the-benchmark")
REGION = "us-east-1"
TABLE = "benchmark"
KEY = {"pk": {"S": "key"}}
ITEM = {**KEY, "text": {"S": "x" * 900}, "number": {"N": "5"}}
ITEMS = 10_000


@dataclass(frozen=True)
class Figure:
    """A measured figure and its limit."""

    name: str
    value: float
    limit: float
    at_least: bool

    @property
    def kept(self) -> bool:
        """Whether the figure is on the right side of its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*words: str, port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process, from the moment it listens."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            env={**os.environ, **environment},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            process.wait()


def per_second(action: Callable[[], Any], times: int) -> float:
    """How often the action can be done in a second, one after another."""
    begin = time.perf_counter()
    for _ in range(times):
        action()
    return times / (time.perf_counter() - begin)


def ratio(ours: Callable[[], Any], other: Callable[[], Any], *, rounds: int, times: int) -> float:
    """How many times faster ours is; the median over rounds that take turns."""
    per_second(ours, times // 4), per_second(other, times // 4)
    return statistics.median(per_second(ours, times) / per_second(other, times) for _ in range(rounds))


class RawConnection:
    """GetItem on a socket, without a client's own work."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        to_sign, signature = sign(CREDENTIALS, REGION, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
        preamble = (MAGIC, 0, b"session", {"UserAgent": "benchmark"}, 0)
        authorize = (
            1,
            METHOD_IDS["authorizeConnection"],
            CREDENTIALS.access_key_id,
            signature,
            to_sign.encode(),
            None,
            None,
        )
        self._socket.sendall(b"".join(map(cbor.encode, (*preamble, *authorize))))

    def get(self, key: str) -> None:
        """Ask for an item and take the reply in, which ends with a break."""
        self._socket.sendall(self.request(key))
        while not self._socket.recv(65536).endswith(cbor.BREAK):
            pass

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    @staticmethod
    def request(key: str) -> bytes:
        """The bytes of a GetItem."""
        return b"".join(map(cbor.encode, (1, METHOD_IDS["getItem"], TABLE.encode(), key.encode(), None)))


def raw_figures(port: int, process_id: int, direct: Any) -> list[Figure]:
    """Hits on one connection, and the memory that cached items take."""
    connection = RawConnection(port)
    connection.get("key")
    latencies = []
    for _ in range(30_000):
        begin = time.perf_counter()
        connection.get("key")
        latencies.append(time.perf_counter() - begin)
    figures = [
        Figure("hits per second on one connection", len(latencies) / sum(latencies), 8000, at_least=True),
        Figure("p99 of a hit, milliseconds", 1000 * statistics.quantiles(latencies, n=100)[98], 1, at_least=False),
    ]
    if Path("/proc").is_dir():
        figures.append(
            Figure(
                f"megabytes for {ITEMS} items of 1 KB",
                grown_megabytes(connection, process_id, direct),
                40,
                at_least=False,
            )
        )
    connection.close()
    return figures


def grown_megabytes(connection: RawConnection, process_id: int, direct: Any) -> float:
    """How much more memory the node has after reading many items."""
    for start in range(0, ITEMS, 25):
        puts = [{"PutRequest": {"Item": {**ITEM, "pk": {"S": f"{number:05d}"}}}} for number in range(start, start + 25)]
        direct.batch_write_item(RequestItems={TABLE: puts})
    before = resident_megabytes(process_id)
    for number in range(ITEMS):
        connection.get(f"{number:05d}")
    return resident_megabytes(process_id) - before


def resident_megabytes(process_id: int) -> float:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def client_figures(dax: Any, direct: Any, rounds: int) -> list[Figure]:
    """The official client against boto3: hits and writes."""
    direct.put_item(TableName=TABLE, Item=ITEM)

    def get(client: Any) -> Callable[[], Any]:
        return lambda: client.get_item(TableName=TABLE, Key=dict(KEY))

    def put(client: Any) -> Callable[[], Any]:
        return lambda: client.put_item(TableName=TABLE, Item=dict(ITEM))

    return [
        Figure("GetItem hit, times boto3", ratio(get(dax), get(direct), rounds=rounds, times=400), 4, at_least=True),
        Figure(
            "PutItem, time as a multiple of boto3's",
            1 / ratio(put(dax), put(direct), rounds=rounds, times=200),
            1.5,
            at_least=False,
        ),
    ]


def measure(rounds: int) -> list[Figure]:
    """All figures, with an emulator and a node started for them."""
    keys = {"AWS_ACCESS_KEY_ID": CREDENTIALS.access_key_id, "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_access_key}
    behind, port = free_port(), free_port()
    bare = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(behind), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    url = f"http://127.0.0.1:{behind}"
    words = ("todo_backend.local.dax", "--dynamodb", url, "--listen", f"127.0.0.1:{port}", "--region", REGION)
    path = {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    session = botocore.session.get_session()
    session.set_credentials(CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key)
    with (
        running("ministack", port=behind, environment=bare),
        running(*words, port=port, environment=keys | path) as node,
    ):
        direct = boto3.Session(botocore_session=session).client("dynamodb", endpoint_url=url, region_name=REGION)
        direct.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dax = AmazonDaxClient(session, endpoint_url=f"dax://127.0.0.1:{port}", region_name=REGION)
        figures = client_figures(dax, direct, rounds) + raw_figures(port, node.pid, direct)
        dax.close()
        return figures


def main() -> int:
    """Print the figures; 9 if one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    figures = measure(parser.parse_args().rounds)
    for figure in figures:
        word = "at least" if figure.at_least else "at most"
        print(f"{figure.name:42} {figure.value:10.2f}   {word} {figure.limit:g}{'' if figure.kept else '   MISSED'}")
    return 0 if all(figure.kept for figure in figures) else 9


if __name__ == "__main__":
    sys.exit(main())
