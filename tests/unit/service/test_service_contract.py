"""Routes, OpenAPI document and golden wire files: what others build on."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from todo_backend.service import openapi, todos
from todo_backend.service.api import _HANDLERS
from todo_backend.service.routes import AUTHORIZATION, ROUTES

if TYPE_CHECKING:
    from tests.unit.service.conftest import Service

ROOT = Path(__file__).resolve().parents[3]
NewId = Callable[[], str]


def test_exactly_two_routes_are_cached_and_the_private_one_is_keyed_on_its_caller() -> None:
    cached = {route.name: route.cache for route in ROUTES if route.cache}
    assert set(cached) == {"get_config", "get_snapshot"}
    for route in ROUTES:
        if route.cache and route.auth:
            # AC-20, SE-01
            assert AUTHORIZATION in route.cache.key
            # AC-18, AC-19: everything that the answer depends on is in the key.
            path = {f"method.request.path.{name}" for name in re.findall(r"{(\w+)}", route.path)}
            query = {f"method.request.querystring.{parameter.name}" for parameter in route.query}
            assert path | query | {AUTHORIZATION} == set(route.cache.key)
        if route.cache:
            assert (route.method, route.headers, route.cache.ttl_seconds) == ("GET", (), 3600)


def test_only_the_config_is_open() -> None:
    assert [route.name for route in ROUTES if not route.auth] == ["get_config"]


def test_every_route_is_answered_and_nothing_else() -> None:
    assert set(_HANDLERS) == {route.name for route in ROUTES if route.auth}
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=lambda route: route.name)
def test_request_models_are_json_schema_draft_4_and_closed(route: Any) -> None:
    # AG-21: what API Gateway understands.
    jsonschema.Draft4Validator.check_schema(route.body)
    assert route.body["additionalProperties"] is False
    assert "$ref" not in json.dumps(route.body)


def test_what_the_gateway_lets_in_has_the_fields_of_a_todo() -> None:
    for route in ROUTES:
        if route.name in ("create_todo", "update_todo"):
            assert route.body is not None
            assert set(route.body["properties"]) - {"id"} == set(todos.WRITABLE)


def test_the_openapi_document_is_the_one_that_routes_make() -> None:
    stored = (ROOT / "docs" / "openapi.json").read_text("utf-8")
    assert stored == openapi.text(), "run: python -m todo_backend.service.openapi > docs/openapi.json"


def test_every_route_stands_in_the_reference() -> None:
    reference = (ROOT / "docs" / "api.md").read_text("utf-8")
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in reference
        for parameter in route.query:
            assert f"`{parameter.name}`" in reference
    for word in ("Authorization", *{header for route in ROUTES for header in route.headers}):
        assert f"`{word}`" in reference


def _answers(service: "Service", new_id: NewId) -> dict[str, Any]:
    one, two = new_id(), new_id()
    service.add(
        one,
        "Buy milk",
        notes="The green one.\n2 l",
        priority=1,
        due="2026-11-24",
        tags=["shop", "home"],
        list="errands",
        recurrence="FREQ=WEEKLY;BYDAY=TU",
        attachments=["notes/list.txt"],
    )
    service.later(minutes=5)
    service.add(two, "Äpfel 🍎", due="2026-11-23T18:00:00+01:00")
    service.later(minutes=5)
    todo = service.edit(two, key="golden-1", status="done").body
    page = service.list(limit=1).body
    changes: list[dict[str, Any]] = [
        {"op": "update", "id": one, "key": "golden-2", "if_version": 1, "fields": {"priority": 2}},
        {"op": "delete", "id": two, "key": "golden-3"},
        {"op": "update", "id": one, "key": "golden-4", "if_version": 1, "fields": {"title": "Buy tea"}},
        {"op": "update", "id": new_id(), "key": "golden-5", "fields": {"title": "Buy tea"}},
        {"op": "create", "id": new_id(), "key": "golden-6", "fields": {"title": " "}},
    ]
    answer = service.sync(3, *changes).body
    error = service.edit(one, title="Buy tea", version=1).body
    config = service.call("GET", "/v1/config", user=None).body
    snapshot = service.call("GET", "/v1/snapshots/{revision}", path={"revision": "5"}).body
    gone = service.call("GET", "/v1/snapshots/{revision}", path={"revision": "4"}).body
    return {
        "todo": todo,
        "list_page": page,
        "sync_answer": answer,
        "error": error,
        "config": config,
        "snapshot_page": snapshot,
        "error_gone": gone,
    }


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("todo", "Todo"),
        ("list_page", "TodoPage"),
        ("sync_answer", "SyncAnswer"),
        ("error", "Error"),
        ("config", "Config"),
        ("snapshot_page", "SnapshotPage"),
        ("error_gone", "Error"),
    ],
)
def test_the_service_makes_the_golden_wire_files(service: "Service", new_id: NewId, name: str, schema: str) -> None:
    answer = _answers(service, new_id)[name]
    assert answer == json.loads((ROOT / "tests" / "wire" / f"{name}.json").read_text("utf-8"))
    document = openapi.document()
    closed = {**document["components"]["schemas"][schema], "components": document["components"]}
    jsonschema.Draft202012Validator(closed).validate(answer)
    if schema == "Todo":
        assert list(answer) == list(todos.WIRE_FIELDS)
