"""The key schemas of tables, asked of DynamoDB and kept for a minute.

A minute, as clients do (the DAX protocol notes, section 6); a table that comes back with other keys is noticed then.
"""

from collections.abc import Callable
from typing import Any

from .backend import DynamoDb
from .caches import Clock
from .errors import DaxError, validation
from .values import KeySchema

KEPT_SECONDS = 60.0


def table_name(raw: Any) -> str:
    """A table's name as requests carry it; ValidationException if it is none."""
    try:
        name = raw.decode() if isinstance(raw, bytes) else raw
    except UnicodeDecodeError:
        name = None
    if not isinstance(name, str) or not name:
        raise validation("Invalid table name")
    return name


class KeySchemas:
    """Key schemas by table."""

    def __init__(self, dynamodb: DynamoDb, clock: Clock, on_change: Callable[[], None]) -> None:
        self._dynamodb = dynamodb
        self._clock = clock
        self._on_change = on_change
        self._kept: dict[str, tuple[KeySchema, float]] = {}

    def kept(self, table: str) -> KeySchema | None:
        """The schema, if it was asked for within the last minute."""
        found = self._kept.get(table)
        return found[0] if found and self._clock() - found[1] < KEPT_SECONDS else None

    async def of(self, table: str) -> KeySchema:
        """The schema of a table; ResourceNotFoundException if there is no such table."""
        return self.kept(table) or await self._ask(table)

    async def _ask(self, table: str) -> KeySchema:
        try:
            description = (await self._dynamodb.call("DescribeTable", {"TableName": table}))["Table"]
        except DaxError as error:
            if error.name == "ResourceNotFoundException":
                self._kept.pop(table, None)
                # DescribeTable's own message names the table, that of the data operations does not.
                raise DaxError(error.name, "Requested resource not found") from None
            raise
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in description["AttributeDefinitions"]}
        keys = sorted(description["KeySchema"], key=lambda entry: str(entry["KeyType"]))  # HASH before RANGE
        names = tuple(entry["AttributeName"] for entry in keys)
        schema = KeySchema(names, tuple(types[name] for name in names))
        before = self._kept.get(table)
        self._kept[table] = (schema, self._clock())
        if before is not None and before[0] != schema:
            self._on_change()
        return schema
