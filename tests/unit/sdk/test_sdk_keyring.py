"""A session in the system's keyring, and how one that works is found; the keyrings here are the tests' own."""

import logging
import secrets
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_sdk import Config, ConfigError, FileTokenStore, KeyringTokenStore, MemoryTokenStore, TokenStore
from todo_sdk import _store_choice as choice
from todo_sdk._keyring import MOST_CHARS_PER_ENTRY, SERVICE, NoKeyringError, working_keyring

from .conftest import config_for

SESSION = {"format": 1, "id_token": "x" * 3000, "access_token": "é" * 3000, "revision": 3}


class FakeKeyring:
    """A keyring as strict as Windows': no entry above 2560 bytes of UTF-16, an error when there is none to remove."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > 2560:
            raise OSError(1783, "CredWrite", "The stub received bad data")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise LookupError(username)
        del self.entries[service, username]


@pytest.fixture
def keyring() -> FakeKeyring:
    return FakeKeyring()


@pytest.fixture
def store(keyring: FakeKeyring, tmp_path: Path) -> KeyringTokenStore:
    return KeyringTokenStore(keyring, "local", lock=tmp_path / "sessions" / ".local.json.lock")


def test_what_was_saved_is_loaded_until_it_is_cleared(store: KeyringTokenStore, keyring: FakeKeyring) -> None:
    assert isinstance(store, TokenStore)
    assert store.load() is None
    store.save(SESSION)
    store.save({**SESSION, "revision": 4})
    assert store.load() == {**SESSION, "revision": 4}
    store.clear()
    store.clear()
    assert store.load() is None
    assert keyring.entries == {}


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=20_000))
def test_a_session_of_any_size_goes_into_entries_that_windows_takes(text: str) -> None:
    keyring = FakeKeyring()
    store = KeyringTokenStore(keyring, "local", lock=Path("unused"))
    store.save({"id_token": text})
    assert store.load() == {"id_token": text}
    assert max(map(len, keyring.entries.values())) <= MOST_CHARS_PER_ENTRY


def test_tokens_that_cannot_be_compressed_are_split(store: KeyringTokenStore, keyring: FakeKeyring) -> None:
    session = {
        "id_token": secrets.token_urlsafe(2000),
        "access_token": secrets.token_urlsafe(2000),
        "refresh_token": secrets.token_urlsafe(2500),
    }
    store.save(session)
    assert store.load() == session
    assert len(keyring.entries) > 5


@pytest.mark.parametrize(
    "head",
    ["", "nonsense", "1", "1 mark", "1 mark x", "2 mark 1", "1 mark 9999", "1 mark -1", '{"id_token": "x"}', "1 m 0"],
)
def test_what_somebody_else_put_there_is_no_session(store: KeyringTokenStore, keyring: FakeKeyring, head: str) -> None:
    keyring.set_password(SERVICE, "local", head)
    assert store.load() is None
    store.save(SESSION)
    assert store.load() == SESSION


@pytest.mark.parametrize("content", ["", "not base64!", "AAAA", "eJwDAAAAAAE=", "eJwzNDI2BgAB+QDJ"])
def test_damaged_entries_are_no_session(store: KeyringTokenStore, keyring: FakeKeyring, content: str) -> None:
    store.save(SESSION)
    for service, name in list(keyring.entries):
        if name != "local":
            keyring.set_password(service, name, content)
    assert store.load() is None


def test_a_part_that_is_missing_is_no_session(store: KeyringTokenStore, keyring: FakeKeyring) -> None:
    store.save(SESSION)
    del keyring.entries[next(key for key in keyring.entries if key[1] != "local")]
    assert store.load() is None


def test_who_reads_while_another_saves_gets_one_session_or_the_other(
    store: KeyringTokenStore, keyring: FakeKeyring
) -> None:
    store.save(SESSION)
    read = keyring.get_password
    saved: list[bool] = []

    def overtaken(service: str, username: str) -> str | None:
        found = read(service, username)
        if not saved:  # between the head and its parts
            saved.append(True)
            store.save({**SESSION, "revision": 4})
        return found

    keyring.get_password = overtaken  # type: ignore[method-assign]
    assert store.load() == {**SESSION, "revision": 4}


def test_a_keyring_that_cannot_be_read_is_signed_out_and_one_that_cannot_be_written_says_what_to_do(
    store: KeyringTokenStore, keyring: FakeKeyring
) -> None:
    def refuses(*_: str) -> Any:
        raise PermissionError("the user said no; very-secret")

    keyring.get_password = refuses  # type: ignore[method-assign, assignment]
    keyring.set_password = refuses  # type: ignore[method-assign, assignment]
    assert store.load() is None
    with pytest.raises(ConfigError, match="TODO_TOKEN_STORE=file") as caught:
        store.save(SESSION)
    assert "very-secret" not in str(caught.value)


def test_a_save_that_fails_leaves_the_session_before(store: KeyringTokenStore, keyring: FakeKeyring) -> None:
    store.save(SESSION)
    write, written = keyring.set_password, list[str]()

    def breaks_off(service: str, username: str, password: str) -> None:
        if len(written) == 1:
            raise OSError("the machine goes to sleep")
        written.append(username)
        write(service, username, password)

    keyring.set_password = breaks_off  # type: ignore[method-assign]
    with pytest.raises(ConfigError):
        store.save({**SESSION, "id_token": "".join(map(str, range(3000)))})
    assert store.load() == SESSION


def test_the_repr_holds_nothing_of_the_session(store: KeyringTokenStore) -> None:
    store.save({"id_token": "very-secret"})
    assert repr(store) == "KeyringTokenStore('local')"


def test_who_locks_does_not_overwrite_another(keyring: FakeKeyring, tmp_path: Path) -> None:
    lock = tmp_path / "sessions" / ".local.json.lock"

    def count_up() -> None:
        own = KeyringTokenStore(keyring, "local", lock=lock)
        for _ in range(30):
            with own.locked():
                own.save({"count": (own.load() or {"count": 0})["count"] + 1})

    workers = [threading.Thread(target=count_up) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert KeyringTokenStore(keyring, "local", lock=lock).load() == {"count": 90}


def test_a_keyring_is_taken_after_it_has_kept_and_given_back_an_entry(keyring: FakeKeyring) -> None:
    assert working_keyring(lambda: keyring) is keyring
    assert keyring.entries == {}


def test_a_keyring_that_keeps_nothing_or_fails_is_not_taken(keyring: FakeKeyring) -> None:
    def fails() -> Any:
        raise RuntimeError("No recommended backend was available")

    keyring.get_password = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(NoKeyringError, match="does not keep"):
        working_keyring(lambda: keyring)
    with pytest.raises(NoKeyringError, match="does not work"):
        working_keyring(fails)


def test_a_keyring_that_does_not_answer_is_left() -> None:
    release = threading.Event()

    def hangs() -> Any:
        release.wait(60)
        raise NoKeyringError("too late")

    try:
        with pytest.raises(NoKeyringError, match="does not answer"):
            working_keyring(hangs, timeout_seconds=0.05)
    finally:
        release.set()


def test_without_a_keyring_of_the_system_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """keyring's own way to switch it off; that backend keeps nothing, and is none of the trusted ones."""
    keyring = pytest.importorskip("keyring")
    from keyring.backends import null

    before = keyring.get_keyring()
    keyring.set_keyring(null.Keyring())  # type: ignore[no-untyped-call]
    try:
        with pytest.raises(NoKeyringError, match="no keyring that can be used without asking"):
            working_keyring()
    finally:
        keyring.set_keyring(before)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, keyring: FakeKeyring) -> FakeKeyring:
    """A machine on which that keyring works."""
    monkeypatch.setattr("todo_sdk._keyring._system_keyring", lambda: keyring)
    return keyring


