"""What the SDK's unit tests give it instead of the world: a clock, a Cognito, an HTTP server of two lines."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from todo_sdk import Config, MemoryTokenStore, NotSignedInError, TodoClient
from todo_sdk._aws import AwsCredentials
from todo_sdk._clock import ServerClock
from todo_sdk._cognito import Cognito, Tokens
from todo_sdk._http import Http
from todo_sdk._retry import Retries
from todo_sdk._session import Session
from todo_sdk._state import OwnDevice
from todo_sdk._todos import Todos
from todo_sdk._traffic import Traffic

API = "https://api.example.com/v"
START = 1_800_000_000.0
IDENTITY = "eu-west-1:00000000-0000-4000-8000-000000000001"


def config_for(data_dir: Path, **changes: Any) -> Config:
    """Settings of a deployment that does not exist."""
    values: dict[str, Any] = {
        "api_url": API,
        "region": "eu-west-1",
        "user_pool_id": "eu-west-1_AbCdEf",
        "user_pool_client_id": "client1",
        "identity_pool_id": "eu-west-1:11111111-1111-4111-8111-111111111111",
        "files_bucket": "bucket",
        "data_dir": data_dir,
        "token_store": "file",
    }
    return Config(**{**values, **changes})


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def jwt(**claims: Any) -> str:
    """A token with these claims; the SDK does not verify it, Cognito's customers do."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2ln"])


class FakeCognito(Cognito):
    """A Cognito that gives numbered tokens for an hour by a clock that may be off from the device's."""

    def __init__(self, config: Config, clock: Clock, server_ahead_seconds: float = 0) -> None:
        super().__init__(config)
        self.device_clock = clock
        self.ahead = server_ahead_seconds
        self.calls: list[str] = []
        self.refused = False
        self.rotates = False
        self.issued = 0
        self.user_id = "user-1"
        self.before_refresh: Callable[[], None] = lambda: None

    def tokens(self) -> Tokens:
        now = self.device_clock.now + self.ahead
        self.issued += 1
        number = self.issued
        claims = {"sub": self.user_id, "email": "me@example.com", "iat": now, "exp": now + 3600, "jti": number}
        device = OwnDevice(self.config.user_pool_id, "me@example.com", "eu-west-1_device", "group", "device-secret")
        return Tokens(jwt(**claims), f"access-{number}", f"refresh-{number}", device)

    def sign_in(self, email: str, password: str) -> Tokens:
        self.calls.append("sign_in")
        return self.tokens()

    def refresh(self, refresh_token: str, device_key: str | None) -> Tokens:
        self.before_refresh()
        self.calls.append(f"refresh {refresh_token}")
        if self.refused:
            raise NotSignedInError("your session has ended; sign in again")
        fresh = self.tokens()
        return Tokens(fresh.id_token, fresh.access_token, fresh.refresh_token if self.rotates else None)

    def revoke(self, refresh_token: str) -> None:
        self.calls.append(f"revoke {refresh_token}")

    def forget_device(self, access_token: str, device_key: str) -> None:
        self.calls.append(f"forget {device_key}")

    def identity_id(self, id_token: str) -> str:
        self.calls.append("GetId")
        return IDENTITY

    def credentials(self, identity_id: str, id_token: str) -> tuple[str, AwsCredentials]:
        self.calls.append("GetCredentialsForIdentity")
        expires_at = datetime.fromtimestamp(self.device_clock.now + self.ahead + 3600, UTC)
        return identity_id, AwsCredentials("ASIAFAKE", "secret", f"token-{len(self.calls)}", expires_at)


@dataclass
class Device:
    """A session with everything around it in the test's hands."""

    config: Config
    store: MemoryTokenStore
    clock: Clock
    cognito: FakeCognito
    session: Session
    todos: Todos
    pauses: list[float]

    def sign_in(self) -> None:
        self.session.begin(self.cognito.sign_in("me@example.com", "pw"), "me@example.com")
        self.cognito.calls.clear()

    def again(self) -> "Device":
        """The same device after a restart of the program."""
        return make_device(self.config, self.store, self.clock, self.cognito)


def make_device(config: Config, store: MemoryTokenStore, clock: Clock, cognito: FakeCognito) -> Device:
    pauses: list[float] = []
    traffic = Traffic(clock=ServerClock(clock))
    retries = Retries(sleep=pauses.append, jitter=lambda: 1.0)
    http = Http(config.api_url, retries=retries, traffic=traffic)
    session = Session(config, store, http, cognito, traffic.clock)
    return Device(config, store, clock, cognito, session, Todos(session, clock), pauses)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A device on which somebody is signed in."""
    config, clock = config_for(tmp_path), Clock()
    made = make_device(config, MemoryTokenStore(), clock, FakeCognito(config, clock))
    made.sign_in()
    return made


def wire_todo(**changes: Any) -> dict[str, Any]:
    """A to-do as the service writes it."""
    return {
        "id": "01941f29-7c00-7000-8000-0123456789ab",
        "title": "Buy milk",
        "notes": "",
        "status": "open",
        "priority": 4,
        "due": None,
        "tags": ["home"],
        "list": "",
        "recurrence": None,
        "attachments": [],
        "created_at": "2026-11-23T12:00:00.000Z",
        "updated_at": "2026-11-23T12:00:00.000Z",
        "completed_at": None,
        "version": 1,
        "revision": 1,
        "deleted": False,
        **changes,
    }


@dataclass
class Said:
    """One request that the server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeAws:
    """A server on loopback that answers what it was told, in order, and keeps what it was asked."""

    url: str
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def will_say(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, content))

    def will_refuse(self, code: str, message: str = "", status: int = 400) -> None:
        self.will_say(status, {"__type": code, "message": message})


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """botocore does not go through requests, so `responses` cannot stand in for AWS; this can."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fake.said.append(Said(self.command, self.path, headers, body))
            status, extra, content = fake.answers.pop(0) if fake.answers else (500, {}, b"{}")
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(content)), "Connection": "close", **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815, the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake = FakeAws(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture
def client_of(aws: FakeAws, tmp_path: Path) -> Callable[..., TodoClient]:
    """Makes a client whose AWS is the fake one."""

    def make(**changes: Any) -> TodoClient:
        return TodoClient(config_for(tmp_path, endpoint_url=aws.url, **changes), store=MemoryTokenStore())

    return make
