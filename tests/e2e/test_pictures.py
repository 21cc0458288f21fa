"""The pictures of the documentation are what the command prints, and none is missing or left over."""

from __future__ import annotations

import html
import re
import runpy
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The script that draws them."""
    return runpy.run_path(str(DOCS / "pictures.py"))


def text_of(picture: Path) -> str:
    """All that a picture shows, without its layout."""
    ElementTree.parse(picture)  # well-formed
    pieces = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text("utf-8"))
    return html.unescape("".join(pieces)).replace("\N{NO-BREAK SPACE}", " ")


def test_each_picture_is_there_and_shows_its_commands(script: dict[str, Any]) -> None:
    assert {path.stem for path in (DOCS / "pictures").glob("*.svg")} == set(script["PICTURES"])
    for name, lines in script["PICTURES"].items():
        shown = text_of(DOCS / "pictures" / f"{name}.svg")
        missing = [line for line in lines if f"$ {line}" not in shown]
        assert not missing, "the commands of a picture have changed: `make pictures` draws them anew"


def test_each_picture_stands_in_a_page(script: dict[str, Any]) -> None:
    pages = "".join(path.read_text("utf-8") for path in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"])
    assert not [name for name in script["PICTURES"] if f"pictures/{name}.svg" not in pages]


def test_they_can_be_drawn_anew(script: dict[str, Any], tmp_path: Path) -> None:
    shown = script["draw"](tmp_path, ("list", "files"))
    assert "overdue" in shown["list"]
    assert "Pay rent" in shown["list"]
    assert "would put photos/cat.jpg (new)" in shown["files"]
    assert "\x1b" not in "".join(shown.values())
    assert "Traceback" not in "".join(shown.values())
    assert "Pay rent" in text_of(tmp_path / "list.svg")
