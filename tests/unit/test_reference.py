"""docs/reference.md says what the docstrings say."""

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import todo_sdk

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference.md"


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """The names of docs/reference.py."""
    pytest.importorskip("pdoc")
    return runpy.run_path(str(ROOT / "docs" / "reference.py"))


def test_the_reference_is_fresh(reference: dict[str, Any]) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("seen to be the same with Python 3.11 to 3.13")
    assert PAGE.read_text("utf-8") == reference["page"](), "run `make reference`"


def test_the_reference_has_every_public_name_and_no_private_one() -> None:
    page = PAGE.read_text("utf-8")
    titles = set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert titles == {name for name in todo_sdk.__all__ if not name.startswith("__")}
    assert not re.findall(r"^#+ \.?_|todo_sdk\._", page, re.MULTILINE)


def test_the_parts_of_a_client_are_found_by_themselves(reference: dict[str, Any]) -> None:
    assert {"auth", "todos", "files", "replica"} <= set(reference["parts_of"](todo_sdk.TodoClient))
