"""The layers around MiniStack, each with a fake inside."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from todo_backend.local.asgi import Answer, App, Message, Receive, Scope, Send, ask, respond
from todo_backend.local.control import AdminCredentials, ControlError, ControlPlane
from todo_backend.local.counters import Counters
from todo_backend.local.datadir import DataDir
from todo_backend.local.identity import STATE_FOLDER, Identity
from todo_backend.local.inbox import Inbox
from todo_backend.local.loopback import COUNTERS_PATH, Loopback
from todo_backend.local.trace import LIMIT_BYTES, Trace, note_gateway


class Inside:
    """Answers everything with `answer` and remembers what it was asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or Answer(200, [], b"{}")
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await respond(send, self.answer)


def request(app: App, path: str = "/", body: bytes = b"", **headers: str) -> Answer:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "scheme": "http", "method": "POST", "path": path, "headers": pairs}
    return asyncio.run(ask(app, scope, body))


def test_loopback_counts_as_secure_transport() -> None:
    inside = Inside()
    request(Loopback(inside, Counters()))
    assert inside.scopes[0]["scheme"] == "https"


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_ministack/ses/messages"])
def test_the_emulators_own_switches_are_closed(path: str) -> None:
    inside = Inside()
    assert request(Loopback(inside, Counters()), path).status == 403
    assert inside.scopes == []


def test_the_counters_are_sums_and_can_be_read() -> None:
    counters = Counters()
    for name, value in (("CacheHitCount", 1.0), ("CacheHitCount", 1.0), ("CacheMissCount", 0.0), ("Latency", 7.5)):
        counters.add(name, value, {"ApiName": "todo", "Stage": "prod"})
    inside = Inside()
    found = request(Loopback(inside, counters), COUNTERS_PATH).json()
    assert found == {"Count": 0, "4XXError": 0, "5XXError": 0, "CacheHitCount": 2, "CacheMissCount": 0}
    assert inside.scopes == []


@pytest.mark.parametrize(
    ("cache", "integration_ms", "told"),
    [("hit", None, "hit"), ("miss", 5.0, "miss"), ("off", 5.0, "off"), ("off", None, "refused")],
)
def test_what_the_gateway_did_stands_in_the_line_of_its_request(
    tmp_path: Path, cache: str, integration_ms: float | None, told: str
) -> None:
    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        note_gateway({"cache": cache, "integration_ms": integration_ms, "request_id": "not told"})
        await respond(send, Answer(200))

    file = tmp_path / "requests.jsonl"
    request(Trace(gateway, file))
    request(Trace(Inside(), file))
    first, second = map(json.loads, file.read_text().splitlines())
    assert (first["cache"], first["integration_ms"]) == (told, integration_ms)
    assert set(first) - set(second) == {"cache", "integration_ms"}


def test_a_gateway_without_a_trace_around_it_tells_nobody() -> None:
    note_gateway({"cache": "hit", "integration_ms": None})


def test_the_trace_holds_nothing_that_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    answered = Answer(204, headers=[(b"x-amzn-RequestId", b"one-request")])
    request(Trace(Inside(answered), file), "/v1", b"a-body", authorization="a-token", x_amz_target="A.SignUp")
    record = json.loads(file.read_text())
    assert (record["method"], record["path"], record["status"], record["operation"]) == ("POST", "/v1", 204, "SignUp")
    assert record["request_id"] == "one-request"
    assert set(record) == {"at", "method", "path", "service", "operation", "status", "request_id", "ms"}
    assert "a-body" not in file.read_text()
    assert "a-token" not in file.read_text()


def test_the_trace_does_not_grow_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_bytes(b"x" * (LIMIT_BYTES + 1))
    request(Trace(Inside(), file))
    assert len(file.read_text().splitlines()) == 1
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["requests.1.jsonl", "requests.jsonl"]


def test_a_request_that_breaks_is_in_the_trace_too(tmp_path: Path) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise OSError("gone")

    file = tmp_path / "requests.jsonl"
    with pytest.raises(OSError, match="gone"):
        request(Trace(broken, file))
    assert json.loads(file.read_text())["status"] == 0


class Refusing(ControlPlane):
    """A control plane that has gone wrong."""

    def __init__(self) -> None:
        super().__init__(Inside(), AdminCredentials("AKIAEXAMPLE", "hidden"), 1)

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        raise ControlError(operation, "InternalFailure", "a message that is nobody's business")


def identity_in(data_dir: DataDir, inside: App | None = None) -> Identity:
    key = AdminCredentials("AKIAEXAMPLE", "hidden")
    return Identity(inside or Inside(), Refusing(), key, data_dir, Inbox(data_dir.file("inbox.jsonl")))


