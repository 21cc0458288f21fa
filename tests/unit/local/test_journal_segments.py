"""The journal's files: what was committed is neither lost nor altered, whatever happened to the process or the disk."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from todo_backend.local.journal import segments
from todo_backend.local.journal.segments import Found, Key, Segments, body_of

COMMITS: list[list[tuple[Key, str]]] = [
    [(("item", "a"), '{"n":1}'), (("item", "b"), '"B\\n\\u00e9"')],
    [(("item", "a"), '{"n":2}')],
    [(("item", "b"), "null"), (("item", "c"), "[1,2,3]")],
]
STATES: list[dict[Key, Any]] = [
    {},
    {("item", "a"): {"n": 1}, ("item", "b"): "B\né"},
    {("item", "a"): {"n": 2}, ("item", "b"): "B\né"},
    {("item", "a"): {"n": 2}, ("item", "c"): [1, 2, 3]},
]
LAST: list[tuple[Key, str]] = [(("item", "d"), "4")]


class Killed(BaseException):
    """The process ends here; nothing after it runs."""


@pytest.fixture
def memory_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of files that no power cut has to spare."""
    monkeypatch.setattr(segments, "_sync", lambda descriptor: None)
    monkeypatch.setattr(segments, "_sync_directory", lambda path: None)


def opened(directory: Path) -> tuple[Segments, Found]:
    files = Segments(directory)
    return files, files.open()


def values(directory: Path) -> dict[Key, Any]:
    files, found = opened(directory)
    files.close()
    return found.values


def written(directory: Path, commits: list[list[tuple[Key, str]]] = COMMITS) -> list[int]:
    """The size of the file before and after each commit."""
    files, _ = opened(directory)
    sizes = [0]
    for records in commits:
        files.append(body_of(records))
        sizes.append(len(logged(directory)))
    files.close()
    return sizes


def logged(directory: Path) -> bytes:
    """The newest log without the room taken in advance."""
    return log(directory).read_bytes().rstrip(b"\0")


def log(directory: Path) -> Path:
    return max(directory.glob("*.log"))


def test_what_was_committed_is_there_again_and_the_last_value_counts(tmp_path: Path) -> None:
    written(tmp_path)
    files, found = opened(tmp_path)
    files.close()
    assert found.values == STATES[-1]
    assert found.notes == []


