"""TransactWriteItems: DynamoDB, the reply, and a moment later fresh copies for the item caches.

Source: the DAX protocol notes, sections 10.6, 12.3 and 14.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import cbor, replies
from .backend import BackendError
from .caches import ItemKey
from .coherence import Image, Outcome
from .context import NodeContext
from .errors import DaxError, Reason, validation
from .expressions import Printer
from .options import Options
from .protocol import OK
from .schemas import table_name
from .values import Item, KeySchema, decode_item, encode_item
from .writes import capacity_parameters, outcome_of

PUT, DELETE, UPDATE, CONDITION_CHECK = 2, 7, 9, 12
# The action of each kind in DynamoDB's words; IAM has PutItem, DeleteItem, UpdateItem and ConditionCheckItem.
KINDS = {PUT: "Put", DELETE: "Delete", UPDATE: "Update", CONDITION_CHECK: "ConditionCheck"}
_ON_FAILURE = (None, None, "ALL_OLD")
_COLUMNS = 8


@dataclass(frozen=True)
class _Action:
    """One action of a transaction."""

    table: str
    schema: KeySchema
    key: Item
    kind: str
    parameters: dict[str, Any]

    @property
    def cache_key(self) -> ItemKey:
        return self.table, self.schema.encode(self.key)


class Transactions:
    """The transactional writes of a node."""

    def __init__(self, context: NodeContext) -> None:
        self._dynamodb = context.dynamodb
        self._schemas = context.schemas
        self._lists = context.lists
        self._coherence = context.coherence
        self._items = context.items
        self._refreshing: set[asyncio.Task[None]] = set()

    async def transact_write_items(self, *arguments: Any) -> bytes:
        """TransactWriteItems, with the client's token: clients repeat a cancelled transaction under the same one."""
        *columns, raw_options = arguments
        wanted = Options.parse(raw_options)
        actions = [await self._action(row) for row in _rows(columns)]
        parameters: dict[str, Any] = {
            "TransactItems": [{action.kind: action.parameters} for action in actions],
            **capacity_parameters(wanted),
        }
        if wanted.token is not None:
            parameters["ClientRequestToken"] = wanted.token
        answer = await self._write(actions, parameters)
        capacity = cbor.array(map(replies.transaction_capacity, answer.get("ConsumedCapacity") or ()))
        metrics = replies.metrics_by_table(answer.get("ItemCollectionMetrics") or {})
        return OK + cbor.array([cbor.EMPTY_ARRAY, capacity, metrics])

    async def close(self) -> None:
        """Stop refreshing."""
        for task in self._refreshing:
            task.cancel()
        await asyncio.gather(*self._refreshing, return_exceptions=True)

    async def _write(self, actions: list[_Action], parameters: Mapping[str, Any]) -> dict[str, Any]:
        written = {action.cache_key: action for action in actions if action.kind != KINDS[CONDITION_CHECK]}
        writes = [self._coherence.begin(key) for key in written]
        outcome = Outcome.UNKNOWN
        try:
            answer = await self._dynamodb.call("TransactWriteItems", parameters)
            outcome = Outcome.LATER
        except DaxError as error:
            outcome = outcome_of(error)
            raise self._cancelled(error, actions) from error
        finally:
            for write in writes:
                self._coherence.end(write, outcome)
        if written:
            task = asyncio.create_task(self._refresh(written))
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)
        return answer

    async def _refresh(self, written: Mapping[ItemKey, _Action]) -> None:
        """Read what the transaction wrote, once for all nodes; until then caches hold what was before (section 14)."""
        fills = [self._items.begin_fill(key) for key in written]
        images: dict[ItemKey, Image] = {}
        try:
            gets = [{"Get": {"TableName": action.table, "Key": action.key}} for action in written.values()]
            answer = await self._dynamodb.call("TransactGetItems", {"TransactItems": gets})
            for (key, action), response in zip(written.items(), answer["Responses"], strict=True):
                item = response.get("Item")
                images[key] = Image(encode_item(item, action.schema, self._lists) if item else None)
        except DaxError:
            images = {}  # without fresh copies the old ones must not stay
        finally:
            for fill in fills:
                if self._items.end_fill(fill):
                    self._coherence.change(fill.key, images.get(fill.key))

    async def _action(self, row: tuple[Any, ...]) -> _Action:
        kind, raw_table, raw_key, raw_item, _, on_failure, raw_condition, raw_update = row
        if not isinstance(kind, int) or kind not in KINDS:
            raise validation("Invalid transaction")
        table = table_name(raw_table)
        schema = await self._schemas.of(table)
        key = schema.decode(raw_key)
        parameters: dict[str, Any] = {"TableName": table}
        if kind == PUT:
            parameters["Item"] = {**decode_item(raw_item, self._lists), **key}
        else:
            parameters["Key"] = key
        parameters |= _expressions(raw_condition, raw_update)
        if isinstance(on_failure, int) and 0 <= on_failure < len(_ON_FAILURE) and _ON_FAILURE[on_failure]:
            parameters["ReturnValuesOnConditionCheckFailure"] = _ON_FAILURE[on_failure]
        return _Action(table, schema, key, KINDS[kind], parameters)

    def _cancelled(self, error: DaxError, actions: list[_Action]) -> DaxError:
        """The same error with its reasons encoded, if it has any."""
        given = error.body.get("CancellationReasons") if isinstance(error, BackendError) else None
        if not given:
            return error
        reasons = tuple(self._reason(reason, action) for reason, action in zip(given, actions, strict=False))
        return DaxError(error.name, error.message, status=error.status, reasons=reasons)

    def _reason(self, reason: Mapping[str, Any], action: _Action) -> Reason:
        item = reason.get("Item")
        encoded = encode_item(item, action.schema, self._lists) if item else None
        return Reason(reason.get("Code") or "None", reason.get("Message"), encoded)


def _rows(columns: list[Any]) -> list[tuple[Any, ...]]:
    """The actions of a transaction: its arguments are columns, of which one is not used, as a whole null."""
    count = len(columns[0]) if isinstance(columns[0], list) else -1
    whole = [[None] * count if column is None else column for column in columns]
    if len(whole) != _COLUMNS or any(not isinstance(column, list) or len(column) != count for column in whole):
        raise validation("Invalid transaction")
    return list(zip(*whole, strict=True))


def _expressions(raw_condition: Any, raw_update: Any) -> dict[str, Any]:
    printer = Printer()
    found = {}
    if raw_condition is not None:
        found["ConditionExpression"] = printer.condition(raw_condition)
    if raw_update is not None:
        found["UpdateExpression"] = printer.update(raw_update)
    return found | printer.parameters()
