"""BatchGetItem of one node: hits from the item cache, everything else from DynamoDB in one call.

Source: the DAX protocol notes, sections 10.3 and 14; AWS_BEHAVIOURS DD-24, DD-25, DD-28.
"""

from collections.abc import Mapping
from typing import Any

from . import cbor, replies
from .caches import Entry, ItemKey
from .context import NodeContext
from .errors import validation
from .expressions import Path, optional_projection
from .options import Options
from .protocol import OK
from .reads import encoded_content, projected
from .schemas import table_name
from .values import Item, KeySchema

_MAX_BATCH_KEYS = 100
Keyed = tuple[ItemKey, Item]


class BatchReads:
    """The batch reads of a node."""

    def __init__(self, context: NodeContext) -> None:
        self._dynamodb = context.dynamodb
        self._schemas = context.schemas
        self._lists = context.lists
        self._items = context.items
        self._counters = context.counters

    async def batch_get_item(self, raw_tables: Any, raw_options: Any) -> bytes:
        """BatchGetItem: each key by itself from the cache, the missing ones from DynamoDB in one call."""
        wanted = Options.parse(raw_options)
        if not isinstance(raw_tables, dict):
            raise validation("Invalid batch")
        tables = [await self._batch_table(name, entry) for name, entry in raw_tables.items()]
        proper = _is_proper_batch(tables)
        hits = {key: entry for table in tables for key, entry in self._batch_hits(table)} if proper else {}
        request = {table.name: table.request(hits) for table in tables if table.missing(hits) or not proper}
        answer = {} if proper and not request else await self._fetch_batch(tables, request, hits, wanted)
        return self._batch_reply(tables, hits, answer, wanted)

    async def _batch_table(self, raw_name: Any, entry: Any) -> "_BatchTable":
        name = table_name(raw_name)
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[2], list):
            raise validation("Invalid batch")
        schema = await self._schemas.of(name)
        keys = [schema.decode(raw) for raw in entry[2]]
        keyed = [((name, schema.encode(key)), key) for key in keys]
        return _BatchTable(name, schema, keyed, bool(entry[0]), optional_projection(entry[1]))

    def _batch_hits(self, table: "_BatchTable") -> list[tuple[ItemKey, Entry]]:
        if table.consistent:
            return []
        found = [(key, entry) for key, _ in table.keys if (entry := self._items.get(key)) is not None]
        self._counters.count("ItemCacheHits", len(found))
        self._counters.count("ItemCacheMisses", len(table.keys) - len(found))
        return found

    async def _fetch_batch(
        self, tables: list["_BatchTable"], request: Mapping[str, Any], hits: dict[ItemKey, Entry], wanted: Options
    ) -> dict[str, Any]:
        """Ask DynamoDB, add what it answers to the hits, and keep what may be kept."""
        cached = [table for table in tables if not table.consistent]
        fills = [self._items.begin_fill(key) for table in cached for key, _ in table.keys if key not in hits]
        kept: set[ItemKey] = set()
        try:
            answer = await self._dynamodb.call(
                "BatchGetItem", {"RequestItems": request, **wanted.capacity_parameters()}
            )
        finally:
            kept = {fill.key for fill in fills if self._items.end_fill(fill)}
        for table in tables:
            self._take_batch(table, answer, kept, hits)
        return answer

    def _take_batch(
        self, table: "_BatchTable", answer: Mapping[str, Any], kept: set[ItemKey], hits: dict[ItemKey, Entry]
    ) -> None:
        found = {
            (table.name, table.schema.encode(item)): item for item in answer.get("Responses", {}).get(table.name, [])
        }
        unprocessed = answer.get("UnprocessedKeys", {}).get(table.name, {}).get("Keys", [])
        skipped = {(table.name, table.schema.encode(key)) for key in unprocessed}
        for key, _ in table.keys:
            if key in hits or key in skipped:
                continue
            content = encoded_content(found.get(key), table.schema, self._lists)
            hits[key] = Entry(content, 0.0, 0)
            if key in kept:
                self._items.store(key, content)

    def _batch_reply(
        self, tables: list["_BatchTable"], found: dict[ItemKey, Entry], answer: Mapping[str, Any], wanted: Options
    ) -> bytes:
        responses = cbor.mapping((cbor.text(table.name), self._batch_items(table, found)) for table in tables)
        unprocessed = answer.get("UnprocessedKeys", {})
        left = cbor.mapping(
            (
                cbor.text(table.name),
                cbor.array(cbor.byte_string(table.schema.encode(key)) for key in unprocessed[table.name]["Keys"]),
            )
            for table in tables
            if table.name in unprocessed
        )
        # Capacity stands outside the pair: section 10.3, pitfall 9.
        return OK + cbor.array([responses, left]) + cbor.array(_batch_capacity(tables, answer, wanted))

    def _batch_items(self, table: "_BatchTable", found: Mapping[ItemKey, Entry]) -> bytes:
        parts: list[bytes] = []
        for cache_key, key in table.keys:
            entry = found.get(cache_key)
            if entry is None or entry.value is None:
                continue
            if table.paths is None:
                parts.append(cbor.byte_string(cache_key[1]))
            parts.append(projected(entry.value, key, table.paths, self._lists))
        return cbor.array(parts)


class _BatchTable:
    """One table of a BatchGetItem."""

    def __init__(
        self, name: str, schema: KeySchema, keys: list[Keyed], consistent: bool, paths: tuple[Path, ...] | None
    ) -> None:
        self.name = name
        self.schema = schema
        self.keys = keys
        self.consistent = consistent
        self.paths = paths

    def missing(self, hits: Mapping[ItemKey, Entry]) -> list[Item]:
        """The keys that DynamoDB has to be asked for; also no keys at all, which it has to refuse."""
        return [key for cache_key, key in self.keys if cache_key not in hits]

    def request(self, hits: Mapping[ItemKey, Entry]) -> dict[str, Any]:
        """What DynamoDB is asked."""
        consistent = {"ConsistentRead": True} if self.consistent else {}
        return {"Keys": self.missing(hits), **consistent}


def _is_proper_batch(tables: list[_BatchTable]) -> bool:
    """Whether DynamoDB would take the batch as it is; if not, it shall say so itself rather than be spared by hits."""
    keys = [key for table in tables for key, _ in table.keys]
    return 0 < len(keys) <= _MAX_BATCH_KEYS and len(set(keys)) == len(keys) and all(table.keys for table in tables)


def _batch_capacity(tables: list[_BatchTable], answer: Mapping[str, Any], wanted: Options) -> list[bytes]:
    """What DynamoDB consumed where it was asked, and nothing where it was not."""
    if wanted.capacity == "NONE":
        return []
    asked = answer.get("Responses", {})
    hits = [replies.no_capacity(table.name, wanted.capacity) for table in tables if table.name not in asked]
    return [replies.capacity(entry) for entry in (*answer.get("ConsumedCapacity", ()), *hits)]
