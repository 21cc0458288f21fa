"""A to-do in an editor: a form of names and values, the notes below it as they stand.

What was typed is never lost: a form with a mistake opens again with the mistake named, or is kept in a file.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todo_cli._errors import CommandError, ExitCode

if TYPE_CHECKING:
    from todo_cli._context import AppContext
    from todo_sdk import Todo

NAMES = ("title", "status", "due", "priority", "list", "tags", "recurrence")
USUAL_EDITORS = ("sensible-editor", "nano", "vi")
HEAD = "# Save and close to change the to-do; leave everything as it is to change nothing. Lines with # up here go."


class FormError(ValueError):
    """The form cannot be read; the text says which line and why."""


def edited(todo: Todo, app: AppContext) -> dict[str, Any]:
    """Have a to-do edited by the person and give the fields that changed.

    Raises:
        CommandError: there is no editor, it failed, or the form was given up with a mistake in it; then it is kept.
    """
    original = form_of(todo)
    folder = Path(tempfile.mkdtemp(prefix="todo-"))  # 0700: nobody else reads the notes
    path = folder / "to-do.txt"
    try:
        path.write_text(original, encoding="utf-8")
        while True:
            _run_editor(path)
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            try:
                changes = changes_of(text, todo, app.now())
            except FormError as error:
                app.out.talk(f"todo: {error}")
                if app.terminal.agrees("Edit again?"):
                    continue
                raise CommandError(
                    f"nothing was changed; your text is kept in {path}", ExitCode.INVALID, "form"
                ) from None
            _forget(folder)
            return changes
    except BaseException:
        if path.exists() and path.read_text(encoding="utf-8", errors="surrogateescape") == original:
            _forget(folder)
        raise


def form_of(todo: Todo) -> str:
    """Write a to-do as the form."""
    values = {name: getattr(todo, name) for name in NAMES} | {"due": _due_text(todo.due), "tags": " ".join(todo.tags)}
    values["title"] = " ".join(todo.title.split("\n"))
    lines = [f"{name}:{f' {value}' if value not in (None, '') else ''}" for name, value in values.items()]
    return "\n".join([HEAD, *lines, "notes:", todo.notes]) + "\n"


def changes_of(text: str, todo: Todo, now: datetime) -> dict[str, Any]:
    """Read the form and give the fields that differ from the to-do; an empty form changes nothing.

    Raises:
        FormError: a line is none, a name is unknown, a value cannot be read.
    """
    if not text.strip():
        return {}
    before, given = _parsed(form_of(todo)), _parsed(text)
    changed = {name: value for name, value in given.items() if value != before.get(name)}
    read = {name: _value(name, value, now) for name, value in changed.items()}
    _check(read)
    return read


def _parsed(text: str) -> dict[str, str]:
    parts = re.split(r"^notes:[ \t]*\n?$", text, maxsplit=1, flags=re.MULTILINE)
    head, notes = parts[0], parts[1] if len(parts) > 1 else None
    found: dict[str, str] = {}
    for number, line in enumerate(head.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        if not colon or name.strip() not in NAMES:
            raise FormError(f"line {number}: {line[:40]!r} is none of {', '.join(NAMES)}; notes come after `notes:`")
        found[name.strip()] = value.strip()
    return found if notes is None else found | {"notes": notes.strip("\n")}


def _value(name: str, text: str, now: datetime) -> Any:
    if name in ("due", "recurrence") and not text:
        return None
    if name == "due":
        return _due(text, now)
    if name == "recurrence":
        return _recurrence(text)
    if name == "tags":
        return tuple(tag for tag in re.split(r"[\s,]+", text) if tag)
    if name == "priority":
        if not re.fullmatch("[1-4]", text):
            raise FormError(f"priority {text!r} is not a number from 1 to 4")
        return int(text)
    return text


def _due(text: str, now: datetime) -> date | datetime:
    from todo_cli._dates import parse_due

    try:
        return parse_due(text, now)
    except ValueError:
        raise FormError(f"due {text!r} is no date; write 2026-12-24, tomorrow 5pm or nothing") from None


def _recurrence(text: str) -> str:
    from todo_cli._recurrence import given_recurrence

    found = given_recurrence(text)
    if found is None:
        raise FormError(f"recurrence {text!r} says not how often; write every 2 weeks, an RRULE or nothing")
    return found


def _check(changes: dict[str, Any]) -> None:
    if "title" in changes and not changes["title"]:
        raise FormError("a to-do needs a title")
    if "status" in changes and changes["status"] not in ("open", "done"):
        raise FormError(f"status {changes['status']!r} is neither open nor done")


def _due_text(due: date | datetime | None) -> str:
    if isinstance(due, datetime):
        return due.isoformat(" ", timespec="minutes") if due.second == due.microsecond == 0 else due.isoformat(" ")
    return due.isoformat() if due else ""


def _run_editor(path: Path) -> None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or next(filter(shutil.which, USUAL_EDITORS), "")
    if not command:
        raise CommandError(
            "there is no editor; set EDITOR, or give the fields as options", ExitCode.CONFIGURATION, "editor"
        )
    try:
        ended = subprocess.run([*shlex.split(command), str(path)], check=False)  # noqa: S603, the person's own editor
    except (OSError, ValueError) as error:
        raise CommandError(
            f"the editor {command!r} cannot be started: {error}", ExitCode.CONFIGURATION, "editor"
        ) from None
    if ended.returncode != 0:
        kept = f"; what was saved is in {path}" if path.exists() else ""
        raise CommandError(
            f"the editor ended with {ended.returncode}; nothing was changed{kept}", ExitCode.FAILED, "editor"
        )


def _forget(folder: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(folder)
