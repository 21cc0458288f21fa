"""File commands: names, what exists, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from todo_sdk import ConflictError, FileFailure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli, FakeTerminal


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("remote", "key"), [([], "a.txt"), (["b.txt"], "b.txt"), (["2026/"], "2026/a.txt")])
def test_put_names_the_file_after_itself_or_as_told(cli: Cli, here: Path, remote: list[str], key: str) -> None:
    (here / "a.txt").write_text("x")
    assert cli("files", "put", "a.txt", *remote, "--json").json["key"] == key


@pytest.mark.parametrize(("local", "code"), [("missing.txt", 5), (".", 6)])
def test_put_of_what_is_no_file_uploads_nothing(cli: Cli, here: Path, local: str, code: int) -> None:
    before = dict(cli.client.files.kept)
    result = cli("files", "put", local)
    assert (result.code, result.err.count("\n")) == (code, 1)
    assert cli.client.files.kept == before


def test_get_keeps_a_file_that_exists_unless_forced(cli: Cli, here: Path) -> None:
    (here / "a.txt").write_text("mine")
    result = cli("files", "get", "notes/a.txt")
    assert (result.code, (here / "a.txt").read_text()) == (6, "mine")
    assert cli("files", "get", "notes/a.txt", "--force").code == 0
    assert (here / "a.txt").read_text() == "hello"


def test_get_into_a_folder_and_under_another_name(cli: Cli, here: Path) -> None:
    (here / "sub").mkdir()
    assert cli("files", "get", "notes/a.txt", "sub", "--json").json["path"] == "sub/a.txt"
    assert cli("files", "get", "notes/a.txt", "b.txt", "--json").json["size_bytes"] == 5


def test_get_of_what_is_not_there_leaves_nothing(cli: Cli, here: Path) -> None:
    assert cli("files", "get", "nothing.txt").code == 5
    assert cli("files", "get", "notes/a.txt", "no/such/folder/a.txt").code == 5
    assert list(here.iterdir()) == []


def test_ls_lists_by_prefix_and_rm_removes_several(cli: Cli) -> None:
    cli.client.files.kept["b.txt"] = b"x"
    assert "b.txt" not in cli("files", "ls", "notes/").out
    assert cli("files", "rm", "b.txt", "notes/a.txt").out == "removed b.txt\nremoved notes/a.txt\n"
    assert cli.client.files.kept == {}
    assert cli("files", "rm").code == 2
    assert cli("files", "rm", "x", "--no-input").code == 2


def test_patterns_choose_files_and_one_that_fits_nothing_is_told(cli: Cli, here: Path) -> None:
    cli.client.files.kept |= {"p/1.jpg": b"x", "p/2.jpg": b"xx", "p/3.png": b"x"}
    assert [found["key"] for found in cli("files", "ls", "p/*.jpg", "--json").json["files"]] == ["p/1.jpg", "p/2.jpg"]
    (here / "to").mkdir()
    got = cli("files", "get", "p/*.jpg", "--to", "to", "--json").json["files"]
    assert [one["path"] for one in got] == ["to/1.jpg", "to/2.jpg"]
    assert cli("files", "rm", "p/*.jpg", "--dry-run", "--json").json == {"would_remove": ["p/1.jpg", "p/2.jpg"]}
    assert cli("files", "rm", "p/*.jpg").out == "removed p/1.jpg\nremoved p/2.jpg\n"
    for words in (["get", "*.gif"], ["rm", "*.gif"]):
        result = cli("files", *words)
        assert (result.code, "no file fits '*.gif'" in result.err) == (5, True)


def test_two_files_of_one_name_are_not_put_over_each_other(cli: Cli, here: Path) -> None:
    cli.client.files.kept |= {"x/a.txt": b"1", "y/a.txt": b"2"}
    result = cli("files", "get", "*/a.txt")
    assert (result.code, "todo files sync" in result.err) == (6, True)
    assert list(here.iterdir()) == []


def test_several_files_go_into_a_folder(cli: Cli, here: Path) -> None:
    for name in "abc":
        (here / name).write_text(name)
    assert cli("files", "put", "a", "b", "c").code == 2
    assert cli("files", "put", "a", "b", "c", "--to", "new/", "--dry-run").out.splitlines()[0] == "would put a as new/a"
    assert "new/a" not in cli.client.files.kept
    found = cli("files", "put", "a", "b", "c", "--to", "new/", "--json").json["files"]
    assert [one["key"] for one in found] == ["new/a", "new/b", "new/c"]


def test_put_keeps_what_is_there_when_told(cli: Cli, here: Path) -> None:
    (here / "a.txt").write_text("mine")
    assert cli("files", "put", "a.txt", "notes/a.txt", "--keep").code == 6
    assert cli.client.files.kept["notes/a.txt"] == b"hello"


def test_a_link_is_shared_with_its_end(cli: Cli) -> None:
    result = cli("files", "share", "notes/a.txt", "--for", "1h")
    assert result.out == "https://example.com/notes/a.txt?X-Amz-Signature=s\n"
    assert "until 2026-11-23 13:00 UTC" in result.err
    assert cli("files", "share", "notes/a.txt", "--json").json["limited_by"] == "request"
    assert cli("files", "share", "notes/a.txt", "--for", "soon").code == 2


def test_a_folder_is_synced_after_a_dry_run(cli: Cli, terminal: type[FakeTerminal]) -> None:
    assert cli("files", "sync", "x", "p/", "--dry-run").out == "would put p/new.txt (new)\n2 unchanged\n"
    assert cli("files", "sync", "x", "p/", "--json").json == {
        "dry_run": False,
        "actions": [{"kind": "upload", "key": "p/new.txt", "size_bytes": 3, "reason": "new"}],
        "unchanged": 2,
        "failed": [],
    }
    cli.terminal = terminal(there=True)
    assert cli("files", "sync", "x", "p/", "--delete").code == 130
    assert cli.terminal.asked == ["Remove 1 files?"]


@pytest.mark.parametrize("words", [["sync", "x", "p/"], ["rm", "notes/a.txt"]])
def test_what_failed_is_told_and_ends_with_its_code(cli: Cli, words: list[str]) -> None:
    failure = FileFailure("p/new.txt", ConflictError("it was replaced meanwhile"))
    cli.client.files.failing = (failure, failure)
    result = cli("files", *words)
    assert result.code == 6
    assert "p/new.txt: it was replaced meanwhile (and 1 more)" in result.err
