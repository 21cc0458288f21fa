"""From event to answer: callers, headers, bodies, statuses, and what never goes out."""

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from todo_backend.service import telemetry, todos
from todo_backend.service.api import Api, Record
from todo_backend.service.errors import ApiError, ThrottledError
from todo_backend.service.partition import Partition
from todo_backend.service.routes import ROUTES
from todo_backend.service.settings import REQUIRED, Settings

if TYPE_CHECKING:
    from tests.unit.service.conftest import Service

NewId = Callable[[], str]
MakeEvent = Callable[..., dict[str, Any]]

GOOD = {"sub": "alice", "token_use": "id", "aud": "client"}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.auth], ids=lambda route: route.name)
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {**GOOD, "token_use": "access"},
        {**GOOD, "aud": "another client of the pool"},
        {**GOOD, "sub": ""},
        {"sub": "alice", "client_id": "client", "token_use": "id"},
    ],
)
def test_only_an_id_token_of_this_client_is_a_caller(
    service: "Service", make_event: MakeEvent, route: Any, claims: dict[str, Any]
) -> None:
    # SE-07, SE-08: the authorizer alone would let some of these in (AG-05).
    reply = service.send(make_event(route.method, route.path, claims=claims, path={"id": "x", "revision": "0"}))
    assert (reply.status, reply.body["code"]) == (401, "unauthorized")
    assert service.tables == {}


@pytest.mark.parametrize("context", [None, {}, {"authorizer": None}, {"authorizer": {"claims": None}}])
def test_an_event_without_claims_is_no_caller(service: "Service", make_event: MakeEvent, context: Any) -> None:
    assert service.send({**make_event("GET", "/v1/todos"), "requestContext": context}).status == 401


def test_config_needs_no_caller_and_reads_nothing(service: "Service") -> None:
    reply = service.call("GET", "/v1/config", user=None)
    assert (reply.status, reply.body["user_pool_id"]) == (200, "eu-west-1_AbCdEf")
    assert service.tables == {}


def test_the_owner_is_never_what_the_client_sends(service: "Service", new_id: NewId) -> None:
    # SE-10, SE-11
    todo_id = new_id()
    service.add(todo_id)
    for method in ("GET", "DELETE"):
        reply = service.call(
            method,
            "/v1/todos/{id}",
            user="bob",
            path={"id": todo_id, "sub": "alice"},
            query={"sub": "alice", "owner": "alice", "pk": "USER#alice"},
            headers={"X-User-Id": "alice"},
        )
        absent = service.call(method, "/v1/todos/{id}", user="bob", path={"id": new_id()})
        assert (reply.status, reply.body) == (404, absent.body)
    assert service.get(todo_id).status == 200


def test_unknown_routes_are_not_found(service: "Service") -> None:
    for method, path in (("GET", "/v2/todos"), ("PUT", "/v1/todos"), ("", "")):
        assert service.call(method, path).status == 404


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (None, "the body is not JSON in UTF-8"),
        ("", "the body is not JSON in UTF-8"),
        ("{", "the body is not JSON in UTF-8"),
        ("[" * 100_000, "the body is not JSON in UTF-8"),
        ('{"priority": NaN}', "the body is not JSON in UTF-8"),
        ('{"id": "019ab000-0000-7000-8000-000000000001", "title": "\\ud800"}', "the body is not JSON in UTF-8"),
        ("[]", "body must be object"),
        ('"x"', "body must be object"),
        ("{}", "id is missing"),
        ('{"id": "x", "title": "y"}', "id is malformed"),
    ],
)
def test_a_bad_body_is_refused(service: "Service", body: str | None, sentence: str) -> None:
    reply = service.call("POST", "/v1/todos", body=body)
    assert (reply.status, reply.body["code"]) == (400, "invalid_request")
    assert reply.body["message"].startswith(sentence)
    assert reply.body["request_id"] == "request-1"


def test_a_body_in_base64_is_read_and_a_broken_one_refused(
    service: "Service", make_event: MakeEvent, new_id: NewId
) -> None:
    text = json.dumps({"id": new_id(), "title": "Äpfel 🍎"}, ensure_ascii=False)
    encoded = base64.b64encode(text.encode()).decode()
    request = {**make_event("POST", "/v1/todos", body=encoded), "isBase64Encoded": True}
    assert service.send(request).body["title"] == "Äpfel 🍎"
    for broken in ("%%%", base64.b64encode(b"\xff\xfe{}").decode()):
        assert service.send({**request, "body": broken}).status == 400


def test_a_body_over_the_limit_is_too_large(service: "Service") -> None:
    reply = service.call("POST", "/v1/todos", body=json.dumps({"title": "x" * (4 * 1024 * 1024)}))
    assert (reply.status, reply.body["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Min-Revision", "x"),
        ("X-Min-Revision", "-1"),
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "a b"),
        ("Idempotency-Key", "x" * 65),
        ("If-Match", "3"),
        ("If-Match", '"1", "2"'),
        ("If-Match", '"x"'),
    ],
)
def test_a_malformed_header_is_refused_by_its_name(service: "Service", new_id: NewId, header: str, value: str) -> None:
    todo_id = new_id()
    service.add(todo_id)
    method, body = ("GET", None) if header == "X-Min-Revision" else ("PATCH", {"title": "tea"})
    reply = service.call(method, "/v1/todos/{id}", path={"id": todo_id}, body=body, headers={header: value})
    assert (reply.status, reply.body["code"]) == (400, "invalid_request")
    assert reply.body["message"].startswith(header)


