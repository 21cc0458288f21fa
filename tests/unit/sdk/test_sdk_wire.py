"""The golden files of tests/wire, which the service's tests produce, are what the SDK reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import responses

from todo_sdk import Change, Config, ConfigError, ConflictError, NotFoundError, Todo, __version__, fetch_config
from todo_sdk import _fields as fields
from todo_sdk._exchange import SYNC_CHANGES
from todo_sdk._pages import PAGE_SIZE

from .conftest import API, Device, wire_todo

WIRE = Path(__file__).parents[2] / "wire"
GOLDEN = sorted(WIRE.glob("*.json"))


def todos_in(value: Any) -> list[dict[str, Any]]:
    """Every to-do anywhere in a JSON document: an object with a version and a revision."""
    if isinstance(value, list):
        return [todo for item in value for todo in todos_in(item)]
    if not isinstance(value, dict):
        return []
    if {"id", "version", "revision"} <= value.keys():
        return [value]
    return [todo for item in value.values() for todo in todos_in(item)]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_the_golden_todos_are_read(file: Path) -> None:
    for wire in todos_in(json.loads(file.read_text("utf-8"))):
        assert Todo.from_wire(wire).to_wire() == {name: value for name, value in wire.items() if name in wire_todo()}


def golden(name: str) -> dict[str, Any]:
    """One of the golden documents."""
    document: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text("utf-8"))
    return document


@responses.activate
def test_the_golden_config_is_a_whole_config() -> None:
    responses.get(f"{API}/v1/config", json=golden("config"))
    config = fetch_config(API + "/")
    assert config.missing == ()
    assert config.files_bucket == golden("config")["files_bucket"]
    assert config.endpoint_url is None
    assert config.sources["region"] == "the API"


def test_the_sdk_refuses_at_the_limits_that_the_service_tells() -> None:
    limits = golden("config")["limits"]
    assert limits == {
        "title_chars": fields.TITLE_CHARS,
        "notes_chars": fields.NOTES_CHARS,
        "tags": fields.TAGS,
        "tag_chars": fields.TAG_CHARS,
        "list_chars": fields.LIST_CHARS,
        "attachments": fields.ATTACHMENTS,
        "page_size": PAGE_SIZE,
        "sync_changes": SYNC_CHANGES,
        "tombstone_days": limits["tombstone_days"],
    }


@responses.activate
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"api_version": 2}, "speaks version 2 of the API"),
        ({"oldest_client": "99.0.0"}, f"needs todo-sdk 99.0.0 or newer; this is {__version__}"),
        ({"files_bucket": None}, "does not tell its files_bucket"),
        ({"region": 3}, "does not tell its region"),
        ({"endpoint_url": "http://evil.example.com"}, "endpoint_url .* is not encrypted"),
    ],
)
def test_a_config_that_this_sdk_cannot_use_is_a_config_error(change: dict[str, Any], said: str) -> None:
    responses.get(f"{API}/v1/config", json={**golden("config"), **change})
    with pytest.raises(ConfigError, match=said):
        fetch_config(API)


@responses.activate
@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_address_without_an_api_is_a_config_error(status: int) -> None:
    responses.get(f"{API}/v1/config", status=status, json={"message": "Missing Authentication Token"})
    with pytest.raises(ConfigError, match="is not the address of a MyTodoList API"):
        fetch_config(API)


@responses.activate
def test_a_client_needs_only_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from todo_sdk import TodoClient

    monkeypatch.setenv("TODO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("TODO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TODO_API_URL", API)
    responses.get(f"{API}/v1/config", json=golden("config"))
    assert Config.load().missing
    with TodoClient.from_profile() as client:
        assert client.config.user_pool_id == golden("config")["user_pool_id"]


@responses.activate
def test_the_golden_list_is_read(device: Device) -> None:
    responses.get(f"{API}/v1/todos", json={**golden("list_page"), "cursor": None})
    assert [todo.to_wire() for todo in device.todos.list()] == golden("list_page")["todos"]


@responses.activate
def test_the_golden_sync_answer_is_read(device: Device) -> None:
    responses.post(f"{API}/v1/sync", json=golden("sync_answer"))
    wanted = golden("sync_answer")
    result = device.todos.sync([Change("delete", each["id"], key=each["key"]) for each in wanted["results"]])
    assert [each.outcome for each in result.results] == [each["outcome"] for each in wanted["results"]]
    assert [todo.to_wire() for todo in result.changes] == wanted["changes"]
    assert (result.revision, result.more, result.reset) == (wanted["revision"], wanted["more"], wanted["reset"])


@responses.activate
def test_the_golden_errors_mean_what_they_say(device: Device) -> None:
    one = f"{API}/v1/todos/{wire_todo()['id']}"
    responses.get(one, status=412, json=golden("error"))
    responses.get(one, status=410, json=golden("error_gone"))
    with pytest.raises(ConflictError, match="version 2 by now") as caught:
        device.todos.get(wire_todo()["id"])
    assert (caught.value.code, caught.value.request_id) == ("version_mismatch", "request-1")
    with pytest.raises(NotFoundError, match="not the current one"):
        device.todos.get(wire_todo()["id"])
