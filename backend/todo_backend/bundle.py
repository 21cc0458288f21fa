"""The Lambda function's code as one zip: the files of `service`, read as files, never imported.

Both the CDK app (its asset) and the embedded stack (the same asset, in its own bucket) take the code from here, so they
cannot run two versions of it. The zip is deterministic: sorted names, fixed timestamps, fixed modes.
"""

import hashlib
import io
import zipfile
from pathlib import Path

HANDLER = "todo_backend.service.handler.handler"

# The zip format begins in 1980; a real time would make every build another asset.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16  # readable by Lambda's user whatever the builder's umask was


def code_files(root: Path | None = None) -> dict[str, bytes]:
    """The names and contents that the zip holds, sorted by name.

    Args:
        root: the folder of the package `todo_backend`; the one this module lies in by default.
    """
    package = root or Path(__file__).parent
    names = ["__init__.py", *(f"service/{path.name}" for path in (package / "service").glob("*.py"))]
    # Line ends may have been changed by a checkout; the asset must be the same on every machine.
    return {f"todo_backend/{name}": (package / name).read_bytes().replace(b"\r\n", b"\n") for name in sorted(names)}


def code_hash(root: Path | None = None) -> str:
    """The name of this version of the code: SHA-256 over names and contents, hex.

    Not over the zip's bytes: two zlib versions may compress the same contents differently.
    """
    digest = hashlib.sha256()
    for name, content in code_files(root).items():
        for part in (name.encode(), content):
            # The length keeps name and content apart: "ab" + "c" is not "a" + "bc".
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def code_zip(root: Path | None = None) -> bytes:
    """The zip that Lambda runs; its object key is `<code_hash()>.zip`."""
    return zip_of(code_files(root))


def zip_of(files: dict[str, bytes]) -> bytes:
    """Pack `files` so that equal contents make equal bytes, whenever and in whichever order they were collected."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix; Windows builds would differ otherwise
            entry.external_attr = _MODE
            archive.writestr(entry, files[name])
    return buffer.getvalue()
