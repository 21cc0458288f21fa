"""Every check of `todo smoke` can fail: each is run where its promise is broken, by a deployment or by a lie."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from requests.adapters import HTTPAdapter

from tests.conftest import RunningStack, changed_stack
from tests.integration.test_security import WITHOUT_GUARDS
from tests.integration.test_stack_gateway import LEAKING
from todo_backend import local
from todo_cli.checks.people import Inbox, People
from todo_cli.checks.registry import Check, all_checks
from todo_cli.checks.runner import FAILED, PASSED, run
from todo_cli.checks.world import Deployment, World
from todo_sdk import Config, fetch_config

pytestmark = pytest.mark.xdist_group("smoke-can-fail")  # its three stacks are started once

CHECKS = {check.name: check for check in all_checks()}


@dataclass
class Answer:
    """What a liar says instead."""

    status: int
    body: Any = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Asked:
    """A request on its way; its headers may be changed."""

    method: str
    url: str
    headers: Any
    operation: str = ""

    def is_rest(self, method: str, path: str) -> bool:
        """Whether it asks the REST API for that path."""
        return self.method == method and bool(re.search(rf"/v1/{path}$", self.url))


Lie = Callable[[Asked], Answer | None]


def truth(asked: Asked) -> None:
    """Answer nothing: the stack shall."""


class LyingDeployment(Deployment):
    """A deployment with somebody on the way to it who lies."""

    lie: Lie = staticmethod(truth)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.http.mount("http://", _Adapter(self))

    def client(self, service: str, **more: Any) -> Any:
        made = super().client(service, **more)
        made.meta.events.register("before-send", self._before_send)
        return made

    def _before_send(self, request: AWSPreparedRequest, event_name: str, **more: Any) -> AWSResponse | None:
        asked = Asked(request.method, request.url, request.headers, event_name.rpartition(".")[2])
        answer = self.lie(asked)
        if answer is None:
            return None
        return _Told(request.url, answer.status, {"content-type": "application/x-amz-json-1.1"}, answer.content)


class _Told(AWSResponse):  # type: ignore[misc]
    """An answer that never was on a wire."""

    def __init__(self, url: str, status: int, headers: dict[str, str], content: bytes) -> None:
        super().__init__(url, status, headers, SimpleNamespace(stream=lambda *a, **k: iter([content])))
        self._content = content
        self.raw = _Raw(content)


class _Raw:
    """As much of urllib3's answer as a streaming body reads."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, amount: int | None = None) -> bytes:
        found, self._left = self._left, b""
        return found

    def stream(self, *more: object, **named: object) -> Iterator[bytes]:
        yield self._left

    def close(self) -> None:
        self._left = b""


class _Adapter(HTTPAdapter):
    """Asks the liar first."""

    def __init__(self, deployment: LyingDeployment) -> None:
        super().__init__()
        self._deployment = deployment

    def send(self, request: requests.PreparedRequest, *more: Any, **named: Any) -> requests.Response:
        answer = self._deployment.lie(Asked(request.method or "", request.url or "", request.headers))
        if answer is None:
            return super().send(request, *more, **named)
        told = requests.Response()
        told.status_code, told.url, told.request = answer.status, request.url or "", request
        told._content = answer.content
        return told


def world_of(stack: RunningStack, users: Path) -> World:
    deployment = LyingDeployment(fetch_config(stack.output("ApiUrl")))
    people = People(deployment, lambda: Inbox(deployment, local, stack.data_dir), users)
    return World(deployment, people, lambda: local.status(stack.data_dir))


def outcome(check: Check, world: World) -> str:
    (found,) = run([check], world, may_write=True)
    return found.outcome


