"""Pictures of the command at work: `python docs/pictures.py`, or `make pictures`, writes docs/pictures/*.svg.

Every picture is what `todo` really prints on a terminal, against an embedded stack that is started for it and removed.
"""

from __future__ import annotations

import io
import os
import pty
import re
import secrets
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

FOLDER = Path(__file__).with_name("pictures")
TODO = Path(sys.executable).with_name("todo")
WIDTH = 96
PATIENCE_SECONDS = 60
EMAIL = "ada@example.com"
ERASED = re.compile(r"[^\n]*(?:\n\r?\x1b\[1A)?\r?\x1b\[2K")  # lines that a bar draws and takes away again

# Each picture: its name, and the command lines that are shown in it.
PICTURES: dict[str, Sequence[str]] = {
    "list": (
        'todo add "Pay rent tomorrow 5pm #home !1 every month"',
        'todo add "Water the plants in 3 days #home every! 5 days"',
        'todo add "Read chapter 4 today #study"',
        'todo add "Buy milk #home" --due yesterday',
        "todo list",
    ),
    "offline": ("todo offline on", 'todo add "Written in a tunnel"', "todo status", "todo offline off", "todo sync"),
    "files": ("todo files put report.pdf", "todo files sync pictures photos/ --dry-run", "todo files ls"),
    "smoke": ("todo smoke --only folder",),
    "doctor": ("todo doctor",),
}


def draw(folder: Path, names: Sequence[str] = tuple(PICTURES)) -> dict[str, str]:
    """Draw the pictures into the folder; gives what each shows, without its colours."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = {}
    with tempfile.TemporaryDirectory() as place, signed_in(Path(place)) as environment:
        for name in names:
            text = Text()
            for line in PICTURES[name]:
                text.append("$ ", style="bold green").append(f"{line}\n", style="bold")
                text.append_text(Text.from_ansi(typed(line, Path(place), environment)))
                text.append("\n")
            picture(text, folder / f"{name}.svg")
            shown[name] = text.plain
    return shown


def picture(text: Text, path: Path) -> None:
    """Write one picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(text)
    # a name of its own, for rich would make one of the content's hash, and each drawing would differ in every line
    console.save_svg(str(path), title="todo", theme=MONOKAI, unique_id=path.stem)


@contextmanager
def signed_in(place: Path) -> Iterator[dict[str, str]]:
    """Start a stack, and sign somebody in; stop it at the end."""
    own = {"TODO_CONFIG_DIR": "config", "TODO_DATA_DIR": "data", "TODO_STACK_DIR": "stack"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_", "NO_COLOR"))}
    environment = kept | {name: str(place / folder) for name, folder in own.items()}
    environment |= {"TODO_TOKEN_STORE": "file", "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    (place / "pictures").mkdir()
    (place / "pictures" / "cat.jpg").write_bytes(b"a cat" * 1000)
    (place / "report.pdf").write_bytes(b"%PDF" * 2000)
    password = f"{secrets.token_urlsafe(16)}-Aa1"

    def run(words: str, stdin: str = "") -> str:
        command = [str(TODO), *words.split()]
        return subprocess.run(
            command, env=environment, cwd=place, input=stdin, capture_output=True, text=True, check=True
        ).stdout

    run("up --detach --port 0")
    try:
        run(f"signup {EMAIL} --password-stdin", f"{password}\n")
        run(f"confirm {EMAIL} {re.findall(r'[0-9]{6}', run('inbox'))[-1]}")
        run(f"login {EMAIL} --password-stdin", f"{password}\n")
        yield environment
    finally:
        run("down")


def typed(line: str, place: Path, environment: dict[str, str]) -> str:
    """Run one line as if somebody had typed it, on a terminal of its own; gives what the terminal shows."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    command = ["/bin/sh", "-c", f"stty cols {WIDTH} rows 60; exec {TODO}{line.removeprefix('todo')}"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=place, env=environment)
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], PATIENCE_SECONDS)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux's way to say that nobody writes any more
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    process.wait(timeout=PATIENCE_SECONDS)
    text = shown.decode(errors="replace").replace("\r\n", "\n")
    return ERASED.sub("", text).replace(str(place), "~")


if __name__ == "__main__":
    for name in draw(FOLDER):
        print(FOLDER / f"{name}.svg")
