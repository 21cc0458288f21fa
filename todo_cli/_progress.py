"""A bar for what takes long, on a terminal; nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from todo_cli._context import AppContext

Moved = Callable[[int, int | None], None]


@contextmanager
def bar(app: AppContext, name: str) -> Iterator[Moved]:
    """Give what to call with the bytes that have gone and all of them, None where that is not known."""
    if app.settings.as_json or not sys.stderr.isatty():
        yield lambda gone, total: None
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
