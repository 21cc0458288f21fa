"""Devices with a replica each, and the service on a table in memory behind a network that can fail."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import requests
from requests.adapters import BaseAdapter

from tests.unit.sdk.conftest import config_for, jwt
from tests.unit.service.conftest import MemoryTable, Service, event
from todo_sdk import Config, MemoryTokenStore, Replica, TodoClient
from todo_sdk._state import State, claims_of

START_OF_TIME = 1_700_000_000.0
BERLIN = ZoneInfo("Europe/Berlin")
Fault = Callable[[requests.PreparedRequest], str | None]


@dataclass
class World:
    """The service, its clock, and the network to it.

    `fault` says what happens to a request: None, "down" (it never arrives), "lost" (it does, the answer does not), or a
    status that the service answers instead of doing anything.
    """

    service: Service = field(default_factory=Service)
    fault: Fault = lambda request: None
    asked: list[str] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.service.time

    def later(self, **delta: float) -> None:
        self.service.later(**delta)

    def table(self, user: str = "alice") -> MemoryTable:
        return self.service.table(user)

    def live(self, user: str = "alice") -> dict[str, dict[str, Any]]:
        """What the service has, without tombstones."""
        return {key: item for key, item in self.table(user).now.items.items() if not item["deleted"]}

    def answer(self, request: requests.PreparedRequest) -> tuple[int, str, dict[str, str]]:
        fault = self.fault(request)
        if fault == "down":
            raise requests.ConnectionError("no route")
        if fault is not None and fault.isdigit():
            return int(fault), json.dumps({"code": "x", "message": "on purpose", "request_id": "r"}), {}
        reply = self.service.send(event_of(request))
        if fault == "lost":
            raise requests.ReadTimeout("the answer was lost")
        return reply.status, reply.text, reply.headers


class ToService(BaseAdapter):
    """Carries requests to the service as API Gateway would, without a socket."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.world.asked.append(f"{request.method} {request.path_url.partition('/v/')[2]}")
        status, text, headers = self.world.answer(request)
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers.update(headers)
        response._content = text.encode()
        return response

    def close(self) -> None:
        """Nothing is open."""


def event_of(request: requests.PreparedRequest) -> dict[str, Any]:
    """What API Gateway makes of a request."""
    headers = {str(name): str(value) for name, value in request.headers.items()}
    body = b"" if request.body is None else bytes(request.body)  # type: ignore[arg-type]
    return event_from(str(request.method), request.path_url, headers, body)


def event_from(method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What API Gateway makes of a request; whose token it is, it reads from the token."""
    parts = urlsplit(url)
    path = parts.path.removeprefix("/v")
    folder, _, last = path.rpartition("/")
    name = {"/v1/todos": "id", "/v1/snapshots": "revision"}.get(folder)
    return event(
        method,
        f"{folder}/{{{name}}}" if name else path,
        user=claims_of(headers["Authorization"])["sub"],
        path={name: last} if name else None,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)) or None,
        headers=headers,
        body=body.decode() or None,
    )


@dataclass
class Phone:
    """One device: a client on a folder of its own, with a clock that may be wrong."""

    world: World
    folder: Path
    user: str = "alice"
    wrong_by: timedelta = timedelta()
    store: MemoryTokenStore = field(default_factory=MemoryTokenStore)

    def __post_init__(self) -> None:
        self.client = self._client()

    def clock(self) -> float:
        return (self.world.now + self.wrong_by).timestamp()

    @property
    def replica(self) -> Replica:
        return self.client.replica

    def titles(self, **filters: Any) -> list[str]:
        return [todo.title for todo in self.replica.list(**filters)]

    def restarted(self) -> None:
        """What a process that was killed leaves: the file, and nothing else."""
        self.client.close()
        self.client = self._client()

    def sign_in(self, user: str) -> None:
        self.user = user
        self.store.save(session_of(self.config, user, self.world.now).to_mapping())
        self.restarted()

    @property
    def config(self) -> Config:
        return config_for(self.folder)

    def _client(self) -> TodoClient:
        if self.store.load() is None:
            self.store.save(session_of(self.config, self.user, self.world.now).to_mapping())
        http = requests.Session()
        http.mount("https://", ToService(self.world))
        return TodoClient(self.config, store=self.store, http=http, clock=self.clock, zone=BERLIN)


def session_of(config: Config, user: str, now: datetime) -> State:
    """A session that needs no renewal for the time of a test."""
    expires = (now + timedelta(days=4000)).timestamp()
    token = jwt(sub=user, email=f"{user}@example.com", iat=now.timestamp(), exp=expires)
    return State(config.user_pool_id, config.user_pool_client_id, user, f"{user}@example.com", token, "a", "r", expires)
