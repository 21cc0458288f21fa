"""The command with everything around it given: a client in memory, a terminal that answers, a stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from todo_cli._context import AppContext, Terminal
from todo_cli._main import run
from todo_sdk import (
    Challenge,
    Completed,
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
    Share,
    SignUp,
    SyncAction,
    SyncPlan,
    SyncResult,
    Todo,
    Upload,
    User,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MILK_ID = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab"
BANK_ID = "0193a5b2-7c1e-7000-8000-1b2c3400beef"
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


class FakeTodos:
    """The part `client.todos`, in memory."""

    def __init__(self) -> None:
        bank = a_todo(id=BANK_ID, title="Call the bank", due=None, tags=(), list="", notes="", recurrence=None)
        self.kept = {todo.id: todo for todo in (a_todo(), bank)}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def add(self, title: str, **fields: Any) -> Todo:
        self.calls.append(("add", {"title": title, **fields}))
        if not title.strip():
            raise InvalidRequestError("a to-do needs a title")
        return a_todo(title=title, **fields)

    def get(self, todo_id: str) -> Todo:
        if todo_id not in self.kept:
            raise NotFoundError("there is no such to-do", status=404, request_id="r-1")
        return self.kept[todo_id]

    def list(self, **filters: Any) -> Iterator[Todo]:
        self.calls.append(("list", filters))
        yield from self.kept.values()

    def edit(self, todo_id: str, *, if_version: int | None = None, **fields: Any) -> Todo:
        self.calls.append(("edit", {"if_version": if_version, **fields}))
        todo = self.get(todo_id)
        if if_version not in (None, todo.version):
            raise ConflictError("somebody else changed it", status=412, code="version_mismatch", request_id="r-2")
        return replace(todo, **fields, version=todo.version + 1)

    def done(self, todo_id: str) -> Completed:
        return Completed(replace(self.get(todo_id), status="done", completed_at=NOW, version=2), None)

    def remove(self, todo_id: str) -> Todo:
        self.calls.append(("remove", {"todo_id": todo_id}))
        return replace(self.get(todo_id), deleted=True, version=2)


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
    """As much of `TodoClient` as the command uses."""

    def __init__(self) -> None:
        self.todos, self.auth, self.files = FakeTodos(), FakeAuth(), FakeFiles()
        self.config = SimpleNamespace(api_url="http://127.0.0.1:4566/api", profile="local")
        self.profile: str | None = None
        self.network: str | None = None
        self.closed = False

    def synced(self, result: SyncResult) -> None:
        """Nothing is remembered."""

    def sync(self) -> SyncResult:
        return SyncResult(results=(), changes=(a_todo(),), revision=1, more=False, reset=False)

    def close(self) -> None:
        self.closed = True

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
    """The command, callable: `cli("add", "Buy milk")`."""

    capsys: pytest.CaptureFixture[str]
    client: FakeClient = field(default_factory=FakeClient)
    terminal: FakeTerminal = field(default_factory=FakeTerminal)
    stack: Any = None
    infra: Any = None
    failure: Exception | None = None

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
            now=lambda: NOW,
        )
        code = run(list(words), app)
        printed = self.capsys.readouterr()
        return Result(code, printed.out, printed.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command on fakes."""
    return Cli(capsys)


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
    for name in ("TODO_PROFILE", "TODO_API_URL", "TODO_STACK_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TODO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TODO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path
