"""The stack as a process of its own; `todo_backend.local.start` runs it.

The first line on stdout is one JSON object: `{"outputs": …}` when clients can connect, or `{"error": …}`. After that
both standard streams are the stack's log.
"""

# ruff: noqa: E402 - what is imported below makes thousands of long-lived objects; walking them again and again takes time
import gc

gc.disable()  # until the stack is ready: see `server`

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from .datadir import DataDir
from .errors import StackError
from .options import Outputs, StackOptions
from .process import described
from .server import run


class _Report:
    """The one line, kept apart from what anybody prints."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)

    def send(self, value: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(value).encode() + b"\n")
        os.close(self._descriptor)


def main() -> int:
    """Run the stack; the exit code is 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="todo_backend.local")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--profile", default="local")
    parser.add_argument("--ephemeral", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--with-parent", action="store_true", help="stop when the standard input ends")
    given = parser.parse_args()
    options = StackOptions(given.data_dir, given.port, given.ephemeral, given.profile, given.tls)
    report = _Report()
    if given.with_parent:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()

    def ready(outputs: Outputs) -> None:
        report.send({"outputs": outputs})

    try:
        run(options, ready, _print_into_log)
    except StackError as error:
        report.send({"error": described(error)})
        return 1
    return 0


def _stop_at_end_of_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _print_into_log(data_dir: DataDir) -> None:
    log = os.open(data_dir.file("stack.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


if __name__ == "__main__":
    sys.exit(main())
