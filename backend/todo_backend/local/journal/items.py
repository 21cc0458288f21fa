"""DynamoDB's items: every change of one is noted as it is made, by whatever operation, and can be taken back.

All of MiniStack's writes (PutItem to PartiQL, the TTL's own too) end in two functions, `_set_item` and `_remove_item`;
`Items` stands before them. So a record is the item as it is now: applying it again needs no evaluation and no clock.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import dynamodb

from .log import Log
from .segments import Key

ITEM = "item"
Table = dict[str, Any]

STORES = (
    "tags",
    "ttl_settings",
    "pitr_settings",
    "kinesis_destinations",
    "contributor_insights",
    "backups",
    "resource_policies",
    "exports",
    "imports",
)
"""What MiniStack's DynamoDB keeps besides the tables; each is a module variable with a `_` before its name."""

_COUNTED = ("items", "ItemCount", "TableSizeBytes", dynamodb._INDEX_MEMBERS)  # follow from the items

_Set = Callable[[Table, str, str, Any], Any]
_Remove = Callable[[Table, str, str], Any]


class Items:
    """Stands between MiniStack's DynamoDB operations and its store.

    Args:
        on_new_table: called before an item of a table that was never noted is.
    """

    def __init__(self, log: Log, on_new_table: Callable[[], None]) -> None:
        self._log = log
        self._on_new_table = on_new_table
        self._known: set[str] = set()
        self._set: _Set = dynamodb._set_item
        self._remove: _Remove = dynamodb._remove_item
        self._replaced: Callable[[Table], None] = dynamodb._items_replaced
        self._store_token: Callable[[str, Any], None] = dynamodb._txn_token_store

    def install(self) -> None:
        """Begin to note."""
        dynamodb._set_item = self._set_item
        dynamodb._remove_item = self._remove_item
        dynamodb._items_replaced = self._items_replaced
        dynamodb._txn_token_store = self._txn_token_store

    def uninstall(self) -> None:
        """Let MiniStack alone again."""
        dynamodb._set_item = self._set
        dynamodb._remove_item = self._remove
        dynamodb._items_replaced = self._replaced
        dynamodb._txn_token_store = self._store_token

    def state(self) -> dict[str, Any]:
        """What DynamoDB's own `get_state` says, without the items; not a copy."""
        tables = AccountRegionScopedDict()
        for scope, table in dynamodb._tables.all_items():
            described = {name: value for name, value in table.items() if name not in _COUNTED}
            tables.set_scoped(*scope, described)
        return {"tables": tables} | {name: getattr(dynamodb, f"_{name}") for name in STORES}

    def adopt(self) -> None:
        """Note the items of every table that is new: a restored one is born with items."""
        for table in list(dynamodb._tables.all_values()):
            if _id(table) not in self._known:
                self._known.add(_id(table))
                self._note_all(table)

    def restore(self, values: dict[Key, Any]) -> list[Key]:
        """Put the items into the tables; the keys of those whose table is no more."""
        tables = {_id(table): table for table in dynamodb._tables.all_values()}
        self._known = set(tables) if values else set()  # MiniStack may have loaded what an earlier version saved
        orphans = []
        for key, item in values.items():
            if key[0] != ITEM:
                continue
            table = tables.get(key[1])
            if table is None:
                orphans.append(key)
            else:
                table["items"].setdefault(key[2], {})[key[3]] = item
        for table in tables.values():
            self._replaced(table)
        return orphans

    def _set_item(self, table: Table, pk: str, sk: str, item: Any) -> Any:
        text = _text(item)
        old = self._set(table, pk, sk, item)
        self._note(table, pk, sk, text, old)
        return old

    def _remove_item(self, table: Table, pk: str, sk: str) -> Any:
        old = self._remove(table, pk, sk)
        if old is not None:
            self._note(table, pk, sk, _text(None), old)
        return old

    def _items_replaced(self, table: Table) -> None:
        """A PartiQL transaction that failed puts the table back as it was before."""
        self._replaced(table)
        if _id(table) not in self._known:
            return
        for key in self._log.pending():
            if key[:2] == (ITEM, _id(table)):
                item = table["items"].get(key[2], {}).get(key[3])
                self._log.note(key, _text(item), _nothing)

    def _txn_token_store(self, token: str, entry: Any) -> None:
        """A transaction that is refused must not be answered as done when it is sent again."""
        self._store_token(token, entry)
        account, region = get_account_id(), get_region()
        self._log.on_refusal(lambda: dynamodb._txn_idempotency.pop_scoped(account, region, token, None))

    def _note(self, table: Table, pk: str, sk: str, text: str, old: Any) -> None:
        if _id(table) not in self._known:
            self._on_new_table()
        self._log.note((ITEM, _id(table), pk, sk), text, self._undo(table, pk, sk, old))

    def _undo(self, table: Table, pk: str, sk: str, old: Any) -> Callable[[], None]:
        def undo() -> None:
            if old is None:
                self._remove(table, pk, sk)
            else:
                self._set(table, pk, sk, old)

        return undo

    def _note_all(self, table: Table) -> None:
        for pk, sk, item in _items(table):
            self._log.note((ITEM, _id(table), pk, sk), _text(item), _nothing)


def _id(table: Table) -> str:
    # A name may be used again; the id of a table is its own.
    return str(table["TableId"])


def _items(table: Table) -> Iterator[tuple[str, str, Any]]:
    for pk, row in table["items"].items():
        for sk, item in row.items():
            yield pk, sk, item


def _text(item: Any) -> str:
    return json.dumps(item, separators=(",", ":"))


def _nothing() -> None:
    pass
