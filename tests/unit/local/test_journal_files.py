"""An object's two files: replaced together or not at all, wherever the process is killed or the disk is full."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from todo_backend.local.journal import files
from todo_backend.local.journal.files import Files, Touched, recover


class Killed(BaseException):
    """The process ends here."""


OLD, NEW = b"old content", b"new content, and longer"


def meta(content: bytes) -> str:
    return json.dumps({"size": len(content), "key": "key"})


def put(path: Path, content: bytes) -> None:
    """As MiniStack replaces an object: its data, then its metadata."""
    writer = Files()
    writer._atomic_write(str(path), content)
    writer._atomic_write(f"{path}{files.META}", meta(content), text=True)


def whole(path: Path) -> bytes:
    content = path.read_bytes()
    assert json.loads(path.with_name(path.name + files.META).read_bytes())["size"] == len(content)
    return content


def test_an_object_killed_at_any_step_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    total, kill_at, seen = None, 0, set()
    while total is None or kill_at < total:
        kill_at += 1
        path = tmp_path / str(kill_at) / "key"
        path.parent.mkdir()
        put(path, OLD)
        with pytest.MonkeyPatch.context() as patch:
            count = killed_at(patch, kill_at)
            try:
                put(path, NEW)
            except Killed:
                pass
            else:
                total = count() - 1
        recover(path.parent)
        assert whole(path) in (OLD, NEW), kill_at
        assert {place.name for place in path.parent.iterdir()} == {"key", f"key{files.META}"}
        seen.add(whole(path))
    assert seen == {OLD, NEW}


def test_metadata_alone_killed_while_it_is_written_stays_as_it_was(tmp_path: Path) -> None:
    """A change of tags: there is no data whose draft would say that nothing was replaced yet."""
    path = tmp_path / "key"
    put(path, OLD)
    (tmp_path / f"key{files.META}{files.DRAFT}").write_text(meta(OLD)[:-4])
    recover(tmp_path)
    assert whole(path) == OLD
    assert {place.name for place in tmp_path.iterdir()} == {"key", f"key{files.META}"}


def killed_at(monkeypatch: pytest.MonkeyPatch, number: int) -> Callable[[], int]:
    """Kill at that call, half way through where it is a write."""
    count = 0
    real_write, real_replace = files._write, Path.replace

    def step() -> bool:
        nonlocal count
        count += 1
        return count == number

    def write(path: Path, content: bytes) -> None:
        if step():
            path.write_bytes(content[: len(content) // 2])
            raise Killed
        real_write(path, content)
        if step():
            raise Killed

    def replace(self: Path, target: Path) -> Path:
        if step():
            raise Killed
        return real_replace(self, target)

    monkeypatch.setattr(files, "_write", write)
    monkeypatch.setattr(Path, "replace", replace)
    return lambda: count


@pytest.mark.parametrize("failing", [1, 2])
def test_a_full_disk_leaves_the_old_object_and_is_remembered_by_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    path = tmp_path / "key"
    put(path, OLD)
    writes, real = 0, os.fdopen

    def full(*arguments: Any, **more: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == failing:
            os.close(arguments[0])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **more)

    monkeypatch.setattr(os, "fdopen", full)
    request = Touched()
    token = files.touched.set(request)
    try:
        with pytest.raises(OSError, match="No space"):
            put(path, NEW)
        with pytest.raises(OSError, match="No space"):  # the same request writes nothing more
            put(tmp_path / "other", NEW)
    finally:
        files.touched.reset(token)
    assert request.error is not None
    assert whole(path) == OLD
    assert {place.name for place in tmp_path.iterdir()} == {"key", f"key{files.META}"}


def test_what_was_replaced_is_kept_at_once_as_a_version(tmp_path: Path) -> None:
    """A version has no metadata file that its data would have to wait for."""
    path = tmp_path / ".versions" / "1" / "key"
    path.parent.mkdir(parents=True)
    Files()._atomic_write(str(path), OLD)
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    put(tmp_path / "key", OLD)
    assert {place.stat().st_mode & 0o777 for place in tmp_path.iterdir()} == {0o600}
