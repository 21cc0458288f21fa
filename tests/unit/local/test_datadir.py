"""One directory, one stack."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from todo_backend.local.datadir import DataDir, append_private
from todo_backend.local.errors import AlreadyRunningError, DataDirError


def locked(path: Path, *, ephemeral: bool = False) -> DataDir:
    data_dir = DataDir(path, ephemeral=ephemeral)
    data_dir.prepare()
    data_dir.lock()
    return data_dir


def test_a_new_directory_is_its_owners_only(tmp_path: Path) -> None:
    with_parents = tmp_path / "a" / "b"
    DataDir(with_parents).prepare()
    assert stat.S_IMODE(with_parents.stat().st_mode) == 0o700


def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    DataDir(tmp_path).prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "stack").write_text("")
    with pytest.raises(DataDirError, match="cannot be used"):
        DataDir(tmp_path / "stack").prepare()


def test_two_cannot_have_the_lock(tmp_path: Path) -> None:
    first = locked(tmp_path)
    with pytest.raises(AlreadyRunningError) as caught:
        locked(tmp_path)
    assert caught.value.pid == os.getpid()
    assert DataDir(tmp_path).is_locked()
    first.close()
    assert not DataDir(tmp_path).is_locked()
    locked(tmp_path).close()


def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from todo_backend.local.datadir import DataDir\n"
        "it = DataDir(Path(sys.argv[1])); it.prepare(); it.lock(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    assert not DataDir(tmp_path).is_locked()


def test_who_comes_second_takes_nothing_from_who_was_first(tmp_path: Path) -> None:
    first = locked(tmp_path / "stack", ephemeral=True)
    (first.root / "kept").write_text("")
    second = DataDir(tmp_path / "stack", ephemeral=True)
    second.prepare()
    with pytest.raises(AlreadyRunningError):
        second.lock()
    second.undo()
    second.close()
    assert (first.root / "kept").exists()
    first.close()


def test_a_failed_start_leaves_no_new_directory(tmp_path: Path) -> None:
    data_dir = locked(tmp_path / "a" / "b")
    data_dir.undo()
    data_dir.close()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_start_keeps_an_old_directory(tmp_path: Path) -> None:
    (tmp_path / "deployment.json").write_text("{}")
    data_dir = locked(tmp_path)
    data_dir.undo()
    data_dir.close()
    assert (tmp_path / "deployment.json").exists()
    assert not (tmp_path / "work").exists()


def test_files_are_replaced_in_one_step_and_private(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    mask = os.umask(0)
    try:
        data_dir.write_json("stack.json", {"port": 1})
        data_dir.write_json("stack.json", {"port": 2})
    finally:
        os.umask(mask)
    assert data_dir.read_stack() == {"port": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_damaged_file_is_read_as_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    assert DataDir(tmp_path).read_stack() == {}


def test_the_files_of_an_ephemeral_run_are_found_while_it_runs(tmp_path: Path) -> None:
    DataDir(tmp_path).write_json("stack.json", {"ephemeral": True})
    found = DataDir.of_last_run(tmp_path)
    assert found.file("inbox.jsonl") == tmp_path / "ephemeral" / "inbox.jsonl"
    assert found.file("stack.json") == tmp_path / "stack.json"


def test_a_line_that_was_cut_off_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_private(path, "one")
    path.write_bytes(path.read_bytes() + b'{"cut o')
    append_private(path, "two")
    append_private(path, "three")
    assert path.read_text().splitlines() == ["one", '{"cut o', "two", "three"]
