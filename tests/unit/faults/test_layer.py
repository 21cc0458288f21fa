"""Faults on demand in front of a service that works, and the endpoint that switches them."""

import asyncio
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from todo_backend.local.asgi import Answer, App, Message, Receive, Scope, Send, ask, read_body, respond
from todo_backend.local.datadir import DataDir
from todo_backend.local.faults import CLOCK_PATH, FAULTS_PATH, FILE
from todo_backend.local.faults.clock import Clock
from todo_backend.local.faults.layer import ABORT, Faults
from todo_backend.local.faults.rules import Fault, Rules
from todo_backend.local.faults.switch import Switch, secret_of
from todo_backend.local.trace import Trace, note_fault

API = "/_aws/execute-api/abc/prod"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


class Service:
    """Answers with what it holds, and counts how often it was asked."""

    def __init__(self) -> None:
        self.holds = "first"
        self.asked: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(await read_body(receive))
        await respond(send, Answer(200, [(b"x-todo-fault", b"pretended")], self.holds.encode()))


class World:
    """The layer around a service, on a clock that only the test moves."""

    def __init__(self, *faults: Fault) -> None:
        self.service, self.rules, self.noted = Service(), Rules(), list[str]()
        self.seconds, self.aborted = 0.0, 0
        self.clock = Clock(wall=lambda: self.seconds, steady=lambda: self.seconds)
        self.app = Faults(self.service, self.rules, self.clock, self.noted.append)
        for fault in faults:
            self.rules.add(fault)

    def _abort(self) -> None:
        self.aborted += 1

    def ask(self, method: str = "GET", path: str = f"{API}/v1/todos", body: bytes = b"", **headers: str) -> Answer:
        return request(self.app, method, path, body, {ABORT: {"abort": self._abort}}, **headers)

    def read(self, **parameters: Any) -> str:
        """An eventually consistent read, unless the parameters say otherwise."""
        signed = {"authorization": SIGNED.format("dynamodb"), "x_amz_target": "DynamoDB_20120810.GetItem"}
        return self.ask("POST", "/", json.dumps({"TableName": "t", **parameters}).encode(), **signed).body.decode()


def request(
    app: App, method: str, path: str, body: bytes, extensions: dict[str, Any] | None = None, **headers: str
) -> Answer:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": pairs, "extensions": extensions or {}}
    return asyncio.run(ask(app, scope, body))


def marks(answer: Answer) -> list[bytes]:
    return [value for name, value in answer.headers if name == b"x-todo-fault"]


def test_without_rules_nothing_is_touched() -> None:
    world = World()
    assert (world.ask().body, world.noted) == (b"first", [])


def test_an_error_comes_from_nobody_but_the_layer_and_says_so() -> None:
    world = World(Fault("error", "GET /v1/todos", status=503))
    answer = world.ask()
    assert (answer.status, answer.json(), marks(answer)) == (
        503,
        {"message": "Service is unable to handle request."},
        [b"error"],
    )
    assert (world.service.asked, world.noted) == ([], ["error"])
    assert world.ask("GET", f"{API}/v1/revision").status == 200


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [
        ("dynamodb", 400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        ("cognito-idp", 400, "TooManyRequestsException"),
        ("ssm", 400, "ThrottlingException"),
    ],
)
def test_a_throttle_is_the_one_of_its_service(service: str, status: int, code: str) -> None:
    answer = World(Fault("throttle")).ask("POST", "/", authorization=SIGNED.format(service))
    assert (answer.status, answer.json()["__type"]) == (status, code)


def test_a_throttle_of_the_api_is_ag_28() -> None:
    answer = World(Fault("throttle")).ask()
    assert (answer.status, answer.json()) == (429, {"message": "Too Many Requests"})
    assert (b"x-amzn-errortype", b"TooManyRequestsException") in answer.headers


