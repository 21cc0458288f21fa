"""Syncs of a folder: what a plan says, that nothing else is done, and that one file's failure stops no other."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from todo_sdk import ConflictError, InvalidRequestError, NotFoundError, SyncPlan
from todo_sdk._files import Files
from todo_sdk._files.names import ignores_case
from todo_sdk._files.plan import Memory, Sides, listed

from .conftest import Device
from .loopback_s3 import Answer, Asked, LoopbackS3, serving
from .test_sdk_files_transfer import LARGE, PART, files_of, whole


@pytest.fixture
def s3() -> Iterator[LoopbackS3]:
    """An S3 on loopback."""
    with serving(LoopbackS3()) as served:
        yield served


@pytest.fixture
def files(s3: LoopbackS3, device: Device, tmp_path: Path) -> Iterator[Files]:
    """The files of somebody who is signed in."""
    with files_of(s3, device, tmp_path) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, one of them in a folder below."""
    made = tmp_path / "pictures"
    (made / "2026").mkdir(parents=True)
    (made / "cat.jpg").write_bytes(b"cat")
    (made / "2026" / "dog.jpg").write_bytes(b"dog!")
    return made


def said(plan: SyncPlan) -> list[tuple[str, str, str]]:
    return [(action.kind, action.key, action.reason) for action in plan.actions]


def content(s3: LoopbackS3) -> dict[str, bytes]:
    return {key.removeprefix(whole("")): kept.content for key, kept in s3.objects.items()}


def test_a_dry_run_says_what_the_run_then_does(files: Files, s3: LoopbackS3, folder: Path) -> None:
    dry = files.sync(folder, "backup", "up", dry_run=True)
    assert said(dry.plan) == [("upload", "backup/2026/dog.jpg", "new"), ("upload", "backup/cat.jpg", "new")]
    assert (dry.plan.transfer_bytes, dry.done, dry.failed, content(s3)) == (7, (), (), {})
    wet = files.sync(folder, "backup/", "up")
    assert (wet.plan, wet.done, wet.ok) == (dry.plan, dry.plan.actions, True)
    assert content(s3) == {"backup/2026/dog.jpg": b"dog!", "backup/cat.jpg": b"cat"}


def test_the_second_run_reads_and_sends_nothing(files: Files, s3: LoopbackS3, folder: Path) -> None:
    cat = folder / "cat.jpg"
    os.utime(cat, ns=(1, 1))
    files.sync(folder, "", "up")
    s3.asked.clear()
    again = files.sync(folder, "", "up")
    assert (again.plan.actions, again.plan.unchanged, s3.operations()) == ((), 2, ["ListObjectsV2"])
    cat.write_bytes(b"CAT")
    os.utime(cat, ns=(1, 1))
    assert files.plan_sync(folder, "", "up").unchanged == 2  # same size and time: it is not read
    os.utime(cat, ns=(2, 2))
    assert said(files.plan_sync(folder, "", "up")) == [("upload", "cat.jpg", "another content")]
    cat.write_bytes(b"cat")
    assert files.plan_sync(folder, "", "up").unchanged == 2  # touched: it is read, and the same


def test_files_in_parts_are_compared_by_their_parts(files: Files, s3: LoopbackS3, folder: Path) -> None:
    (folder / "large").write_bytes(LARGE)
    files.upload(folder / "large", "large")
    files.upload(folder / "cat.jpg", "cat.jpg")
    plan = files.plan_sync(folder, "", "up")
    assert (said(plan), plan.unchanged) == ([("upload", "2026/dog.jpg", "new")], 2)
    (folder / "large").write_bytes(LARGE[:-1] + b"?")
    assert ("upload", "large", "another content") in said(files.plan_sync(folder, "", "up"))
    s3.keep(
        whole("large"), LARGE, etag=f"{hashlib.md5(LARGE).hexdigest()}-2"
    )  # parts of another size: cannot be compared
    (folder / "large").write_bytes(LARGE)
    assert ("upload", "large", "another content") in said(files.plan_sync(folder, "", "up"))


