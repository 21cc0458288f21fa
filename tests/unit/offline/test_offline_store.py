"""The replica's file: who may read it, other versions, damage, full disks, several processes."""

import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.unit.offline.conftest import Phone, World
from todo_sdk import Replica, ReplicaError
from todo_sdk._replica_recovery import recover
from todo_sdk._replica_schema import APPLICATION_ID, MIGRATIONS
from todo_sdk._replica_store import BUSY_SECONDS, Store, alone, connect, has_fts5, rows_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    made = Phone(World(), tmp_path / "data" / "phone")
    yield made
    made.client.close()


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def test_the_file_is_its_owners_alone(phone: Phone) -> None:
    phone.replica.add("Buy milk")
    folder = phone.replica.path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [file for file in folder.iterdir() if file.is_file()]
    assert {file.name.rpartition("sqlite3")[2] for file in files} >= {"", "-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(phone: Phone) -> None:
    path = phone.replica.path
    phone.client.close()
    path.chmod(0o644)
    path.parent.chmod(0o755)
    phone.restarted()
    assert stat.S_IMODE(phone.replica.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_link_in_its_place_is_not_followed(phone: Phone, tmp_path: Path) -> None:
    path = phone.replica.path
    phone.client.close()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    phone.restarted()
    with pytest.raises(ReplicaError, match="not a plain file") as caught:
        _ = phone.replica
    assert caught.value.reason == "foreign"


def test_what_is_acknowledged_is_on_the_disk(phone: Phone) -> None:
    with phone.replica._reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL


def test_online_use_opens_no_database(phone: Phone) -> None:
    program = "import todo_sdk, sys; todo_sdk.TodoClient; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    list(phone.client.todos.list())
    assert not phone.config.replicas_path.exists()


# versions


def test_a_file_of_a_newer_version_says_what_to_do_and_stays(phone: Phone) -> None:
    phone.replica.add("Buy milk")
    path = phone.replica.path
    phone.client.close()
    with raw(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    phone.restarted()
    with pytest.raises(
        ReplicaError, match=r"newer todo-sdk \(schema 99, this one knows 1\); update todo-sdk"
    ) as caught:
        _ = phone.replica
    assert caught.value.reason == "newer"
    assert path.read_bytes() == before


def test_a_file_of_an_older_version_is_brought_up_and_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "replica.sqlite3"
    old = Store(path, "me")
    old.open()
    with old.writing() as db:
        db.execute("INSERT INTO fact VALUES ('kept', 'yes')")
    old.close()
    newer = (*MIGRATIONS, "ALTER TABLE todo ADD COLUMN colour TEXT; CREATE TABLE later (x)")
    new = Store(path, "me", migrations=newer)
    new.open()
    with new.reading() as db:
        assert db.execute("SELECT value FROM fact WHERE name = 'kept'").fetchone()[0] == "yes"
        assert db.execute("PRAGMA user_version").fetchone()[0] == 2
        assert "colour" in {row["name"] for row in db.execute("PRAGMA table_info(todo)")}
    new.close()


def test_a_migration_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "replica.sqlite3"
    Store(path, "me").open()
    broken = Store(path, "me", migrations=(*MIGRATIONS, "CREATE TABLE later (x); CREATE TABLE todo (x)"))
    with pytest.raises(ReplicaError, match="table todo already exists"):
        broken.open()
    store = Store(path, "me")
    store.open()
    with store.reading() as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 1
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchone()[0] == 0
    store.close()


@pytest.mark.parametrize("owner", ["somebody else"])
def test_another_users_file_is_refused(tmp_path: Path, owner: str) -> None:
    store = Store(tmp_path / "replica.sqlite3", "me")
    store.open()
    store.close()
    with pytest.raises(ReplicaError, match="belongs to another user") as caught:
        Store(store.path, owner).open()
    assert caught.value.reason == "foreign"


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "replica.sqlite3"
    with raw(path) as db:
        db.execute("PRAGMA application_id = 7")
    db.close()
    with pytest.raises(ReplicaError, match="is not a replica of to-dos"):
        Store(path, "me").open()
    assert APPLICATION_ID != 7


# what fails


def test_a_full_disk_is_said_and_nothing_is_lost(phone: Phone) -> None:
    kept = phone.replica.add("Buy milk")
    with phone.replica._reading() as db:
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")

    def add_much() -> None:
        for _ in range(100):
            phone.replica.add("x", notes="y" * 10_000)

    with pytest.raises(ReplicaError, match="the disk is full") as caught:
        add_much()
    assert caught.value.reason == "full"
    phone.restarted()
    assert kept in phone.replica.list()
    assert len(phone.replica.queued()) == len(phone.replica.list())


def test_a_file_that_cannot_be_written_is_said(phone: Phone) -> None:
    kept = phone.replica.add("Buy milk")
    with phone.replica._reading() as db:
        db.execute("PRAGMA query_only = ON")
    with pytest.raises(ReplicaError, match="cannot be written") as caught:
        phone.replica.add("x")
    assert caught.value.reason == "read_only"
    assert phone.replica.list() == (kept,)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReplicaError, match="set TODO_DATA_DIR"):
        Store(tmp_path / "file" / "replica.sqlite3", "me").open()


def test_a_writer_that_never_ends_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "replica.sqlite3", "me", busy_seconds=0.01)
    store.open()
    other = connect(store.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ReplicaError, match="another program is writing") as caught, store.writing():
        pass
    assert caught.value.reason == "busy"
    other.close()
    with store.writing():
        pass
    store.close()
    assert BUSY_SECONDS >= 5


# damage


def damage(path: Path, where: int = 0, length: int = 100) -> None:
    with path.open("r+b") as file:
        file.seek(where)
        file.write(b"\xff" * length)


def test_a_file_that_is_no_database_is_kept_aside_and_made_anew(phone: Phone) -> None:
    phone.replica.add("Buy milk")
    phone.replica.sync()
    path = phone.replica.path
    phone.client.close()
    path.write_text("This is no database, however long it may be. " * 100)
    phone.restarted()
    recovered = phone.replica.recovered
    assert recovered is not None
    assert recovered.aside.read_text().startswith("This is no database")
    assert (recovered.rescued, recovered.whole) == (0, False)
    assert phone.replica.list() == ()
    phone.replica.sync()
    assert phone.titles() == ["Buy milk"]
    phone.restarted()
    assert phone.replica.recovered is None


def filled(phone: Phone) -> Path:
    """A replica with much that was pushed and some that was not, closed."""
    for number in range(200):
        phone.replica.add(f"pushed {number}", notes="n" * 500)
    phone.replica.sync()
    for number in range(3):
        phone.replica.add(f"unpushed {number}")
    edited = phone.replica.list(q="pushed 7 ")[0]
    phone.replica.edit(edited.id, notes="unpushed edit")
    path = phone.replica.path
    phone.client.close()
    return path


def test_what_was_not_pushed_is_saved_from_a_damaged_file(phone: Phone) -> None:
    path = filled(phone)
    with raw(path) as db:
        page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'todo_open'").fetchone()[0]
        tag_page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tag'").fetchone()[0]
    db.close()
    damage(path, (page - 1) * 4096)
    damage(path, (tag_page - 1) * 4096)
    phone.restarted()
    with pytest.raises(ReplicaError, match="4 unpushed changes were saved") as caught:
        phone.replica.add("one more", due="2026-12-01", tags=["x"])
    assert caught.value.reason == "damaged"
    recovered = phone.replica.recovered
    assert recovered is not None
    assert (recovered.rescued, recovered.whole) == (4, True)
    assert sorted(phone.titles()) == ["pushed 7", "unpushed 0", "unpushed 1", "unpushed 2"]
    assert len(phone.replica.search("unpushed")) == 4
    report = phone.replica.sync()
    assert (report.pushed, report.conflicts, report.queued) == (4, (), 0)
    assert len(phone.replica.list()) == 203
    assert phone.replica.undo() is not None, "and what was done can still be undone"


def leave_a_log(path: Path, log: Path) -> None:
    """Put a sound write-ahead log of another file there; SQLite would play it back into whatever lies beside it."""
    other = Store(path, "me")
    other.open()
    with other.writing() as db:
        db.execute("INSERT INTO fact VALUES ('of the damaged file', 1)")
    log.write_bytes(path.with_name(path.name + "-wal").read_bytes())
    other.close()


def test_a_recovery_that_was_cut_short_is_finished_by_the_next_start(phone: Phone, tmp_path: Path) -> None:
    path = filled(phone)
    damage(path)
    phone.restarted()
    rescued = path.with_name(path.name + ".rescued")
    store = Store(rescued, f"{phone.config.user_pool_id}/alice")
    store.open()
    store.close()
    path.rename(tmp_path / "aside")
    leave_a_log(tmp_path / "other.sqlite3", path.with_name(path.name + "-wal"))
    assert phone.replica.recovered is None
    assert phone.replica.list() == ()
    with phone.replica._reading() as db:
        assert db.execute("SELECT count(*) FROM fact WHERE name = 'of the damaged file'").fetchone()[0] == 0
    assert not rescued.exists()
    assert path.exists()


def test_two_programs_do_not_repair_at_once(phone: Phone) -> None:
    path = filled(phone)
    store = Store(path, f"{phone.config.user_pool_id}/alice")
    store.open()
    refused: list[str] = []

    def repair() -> None:
        with pytest.raises(ReplicaError, match="another program is repairing") as caught:
            recover(store, "x", wait_seconds=0.01)
        refused.append(caught.value.reason)

    with alone(path.with_name(path.name + ".recovery"), 0):
        thread = threading.Thread(target=repair)
        thread.start()
        thread.join()
    assert refused == ["busy"]
    store.close()


def test_a_file_that_was_moved_away_is_not_written_any_more(phone: Phone, tmp_path: Path) -> None:
    phone.replica.add("Buy milk")
    path = phone.replica.path
    for side in ("", "-wal", "-shm"):
        path.with_name(path.name + side).rename(tmp_path / f"aside{side}")
    phone.replica.add("Buy bread")
    assert phone.titles() == ["Buy bread"]
    assert path.exists()


def test_half_a_table_is_better_than_none(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    with raw(path) as db:
        db.execute("CREATE TABLE t (a)")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 50)
    db.close()
    damage(path, path.stat().st_size - 4096)
    found, whole = rows_of(path, "t")
    assert not whole
    assert 0 < len(found) < 50


# search without FTS5


def test_an_index_that_was_not_kept_up_is_filled_again(phone: Phone) -> None:
    phone.replica.add("Buy milk")
    store = phone.replica._store
    with store.reading() as db:
        assert has_fts5(db)
    with store.writing() as db:  # as a Python without FTS5 leaves it
        db.execute("UPDATE fact SET value = 0 WHERE name = 'words'")
    store.has_words = False
    phone.replica.add("Buy bread")
    phone.restarted()
    assert [todo.title for todo in phone.replica.search("bread")] == ["Buy bread"]


# several at once


def test_threads_share_a_replica(phone: Phone) -> None:
    replica = phone.replica
    todo = replica.add("count", notes="0")

    def work(number: int) -> None:
        for step in range(5):
            replica.add(f"{number}-{step}")
            with replica.transaction():
                count = int(replica.get(todo.id).notes)
                replica.edit(todo.id, notes=str(count + 1))
            replica.list(limit=3)
            if step == 2:
                replica.sync()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert replica.get(todo.id).notes == "30"
    assert len(replica.list()) == 31
    assert replica.sync().complete
    assert len(phone.world.live()) == 31


PROCESS = """
import sys
from pathlib import Path
from tests.unit.offline.conftest import Phone, World
phone = Phone(World(fault=lambda request: "down"), Path(sys.argv[1]))
todo_id = sys.argv[2]
for step in range(10):
    phone.replica.add(f"{sys.argv[3]}-{step}")
    with phone.replica.transaction():
        phone.replica.edit(todo_id, notes=str(int(phone.replica.get(todo_id).notes) + 1))
phone.client.close()
"""


def test_processes_share_a_replica(phone: Phone) -> None:
    todo = phone.replica.add("count", notes="0")
    command = [sys.executable, "-W", "error", "-c", PROCESS, str(phone.folder), todo.id]
    running = [subprocess.Popen([*command, str(number)], cwd=ROOT) for number in range(3)]
    for step in range(10):
        phone.replica.add(f"me-{step}")
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert phone.replica.get(todo.id).notes == "30"
    assert len(phone.replica.list()) == 41
    numbers = {phone.replica.short_id(each) for each in phone.replica.list()}
    assert len(numbers) == 41


def test_nothing_of_the_content_is_in_a_repr_or_an_error(phone: Phone, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    replica: Replica = phone.replica
    replica.add("a secret title", notes="secret notes")
    replica.sync()
    assert "secret" not in repr(replica) + json.dumps([record.getMessage() for record in caplog.records])
