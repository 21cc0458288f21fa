"""The command's own settings, in cli.toml beside the profiles: saved filters, the offline switch, the time for a sync.

offline = false

[sync]
budget_seconds = 3.0

[filters]
work = "+work due.by:eow"
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from todo_cli._errors import CommandError, ExitCode

BUDGET_SECONDS = 3.0
BUDGET_VARIABLE = "TODO_SYNC_BUDGET_SECONDS"


@dataclass(frozen=True)
class Preferences:
    """What cli.toml says; `budget_seconds` is how long a command may sync after its answer, 0 for never."""

    offline: bool = False
    budget_seconds: float = BUDGET_SECONDS
    filters: Mapping[str, str] = field(default_factory=dict)


def preferences_path() -> Path:
    """Tell where the file is: `TODO_CONFIG_DIR`, else the platform's folder for settings."""
    given = os.environ.get("TODO_CONFIG_DIR")
    if given:
        return Path(given) / "cli.toml"
    from platformdirs import user_config_path

    return user_config_path("todo") / "cli.toml"


def load(path: Path | None = None) -> Preferences:
    """Read the file; one that is not there says nothing.

    Raises:
        CommandError: it cannot be read, or holds what cannot be; says where.
    """
    path = path or preferences_path()
    document = _document(path)
    found = Preferences(
        offline=_checked(document.get("offline", False), bool, "offline", path),
        filters=_filters(document.get("filters", {}), path),
    )
    sync = _checked(document.get("sync", {}), dict, "sync", path)
    written = _seconds(sync.get("budget_seconds", BUDGET_SECONDS), f"budget_seconds in {path}")
    given = os.environ.get(BUDGET_VARIABLE)
    return replace(found, budget_seconds=_seconds(given, BUDGET_VARIABLE) if given else written)


def save_filter(name: str, text: str | None) -> None:
    """Keep a filter under a name, or forget it."""
    document = _document(preferences_path())
    filters = {key: value for key, value in document.get("filters", {}).items() if key != name}
    _write(document | {"filters": filters if text is None else filters | {name: text}})


def save_offline(offline: bool) -> None:
    """Turn the offline switch."""
    _write(_document(preferences_path()) | {"offline": offline})


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise _wrong(f"{path} cannot be read: {reason}; set TODO_CONFIG_DIR") from error
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(f"{path} is not valid TOML: {error}") from error


def _write(document: Mapping[str, Any]) -> None:
    import tomli_w

    path = preferences_path()
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.time_ns()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(tomli_w.dumps(document).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _wrong(f"{path} cannot be written: {error.strerror}; set TODO_CONFIG_DIR") from error
    finally:
        temporary.unlink(missing_ok=True)


def _filters(value: Any, path: Path) -> dict[str, str]:
    found: dict[str, Any] = _checked(value, dict, "filters", path)
    return {name: _checked(text, str, f"filters.{name}", path) for name, text in found.items()}


def _checked(value: Any, kind: type, name: str, path: Path) -> Any:
    if not isinstance(value, kind):
        called = {bool: "true or false", dict: "a table", str: "a text"}[kind]
        raise _wrong(f"{name} in {path} must be {called}")
    return value


def _seconds(value: Any, name: str) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise _wrong(f"{name} must be a number of seconds from 0 to 3600, not {value!r}")
    return seconds


def _wrong(sentence: str) -> CommandError:
    return CommandError(sentence, ExitCode.CONFIGURATION, "config")
