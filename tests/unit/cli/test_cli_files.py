"""File commands: names, what exists, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli


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
