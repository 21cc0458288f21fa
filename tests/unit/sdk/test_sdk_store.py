"""A session on disk: only for its owner, whole or not at all, never an error to read."""

import stat
import threading
from pathlib import Path

import pytest

from todo_sdk import ConfigError, FileTokenStore, MemoryTokenStore, TokenStore

SESSION = {"id_token": "x", "revision": 3}


@pytest.fixture
def store(tmp_path: Path) -> FileTokenStore:
    return FileTokenStore(tmp_path / "sessions" / "local.json")


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_what_was_saved_is_loaded_until_it_is_cleared(kind: str, store: FileTokenStore) -> None:
    each: TokenStore = store if kind == "file" else MemoryTokenStore()
    assert isinstance(each, TokenStore)
    assert each.load() is None
    each.save(SESSION)
    assert each.load() == SESSION
    each.clear()
    each.clear()
    assert each.load() is None


def test_file_and_folder_are_for_their_owner_only(store: FileTokenStore) -> None:
    store.save(SESSION)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_may_read_is_closed(store: FileTokenStore) -> None:
    store.path.parent.mkdir(mode=0o755)
    store.save(SESSION)
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_link_is_not_followed(store: FileTokenStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text('{"id_token": "stolen"}')
    store.path.parent.mkdir()
    store.path.symlink_to(elsewhere)
    assert store.load() is None
    store.save(SESSION)
    assert not store.path.is_symlink()
    assert elsewhere.read_text() == '{"id_token": "stolen"}'


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"\0" * 100])
def test_a_damaged_file_is_no_session(store: FileTokenStore, content: bytes) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    assert store.load() is None


def test_a_save_that_fails_leaves_the_session_before(store: FileTokenStore) -> None:
    store.save(SESSION)
    with pytest.raises(TypeError):
        store.save({"bad": object()})
    assert store.load() == SESSION
    assert [file.name for file in store.path.parent.iterdir()] == ["local.json"]


def test_a_place_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be kept in .*TODO_DATA_DIR"):
        FileTokenStore(tmp_path / "file" / "local.json").save(SESSION)


def test_the_repr_holds_the_path_and_nothing_of_the_session(store: FileTokenStore) -> None:
    store.save({"id_token": "very-secret"})
    assert "very-secret" not in repr(store)


def test_who_locks_does_not_overwrite_another(store: FileTokenStore) -> None:
    def count_up() -> None:
        own = FileTokenStore(store.path)  # with a lock of its own, as another process has
        for _ in range(50):
            with own.locked():
                own.save({"count": (own.load() or {"count": 0})["count"] + 1})

    workers = [threading.Thread(target=count_up) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert store.load() == {"count": 150}
