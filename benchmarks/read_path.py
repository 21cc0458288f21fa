"""The same read-heavy load on three read paths: DynamoDB alone, DAX before it, API Gateway's cache before that.

    python -m benchmarks.read_path            runs it, writes read_path.json, prints the table, draws the figure
    python -m benchmarks.read_path --draw     prints and draws what was measured before, at the prices as they are now

Each path is the embedded stack with the template deployed so. 95 % of the requests are reads, in the same order on each
path. Only what never changes may stay in API Gateway's cache, so there a list is read as the snapshot of the revision
that the device knows. Capacity is counted at the table, by item sizes (`costs.read_units`): DAX's own reads included.
Ends 9 when DAX saves less than 90 % of the read units.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from benchmarks import costs
from todo_backend import local
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("read_path.json")
PASSWORD = "Correct-Horse-7-Battery"
USERS, TODOS, REQUESTS = 6, 150, 1000
SAVED_AT_LEAST = 0.9
BEGIN, END = "<!-- written by benchmarks/read_path.py -->\n", "<!-- until here -->\n"
MIX = {"list": 0.75, "check": 0.16, "config": 0.03, "show": 0.01, "write": 0.05}
COUNTS = re.compile(r"item cache (\d+) hits (\d+) misses, query cache (\d+) hits (\d+) misses")

WITHOUT_DAX = """
for name in [name for name, it in resources.items() if it["Type"].startswith("AWS::DAX::")]:
    del resources[name]
for it in resources.values():
    it.get("Properties", {}).get("Environment", {}).get("Variables", {}).pop("DAX_ENDPOINT", None)
    if it["Type"] == "AWS::IAM::Policy":
        document = it["Properties"]["PolicyDocument"]
        document["Statement"] = [one for one in document["Statement"] if one.get("Sid") != "Cache"]
del template["Outputs"]["DaxEndpoint"]
"""
WITHOUT_API_CACHE = """
for it in resources.values():
    if it["Type"] == "AWS::ApiGateway::Stage":
        it["Properties"]["CacheClusterEnabled"] = False
        for setting in it["Properties"]["MethodSettings"]:
            setting["CachingEnabled"] = False
"""
CHANGES = {
    costs.PATHS[0]: WITHOUT_DAX + WITHOUT_API_CACHE,
    costs.PATHS[1]: WITHOUT_API_CACHE,
    costs.PATHS[2]: "",
}
# The stack's own process, with the template changed and each call to the table noted: operation, read and write units.
SCRIPT = """
import json, sys
from ministack.services import dynamodb
from benchmarks.costs import read_units, write_units
from todo_backend import artifacts
template = artifacts.template()
resources = template["Resources"]
{changes}
artifacts.template = lambda: template
handle, calls = dynamodb.handle_request, open({calls!r}, "a", buffering=1)
async def counted(method, path, headers, body, query):
    answer = await handle(method, path, headers, body, query)
    operation = headers.get("x-amz-target", "").split(".")[-1]
    if answer[0] == 200 and operation in {operations!r}:
        asked, said = json.loads(body), json.loads(answer[2])
        print(operation, read_units(operation, asked, said), write_units(operation, asked), file=calls)
    return answer
dynamodb.handle_request = counted
from todo_backend.local.__main__ import main
sys.exit(main())
"""
OPERATIONS = ("GetItem", "Query", "BatchGetItem", "TransactGetItems", "TransactWriteItems")


class Device:
    """One user's one device: what it asks, and the revision that it knows."""

    def __init__(self, api_url: str, data_dir: Path, number: int, *, snapshots: bool) -> None:
        store = MemoryTokenStore()
        email = f"user{number}@example.com"
        with TodoClient(fetch_config(api_url), store=store) as client:
            client.auth.sign_up(email, PASSWORD)
            client.auth.confirm_sign_up(email, "".join(filter(str.isdigit, local.inbox(data_dir)[-1].text)))
            client.auth.sign_in(email, PASSWORD)
        self._url, self._snapshots = api_url.rstrip("/"), snapshots
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = str((store.load() or {})["id_token"])
        self._revision = 0
        self._ids: list[str] = []

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def fill(self) -> None:
        """Have so many to-dos."""
        self._ids = [uuid7() for _ in range(TODOS)]
        for start in range(0, TODOS, 25):
            changes = [
                {"op": "create", "id": todo_id, "key": "k", "fields": {"title": "Buy milk", "notes": "n" * 250}}
                for todo_id in self._ids[start : start + 25]
            ]
            self._ask("POST", "/v1/sync", json={"since": 10**6, "limit": 1, "changes": changes})
        self.list()

    def list(self) -> None:
        """Show the list."""
        if self._snapshots and self._ask("GET", f"/v1/snapshots/{self._revision}").status_code == 200:
            return
        self._ask("GET", "/v1/todos", params={"limit": "200"})

    def check(self) -> None:
        """Ask whether the list is another one by now."""
        self._ask("GET", "/v1/todos", params={"limit": "200"}, headers={"If-None-Match": f'"{self._revision}"'})

    def config(self) -> None:
        """Read what every start of the app reads."""
        self._ask("GET", "/v1/config")

    def show(self) -> None:
        """Show one to-do."""
        self._ask("GET", f"/v1/todos/{random.choice(self._ids)}")

    def write(self) -> None:
        """Change one to-do."""
        body = {"title": f"Buy milk {random.random()}"}
        self._ask("PATCH", f"/v1/todos/{random.choice(self._ids)}", json=body)

    def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any) -> requests.Response:
        known = {"X-Min-Revision": str(self._revision), **(headers or {})}
        answer = self._session.request(method, self._url + path, headers=known, timeout=30, **rest)
        if answer.status_code not in (200, 304, 410):
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        said = answer.headers.get("X-Revision") or (answer.json().get("revision") if answer.status_code == 200 else 0)
        self._revision = max(self._revision, int(said or 0))
        return answer


