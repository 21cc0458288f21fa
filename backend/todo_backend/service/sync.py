"""One round trip for a phone: push its changes, pull everyone's. No I/O of its own."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from todo_backend.service import routes, todos
from todo_backend.service.changes import Change, Meta, Result, refused
from todo_backend.service.errors import InvalidRequestError
from todo_backend.service.listing import changes_page
from todo_backend.service.reads import Reader
from todo_backend.service.times import parse_date_time, timestamp

# A day less than tombstones live: a device that was away longer may have missed a deletion for ever.
RESET_AFTER: Final = timedelta(days=routes.TOMBSTONE_DAYS - 1)

Committed = tuple[tuple[Result, ...], Meta]
Commit = Callable[[tuple[Change, ...]], Committed]


def sync(reader: Reader, body: dict[str, Any], commit: Commit, min_revision: int = 0) -> dict[str, Any]:
    """Answer POST /v1/sync; the body's schema has been checked.

    Raises:
        InvalidRequestError: `since_at` is not a time.
    """
    too_old = _is_too_old(reader, body.get("since_at"))
    since: int = body["since"]
    results, written = _push(body.get("changes", []), commit)
    meta = written or reader.meta(max(since, min_revision))
    reset = since > meta.revision or (too_old and since > 0)
    page = changes_page(reader, meta, 0 if reset else since, body.get("limit", routes.SYNC_PAGE_SIZE))
    return {
        "results": results,
        "changes": page.todos,
        "revision": page.revision,
        "more": page.rest is not None,
        "reset": reset,
        "at": timestamp(reader.now),
    }


def _push(changes: list[dict[str, Any]], commit: Commit) -> tuple[list[dict[str, Any]], Meta | None]:
    parsed = [_parse(change) for change in changes]
    valid = tuple(change for change in parsed if isinstance(change, Change))
    done, meta = commit(valid) if valid else ((), None)
    remaining = iter(done)
    results = [next(remaining) if isinstance(change, Change) else change for change in parsed]
    return [_wire(change, result) for change, result in zip(changes, results, strict=True)], meta


def _parse(change: dict[str, Any]) -> Change | Result:
    try:
        return parse_change(change)
    except InvalidRequestError as error:
        return refused(error)


def parse_change(change: dict[str, Any]) -> Change:
    """Validate one change, given as it stands on the wire; its schema has been checked.

    Raises:
        InvalidRequestError: names the field.
    """
    op, todo_id, fields = change["op"], todos.check_id(change["id"]), change.get("fields") or {}
    if op == "create":
        return Change(op, todo_id, change["key"], todos.check_create(fields))
    if op == "delete" and fields:
        raise InvalidRequestError("a delete has no fields")
    if op == "update" and not fields:
        raise InvalidRequestError("an update needs fields")
    return Change(op, todo_id, change["key"], todos.check_fields(fields), change.get("if_version"))


def _wire(change: dict[str, Any], result: Result) -> dict[str, Any]:
    answer = asdict(result)
    del answer["settled_by_write"]
    return {"id": change["id"], "key": change["key"], **answer}


def _is_too_old(reader: Reader, since_at: str | None) -> bool:
    if since_at is None:
        return False
    try:
        return reader.now - parse_date_time(since_at) > RESET_AFTER
    except ValueError:
        raise InvalidRequestError("since_at must be a date-time with offset") from None
