"""The REST API as data: what the CDK app deploys, the Lambda dispatches and the OpenAPI document describes.

Standard library only, and no behaviour: the CDK app reads this module without the Lambda's dependencies.
Body schemas are JSON Schema draft 4, the dialect of API Gateway's request models.
"""

from dataclasses import dataclass
from typing import Any, Final

Schema = dict[str, Any]

TITLE_CHARS: Final = 500
NOTES_CHARS: Final = 10_000
TAGS: Final = 20
TAG_CHARS: Final = 50
LIST_CHARS: Final = 100
ATTACHMENTS: Final = 20
ATTACHMENT_BYTES: Final = 1024  # an S3 key is at most 1024 bytes of UTF-8
RECURRENCE_CHARS: Final = 500
DUE_CHARS: Final = 40
SEARCH_CHARS: Final = 200
CURSOR_CHARS: Final = 500
PAGE_SIZE: Final = 200
PAGE_SIZE_DEFAULT: Final = 100
SYNC_CHANGES: Final = 25
SYNC_PAGE_SIZE: Final = 500
TOMBSTONE_DAYS: Final = 30

AUTHORIZATION: Final = "method.request.header.Authorization"


@dataclass(frozen=True)
class Parameter:
    """A query parameter of a route; `schema` describes its text as JSON Schema."""

    name: str
    schema: Schema
    required: bool = False
    summary: str = ""


@dataclass(frozen=True)
class Cache:
    """How API Gateway caches a route's answer: for how long, and under which request parameters."""

    ttl_seconds: int
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Throttle:
    """A route's own limit at the gateway."""

    rate_per_second: int
    burst: int


@dataclass(frozen=True)
class Route:
    """One method on one path. `headers` are the request headers that the API declares; `body` is its model's schema."""

    name: str
    method: str
    path: str
    summary: str
    auth: bool = True
    query: tuple[Parameter, ...] = ()
    headers: tuple[str, ...] = ()
    body: Schema | None = None
    cache: Cache | None = None
    throttle: Throttle | None = None


TODO_ID: Final[Schema] = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
}

# Only shape and size stand here; what a schema cannot say (not blank, a real date, a real rule) the Lambda checks.
FIELDS: Final[Schema] = {
    "title": {"type": "string", "minLength": 1, "maxLength": TITLE_CHARS},
    "notes": {"type": "string", "maxLength": NOTES_CHARS},
    "status": {"type": "string", "enum": ["open", "done"]},
    "priority": {"type": "integer", "minimum": 1, "maximum": 4},
    "due": {"type": ["string", "null"], "maxLength": DUE_CHARS},
    "tags": {
        "type": "array",
        "maxItems": TAGS,
        "items": {"type": "string", "minLength": 1, "maxLength": TAG_CHARS},
    },
    "list": {"type": "string", "maxLength": LIST_CHARS},
    "recurrence": {"type": ["string", "null"], "maxLength": RECURRENCE_CHARS},
    "attachments": {
        "type": "array",
        "maxItems": ATTACHMENTS,
        "items": {"type": "string", "minLength": 1, "maxLength": ATTACHMENT_BYTES},
    },
}

CREATE_BODY: Final[Schema] = {
    "type": "object",
    "properties": {"id": TODO_ID, **FIELDS},
    "required": ["id", "title"],
    "additionalProperties": False,
}

PATCH_BODY: Final[Schema] = {
    "type": "object",
    "properties": FIELDS,
    "minProperties": 1,
    "additionalProperties": False,
}

# A change's fields are judged one by one by the Lambda: one bad change must not refuse the other 24 of a phone.
SYNC_BODY: Final[Schema] = {
    "type": "object",
    "properties": {
        "since": {"type": "integer", "minimum": 0},
        "since_at": {"type": ["string", "null"], "maxLength": DUE_CHARS},
        "limit": {"type": "integer", "minimum": 1, "maximum": SYNC_PAGE_SIZE},
        "changes": {
            "type": "array",
            "maxItems": SYNC_CHANGES,
            "items": {
                "type": "object",
                "properties": {
                    "op": {"type": "string", "enum": ["create", "update", "delete"]},
                    "id": {"type": "string", "maxLength": 100},
                    "key": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
                    "if_version": {"type": ["integer", "null"], "minimum": 1},
                    "fields": {"type": "object"},
                },
                "required": ["op", "id", "key"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["since"],
    "additionalProperties": False,
}

_DUE_FILTER: Final[Schema] = {"type": "string", "maxLength": DUE_CHARS}

LIST_QUERY: Final = (
    Parameter("status", {"type": "string", "enum": ["open", "done"]}, summary="only open or only done to-dos"),
    Parameter("tag", {"type": "string", "maxLength": TAG_CHARS}, summary="only to-dos with this tag"),
    Parameter("list", {"type": "string", "maxLength": LIST_CHARS}, summary="only this list; empty is the inbox"),
    Parameter("priority", {"type": "integer", "minimum": 1, "maximum": 4}, summary="only this priority"),
    Parameter("due_before", _DUE_FILTER, summary="due before this date or date-time, exclusive"),
    Parameter("due_after", _DUE_FILTER, summary="due at or after this date or date-time"),
    Parameter("q", {"type": "string", "maxLength": SEARCH_CHARS}, summary="words in title or notes, any case"),
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE, "default": PAGE_SIZE_DEFAULT}),
    Parameter("cursor", {"type": "string", "maxLength": CURSOR_CHARS}, summary="`cursor` of the page before"),
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="get_config",
        method="GET",
        path="/v1/config",
        summary="Everything that a client needs to start",
        auth=False,
        cache=Cache(ttl_seconds=3600),
    ),
    Route(
        name="get_revision",
        method="GET",
        path="/v1/revision",
        summary="The current revision of the caller's list",
        headers=("X-Min-Revision",),
    ),
    Route(
        name="list_todos",
        method="GET",
        path="/v1/todos",
        summary="The caller's to-dos, newest change first",
        query=LIST_QUERY,
        headers=("If-None-Match", "X-Min-Revision"),
    ),
    Route(
        name="create_todo",
        method="POST",
        path="/v1/todos",
        summary="Create a to-do under an id made by the client",
        headers=("Idempotency-Key",),
        body=CREATE_BODY,
    ),
    Route(
        name="get_todo",
        method="GET",
        path="/v1/todos/{id}",
        summary="One to-do",
        headers=("X-Min-Revision",),
    ),
    Route(
        name="update_todo",
        method="PATCH",
        path="/v1/todos/{id}",
        summary="Change fields of a to-do",
        headers=("Idempotency-Key", "If-Match"),
        body=PATCH_BODY,
    ),
    Route(
        name="delete_todo",
        method="DELETE",
        path="/v1/todos/{id}",
        summary="Delete a to-do, leaving a tombstone for sync",
        headers=("Idempotency-Key", "If-Match"),
    ),
    Route(
        name="sync",
        method="POST",
        path="/v1/sync",
        summary="Push up to 25 changes and pull all changes since a revision",
        headers=("X-Min-Revision",),
        body=SYNC_BODY,
    ),
    Route(
        name="get_snapshot",
        method="GET",
        path="/v1/snapshots/{revision}",
        summary="The whole list as of a revision, in pages",
        query=(Parameter("page", {"type": "integer", "minimum": 1}, summary="`next_page` of the page before"),),
        cache=Cache(
            ttl_seconds=3600,
            # AC-20, SE-01: without Authorization in the key one user would be served another's list.
            key=(AUTHORIZATION, "method.request.path.revision", "method.request.querystring.page"),
        ),
    ),
)
