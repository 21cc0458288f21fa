"""The command with everything around it given: a client in memory, a terminal that answers, a stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.offline.conftest import Phone, World
from todo_cli._context import AppContext, Terminal
from todo_cli._main import run
from todo_sdk import (
    Challenge,
    ConflictError,
    Device,
    Download,
    FileFailure,
    FileInfo,
    FolderSync,
    InvalidRequestError,
    MfaSetup,
    NotFoundError,
    NotSignedInError,
    Removal,
    Replica,
    Share,
    SignUp,
    SyncAction,
    SyncPlan,
    Todo,
    Upload,
    User,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MILK_ID = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab"
BANK_ID = "0193a5b2-7c1e-7000-8000-1b2c3400beef"
WRITTEN = ("title", "notes", "priority", "due", "tags", "list", "recurrence")
NOTHING_MORE: dict[str, Any] = {"due": None, "tags": (), "list": "", "notes": "", "recurrence": None}
USER = User(user_id="11111111-2222-3333-4444-555555555555", email="ada@example.com")


def a_todo(**fields: Any) -> Todo:
    """A to-do with everything filled in, changed as asked."""
    values: dict[str, Any] = {
        "id": MILK_ID,
        "title": "Buy milk",
        "notes": "two litres",
        "status": "open",
        "priority": 2,
        "due": date(2026, 12, 1),
        "tags": ("food", "shop"),
        "list": "home",
        "recurrence": "FREQ=WEEKLY",
        "attachments": (),
        "created_at": NOW,
        "updated_at": NOW,
        "completed_at": None,
        "version": 1,
        "revision": 1,
        "deleted": False,
    }
    return Todo(**{**values, **fields})


class FakePasswords:
    """The part `client.auth.password`; what was set, in order."""

    def __init__(self) -> None:
        self.set: list[tuple[str, ...]] = []

    def forgot(self, email: str) -> str | None:
        return "a***@e***.com"

    def reset(self, email: str, code: str, new_password: str) -> None:
        self.set.append((email, code, new_password))

    def change(self, old_password: str, new_password: str) -> None:
        self.set.append((old_password, new_password))


class FakeMfa:
    """The part `client.auth.mfa`, whose right code is 123456."""

    def __init__(self) -> None:
        self.on = False

    def begin(self) -> MfaSetup:
        return MfaSetup("ada@example.com", "JBSWY3DPEHPK3PXP")

    def confirm(self, code: str) -> None:
        if code != "123456":
            raise InvalidRequestError("the code is wrong")
        self.on = True

    def disable(self) -> None:
        self.on = False

    def is_on(self) -> bool:
        return self.on


class FakeDevices:
    """The part `client.auth.devices`: this device and a phone."""

    def __init__(self) -> None:
        self.kept = [
            Device("us-east-1_aaaa0000-1111", "laptop", NOW, NOW, is_remembered=False, is_this=True),
            Device("us-east-1_bbbb0000-2222", "phone", NOW, NOW, is_remembered=True, is_this=False),
        ]
        self.calls: list[tuple[str, str | None]] = []

    def list(self) -> list[Device]:
        return self.kept

    def remember(self, key: str | None = None) -> None:
        self.calls.append(("remember", key))

    def unremember(self, key: str | None = None) -> None:
        self.calls.append(("unremember", key))

    def forget(self, key: str | None = None) -> None:
        self.calls.append(("forget", key))


class FakeAuth:
    """The part `client.auth`: one user, one password; `challenges` are asked one after the other."""

    def __init__(self) -> None:
        self.passwords: list[str] = []
        self.answers: list[str] = []
        self.challenges: list[Challenge] = []
        self.signed_in = True
        self.everywhere = self.deleted = False
        self.password, self.mfa, self.devices = FakePasswords(), FakeMfa(), FakeDevices()

    def sign_up(self, email: str, password: str) -> SignUp:
        self.passwords.append(password)
        return SignUp(user_id=USER.user_id, confirmed=False, sent_to="a***@e***.com")

    def confirm_sign_up(self, email: str, code: str) -> None:
        self.answers.append(code)

    def resend_code(self, email: str) -> str | None:
        return "a***@e***.com"

    def begin_sign_in(self, email: str, password: str) -> User | Challenge:
        self.passwords.append(password)
        return self._next()

    def answer(self, challenge: Challenge, answer: str) -> User | Challenge:
        self.answers.append(answer)
        return self._next()

    def _next(self) -> User | Challenge:
        return self.challenges.pop(0) if self.challenges else USER

    def sign_out(self, *, everywhere: bool = False) -> None:
        self.signed_in, self.everywhere = False, everywhere

    def delete_account(self) -> None:
        self.signed_in, self.deleted = False, True

    def user(self) -> User:
        if not self.signed_in:
            raise NotSignedInError("not signed in; run `todo login`")
        return USER


class FakeFiles:
    """The part `client.files`, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {"notes/a.txt": b"hello"}
        self.failing: tuple[FileFailure, ...] = ()

    def _info(self, key: str) -> FileInfo:
        return FileInfo(key=key, size_bytes=len(self.kept[key]), modified_at=NOW, etag="5d41402a")

    def upload(
        self, local: Path, remote: str, *, progress: Callable[..., None] | None = None, if_absent: bool = False
    ) -> Upload:
        if if_absent and remote in self.kept:
            raise ConflictError(f"{remote} is there already")
        self.kept[remote] = Path(local).read_bytes()
        info = self._info(remote)
        return Upload(remote, info.size_bytes, NOW, info.etag, sent_bytes=info.size_bytes, kept_bytes=0)

    def download(self, remote: str, local: Path, *, progress: Callable[..., None] | None = None) -> Download:
        if remote not in self.kept:
            raise NotFoundError(f"there is no file {remote}")
        size_bytes = Path(local).write_bytes(self.kept[remote])
        return Download(remote, Path(local), size_bytes, "5d41402a", size_bytes, 0, verified=True)

    def share(self, remote: str, expires_in: timedelta) -> Share:
        return Share(remote, f"https://example.com/{remote}?X-Amz-Signature=s", NOW + expires_in, "request")

    def plan_sync(self, folder: Path, prefix: str, direction: Any, *, delete: bool = False) -> SyncPlan:
        steps = [SyncAction("upload", f"{prefix}new.txt", folder / "new.txt", 3, "new")]
        steps += [SyncAction("remove_remote", f"{prefix}old.txt", folder / "old.txt", 0, "not in the folder")] * delete
        return SyncPlan(folder, prefix, direction, tuple(steps), unchanged=2)

    def carry_out(self, plan: SyncPlan) -> FolderSync:
        return FolderSync(plan, plan.actions[:1], self.failing)

    def remove_many(self, keys: Iterable[str]) -> Removal:
        removed = tuple(keys)
        for key in removed:
            self.kept.pop(key, None)
        return Removal(removed, self.failing)

    def list(self, prefix: str = "") -> Iterator[FileInfo]:
        yield from (self._info(key) for key in sorted(self.kept) if key.startswith(prefix))


