"""Uploads and downloads of all sizes and sources, broken off everywhere, against an S3 that misbehaves on demand."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from todo_sdk import ConflictError, InvalidRequestError, NotFoundError, TodoError, TransportError
from todo_sdk._files import Files
from todo_sdk._files.download import Downloads
from todo_sdk._files.folder import OwnFolder
from todo_sdk._traffic import Traffic

from .conftest import IDENTITY, Device, config_for
from .loopback_s3 import Answer, Asked, LoopbackS3, crc32, serving

PART = 5 * 1024 * 1024
LARGE = os.urandom(1024) * (2 * PART // 1024 + 300)  # three parts


class BrokenOffError(Exception):
    """What a test raises in the middle of a transfer."""


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


@contextmanager
def files_of(s3: LoopbackS3, device: Device, tmp_path: Path) -> Iterator[Files]:
    """The files on this device after a start of the program; retries do not wait."""
    config = config_for(tmp_path / "data", endpoint_url=s3.url)
    with closing(Traffic()) as traffic:
        made = Files(config, device.session, device.todos, traffic)
        made._downloads._sleep = lambda seconds: None  # a clock of the test's, not a patch of what is tested
        yield made


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three parts."""
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    return path


def whole(key: str) -> str:
    return f"{IDENTITY}/{key}"


def break_off_after(share: float) -> Any:
    """A progress callback that raises."""

    def progress(sent: int, total: int | None) -> None:
        if total is not None and sent >= share * total:
            raise BrokenOffError

    return progress


