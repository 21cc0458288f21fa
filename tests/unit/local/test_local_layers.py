"""The layers around MiniStack, each with a fake inside."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from todo_backend.local.asgi import Answer, App, Message, Receive, Scope, Send, ask, respond
from todo_backend.local.control import AdminCredentials, ControlError, ControlPlane
from todo_backend.local.datadir import DataDir
from todo_backend.local.gateway import Gateway, Loopback
from todo_backend.local.identity import IdentityLayer
from todo_backend.local.identity_codes import CodeBook
from todo_backend.local.inbox import Inbox
from todo_backend.local.trace import LIMIT_BYTES, Trace

CLAIMS = base64.urlsafe_b64encode(b'{"token_use":"access"}').decode().rstrip("=")
ACCESS_TOKEN = f"e30.{CLAIMS}.c2ln"


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


def authorization(scope: Scope) -> bytes:
    found: bytes = dict(scope["headers"])[b"authorization"]
    return found


def test_loopback_counts_as_secure_transport() -> None:
    inside = Inside()
    request(Loopback(inside))
    assert inside.scopes[0]["scheme"] == "https"


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_ministack/ses/messages"])
def test_the_emulators_own_switches_are_closed(path: str) -> None:
    inside = Inside()
    assert request(Loopback(inside), path).status == 403
    assert inside.scopes == []


@pytest.mark.parametrize("path", ["/_aws/execute-api/a/prod/v1/todos", "/restapis/a/prod/_user_request_/v1/todos"])
def test_an_access_token_reaches_no_authorizer(path: str) -> None:
    inside = Inside()
    request(Gateway(inside), path, authorization=f"Bearer {ACCESS_TOKEN}")
    assert authorization(inside.scopes[0]) == b"not-an-id-token"


def test_an_access_token_for_another_service_is_left_alone() -> None:
    inside = Inside()
    request(Gateway(inside), "/", authorization=ACCESS_TOKEN)
    assert authorization(inside.scopes[0]) == ACCESS_TOKEN.encode()


def test_the_trace_holds_nothing_that_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    request(Trace(Inside(Answer(204)), file), "/v1", b"a-body", authorization="a-token", x_amz_target="A.SignUp")
    record = json.loads(file.read_text())
    assert (record["method"], record["path"], record["status"], record["operation"]) == ("POST", "/v1", 204, "SignUp")
    assert set(record) == {"at", "method", "path", "service", "operation", "status", "ms"}
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


def test_a_control_plane_that_fails_is_told_in_one_clean_answer(tmp_path: Path) -> None:
    layer = IdentityLayer(Inside(), Refusing(), CodeBook(DataDir(tmp_path), lambda: 0.0), Inbox(tmp_path / "inbox"))
    target = "AWSCognitoIdentityProviderService.ConfirmSignUp"
    answer = request(layer, body=b'{"ClientId":"c","Username":"u"}', x_amz_target=target)
    assert answer.status == 500
    assert answer.json() == {"__type": "InternalErrorException", "message": "Something went wrong"}


def test_what_is_not_cognitos_passes_unread(tmp_path: Path) -> None:
    inside = Inside()
    layer = IdentityLayer(inside, Refusing(), CodeBook(DataDir(tmp_path), lambda: 0.0), Inbox(tmp_path / "inbox"))
    assert request(layer, x_amz_target="DynamoDB_20120810.GetItem").status == 200
    assert len(inside.scopes) == 1


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
