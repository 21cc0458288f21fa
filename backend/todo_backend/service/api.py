"""From an event to an answer: finds the route, checks the request, calls the rules, and words what went wrong."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from todo_backend.service import listing, routes, sync, todos, writes
from todo_backend.service import request as inbound
from todo_backend.service.changes import Change, Result
from todo_backend.service.errors import (
    AlreadyExistsError,
    ApiError,
    InvalidRequestError,
    NotFoundError,
    VersionMismatchError,
)
from todo_backend.service.filters import Cursor, Filter
from todo_backend.service.partition import Facts, Partition
from todo_backend.service.reads import Reader
from todo_backend.service.request import Event, Request
from todo_backend.service.routes import Route
from todo_backend.service.settings import Settings

API_VERSION: Final = 1
OLDEST_CLIENT: Final = "0.1.0"

_TABLE: Final = {(route.method, route.path): route for route in routes.ROUTES}
_REFUSALS: Final[dict[str | None, type[ApiError]]] = {
    error.code: error for error in (AlreadyExistsError, InvalidRequestError, NotFoundError, VersionMismatchError)
}


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of an answer; no body is an empty one."""

    status: int
    body: dict[str, Any] | None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Record:
    """What is known about a request when it is over, for the log."""

    route: str = "none"
    user_id: str | None = None
    status: int = 500
    facts: Facts = field(default_factory=Facts)
    error: BaseException | None = None


@dataclass(frozen=True)
class Api:
    """The service behind the gateway. `partition_of` opens a user's part of the table; `clock` gives aware times."""

    settings: Settings
    partition_of: Callable[[str], Partition]
    clock: Callable[[], datetime]

    def answer(self, event: Event, record: Record) -> dict[str, Any]:
        """Answer one event of API Gateway's Lambda proxy integration, noting in `record` how it went.

        Never raises: what is not an `ApiError` becomes 500 with a body that says nothing (SE-29, AG-29).
        """
        try:
            answer = self._answer(event, record)
        except ApiError as error:
            answer = _refusal(error, event)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            record.error = error
            answer = _refusal(ApiError("something went wrong on our side; try again in a moment"), event)
        record.status = answer.status
        return _proxy_response(answer)

    def _answer(self, event: Event, record: Record) -> Answer:
        route = _TABLE.get((str(event.get("httpMethod")), str(event.get("resource"))))
        if route is None:
            raise NotFoundError("there is no such route")
        record.route = route.name
        request = inbound.parse(event, route, self.settings.user_pool_client_id)
        if not route.auth:
            return Answer(200, self._config())
        record.user_id = request.user_id
        partition = self.partition_of(request.user_id)
        record.facts = partition.facts
        return self._call(route, request, partition)

    def _call(self, route: Route, request: Request, partition: Partition) -> Answer:
        settings = self.settings
        reader = Reader(partition, self.clock(), settings.query_ttl_seconds, settings.record_ttl_seconds)
        return _HANDLERS[route.name](request, reader)

    def _config(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "api_version": API_VERSION,
            "oldest_client": OLDEST_CLIENT,
            "region": settings.region,
            "user_pool_id": settings.user_pool_id,
            "user_pool_client_id": settings.user_pool_client_id,
            "identity_pool_id": settings.identity_pool_id,
            "files_bucket": settings.files_bucket,
            "endpoint_url": settings.endpoint_url,
            "stage": settings.stage,
            "limits": {
                "title_chars": routes.TITLE_CHARS,
                "notes_chars": routes.NOTES_CHARS,
                "tags": routes.TAGS,
                "tag_chars": routes.TAG_CHARS,
                "list_chars": routes.LIST_CHARS,
                "attachments": routes.ATTACHMENTS,
                "page_size": routes.PAGE_SIZE,
                "sync_changes": routes.SYNC_CHANGES,
                "tombstone_days": routes.TOMBSTONE_DAYS,
            },
        }


def _get_revision(request: Request, reader: Reader) -> Answer:
    return Answer(200, {"revision": reader.meta(request.min_revision).revision})


