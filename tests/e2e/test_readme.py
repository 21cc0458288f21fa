"""The README's first session, run word for word.

Every `$` line between the session marks of the README is run in a shell, in order, and prints what the README
shows. Only what differs from run to run may differ: codes, ids, ports, paths, times. A value that the README shows (a
confirmation code, the id of a to-do) and uses in a later command is replaced there by the one of this run.

`TODO_UPDATE_README=1 pytest tests/e2e/test_readme.py` writes the output of this run into the README.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- session -->", "<!-- /session -->"
# What differs from run to run, most specific first.
VOLATILE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2}(?: \d{4})?(?: \d\d:\d\d)?|"
    r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?|\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
    r"|(?<=127\.0\.0\.1:)\d+|(?<=pid         )\d+|(?<=port        )\d+|(?<=/)[0-9a-z]{8,10}(?=/prod)"
    r"|\b(?=[0-9A-Za-z]*\d)[0-9A-Za-z]{26}\b|(?<=-)[0-9A-F]{10,13}\b"
    r"|[a-z]{2}-[a-z]+-\d[:_][0-9A-Za-z-]+|[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=[0-9a-f]*\d)[0-9a-f]{6,32}\b|/[^\s:]*/(?:tmp|stack)[^\s]*"
    r"|\d+(?:\.\d+)? m?s\b|\d+(?= (?:hits|misses)\b)"
)


USUAL_PORT = "4566"


@dataclass
class Step:
    """A command of the session and the lines that the README shows under it."""

    command: str
    shown: list[str] = field(default_factory=list)


def steps(text: str) -> Iterator[Step]:
    """The session's commands, in order."""
    section = text[text.index(BEGIN) : text.index(END)]
    for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
        step: Step | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if step:
                    yield step
                step = Step(line[2:])
            elif step:
                step.shown.append(line)
        if step:
            yield step


def settled(lines: list[str]) -> list[str]:
    """The lines with each volatile value replaced by a mark and runs of spaces and rules folded."""
    return [re.sub(r"[ ─━]{2,}", "  ", VOLATILE.sub("<…>", line)).strip() for line in lines if line.strip()]


def volatile(lines: list[str]) -> list[str]:
    """The volatile values, in reading order."""
    return [value for line in lines for value in VOLATILE.findall(line)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A new user's machine: nothing configured, `todo` on the PATH, a free port instead of the default one."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    folders = {
        name: str(tmp_path / name.lower()) for name in ("TODO_CONFIG_DIR", "TODO_DATA_DIR", "TODO_STACK_DIR", "HOME")
    }
    fixed = {"PATH": path, "COLUMNS": "110", "TODO_TOKEN_STORE": "file", "TODO_SYNC_BUDGET_SECONDS": "20"}
    return kept | folders | fixed


def run(command: str, *, cwd: Path, environment: dict[str, str]) -> list[str]:
    """Run one command of the session; its output, stdout and stderr as a person sees them."""
    # The README starts the stack on its usual port; a test takes any free one.
    command = command.replace("todo up", "todo up --port 0")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout.splitlines()


def test_the_first_session_of_the_readme_prints_what_the_readme_shows(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    text = README.read_text("utf-8")
    real: dict[str, str] = {}
    rewritten = text
    session = list(steps(text))
    assert len(session) >= 10
    try:
        for step in session:
            command = step.command
            for shown, value in real.items():
                command = command.replace(shown, value)
            printed = run(command, cwd=tmp_path, environment=environment)
            if os.environ.get("TODO_UPDATE_README"):
                before = "\n".join([f"$ {step.command}", *step.shown])
                rewritten = rewritten.replace(before, "\n".join([f"$ {command}", *printed]), 1)
            else:
                assert settled(printed) == settled(step.shown), f"$ {step.command}"
            # Updating, the README may show a session of another shape: then its values mean nothing here.
            if len(volatile(step.shown)) == len(volatile(printed)):
                real |= dict(zip(volatile(step.shown), volatile(printed), strict=True))
    finally:
        subprocess.run(["todo", "down"], env=environment, capture_output=True, check=False, timeout=60)
    if rewritten != text:
        taken = re.search(r"(?<=EndpointUrl       http://127\.0\.0\.1:)\d+", rewritten)
        rewritten = rewritten.replace(taken.group(), USUAL_PORT) if taken else rewritten
        README.write_text(rewritten, "utf-8")


def test_a_line_that_the_command_does_not_print_is_noticed() -> None:
    assert settled(["Added  3f2a1b9  Buy milk"]) != settled(["Added  3f2a1b9  Buy beer"])
    assert settled(["code 481516"]) == settled(["code 234215"])
