"""Query and Scan of one node, through its query cache.

Only the attributes that hold a projection's paths are asked of DynamoDB; the values at the paths are found here.
Source: the DAX protocol notes, sections 10.1, 10.2 and 14; AWS_BEHAVIOURS DD-27.
"""

from collections.abc import Mapping
from typing import Any

from . import cbor, options, replies
from .context import NodeContext
from .errors import validation
from .expressions import Path, Printer, optional_projection, project
from .options import Options
from .protocol import OK
from .schemas import table_name
from .values import Item, KeySchema, decode_compound_key, encode_compound_key, encode_item


class Searches:
    """The queries and scans of a node."""

    def __init__(self, context: NodeContext) -> None:
        self._dynamodb = context.dynamodb
        self._schemas = context.schemas
        self._lists = context.lists
        self._queries = context.queries
        self._counters = context.counters

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
        paths = optional_projection(wanted.raw(options.PROJECTION))
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
        **wanted.capacity_parameters(),
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
