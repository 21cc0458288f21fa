"""To-dos as files: JSON, CSV, todo.txt, iCalendar and Taskwarrior's JSON, each a module that reads and writes.

Pure: text in, items out; items in, text out. A module is imported when its format is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from todo_cli.formats._item import Broken, Format, Item, Surroundings

FORMATS: dict[str, tuple[str, tuple[str, ...]]] = {
    "json": ("_json", (".json",)),
    "csv": ("_csv", (".csv",)),
    "todotxt": ("_todotxt", (".txt",)),
    "ical": ("_ical", (".ics", ".ical")),
    "taskwarrior": ("_taskwarrior", ()),
}

__all__ = ["FORMATS", "Broken", "Format", "Item", "Surroundings", "format_of_file", "format_of_text", "load_format"]


class _Module(Protocol):
    FORMAT: Format


def load_format(name: str) -> Format:
    """Give a format by its name."""
    module = cast("_Module", import_module(f"{__name__}.{FORMATS[name][0]}"))
    return module.FORMAT


def format_of_file(file_name: str) -> str | None:
    """Give the name of the format that a file's ending says, if it says one."""
    lowered = file_name.lower()
    return next((name for name, (_, endings) in FORMATS.items() if lowered.endswith(endings or ("\0",))), None)


def format_of_text(text: str) -> str:
    """Guess the format of a text that has no name; what is nothing else is todo.txt, where any line is a to-do."""
    start = text.lstrip("\ufeff \t\r\n")[:4000]
    if start.upper().startswith("BEGIN:VCALENDAR"):
        return "ical"
    if start.startswith(("[", "{")):
        return "taskwarrior" if '"description"' in start and '"title"' not in start else "json"
    header = start.splitlines()[0].lower().split(",") if start else []
    return "csv" if "title" in [cell.strip(' "') for cell in header] else "todotxt"
