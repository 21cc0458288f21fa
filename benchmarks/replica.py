"""Speed of the replica on a list of 10,000: what a person waits for, its limit, and the least that it could take.

    python benchmarks/replica.py              prints the table, ends 9 when a limit is not kept
    python benchmarks/replica.py --todos 2000

`least` is the same answer by a bare loop, a bare query or bare requests in the same run. The service is an embedded
stack of the benchmark's own.
"""

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from todo_backend import local
from todo_sdk import Change, Config, FileTokenStore, Replica, TodoClient, fetch_config
from todo_sdk._fields import new_todo_id

PASSWORD = "Correct-Horse-7-Battery"
WORDS = ("buy call write read fix plan milk bread report invoice garden bicycle train window letter summer").split()  # noqa: SIM905


@dataclass(frozen=True)
class Row:
    """One line of the table: milliseconds, or a count where `unit` says so."""

    name: str
    value: float
    limit: float
    least: float | None = None
    unit: str = "ms"

    @property
    def kept(self) -> bool:
        """Whether the value is within its limit."""
        return self.value <= self.limit


class Counting(requests.Session):
    """Counts what it asks."""

    count = 0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Ask, and count."""
        self.count += 1
        return super().send(request, **options)


def milliseconds(action: Callable[[], object], rounds: int = 30) -> float:
    """How long the action takes, the median of some rounds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


@contextmanager
def clients(folder: Path) -> Iterator[tuple[TodoClient, TodoClient, Counting]]:
    """A stack with one user, who is signed in on two devices."""
    outputs = local.start(local.StackOptions(data_dir=folder / "stack", port=0, ephemeral=True))
    try:
        config = fetch_config(str(outputs["ApiUrl"]))
        first = client_of(config, folder / "first")
        first.auth.sign_up("ann@example.com", PASSWORD)
        code = "".join(filter(str.isdigit, local.inbox(folder / "stack")[-1].text))
        first.auth.confirm_sign_up("ann@example.com", code)
        asked = Counting()
        second = client_of(config, folder / "second", asked)
        for client in (first, second):
            client.auth.sign_in("ann@example.com", PASSWORD)
        with first, second:
            yield first, second, asked
    finally:
        local.stop(folder / "stack")


def client_of(config: Config, folder: Path, http: requests.Session | None = None) -> TodoClient:
    """A device's client, with a folder of its own."""
    own = replace(config, data_dir=folder)
    return TodoClient(own, store=FileTokenStore(own.session_path), http=http)


def some_todos(count: int) -> Iterator[Change]:
    """To-dos as people have them, the same in each run."""
    chance = random.Random(1)
    for number in range(count):
        fields = {
            "title": " ".join(chance.choices(WORDS, k=4)) + f" {number}",
            "notes": " ".join(chance.choices(WORDS, k=30)),
            "tags": chance.sample(WORDS, k=2),
            "list": chance.choice(("", "home", "work", "club")),
            "priority": chance.randint(1, 4),
            "due": f"2027-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            "status": "done" if number % 3 == 0 else "open",
        }
        yield Change("create", new_todo_id(1_790_000_000 + number), fields)


def syncing(first: TodoClient, second: TodoClient, asked: Counting, count: int) -> Iterator[Row]:
    """Push all, fetch all on another device, then one change."""
    changes = list(some_todos(count))
    yield Row(f"add {count} in one transaction", milliseconds(lambda: first.replica.batch(changes), 1), 10_000)
    yield Row(f"push {count}", milliseconds(first.replica.sync, 1), 300_000)
    least = milliseconds(lambda: fetch_bare(second, count), 1)
    asked.count = 0
    yield Row(f"first sync of {count}", milliseconds(second.replica.sync, 1), 10_000, least)
    yield Row("  its requests", asked.count, count / 500 + 1, unit="")
    assert len(second.replica.list()) == count
    asked.count = 0
    second.replica.add("one change")
    second.replica.sync()
    yield Row("requests of a sync of one change", asked.count, 1, unit="")
    asked.count = 0
    second.replica.sync()
    yield Row("requests of a sync of nothing", asked.count, 1, unit="")


