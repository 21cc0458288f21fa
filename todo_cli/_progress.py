"""How far something is that takes long, on a terminal: a bar, or for screen readers a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from todo_cli._context import AppContext

Moved = Callable[[int, int | None], None]
STEP_BYTES = 16 * 1024**2  # between two lines where nobody knows how many there are


@contextmanager
def bar(app: AppContext, name: str) -> Iterator[Moved]:
    """Give what to call with the bytes that have gone and all of them, None where that is not known."""
    if app.settings.as_json or not sys.stderr.isatty():
        yield lambda gone, total: None
        return
    if app.accessible:
        yield _now_and_then(app, name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, no_color=app.out.bare)
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(name, total=None)
        yield lambda gone, total: shown.update(task, completed=gone, total=total)


def _now_and_then(app: AppContext, name: str) -> Moved:
    """Tell each quarter that has gone, once."""
    told = [0]

    def moved(gone: int, total: int | None) -> None:
        step = 4 * gone // total if total else gone // STEP_BYTES
        if step > told[0]:
            told[0] = step
            app.out.talk(f"{name}: {25 * step} percent of {total} bytes" if total else f"{name}: {gone} bytes")

    return moved