def test_everything_in_it_is_for_its_owner_only(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    files, _ = opened(directory)
    files.append(body_of(COMMITS[0]))
    files.compact(files.rotate())
    files.close()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert {path.suffix for path in directory.iterdir()} == {".base", ".log"}


@pytest.mark.usefixtures("memory_is_enough")
def test_a_log_cut_off_at_any_byte_opens_with_the_whole_commits_before_it(tmp_path: Path) -> None:
    sizes = written(tmp_path / "whole")
    content = log(tmp_path / "whole").read_bytes()
    for cut in range(len(content) + 1):
        directory = tmp_path / str(cut)
        directory.mkdir()
        room = b"\0" * (cut % 2)  # taken in advance or not
        (directory / "00000001.log").write_bytes(content[:cut] + room)
        files, found = opened(directory)
        whole = max(number for number, size in enumerate(sizes) if size <= cut)
        assert found.values == STATES[whole], cut
        torn = cut - sizes[whole]
        assert len(found.notes) == (1 if torn else 0)
        assert all(f"dropped a torn last record of {torn} bytes" in note for note in found.notes)
        files.append(body_of(LAST))
        files.close()
        assert values(directory) == STATES[whole] | {("item", "d"): 4}, cut


@pytest.mark.usefixtures("memory_is_enough")
@pytest.mark.parametrize("change", [lambda byte: byte ^ 1, lambda byte: 0, lambda byte: ord("\n")])
def test_a_damaged_byte_costs_no_more_than_its_own_commit_and_the_next(
    tmp_path: Path, change: Callable[[int], int]
) -> None:
    """The next only where the byte is the newline between them."""
    sizes = written(tmp_path / "whole", [*COMMITS, LAST])
    content = log(tmp_path / "whole").read_bytes()
    for at in range(sizes[1], sizes[2]):
        directory = tmp_path / str(at)
        directory.mkdir()
        if change(content[at]) == content[at]:
            continue
        damaged = content[:at] + bytes([change(content[at])]) + content[at + 1 :]
        (directory / "00000001.log").write_bytes(damaged)
        files, found = opened(directory)
        files.close()
        expected = {("item", "a"): {"n": 1}, ("item", "c"): [1, 2, 3], ("item", "d"): 4}
        if at == sizes[2] - 1:  # the third commit, which removes b, went with it
            expected = {("item", "a"): {"n": 1}, ("item", "b"): "B\né", ("item", "d"): 4}
        assert found.values == expected, at
        assert "left out damaged line 2" in found.notes[0]
        assert (directory / "00000001.log.damaged").read_bytes() == damaged


def test_a_line_of_another_file_does_not_count(tmp_path: Path) -> None:
    written(tmp_path)
    log(tmp_path).rename(tmp_path / "00000002.log")
    assert values(tmp_path) == {}


@pytest.mark.parametrize("failing", ["pwrite", "fdatasync"])
def test_a_commit_that_cannot_be_written_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    files, _ = opened(tmp_path)
    files.append(body_of(COMMITS[0]))
    before = logged(tmp_path)
    real = os.pwrite

    def half(descriptor: int, content: bytes, offset: int) -> int:
        real(descriptor, content[: len(content) // 2], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    def failed(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, half if failing == "pwrite" else failed, raising=False)
        with pytest.raises(OSError, match=r"No space|Input"):
            files.append(body_of(COMMITS[1]))
    assert logged(tmp_path) == before
    files.append(body_of(LAST))
    files.close()
    assert values(tmp_path) == STATES[1] | {("item", "d"): 4}


def test_what_is_left_of_a_refused_commit_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = opened(tmp_path)
    files.append(body_of(COMMITS[0]))

    def failed(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(segments, "_sync", failed)
        patch.setattr(os, "ftruncate", failed)
        for _ in range(2):
            with pytest.raises(OSError, match="Input"):
                files.append(body_of(COMMITS[1]))
    files.append(body_of(LAST))
    files.close()
    assert values(tmp_path) == STATES[1] | {("item", "d"): 4}


def steps(monkeypatch: pytest.MonkeyPatch, kill_at: int) -> Callable[[], int]:
    """Kill at the n-th call that changes the disk: half done where that is possible. How many there were."""
    count = 0
    write = os.pwrite

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == kill_at:
                if name == "pwrite":
                    write(arguments[0], arguments[1][: len(arguments[1]) // 2], arguments[2])
                raise Killed
            return real(*arguments, **more)

        return call

    for owner, name in [
        (os, "pwrite"),
        (os, "fdatasync"),
        (os, "fsync"),
        (os, "ftruncate"),
        (os, "open"),
        (Path, "rename"),
        (Path, "unlink"),
    ]:
        if hasattr(owner, name):
            monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return lambda: count


def compacted(directory: Path) -> None:
    """Commits before, between and after two compactions, one key removed in each part."""
    files, _ = opened(directory)
    try:
        for number in range(3):
            files.append(body_of([(("new", str(number)), str(number)), (("old", str(number)), "null")]))
            if number < 2:
                files.compact(files.rotate())
    finally:
        files.close()


def test_a_compaction_killed_at_any_step_leaves_a_whole_state(tmp_path: Path) -> None:
    before = {("old", str(number)): number for number in range(3)} | {("kept", ""): "x"}
    allowed = [
        {key: value for key, value in before.items() if key[0] != "old" or int(key[1]) >= done}
        | {("new", str(number)): number for number in range(done)}
        for done in range(4)
    ]
    total, kill_at = None, 0
    while total is None or kill_at < total:
        kill_at += 1
        directory = tmp_path / str(kill_at)
        written(directory, [[(key, f'"{v}"' if isinstance(v, str) else str(v)) for key, v in before.items()]])
        with pytest.MonkeyPatch.context() as patch:
            count = steps(patch, kill_at)
            try:
                compacted(directory)
            except Killed:
                pass
            else:
                total = count() - 1
        found = values(directory)
        assert found in allowed, (kill_at, found)
        assert values(directory) == found  # and opening it changed nothing
    assert total > 15


@pytest.mark.usefixtures("memory_is_enough")
def test_a_compaction_makes_the_files_smaller_and_changes_nothing(tmp_path: Path) -> None:
    files, _ = opened(tmp_path)
    for number in range(500):
        files.append(body_of([(("item", str(number % 5)), str(number)), (("gone", str(number)), "1")]))
        files.append(body_of([(("gone", str(number)), "null")]))
    large = files.log_bytes
    files.compact(files.rotate())
    assert files.base_bytes < large / 100
    files.close()
    assert values(tmp_path) == {("item", str(number % 5)): number for number in range(495, 500)}


@pytest.mark.usefixtures("memory_is_enough")
def test_what_a_base_has_made_void_counts_for_nothing_whatever_is_left_of_it(tmp_path: Path) -> None:
    files, _ = opened(tmp_path)
    files.append(body_of([(("removed", ""), "1")]))
    first = log(tmp_path)
    content = first.read_bytes()
    files.rotate()
    files.append(body_of([(("removed", ""), "null"), (("kept", ""), "1")]))
    files.compact(files.rotate())
    files.close()
    first.write_bytes(content)  # the kill came before it was removed
    (tmp_path / "00000009.draft").write_bytes(content)
    assert values(tmp_path) == {("kept", ""): 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000002.base", "00000003.log"]


def test_a_compaction_that_finds_no_room_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    files, _ = opened(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(segments, "_write_base", full)
        with pytest.raises(OSError, match="No space"):
            files.compact(files.rotate())
    files.append(body_of(LAST))
    files.compact(files.rotate())
    files.close()
    assert values(tmp_path) == STATES[-1] | {("item", "d"): 4}
