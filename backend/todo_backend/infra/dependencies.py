"""Build the Lambda layer `dependencies.zip` from the pins of `dependencies.txt`, with pip and without Docker.

Pure Python only, so that one zip runs on arm64, on x86-64 and inside the embedded stack. Wheels and the one source
archive are opened as archives, not installed. A developer's tool; it is not needed to deploy.

    python -m todo_backend.infra.dependencies
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from todo_backend import bundle

PINS_FILE = Path(__file__).with_name("dependencies.txt")
LAYER_FILE = Path(__file__).parent.parent / "artifacts" / "dependencies.zip"

# amazon-dax-client has no wheel; wrapt and antlr4 have a compiled and a pure one, and only the pure one is wanted.
_PLATFORM = ("--platform=any", "--abi=none", "--implementation=py", "--python-version=3.13")
_SOURCE_ONLY = "amazon-dax-client"

# Left out: build leftovers, compiled code, stubs, and the three quarters of Powertools that `service` never imports.
_UNWANTED_SUFFIXES = frozenset({".c", ".h", ".pyi", ".pyc", ".so", ".pyd", ".dylib", ".js", ".css"})
_UNWANTED_METADATA = frozenset({"RECORD", "WHEEL", "top_level.txt", "entry_points.txt", "INSTALLER", "REQUESTED"})
_POWERTOOLS = "aws_lambda_powertools/"
_POWERTOOLS_KEPT = ("utilities/__init__.py", "utilities/typing/", "utilities/jmespath_utils/")
_POWERTOOLS_DROPPED = ("event_handler/", "utilities/", "metrics/provider/datadog/")
_SOURCE_PACKAGES = ("amazondax",)
_SOURCE_METADATA = {"PKG-INFO": "METADATA", "LICENSE.txt": "licenses/LICENSE.txt", "NOTICE.txt": "licenses/NOTICE.txt"}


def pins() -> dict[str, str]:
    """The pinned version of each package, by its normalized name (PEP 503)."""
    lines = (line.split("#")[0].strip() for line in PINS_FILE.read_text().splitlines())
    pairs = (line.split()[0].split("==") for line in lines if line)
    return {normalized(name): version for name, version in pairs}


def normalized(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def build() -> bytes:
    """Download the pinned packages and return the layer; the same pins give the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        _download(Path(folder))
        archives = sorted(Path(folder).iterdir())
        files = {f"python/{name}": content for archive in archives for name, content in _wanted_files(archive)}
    return bundle.zip_of(files)


def main() -> None:
    """Write the layer into the artefacts."""
    layer = build()
    LAYER_FILE.write_bytes(layer)
    sys.stdout.write(f"{LAYER_FILE}: {len(layer):,} bytes\n")


def _download(folder: Path) -> None:
    """Fetch every pin into `folder`; pip refuses a file whose hash is not the pinned one."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    wheels, sources = folder / "wheels.txt", folder / "sources.txt"
    lines = PINS_FILE.read_text().splitlines()
    wheels.write_text("\n".join(line for line in lines if not line.startswith(_SOURCE_ONLY)))
    sources.write_text("\n".join(line for line in lines if line.startswith(_SOURCE_ONLY)))
    choices = ((wheels, ("--only-binary=:all:", *_PLATFORM)), (sources, ("--no-binary=:all:",)))
    for requirements, choice in choices:
        subprocess.run([*command, *choice, "--dest", str(folder), "--requirement", str(requirements)], check=True)  # noqa: S603
        requirements.unlink()


def _wanted_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The files of one downloaded package that belong into the layer, under their names in site-packages."""
    members = _wheel_files(archive) if archive.suffix == ".whl" else _source_files(archive)
    return ((name, content) for name, content in members if _is_wanted(name))


def _wheel_files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as opened:
        for entry in opened.infolist():
            if not entry.is_dir():
                yield entry.filename, opened.read(entry)


def _source_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """What an installer would make of a pure-Python source archive: its packages, its metadata, its licence."""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            content = opened.extractfile(member)
            top, _, name = member.name.partition("/")
            if content is not None and name.startswith(tuple(f"{package}/" for package in _SOURCE_PACKAGES)):
                yield name, content.read()
            elif content is not None and name in _SOURCE_METADATA:
                yield f"{top}.dist-info/{_SOURCE_METADATA[name]}", content.read()


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix in _UNWANTED_SUFFIXES or (".dist-info" in path.parts[0] and path.name in _UNWANTED_METADATA):
        return False
    inner = name.removeprefix(_POWERTOOLS) if name.startswith(_POWERTOOLS) else ""
    return inner.startswith(_POWERTOOLS_KEPT) or not inner.startswith(_POWERTOOLS_DROPPED)


if __name__ == "__main__":
    main()
