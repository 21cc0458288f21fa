"""What is kept: restarts without a goodbye, torn records, a full disk, modes, and shared fsyncs."""

import asyncio
import errno
import json
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from todo_backend.local.cognito.errors import CognitoError
from todo_backend.local.cognito.records import User
from todo_backend.local.cognito.store import DirectoryStore, MemoryStore, open_store
from todo_backend.local.cognito.users import Users

if TYPE_CHECKING:
    from tests.unit.cognito.conftest import World


@pytest.fixture
def kept(world: "World", tmp_path: Path) -> Iterator["World"]:
    """A service that keeps its state."""
    found = type(world)(state_dir=tmp_path / "state")
    found.start()
    yield found
    found.stop()


def test_accounts_tokens_and_identities_survive_a_kill(kept: "World") -> None:
    pool = kept.pool()
    email, waiting = kept.user(pool), kept.sign_up(pool)
    tokens = kept.tokens(pool, email)
    provider = f"cognito-idp.us-east-1.amazonaws.com/{pool.id}"
    identity_pool = "us-east-1:11111111-0000-4000-8000-000000000000"
    entry = {"ProviderName": provider, "ClientId": pool.client_id}
    kept.control.identity_pools[identity_pool] = {"IdentityPoolId": identity_pool, "CognitoIdentityProviders": [entry]}
    given = {"IdentityPoolId": identity_pool, "Logins": {provider: tokens["IdToken"]}}
    identity_id = kept.aws("cognito-identity").get_id(**given)["IdentityId"]

    # a second process on the same directory, while the first has not said goodbye
    after = type(kept)(state_dir=kept.state_dir, control=kept.control, mails=kept.mails)
    after.start()
    try:
        idp = after.aws("cognito-idp")
        assert idp.get_user(AccessToken=tokens["AccessToken"])["Username"]
        parameters = {"REFRESH_TOKEN": tokens["RefreshToken"]}
        assert idp.initiate_auth(ClientId=pool.client_id, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=parameters)
        idp.confirm_sign_up(ClientId=pool.client_id, Username=waiting, ConfirmationCode=after.code(waiting))
        assert after.aws("cognito-identity").get_id(**given)["IdentityId"] == identity_id
        assert after.tokens(type(pool)(pool.id, pool.client_id, idp), email)
    finally:
        after.stop()


def test_se_19_files_are_for_their_owner_only(kept: "World") -> None:
    pool = kept.pool()
    kept.tokens(pool, kept.user(pool))
    assert kept.state_dir is not None
    for path in (kept.state_dir, *kept.state_dir.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    names = {path.name for path in kept.state_dir.rglob("*") if path.is_file()}
    assert names == {"journal.jsonl", f"{pool.id}.json"}
    text = (kept.state_dir / "journal.jsonl").read_text()
    assert "Correct-Horse-7" not in text


def test_a_torn_last_record_is_dropped_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = DirectoryStore(tmp_path)
    store.put("user", "a", {"n": 1})
    store.put("user", "b", {"n": 2})
    asyncio.run(store.commit())
    journal = tmp_path / "journal.jsonl"
    whole = journal.read_bytes()
    for cut in range(1, len(whole.splitlines(keepends=True)[1])):
        journal.write_bytes(whole[:-cut])
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            assert list(DirectoryStore(tmp_path).load()) == [("user", "a", {"n": 1})]
        assert "torn" in caplog.text
        assert list(DirectoryStore(tmp_path).load()) == [("user", "a", {"n": 1})]
    journal.write_bytes(b"{broken\n" + whole)
    assert len(list(DirectoryStore(tmp_path).load())) == 2


def test_a_full_disk_refuses_the_write_and_loses_nothing(kept: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    pool = kept.pool()
    email = kept.user(pool)
    assert kept.state_dir is not None
    journal = kept.state_dir / "journal.jsonl"
    before = journal.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, body, _ = kept.raw(
            "AWSCognitoIdentityProviderService.ForgotPassword",
            json.dumps({"ClientId": pool.client_id, "Username": email}).encode(),
        )
        assert (status, body["__type"]) == (500, "InternalErrorException")
        assert journal.read_bytes() == before
    assert kept.tokens(pool, email)
    assert journal.read_bytes().startswith(before)


def test_writes_that_wait_together_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(tmp_path)
    counted = 0
    real = os.fsync

    def counting(descriptor: int) -> None:
        nonlocal counted
        counted += 1
        time.sleep(0.005)
        real(descriptor)

    async def write(number: int) -> None:
        store.put("user", str(number), {"n": number})
        await store.commit()

    async def all_of_them() -> None:
        await asyncio.gather(*(write(number) for number in range(200)))

    monkeypatch.setattr(os, "fsync", counting)
    asyncio.run(all_of_them())
    assert counted < 20
    assert len(list(DirectoryStore(tmp_path).load())) == 200


def test_the_journal_is_rewritten_when_it_holds_mostly_history(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    for number in range(5000):
        store.put("user", str(number % 10), {"n": number})
    store.put("user", "0", None)
    asyncio.run(store.commit())
    assert len(list(DirectoryStore(tmp_path).load())) == 9
    assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) == 9
    assert len(list(DirectoryStore(tmp_path).load())) == 9


def test_a_thousand_users_are_back(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    users = Users(store)
    pool: dict[str, Any] = {"Id": "us-east-1_x", "UsernameAttributes": ["email"]}
    for number in range(1000):
        attributes = {"sub": f"sub{number}", "email": f"u{number}@example.com", "email_verified": "true"}
        user = User("us-east-1_x", f"sub{number}", attributes, "CONFIRMED", 0.0, 0.0)
        users.save(user, 1.0)
    asyncio.run(store.commit())
    again = Users(MemoryStore())
    for _, _, value in DirectoryStore(tmp_path).load():
        again.restore(value)
    found = again.find(pool, "u777@example.com")
    assert found is not None
    assert found.username == "sub777"


def test_a_deleted_user_is_not_brought_back_by_what_is_under_way() -> None:
    users = Users(MemoryStore())
    user = User("us-east-1_x", "name", {"sub": "sub"}, "CONFIRMED", 0.0, 0.0)
    users.save(user, 1.0)
    users.remove(user)
    with pytest.raises(CognitoError, match="UserNotFoundException"):
        users.save(user, 2.0)
    assert users.find({"Id": "us-east-1_x"}, "name") is None


def test_without_a_directory_nothing_is_kept() -> None:
    store = open_store(None)
    store.put("user", "a", {})
    asyncio.run(store.commit())
    assert list(store.load()) == []
    assert store.read_key("x") is None
