"""Keys as names on a disk: what could leave the folder, or be something else than a file, never gets there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_sdk import InvalidRequestError
from todo_sdk._files.names import folded, local_name, local_path, problem_of
from todo_sdk._files.plan import clashes_of

EVERYWHERE = {
    "..": "leave its folder",
    ".": "leave its folder",
    "C:x": "drive",
    "c:": "drive",
    "a\\..\\b": "backslash",
    "\\\\server\\share": "backslash",
    "a\0": "control character",
    "a\nb": "control character",
    "CON": "device",
    "con.txt": "device",
    "Aux .tar.gz": "device",
    "NUL": "device",
    "com1": "device",
    "LPT9.log": "device",
    "COM\u00b2": "device",
    "CONIN$": "device",
    "name.": "dot or space",
    "name ": "dot or space",
    "x" * 256: "255 bytes",
    "ü" * 128: "255 bytes",
}


@pytest.mark.parametrize(("name", "why"), EVERYWHERE.items(), ids=repr)
@pytest.mark.parametrize("windows", [True, False])
def test_what_is_no_plain_name_somewhere_is_refused_everywhere(name: str, why: str, windows: bool) -> None:
    assert why in (problem_of(name, windows=windows) or "")
    with pytest.raises(InvalidRequestError, match="say which file to write"):
        local_name(f"folder/{name}", windows=windows)
    with pytest.raises(InvalidRequestError, match="under another name"):
        local_path(Path("/target"), f"folder/{name}/file", windows=windows)


@pytest.mark.parametrize("name", ['what?"', "a*b", "<x>", "a|b", "photo 12:30:01.png"])
def test_characters_that_windows_cannot_write_are_refused_there_only(name: str) -> None:
    assert "Windows has no names with" in (problem_of(name, windows=True) or "")
    assert problem_of(name, windows=False) is None


@pytest.mark.parametrize("name", ["a", "console", "com10.txt", "lpt", ".hidden", "ü 漢 🎉", "a..b", "nul_", "-rf", "~"])
def test_plain_names_are_names_everywhere(name: str) -> None:
    assert problem_of(name, windows=True) is None
    assert local_path(Path("/target"), f"x/{name}") == Path("/target/x") / name


@given(st.text(max_size=40))
def test_no_key_leads_out_of_the_folder(key: str) -> None:
    folder = Path("/target/here")
    try:
        path = local_path(folder, key)
    except InvalidRequestError:
        return
    assert Path("/target/here") in path.parents
    assert ".." not in path.parts
    assert path.relative_to(folder).as_posix() == key


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidRequestError, match="links are not followed"):
        local_path(tmp_path / "here", "link/deeper/file")


def test_keys_that_are_one_name_where_case_does_not_count_clash() -> None:
    assert folded("Caf\u00e9") == folded("CAFE\u0301")
    assert clashes_of(["A/b", "a/B", "c", "stra\u00dfe", "STRASSE"]) == {
        "A/b": "a/B",
        "a/B": "A/b",
        "stra\u00dfe": "STRASSE",
        "STRASSE": "stra\u00dfe",
    }
