"""The bodies of successful replies. No I/O.

Source: the DAX protocol notes, sections 10 and 11.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from . import cbor
from .protocol import OK
from .values import from_attribute

ITEM, CAPACITY, ATTRIBUTES, METRICS, ITEMS, COUNT, LAST_KEY, SCANNED_COUNT = 0, 1, 2, 3, 7, 8, 9, 10

Entries = dict[int, bytes]


def result(entries: Entries) -> bytes:
    """A reply with a result map of encoded values; what does not exist is left out, never null (section 10.1)."""
    body = b"".join(cbor.integer(key) + value for key, value in entries.items())
    return OK + cbor.MAP_START + body + cbor.BREAK


def capacity(consumed: Mapping[str, Any]) -> bytes:
    """ConsumedCapacity in its positional form, units always as floats (section 11.1)."""
    table = consumed.get("Table")
    parts = (
        cbor.text(consumed["TableName"]),
        cbor.float64(float(consumed.get("CapacityUnits", 0))),
        cbor.NULL if table is None else cbor.float64(float(table.get("CapacityUnits", 0))),
        _index_units(consumed.get("GlobalSecondaryIndexes")),
        _index_units(consumed.get("LocalSecondaryIndexes")),
    )
    return cbor.byte_string(b"".join(parts))


def _index_units(indexes: Mapping[str, Any] | None) -> bytes:
    if indexes is None:
        return cbor.NULL
    return cbor.mapping(
        (cbor.text(name), cbor.float64(float(units.get("CapacityUnits", 0)))) for name, units in indexes.items()
    )


def no_capacity(table: str, wanted: str) -> dict[str, Any]:
    """What a hit consumes: nothing, in DynamoDB's JSON."""
    consumed: dict[str, Any] = {"TableName": table, "CapacityUnits": 0.0}
    if wanted == "INDEXES":
        consumed["Table"] = {"CapacityUnits": 0.0}
    return consumed


def _units(units: Mapping[str, Any]) -> dict[Any, Any]:
    names = ("CapacityUnits", "ReadCapacityUnits", "WriteCapacityUnits")
    return {place: float(units[name]) for place, name in enumerate(names, 1) if units.get(name) is not None}


def transaction_capacity(consumed: Mapping[str, Any]) -> bytes:
    """ConsumedCapacity in its map form, for transactions (section 11.2)."""
    found = _units(consumed)
    found[4] = consumed["TableName"]
    if "Table" in consumed:
        found[5] = _units(consumed["Table"])
    for place, kind in ((6, "GlobalSecondaryIndexes"), (7, "LocalSecondaryIndexes")):
        if kind in consumed:
            found[place] = {name: _units(units) for name, units in consumed[kind].items()}
    return cbor.encode(found)


def item_collection_metrics(metrics: Mapping[str, Any]) -> bytes:
    """Item collection metrics (section 11.3)."""
    ((_, hash_key),) = metrics["ItemCollectionKey"].items()
    low, high = metrics["SizeEstimateRangeGB"]
    return cbor.byte_string(from_attribute(hash_key) + cbor.float64(float(low)) + cbor.float64(float(high)))


def metrics_by_table(metrics: Mapping[str, Iterable[Mapping[str, Any]]]) -> bytes:
    """Item collection metrics of a batch or transaction: {table: [metrics]}."""
    return cbor.mapping(
        (cbor.text(table), cbor.array(map(item_collection_metrics, entries))) for table, entries in metrics.items()
    )


def common(answer: Mapping[str, Any]) -> Entries:
    """The entries that any single operation may have: capacity and item collection metrics."""
    entries: Entries = {}
    if answer.get("ConsumedCapacity"):
        entries[CAPACITY] = capacity(answer["ConsumedCapacity"])
    if answer.get("ItemCollectionMetrics"):
        entries[METRICS] = item_collection_metrics(answer["ItemCollectionMetrics"])
    return entries
