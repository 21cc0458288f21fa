"""PutItem, UpdateItem, DeleteItem and BatchWriteItem: DynamoDB first, then the item caches (DD-26).

Source: the DAX protocol notes, sections 10 and 14.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from . import cbor, options, replies
from .caches import ItemKey
from .coherence import Image, Outcome, Write
from .context import NodeContext
from .errors import DaxError, validation
from .expressions import Printer
from .options import Options
from .protocol import OK
from .schemas import table_name
from .values import Item, KeySchema, decode_item, encode_item, encode_updated

_BATCH_ATTEMPTS = 6
_BATCH_PAUSE_SECONDS = 0.025
_WHOLE = ("ALL_OLD", "ALL_NEW")


class Writes:
    """The single and batch writes of a node."""

    def __init__(self, context: NodeContext) -> None:
        self._dynamodb = context.dynamodb
        self._schemas = context.schemas
        self._lists = context.lists
        self._coherence = context.coherence

    async def put_item(self, raw_table: Any, raw_key: Any, raw_item: Any, raw_options: Any) -> bytes:
        """PutItem; the new image is what was put."""
        wanted, table, schema, key = await self._target(raw_table, raw_key, raw_options)
        item = {**decode_item(raw_item, self._lists), **key}
        parameters = {"TableName": table, "Item": item, **_write_parameters(wanted)}
        image = Image(encode_item(item, schema, self._lists))
        answer = await self._write("PutItem", parameters, (table, schema.encode(key)), image)
        return self._reply(answer, schema, wanted)

    async def delete_item(self, raw_table: Any, raw_key: Any, raw_options: Any) -> bytes:
        """DeleteItem; what remains is the knowledge that there is no item (DD-28)."""
        wanted, table, schema, key = await self._target(raw_table, raw_key, raw_options)
        parameters = {"TableName": table, "Key": key, **_write_parameters(wanted)}
        answer = await self._write("DeleteItem", parameters, (table, schema.encode(key)), Image(None))
        return self._reply(answer, schema, wanted)

    async def update_item(self, raw_table: Any, raw_key: Any, raw_options: Any) -> bytes:
        """UpdateItem; the new image is asked for where the caller left the choice, otherwise the entry is dropped."""
        wanted, table, schema, key = await self._target(raw_table, raw_key, raw_options)
        parameters = {"TableName": table, "Key": key, **_write_parameters(wanted)}
        if wanted.return_values == "NONE":
            parameters["ReturnValues"] = "ALL_NEW"
        answer = await self._write("UpdateItem", parameters, (table, schema.encode(key)), None, schema)
        if wanted.return_values == "NONE":
            answer.pop("Attributes", None)
        return self._reply(answer, schema, wanted)

    async def _target(self, raw_table: Any, raw_key: Any, raw_options: Any) -> tuple[Options, str, KeySchema, Item]:
        wanted = Options.parse(raw_options)
        table = table_name(raw_table)
        schema = await self._schemas.of(table)
        return wanted, table, schema, schema.decode(raw_key)

    async def _write(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        key: ItemKey,
        image: Image | None,
        schema: KeySchema | None = None,
    ) -> dict[str, Any]:
        """Write one key; without an image, an answer with the whole new item has it."""
        write = self._coherence.begin(key)
        outcome: Outcome | Image = Outcome.UNKNOWN
        try:
            answer = await self._dynamodb.call(operation, parameters)
            if image is None and schema is not None and parameters.get("ReturnValues") == "ALL_NEW":
                attributes = answer.get("Attributes")
                image = Image(encode_item(attributes, schema, self._lists)) if attributes else None
            outcome = image or Outcome.UNKNOWN
        except DaxError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._coherence.end(write, outcome)
        return answer

    def _reply(self, answer: Mapping[str, Any], schema: KeySchema, wanted: Options) -> bytes:
        entries: replies.Entries = {}
        attributes = answer.get("Attributes")
        if attributes:
            encoded = (
                encode_item(attributes, schema, self._lists)
                if wanted.return_values in _WHOLE
                else encode_updated(attributes, self._lists)
            )
            entries[replies.ATTRIBUTES] = cbor.byte_string(encoded)
        return replies.result(entries | replies.common(answer))

    # BatchWriteItem

    async def batch_write_item(self, raw_tables: Any, raw_options: Any) -> bytes:
        """BatchWriteItem; what DynamoDB leaves unprocessed is tried again here.

        Clients damage unprocessed puts (pitfall 11), so either all is done or the whole call is throttled.
        """
        wanted = Options.parse(raw_options)
        if not isinstance(raw_tables, dict):
            raise validation("Invalid batch")
        batch = _Batch()
        for raw_name, pairs in raw_tables.items():
            await self._add_to_batch(batch, raw_name, pairs)
        writes = [self._coherence.begin(key) for key in batch.images]
        try:
            consumed, metrics = await self._write_batch(batch, wanted)
        except DaxError as error:
            batch.fail(outcome_of(error))
            raise
        finally:
            self._end_batch(writes, batch)
        return OK + cbor.EMPTY_MAP + cbor.array(map(replies.capacity, consumed)) + replies.metrics_by_table(metrics)

    async def _add_to_batch(self, batch: "_Batch", raw_name: Any, pairs: Any) -> None:
        table = table_name(raw_name)
        if not isinstance(pairs, list) or len(pairs) % 2:
            raise validation("Invalid batch")
        schema = await self._schemas.of(table)
        batch.requests[table] = []
        for raw_key, raw_item in zip(pairs[::2], pairs[1::2], strict=True):
            key = schema.decode(raw_key)
            cache_key = (table, schema.encode(key))
            batch.schemas[table] = schema
            if raw_item is None:
                batch.requests[table].append({"DeleteRequest": {"Key": key}})
                batch.images[cache_key] = Image(None)
            else:
                item = {**decode_item(raw_item, self._lists), **key}
                batch.requests[table].append({"PutRequest": {"Item": item}})
                batch.images[cache_key] = Image(encode_item(item, schema, self._lists))

    async def _write_batch(self, batch: "_Batch", wanted: Options) -> tuple[list[Any], dict[str, list[Any]]]:
        consumed: dict[str, dict[str, Any]] = {}
        metrics: dict[str, list[Any]] = {}
        parameters = capacity_parameters(wanted)
        for attempt in range(_BATCH_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_BATCH_PAUSE_SECONDS * 2**attempt)
            answer = await self._dynamodb.call("BatchWriteItem", {"RequestItems": batch.requests, **parameters})
            _add_capacity(consumed, answer.get("ConsumedCapacity") or ())
            for table, entries in (answer.get("ItemCollectionMetrics") or {}).items():
                metrics.setdefault(table, []).extend(entries)
            batch.take_answer(answer.get("UnprocessedItems") or {})
            if not batch.requests:
                return list(consumed.values()), metrics
        raise DaxError("ThrottlingException", "DynamoDB left items of the batch unprocessed; try again")

    def _end_batch(self, writes: list[Write], batch: "_Batch") -> None:
        for write in writes:
            self._coherence.end(write, batch.outcome(write.key))


class _Batch:
    """The writes of a BatchWriteItem: what is still to be done, and what each key will hold afterwards."""

    def __init__(self) -> None:
        self.requests: dict[str, list[dict[str, Any]]] = {}
        self.schemas: dict[str, KeySchema] = {}
        self.images: dict[ItemKey, Image] = {}
        self._left: set[ItemKey] | None = None
        self._of_left: Outcome = Outcome.UNKNOWN

    def take_answer(self, unprocessed: Mapping[str, list[dict[str, Any]]]) -> None:
        """Go on with what DynamoDB did not process."""
        self.requests = {table: requests for table, requests in unprocessed.items() if requests}
        self._left = {self._key(table, request) for table, requests in self.requests.items() for request in requests}
        self._of_left = Outcome.REFUSED

    def fail(self, outcome: Outcome) -> None:
        """The last call ended in an error: that is the outcome of what was in it."""
        self._of_left = outcome

    def outcome(self, key: ItemKey) -> Outcome | Image:
        """How the write of a key ended."""
        return self._of_left if self._left is None or key in self._left else self.images[key]

    def _key(self, table: str, request: Mapping[str, Any]) -> ItemKey:
        ((_, content),) = request.items()
        return table, self.schemas[table].encode(content.get("Item") or content["Key"])


def outcome_of(error: DaxError) -> Outcome:
    """What an error says about the write that it ended."""
    return Outcome.UNKNOWN if error.outcome_is_unknown else Outcome.REFUSED


def capacity_parameters(wanted: Options) -> dict[str, str]:
    """ReturnConsumedCapacity and ReturnItemCollectionMetrics, where they are not the default."""
    given = {
        "ReturnConsumedCapacity": wanted.capacity,
        "ReturnItemCollectionMetrics": wanted.item_collection_metrics,
    }
    return {name: value for name, value in given.items() if value != "NONE"}


def _write_parameters(wanted: Options) -> dict[str, Any]:
    printer = Printer()
    condition, update = wanted.raw(options.CONDITION), wanted.raw(options.UPDATE)
    parameters: dict[str, Any] = capacity_parameters(wanted)
    if condition is not None:
        parameters["ConditionExpression"] = printer.condition(condition)
    if update is not None:
        parameters["UpdateExpression"] = printer.update(update)
    if wanted.return_values != "NONE":
        parameters["ReturnValues"] = wanted.return_values
    return parameters | printer.parameters()


def _add_capacity(total: dict[str, dict[str, Any]], consumed: Any) -> None:
    """Add up what several calls of one batch consumed, table by table."""
    for entry in consumed:
        known = total.setdefault(entry["TableName"], {"TableName": entry["TableName"]})
        _add_units(known, entry)


def _add_units(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping):
            _add_units(known.setdefault(name, {}), value)
        elif not isinstance(value, str):
            known[name] = known.get(name, 0.0) + float(value)
