"""Small notes that this device keeps about transfers, as JSON: written whole or not at all, read or not there.

They make things faster, never different: a note that is lost or cannot be written costs work, not data.
"""

import json
import logging
import os
import secrets
from pathlib import Path
from typing import Any

_log = logging.getLogger("todo_sdk.files")


def write(path: Path, note: dict[str, Any]) -> None:
    """Put a note in a file that only its owner can read; where that cannot be, say so in the log and go on."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(note, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _log.warning("%s cannot be written (%s); what it would save is done again", path, error.strerror)
    finally:
        forget(temporary)


def read(path: Path) -> dict[str, Any]:
    """Give the note in a file; empty when there is none, or nothing that can be read."""
    try:
        note = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def forget(path: Path) -> None:
    """Remove a note; one that cannot be removed is no use to anybody."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be removed: %s", path, error.strerror)
