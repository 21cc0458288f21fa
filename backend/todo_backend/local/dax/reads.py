"""GetItem and TransactGetItems of one node.

Whole items are asked of DynamoDB and projected here: replies want values at paths, and the cache wants items.
Source: the DAX protocol notes, sections 10 and 14; AWS_BEHAVIOURS DD-24, DD-25, DD-28.
"""

from collections.abc import Mapping
from typing import Any

from . import cbor, options, replies
from .context import NodeContext
from .errors import validation
from .expressions import Path, optional_projection, project
from .options import Options
from .protocol import OK
from .schemas import table_name
from .values import AttributeLists, Item, KeySchema, decode_item, encode_item


class Reads:
    """The reads of single items and of transactions, the former through the item cache."""

    def __init__(self, context: NodeContext) -> None:
        self._dynamodb = context.dynamodb
        self._schemas = context.schemas
        self._lists = context.lists
        self._items = context.items
        self._counters = context.counters

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
        optional_projection(wanted.raw(options.PROJECTION))  # refused before anything is asked, if it means nothing
        parameters = {"TableName": table, "Key": key, **wanted.capacity_parameters()}
        if wanted.consistent:
            answer = await self._dynamodb.call("GetItem", {**parameters, "ConsistentRead": True})
            return self._item_reply(encoded_content(answer.get("Item"), schema, self._lists), key, wanted, answer)
        self._counters.count("ItemCacheMisses")
        cache_key = (table, schema.encode(key))
        fill = self._items.begin_fill(cache_key)
        keep = False
        try:
            answer = await self._dynamodb.call("GetItem", parameters)
        finally:
            keep = self._items.end_fill(fill)
        content = encoded_content(answer.get("Item"), schema, self._lists)
        if keep:
            self._items.store(cache_key, content)
        return self._item_reply(content, key, wanted, answer)

    def _item_reply(self, content: bytes | None, key: Item, wanted: Options, answer: Mapping[str, Any]) -> bytes:
        entries: replies.Entries = {}
        paths = optional_projection(wanted.raw(options.PROJECTION))
        if content is not None:
            entries[replies.ITEM] = projected(content, key, paths, self._lists)
        return replies.result(entries | replies.common(answer))

    async def transact_get_items(self, raw_tables: Any, raw_keys: Any, raw_projections: Any, raw_options: Any) -> bytes:
        """TransactGetItems: passed through, not cached (DD-25)."""
        wanted = Options.parse(raw_options)
        columns = (raw_keys, raw_tables, raw_projections)
        if not all(isinstance(column, list) and len(column) == len(raw_keys) for column in columns):
            raise validation("Invalid transaction")
        tables = [table_name(raw) for raw in raw_tables]
        schemas = [await self._schemas.of(table) for table in tables]
        keys = [schema.decode(raw) for schema, raw in zip(schemas, raw_keys, strict=True)]
        paths = [optional_projection(raw) for raw in raw_projections]
        gets = [{"Get": {"TableName": table, "Key": key}} for table, key in zip(tables, keys, strict=True)]
        answer = await self._dynamodb.call("TransactGetItems", {"TransactItems": gets, **wanted.capacity_parameters()})
        found = [response.get("Item") for response in answer["Responses"]]
        encoded = [
            cbor.NULL if not item else projected(encode_item(item, schema, self._lists), key, selected, self._lists)
            for item, schema, key, selected in zip(found, schemas, keys, paths, strict=True)
        ]
        capacity = cbor.array(map(replies.transaction_capacity, answer.get("ConsumedCapacity") or ()))
        return OK + cbor.array([cbor.array(encoded), capacity])


def encoded_content(item: Item | None, schema: KeySchema, lists: AttributeLists) -> bytes | None:
    """What a cache keeps of an item; None of one that does not exist."""
    return encode_item(item, schema, lists) if item else None


def projected(content: bytes, key: Item, paths: tuple[Path, ...] | None, lists: AttributeLists) -> bytes:
    """An item of a reply: whole, or the values at the paths."""
    if paths is None:
        return cbor.byte_string(content)
    return project({**decode_item(content, lists), **key}, paths)
