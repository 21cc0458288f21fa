"""A pager for what is longer than the terminal: TODO_PAGER, else PAGER, else less; empty or cat is none."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

LESS = "FRX"  # end at once where all fits; keep colours; leave the text on the screen


def showed(text: str) -> bool:
    """Show a text and wait until the person has read it; gives False where no pager is needed or wanted.

    A pager that is closed before the end is no failure, and Ctrl-C is the pager's own.

    Raises:
        OSError, ValueError: the pager cannot be started.
    """
    from shutil import get_terminal_size

    if text.count("\n") + 2 > get_terminal_size().lines and (words := _words()) and os.environ.get("TERM") != "dumb":
        sys.stdout.flush()
        _read_through(words, text)
        return True
    return False


def _words() -> list[str]:
    import shlex
    from shutil import which

    given = os.environ.get("TODO_PAGER", os.environ.get("PAGER"))
    if given is None:
        return ["less"] if which("less") else []
    words = shlex.split(given)
    return [] if words == ["cat"] else words


def _read_through(words: list[str], text: str) -> None:
    from subprocess import PIPE, Popen

    pager = Popen(words, stdin=PIPE, env={"LESS": LESS, "LV": "-c"} | os.environ)  # noqa: S603 - the person's own word
    assert pager.stdin is not None
    with suppress(BrokenPipeError, KeyboardInterrupt):
        pager.stdin.write(text.encode(sys.stdout.encoding or "utf-8", "todo-plainly") + b"\n")
    with suppress(BrokenPipeError, KeyboardInterrupt):
        pager.stdin.close()
    while pager.returncode is None:
        with suppress(KeyboardInterrupt):
            pager.wait()