def fetch_bare(client: TodoClient, count: int) -> None:
    """The same pages by bare requests, read as JSON and forgotten."""
    with requests.Session() as bare:
        bare.trust_env = False
        bare.headers["Authorization"] = client._session.id_token()
        body: dict[str, Any] = {"since": 0}
        seen = 0
        while True:
            answer = json.loads(bare.post(f"{client.config.api_url}/v1/sync", json=body, timeout=60).content)
            seen += len(answer["changes"])
            body["since"] = answer["revision"]
            if not answer["more"]:
                break
    assert seen == count


def asking(replica: Replica, count: int) -> Iterator[Row]:
    """Lists and searches; the least is the bare query for the same rows, or a loop over titles in memory."""
    bare = sqlite3.connect(replica.path)
    titles = [row[0] for row in bare.execute("SELECT title || ' ' || notes FROM todo")]
    tagged = "SELECT * FROM todo JOIN tag ON tag.todo = todo.rowid WHERE tag.tag = 'milk' AND status = 'open'"
    lists: tuple[tuple[str, dict[str, Any], str | None], ...] = (
        ("tag, list and due before a month", {"tag": "milk", "list": "home", "due_before": "2027-02-01"}, None),
        ("list, priority 1, open", {"list": "club", "priority": 1, "status": "open", "due_before": "2027-03-01"}, None),
        ("overdue", {"overdue": True}, None),
        ("two tags", {"tag": ["milk", "bread"], "status": "open"}, None),
        ("the first 50 of all open", {"status": "open", "limit": 50}, None),
        ("one tag, open", {"tag": "milk", "status": "open"}, tagged),
    )
    for name, filters, query in lists:
        found = len(replica.list(**filters))
        least = None if query is None else milliseconds(partial(fetched, bare, query))
        took = milliseconds(partial(replica.list, **filters))
        yield Row(f"list by filter: {name} ({found} found)", took, 20, least)
    for text in ("bicycle 77", "invoice 123", "garden let"):
        found = len(replica.search(text, limit=50))
        least = milliseconds(partial(scanned, titles, text.split()))
        took = milliseconds(partial(replica.search, text, limit=50))
        yield Row(f"search {text!r} ({found} shown)", took, 10, least)
    todo = replica.list(limit=1)[0]
    numbers = iter(range(10_000))
    yield Row("add one, on the disk", milliseconds(lambda: replica.add(f"x {next(numbers)}")), 50)
    yield Row("edit one, on the disk", milliseconds(lambda: replica.edit(todo.id, notes=f"x {next(numbers)}")), 50)
    yield Row("find by number", milliseconds(lambda: replica.find("77")), 5)
    yield Row("stats", milliseconds(replica.stats), 20)
    yield Row(f"list of all {count}, as values", milliseconds(lambda: replica.list(status=None), 3), 1000)
    bare.close()


def fetched(bare: sqlite3.Connection, query: str) -> list[Any]:
    """The rows of a query."""
    return bare.execute(query).fetchall()


def scanned(titles: list[str], words: list[str]) -> list[str]:
    """The titles with all words."""
    return [title for title in titles if all(word in title for word in words)]


def main() -> int:
    """Measure everything, print the table, end 9 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--todos", type=int, default=10_000, help="how many to-dos the list has")
    count = parser.parse_args().todos
    with tempfile.TemporaryDirectory() as folder, clients(Path(folder)) as (first, second, asked):
        rows = [*syncing(first, second, asked, count), *asking(second.replica, count)]
    table = Table("what", "took", "limit", "kept", "least")
    for row in rows:
        least = "" if row.least is None else f"{row.least:,.1f} {row.unit}"
        values = (f"{row.value:,.1f} {row.unit}", f"{row.limit:,.0f} {row.unit}")
        table.add_row(row.name, *values, "yes" if row.kept else "NO", least)
    Console().print(table)
    return 0 if all(row.kept for row in rows) else 9


if __name__ == "__main__":
    sys.exit(main())
