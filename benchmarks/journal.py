"""Speed of the journal: what durability costs a write, and how long a start with much in it takes.

python benchmarks/journal.py      prints the figures, ends 9 when one is over its limit

The same stack runs twice, kept and `--ephemeral`, and is written to in turn by eight connections; each ratio is of two
figures of one round. The data of the restart are made by the calls that clients make, and the stack is killed.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from todo_backend import local
from todo_backend.local.control import AdminCredentials
from todo_backend.local.datadir import DataDir
from todo_backend.local.signature import Signer
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

CONNECTIONS = 8
PASSWORD = "Correct-Horse-7-Battery"
RATE_LIMIT = 0.5
RESTART_LIMIT_SECONDS = 3.0
GROWTH_LIMIT = 1.5
TODOS, USERS = 10_000, 1_000
NOTES = "x" * 300


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    data_dir: Path
    outputs: local.Outputs
    signer: Callable[[str], Signer]

    def connection(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        address = str(self.outputs["EndpointUrl"]).partition("//")[2]
        return http.client.HTTPConnection(address, timeout=60)

    def call(self, connection: http.client.HTTPConnection, target: str, **request: object) -> dict[str, Any]:
        """One signed call."""
        service = "dynamodb" if target.startswith("DynamoDB") else "cognito-idp"
        body = json.dumps(request).encode()
        headers = {
            "host": f"{connection.host}:{connection.port}",
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": target,
        }
        signed = self.signer(service).headers("POST", "/", headers, body, datetime.now(UTC))
        connection.request("POST", "/", body, signed)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {content.decode()}")
        return dict(json.loads(content or b"{}"))

    def put(self, connection: http.client.HTTPConnection, owner: str, number: int) -> None:
        """Write one item of a to-do's size."""
        self.call(
            connection, "DynamoDB_20120810.PutItem", TableName=self.outputs["TableName"], Item=item(owner, number)
        )


def item(owner: str, number: int) -> dict[str, Any]:
    """As a to-do lies in the table."""
    return {
        "pk": {"S": f"USER#{owner}"},
        "sk": {"S": f"TODO#{number:08d}"},
        "revision": {"N": str(number)},
        "title": {"S": f"To-do {number}"},
        "notes": {"S": NOTES},
    }


@contextmanager
def running(folder: Path, *, ephemeral: bool = False) -> Iterator[Stack]:
    """A stack of that directory, until the block ends."""
    outputs = local.start(local.StackOptions(folder, port=0, ephemeral=ephemeral))
    try:
        key = AdminCredentials.of(DataDir(folder, ephemeral=ephemeral))
        yield Stack(folder, outputs, lambda service: Signer(key.access_key, key.secret_key, service, "us-east-1"))
    finally:
        local.stop(folder)


