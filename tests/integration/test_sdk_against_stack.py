"""The SDK against the embedded stack: the main job, what it costs in calls, and what it keeps to itself."""

import dataclasses
import os
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from todo_backend import local
from todo_sdk import (
    Change,
    Config,
    ConfigError,
    ConflictError,
    FileTokenStore,
    InvalidCredentialsError,
    InvalidRequestError,
    MemoryTokenStore,
    NotFoundError,
    NotSignedInError,
    SignInError,
    TodoClient,
    fetch_config,
)
from todo_sdk._aws import make_client

PASSWORD = "Right-password-1!"


class CountingSession(requests.Session):
    """What asks the API, and keeps what it asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.asked.append(f"{request.method} {request.path_url.partition('/v1/')[2]}")
        return super().send(request, **options)


@pytest.fixture(scope="session")
def config(stack: Any) -> Config:
    """The settings of the stack, asked from its API."""
    return fetch_config(stack.outputs["ApiUrl"])


@pytest.fixture
def client(config: Config, new_user: Callable[[], Any]) -> TodoClient:
    """A client of a new user who is signed in."""
    return signed_in(config, new_user())


def signed_in(config: Config, user: Iterable[str], http: requests.Session | None = None) -> TodoClient:
    made = TodoClient(config, store=MemoryTokenStore(), http=http)
    made.auth.sign_in(*user)
    return made


def test_the_api_tells_every_setting(config: Config, stack: Any) -> None:
    assert config.missing == ()
    assert config.user_pool_id == stack.outputs["UserPoolId"]
    assert config.endpoint_url == stack.outputs["EndpointUrl"]


def test_an_address_that_is_no_api_is_a_config_error(stack: Any) -> None:
    with pytest.raises(ConfigError):
        fetch_config(stack.outputs["ApiUrl"] + "x")


def test_sign_up_confirm_sign_in_and_out(config: Config, stack: Any) -> None:
    client = TodoClient(config, store=MemoryTokenStore())
    email = f"me-{os.urandom(4).hex()}@example.com"
    made = client.auth.sign_up(email, PASSWORD)
    assert not made.confirmed
    assert made.sent_to
    assert email not in made.sent_to
    with pytest.raises(SignInError, match="not confirmed"):
        client.auth.sign_in(email, PASSWORD)
    code = stack.newest_code(email)
    with pytest.raises(InvalidRequestError, match="code is wrong"):
        client.auth.confirm_sign_up(email, f"{(int(code) + 1) % 1_000_000:06}")
    client.auth.confirm_sign_up(email, code)
    with pytest.raises(ConflictError):
        client.auth.sign_up(email, PASSWORD)
    with pytest.raises(InvalidCredentialsError, match="wrong user or password"):
        client.auth.sign_in(email, PASSWORD + "x")
    with pytest.raises(InvalidCredentialsError, match="wrong user or password"):
        client.auth.sign_in("nobody@example.com", PASSWORD)
    assert client.auth.sign_in(email, PASSWORD).user_id == made.user_id
    assert client.auth.sign_out()
    with pytest.raises(NotSignedInError):
        list(client.todos.list())


def test_a_weak_password_says_every_rule(config: Config) -> None:
    with pytest.raises(InvalidRequestError, match="8 characters, an upper-case letter, a digit and a symbol"):
        TodoClient(config, store=MemoryTokenStore()).auth.sign_up("weak@example.com", "weak")


def test_a_new_code_can_be_sent(config: Config, stack: Any) -> None:
    client = TodoClient(config, store=MemoryTokenStore())
    email = f"me-{os.urandom(4).hex()}@example.com"
    client.auth.sign_up(email, PASSWORD)
    before = len(local.inbox(stack.data_dir))
    assert client.auth.resend_code(email)
    assert len(local.inbox(stack.data_dir)) == before + 1
    client.auth.confirm_sign_up(email, stack.newest_code(email))


def test_a_todos_whole_life(client: TodoClient) -> None:
    made = client.todos.add("Buy milk", due=date(2026, 12, 24), tags=["home"], priority=2, list="shop")
    assert client.todos.get(made.id) == made
    edited = client.todos.edit(made.id, notes="2 litres", if_version=made.version)
    assert edited.version == made.version + 1
    with pytest.raises(ConflictError):
        client.todos.edit(made.id, notes="3 litres", if_version=made.version)
    done = client.todos.done(made.id)
    assert done.todo.completed_at is not None
    assert client.todos.reopen(made.id).status == "open"
    assert [todo.id for todo in client.todos.list(tag="home", list="shop", priority=2, status="open")] == [made.id]
    assert list(client.todos.list(tag="work")) == []
    assert list(client.todos.list(due_before=date(2026, 12, 1))) == []
    assert client.todos.remove(made.id).deleted
    with pytest.raises(NotFoundError):
        client.todos.get(made.id)


def test_the_same_add_again_is_the_same_todo_and_another_is_a_conflict(client: TodoClient) -> None:
    made = client.todos.add("Buy milk")
    assert client.todos.add("Buy milk", todo_id=made.id) == made
    with pytest.raises(ConflictError):
        client.todos.add("Buy bread", todo_id=made.id)
    assert len(list(client.todos.list())) == 1


class LosesAnswers(requests.Session):
    """A network on which each change arrives and its first answer is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str | None] = set()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = super().send(request, **options)
        key = request.headers.get("Idempotency-Key")
        if key is not None and key not in self.lost:
            self.lost.add(key)
            raise requests.ConnectionError("the answer was lost")
        return answer


