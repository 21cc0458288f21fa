"""The OpenAPI document of the API, made from ROUTES: `python -m todo_backend.service.openapi > docs/openapi.json`."""

import json
import re
import sys
from typing import Any, Final

from todo_backend.service.routes import FIELDS, ROUTES, TODO_ID, Route, Schema

_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TODOS: Final[Schema] = {"type": "array", "items": _reference("Todo")}
_LIMITS: Final = [
    "title_chars",
    "notes_chars",
    "tags",
    "tag_chars",
    "list_chars",
    "attachments",
    "page_size",
    "sync_changes",
    "tombstone_days",
]
_RESULT: Final = _object(
    id=_TEXT,
    key=_TEXT,
    outcome={"type": "string", "enum": ["applied", "repeated", "conflict", "not_found", "invalid"]},
    todo={"anyOf": [_reference("Todo"), {"type": "null"}]},
    code=_nullable("string"),
    message=_nullable("string"),
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Todo": _object(
        id=TODO_ID,
        **FIELDS,
        created_at=_TIME,
        updated_at=_TIME,
        completed_at={"type": ["string", "null"], "format": "date-time"},
        version={"type": "integer", "minimum": 1},
        revision={"type": "integer", "minimum": 1},
        deleted={"type": "boolean"},
    ),
    "Error": _object(code=_TEXT, message=_TEXT, request_id=_nullable("string")),
    "Config": _object(
        api_version=_NUMBER,
        oldest_client=_TEXT,
        region=_TEXT,
        user_pool_id=_TEXT,
        user_pool_client_id=_TEXT,
        identity_pool_id=_TEXT,
        files_bucket=_TEXT,
        endpoint_url=_nullable("string"),
        stage=_TEXT,
        limits=_object(**dict.fromkeys(_LIMITS, _NUMBER)),
    ),
    "Revision": _object(revision=_NUMBER),
    "TodoPage": _object(todos=_TODOS, revision=_NUMBER, cursor=_nullable("string")),
    "SyncAnswer": _object(
        results={"type": "array", "items": _RESULT},
        changes=_TODOS,
        revision=_NUMBER,
        more={"type": "boolean"},
        reset={"type": "boolean"},
        at=_TIME,
    ),
    "SnapshotPage": _object(todos=_TODOS, revision=_NUMBER, next_page=_nullable("integer")),
}

_ANSWERS: Final = {
    "get_config": "Config",
    "get_revision": "Revision",
    "list_todos": "TodoPage",
    "create_todo": "Todo",
    "get_todo": "Todo",
    "update_todo": "Todo",
    "delete_todo": "Todo",
    "sync": "SyncAnswer",
    "get_snapshot": "SnapshotPage",
}
# Statuses other than 200 that are a route's own; 401, 429 and 5xx can come from any and are the `default`.
_OWN: Final[dict[str, dict[str, str]]] = {
    "list_todos": {"304": "not modified"},
    "create_todo": {"201": "created", "400": "invalid_request", "409": "already_exists", "413": "too_large"},
    "get_todo": {"400": "invalid_request", "404": "not_found"},
    "update_todo": {"400": "invalid_request", "404": "not_found", "412": "version_mismatch", "413": "too_large"},
    "delete_todo": {"400": "invalid_request", "404": "not_found", "412": "version_mismatch"},
    "sync": {"400": "invalid_request", "413": "too_large"},
    "get_snapshot": {"400": "invalid_request", "410": "gone"},
}


def document() -> dict[str, Any]:
    """Give the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "MyTodoList", "version": "1", "description": "See api.md beside this file."},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"idToken": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }


def text() -> str:
    """Give the document as it stands in docs/openapi.json."""
    return json.dumps(document(), indent=2) + "\n"


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "security": [{"idToken": []}] if route.auth else [],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": route.body}}}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    path = [
        {"name": name, "in": "path", "required": True, "schema": TODO_ID if name == "id" else _NUMBER} for name in names
    ]
    query = [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.summary,
            "schema": parameter.schema,
        }
        for parameter in route.query
    ]
    return path + query + [{"name": name, "in": "header", "schema": _TEXT} for name in route.headers]


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": _response(route.summary, _ANSWERS[route.name])}
    for status, description in _OWN.get(route.name, {}).items():
        schema = _ANSWERS[route.name] if status == "201" else "Error"
        responses[status] = {"description": description} if status == "304" else _response(description, schema)
    responses["default"] = _response("unauthorized, too_many_requests, internal or unavailable", "Error")
    return responses


def _response(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _reference(schema)}}}


if __name__ == "__main__":
    sys.stdout.write(text())