@pytest.fixture(scope="module")
def world(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stack as it is, with Alice, Bob, a to-do and a file."""
    made = world_of(stack, tmp_path_factory.mktemp("smoke") / "users.json")
    assert made.alices_file
    assert made.alices_todo
    assert made.bob.keys
    yield made
    assert made.people.remove_all() == []
    made.deployment.http.close()


def broken_world(folder: Path, changes: str) -> Iterator[World]:
    process = changed_stack(folder / "data", folder / "script.py", changes)
    try:
        made = world_of(RunningStack(process.report["outputs"], folder / "data"), folder / "users.json")
        yield made
        made.deployment.http.close()
    finally:
        process.stop()


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Deployed without authorizer, with guests, with one folder for all, and with one owner for all."""
    yield from broken_world(tmp_path_factory.mktemp("unguarded"), WITHOUT_GUARDS)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Deployed without the caller in the cache key, and without validators."""
    yield from broken_world(tmp_path_factory.mktemp("leaking"), LEAKING)


BY_DEPLOYMENT = {
    "unguarded": (
        "api-refuses-no-token",
        "api-refuses-junk",
        "api-refuses-altered-token",
        "api-refuses-unsigned-token",
        "api-refuses-confused-token",
        "api-refuses-access-token",
        "folder-foreign-read",
        "folder-foreign-write",
        "folder-foreign-delete",
        "folder-foreign-list",
        "folder-bucket-list",
        "folder-neighbour",
        "folder-of-user-id",
        "folder-no-guests",
        "todo-foreign",
        "todo-foreign-list",
        "cache-not-for-strangers",
    ),
    "leaking": ("cache-no-leak",),
}


@pytest.mark.parametrize(("deployed", "name"), [(d, name) for d, names in BY_DEPLOYMENT.items() for name in names])
def test_a_deployment_without_the_guard_fails_the_check(
    request: pytest.FixtureRequest, deployed: str, name: str
) -> None:
    assert outcome(CHECKS[name], request.getfixturevalue(deployed)) == FAILED


def rest(method: str, path: str, status: int, body: Any = None) -> Lie:
    """The REST API says this to that path."""
    return lambda asked: Answer(status, body or {}) if asked.is_rest(method, path) else None


def aws(operation: str, status: int, body: Any = None) -> Lie:
    """An AWS API says this to that operation."""
    return lambda asked: Answer(status, body or {}) if asked.operation == operation else None


def without(header: str) -> Lie:
    """That request header gets lost."""

    def lose(asked: Asked) -> None:
        for name in [name for name in asked.headers if name.lower() == header]:
            del asked.headers[name]

    return lose


def stale(path: str) -> Lie:
    """A cache that does not know of writes: the first answer, again and again."""
    seen: dict[str, Answer] = {}

    def replayed(asked: Asked) -> Answer | None:
        if not asked.is_rest("GET", path):
            return None
        if "first" not in seen:
            bare = requests.get(asked.url, headers=dict(asked.headers), timeout=20)
            seen["first"] = Answer(bare.status_code, bare.content)
        return seen["first"]

    return replayed


def changing(path: str) -> Lie:
    """Never the same answer twice."""
    return lambda asked: Answer(200, {"now": secrets.token_hex(4)}) if asked.is_rest("GET", path) else None


def unknown_users_are_told(asked: Asked) -> Answer | None:
    """LEGACY instead of PreventUserExistenceErrors; what is known about Bob stays."""
    return (
        Answer(400, {"__type": "UserNotFoundException", "message": "User does not exist."})
        if (asked.operation == "InitiateAuth" and next(_turns) % 2)
        else None
    )


def _alternating() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


_turns = _alternating()
WRONG_PASSWORD = {"__type": "NotAuthorizedException", "message": "Incorrect username or password."}
TODO = {"id": "x", "title": "another", "version": 1, "revision": 1}
LIES: dict[str, Lie] = {
    "api-https": rest("GET", "config", 500),
    "api-config": rest("GET", "config", 200, {"region": "elsewhere"}),
    "api-unknown-route": rest("GET", "no-such-thing", 200),
    "api-bad-body": rest("POST", "todos", 400, {"message": "Invalid request body"}),
    "api-lets-its-user-in": rest("GET", "revision", 403),
    "account-sign-up": aws("RespondToAuthChallenge", 400, WRONG_PASSWORD),
    "account-wrong-code": aws("ConfirmSignUp", 200),
    "account-weak-password": aws("SignUp", 200),
    "account-taken-address": aws("SignUp", 200),
    "account-plain-password-flow": aws("InitiateAuth", 200),
    "account-srp-zero": aws("InitiateAuth", 200, {"ChallengeName": "PASSWORD_VERIFIER"}),
    "account-gives-nothing-away": unknown_users_are_told,
    "account-lockout": aws("RespondToAuthChallenge", 400, WRONG_PASSWORD),
    "account-tokens-are-signed": lambda a: Answer(200, {"keys": []}) if a.url.endswith("jwks.json") else None,
    "account-sign-out": aws("RevokeToken", 200),
    "folder-own": aws("GetObject", 200, b"other bytes"),
    "folder-multipart": aws("GetObject", 200, b"other bytes"),
    "folder-no-administration": aws("GetBucketPolicy", 200, b"{}"),
    "folder-nothing-else": aws("ListTables", 200, {"TableNames": []}),
    "folder-no-foreign-identity": aws("GetCredentialsForIdentity", 200, {"IdentityId": "x"}),
    "folder-not-public": lambda a: Answer(200, b"only mine") if a.url.endswith("secret.txt") else None,
    "folder-shared-link": lambda a: Answer(200, b"only mine") if "X-Amz-Signature" in a.url else None,
    "todo-main-job": rest("GET", "todos/[^/]*", 200, TODO),
    "todo-text-is-kept": rest("GET", "todos/[^/]*", 200, TODO),
    "todo-created-once": rest("POST", "todos", 201, TODO),
    "todo-changed-once": without("idempotency-key"),
    "todo-first-one-wins": without("if-match"),
    "todo-owner-cannot-be-named": rest("POST", "todos", 201, TODO),
    "todo-read-your-writes": stale("todos"),
    "todo-revisions-go-forward": stale("revision"),
    "todo-not-modified": without("if-none-match"),
    "todo-sync": rest("POST", "sync", 200, {"results": [], "changes": []}),
    "todo-limits": rest("POST", "todos", 201, TODO),
    "cache-old-snapshot": rest("GET", "snapshots/.*", 200, {"todos": []}),
    "cache-config-is-the-same": changing("config"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_on_the_way_fails_the_check(world: World, name: str) -> None:
    deployment = world.deployment
    assert isinstance(deployment, LyingDeployment)
    deployment.lie = LIES[name]
    try:
        assert outcome(CHECKS[name], world) == FAILED
    finally:
        deployment.lie = truth
    assert outcome(CHECKS[name], world) == PASSED


def other_client(world: World) -> World:
    config = replace(world.config, user_pool_client_id="another")
    return replace_in(world, deployment=Deployment(config))


def replace_in(world: World, **changes: Any) -> World:
    made = replace(world, **changes)
    made.__dict__.update(alice=world.alice, bob=world.bob, alices_todo=world.alices_todo)
    return made


class Forgetful(World):
    """A world in which a phone is somebody else after its session was renewed."""

    def phone(self, person: Any) -> Any:
        users = iter((SimpleNamespace(user_id="one"), SimpleNamespace(user_id="another")))
        auth = SimpleNamespace(user=lambda: next(users), refresh=lambda: None)
        return nullcontext(SimpleNamespace(auth=auth, todos=SimpleNamespace(list=list)))


def forgetful(world: World) -> World:
    return Forgetful(world.deployment, world.people)


def quiet_status(world: World) -> World:
    frozen = local.Status(running=True, api_cache={"hits": 1, "misses": 1}, dax="on (item cache 7 hits 0 misses)")
    return replace_in(world, embedded=lambda: frozen)


WORLDS: dict[str, Callable[[World], World]] = {
    "account-srp-sign-in": other_client,
    "account-renewal": forgetful,
    "cache-api-hit": quiet_status,
    "cache-dax-hit": quiet_status,
    "speed-of-reads": lambda world: replace_in(world, latency_budget_ms=0.001),
    "speed-when-throttled": lambda world: replace_in(world, throttled=nullcontext),
}


@pytest.mark.parametrize("name", WORLDS)
def test_another_world_fails_the_check(world: World, name: str) -> None:
    changed = WORLDS[name](world)
    changed.__dict__["alice"] = world.alice
    assert outcome(CHECKS[name], changed) == FAILED


def test_every_check_is_shown_to_fail() -> None:
    shown = [name for names in BY_DEPLOYMENT.values() for name in names] + [*LIES, *WORLDS]
    assert sorted(shown) == sorted(CHECKS)
    assert len(CHECKS) >= 40
