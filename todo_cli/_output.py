"""The two faces of output: text for people, one JSON document for programs. stdout is data, stderr is talk."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import click

SHORT_ID_CHARS = 7  # of the end: a UUIDv7 begins with the time, so the beginnings of a day's ids are alike


@dataclasses.dataclass(frozen=True)
class Output:
    """Prints results and talk in the face that was asked for."""

    as_json: bool = False
    no_color: bool = False

    def result(self, document: Any, lines: Iterable[str]) -> None:
        """Print one result: the document for programs, or the lines for people."""
        if self.as_json:
            self.document(document)
        else:
            for line in lines:
                click.echo(printable(line))

    def result_text(self, text: str) -> None:
        """Print a text of ours as it stands."""
        self.result({"text": text}, text.splitlines())

    def line(self, text: str) -> None:
        """Print one line of a result for people, as soon as it is known; programs get `programs` at the end."""
        if not self.as_json:
            click.echo(printable(text))

    def programs(self, document: Any) -> None:
        """Print the document for programs; people have had their lines."""
        if self.as_json:
            self.document(document)

    def document(self, document: Any) -> None:
        """Print one JSON document on stdout."""
        click.echo(to_json(document))

    def talk(self, text: str) -> None:
        """Say something about the work on stderr; programs are spared it."""
        if not self.as_json:
            click.echo(printable(text), err=True)

    def drawing(self, text: str) -> None:
        """Show a drawing of ours on stderr, escape sequences and all; programs are spared it."""
        if not self.as_json:
            click.echo(text, err=True, color=True)

    def table(self, document: Any, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows: drawn on a terminal, plain columns elsewhere, the document for programs."""
        if self.as_json:
            self.document(document)
        elif rows:
            cleaned = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
            if sys.stdout.isatty():
                self._draw(headings, cleaned)
            else:
                click.echo("\n".join(_columns([headings, *cleaned])))

    def _draw(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))  # Text: a title such as "[red]" is not markup
        # rich on its own would keep bold without colours; no escape sequence at all is what people pipe and diff
        Console(color_system=None if self.bare else "auto", highlight=False).print(table)

    @property
    def bare(self) -> bool:
        """Tell whether colours are unwanted."""
        return self.no_color or bool(os.environ.get("NO_COLOR"))


def to_json(document: Any) -> str:
    """Write a document as every command does: indented, non-ASCII as it is, keys in the order given."""
    import json

    return json.dumps(plain(document), indent=2, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Turn the SDK's models into what JSON knows; moments are UTC with milliseconds, as on the wire."""
    if hasattr(value, "to_wire"):
        return value.to_wire()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f.name for f in dataclasses.fields(value) if not f.name.startswith("_"))
        return {name: plain(getattr(value, name)) for name in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(member) for member in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def printable(text: str) -> str:
    """Take the control characters out: a shared title must not be able to drive somebody's terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def pairs(values: Mapping[str, Any]) -> list[str]:
    """Lay out names and values in two columns; absent values show as a dash."""
    width = max(map(len, values), default=0)
    return [f"{name:<{width}}  {'-' if value in (None, '') else value}" for name, value in values.items()]


def short_id(todo_id: str) -> str:
    """Give the part of an id that lists show and every command takes."""
    return todo_id[-SHORT_ID_CHARS:]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cells(text: str) -> int:
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