def test_a_change_whose_answer_was_lost_has_happened_once(config: Config, new_user: Callable[[], Any]) -> None:
    client = signed_in(config, new_user(), http=LosesAnswers())
    made = client.todos.add("Buy milk")
    edited = client.todos.edit(made.id, title="Buy bread", if_version=made.version)
    assert (edited.title, edited.version) == ("Buy bread", 2)
    assert client.todos.remove(made.id).version == 3
    assert list(client.todos.list()) == []


def test_sync_pulls_what_another_device_did(config: Config, new_user: Callable[[], Any]) -> None:
    user = new_user()
    phone, tablet = signed_in(config, user), signed_in(config, user)
    made = phone.todos.add("Buy milk")
    first = tablet.sync()
    assert [todo.id for todo in first.changes] == [made.id]
    tablet.synced(first)
    assert tablet.sync().changes == ()
    pushed = tablet.sync([Change("update", made.id, {"title": "Buy bread"}, if_version=1)])
    tablet.synced(pushed)
    assert pushed.results[0].outcome == "applied"
    assert phone.todos.get(made.id).title == "Buy bread"
    phone.todos.remove(made.id)
    assert [todo.deleted for todo in tablet.sync().changes] == [True]


def test_own_writes_are_always_seen_also_by_the_next_program(
    config: Config, new_user: Callable[[], Any], tmp_path: Path
) -> None:
    store = FileTokenStore(tmp_path / "session.json")
    first = TodoClient(config, store=store)
    first.auth.sign_in(*new_user())
    for number in range(3):
        made = first.todos.add(f"number {number}")
        second = TodoClient(config, store=FileTokenStore(store.path))
        assert second.todos.get(made.id) == made
        assert next(second.todos.list()).id == made.id


def test_files_go_and_come_back(client: TodoClient, tmp_path: Path) -> None:
    content = os.urandom(9 * 1024 * 1024)  # more than one part
    local_file = tmp_path / "big.bin"
    local_file.write_bytes(content)
    info = client.files.upload(local_file, "notes/ü big.bin")
    assert info.size_bytes == len(content)
    assert [found.key for found in client.files.list("notes/")] == ["notes/ü big.bin"]
    assert list(client.files.list("other/")) == []
    back = tmp_path / "back.bin"
    client.files.download("notes/ü big.bin", back)
    assert back.read_bytes() == content
    client.files.remove("notes/ü big.bin")
    assert list(client.files.list()) == []
    with pytest.raises(NotFoundError, match="no such file in your folder"):
        client.files.download("notes/ü big.bin", tmp_path / "gone.bin")
    assert not (tmp_path / "gone.bin").exists()