def rate(write: Callable[[int, int], object], writes: int) -> float:
    """Writes a second, by all connections at once."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        begun = time.perf_counter()
        done = threads.map(lambda worker: [write(worker, number) for number in range(writes)], range(CONNECTIONS))
        list(done)
        return CONNECTIONS * writes / (time.perf_counter() - begun)


def compared(name: str, kept: Callable[[], float], ephemeral: Callable[[], float], rounds: int) -> bool:
    """Print a rate with and without durability; whether the ratio is within its limit."""
    kept()
    ephemeral()
    pairs = [(kept(), ephemeral()) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name}: {ours:.0f}/s kept, {other:.0f}/s ephemeral, ratio {ratio:.2f} (at least {RATE_LIMIT})")
    return ratio >= RATE_LIMIT


def item_writer(stack: Stack, writes: int) -> Callable[[], float]:
    """Rate of PutItem, which is nothing but the store and the journal."""
    connections = [stack.connection() for _ in range(CONNECTIONS)]

    def put(worker: int, number: int) -> None:
        stack.put(connections[worker], f"rate-{worker}", number)

    return lambda: rate(put, writes)


def todo_writer(stack: Stack, writes: int) -> Callable[[], float]:
    """Rate of `todos.add`, each user with a list of its own."""
    clients = []
    for worker in range(CONNECTIONS):
        client = TodoClient(fetch_config(str(stack.outputs["ApiUrl"])), store=MemoryTokenStore())
        sign_up(stack, stack.connection(), f"writer-{worker}@example.com")
        client.auth.sign_in(f"writer-{worker}@example.com", PASSWORD)
        clients.append(client)
    return lambda: rate(lambda worker, number: clients[worker].todos.add(f"To-do {number}"), writes)


def sign_up(stack: Stack, connection: http.client.HTTPConnection, email: str) -> None:
    """A confirmed user."""
    provider = "AWSCognitoIdentityProviderService"
    client_id, pool = stack.outputs["UserPoolClientId"], stack.outputs["UserPoolId"]
    given: dict[str, Any] = {"ClientId": client_id, "Username": email, "Password": PASSWORD}
    given["UserAttributes"] = [{"Name": "email", "Value": email}]
    while True:
        try:
            stack.call(connection, f"{provider}.SignUp", **given)
            break
        except RuntimeError as error:
            if "TooManyRequests" not in str(error):
                raise
            time.sleep(0.2)
    stack.call(connection, f"{provider}.AdminConfirmSignUp", UserPoolId=pool, Username=email)


def latency_ms(stack: Stack, owner: str, writes: int = 300) -> float:
    """Median of one write after the other."""
    connection, taken = stack.connection(), []
    for number in range(writes):
        begun = time.perf_counter()
        stack.put(connection, owner, number)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def fill(stack: Stack) -> None:
    """10,000 to-dos and 1,000 users."""
    table = str(stack.outputs["TableName"])
    connections = [stack.connection() for _ in range(CONNECTIONS)]

    def put(batch: int) -> None:
        rows = [{"PutRequest": {"Item": item(f"user-{batch}", number)}} for number in range(25)]
        connection = connections[batch % CONNECTIONS]
        stack.call(connection, "DynamoDB_20120810.BatchWriteItem", RequestItems={table: rows})

    for batch in range(TODOS // 25):
        put(batch)
    for number in range(USERS):
        sign_up(stack, connections[0], f"user-{number}@example.com")


def restarted_seconds(stack: Stack) -> float:
    """Kill it, and time the next start until clients can connect."""
    pid = local.status(stack.data_dir).pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    while local.status(stack.data_dir).running:
        time.sleep(0.01)
    begun = time.perf_counter()
    local.start(local.StackOptions(stack.data_dir, port=0))
    return time.perf_counter() - begun


def main() -> int:
    """The exit code: 9 when a figure is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writes", type=int, default=250, help="of each connection in a round")
    given = parser.parse_args()
    good = []
    with tempfile.TemporaryDirectory() as folder:
        with running(Path(folder, "kept")) as kept:
            empty_ms = latency_ms(kept, "empty")
            with running(Path(folder, "ephemeral"), ephemeral=True) as other:
                rounds, writes = given.rounds, given.writes
                good.append(compared("PutItem", item_writer(kept, writes), item_writer(other, writes), rounds))
                few = max(1, writes // 10)
                good.append(compared("todos.add", todo_writer(kept, few), todo_writer(other, few), rounds))
        with running(Path(folder, "large")) as large:
            nothing_seconds = restarted_seconds(large)
        with running(Path(folder, "large")) as large:
            begin_ms = latency_ms(large, "begin")
            fill(large)
            end_ms = latency_ms(large, "end")
            seconds = [restarted_seconds(large) for _ in range(3)]
    growth = end_ms / begin_ms
    print(f"one write after the other: {empty_ms:.2f} ms in an empty table")
    print(f"the same with {TODOS} items: {end_ms:.2f} ms, before {begin_ms:.2f} ms, ratio {growth:.2f}", end=" ")
    print(f"(at most {GROWTH_LIMIT})")
    restart = statistics.median(seconds)
    print(f"start after kill -9: {restart:.2f} s with {TODOS} to-dos and {USERS} users", end=" ")
    print(f"(at most {RESTART_LIMIT_SECONDS:g}), {nothing_seconds:.2f} s with nothing")
    good += [growth <= GROWTH_LIMIT, restart <= RESTART_LIMIT_SECONDS]
    return 0 if all(good) else 9


if __name__ == "__main__":
    sys.exit(main())
