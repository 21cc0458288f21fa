"""What the response cache saves in the whole stack: a route from the cache and through Lambda, and an uncached list.

    python benchmarks/response_cache.py              prints the table, ends 9 when a limit is missed
    python benchmarks/response_cache.py --rounds 40

Cached and uncached are asked in turn within one run, on connections that are kept, so that a busy machine slows both.
"""

import argparse
import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from todo_backend import local
from todo_backend.local.control import AdminCredentials
from todo_backend.local.datadir import DataDir
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

TIMES_FASTER = 10.0
LIST_P50_MS = 15.0
PASSWORD = "Correct-Horse-7-Battery"
CACHED_IN_A_ROUND, UNCACHED_IN_A_ROUND = 200, 20
TODOS = 20


@contextmanager
def running() -> Iterator[tuple[local.Outputs, Path]]:
    """A stack of its own."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "stack"
        try:
            yield local.start(local.StackOptions(data_dir, port=0)), data_dir
        finally:
            local.stop(data_dir)


class Connection:
    """One kept connection to the API."""

    def __init__(self, api_url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(api_url)
        self._stage, self._headers = parts.path, headers
        self._http = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def milliseconds(self, path: str) -> float:
        """How long one GET takes."""
        begun = time.perf_counter()
        self._http.request("GET", f"{self._stage}/v1/{path}", headers=self._headers)
        answer = self._http.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        return (time.perf_counter() - begun) * 1000


class Switch:
    """Caching of `GET /v1/config`, on and off by API Gateway's own call."""

    def __init__(self, outputs: local.Outputs, data_dir: Path) -> None:
        keys = AdminCredentials.of(DataDir(data_dir))
        self._place = dict(zip(("restApiId", "stageName"), str(outputs["ApiUrl"]).split("/")[-2:], strict=True))
        self._aws: Any = boto3.client(
            "apigateway",
            region_name=outputs["Region"],
            endpoint_url=outputs["EndpointUrl"],
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
        )

    def turn(self, value: bool) -> None:
        """On or off."""
        patch = {"op": "replace", "path": "/~1v1~1config/GET/caching/enabled", "value": str(value).lower()}
        self._aws.update_stage(**self._place, patchOperations=[patch])


def signed_in(outputs: local.Outputs, data_dir: Path) -> str:
    """The id token of a new user with some to-dos."""
    store, email = MemoryTokenStore(), "bench@example.com"
    with TodoClient(fetch_config(str(outputs["ApiUrl"])), store=store) as client:
        client.auth.sign_up(email, PASSWORD)
        code = local.inbox(data_dir)[-1].text.split()[-1]
        client.auth.confirm_sign_up(email, code)
        client.auth.sign_in(email, PASSWORD)
        for number in range(TODOS):
            client.todos.add(f"to-do {number}")
        return str((store.load() or {})["id_token"])


def main() -> int:
    """Measure and print; 9 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    cached: list[float] = []
    uncached: list[float] = []
    with running() as (outputs, data_dir):
        api_url, switch = str(outputs["ApiUrl"]), Switch(outputs, data_dir)
        config = Connection(api_url, {})
        todos = Connection(api_url, {"Authorization": signed_in(outputs, data_dir)})
        for _ in range(rounds):
            for is_cached, figures, times in (
                (True, cached, CACHED_IN_A_ROUND),
                (False, uncached, UNCACHED_IN_A_ROUND),
            ):
                switch.turn(is_cached)
                config.milliseconds("config")
                figures += [config.milliseconds("config") for _ in range(times)]
        listed = [todos.milliseconds("todos") for _ in range(rounds * UNCACHED_IN_A_ROUND)][UNCACHED_IN_A_ROUND:]
    fast, slow, whole = (statistics.median(figures) for figures in (cached, uncached, listed))
    print(f"GET /v1/config from the cache, p50     {fast:7.2f} ms  {1000 / fast:6.0f}/s on one connection")
    print(f"GET /v1/config through Lambda, p50     {slow:7.2f} ms")
    print(f"  the cache is                         {slow / fast:7.1f} times faster (limit {TIMES_FASTER:.0f})")
    print(f"warm uncached GET /v1/todos, p50       {whole:7.2f} ms (limit {LIST_P50_MS:.0f})")
    return 0 if slow / fast >= TIMES_FASTER and whole <= LIST_P50_MS else 9


if __name__ == "__main__":
    sys.exit(main())