def test_the_folder_of_another_user_is_refused(config: Config, new_user: Callable[[], Any], tmp_path: Path) -> None:
    """Alice's own credentials, Bob's key: S3 itself says no, whatever an SDK may do."""
    alice, bob = signed_in(config, new_user()), signed_in(config, new_user())
    (tmp_path / "f").write_text("bob's")
    bob.files.upload(tmp_path / "f")
    s3 = make_client("s3", config, repeats=False, credentials=alice.todos._session.credentials)
    theirs = f"{bob.auth.identity_id()}/f"
    attempts: list[Callable[[], Any]] = [
        lambda: s3.get_object(Bucket=config.files_bucket, Key=theirs),
        lambda: s3.put_object(Bucket=config.files_bucket, Key=theirs, Body=b"alice's"),
        lambda: s3.delete_object(Bucket=config.files_bucket, Key=theirs),
        lambda: s3.list_objects_v2(Bucket=config.files_bucket),
        lambda: s3.list_objects_v2(Bucket=config.files_bucket, Prefix=bob.auth.identity_id()),
    ]
    for attempt in attempts:
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            attempt()
    assert bob.files.read("f") == b"bob's"
    assert alice.auth.identity_id() != bob.auth.identity_id()


def test_each_verb_is_one_request(config: Config, new_user: Callable[[], Any]) -> None:
    http = CountingSession()
    client = signed_in(config, new_user(), http=http)
    made = client.todos.add("Buy milk")
    verbs: list[Callable[[], object]] = [
        lambda: client.todos.get(made.id),
        lambda: list(client.todos.list()),
        lambda: client.todos.edit(made.id, title="x"),
        lambda: client.todos.done(made.id),
        lambda: client.sync(),
        lambda: client.todos.remove(made.id),
    ]
    for verb in verbs:
        verb()
    one = f"todos/{made.id}"
    assert http.asked == [
        "POST todos", f"GET {one}", "GET todos?limit=200", f"PATCH {one}", f"PATCH {one}", "POST sync", f"DELETE {one}"
    ]  # fmt: skip


class Overheard:
    """Counts what botocore sends, by operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from botocore.httpsession import URLLib3Session

        self.operations: list[str] = []
        send = URLLib3Session.send

        def counted(session: Any, request: Any) -> Any:
            target = request.headers.get("X-Amz-Target", b"")
            name = target.decode() if isinstance(target, bytes) else target
            self.operations.append(name.rpartition(".")[2] or request.method)
            return send(session, request)

        monkeypatch.setattr(URLLib3Session, "send", counted)


def test_signing_in_and_the_first_file_keep_to_their_budget(
    config: Config, new_user: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overheard = Overheard(monkeypatch)
    client = signed_in(config, new_user())
    assert overheard.operations == ["InitiateAuth", "RespondToAuthChallenge", "ConfirmDevice"]
    (tmp_path / "f").write_text("x")
    client.files.upload(tmp_path / "f")
    assert overheard.operations[3:] == ["GetId", "GetCredentialsForIdentity", "PUT", "HEAD"]
    client.files.remove("f")
    assert overheard.operations[7:] == ["DELETE"]


def test_up_86_the_confirmed_device_renews_its_session(config: Config, new_user: Callable[[], Any]) -> None:
    store, saved = MemoryTokenStore(), MemoryTokenStore()
    client = TodoClient(config, store=store)
    user = client.auth.sign_in(*new_user())
    before = dict(store.load() or {})
    assert client.auth.refresh() == user
    renewed = dict(store.load() or {})
    assert renewed["id_token"] != before["id_token"]
    saved.save({**renewed, "device": None})
    with pytest.raises(NotSignedInError, match="sign in again"):
        TodoClient(config, store=saved).auth.refresh()


def test_a_session_that_was_signed_out_cannot_be_renewed(config: Config, new_user: Callable[[], Any]) -> None:
    store, saved = MemoryTokenStore(), MemoryTokenStore()
    client = TodoClient(config, store=store)
    client.auth.sign_in(*new_user())
    saved.save(dict(store.load() or {}))
    client.auth.sign_out()
    with pytest.raises(NotSignedInError, match="sign in again"):
        TodoClient(config, store=saved).auth.refresh()
    assert set(saved.load() or {}) == {"format", "device"}


def test_a_session_of_another_pool_is_no_session(config: Config, new_user: Callable[[], Any]) -> None:
    store = MemoryTokenStore()
    TodoClient(config, store=store).auth.sign_in(*new_user())
    other = dataclasses.replace(config, user_pool_id="us-east-1_Another00")
    with pytest.raises(NotSignedInError):
        TodoClient(other, store=store).auth.user()
