"""GetItem, BatchGetItem, Query, Scan and TransactGetItems of one node.

Whole items are asked of DynamoDB and projected here: replies want values at paths, and the cache wants items.
Source: the DAX protocol notes, sections 10 and 14; AWS_BEHAVIOURS DD-24, DD-25, DD-27, DD-28.
"""

from collections.abc import Mapping
from typing import Any

from . import cbor, options, replies
from .caches import Entry, ItemKey
from .context import NodeContext
from .errors import validation
from .expressions import Path, Printer, project, projection
from .options import Options
from .protocol import OK
from .schemas import table_name
from .values import (
    Item,
    KeySchema,
    decode_compound_key,
    decode_item,
    encode_compound_key,
    encode_item,
)

_MAX_BATCH_KEYS = 100
Keyed = tuple[ItemKey, Item]


class Reads:
    """The reading operations of a node, through its two caches."""

    def __init__(self, context: NodeContext) -> None:
        self._dynamodb = context.dynamodb
        self._schemas = context.schemas
        self._lists = context.lists
        self._items = context.items
        self._queries = context.queries
        self._counters = context.counters

    # GetItem

    def cached_item(self, raw_table: Any, raw_key: Any, raw_options: Any) -> bytes | None:
        """The reply to a GetItem whose answer is in the cache, without waiting for anything; None if it is not."""
        wanted = Options.parse(raw_options)
        table = table_name(raw_table)
        schema = self._schemas.kept(table)
        if wanted.consistent or schema is None:
            return None
        key = schema.decode(raw_key)
        entry = self._items.get((table, schema.encode(key)))
        if entry is None:
            return None
        self._counters.count("ItemCacheHits")
        answer = {} if wanted.capacity == "NONE" else {"ConsumedCapacity": replies.no_capacity(table, wanted.capacity)}
        return self._item_reply(entry.value, key, wanted, answer)

    async def get_item(self, raw_table: Any, raw_key: Any, raw_options: Any) -> bytes:
        """GetItem: from the cache, or from DynamoDB if it is not there or has to be consistent."""
        wanted = Options.parse(raw_options)
        table = table_name(raw_table)
        schema = await self._schemas.of(table)
        hit = self.cached_item(raw_table, raw_key, raw_options)
        if hit is not None:
            return hit
        key = schema.decode(raw_key)
        _paths(wanted.raw(options.PROJECTION))  # a projection that means nothing is refused before anything is asked
        parameters = {"TableName": table, "Key": key, **_capacity(wanted)}
        if wanted.consistent:
            answer = await self._dynamodb.call("GetItem", {**parameters, "ConsistentRead": True})
            return self._item_reply(self._content(answer.get("Item"), schema), key, wanted, answer)
        self._counters.count("ItemCacheMisses")
        cache_key = (table, schema.encode(key))
        fill = self._items.begin_fill(cache_key)
        keep = False
        try:
            answer = await self._dynamodb.call("GetItem", parameters)
        finally:
            keep = self._items.end_fill(fill)
        content = self._content(answer.get("Item"), schema)
        if keep:
            self._items.store(cache_key, content)
        return self._item_reply(content, key, wanted, answer)

    def _content(self, item: Item | None, schema: KeySchema) -> bytes | None:
        return encode_item(item, schema, self._lists) if item else None

    def _item_reply(self, content: bytes | None, key: Item, wanted: Options, answer: Mapping[str, Any]) -> bytes:
        entries: replies.Entries = {}
        paths = _paths(wanted.raw(options.PROJECTION))
        if content is not None:
            entries[replies.ITEM] = self._projected(content, key, paths)
        return replies.result(entries | replies.common(answer))

    def _projected(self, content: bytes, key: Item, paths: tuple[Path, ...] | None) -> bytes:
        if paths is None:
            return cbor.byte_string(content)
        return project({**decode_item(content, self._lists), **key}, paths)

    # BatchGetItem

    async def batch_get_item(self, raw_tables: Any, raw_options: Any) -> bytes:
        """BatchGetItem: each key by itself from the cache, the missing ones from DynamoDB in one call."""
        wanted = Options.parse(raw_options)
        if not isinstance(raw_tables, dict):
            raise validation("Invalid batch")
        tables = [await self._batch_table(name, entry) for name, entry in raw_tables.items()]
        hits: dict[ItemKey, Entry] = {}
        if _is_proper_batch(tables):
            hits = {key: entry for table in tables for key, entry in self._batch_hits(table)}
        request = {table.name: table.request(hits) for table in tables if table.missing(hits)}
        answer = await self._fetch_batch(tables, request, hits, wanted) if request or not tables else {}
        return self._batch_reply(tables, hits, answer, wanted)

    async def _batch_table(self, raw_name: Any, entry: Any) -> "_BatchTable":
        name = table_name(raw_name)
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[2], list):
            raise validation("Invalid batch")
        schema = await self._schemas.of(name)
        keys = [schema.decode(raw) for raw in entry[2]]
        keyed = [((name, schema.encode(key)), key) for key in keys]
        return _BatchTable(name, schema, keyed, bool(entry[0]), _paths(entry[1]))

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
            answer = await self._dynamodb.call("BatchGetItem", {"RequestItems": request, **_capacity(wanted)})
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
            content = self._content(found.get(key), table.schema)
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
            parts.append(self._projected(entry.value, key, table.paths))
        return cbor.array(parts)

    # Query and Scan

    async def query(self, raw_table: Any, raw_condition: Any, raw_options: Any, user_agent: str = "") -> bytes:
        """Query, through the query cache."""
        return await self._search("Query", raw_table, raw_condition, raw_options, user_agent)

    async def scan(self, raw_table: Any, raw_options: Any, user_agent: str = "") -> bytes:
        """Scan, through the query cache."""
        return await self._search("Scan", raw_table, None, raw_options, user_agent)

    def cached_search(
        self, operation: str, raw_table: Any, raw_condition: Any, raw_options: Any, user_agent: str
    ) -> bytes | None:
        """The reply to a Query or Scan whose result is in the cache; None if it is not, or has to be consistent."""
        wanted = Options.parse(raw_options)
        if wanted.consistent:
            return None
        table = table_name(raw_table)
        body = self._queries.get(_search_key(operation, table, raw_condition, wanted, user_agent))
        if body is None:
            return None
        self._counters.count(f"{operation}CacheHits")
        capacity = b""
        if wanted.capacity != "NONE":
            consumed = replies.no_capacity(table, wanted.capacity)
            capacity = cbor.integer(replies.CAPACITY) + replies.capacity(consumed)
        return OK + cbor.MAP_START + capacity + body + cbor.BREAK

    async def _search(
        self, operation: str, raw_table: Any, raw_condition: Any, raw_options: Any, user_agent: str
    ) -> bytes:
        hit = self.cached_search(operation, raw_table, raw_condition, raw_options, user_agent)
        if hit is not None:
            return hit
        wanted = Options.parse(raw_options)
        table = table_name(raw_table)
        schema = await self._schemas.of(table)
        paths = _paths(wanted.raw(options.PROJECTION))
        parameters = _search_parameters(table, schema, raw_condition, wanted, user_agent, paths)
        answer = await self._dynamodb.call(operation, parameters)
        entries = self._search_entries(schema, answer, wanted, paths)
        if not wanted.consistent:
            self._counters.count(f"{operation}CacheMisses")
            body = b"".join(cbor.integer(key) + value for key, value in entries.items())
            self._queries.store(_search_key(operation, table, raw_condition, wanted, user_agent), body)
        return replies.result(replies.common(answer) | entries)

    def _search_entries(
        self, schema: KeySchema, answer: Mapping[str, Any], wanted: Options, paths: tuple[Path, ...] | None
    ) -> replies.Entries:
        entries: replies.Entries = {}
        if "Items" in answer:
            entries[replies.ITEMS] = cbor.array(self._search_item(item, schema, paths) for item in answer["Items"])
        entries[replies.COUNT] = cbor.integer(answer.get("Count", 0))
        entries[replies.SCANNED_COUNT] = cbor.integer(answer.get("ScannedCount", 0))
        last = answer.get("LastEvaluatedKey")
        if last:
            raw = schema.encode(last) if wanted.index is None else encode_compound_key(last)
            entries[replies.LAST_KEY] = cbor.byte_string(raw)
        return entries

    def _search_item(self, item: Item, schema: KeySchema, paths: tuple[Path, ...] | None) -> bytes:
        if paths is not None:
            return project(item, paths)
        content = encode_item(item, schema, self._lists)
        return cbor.array([cbor.byte_string(schema.encode(item)), cbor.byte_string(content)])

    # TransactGetItems

    async def transact_get_items(self, raw_tables: Any, raw_keys: Any, raw_projections: Any, raw_options: Any) -> bytes:
        """TransactGetItems: passed through, not cached (DD-25)."""
        wanted = Options.parse(raw_options)
        if not all(
            isinstance(part, list) and len(part) == len(raw_keys) for part in (raw_tables, raw_keys, raw_projections)
        ):
            raise validation("Invalid transaction")
        tables = [table_name(raw) for raw in raw_tables]
        schemas = [await self._schemas.of(table) for table in tables]
        keys = [schema.decode(raw) for schema, raw in zip(schemas, raw_keys, strict=True)]
        paths = [_paths(raw) for raw in raw_projections]
        gets = [{"Get": {"TableName": table, "Key": key}} for table, key in zip(tables, keys, strict=True)]
        answer = await self._dynamodb.call("TransactGetItems", {"TransactItems": gets, **_capacity(wanted)})
        found = [response.get("Item") for response in answer["Responses"]]
        encoded = [
            cbor.NULL if not item else self._projected(encode_item(item, schema, self._lists), key, selected)
            for item, schema, key, selected in zip(found, schemas, keys, paths, strict=True)
        ]
        capacity = cbor.array(map(replies.transaction_capacity, answer.get("ConsumedCapacity") or ()))
        return OK + cbor.array([cbor.array(encoded), capacity])


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