class Pipe(io.RawIOBase):
    """A stream that cannot be sought and gives less than it is asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(min(size, 1_000_000))


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART])
def test_what_was_uploaded_comes_back_from_every_source(
    files: Files, s3: LoopbackS3, tmp_path: Path, size: int
) -> None:
    content = LARGE[:size]
    path = tmp_path / "source"
    path.write_bytes(content)
    for source in (str(path), content, cast(BinaryIO, Pipe(content))):
        told: list[tuple[int, int | None]] = []
        sent = files.upload(source, "a/key", progress=lambda *now: told.append(now))  # noqa: B023
        assert (sent.size_bytes, sent.sent_bytes, sent.kept_bytes) == (size, size, 0)
        assert [now for now, _ in told] == sorted(now for now, _ in told)
        assert told[-1][0] == size
        assert {total for _, total in told} <= {size, None}
        assert s3.objects[whole("a/key")].content == content
        assert s3.uploads == {}
    into = io.BytesIO()
    assert files.download("a/key", into).verified
    assert into.getvalue() == content == files.read("a/key")
    got = files.download("a/key", tmp_path / "back")
    assert (got.path, got.size_bytes, got.received_bytes, got.verified) == (tmp_path / "back", size, size, True)
    assert (tmp_path / "back").read_bytes() == content


def test_a_stream_is_read_from_where_it_stands(files: Files, s3: LoopbackS3) -> None:
    stream = io.BytesIO(b"0123456789")
    stream.seek(4)
    assert files.upload(stream, "k").size_bytes == 6
    assert s3.objects[whole("k")].content == b"456789"


def test_a_stream_that_breaks_leaves_no_parts_behind(files: Files, s3: LoopbackS3) -> None:
    class Broken(Pipe):
        def read(self, size: int = -1) -> bytes:
            if self._content.tell() > PART:
                raise BrokenOffError
            return super().read(size)

    with pytest.raises(BrokenOffError):
        files.upload(cast(BinaryIO, Broken(LARGE)), "k")
    assert (s3.uploads, s3.objects) == ({}, {})


def test_what_broke_is_said_although_giving_up_broke_too(files: Files, s3: LoopbackS3, large: Path) -> None:
    def refuse(asked: Asked, answer: Answer) -> None:
        if asked.operation == "AbortMultipartUpload":
            answer.status, answer.content = 403, b"<Error><Code>AccessDenied</Code></Error>"

    s3.meddle = refuse
    there = s3.keep(whole("k"), b"theirs")
    for source in (LARGE, large):
        with pytest.raises(ConflictError, match="is there already"):
            files.upload(source, "k", if_absent=True)
    assert s3.objects[whole("k")] == there
    assert [upload.key for upload in files.unfinished()] == ["k"]


def test_what_has_no_name_or_no_bytes_is_refused_before_any_call(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    for source, key in ((b"x", None), (io.BytesIO(b"x"), None), (cast(BinaryIO, io.StringIO("x")), "k")):
        with pytest.raises(InvalidRequestError, match=r"under which key|binary mode"):
            files.upload(source, key)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequestError, match="is not a file"):
        files.upload(tmp_path / "pipe")
    with pytest.raises(InvalidRequestError, match="is a directory; `sync`"):
        files.upload(tmp_path, "k")
    with pytest.raises(InvalidRequestError, match="exclude each other"):
        files.upload(b"x", "k", if_match="e", if_absent=True)
    assert s3.asked == []


@pytest.mark.parametrize("source", [b"new", LARGE])
def test_a_condition_keeps_what_somebody_else_wrote(
    files: Files, s3: LoopbackS3, tmp_path: Path, source: bytes
) -> None:
    path = tmp_path / "new"
    path.write_bytes(source)
    there = s3.keep(whole("k"), b"theirs")
    for conditions in ({"if_absent": True}, {"if_match": "another"}):
        for each in (source, path):
            with pytest.raises(ConflictError, match=r"is there already|another file by now"):
                files.upload(each, "k", **conditions)
    with pytest.raises(NotFoundError, match="nothing was replaced"):
        files.upload(path, "missing", if_match="etag")
    assert (s3.objects, s3.uploads, files.unfinished()) == ({whole("k"): there}, {}, ())
    assert files.upload(path, "k", if_match=there.etag).size_bytes == len(source)
    assert files.upload(path, "fresh", if_absent=True).size_bytes == len(source)


@pytest.mark.parametrize("content", [b"small", LARGE])
@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_a_conditional_upload_whose_answer_was_lost_has_happened_once(
    files: Files, s3: LoopbackS3, tmp_path: Path, content: bytes, operation: str
) -> None:
    lost: list[str] = []

    def lose_first(asked: Asked, answer: Answer) -> None:
        answer.lost = asked.operation == operation and not lost
        lost.extend([operation] if answer.lost else [])

    s3.meddle = lose_first
    (tmp_path / "f").write_bytes(content)
    assert files.upload(tmp_path / "f", "k", if_absent=True).size_bytes == len(content)
    assert (s3.objects[whole("k")].content, files.unfinished()) == (content, ())


def test_a_file_that_changes_while_it_is_uploaded_is_not_kept(files: Files, s3: LoopbackS3, large: Path) -> None:
    def change(sent: int, total: int | None) -> None:
        os.utime(large, ns=(sent, sent))

    with pytest.raises(ConflictError, match="was changed while it was uploaded"):
        files.upload(large, "k", progress=change)
    assert (s3.objects, s3.uploads, files.unfinished()) == ({}, {}, ())


def test_damage_on_the_way_up_is_refused(files: Files, s3: LoopbackS3) -> None:
    original = s3._PutObject
    s3._PutObject = lambda key, query, headers, body: original(key, query, headers, body[:-1] + b"?")  # type: ignore[method-assign]
    with pytest.raises(InvalidRequestError, match="BadDigest"):
        files.upload(b"hello", "k")
    assert s3.objects == {}


def test_a_broken_upload_goes_on_with_what_s3_has(
    files: Files, s3: LoopbackS3, device: Device, large: Path, tmp_path: Path
) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.6))
    [unfinished] = files.unfinished()
    assert (unfinished.key, unfinished.path, unfinished.size_bytes) == ("k", large, len(LARGE))
    assert unfinished.upload_id not in repr(unfinished)
    [begun] = s3.uploads.values()
    there = sum(map(len, begun.parts.values()))  # what was on its way when the caller broke off may have come, too
    assert there >= 0.6 * len(LARGE)
    with files_of(s3, device, tmp_path) as later:
        s3.asked.clear()
        told: list[int] = []
        sent = later.upload(large, "k", progress=lambda now, total: told.append(now))
        assert (sent.sent_bytes, sent.kept_bytes) == (len(LARGE) - there, there)
        assert (s3.bytes_of("UploadPart"), told[-1]) == (len(LARGE) - there, len(LARGE))
        assert "CreateMultipartUpload" not in s3.operations()
        assert (later.unfinished(), s3.uploads) == ((), {})
    assert s3.objects[whole("k")].content == LARGE


def test_another_content_starts_over_and_gives_the_old_parts_up(files: Files, s3: LoopbackS3, large: Path) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.3))
    other = LARGE[::-1]
    large.write_bytes(other)
    os.utime(large, ns=(10**18, 10**18))
    assert files.upload(large, "k").sent_bytes == len(LARGE)
    assert s3.operations().count("AbortMultipartUpload") == 1
    assert s3.objects[whole("k")].metadata["mtime"] == "1000000000.000000000"  # nothing of the old one is left
    assert (s3.objects[whole("k")].content, s3.uploads) == (other, {})


def test_a_content_that_hides_its_change_is_found_by_the_checksum_of_the_part(
    files: Files, s3: LoopbackS3, large: Path
) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.6))
    before = large.stat()
    with large.open("r+b") as file:
        file.write(b"changed")
    os.utime(large, ns=(before.st_atime_ns, before.st_mtime_ns))
    [begun] = s3.uploads.values()
    still_right = sum(len(part) for number, part in begun.parts.items() if number != 1)
    assert files.upload(large, "k").kept_bytes == still_right >= len(LARGE) - 2 * PART
    assert s3.objects[whole("k")].content == b"changed" + LARGE[7:]


def test_an_upload_that_died_after_its_end_is_not_sent_again(files: Files, s3: LoopbackS3, large: Path) -> None:
    def lose(asked: Asked, answer: Answer) -> None:
        answer.lost = asked.operation == "CompleteMultipartUpload"

    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(1.0))
    [begun] = s3.uploads
    body = "".join(f"<PartNumber>{number}</PartNumber>" for number in (1, 2, 3)).encode()
    assert s3._CompleteMultipartUpload(whole("k"), {"uploadId": begun}, {}, body).status == 200
    s3.asked.clear()
    assert files.upload(large, "k").sent_bytes == 0
    assert s3.bytes_of("UploadPart") == 0
    assert files.unfinished() == ()


def test_an_upload_that_was_given_up_elsewhere_starts_over(files: Files, s3: LoopbackS3, large: Path) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.6))
    s3.uploads.clear()
    assert files.upload(large, "k").sent_bytes == len(LARGE)


def test_an_unfinished_upload_can_be_given_up(files: Files, s3: LoopbackS3, large: Path) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.3))
    [unfinished] = files.unfinished()
    files.abort(unfinished)
    files.abort(unfinished)  # what is given up already is given up
    assert (s3.uploads, files.unfinished()) == ({}, ())


def test_unfinished_uploads_are_forgotten_when_s3_has_forgotten_them(files: Files, large: Path) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.3))
    now = datetime.now(UTC)
    assert list(files._unfinished.all(now + timedelta(days=6, hours=23)))
    assert not list(files._unfinished.all(now + timedelta(days=8)))
    assert files.unfinished() == ()


@pytest.mark.parametrize("note", ["", "[]", "{", '{"key": 1}', '{"stamp": {}}'])
def test_a_note_that_cannot_be_read_only_costs_work(files: Files, s3: LoopbackS3, large: Path, note: str) -> None:
    with pytest.raises(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.6))
    [file] = files._folder.kept_path("uploads").rglob("*.json")
    assert file.stat().st_mode & 0o077 == 0
    file.write_text(note)
    assert files.upload(large, "k").sent_bytes == len(LARGE)
    assert s3.objects[whole("k")].content == LARGE


def test_an_upload_works_where_nothing_can_be_remembered(
    s3: LoopbackS3, device: Device, large: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("in the way")
    with files_of(s3, device, tmp_path) as files:
        assert files.upload(large, "k").sent_bytes == len(LARGE)
    assert "cannot be written" in caplog.text


def test_parts_of_a_large_file_go_in_parallel_and_a_small_ones_risk_little() -> None:
    from todo_sdk._files.parts import part_bytes_of, parts_at_once

    assert (part_bytes_of(0), part_bytes_of(10_000 * PART), part_bytes_of(10_000 * PART + 1)) == (PART, PART, 6 << 20)
    assert -(-(5 << 40) // part_bytes_of(5 << 40)) <= 10_000  # S3-31, for the largest object
    assert [parts_at_once(size << 20) for size in (1, 64, 200, 300, 400, 100_000)] == [2, 2, 2, 3, 4, 4]


def test_no_more_parts_are_read_than_can_be_sent(files: Files) -> None:
    from todo_sdk._files.parts import in_parallel

    drawn, gate = 0, threading.Semaphore(0)

    def items() -> Iterator[int]:
        nonlocal drawn
        for number in range(20):
            drawn += 1
            yield number

    def work(number: int) -> int:
        assert gate.acquire(timeout=20)
        return number

    results = in_parallel(work, items(), 3)
    gate.release()
    found = {next(results)}
    assert drawn <= 4
    gate.release(100)
    assert found | set(results) == set(range(20))


def test_a_broken_download_goes_on_behind_what_is_here(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)
    target = tmp_path / "here" / "k"
    target.parent.mkdir()
    with pytest.raises(BrokenOffError):
        files.download("k", target, progress=break_off_after(0.6))
    assert not target.exists()
    [part] = target.parent.iterdir()
    kept = part.stat().st_size
    s3.asked.clear()
    got = files.download("k", target)
    assert (got.kept_bytes, got.received_bytes) == (kept, len(LARGE) - kept)
    assert s3.bytes_of("GetObject") == len(LARGE) - kept < 0.45 * len(LARGE)
    assert target.read_bytes() == LARGE
    assert list(target.parent.iterdir()) == [target]


def test_a_line_that_breaks_is_taken_up_where_it_broke(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)

    def cut(asked: Asked, answer: Answer) -> None:
        if asked.operation == "GetObject":
            answer.cut = 3_000_000

    s3.meddle = cut
    assert files.download("k", tmp_path / "k").received_bytes == len(LARGE)
    assert (tmp_path / "k").read_bytes() == LARGE
    assert s3.bytes_of("GetObject") == len(LARGE)


def test_a_line_that_gives_nothing_any_more_is_given_up(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)

    def cut(asked: Asked, answer: Answer) -> None:
        if asked.operation == "GetObject":
            answer.cut = 2_000_000 if s3.operations().count("GetObject") == 1 else 0

    s3.meddle = cut
    with pytest.raises(TransportError):
        files.download("k", tmp_path / "k")
    s3.meddle = lambda asked, answer: None
    assert files.download("k", tmp_path / "k").kept_bytes > 0


def test_a_file_that_is_replaced_meanwhile_is_not_mixed(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)
    target = tmp_path / "here" / "k"
    target.parent.mkdir()

    def replace_it(asked: Asked, answer: Answer) -> None:
        if asked.operation == "GetObject":
            answer.cut = 3_000_000
            s3.keep(whole("k"), b"another")

    s3.meddle = replace_it
    with pytest.raises(ConflictError, match="was replaced while it was downloaded"):
        files.download("k", target)
    assert list(target.parent.iterdir()) == []


def test_parts_of_an_older_version_are_not_used_and_not_left(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)
    target = tmp_path / "here" / "k"
    target.parent.mkdir()
    neighbour = target.with_name("." + "k" + ".0123456-0123456789abcdef.part")
    neighbour.write_text("of another target")
    with pytest.raises(BrokenOffError):
        files.download("k", target, progress=break_off_after(0.6))
    s3.keep(whole("k"), LARGE[::-1])
    s3.asked.clear()
    assert files.download("k", target).kept_bytes == 0
    assert s3.bytes_of("GetObject") == len(LARGE)
    assert target.read_bytes() == LARGE[::-1]
    assert sorted(target.parent.iterdir()) == sorted([target, neighbour])


def test_damage_in_the_part_that_was_kept_is_found(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)
    target = tmp_path / "here" / "k"
    target.parent.mkdir()
    with pytest.raises(BrokenOffError):
        files.download("k", target, progress=break_off_after(0.6))
    [part] = target.parent.iterdir()
    with part.open("r+b") as file:
        file.write(b"power cut")
    assert files.download("k", target).received_bytes == len(LARGE)
    assert target.read_bytes() == LARGE


@pytest.mark.parametrize("into", ["disk", "stream"])
def test_damage_on_the_way_down_is_found(files: Files, s3: LoopbackS3, tmp_path: Path, into: str) -> None:
    s3.keep(whole("k"), b"hello", checksum=crc32(b"other"))
    target = tmp_path / "here" / "k"
    target.parent.mkdir()
    with pytest.raises(TransportError, match="does not fit the checksum"):
        files.download("k", target if into == "disk" else io.BytesIO())
    assert list(target.parent.iterdir()) == []


def test_parts_of_another_size_are_checked_too_and_unknown_sums_are_told(
    files: Files, s3: LoopbackS3, tmp_path: Path
) -> None:
    def composite(part_bytes: int) -> str:
        import base64

        sums = [base64.b64decode(crc32(LARGE[at : at + part_bytes])) for at in range(0, len(LARGE), part_bytes)]
        return f"{crc32(b''.join(sums))}-{len(sums)}"

    s3.keep(whole("k"), LARGE, checksum=composite(8 << 20), part_bytes=8 << 20)
    assert files.download("k", tmp_path / "k").verified
    s3.keep(whole("k"), LARGE[:-1] + b"?", checksum=composite(8 << 20), part_bytes=8 << 20)
    with pytest.raises(TransportError, match="checksum"):
        files.download("k", tmp_path / "k")
    s3.keep(whole("k"), LARGE, checksum=composite(8 << 20), part_bytes=1)
    assert not files.download("k", tmp_path / "k").verified
    s3.keep(whole("k"), LARGE, checksum=None)
    assert not files.download("k", tmp_path / "k").verified


def test_two_downloads_of_one_version_to_one_place_do_not_harm_each_other(
    files: Files, s3: LoopbackS3, tmp_path: Path
) -> None:
    s3.keep(whole("k"), LARGE)
    target = tmp_path / "here" / "k"
    target.parent.mkdir()
    inner: list[bool] = []

    def another(received: int, total: int | None) -> None:
        if not inner and received >= len(LARGE) // 2:
            inner.append(files.download("k", target).verified)

    assert files.download("k", target, progress=another).verified
    assert inner == [True]
    assert (target.read_bytes(), list(target.parent.iterdir())) == (LARGE, [target])


def test_a_link_in_the_way_of_the_part_is_not_followed(files: Files, s3: LoopbackS3, tmp_path: Path) -> None:
    s3.keep(whole("k"), LARGE)
    (tmp_path / "outside").write_text("mine")
    target = tmp_path / "here" / "k"
    target.parent.mkdir()
    with pytest.raises(BrokenOffError):
        files.download("k", target, progress=break_off_after(0.1))
    [part] = target.parent.iterdir()
    part.unlink()
    part.symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidRequestError):
        files.download("k", target)
    assert (tmp_path / "outside").read_text() == "mine"


@pytest.mark.parametrize("error", [OSError(5, "mine"), ValueError("mine"), FileNotFoundError("mine")])
def test_what_the_callers_own_callback_raises_is_not_taken_for_the_disks_word(
    files: Files, s3: LoopbackS3, tmp_path: Path, error: Exception
) -> None:
    def progress(done: int, total: int | None) -> None:
        raise error

    s3.keep(whole("k"), b"hello")
    (tmp_path / "f").write_bytes(b"hello")
    with pytest.raises(type(error)) as up:
        files.upload(tmp_path / "f", "other", progress=progress)
    with pytest.raises(type(error)) as down:
        files.download("k", tmp_path / "g", progress=progress)
    assert up.value is down.value is error


def test_a_full_disk_is_one_sentence_and_what_was_there_stays(
    s3: LoopbackS3, device: Device, tmp_path: Path, files: Files
) -> None:
    target = tmp_path / "k"
    target.write_text("before")
    s3.keep(whole("k"), LARGE)
    full = _FullDisk(files._folder)
    files._downloads = full
    with pytest.raises(InvalidRequestError, match="No space left on device; make room"):
        files.download("k", target)
    assert target.read_text() == "before"


class _FullDisk(Downloads):
    """Downloads on a disk that is full after a while; a small file system cannot be mounted in a test."""

    def __init__(self, folder: OwnFolder) -> None:
        super().__init__(folder, lambda seconds: None)

    def _receive(self, wanted: Any, offset: int, take: Any, progress: Any) -> None:
        def until_full(chunk: bytes) -> None:
            import errno

            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        super()._receive(wanted, offset, until_full, progress)


@pytest.mark.parametrize("target", ["folder/k", "."])
def test_a_download_goes_only_where_a_file_can_be(files: Files, s3: LoopbackS3, tmp_path: Path, target: str) -> None:
    s3.keep(whole("folder/k"), b"x")
    (tmp_path / "here" / "k").mkdir(parents=True)
    with pytest.raises(TodoError):
        files.download("folder/k", tmp_path / "here" / target)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequestError, match="is there and is not a file"):
        files.download("folder/k", tmp_path / "pipe")
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["k"]


def test_many_are_removed_at_once_and_where_s3_will_not_one_by_one(files: Files, s3: LoopbackS3) -> None:
    keys = [f"many/{number}" for number in range(2500)]
    for key in keys:
        s3.keep(whole(key), b"x")
    removal = files.remove_many([*keys, keys[0], "missing"])
    assert (set(removal.removed), removal.failed, s3.objects) == ({*keys, "missing"}, (), {})
    assert s3.operations() == ["DeleteObjects"] * 3
    s3._DeleteObjects = lambda *_: s3._refused(403, "AccessDenied")  # type: ignore[method-assign]
    s3.keep(whole("a"), b"x")
    assert files.remove_many(["a", "b"]).removed == ("a", "b")
    assert s3.objects == {}


def test_what_cannot_be_removed_is_told_and_the_rest_is_gone(files: Files, s3: LoopbackS3) -> None:
    denied = f"<DeleteResult><Error><Key>{whole('a')}</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    s3._DeleteObjects = lambda *_: Answer(content=denied.encode())  # type: ignore[method-assign]
    removal = files.remove_many(["a", "b"])
    assert removal.removed == ("b",)
    assert [(failure.key, failure.error.code) for failure in removal.failed] == [("a", "AccessDenied")]  # type: ignore[attr-defined]


def test_a_copy_and_a_move_stay_inside_s3(files: Files, s3: LoopbackS3) -> None:
    s3.keep(whole("a ü+"), b"x")
    assert files.copy("a ü+", "b").key == "b"
    assert files.move("b", "c").key == "c"
    assert sorted(s3.objects) == [whole("a ü+"), whole("c")]
    assert files.move("c", "c").key == "c"  # to itself: nothing is lost
    assert whole("c") in s3.objects
    assert "GetObject" not in s3.operations()
    with pytest.raises(NotFoundError):
        files.copy("missing", "d")


def test_a_file_that_is_replaced_while_it_is_moved_is_not_lost(files: Files, s3: LoopbackS3) -> None:
    s3.keep(whole("a"), b"old")

    def replace_it(asked: Asked, answer: Answer) -> None:
        if asked.operation == "CopyObject":
            s3.keep(whole("a"), b"new")

    s3.meddle = replace_it
    with pytest.raises(ConflictError, match="it stays"):
        files.move("a", "b")
    assert (s3.objects[whole("a")].content, s3.objects[whole("b")].content) == (b"new", b"old")


def test_what_s3_does_not_copy_is_said_before(files: Files, s3: LoopbackS3) -> None:
    s3.keep(whole("a"), b"x")

    def grow(asked: Asked, answer: Answer) -> None:
        answer.headers["Content-Length"] = str(5 * 1024**3 + 1)

    s3.meddle = grow
    with pytest.raises(InvalidRequestError, match="more than 5 GiB"):
        files.copy("a", "b")
    assert "CopyObject" not in s3.operations()


def test_a_tree_is_the_list_by_its_slashes(files: Files, s3: LoopbackS3) -> None:
    for key in ("a/b/1", "a/b/2", "a/3", "4", "a/", "a/b"):
        s3.keep(whole(key), b"xx")
    tree = files.tree()
    assert [file.key for file in tree.files] == ["4"]
    [a] = tree.folders
    assert (a.name, a.prefix, [file.key for file in a.files], a.size_bytes) == ("a", "a/", ["a/3", "a/b"], 8)
    assert [file.key for file in a.folders[0].files] == ["a/b/1", "a/b/2"]
    assert files.tree("a/") == a == files.tree("a")


def test_stat_and_exists_ask_once(files: Files, s3: LoopbackS3) -> None:
    s3.keep(whole("a"), b"xx")
    assert (files.stat("a").size_bytes, files.exists("a"), files.exists("b")) == (2, True, False)
    assert s3.operations() == ["HeadObject"] * 3


def test_the_first_file_operation_costs_two_identity_calls(files: Files, s3: LoopbackS3, device: Device) -> None:
    s3.keep(whole("a"), b"x")
    files.read("a")
    list(files.list())
    assert device.cognito.calls == ["GetId", "GetCredentialsForIdentity"]


def test_a_url_is_not_signed_for_longer_than_its_credentials_live(files: Files, s3: LoopbackS3, device: Device) -> None:
    s3.keep(whole("a"), b"x")
    device.clock.now = datetime.now(UTC).timestamp()
    device.sign_in()
    short = files.share("a")
    assert short.limited_by == "request"
    assert abs((short.expires_at - datetime.now(UTC)).total_seconds() - 900) < 30
    long = files.share("a", timedelta(days=7))
    assert long.limited_by == "credentials"
    assert timedelta(minutes=59) < long.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in long.url
    assert int(long.url.split("X-Amz-Expires=")[1].split("&")[0]) <= 3600
    for share in (short, long):
        assert "X-Amz" not in repr(share)
    assert short.url not in str(replace(short))
    for wrong in (timedelta(0), timedelta(days=8)):
        with pytest.raises(InvalidRequestError, match="seven days"):
            files.share("a", wrong)
    with pytest.raises(NotFoundError):
        files.share("missing")


def test_nothing_of_a_transfer_shows_in_the_log(
    files: Files, s3: LoopbackS3, large: Path, caplog: pytest.LogCaptureFixture, device: Device
) -> None:
    device.clock.now = datetime.now(UTC).timestamp()
    device.sign_in()
    caplog.set_level("DEBUG")
    with suppress(BrokenOffError):
        files.upload(large, "k", progress=break_off_after(0.3))
    files.upload(large, "k")
    url = files.share("k").url
    for secret in (url.split("X-Amz-Signature=")[1], "token-2", "secret"):
        assert secret not in caplog.text