def test_s3_fails_in_xml_and_without_a_body_for_head() -> None:
    world = World(Fault("throttle"), Fault("error", status=500))
    signed = SIGNED.format("s3")
    answer = world.ask("PUT", "/bucket/key", authorization=signed)
    assert answer.status == 503
    assert ElementTree.fromstring(answer.body).findtext("Code") == "SlowDown"
    assert world.ask("HEAD", "/bucket/key", authorization=signed).body == b""


def test_the_query_protocol_fails_in_its_own_xml() -> None:
    fault = Fault("error", "sts:*", status=400, code="A<B", message="c & d")
    with pytest.raises(ValueError, match="names no requests"):
        Fault("error", "sts AssumeRole")
    answer = World(fault).ask("POST", "/", authorization=SIGNED.format("sts"))
    error = ElementTree.fromstring(answer.body).find("Error")
    assert error is not None
    assert (error.findtext("Code"), error.findtext("Message"), error.findtext("Type")) == ("A<B", "c & d", "Sender")


def test_a_dropped_connection_ends_before_anything_happened() -> None:
    world = World(Fault("drop"))
    world.ask()
    assert (world.aborted, world.service.asked) == (1, [])


def test_a_lost_answer_ends_the_connection_after_it_happened() -> None:
    world = World(Fault("lose"))
    assert world.ask(body=b"effect").body == b""
    assert (world.aborted, world.service.asked) == (1, [b"effect"])


def test_a_server_that_cannot_drop_connections_does_not_pretend_to() -> None:
    with pytest.raises(ConnectionAbortedError):
        request(World(Fault("drop")).app, "GET", "/", b"")


def test_latency_comes_before_the_request_is_looked_at() -> None:
    world = World(Fault("latency", seconds=0.001), Fault("latency", seconds=0.001))
    answer = world.ask()
    assert (answer.body, marks(answer), world.noted) == (b"first", [b"latency,latency"], ["latency,latency"])


def test_a_lagging_read_shows_a_change_late_and_never_takes_it_back() -> None:
    world = World(Fault("lag", seconds=10))
    assert world.read() == "first"
    world.service.holds = "second"
    assert world.read() == "first"
    world.seconds = 9.9
    assert world.read() == "first"
    world.seconds = 10
    assert [world.read(), world.read()] == ["second", "second"]


def test_what_a_replica_never_showed_is_not_stale() -> None:
    world = World(Fault("lag", seconds=10))
    world.read()
    world.service.holds = "second"
    assert world.read(Key={"pk": {"S": "another"}}) == "second"


def test_a_consistent_read_does_not_lag() -> None:
    world = World(Fault("lag", seconds=10))
    world.read()
    assert world.read(ConsistentRead=True) == "first"
    world.service.holds = "second"
    assert world.read(ConsistentRead=True) == "second"
    assert world.read(RequestItems={"t": {"Keys": [], "ConsistentRead": True}}) == "second"
    assert world.read() == "first"


def test_the_switches_and_the_health_check_never_fail() -> None:
    world = World(Fault("drop"))
    for path in ("/_todo/counters", "/_ministack/health"):
        assert world.ask("GET", path).status == 200


def test_a_fault_stands_in_the_line_of_its_request(tmp_path: Path) -> None:
    world = World(Fault("error", status=500))
    file = tmp_path / "requests.jsonl"
    faulty = Faults(world.service, world.rules, world.clock, note_fault)
    request(Trace(faulty, file), "GET", f"{API}/v1/todos", b"")
    world.rules.clear()
    request(Trace(faulty, file), "GET", f"{API}/v1/todos", b"")
    first, second = map(json.loads, file.read_text().splitlines())
    assert (first["fault"], first["status"]) == ("error", 500)
    assert "fault" not in second


class Panel:
    """The endpoint, asked with the secret unless told otherwise."""

    def __init__(self) -> None:
        self.rules, self.clock, self.moved = Rules(), Clock(), 0
        self._app = Switch(Service(), self.rules, self.clock, "a-secret", self._count)

    def _count(self, clock: Clock) -> None:
        assert clock.offset_seconds == 0
        self.moved += 1

    def ask(self, method: str, path: str, body: object = None, secret: str = "a-secret") -> Answer:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(self._app, method, path, sent, x_todo_secret=secret)