def test_header_names_have_no_case(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    headers = {"if-match": '"9"'}
    reply = service.call("PATCH", "/v1/todos/{id}", path={"id": todo_id}, body={"title": "x"}, headers=headers)
    assert (reply.status, reply.body["code"]) == (412, "version_mismatch")


@pytest.mark.parametrize(
    ("sent", "status"),
    [('"1"', 304), ('W/"1"', 304), ('"7", "1"', 304), ("*", 304), ('"2"', 200), ("1", 200), ("", 200)],
)
def test_if_none_match(service: "Service", new_id: NewId, sent: str, status: int) -> None:
    service.add(new_id())
    assert service.call("GET", "/v1/todos", headers={"If-None-Match": sent}).status == status


def test_a_create_is_201_once_and_200_again_and_another_body_is_409(service: "Service", new_id: NewId) -> None:
    body = {"id": new_id(), "title": "milk"}
    replies = [service.call("POST", "/v1/todos", body=body) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 200]
    assert replies[0].body == replies[1].body
    assert [reply.headers["X-Revision"] for reply in replies] == ["1", "1"]
    other = service.call("POST", "/v1/todos", body={**body, "notes": "x"})
    assert (other.status, other.body["code"]) == (409, "already_exists")


def test_a_write_says_its_revision_and_version(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    service.add(new_id())
    reply = service.edit(todo_id, status="done", version=1)
    assert (reply.headers["X-Revision"], reply.headers["ETag"]) == ("3", '"2"')
    assert (reply.body["revision"], reply.body["version"], reply.body["status"]) == (3, 2, "done")


def test_one_todo_and_a_list_show_a_todo_as_its_write_did(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    written = service.edit(todo_id, status="done").body
    assert list(written) == list(todos.WIRE_FIELDS)
    one = service.get(todo_id)
    assert (one.body, one.headers["ETag"]) == (written, '"2"')
    assert service.list().body["todos"] == [written]


def test_a_delete_is_the_tombstone_and_its_repeat_the_same(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    replies = [service.delete(todo_id, **{"Idempotency-Key": "k", "If-Match": '"1"'}) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].body["deleted"]
    assert replies[0].body == replies[1].body
    assert service.delete(todo_id).status == 404


@pytest.mark.parametrize("todo_id", ["x", "META", "019ab000-0000-7000-8000-00000000000G"])
def test_a_malformed_id_is_refused(service: "Service", todo_id: str) -> None:
    for reply in (service.get(todo_id), service.edit(todo_id, title="x"), service.delete(todo_id)):
        assert (reply.status, reply.body["message"]) == (400, "id must be a UUIDv7 in lower case")


def test_a_patch_of_nothing_known_is_refused(service: "Service", new_id: NewId) -> None:
    todo_id = new_id()
    service.add(todo_id)
    assert service.edit(todo_id).status == 400
    assert service.edit(todo_id, id=new_id()).body["message"] == "id is not a known field"
    assert service.edit(todo_id, revision=1).status == 400


def _with_failure(service: "Service", make_event: MakeEvent, error: Exception) -> tuple[dict[str, Any], Record]:
    def broken(user_id: str) -> Partition:
        raise error

    record = Record()
    api = Api(service.settings, broken, lambda: service.time)
    return api.answer(make_event("GET", "/v1/todos"), record), record


def test_an_unknown_exception_is_a_500_that_says_nothing(service: "Service", make_event: MakeEvent) -> None:
    # SE-29
    answer, record = _with_failure(service, make_event, KeyError("secret table name"))
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["code"] == "internal"
    assert "secret" not in answer["body"]
    line = telemetry.describe(record, "request-1", 1.0)
    assert line["error"] == "KeyError"
    assert line["error_at"].startswith("tests.unit.service.test_service_api:")
    assert "secret" not in json.dumps(line)


def test_a_busy_table_is_429_with_a_time_to_wait(service: "Service", make_event: MakeEvent) -> None:
    answer, _ = _with_failure(service, make_event, ThrottledError("busy"))
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (429, "1")


def test_every_error_of_the_api_has_a_status_and_a_code_of_its_own() -> None:
    kinds = ApiError.__subclasses__()
    assert len({kind.status for kind in kinds}) == len({kind.code for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 600 for kind in kinds)


def test_a_request_is_one_line_without_title_token_or_user(
    service: "Service", new_id: NewId, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    service.call(
        "POST", "/v1/todos", body={"id": new_id(), "title": "a secret title"}, headers={"Authorization": "eyJtoken"}
    )
    with caplog.at_level(logging.INFO):
        telemetry.report(service.last, "request-1", 12.34)
    assert len(caplog.records) == 1
    line = telemetry.describe(service.last, "request-1", 12.34)
    assert (line["route"], line["status"], line["duration_ms"]) == ("create_todo", 201, 12.3)
    assert set(line["cache"]) == {"eventual_reads", "consistent_reads", "proof", "not_modified"}
    metrics = capsys.readouterr().out
    assert json.loads(metrics)["route"] == "create_todo"
    for text in (json.dumps(line), metrics, str(vars(caplog.records[0]))):
        for secret in ("a secret title", "eyJ", "alice"):
            assert secret not in text


def test_missing_settings_are_named_all_at_once() -> None:
    with pytest.raises(RuntimeError, match=r"TABLE_NAME, .*STAGE"):
        Settings.from_environment({})
    settings = Settings.from_environment({**dict.fromkeys(REQUIRED, "x"), "DAX_ENDPOINT": ""})
    assert (settings.dax_endpoint, settings.query_ttl_seconds, settings.endpoint_url) == (None, 300, None)
    assert replace(settings, stage="y") != settings