class FakeClient:
    """As much of `TodoClient` as the command uses; the to-dos are real, on a service in memory."""

    def __init__(self, world: World, folder: Path) -> None:
        self.auth, self.files = FakeAuth(), FakeFiles()
        self.world, self.folder = world, folder
        self.config = SimpleNamespace(api_url="http://127.0.0.1:4566/api", profile="local")
        self.profile: str | None = None
        self.network: str | None = None
        self.closed = False

    @cached_property
    def phone(self) -> Phone:
        """This device; a file on the disk, made when it is needed."""
        return Phone(self.world, self.folder)

    @property
    def todos(self) -> Any:
        return self.phone.client.todos

    @property
    def replica(self) -> Replica:
        if not self.auth.signed_in:
            raise NotSignedInError("not signed in; run `todo login`")
        return self.phone.replica

    def close(self) -> None:
        self.closed = True
        if "phone" in self.__dict__:
            self.phone.client.close()

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class FakeTerminal(Terminal):
    """Somebody at the keyboard, or nobody; every question is remembered."""

    def __init__(self, *answers: str, there: bool = False, stdin: str = "", yes: bool = False) -> None:
        self.answers, self.there, self.stdin, self.yes = list(answers), there, stdin, yes
        self.asked: list[str] = []

    def is_there(self) -> bool:
        return self.there

    def line(self) -> str:
        line, _, self.stdin = self.stdin.partition("\n")
        return line.rstrip("\r")

    def ask(self, text: str) -> str:
        self.asked.append(text)
        return self.answers.pop(0)

    def ask_secret(self, text: str, *, twice: bool = False) -> str:
        return self.ask(f"{text} (hidden{', twice' if twice else ''})")

    def agrees(self, text: str) -> bool:
        self.asked.append(text)
        return self.yes


