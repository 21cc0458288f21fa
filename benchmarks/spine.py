"""Speed of the spine: each figure is a ratio of two things measured in turn in one run.

    make benchmark            prints the table, ends 9 when a ratio is over its limit
    python benchmarks/spine.py --rounds 20

Absolute times say more about the machine than about us; a ratio of two commands run A B A B … survives a noisy one.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from todo_backend import local
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

BIN = Path(sys.executable).parent
PASSWORD = "Correct-Horse-7-Battery"


@dataclass(frozen=True)
class Row:
    """One line of the table; `limit` is None where only the figures are wanted."""

    name: str
    ours: str
    other: str
    ratio: float | None = None
    limit: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the ratio is within its limit."""
        return self.limit is None or self.ratio is None or self.ratio <= self.limit


def seconds(action: Callable[[], object]) -> float:
    """How long the action takes, wall clock."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def paired(name: str, ours: Callable[[], object], other: Callable[[], object], *, limit: float, rounds: int) -> Row:
    """Time two actions in turn; the ratio is the median of the rounds' own ratios."""
    ours(), other()
    pairs = [(seconds(ours), seconds(other)) for _ in range(rounds)]
    median_ours, median_other = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return Row(name, f"{median_ours:.1f} ms", f"{median_other:.1f} ms", ratio, limit)


def run(*command: str) -> Callable[[], object]:
    """An action: a whole process, its output thrown away."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def start_bare_ministack(folder: Path) -> None:
    """Start MiniStack alone with the settings we give it, wait until it answers, stop it."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0"}
    environment |= {"SFTP_ENABLED": "0", "STATE_DIR": str(folder), "LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "ministack"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not answers(f"http://127.0.0.1:{port}/_ministack/health"):
            if time.monotonic() > deadline:
                message = "MiniStack did not answer within 30 s"
                raise TimeoutError(message)
            time.sleep(0.005)
        process.terminate()


def answers(url: str) -> bool:
    """Whether a GET of the URL is answered with 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def resident_mebibytes(pid: int) -> float:
    """Resident memory of a process (Linux: VmRSS of /proc)."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    kibibytes = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
    return int(kibibytes) / 1024


def start_up(rounds: int) -> Iterator[Row]:
    """`todo up` from call to ready, against MiniStack alone."""
    pairs, memory = [], 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            bare = seconds(lambda: start_bare_ministack(Path(folder)))
        with tempfile.TemporaryDirectory() as folder:
            options = local.StackOptions(data_dir=Path(folder) / "stack", port=0)
            begin = time.perf_counter()
            local.start(options)
            ready = time.perf_counter() - begin
            pid = local.status(options.data_dir).pid
            memory = max(memory, resident_mebibytes(pid)) if pid else memory
            local.stop(options.data_dir)
        pairs.append((ready, bare))
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    yield Row("todo up, call to ready / MiniStack alone", f"{ours * 1000:.0f} ms", f"{bare * 1000:.0f} ms", ratio, 3.0)
    yield Row("memory of the stack, resident / 250 MiB", f"{memory:.0f} MiB", "250 MiB", memory / 250, 1.0)


def imports(rounds: int) -> Iterator[Row]:
    """The price of importing the SDK and of asking the command for help."""
    python = sys.executable
    yield paired(
        "import todo_sdk / import dataclasses, json, pathlib",
        run(python, "-c", "import todo_sdk"),
        run(python, "-c", "import dataclasses, json, pathlib"),
        limit=1.5,
        rounds=rounds,
    )
    yield paired(
        "todo --help / python -c 'import click'",
        run(str(BIN / "todo"), "--help"),
        run(python, "-c", "import click"),
        limit=2.0,
        rounds=rounds,
    )


@contextmanager
def signed_in_client() -> Iterator[tuple[TodoClient, MemoryTokenStore, Path]]:
    """A stack of our own with one confirmed, signed-in user."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "stack"
        outputs = local.start(local.StackOptions(data_dir=data_dir, port=0, ephemeral=True))
        try:
            store = MemoryTokenStore()
            client = TodoClient(fetch_config(str(outputs["ApiUrl"])), store=store)
            client.auth.sign_up("ann@example.com", PASSWORD)
            code = "".join(filter(str.isdigit, local.inbox(data_dir)[-1].text))
            client.auth.confirm_sign_up("ann@example.com", code)
            client.auth.sign_in("ann@example.com", PASSWORD)
            yield client, store, data_dir
        finally:
            local.stop(data_dir)


def requests_per_hop(client: TodoClient, store: MemoryTokenStore, data_dir: Path, rounds: int) -> Iterator[Row]:
    """`todos.get` against a bare GET, then one list request split into its hops."""
    todo = client.todos.add("Buy milk")
    for number in range(19):
        client.todos.add(f"to-do {number}")
    base = str(client.config.api_url).rstrip("/")
    bare = requests.Session()
    bare.trust_env = False
    bare.headers["Authorization"] = str((store.load() or {})["id_token"])
    yield paired(
        "SDK todos.get / bare requests GET",
        lambda: client.todos.get(todo.id),
        lambda: bare.get(f"{base}/v1/todos/{todo.id}", timeout=10).raise_for_status(),
        limit=1.3,
        rounds=rounds,
    )
    times = [seconds(lambda: bare.get(f"{base}/v1/todos", timeout=10).raise_for_status()) * 1000 for _ in range(rounds)]
    total = statistics.median(times)
    lines = [parsed for line in local.logs(data_dir, lines=4000) if (parsed := as_json(line)) is not None]
    listed = [line for line in lines if line.get("route") == "list_todos" and "store_ms" in line][-rounds:]
    function, table = (
        statistics.median(float(str(line[name])) for line in listed) for name in ("duration_ms", "store_ms")
    )
    yield Row("warm GET /v1/todos, p50, whole", f"{total:.1f} ms", f"{rounds} requests")
    yield Row("  the store (DAX), seen from the Lambda", f"{table:.1f} ms", f"{table / total:.0%}")
    yield Row("  the Lambda's own code", f"{function - table:.1f} ms", f"{(function - table) / total:.0%}")
    yield Row("  gateway, invocation and sockets", f"{total - function:.1f} ms", f"{(total - function) / total:.0%}")


def as_json(line: str) -> dict[str, object] | None:
    """The log line as a JSON object, or None."""
    try:
        parsed = json.loads(line[line.index("{") :])
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def main() -> int:
    """Measure everything, print the table, end 9 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often each pair is run (starts: a third of it)")
    rounds = parser.parse_args().rounds
    rows = [*imports(rounds), *start_up(max(3, rounds // 3))]
    with signed_in_client() as (client, store, data_dir):
        rows += requests_per_hop(client, store, data_dir, rounds * 10)
    table = Table("what", "ours", "other", "ratio", "limit", "kept")
    for row in rows:
        ratio, limit = (f"{value:.2f}" if value is not None else "" for value in (row.ratio, row.limit))
        table.add_row(row.name, row.ours, row.other, ratio, limit, ("yes" if row.kept else "NO") if limit else "")
    Console().print(table)
    return 0 if all(row.kept for row in rows) else 9


if __name__ == "__main__":
    sys.exit(main())