def uuid7() -> str:
    """A UUIDv7 of now."""
    number = (int(time.time() * 1000) << 80) | random.getrandbits(80)
    return str(uuid.UUID(int=number & ~(0xF << 76) & ~(3 << 62) | (7 << 76) | (2 << 62)))


@contextmanager
def stack(path: str) -> Iterator[tuple[str, Path, Path]]:
    """The embedded stack with one of the read paths: its API, its data directory, and the calls to its table."""
    with tempfile.TemporaryDirectory() as folder:
        script, calls, data_dir = (Path(folder) / name for name in ("stack.py", "calls", "data"))
        script.write_text(SCRIPT.format(changes=CHANGES[path], calls=str(calls), operations=OPERATIONS))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        command = [sys.executable, str(script), "--data-dir", str(data_dir), "--port", "0"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            report = json.loads(process.stdout.readline())
            try:
                yield report["outputs"]["ApiUrl"], data_dir, calls
            finally:
                process.terminate()


def measure(path: str) -> dict[str, Any]:
    """Run the load on one path."""
    random.seed(7)
    with stack(path) as (api_url, data_dir, calls):
        devices = [Device(api_url, data_dir, number, snapshots=path == costs.PATHS[2]) for number in range(USERS)]
        for device in devices:
            device.fill()
        before, units_before = counters(data_dir), units(calls)
        order = random.choices(list(MIX), list(MIX.values()), k=REQUESTS)
        times: dict[str, list[float]] = {kind: [] for kind in MIX}
        for kind in order:
            begin = time.perf_counter()
            getattr(random.choice(devices), kind)()
            times[kind].append((time.perf_counter() - begin) * 1000)
        after, units_after = counters(data_dir), units(calls)
        for device in devices:
            device.close()
    reads = [ms for kind, taken in times.items() if kind != "write" for ms in taken]
    counted = {name: after[name] - before[name] for name in after}
    return {
        "requests": REQUESTS,
        "reads_per_second": round(1000 * len(reads) / sum(reads), 1),
        "p50_ms": round(statistics.median(reads), 2),
        "p95_ms": round(statistics.quantiles(reads, n=20)[18], 2),
        "list_p50_ms": round(statistics.median(times["list"]), 2),
        "read_units": units_after[0] - units_before[0],
        "write_units": units_after[1] - units_before[1],
        **counted,
        "function_calls": counted["api_requests"] - counted["api_hits"],
    }


def counters(data_dir: Path) -> dict[str, int]:
    """Hits and misses of all caches since the start."""
    status = local.status(data_dir)
    found = COUNTS.search(status.dax)
    item_hits, item_misses, query_hits, query_misses = map(int, found.groups()) if found else (0, 0, 0, 0)
    api = status.api_cache or {}
    asked = sum('"/v1/' in line or "/v1/" in line for line in (data_dir / "requests.jsonl").read_text().splitlines())
    return {
        "item_hits": item_hits,
        "item_misses": item_misses,
        "query_hits": query_hits,
        "query_misses": query_misses,
        "api_hits": api.get("hits", 0),
        "api_misses": api.get("misses", 0),
        "api_requests": asked,
    }


def units(calls: Path) -> tuple[float, float]:
    """The read and write units of all calls to the table so far."""
    lines = [line.split() for line in calls.read_text().splitlines()]
    return sum(float(line[1]) for line in lines), sum(float(line[2]) for line in lines)


def show(table: str) -> None:
    """Put the table into the page."""
    page = ROOT / "docs" / "caching.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    page.write_text(before + BEGIN + table + END + rest.partition(END)[2], "utf-8")


def main() -> int:
    """Measure, print, draw; 9 when DAX saves too little."""
    from benchmarks import figure

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draw", action="store_true", help="measure nothing; use what was measured before")
    if not parser.parse_args().draw:
        load = {"users": USERS, "todos": TODOS, "requests": REQUESTS, "mix": MIX}
        runs = {path: measure(path) for path in costs.PATHS}
        measured = {"measured_on": datetime.now(UTC).date().isoformat(), "load": load, "runs": runs}
        RESULTS.write_text(json.dumps(measured, indent=2) + "\n", "utf-8")
    results = json.loads(RESULTS.read_text("utf-8"))
    print(figure.table(results["runs"]))
    figure.draw(results["runs"], ROOT / "docs" / "images")
    show(figure.table(results["runs"]))
    direct, dax = (results["runs"][path]["read_units"] for path in costs.PATHS[:2])
    saved = 1 - dax / direct
    print(f"DAX saves {saved:.1%} of the read units; at least {SAVED_AT_LEAST:.0%} are wanted")
    return 0 if saved >= SAVED_AT_LEAST else 9


if __name__ == "__main__":
    sys.exit(main())
