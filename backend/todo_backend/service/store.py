"""The table: DynamoDB through boto3, or through a DAX cluster with the same calls. The only module that does I/O.

Both clients are low-level ones of one shape. Whether there is a cluster is decided once, at cold start; around it is
gone only while it cannot be reached (`detour`).
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from todo_backend.service.attributes import from_item, to_item
from todo_backend.service.changes import Meta, Plan
from todo_backend.service.detour import LOST, Circuit, ClusterLostError, Detour, Ways
from todo_backend.service.errors import ThrottledError, UnavailableError
from todo_backend.service.partition import Block, Facts, RaceLostError, Range
from todo_backend.service.settings import Settings
from todo_backend.service.todos import Item

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

INDEX: Final = "by_revision"
META: Final = "META"
TODO_PREFIX: Final = "TODO#"
UNBOUNDED: Final = 10**15  # above every revision, and far below the 38 digits of a DynamoDB number

CONNECT_TIMEOUT_SECONDS: Final = 1
READ_TIMEOUT_SECONDS: Final = 3
ATTEMPTS: Final = 2
# DAX answers in a millisecond, or has DynamoDB answer; who waits longer asks DynamoDB himself.
DAX_READ_TIMEOUT_SECONDS: Final = 2

# DD-07, DD-15; the short names are those of cancellation reasons.
RACES: Final = {
    "ConditionalCheckFailed",
    "ConditionalCheckFailedException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
}
THROTTLES: Final = {
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "RequestLimitExceeded",
    "RequestLimitExceededException",
}
OUTAGES: Final = {
    "InternalFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    *LOST,
}

UNREACHABLE: Final = "the store cannot be reached; try again in a moment"

_Row = dict[str, Any]


def connect(settings: Settings) -> Any:
    """Make the client for DynamoDB; it connects when it is first asked."""
    import boto3
    from botocore.config import Config  # the data-only users of this package need no botocore

    return boto3.client(
        "dynamodb",
        region_name=settings.region,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        ),
    )


def connect_to_dax(settings: Settings) -> Any:
    """Open the client for the DAX cluster; raises at once, or after a second, when there is none."""
    import botocore.session
    from amazondax import AmazonDaxClient
    from botocore.config import Config

    config = Config(
        region_name=settings.region,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=DAX_READ_TIMEOUT_SECONDS,
        # The client would repeat whatever failed, even a condition that does not hold; `detour` knows better.
        retries={"max_attempts": 0},
    )
    return AmazonDaxClient(botocore.session.get_session(), config=config, endpoint_url=settings.dax_endpoint)


def _untold(level: str, sentence: str) -> None:
    """Tell nobody."""


class Table:
    """The table, whose connections all requests of this environment share (LA-16).

    `tell` takes what an operator should know: a level ("warning", "info") and a sentence.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[str, str], None] = _untold,
        *,
        connect: Callable[[Settings], Any] = connect,
        connect_to_dax: Callable[[Settings], Any] = connect_to_dax,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = settings.table_name
        self._client = None if settings.dax_endpoint else connect(settings)
        self._ways = Ways(lambda: connect(settings), lambda: connect_to_dax(settings), tell, Circuit(clock))

    def open(self) -> None:
        """Connect to the cluster, if there is one, ahead of the first request; one that is away is left to requests."""
        if self._client is None:
            self._ways.open()

    def partition_of(self, user_id: str) -> "UserPartition":
        """Give one user's items, for one request."""
        facts = Facts()
        return UserPartition(self._client or Detour(self._ways, facts), self._name, user_id, facts)