@pytest.fixture
def none_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> Any:
        raise NoKeyringError("this machine has no keyring")

    monkeypatch.setattr("todo_sdk._keyring._system_keyring", nothing)


def test_the_keyring_is_the_default_where_one_works(found: FakeKeyring, tmp_path: Path) -> None:
    store = choice.store_for(config_for(tmp_path, token_store="auto"))
    assert isinstance(store, KeyringTokenStore)
    store.save(SESSION)
    assert found.entries
    assert not list(tmp_path.rglob("*.json"))


def test_a_session_that_is_in_a_file_stays_there_until_it_is_signed_out(found: FakeKeyring, tmp_path: Path) -> None:
    config = config_for(tmp_path, token_store="auto")
    FileTokenStore(config.session_path).save(SESSION)
    store = choice.store_for(config)
    assert isinstance(store, FileTokenStore)
    store.clear()
    assert isinstance(choice.store_for(config), KeyringTokenStore)


@pytest.mark.usefixtures("none_found")
def test_without_one_it_is_a_file_and_that_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = config_for(tmp_path, token_store="auto")
    for _ in range(3):
        store = choice.store_for(config)
        assert isinstance(store, FileTokenStore)
        store.save(SESSION)
        store.clear()
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said == [
        f"this machine has no keyring: the session is kept in {config.session_path}, which only you can read"
    ]


@pytest.mark.usefixtures("none_found")
def test_a_file_that_was_asked_for_is_not_talked_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = choice.store_for(config_for(tmp_path, token_store="file"))
    store.save(SESSION)
    assert isinstance(store, FileTokenStore)
    assert not caplog.records


@pytest.mark.usefixtures("none_found")
def test_a_keyring_that_is_wanted_and_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="token_store is keyring, and this machine has no keyring"):
        choice.store_for(config_for(tmp_path, token_store="keyring"))


def test_memory_is_memory(tmp_path: Path) -> None:
    assert isinstance(choice.store_for(config_for(tmp_path, token_store="memory")), MemoryTokenStore)


def test_where_to_keep_the_session_is_a_setting(tmp_path: Path) -> None:
    env = {"TODO_CONFIG_DIR": str(tmp_path), "TODO_DATA_DIR": str(tmp_path), "TODO_API_URL": "https://a.example.com"}
    assert Config.load(environ=env).token_store == "auto"
    chosen = Config.load(environ={**env, "TODO_TOKEN_STORE": "memory"})
    assert (chosen.token_store, chosen.sources["token_store"]) == ("memory", "environment")
    with pytest.raises(ConfigError, match="it can be auto, keyring, file, memory"):
        Config.load(environ={**env, "TODO_TOKEN_STORE": "plaintext"})
