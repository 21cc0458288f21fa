"""Files: keys, errors of S3, and a local disk that is left as it was when something fails."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from todo_sdk import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    ThrottledError,
    TodoClient,
    TodoError,
    TransportError,
)
from todo_sdk._files import Files
from todo_sdk._s3 import error_of_s3
from todo_sdk._traffic import Traffic

from .conftest import IDENTITY, Device, FakeAws, config_for

FACTS = {"ETag": '"e1"', "Last_Modified": "Mon, 23 Nov 2026 12:00:00 GMT"}


@pytest.fixture
def files(device: Device, aws: FakeAws, tmp_path: Path) -> Iterator[Files]:
    """The files of somebody who is signed in; S3 is the fake server."""
    with closing(Traffic()) as traffic:
        yield Files(config_for(tmp_path, endpoint_url=aws.url), device.session, device.todos, traffic)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    made = tmp_path / "here"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def test_an_upload_goes_into_the_identitys_folder_and_says_what_is_there(
    files: Files, aws: FakeAws, device: Device, tmp_path: Path
) -> None:
    local = tmp_path / "a b.txt"
    local.write_text("hello")
    aws.will_say(200, b"", ETag='"e1"')
    aws.will_say(200, b"hello", **FACTS)
    info = files.upload(local)
    assert (info.key, info.size_bytes, info.etag) == ("a b.txt", 5, "e1")
    assert info.modified_at.isoformat() == "2026-11-23T12:00:00+00:00"
    path = f"/bucket/{IDENTITY.replace(':', '%3A')}/a%20b.txt"
    assert [(said.method, said.path) for said in aws.said] == [("PUT", path), ("HEAD", path)]
    assert device.cognito.calls == ["GetId", "GetCredentialsForIdentity"]


def test_requests_are_signed_with_the_sessions_credentials(files: Files, aws: FakeAws) -> None:
    aws.will_say(204, b"")
    files.remove("a")
    assert "Credential=ASIAFAKE/" in aws.said[0].headers["authorization"]
    assert aws.said[0].headers["x-amz-security-token"] == "token-2"


def test_credentials_are_renewed_under_way(files: Files, aws: FakeAws, device: Device) -> None:
    for _ in range(2):
        aws.will_say(204, b"")
        files.remove("a")
        device.clock.now += 3600
    assert aws.said[0].headers["x-amz-security-token"] != aws.said[1].headers["x-amz-security-token"]


@pytest.mark.parametrize("key", ["", "../x", "/x", "a/../b", "a\0", "x" * 1000])
def test_a_bad_key_is_refused_before_any_call(
    files: Files, aws: FakeAws, device: Device, folder: Path, key: str
) -> None:
    (folder / "local").write_text("x")
    for attempt in (lambda: files.upload("local", key), lambda: files.download(key, "out"), lambda: files.remove(key)):
        with pytest.raises(InvalidRequestError, match="cannot be the name of a file"):
            attempt()
    assert aws.said == []
    assert device.cognito.calls == []
    assert [file.name for file in folder.iterdir()] == ["local"]


def test_a_local_file_that_is_not_there_is_not_found(files: Files, aws: FakeAws, folder: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file or folder nothing\.txt"):
        files.upload("nothing.txt")
    with pytest.raises(InvalidRequestError, match="directory"):
        files.upload(folder, "a")
    assert aws.said == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_missing_file_of_ones_own_is_not_found_whichever_way_s3_says_so(
    files: Files, aws: FakeAws, folder: Path, status: int
) -> None:
    aws.will_say(status, b"")
    with pytest.raises(NotFoundError, match="no such file in your folder, or you may not read it"):
        files.download("a")
    assert list(folder.iterdir()) == []


def test_a_download_is_whole(files: Files, aws: FakeAws, folder: Path) -> None:
    aws.will_say(200, b"hello", **FACTS)
    aws.will_say(200, b"hello", **FACTS)
    assert files.download("notes/a.txt").path == folder / "a.txt"
    assert (folder / "a.txt").read_text() == "hello"
    assert [file.name for file in folder.iterdir()] == ["a.txt"]


def test_a_download_that_breaks_off_leaves_what_was_there(files: Files, aws: FakeAws, folder: Path) -> None:
    (folder / "a").write_text("before")
    aws.will_say(200, b"hello", **FACTS)
    for _ in range(10):
        aws.will_say(200, b"hel", **FACTS, Content_Length="5")
    files._downloads._sleep = lambda seconds: None
    with pytest.raises(TransportError):
        files.download("a")
    assert (folder / "a").read_text() == "before"
    [part] = (file for file in folder.iterdir() if file.name != "a")
    assert (part.name.startswith(".a."), part.read_text()) == (True, "hel")  # a later try goes on behind it


def test_a_download_replaces_a_link_and_does_not_follow_it(
    files: Files, aws: FakeAws, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (folder / "a").symlink_to(outside)
    aws.will_say(200, b"hello", **FACTS)
    aws.will_say(200, b"hello", **FACTS)
    files.download("a")
    assert outside.read_text() == "mine"
    assert (folder / "a").read_text() == "hello"


@pytest.mark.parametrize("key", ["notes/"])
def test_a_key_without_a_name_needs_a_target(files: Files, aws: FakeAws, folder: Path, key: str) -> None:
    with pytest.raises(InvalidRequestError, match="say which file to write"):
        files.download(key)
    assert aws.said == []


def test_a_target_in_a_folder_that_is_not_there_is_not_found(files: Files, aws: FakeAws, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"):
        files.download("a", folder / "no" / "a")
    assert aws.said == []


@pytest.mark.parametrize("target", ["x" * 300, "a\0b"])
def test_a_target_that_cannot_be_written_is_one_sentence(files: Files, folder: Path, target: str) -> None:
    with pytest.raises(InvalidRequestError):
        files.download("a", target)
    assert list(folder.iterdir()) == []


def test_a_list_gives_relative_keys_page_by_page(files: Files, aws: FakeAws) -> None:
    def page(keys: list[str], token: str = "") -> bytes:
        entries = "".join(
            f"<Contents><Key>{IDENTITY}/{key}</Key><Size>5</Size><ETag>&quot;e&quot;</ETag>"
            "<LastModified>2026-11-23T12:00:00.000Z</LastModified></Contents>"
            for key in keys
        )
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
        return f"<ListBucketResult>{entries}{more}</ListBucketResult>".encode()

    aws.will_say(200, page(["notes/a", "notes/b"], "t1"))
    aws.will_say(200, page(["notes/c"]))
    found = files.list("notes/")
    assert aws.said == []
    assert [info.key for info in found] == ["notes/a", "notes/b", "notes/c"]
    assert all("prefix=eu-west-1%3A00000000-0000-4000-8000-000000000001%2Fnotes%2F" in said.path for said in aws.said)
    assert "continuation-token=t1" in aws.said[1].path


def test_a_list_of_everything_still_has_the_folders_slash(files: Files, aws: FakeAws) -> None:
    aws.will_say(200, b"<ListBucketResult></ListBucketResult>")
    assert list(files.list()) == []
    assert "000000000001%2F" in aws.said[0].path  # SE-13: never the bare identity


def test_without_a_session_nobody_is_asked(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    for attempt in (lambda: client_of().files.remove("a"), lambda: list(client_of().files.list())):
        with pytest.raises(NotSignedInError):
            attempt()
    assert aws.said == []


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", ForbiddenError),
        (403, "403", ForbiddenError),
        (404, "NoSuchKey", NotFoundError),
        (404, "404", NotFoundError),
        (400, "ExpiredToken", NotSignedInError),
        (412, "PreconditionFailed", ConflictError),
        (409, "ConditionalRequestConflict", ConflictError),
        (503, "SlowDown", ThrottledError),
        (500, "InternalError", ServerError),
        (400, "EntityTooLarge", InvalidRequestError),
    ],
)
def test_an_answer_of_s3_means_what_its_code_says(status: int, code: str, kind: type[TodoError]) -> None:
    answer: Any = {
        "Error": {"Code": code, "Message": "m"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "r"},
    }
    error = error_of_s3(ClientError(answer, "GetObject"))
    assert type(error) is kind
    assert getattr(error, "request_id", "r") == "r"