class UserPartition:
    """One user's items, for one request (`partition.Partition` says what each method promises)."""

    def __init__(self, client: Any, table_name: str, user_id: str, facts: Facts | None = None) -> None:
        self.facts = facts or Facts()
        self._client = client
        self._table = table_name
        self._pk = {"S": f"USER#{user_id}"}

    def __repr__(self) -> str:
        return f"UserPartition({self._table!r})"

    def meta(self, *, consistent: bool) -> Meta | None:
        """Read META."""
        answer = self._read("get_item", consistent, Key=self._key(META), ConsistentRead=consistent)
        return _meta(answer.get("Item"))

    def todo(self, todo_id: str) -> Item | None:
        """Read one to-do consistently."""
        row = self._read("get_item", True, Key=self._key(TODO_PREFIX + todo_id), ConsistentRead=True).get("Item")
        return from_item(row) if row else None

    def load(self, todo_ids: Iterable[str], *, consistent: bool) -> tuple[Meta | None, dict[str, Item]]:
        """Read META and some to-dos."""
        keys = [self._key(META), *(self._key(TODO_PREFIX + todo_id) for todo_id in todo_ids)]
        rows = {row["sk"]["S"]: row for row in self._batch(keys, consistent)}
        meta = _meta(rows.pop(META, None))
        return meta, {sk.removeprefix(TODO_PREFIX): from_item(row) for sk, row in rows.items()}

    def block(self, span: Range, *, consistent: bool) -> Block:
        """Query the index. No Limit: one answer, and so one cache entry, serves all filters and page sizes."""
        # The upper bound carries the current revision into the query's parameters, and so into DAX's query-cache key,
        # without leaving anything out: a to-do overtaken by a newer change must not vanish. A filter could not carry
        # it: DynamoDB refuses filters on the key attributes of the index that is queried.
        high = UNBOUNDED + span.at if span.below is None else span.below - 1
        if high < span.low:
            return Block((), [].__getitem__)
        answer = self._read(
            "query",
            consistent,
            IndexName=INDEX,
            KeyConditionExpression="pk = :pk AND #revision BETWEEN :low AND :high",
            ExpressionAttributeNames={"#revision": "revision"},
            ExpressionAttributeValues={":pk": self._pk, ":low": {"N": str(span.low)}, ":high": {"N": str(high)}},
            ScanIndexForward=not span.newest_first,
            ConsistentRead=consistent,
        )
        # META has a revision too and therefore stands in the index.
        rows = [row for row in answer["Items"] if row["sk"]["S"] != META]
        last = answer.get("LastEvaluatedKey")
        return Block(
            revisions=tuple(int(row["revision"]["N"]) for row in rows),
            load=lambda index: from_item(rows[index]),
            end=int(last["revision"]["N"]) if last else None,
        )

    def write(self, plan: Plan) -> None:
        """Write in one TransactWriteItems; the client's own token makes its retry harmless (DD-06)."""
        actions = [self._put(item, plan.expected[todo_id]) for todo_id, item in plan.puts.items()]
        actions.append(self._update_meta(plan.before, plan.after))
        answer = self._call("transact_write_items", TransactItems=actions, ReturnConsumedCapacity="TOTAL")
        self.facts.writes += 1
        self.facts.write_units += _units(answer)

    def _put(self, item: Item, expected_version: int | None) -> _Row:
        row = {**self._key(TODO_PREFIX + item["id"]), **to_item(item)}
        put: _Row = {"TableName": self._table, "Item": row, "ConditionExpression": "attribute_not_exists(pk)"}
        if expected_version is not None:
            put["ConditionExpression"] = "version = :read_version"
            put["ExpressionAttributeValues"] = {":read_version": {"N": str(expected_version)}}
        return {"Put": put}

    def _update_meta(self, before: Meta, after: Meta) -> _Row:
        values = {"revision": after.revision, "changed_at": after.changed_at, "base": after.base}
        row = to_item({**values, "written": after.written})
        update: _Row = {
            "TableName": self._table,
            "Key": self._key(META),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in row),
            "ExpressionAttributeNames": {f"#{name}": name for name in row},
            "ExpressionAttributeValues": {f":{name}": value for name, value in row.items()},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if before.revision > 0:
            update["ConditionExpression"] = "#revision = :read_revision"
            update["ExpressionAttributeValues"][":read_revision"] = {"N": str(before.revision)}
        return {"Update": update}

    def _key(self, sk: str) -> _Row:
        return {"pk": self._pk, "sk": {"S": sk}}

    def _batch(self, keys: list[_Row], consistent: bool) -> list[_Row]:
        rows: list[_Row] = []
        for _ in range(ATTEMPTS):
            request = {self._table: {"Keys": keys, "ConsistentRead": consistent}}
            answer = self._call("batch_get_item", RequestItems=request, ReturnConsumedCapacity="TOTAL")
            self.facts.count_read(consistent=consistent)
            self.facts.read_units += _units(answer)
            rows += answer.get("Responses", {}).get(self._table, [])
            # DD-16: a throttled part is left over in a successful answer.
            keys = (answer.get("UnprocessedKeys") or {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return rows
        raise ThrottledError("the table is busy; try again in a moment")

    def _read(self, operation: str, consistent: bool, **parameters: Any) -> _Row:
        answer = self._call(operation, TableName=self._table, ReturnConsumedCapacity="TOTAL", **parameters)
        self.facts.count_read(consistent=consistent)
        self.facts.read_units += _units(answer)
        return answer

    def _call(self, operation: str, **parameters: Any) -> _Row:
        from botocore.exceptions import BotoCoreError, ClientError

        started = time.perf_counter()
        try:
            answer: _Row = getattr(self._client, operation)(**parameters)
            return answer
        except ClusterLostError as error:
            # It may have happened: what is read next, around the cluster, tells. A change is known by its key.
            raise RaceLostError from error
        except ClientError as error:
            raise _meaning(error) from error
        except (BotoCoreError, OSError) as error:
            raise UnavailableError(UNREACHABLE) from error
        finally:
            self.facts.store_ms += (time.perf_counter() - started) * 1000


def _meta(row: _Row | None) -> Meta | None:
    if not row:
        return None
    values = from_item(row)
    revision = values["revision"]
    # Without `base` and `written` (an older row) at least the top to-do must be seen.
    return Meta(revision, values["changed_at"], values.get("base", revision - 1), values.get("written", 1))


def _meaning(error: "ClientError") -> Exception:
    """Translate an error of DynamoDB or DAX; what is not known here is a defect and stays itself."""
    codes = {error.response.get("Error", {}).get("Code", ""), *_cancellation_codes(error)}
    if codes & THROTTLES:
        return ThrottledError("the table is busy; try again in a moment")
    if codes & RACES:
        return RaceLostError()
    if codes & OUTAGES or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return UnavailableError(UNREACHABLE)
    unknown: Exception = error
    return unknown


def _cancellation_codes(error: Any) -> set[str]:
    reasons = error.response.get("CancellationReasons")
    if reasons is not None:
        return {reason.get("Code", "") for reason in reasons}
    # The DAX client gives one flat list of (code, message, item) for all actions instead.
    flat = getattr(error, "cancellation_reasons", None) or []
    return {code.decode() if isinstance(code, bytes) else str(code) for code in flat[0::3]}


def _units(answer: _Row) -> float:
    consumed = answer.get("ConsumedCapacity") or []
    entries = consumed if isinstance(consumed, list) else [consumed]
    return float(sum(entry.get("CapacityUnits", 0.0) for entry in entries))
