"""The two faces of output: text for people, one JSON document for programs. stdout is data, stderr is talk."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from io import TextIOWrapper
from typing import Any

import click

from todo_cli._table import columns

_BOLD = "1"
# What stands for our own typography where a terminal knows ASCII only.
_PLAINLY = {"·": "-", "…": "...", "→": "->", "\N{REPLACEMENT CHARACTER}": "?"}


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
        click.echo(to_json(document, ascii_only=not _speaks_unicode(sys.stdout)))

    def talk(self, text: str) -> None:
        """Say something about the work on stderr; programs are spared it."""
        if not self.as_json:
            click.echo(printable(text), err=True)

    def drawing(self, text: str) -> None:
        """Show a drawing of ours on stderr, escape sequences and all; programs are spared it."""
        if not self.as_json:
            click.echo(text, err=True, color=True)

    def table(
        self,
        document: Any,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        styles: Sequence[str] = (),
        folded: int | None = None,
    ) -> None:
        """Print rows: as wide as a terminal and dressed there, plain columns elsewhere, the document for programs.

        Args:
            styles: of each row, as SGR parameters ("31;1"); empty for none.
            folded: the column that gives way on a narrow terminal; the last one if None.
        """
        if self.as_json:
            self.document(document)
            return
        if not rows:
            return
        cleaned = [[printable(cell).replace("\n", " ") for cell in row] for row in (headings, *rows)]
        at_terminal = sys.stdout.isatty()
        width = _terminal_width() if at_terminal else None
        dress = [_BOLD, *(styles or [""] * len(rows))] if at_terminal and not self.bare else [""] * len(cleaned)
        laid_out = zip(columns(cleaned, width=width, folded=folded), dress, strict=True)
        text = [f"\x1b[{style}m{line}\x1b[0m" if style else line for lines, style in laid_out for line in lines]
        click.echo("\n".join(text), color=True)

    @property
    def bare(self) -> bool:
        """Tell whether colours are unwanted."""
        return self.no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def to_json(document: Any, *, ascii_only: bool = False) -> str:
    """Write a document as every command does: indented, non-ASCII as it is, keys in the order given."""
    import json

    return json.dumps(plain(document), indent=2, ensure_ascii=ascii_only)


def prepare_streams() -> None:
    """Have what a terminal cannot show replaced instead of failing; JSON is escaped there and loses nothing."""
    import codecs

    codecs.register_error("todo-plainly", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not _speaks_unicode(stream):
            stream.reconfigure(errors="todo-plainly")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAINLY.get(char, "?") for char in error.object[error.start : error.end]), error.end


def _speaks_unicode(stream: Any) -> bool:
    return str(getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


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
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _terminal_width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def pairs(values: Mapping[str, Any]) -> list[str]:
    """Lay out names and values in two columns; absent values show as a dash."""
    width = max(map(len, values), default=0)
    return [f"{name:<{width}}  {'-' if value in (None, '') else value}" for name, value in values.items()]
