"""To-dos from files and into files: import, export."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from todo_cli import _syncing
from todo_cli._choice import FilterCommand, fitting
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import Command
from todo_cli.formats import FORMATS, Broken, Item, Surroundings, format_of_file, format_of_text, load_format
from todo_cli.formats._item import ids_of, next_id

FORMAT = click.option(
    "--format", "-f", "format_name", type=click.Choice(list(FORMATS)), help="Instead of what the name says."
)
MOST_TOLD = 10


@click.command(
    "import",
    cls=Command,
    examples="""
        todo import todo.txt
        task export | todo import -
        todo import backup.csv --dry-run
        todo import broken.ics --skip-invalid
    """,
)
@click.argument("file", metavar="FILE")
@FORMAT
@click.option("--skip-invalid", is_flag=True, help="Leave out what cannot be read instead of importing nothing.")
@click.option("--again", is_flag=True, help="Bring back what was imported before and then removed.")
@click.option("--dry-run", is_flag=True, help="Read and tell, change nothing.")
@click.pass_obj
def import_todos(
    app: AppContext, file: str, format_name: str | None, skip_invalid: bool, again: bool, dry_run: bool
) -> None:
    """Add the to-dos of a file: JSON, CSV, todo.txt, iCalendar or Taskwarrior's JSON; - is standard input.

    All or nothing, one step for `todo undo`. What is here already stays as it is, so that the same file imported twice
    adds nothing twice. Times of creation are those of the import.
    """
    text = _read(file)
    name = format_name or format_of_file(file) or format_of_text(text)
    entries = list(load_format(name).read(text, Surroundings(app.now())))
    outcome = Outcome(file, name, dry_run, [entry for entry in entries if isinstance(entry, Broken)])
    outcome.again = again
    _add_all(app, [entry for entry in entries if isinstance(entry, Item)], outcome, skip_invalid=skip_invalid)
    outcome.tell(app)
    if outcome.added and not dry_run:
        _syncing.after_change(app)


@click.command(
    "export",
    cls=FilterCommand,
    examples="""
        todo export > backup.json
        todo export +work --output work.ics
        todo export --format taskwarrior | task import -
        todo export status:done --format csv -o done.csv --force
    """,
)
@click.argument("terms", metavar="[FILTER]...", nargs=-1)
@FORMAT
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output."
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_obj
def export(app: AppContext, terms: tuple[str, ...], format_name: str | None, output: Path | None, force: bool) -> None:
    """Write to-dos as JSON, CSV, todo.txt, iCalendar or Taskwarrior's JSON.

    Open and done ones, or those that fit a filter. The format is that of the file's name, else JSON. What the format
    cannot hold is said.
    """
    _syncing.before_reading(app)
    name = format_name or (format_of_file(output.name) if output else None) or "json"
    todos = sorted(fitting(app, terms, everything=not terms), key=lambda todo: (todo.created_at, todo.id))
    chosen = load_format(name)
    text = chosen.write(todos, Surroundings(app.now()))
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))  # a file in the making: the terminal's encoding has no say
        sys.stdout.buffer.flush()
    else:
        _write(output, text, force=force)
        document = {"file": str(output), "format": name, "todos": len(todos)}
        app.out.result(document, [f"wrote {len(todos)} to-dos to {output}"])
    for loss in sorted({loss for todo in todos for loss in chosen.leaves_out(todo)}):
        count = sum(loss in chosen.leaves_out(todo) for todo in todos)
        app.out.talk(f"{name} cannot hold {loss}: left out of {count} to-do{'s' if count != 1 else ''}")


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except FileNotFoundError:
        raise CommandError(f"there is no file {file}", ExitCode.NOT_FOUND, "not_found") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CommandError(f"{file}: line {line}: not UTF-8", ExitCode.INVALID, "invalid_file") from None


def _add_all(app: AppContext, items: Sequence[Item], outcome: Outcome, *, skip_invalid: bool) -> None:
    """Add what is not here yet, all of it or nothing."""
    try:
        with app.replica.transaction():
            for todo_id, item in zip(ids_of(items, outcome.format_name), items, strict=True):
                _add_one(app, todo_id, item, outcome)
            _take_back(outcome, skip_invalid=skip_invalid)
    except _DryRunError:
        pass


def _take_back(outcome: Outcome, *, skip_invalid: bool) -> None:
    """Leave the transaction by an error where nothing of it is to stay."""
    if outcome.broken and not skip_invalid:
        raise CommandError(outcome.refusal(), ExitCode.INVALID, "invalid_file")
    if outcome.dry_run:
        raise _DryRunError


class _DryRunError(Exception):
    """Takes everything back at the end of a dry run."""


def _add_one(app: AppContext, todo_id: str, item: Item, outcome: Outcome) -> None:
    from todo_sdk import ConflictError, InvalidRequestError

    times = 0
    while not _is_here(app, todo_id):
        try:
            app.replica.add(todo_id=todo_id, **item.fields)
        except ConflictError:  # it was here and was removed
            if not outcome.again:
                outcome.removed_before += 1
                return
            times += 1
            todo_id = next_id(todo_id, times)
            continue
        except InvalidRequestError as error:
            outcome.broken.append(Broken(item.line, str(error)))
            return
        outcome.added += 1
        outcome.losses += [(item.line, loss) for loss in item.losses]
        return
    outcome.already_here += 1


def _is_here(app: AppContext, todo_id: str) -> bool:
    from todo_sdk import NotFoundError

    try:
        app.replica.get(todo_id)
    except NotFoundError:
        return False
    return True


@dataclass
class Outcome:
    """What became of the entries of a file."""

    file: str
    format_name: str
    dry_run: bool
    broken: list[Broken]
    added: int = 0
    already_here: int = 0
    removed_before: int = 0
    again: bool = False
    losses: list[tuple[int, str]] = field(default_factory=list)

    def refusal(self) -> str:
        """Say which lines are broken and that nothing was imported."""
        broken = sorted(self.broken, key=lambda entry: entry.line)
        told = "; ".join(f"line {entry.line}: {entry.reason}" for entry in broken[:MOST_TOLD])
        more = f"; and {len(broken) - MOST_TOLD} more" if len(broken) > MOST_TOLD else ""
        return f"{self.file}: {told}{more}; nothing was imported (--skip-invalid leaves these out)"

    def tell(self, app: AppContext) -> None:
        """Print what was added, what was here, and what was left out."""
        document = {
            "file": self.file,
            "format": self.format_name,
            "added": self.added,
            "already_here": self.already_here,
            "removed_before": self.removed_before,
            "skipped": self.broken,
            "dry_run": self.dry_run,
        }
        parts = [f"{'would add' if self.dry_run else 'added'} {self.added}"]
        parts += [f"{self.already_here} already here"] if self.already_here else []
        parts += [f"{self.removed_before} removed before"] if self.removed_before else []
        parts += [f"{len(self.broken)} left out"] if self.broken else []
        app.out.result(document, [f"{', '.join(parts)} ({self.format_name})"])
        if self.removed_before:
            app.out.talk("what was removed here stays away; --again brings it back")
        for entry in self.broken:
            app.out.talk(f"left out: line {entry.line}: {entry.reason}")
        for line, loss in self.losses:
            app.out.talk(f"line {line}: {loss} could not be taken over")


def _write(path: Path, text: str, *, force: bool) -> None:
    if path.exists() and not force:
        raise CommandError(f"{path} exists; use --force to replace it", ExitCode.INVALID, "already_exists")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