@dataclass
class Result:
    """What one run left: the exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The one error document on stderr."""
        return json.loads(self.err)["error"]


@dataclass
class Cli:
    """The command, callable: `cli("add", "Buy milk")`.

    Two to-dos are on the service, MILK and BANK, put there by `other`, another device of the same user. `world` is the
    service and the network to it.
    """

    capsys: pytest.CaptureFixture[str]
    world: World
    client: FakeClient
    folder: Path
    terminal: FakeTerminal = field(default_factory=FakeTerminal)
    stack: Any = None
    infra: Any = None
    failure: Exception | None = None
    now: datetime = NOW

    @cached_property
    def other(self) -> Phone:
        """Another device of the same user."""
        phone = Phone(self.world, self.folder / "other")
        phone.replica.sync()
        return phone

    def offline(self) -> None:
        """Take the network away."""
        self.world.fault = lambda request: "down"

    def online(self) -> None:
        """Bring the network back, some time later: asking has stopped to pause."""
        self.world.fault = lambda request: None
        self.later(minutes=10)

    def later(self, **delta: float) -> None:
        """Let time pass, here and there."""
        self.now += timedelta(**delta)
        self.world.later(**delta)

    def served(self, title: str) -> dict[str, Any]:
        """The to-do with this title, as the service has it."""
        (found,) = [item for item in self.world.live().values() if item["title"] == title]
        return found

    def short(self, title: str) -> str:
        """The short id of the to-do with this title."""
        (found,) = [todo for todo in self.client.replica.list() if todo.title == title]
        return self.client.replica.short_id(found)

    def _client(self, profile: str | None, network: str | None = None) -> Any:
        if self.failure:
            raise self.failure
        self.client.profile, self.client.network = profile, network
        return self.client

    def __call__(self, *words: str) -> Result:
        app = AppContext(
            make_client=self._client,
            load_stack=lambda: self.stack,
            load_infra=lambda: self.infra,
            terminal=self.terminal,
            now=lambda: self.now,
            clock=lambda: self.now.timestamp(),
        )
        code = run(list(words), app)
        printed = self.capsys.readouterr()
        return Result(code, printed.out, printed.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], own_folders: Path) -> Iterator[Cli]:
    """The command on a machine of its own, and a service with two to-dos."""
    world = World()
    for todo in (a_todo(), a_todo(id=BANK_ID, title="Call the bank", **NOTHING_MORE)):
        wire = todo.to_wire()
        world.service.add(todo.id, **{name: wire[name] for name in WRITTEN})
    made = Cli(capsys, world, FakeClient(world, own_folders / "here"), own_folders)
    yield made
    made.client.close()
    if "other" in made.__dict__:
        made.other.client.close()


@pytest.fixture
def terminal() -> type[FakeTerminal]:
    """The class of terminals that answer."""
    return FakeTerminal


@pytest.fixture
def make_todo() -> Callable[..., Todo]:
    """Make a to-do."""
    return a_todo


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is configured."""
    for name in ("TODO_PROFILE", "TODO_API_URL", "TODO_STACK_DIR", "TODO_SYNC_BUDGET_SECONDS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TODO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TODO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path