def test_what_differs_goes_where_the_direction_says(files: Files, s3: LoopbackS3, folder: Path) -> None:
    s3.keep(whole("cat.jpg"), b"CAT")
    s3.keep(whole("2026/dog.jpg"), b"a larger dog")
    s3.keep(whole("2027/new.jpg"), b"new")
    up, down = files.plan_sync(folder, "", "up"), files.plan_sync(folder, "", "down")
    assert said(up) == [("upload", "2026/dog.jpg", "another size"), ("upload", "cat.jpg", "another content")]
    assert said(down) == [
        ("download", "2026/dog.jpg", "another size"),
        ("download", "2027/new.jpg", "new"),
        ("download", "cat.jpg", "another content"),
    ]
    assert files.carry_out(down).ok
    assert (folder / "2027" / "new.jpg").read_bytes() == b"new"
    assert (folder / "cat.jpg").read_bytes() == b"CAT"
    assert files.plan_sync(folder, "", "up").actions == () == files.plan_sync(folder, "", "down").actions


@pytest.mark.parametrize("delete", [True, False])
def test_what_only_the_other_side_has_is_removed_when_that_is_asked_for(
    files: Files, s3: LoopbackS3, folder: Path, delete: bool
) -> None:
    s3.keep(whole("b/old.jpg"), b"old")
    s3.keep(whole("other/kept.jpg"), b"not below the prefix")
    files.sync(folder, "b", "up", delete=delete)
    assert ("b/old.jpg" in content(s3)) is not delete
    assert "other/kept.jpg" in content(s3)
    (folder / "mine.jpg").write_text("mine")
    files.sync(folder, "b", "down", delete=delete)
    assert (folder / "mine.jpg").exists() is not delete
    assert (folder / "cat.jpg").exists()


def test_nothing_is_removed_when_a_part_of_the_folder_cannot_be_read(
    files: Files, s3: LoopbackS3, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.sync(folder, "", "up")
    real = os.scandir

    def scandir(path: str) -> object:  # root reads every folder, so mode 0 would not do
        if str(path).endswith("2026"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = files.sync(folder, "", "up", delete=True)
    assert said(result.plan) == [("refuse", "2026", "Permission denied")]
    assert [failure.key for failure in result.failed] == ["2026"]
    assert "2026/dog.jpg" in content(s3)


def test_a_folder_that_is_not_there_removes_nothing(files: Files, s3: LoopbackS3, folder: Path) -> None:
    files.sync(folder, "", "up")
    for wrong in (folder / "unmounted", folder / "cat.jpg"):
        with pytest.raises(NotFoundError, match="there is no folder"):
            files.sync(wrong, "", "up", delete=True)
    with pytest.raises(InvalidRequestError, match='"up" or "down"'):
        files.sync(folder, "", "both")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="cannot be the name"):
        files.sync(folder, "../other", "up")
    assert len(s3.objects) == 2


def test_links_and_sockets_are_skipped_upwards_and_never_followed(
    files: Files, s3: LoopbackS3, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "to-file").symlink_to(tmp_path / "secret")
    (folder / "to-folder").symlink_to(tmp_path)
    (folder / "to-itself").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    result = files.sync(folder, "", "up")
    a_link = "a link, and links are not followed"
    assert {action.key: action.reason for action in result.plan.actions if action.kind == "skip"} == {
        "pipe": "not a file",
        "to-file": a_link,
        "to-folder": a_link,
        "to-itself": a_link,
    }
    assert sorted(content(s3)) == ["2026/dog.jpg", "cat.jpg"]


def test_a_download_does_not_go_through_a_link_or_out_of_the_folder(
    files: Files, s3: LoopbackS3, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "cat.jpg").unlink()
    (folder / "cat.jpg").symlink_to(outside / "cat.jpg")
    for key in ("link/x", "../outside/y", "a/../../outside/z", "CON", "ok.jpg", "cat.jpg", "a\\b", "/etc/passwd"):
        s3.keep(whole(key), b"x")
    result = files.sync(folder, "", "down")
    assert [action.key for action in result.done] == ["ok.jpg"]
    assert len(result.failed) == 7
    assert all(str(failure.error).count("\n") == 0 for failure in result.failed)
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "a").exists()


