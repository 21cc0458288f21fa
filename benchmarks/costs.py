"""What the three read paths cost a month at list prices: pure functions of the prices, the measured run and the load.

The prices stand in `prices.json` with their date and source, the run in `read_path.json`. What is assumed beside them
stands in `Usage`. Storage, data transfer, logs and Cognito cost the same on every path and are left out.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PRICES: Mapping[str, Any] = json.loads((FOLDER / "prices.json").read_text("utf-8"))
HOURS = 730
MILLION = 1_000_000
PATHS = ("DynamoDB", "DAX", "DAX and API cache")
DAX_NODES = 3  # AWS's advice for production: one in each of three zones


@dataclass(frozen=True)
class Usage:
    """What a user does, and what the function takes for it.

    `active_share_*` is the share of users whose entries are alive in a cache: those who were there within its lifetime
    (5 minutes in DAX, an hour in API Gateway's cache).
    """

    requests_a_day: float = 30
    list_bytes: int = 90_000
    active_share_dax: float = 0.01
    active_share_api: float = 0.05
    function_ms: float = 15
    function_gb: float = 0.5


@dataclass(frozen=True)
class Rates:
    """What one request cost on average in the measured run."""

    read_units: float
    write_units: float
    function_calls: float

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> "Rates":
        """The rates of a path's run."""
        requests = run["requests"]
        return cls(run["read_units"] / requests, run["write_units"] / requests, run["function_calls"] / requests)

    def mixed(self, other: "Rates", share: float) -> "Rates":
        """So much of these, and the rest of the others."""
        return Rates(
            share * self.read_units + (1 - share) * other.read_units,
            share * self.write_units + (1 - share) * other.write_units,
            share * self.function_calls + (1 - share) * other.function_calls,
        )


def monthly(path: str, users: float, runs: Mapping[str, Any], usage: Usage) -> dict[str, float]:
    """The month's bill of a path, by what is paid for."""
    requests = users * usage.requests_a_day * 30
    rates, bill = Rates.of(runs[path]), {}
    if path != PATHS[0]:
        bill["DAX nodes"] = HOURS * DAX_NODES * dax_node(users * usage.active_share_dax * usage.list_bytes)["hour"]
    if path == PATHS[2]:
        wanted_gb = users * usage.active_share_api * usage.list_bytes / 1e9
        size = api_cache(wanted_gb)
        bill["API cache"] = HOURS * size["hour"]
        # What does not fit is a miss, which costs what the path without the cache costs.
        rates = rates.mixed(Rates.of(runs[PATHS[1]]), min(1.0, size["size_gb"] / wanted_gb))
    units = PRICES["dynamodb_per_million"]
    bill["DynamoDB reads"] = requests * rates.read_units * units["read_units"] / MILLION
    bill["DynamoDB writes"] = requests * rates.write_units * units["write_units"] / MILLION
    call = PRICES["lambda"]["per_million"] / MILLION
    call += PRICES["lambda"]["gb_second"] * usage.function_gb * usage.function_ms / 1000
    bill["Lambda"] = requests * rates.function_calls * call
    bill["API requests"] = api_requests(requests)
    return bill


def api_requests(requests: float) -> float:
    """The price of so many requests of a REST API in a month, tier by tier."""
    total, below = 0.0, 0.0
    for tier in PRICES["api_requests_per_million"]:
        top = math.inf if tier["up_to_millions"] is None else tier["up_to_millions"] * MILLION
        total += max(0.0, min(requests, top) - below) / MILLION * tier["price"]
        below = top
    return total


def dax_node(working_set_bytes: float) -> Mapping[str, Any]:
    """The smallest node that holds the working set (every node holds all of it), or the largest there is."""
    nodes = PRICES["dax_nodes"]
    fitting: Mapping[str, Any] = next(
        (node for node in nodes if node["memory_gb"] * 1e9 >= working_set_bytes), nodes[-1]
    )
    return fitting


def api_cache(wanted_gb: float) -> Mapping[str, Any]:
    """The smallest size that holds the answers, or the largest there is."""
    sizes = PRICES["api_cache"]
    fitting: Mapping[str, Any] = next((size for size in sizes if size["size_gb"] >= wanted_gb), sizes[-1])
    return fitting


def pays_from(path: str, than: str, runs: Mapping[str, Any], usage: Usage) -> float | None:
    """The number of users from which on a path costs no more than another; None if there is none below a billion."""
    steps = [10 ** (2 + step / 50) for step in range(351)]
    dearer = [sum(monthly(path, n, runs, usage).values()) > sum(monthly(than, n, runs, usage).values()) for n in steps]
    if dearer[-1]:
        return None
    last = max((number for number, is_dearer in enumerate(dearer) if is_dearer), default=-1)
    return steps[last + 1]


def read_units(operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """The read units of a call by the sizes of what it returned (DD-10); emulators do not tell them for every call."""
    if operation == "GetItem":
        return four_kb(item_bytes(answer.get("Item"))) * share(asked)
    if operation == "Query":
        return four_kb(sum(map(item_bytes, answer.get("Items", ())))) * share(asked)
    if operation == "BatchGetItem":
        return sum(
            (four_kb(item_bytes(item)) for name in asked["RequestItems"] for item in answer["Responses"].get(name, ())),
            start=0.0,
        ) * share(next(iter(asked["RequestItems"].values())))
    if operation == "TransactGetItems":
        return 2.0 * sum(four_kb(item_bytes(response.get("Item"))) for response in answer["Responses"])
    return 0.0


def write_units(operation: str, asked: Mapping[str, Any]) -> float:
    """The write units of a transaction (DD-11): each item twice, and its old and new place in the index."""
    if operation != "TransactWriteItems":
        return 0.0
    units = 0.0
    for action in asked["TransactItems"]:
        (what,) = action.values()
        kilobytes = max(1, math.ceil(item_bytes(what.get("Item") or what["ExpressionAttributeValues"]) / 1024))
        is_new = "attribute_not_exists" in what["ConditionExpression"]
        units += kilobytes * (2 + (1 if is_new else 2))
    return units


def share(asked: Mapping[str, Any]) -> float:
    """Half for what need not be consistent."""
    return 1.0 if asked.get("ConsistentRead") else 0.5


def four_kb(size_bytes: int) -> int:
    """Started blocks of 4 KB; what is not there costs one."""
    return max(1, math.ceil(size_bytes / 4096))


def item_bytes(item: Mapping[str, Any] | None) -> int:
    """The size of an item as DynamoDB counts it: names and values in UTF-8, a number about half its digits."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in (item or {}).items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return len(content) // 2 + 1
    if kind == "L":
        return 3 + sum(1 + _value_bytes(part) for part in content)
    if kind == "M":
        return 3 + len(content) + item_bytes(content)
    return len(content.encode()) if isinstance(content, str) else 1
