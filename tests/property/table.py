"""DynamoDB in memory, as far as service and cluster ask it: replicas that lag, faults on demand, a full history.

One table, keys `pk` and `sk`, the index `by_revision`. Expressions are read by pattern: what the service writes, and
what the DAX node prints of it, and nothing else.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str]
State = Mapping[Key, Row]

BETWEEN = re.compile(r"(\S+) = (:\w+) AND (\S+) BETWEEN (:\w+) AND (:\w+)")
ABSENT = re.compile(r"attribute_not_exists ?\((\S+)\)")
EQUALS = re.compile(r"(\S+) = (:\w+)")


class TableError(Exception):
    """An error of DynamoDB, for whoever speaks its protocol to translate."""

    def __init__(self, name: str, status: int = 400, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.name, self.status, self.reasons = name, status, reasons


@dataclass
class MemoryTable:
    """All items at all times.

    `lag_seconds` is by how much an eventually consistent read is behind; when it is `torn` it sees of the last
    transaction the last to-do and META before the others.
    """

    now: Callable[[], float]
    lag_seconds: float = 0.0
    torn: bool = False
    faults: list[str] = field(default_factory=list)
    states: list[tuple[float, State]] = field(default_factory=lambda: [(0.0, {})])
    consistent: int = 0
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def latest(self) -> State:
        return self.states[-1][1]

    def call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one call in DynamoDB's JSON; takes the next of the faults, if there is one.

        Raises:
            TableError: refused.
            ConnectionResetError: no answer; with the fault "lost" it happened all the same.
        """
        if operation == "DescribeTable":
            return DESCRIPTION
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "throttle":
            raise TableError("ProvisionedThroughputExceededException")
        if fault == "down":
            raise ConnectionResetError
        handlers = {
            "GetItem": self._get,
            "BatchGetItem": self._batch_get,
            "TransactGetItems": self._transact_get,
            "Query": self._query,
            "TransactWriteItems": self._transact_write,
        }
        answer = handlers[operation](asked)
        if fault == "lost":
            raise ConnectionResetError
        copied: dict[str, Any] = json.loads(json.dumps(answer))
        return copied

    def _seen(self, consistent: Any) -> State:
        if consistent:
            self.consistent += 1
            return self.latest
        until = self.now() - self.lag_seconds
        if self.torn and self.states[-1][0] > until:
            before, after = self.states[-2][1], self.latest
            changed = [key for key, row in after.items() if before.get(key) != row]
            changed.sort(key=lambda key: int(after[key]["revision"]["N"]))
            return {**before, **{key: after[key] for key in changed[-2:]}}
        return next(state for at, state in reversed(self.states) if at <= until)

    def _get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        row = self._seen(asked.get("ConsistentRead")).get(key_of(asked["Key"]))
        return {"Item": row} if row else {}

    def _batch_get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        ((name, table),) = asked["RequestItems"].items()
        state = self._seen(table.get("ConsistentRead"))
        rows = [state[key] for key in map(key_of, table["Keys"]) if key in state]
        return {"Responses": {name: rows}, "UnprocessedKeys": {}}

    def _transact_get(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        rows = [self.latest.get(key_of(action["Get"]["Key"])) for action in asked["TransactItems"]]
        return {"Responses": [{"Item": row} if row else {} for row in rows]}

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = BETWEEN.fullmatch(asked["KeyConditionExpression"])
        assert found, asked
        assert asked["IndexName"] == "by_revision"
        values = asked["ExpressionAttributeValues"]
        pk, low, high = (values[found[place]] for place in (2, 4, 5))
        rows = [
            row
            for row in self._seen(asked.get("ConsistentRead")).values()
            if row["pk"] == pk and int(low["N"]) <= int(row["revision"]["N"]) <= int(high["N"])
        ]
        rows.sort(key=lambda row: int(row["revision"]["N"]), reverse=asked.get("ScanIndexForward") is False)
        return {"Items": rows, "Count": len(rows), "ScannedCount": len(rows)}

    def _transact_write(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        token, content = asked.get("ClientRequestToken"), json.dumps(asked["TransactItems"], sort_keys=True)
        if token is not None and token in self.tokens:
            if self.tokens[token] != content:
                raise TableError("IdempotentParameterMismatchException")  # DD-06
            return {}
        new = dict(self.latest)
        reasons = tuple(self._apply(new, action) for action in asked["TransactItems"])
        if any(reason != "None" for reason in reasons):
            raise TableError("TransactionCanceledException", reasons=reasons)
        self.states.append((self.now(), new))
        if token is not None:
            self.tokens[token] = content
        return {}

    def _apply(self, new: dict[Key, Row], action: Mapping[str, Any]) -> str:
        ((kind, what),) = action.items()
        key = key_of(what["Item" if kind == "Put" else "Key"])
        old = self.latest.get(key)
        if not holds(what, old):
            return "ConditionalCheckFailed"
        new[key] = what["Item"] if kind == "Put" else updated(what, old)
        return "None"


def key_of(attributes: Row) -> Key:
    """The key of an item."""
    return attributes["pk"]["S"], attributes["sk"]["S"]


def holds(what: Mapping[str, Any], old: Row | None) -> bool:
    """Whether the action's condition is true of the item."""
    condition = what["ConditionExpression"]
    names, values = what.get("ExpressionAttributeNames", {}), what.get("ExpressionAttributeValues", {})
    if found := ABSENT.fullmatch(condition):
        return old is None or names.get(found[1], found[1]) not in old
    found = EQUALS.fullmatch(condition)
    assert found, condition
    return old is not None and old.get(names.get(found[1], found[1])) == values[found[2]]


def updated(what: Mapping[str, Any], old: Row | None) -> Row:
    """The item after an UpdateExpression that sets attributes."""
    names, values = what["ExpressionAttributeNames"], what["ExpressionAttributeValues"]
    pairs = EQUALS.findall(what["UpdateExpression"].removeprefix("SET ").replace(",", " "))
    assert pairs, what
    return {**(old or what["Key"]), **{names.get(name, name): values[value] for name, value in pairs}}


DESCRIPTION = {
    "Table": {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    }
}