def test_names_that_differ_in_case_only_are_not_mixed_where_case_does_not_count(
    files: Files, s3: LoopbackS3, folder: Path, tmp_path: Path
) -> None:
    for key in ("README", "readme"):
        s3.keep(whole(key), key.encode())
    assert {action.kind for action in files.plan_sync(folder, "", "down").actions} == {"download"}
    there = {info.key: info for info in files.list()}
    sides = Sides(folder, "", listed(folder), there, Memory(tmp_path / "none"), ignores_case=True)
    assert said(sides.plan("down", delete=False)) == [
        ("refuse", "README", "differs from 'readme' in case only; rename one of them"),
        ("refuse", "readme", "differs from 'README' in case only; rename one of them"),
    ]
    assert ignores_case(folder) is folder.with_name("PICTURES").exists()


def test_what_changed_after_the_plan_is_a_conflict_and_is_kept(files: Files, s3: LoopbackS3, folder: Path) -> None:
    s3.keep(whole("cat.jpg"), b"old")
    up = files.plan_sync(folder, "", "up")
    theirs = s3.keep(whole("cat.jpg"), b"theirs")
    s3.keep(whole("2026/dog.jpg"), b"theirs too")
    result = files.carry_out(up)
    assert [type(failure.error) for failure in result.failed] == [ConflictError, ConflictError]
    assert (s3.objects[whole("cat.jpg")], result.done) == (theirs, ())
    s3.keep(whole("new.jpg"), b"theirs")
    down = files.plan_sync(folder, "", "down")
    (folder / "new.jpg").write_text("mine")
    assert [str(failure.error) for failure in files.carry_out(down).failed] == [
        f"{folder / 'new.jpg'} was made after the plan; plan again"
    ]
    assert (folder / "new.jpg").read_text() == "mine"


def test_one_files_failure_stops_no_other_and_is_told(files: Files, s3: LoopbackS3, folder: Path) -> None:
    (folder / "gone.jpg").write_text("x")
    plan = files.plan_sync(folder, "", "up")
    (folder / "gone.jpg").unlink()

    def refuse(asked: Asked, answer: Answer) -> None:
        if asked.key.endswith("dog.jpg"):
            answer.status, answer.content = 403, b"<Error><Code>AccessDenied</Code></Error>"

    s3.meddle = refuse
    told: list[tuple[int, int | None]] = []
    result = files.carry_out(plan, progress=lambda *now: told.append(now))
    assert (len(told), told[-1]) == (3, (8, 8))
    assert [action.key for action in result.done] == ["cat.jpg"]
    assert [failure.key for failure in result.failed] == ["2026/dog.jpg", "gone.jpg"]
    assert not result.ok


def test_times_come_back_with_the_files(files: Files, s3: LoopbackS3, folder: Path, tmp_path: Path) -> None:
    os.utime(folder / "cat.jpg", ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))
    files.sync(folder, "", "up")
    (tmp_path / "restored").mkdir()
    assert files.sync(tmp_path / "restored", "", "down").ok
    assert (tmp_path / "restored" / "cat.jpg").stat().st_mtime_ns == 1_500_000_000_123_456_789
    s3.keep(whole("odd"), b"x", metadata={"mtime": "yesterday"})
    assert files.sync(tmp_path / "restored", "", "down").ok


def test_what_is_left_of_a_broken_download_is_not_taken_for_a_file(files: Files, s3: LoopbackS3, folder: Path) -> None:
    s3.keep(whole("large"), LARGE)

    def stop(received: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.download("large", folder / "large", progress=stop)
    assert len(list(folder.iterdir())) == 3
    plan = files.plan_sync(folder, "", "up", delete=True)
    assert [action.key for action in plan.actions if action.kind == "upload"] == ["2026/dog.jpg", "cat.jpg"]
    assert len(LARGE) > PART


def test_a_memory_of_nonsense_only_costs_work(files: Files, folder: Path) -> None:
    files.sync(folder, "", "up")
    [note] = files._folder.kept_path("folders").iterdir()
    note.write_text('{"cat.jpg": "nonsense", "2026/dog.jpg": []}')
    assert files.sync(folder, "", "up").plan.unchanged == 2
