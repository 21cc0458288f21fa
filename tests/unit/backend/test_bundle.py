"""The Lambda's code zip: the files of `service`, the same bytes for the same files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from todo_backend import bundle

PACKAGE = Path(bundle.__file__).parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of two files, for changing."""
    (tmp_path / "service").mkdir()
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "service" / "__init__.py").write_text("")
    (tmp_path / "service" / "handler.py").write_text("def handler(event, context): ...\n")
    return tmp_path


def names(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_the_zip_holds_the_service_and_nothing_else() -> None:
    service = {f"todo_backend/service/{path.name}" for path in (PACKAGE / "service").glob("*.py")}
    assert set(names(bundle.code_zip())) == {"todo_backend/__init__.py", *service}
    assert "todo_backend/service/routes.py" in service


def test_the_zip_is_the_same_whenever_it_is_made(package: Path) -> None:
    before = bundle.code_zip(package)
    for path in package.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    assert bundle.code_zip(package) == before


def test_the_order_of_collecting_does_not_matter() -> None:
    assert bundle.zip_of({"a": b"1", "b": b"2"}) == bundle.zip_of({"b": b"2", "a": b"1"})


def test_line_ends_of_a_checkout_do_not_matter(package: Path) -> None:
    before = bundle.code_hash(package)
    (package / "service" / "handler.py").write_bytes(b"def handler(event, context): ...\r\n")
    assert bundle.code_hash(package) == before


@pytest.mark.parametrize("change", ["content", "name", "more"])
def test_any_change_of_the_code_is_another_hash(package: Path, change: str) -> None:
    before = bundle.code_hash(package)
    handler = package / "service" / "handler.py"
    if change == "content":
        handler.write_text("def handler(event, context): return None\n")
    elif change == "name":
        handler.rename(package / "service" / "handlers.py")
    else:
        (package / "service" / "more.py").write_text("")
    assert bundle.code_hash(package) != before


def test_names_and_contents_are_kept_apart_in_the_hash(package: Path) -> None:
    service = package / "service"
    (service / "ab.py").write_text("c")
    before = bundle.code_hash(package)
    (service / "ab.py").rename(service / "a.py")
    (service / "a.py").write_text("bc")
    assert bundle.code_hash(package) != before


def test_lambda_may_read_every_file() -> None:
    archive = zipfile.ZipFile(io.BytesIO(bundle.code_zip()))
    assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_the_code_is_read_and_never_imported() -> None:
    # The embedded stack bundles on machines that have none of the Lambda's packages.
    program = "import sys; from todo_backend import bundle; bundle.code_zip(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [name for name in answer.stdout.split() if "todo_backend.service" in name] == []
