"""Speed of the everyday commands: whole processes, each against another one, in turn in one run.

    python benchmarks/cli.py              prints the table, ends 9 when a limit is not kept
    python benchmarks/cli.py --rounds 30

The to-dos come from a real sign-in on an embedded stack, which is stopped before anything is measured: the network is
down, as on a phone without a signal. Debian's taskwarrior and todoman get the same 1,000 to-dos where they are
installed. A limit in milliseconds is held against the best round, since what else a machine does only adds to the
others; a ratio against the median of the rounds' own ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

BIN = Path(sys.executable).parent
PASSWORD = "Correct-Horse-7-Battery"
TODOS = 1000


@dataclass
class Machine:
    """A person's machine: folders of its own, and programs run in it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = {
            "HOME": "",
            "TODO_CONFIG_DIR": "config",
            "TODO_DATA_DIR": "data",
            "TODO_STACK_DIR": "stack",
            "TASKDATA": "task",
            "TASKRC": "taskrc",
            "TODOMAN_CONFIG": "todoman.py",
        }
        own = {name: str(self.folder / place) for name, place in places.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_"))}
        self.environment = kept | own

    def run(self, *command: str, stdin: str = "") -> str:
        """Run a program to its end, which must be a good one."""
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout

    def todo(self, *words: str, stdin: str = "") -> str:
        """Run `todo`."""
        return self.run(str(BIN / "todo"), *words, stdin=stdin)

    def seconds(self, *command: str) -> float:
        """How long a program takes, wall clock."""
        begin = time.perf_counter()
        self.run(*command)
        return time.perf_counter() - begin


@contextmanager
def machine() -> Iterator[Machine]:
    """A machine with a signed-in user, 1,000 to-dos, and no network any more."""
    with tempfile.TemporaryDirectory() as folder:
        made = Machine(Path(folder))
        made.todo("up", "--detach", "--port", "0")
        try:
            made.todo("signup", "ann@example.com", "--password-stdin", stdin=PASSWORD)
            code = re.findall(r"\b\d{6}\b", made.todo("inbox"))[-1]
            made.todo("confirm", "ann@example.com", code)
            made.todo("login", "ann@example.com", "--password-stdin", stdin=PASSWORD)
            (Path(folder) / "to-dos.json").write_text(json.dumps(todos()))
            made.todo("import", "to-dos.json")
            made.todo("sync")
        finally:
            made.todo("down")
        yield made


def todos() -> list[dict[str, object]]:
    """1,000 open to-dos with dates, tags, lists and priorities."""
    return [
        {
            "title": f"Buy thing number {number}",
            "priority": number % 4 + 1,
            "tags": [f"tag{number % 7}"],
            "list": f"list{number % 5}",
            **({"due": f"2030-{number % 12 + 1:02}-{number % 28 + 1:02}"} if number % 3 else {}),
        }
        for number in range(TODOS)
    ]


def others(here: Machine) -> dict[str, list[str]]:
    """Give the same to-dos to the other programs that are installed; their list commands by name."""
    found: dict[str, list[str]] = {}
    if shutil.which("task"):
        (here.folder / "taskrc").write_text(
            f"data.location={here.folder / 'task'}\nconfirmation=off\nverbose=nothing\n"
        )
        here.run("task", "import", "-", stdin=here.todo("export", "--format", "taskwarrior"))
        found["taskwarrior, task list"] = ["task", "rc.defaultwidth=100", "list"]
    if shutil.which("todoman"):
        calendar = here.folder / "calendars" / "main"
        calendar.mkdir(parents=True)
        text = here.todo("export", "--format", "ical")
        head, tail = text[: text.index("BEGIN:VTODO")], "END:VCALENDAR\r\n"
        for number, entry in enumerate(re.findall(r"BEGIN:VTODO.*?END:VTODO\r?\n", text, re.DOTALL)):
            (calendar / f"{number}.ics").write_text(head + entry + tail, newline="")
        (here.folder / "todoman.py").write_text(
            f'path = "{here.folder}/calendars/*"\ncache_path = "{here.folder}/todoman.sqlite"\n'
        )
        found["todoman list"] = ["todoman", "--config", str(here.folder / "todoman.py"), "list"]
    for name, command in found.items():
        lines = len(here.run(*command).splitlines())
        if lines < TODOS:
            raise RuntimeError(f"{name} lists {lines} to-dos instead of {TODOS}")
    return found


@dataclass(frozen=True)
class Row:
    """One line of the table; a limit that is None is none."""

    name: str
    milliseconds: float
    best_milliseconds: float
    ratio: float
    limit_milliseconds: float | None = None
    limit_ratio: float | None = None

    @property
    def limits(self) -> str:
        """The limits in words."""
        told = [] if self.limit_milliseconds is None else [f"{self.limit_milliseconds:.0f} ms"]
        return " and ".join(told + ([] if self.limit_ratio is None else [f"{self.limit_ratio:.1f} x"]))

    @property
    def kept(self) -> bool:
        """Whether both limits are."""
        slow = self.limit_milliseconds is not None and self.best_milliseconds > self.limit_milliseconds
        return not slow and (self.limit_ratio is None or self.ratio <= self.limit_ratio)


def measured(here: Machine, commands: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Run all commands in turn, round after round: what slows the machine down slows all of them."""
    for command in commands.values():
        here.run(*command)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(here.seconds(*command))
    return times


def main() -> int:
    """Measure everything, print the table, end 9 when a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="how often each command is run")
    rounds = parser.parse_args().rounds
    click = [sys.executable, "-c", "import click"]
    todo = str(BIN / "todo")
    with machine() as here:
        commands = {
            "python -c 'import click'": click,
            "todo --help": [todo, "--help"],
            f"todo list, {TODOS} open": [todo, "list"],
            "todo list +tag1 due.before:2030-06-01": [todo, "list", "+tag1", "due.before:2030-06-01"],
            "todo add, network down": [todo, "add", "Buy milk tomorrow 5pm #home"],
            **others(here),
        }
        times = measured(here, commands, rounds)
    base = times["python -c 'import click'"]
    limits = {
        "todo --help": (100.0, None),
        f"todo list, {TODOS} open": (150.0, 3.0),
        "todo add, network down": (200.0, None),
    }
    rows = []
    for name, column in times.items():
        ratio = statistics.median(a / b for a, b in zip(column, base, strict=True))
        rows.append(
            Row(name, statistics.median(column) * 1000, min(column) * 1000, ratio, *limits.get(name, (None, None)))
        )
    for program in ("taskwarrior", "todoman"):
        if not any(program in row.name for row in rows):
            sys.stderr.write(f"{program}: not installed\n")
    table = Table("command", "median", "best", "/ import click", "limit", "kept")
    for row in rows:
        verdict = ("yes" if row.kept else "NO") if row.limits else ""
        table.add_row(
            row.name,
            f"{row.milliseconds:.0f} ms",
            f"{row.best_milliseconds:.0f} ms",
            f"{row.ratio:.2f}",
            row.limits,
            verdict,
        )
    Console(width=110).print(table)
    return 0 if all(row.kept for row in rows) else 9


if __name__ == "__main__":
    sys.exit(main())