def test_a_control_plane_that_fails_is_told_in_one_clean_answer(tmp_path: Path) -> None:
    target = "AWSCognitoIdentityProviderService.ConfirmSignUp"
    body = b'{"ClientId":"c","Username":"u","ConfirmationCode":"123456"}'
    answer = request(identity_in(DataDir(tmp_path)), body=body, x_amz_target=target)
    assert answer.status == 500
    assert answer.json() == {"__type": "InternalErrorException", "message": "Internal server error"}


def test_what_is_not_cognitos_passes_unread(tmp_path: Path) -> None:
    inside = Inside()
    assert request(identity_in(DataDir(tmp_path), inside), x_amz_target="DynamoDB_20120810.GetItem").status == 200
    assert len(inside.scopes) == 1


@pytest.mark.parametrize("ephemeral", [True, False])
def test_users_are_kept_in_the_data_directory_unless_nothing_is(tmp_path: Path, ephemeral: bool) -> None:
    data_dir = DataDir(tmp_path, ephemeral=ephemeral)
    identity_in(data_dir)
    assert data_dir.file(STATE_FOLDER).exists() is not ephemeral


class WithoutPools(Refusing):
    """A control plane without a user pool."""

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        raise ControlError(operation, "ResourceNotFoundException", "no such pool")


def test_a_pool_that_is_gone_has_no_keys(tmp_path: Path) -> None:
    key, data_dir = AdminCredentials("AKIAEXAMPLE", "hidden"), DataDir(tmp_path, ephemeral=True)
    identity = Identity(Inside(), WithoutPools(), key, data_dir, Inbox(tmp_path / "inbox"))
    assert asyncio.run(identity.keys("us-east-1_gone")) == {"keys": []}


def control_answering(status: int, body: bytes) -> ControlPlane:
    return ControlPlane(Inside(Answer(status, [], body)), AdminCredentials("AKIAEXAMPLE", "hidden"), 4566)


def test_an_answer_of_the_query_protocol_is_read() -> None:
    body = (
        b'<ListRolesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListRolesResult><Roles>'
        b"<member><RoleName>a</RoleName></member><member><RoleName>b</RoleName></member></Roles>"
        b"<IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>"
    )
    found = asyncio.run(control_answering(200, body).call("iam", "ListRoles", PathPrefix="/"))
    assert found == {"Roles": [{"RoleName": "a"}, {"RoleName": "b"}], "IsTruncated": "false"}


@pytest.mark.parametrize(
    ("service", "body"),
    [
        ("iam", b"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>not there</Message></Error></ErrorResponse>"),
        ("ssm", b'{"__type":"com.amazon#NoSuchEntity","message":"not there"}'),
    ],
)
def test_an_error_of_either_protocol_is_raised(service: str, body: bytes) -> None:
    with pytest.raises(ControlError, match="not there") as caught:
        asyncio.run(control_answering(400, body).call(service, "GetRole"))
    assert caught.value.code == "NoSuchEntity"


def test_the_parameters_of_the_query_protocol_are_flattened() -> None:
    inside = Inside(Answer(200, [], b"<R/>"))
    sent: list[bytes] = []

    async def watching(scope: Scope, receive: Receive, send: Send) -> None:
        message: Message = await receive()
        sent.append(message["body"])
        await inside(scope, receive, send)

    control = ControlPlane(watching, AdminCredentials("AKIAEXAMPLE", "hidden"), 4566)
    asyncio.run(control.call("cloudformation", "CreateStack", StackName="s", Capabilities=["A", "B"], Flag=True))
    assert sent == [
        b"Action=CreateStack&Version=2010-05-15&StackName=s&Capabilities.member.1=A&Capabilities.member.2=B&Flag=true"
    ]


def test_a_rest_call_is_signed_with_its_query_and_answers_with_lower_case_names() -> None:
    inside = Inside(Answer(404, [(b"X-Amzn-ErrorType", b"NotFoundException")], b"{}"))
    control = ControlPlane(inside, AdminCredentials("AKIAEXAMPLE", "hidden"), 4566)
    path, query = "/restapis/a%2Fb", "embed=methods&limit=500"
    answer = asyncio.run(control.send_rest("apigateway", "GET", path, query, {}, b""))
    assert answer == (404, {"x-amzn-errortype": "NotFoundException"}, b"{}")
    asked = inside.scopes[0]
    assert (asked["raw_path"], asked["path"], asked["query_string"]) == (path.encode(), "/restapis/a/b", query.encode())
