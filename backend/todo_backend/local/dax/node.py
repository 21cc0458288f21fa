"""One node: which operation answers which request, who may ask, what is counted, and how errors become replies."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from . import cbor
from .auth import AccessDecision, AccessRequest
from .batch_reads import BatchReads
from .context import NodeContext
from .errors import DaxError, MalformedError
from .protocol import OK, Endpoint, Request, endpoints_reply, error_reply
from .reads import Reads
from .schemas import table_name
from .searches import Searches
from .transactions import KINDS, Transactions
from .writes import Writes

_log = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[bytes]]


class Node:
    """Answers requests: bytes of a reply for each, whatever happens."""

    def __init__(
        self,
        context: NodeContext,
        *,
        roster: Callable[[], list[Endpoint]],
        arn: str,
        authorize: AccessDecision | None,
        max_busy_requests: int,
    ) -> None:
        self.context = context
        self.connections = 0
        self._roster = roster
        self._arn = arn
        self._authorize = authorize
        self._max_busy_requests = max_busy_requests
        self._busy = 0
        self._reads, self._searches = Reads(context), Searches(context)
        self._transactions = Transactions(context)
        self._handlers = self._table()

    def _table(self) -> dict[str, Handler]:
        reads, writes = self._reads, Writes(self.context)
        return {
            "endpoints": self._endpoints,
            "defineKeySchema": self._define_key_schema,
            "defineAttributeListId": self._define_attribute_list_id,
            "defineAttributeList": self._define_attribute_list,
            "getItem": reads.get_item,
            "batchGetItem": BatchReads(self.context).batch_get_item,
            "query": self._searches.query,
            "scan": self._searches.scan,
            "transactGetItems": reads.transact_get_items,
            "putItem": writes.put_item,
            "updateItem": writes.update_item,
            "deleteItem": writes.delete_item,
            "batchWriteItem": writes.batch_write_item,
            "transactWriteItems": self._transactions.transact_write_items,
        }

    async def close(self) -> None:
        """Stop what goes on in the background."""
        await self._transactions.close()

    def answer_at_once(self, request: Request, access_key_id: str, user_agent: str) -> bytes | None:
        """The reply, if the cache has it: no task, no waiting. None if `answer` has to be asked."""
        if request.method not in ("getItem", "query", "scan"):
            return None
        try:
            self._check_access(request, access_key_id)
            if request.method == "getItem":
                reply = self._reads.cached_item(*request.arguments)
            else:
                reply = self._cached_search(request, user_agent)
        except (DaxError, MalformedError):
            return None  # `answer` finds it out again and counts it
        if reply is not None:
            self.context.counters.request(request.method)
        return reply

    def _cached_search(self, request: Request, user_agent: str) -> bytes | None:
        if request.method == "query":
            table, condition, given = request.arguments
            return self._searches.cached_search("Query", table, condition, given, user_agent)
        table, given = request.arguments
        return self._searches.cached_search("Scan", table, None, given, user_agent)

    async def answer(self, request: Request, access_key_id: str, user_agent: str) -> bytes:
        """The reply to a request."""
        is_data = request.method in _ACTIONS
        if is_data:
            self.context.counters.request(request.method)
        try:
            return await self._handle(request, access_key_id, user_agent)
        except (DaxError, MalformedError) as caught:
            error = caught if isinstance(caught, DaxError) else DaxError("ValidationException", str(caught))
        except Exception as caught:  # noqa: BLE001 - whatever it is, the client has to get one reply
            _log.exception("%s failed", request.method)
            error = DaxError("InternalServerError", f"Internal error ({type(caught).__name__})", status=500)
        if is_data:
            self.context.counters.failure(throttled=error.is_throttling, fault=error.is_fault)
        return error_reply(error)

    async def _handle(self, request: Request, access_key_id: str, user_agent: str) -> bytes:
        self._check_access(request, access_key_id)
        if self._busy >= self._max_busy_requests:
            raise DaxError("ThrottlingException", "The node is overloaded; try again")  # DD-31
        handler, arguments = self._handlers[request.method], request.arguments
        self._busy += 1
        try:
            if request.method in ("query", "scan"):
                return await handler(*arguments, user_agent)
            return await handler(*arguments)
        finally:
            self._busy -= 1

    def _check_access(self, request: Request, access_key_id: str) -> None:
        if self._authorize is None:
            return
        for action, enclosing in _needed(request):
            if not self._authorize(AccessRequest(access_key_id, action, self._arn, enclosing)):
                raise DaxError(
                    "AccessDeniedException",
                    f"{access_key_id} is not authorized to perform: {action} on resource: {self._arn}",
                )

    async def _endpoints(self) -> bytes:
        return endpoints_reply(self._roster())

    async def _define_key_schema(self, raw_table: Any) -> bytes:
        schema = await self.context.schemas.of(table_name(raw_table))
        return OK + cbor.encode(dict(zip(schema.names, schema.types, strict=True)))

    async def _define_attribute_list_id(self, names: Any) -> bytes:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DaxError("ValidationException", "Attribute names are an array of text")
        return OK + cbor.integer(self.context.lists.id_of(tuple(names)))

    async def _define_attribute_list(self, list_id: Any) -> bytes:
        if type(list_id) is not int:
            raise DaxError("ValidationException", "An attribute list id is a number")
        return OK + cbor.encode(list(self.context.lists.names_of(list_id)))


_ACTIONS = {
    "getItem": "GetItem",
    "putItem": "PutItem",
    "updateItem": "UpdateItem",
    "deleteItem": "DeleteItem",
    "query": "Query",
    "scan": "Scan",
    "batchGetItem": "BatchGetItem",
    "batchWriteItem": "BatchWriteItem",
    "transactGetItems": "GetItem",
    "transactWriteItems": "",
}
_TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Delete": "DeleteItem",
    "Update": "UpdateItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _needed(request: Request) -> Iterator[tuple[str, str | None]]:
    """The IAM actions of a request, each with its enclosing operation; handshake and metadata need none."""
    if request.method == "transactWriteItems":
        operations = request.arguments[0] if isinstance(request.arguments[0], list) else []
        kinds = {KINDS[operation] for operation in operations if isinstance(operation, int) and operation in KINDS}
        yield from ((f"dax:{_TRANSACTION_ACTIONS[kind]}", "TransactWriteItems") for kind in sorted(kinds))
    elif request.method == "transactGetItems":
        yield "dax:GetItem", "TransactGetItems"
    elif request.method in _ACTIONS:
        yield f"dax:{_ACTIONS[request.method]}", None