def _paths(raw: bytes | None) -> tuple[Path, ...] | None:
    return None if raw is None else projection(raw)


def _capacity(wanted: Options) -> dict[str, str]:
    return {} if wanted.capacity == "NONE" else {"ReturnConsumedCapacity": wanted.capacity}


def _search_key(operation: str, table: str, condition: Any, wanted: Options, user_agent: str) -> tuple[Any, ...]:
    if not isinstance(condition, bytes | None):
        raise validation("Invalid KeyConditionExpression")
    return (operation, table, condition, wanted.query_key(), wanted.select(user_agent))


def _search_parameters(
    table: str, schema: KeySchema, condition: bytes | None, wanted: Options, agent: str, paths: tuple[Path, ...] | None
) -> dict[str, Any]:
    printer = Printer()
    index = wanted.index
    start, filtering, forward = (wanted.raw(key) for key in (options.START_KEY, options.FILTER, options.FORWARD))
    parameters: dict[str, Any] = {
        "TableName": table,
        "IndexName": index,
        "KeyConditionExpression": None if condition is None else printer.condition(condition),
        "FilterExpression": None if filtering is None else printer.condition(filtering),
        "ProjectionExpression": _top_level(paths, printer),
        "ConsistentRead": True if wanted.consistent else None,
        "Limit": wanted.number(options.LIMIT),
        "ScanIndexForward": None if forward is None else bool(forward),
        "Select": wanted.select(agent),
        "Segment": wanted.number(options.SEGMENT),
        "TotalSegments": wanted.number(options.SEGMENTS),
        **_capacity(wanted),
        **printer.parameters(),
    }
    if start is not None:
        parameters["ExclusiveStartKey"] = schema.decode(start) if index is None else decode_compound_key(start)
    return {name: value for name, value in parameters.items() if value is not None}


def _top_level(paths: tuple[Path, ...] | None, printer: Printer) -> str | None:
    """The attributes that hold the paths: values at paths are found here, in undamaged lists (pitfall 26)."""
    if paths is None:
        return None
    return ", ".join(printer.path((name,)) for name in dict.fromkeys(path[0] for path in paths))