@pytest.mark.parametrize("secret", ["", "a-secreT", "a-secret "])
@pytest.mark.parametrize("path", [FAULTS_PATH, f"{FAULTS_PATH}/1", CLOCK_PATH])
def test_nobody_without_the_secret_reads_or_switches_anything(path: str, secret: str) -> None:
    panel = Panel()
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        assert panel.ask(method, path, {"kind": "drop", "advance": 5}, secret).status == 403
    assert (len(panel.rules), panel.clock.offset_seconds) == (0, 0)


def test_faults_are_added_read_and_taken_away() -> None:
    panel = Panel()
    made = panel.ask("POST", FAULTS_PATH, {"kind": "drop", "on": "s3:*"}).json()
    assert (made["id"], made["kind"], made["on"], made["struck"]) == (1, "drop", "s3:*", 0)
    assert panel.ask("GET", FAULTS_PATH).json() == {"faults": [made]}
    assert panel.ask("DELETE", f"{FAULTS_PATH}/1").status == 200
    assert panel.ask("DELETE", f"{FAULTS_PATH}/1").status == 404
    panel.ask("POST", FAULTS_PATH, {"kind": "drop"})
    panel.ask("DELETE", FAULTS_PATH)
    assert panel.ask("GET", FAULTS_PATH).json() == {"faults": []}


def test_the_clock_is_moved_and_told() -> None:
    panel = Panel()
    assert panel.ask("POST", CLOCK_PATH, {"advance": 3600}).json()["offset_seconds"] == 3600
    assert panel.ask("POST", CLOCK_PATH, {"state": "frozen"}).json()["frozen"] is True
    assert panel.ask("POST", CLOCK_PATH, {"state": "running"}).json()["frozen"] is False
    assert panel.ask("POST", CLOCK_PATH, {"state": "machine"}).json()["offset_seconds"] == 0
    assert panel.moved == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", FAULTS_PATH, b"{", 400),
        ("POST", FAULTS_PATH, b"\xff", 400),
        ("POST", FAULTS_PATH, b"[" * 50_000, 400),
        ("POST", FAULTS_PATH, b" " * 100_000, 400),
        ("POST", FAULTS_PATH, [], 400),
        ("POST", FAULTS_PATH, {"kind": "drop", "seed": "x"}, 400),
        ("POST", CLOCK_PATH, {}, 400),
        ("POST", CLOCK_PATH, {"advance": -1}, 400),
        ("POST", CLOCK_PATH, {"advance": True}, 400),
        ("POST", CLOCK_PATH, {"advance": 10**400}, 400),
        ("POST", CLOCK_PATH, {"advance": 1, "state": "frozen"}, 400),
        ("POST", CLOCK_PATH, {"state": "backwards"}, 400),
        ("PUT", FAULTS_PATH, {}, 405),
        ("DELETE", CLOCK_PATH, {}, 405),
        ("DELETE", f"{FAULTS_PATH}/x", {}, 404),
        ("GET", f"{FAULTS_PATH}/1", {}, 405),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(method: str, path: str, body: object, status: int) -> None:
    panel = Panel()
    answer = panel.ask(method, path, body)
    assert answer.status == status
    assert answer.json()["message"]
    assert (len(panel.rules), panel.clock.offset_seconds) == (0, 0)


def test_everything_else_is_handed_on() -> None:
    assert Panel().ask("GET", "/_todo/faulty", secret="").body == b"first"


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    place = DataDir(tmp_path)
    secret = secret_of(place)
    assert secret_of(place) == secret
    assert len(secret) >= 32
    assert place.file(FILE).stat().st_mode & 0o777 == 0o600


def test_an_answer_is_never_marked_twice() -> None:
    async def scenario() -> list[Message]:
        world, sent = World(Fault("latency", seconds=0.001)), list[Message]()

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        await world.app({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)
        return sent

    assert asyncio.run(scenario())[0]["headers"] == [(b"x-todo-fault", b"latency")]
