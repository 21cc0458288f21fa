"""What `pip install` puts on a machine: the wheel's names, its data and its entry point."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = {"todo_sdk", "todo_cli", "todo_backend"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of what git knows, so that no leftover of this checkout gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / "tree" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(folder / "tree"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_installs_three_packages_and_no_other_name(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith((".dist-info", ".data"))} == PACKAGES


def test_outside_the_packages_there_are_manual_pages_only(wheel: zipfile.ZipFile) -> None:
    others = [name for name in wheel.namelist() if name.split("/")[0].endswith(".data")]
    assert {name.partition("/data/")[2].rpartition("/")[0] for name in others} == {"share/man/man1"}
    assert {name.rpartition(".")[2] for name in others} == {"1"}


@pytest.mark.parametrize(
    "name",
    [
        "todo_sdk/py.typed",
        "todo_cli/py.typed",
        "todo_backend/py.typed",
        "todo_backend/artifacts/template.json",
        "todo_backend/artifacts/dependencies.zip",
        "todo_backend/service/handler.py",
        "todo_backend/infra/dependencies.txt",
    ],
)
def test_the_wheel_carries_what_it_needs_at_run_time(wheel: zipfile.ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_every_module_of_the_checkout_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    here = {
        path.relative_to(folder).as_posix()
        for folder, package in ((ROOT, "todo_sdk"), (ROOT, "todo_cli"), (ROOT / "backend", "todo_backend"))
        for path in (folder / package).rglob("*.py")
    }
    assert here == {name for name in wheel.namelist() if name.endswith(".py")}


def test_the_wheel_is_pure_python_and_small(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if name.endswith((".so", ".pyd", ".dylib"))]
    assert sum(item.compress_size for item in wheel.infolist()) < 2 * 1024 * 1024


def test_the_command_is_called_todo(wheel: zipfile.ZipFile) -> None:
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "todo = todo_cli:main" in wheel.read(entry).decode()