def _list_todos(request: Request, reader: Reader) -> Answer:
    query, owner = request.query, request.user_id
    wanted = Filter.from_query(query)
    cursor = Cursor.decode(query["cursor"], owner, query) if "cursor" in query else None
    meta = reader.meta(request.min_revision)
    if cursor is None and request.has(_etag(meta.revision)):
        reader.partition.facts.not_modified = True
        return Answer(304, None, {"ETag": _etag(meta.revision)})
    below = cursor.below if cursor else None
    page = listing.newest_page(reader, meta, query.get("limit", routes.PAGE_SIZE_DEFAULT), wanted, below)
    revision = cursor.revision if cursor else page.revision
    following = None if page.rest is None else Cursor(revision, page.rest).encode(owner, query)
    body = {"todos": page.todos, "revision": revision, "cursor": following}
    return Answer(200, body, {} if cursor else {"ETag": _etag(revision)})


def _get_todo(request: Request, reader: Reader) -> Answer:
    item = reader.todo(todos.check_id(request.path["id"]), request.min_revision)
    return Answer(200, todos.wire(item), {"ETag": _etag(item["version"])})


def _create_todo(request: Request, reader: Reader) -> Answer:
    fields = dict(request.body)
    todo_id = todos.check_id(fields.pop("id"))
    return _write(Change("create", todo_id, _key(request), todos.check_create(fields)), reader)


def _update_todo(request: Request, reader: Reader) -> Answer:
    todo_id = todos.check_id(request.path["id"])
    return _write(
        Change("update", todo_id, _key(request), todos.check_fields(request.body), request.if_version), reader
    )


def _delete_todo(request: Request, reader: Reader) -> Answer:
    todo_id = todos.check_id(request.path["id"])
    return _write(Change("delete", todo_id, _key(request), if_version=request.if_version), reader)


def _write(change: Change, reader: Reader) -> Answer:
    (result,), meta = writes.commit(reader.partition, (change,), reader.now)
    if result.todo is None or result.code is not None:
        raise _REFUSALS[result.code](str(result.message))
    headers = {"X-Revision": str(meta.revision), "ETag": _etag(result.todo["version"])}
    if result.outcome == "repeated":
        headers["Idempotent-Replay"] = "true"
    return Answer(_status(change, result), result.todo, headers)


def _sync(request: Request, reader: Reader) -> Answer:
    def commit(changes: tuple[Change, ...]) -> sync.Committed:
        return writes.commit(reader.partition, changes, reader.now)

    return Answer(200, sync.sync(reader, request.body, commit, request.min_revision))


def _get_snapshot(request: Request, reader: Reader) -> Answer:
    revision = inbound.whole_number(request.path["revision"], "revision")
    page = listing.snapshot_page(reader, revision, request.query.get("page"))
    return Answer(200, {"todos": page.todos, "revision": revision, "next_page": page.rest})


_HANDLERS: Final[dict[str, Callable[[Request, Reader], Answer]]] = {
    "get_revision": _get_revision,
    "list_todos": _list_todos,
    "get_todo": _get_todo,
    "create_todo": _create_todo,
    "update_todo": _update_todo,
    "delete_todo": _delete_todo,
    "sync": _sync,
    "get_snapshot": _get_snapshot,
}


def _key(request: Request) -> str:
    # A caller without a key still gets one: the entry tells a retry within this request that the first try went in.
    return request.key or secrets.token_urlsafe(16)


def _status(change: Change, result: Result) -> int:
    return 201 if change.op == "create" and result.outcome == "applied" else 200


def _etag(number: int) -> str:
    return f'"{number}"'


def _refusal(error: ApiError, event: Event) -> Answer:
    request_id = (event.get("requestContext") or {}).get("requestId")
    body = {"code": error.code, "message": error.message, "request_id": request_id, **error.extra}
    seconds = error.retry_after_seconds
    return Answer(error.status, body, {} if seconds is None else {"Retry-After": str(seconds)})


def _proxy_response(answer: Answer) -> dict[str, Any]:
    text = "" if answer.body is None else json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        # The answers are one person's; no proxy on the way may keep them.
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        **answer.headers,
    }
    return {"statusCode": answer.status, "headers": headers, "body": text, "isBase64Encoded": False}
