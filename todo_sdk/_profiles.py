"""The file config.toml: profiles by name, and which of them is the default.

default_profile = "local"

[profiles.local]
api_url = "http://127.0.0.1:4566/..."
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from todo_sdk._errors import ConfigError


def read(path: Path) -> dict[str, Any]:
    """Read the file; one that is not there is empty.

    Raises:
        ConfigError: it cannot be read, or is not TOML of this shape; says which line.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    _check_shape(document, path)
    return document


def _check_shape(document: Mapping[str, Any], path: Path) -> None:
    if not isinstance(document.get("default_profile", ""), str):
        raise ConfigError(f"default_profile in {path} must be a text")
    found = document.get("profiles", {})
    if not isinstance(found, dict) or not all(isinstance(profile, dict) for profile in found.values()):
        raise ConfigError(f"{path}: each profile must be a table, [profiles.NAME]")
    for name, profile in found.items():
        wrong = next((key for key, value in profile.items() if not isinstance(value, str)), None)
        if wrong is not None:
            raise ConfigError(f"{wrong} of profile {name} in {path} must be a text")


def all_profiles(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Give the profiles of a document by name."""
    return dict(document.get("profiles", {}))


def one_profile(document: Mapping[str, Any], name: str, path: Path, *, must_exist: bool) -> dict[str, str]:
    """Give one profile's settings.

    Raises:
        ConfigError: it must exist and does not; names those that do.
    """
    found = all_profiles(document)
    if name not in found and must_exist:
        known = ", ".join(sorted(found)) or "none"
        raise ConfigError(f"there is no profile {name!r} in {path}; known profiles: {known}")
    return found.get(name, {})


def write(path: Path, name: str, values: Mapping[str, str], *, make_default: bool) -> None:
    """Put one profile into the file, atomically; the first one becomes the default.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    document = read(path)
    document["profiles"] = {**document.get("profiles", {}), name: dict(values)}
    if make_default or not document.get("default_profile"):
        document["default_profile"] = name
    _write(path, document)


def remove(path: Path, name: str) -> bool:
    """Take one profile out of the file, atomically; gives whether it was there. Without its default none is.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    document = read(path)
    found = document.get("profiles", {}).pop(name, None) is not None
    if found:
        if document.get("default_profile") == name:
            del document["default_profile"]
        _write(path, document)
    return found


def _write(path: Path, document: Mapping[str, Any]) -> None:
    import tomli_w

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, tomli_w.dumps(document).encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; set TODO_CONFIG_DIR") from error


def _replace(path: Path, content: bytes) -> None:
    import secrets  # reading, which is what most runs do, needs none of it

    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
