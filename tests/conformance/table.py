"""The table of docs/conformance.md: what the embedded stack keeps of AWS's behaviour, as the tests say.

    python -m tests.conformance.table        writes the table anew

A statement is kept when a test names it that is collected, is not skipped, and does not say that it is not kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.statements import FAMILIES, Statement, named_by, statements

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conformance.md"
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"


@dataclass(frozen=True)
class Test:
    """A collected test; `not_kept` is why what it tries is known to fail."""

    __test__ = False
    node: str
    not_kept: str | None = None

    @property
    def name(self) -> str:
        """Without its file."""
        return self.node.partition("::")[2].rpartition("::")[2] if "::" in self.node else self.node

    @property
    def is_through_the_wire(self) -> bool:
        """Whether a client of the running stack tries it."""
        return "/unit/" not in self.node

    @property
    def link(self) -> str:
        """Folder, file and name; of a parametrized test the function's."""
        file, _, name = self.node.partition("[")[0].removeprefix("tests/").rpartition("::")
        return f"`{file.rpartition('::')[0] or file}` `{name}`"


@dataclass(frozen=True)
class Row:
    """One statement, and what became of it: `kept`, `not kept` or `not applicable`."""

    statement: Statement
    state: str
    told: str

    def line(self) -> str:
        """As the page shows it."""
        it = self.statement
        return f"| {it.id} | {it.text} | {it.grade} | {self.state} | {self.told} |"


class _Collected:
    """A plugin that writes down what pytest collects."""

    def __init__(self) -> None:
        self.tests: list[Test] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Leave out what is always skipped, and what is expected to fail for another reason."""
        for item in session.items:
            reason = item.get_closest_marker("not_kept")
            if reason is not None:
                self.tests.append(Test(item.nodeid, str(reason.args[0])))
            elif not any(item.get_closest_marker(name) for name in ("skip", "skipif", "xfail")):
                self.tests.append(Test(item.nodeid))


def collect() -> list[Test]:
    """All tests, as pytest finds them in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.table", "--collect"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("E  ", "ERROR"))]
    assert done.returncode == 0, f"not everything could be collected: {failed[-10:] or done.stderr[-2000:]}"
    return [Test(node, why) for node, why in json.loads(done.stdout.splitlines()[-1])]


def _print_collected() -> int:
    plugin = _Collected()
    code = pytest.main(["--collect-only", "-qqq", "-p", "no:cacheprovider", "tests"], plugins=[plugin])
    print("\n" + json.dumps([(test.node, test.not_kept) for test in plugin.tests]))
    return int(code)


def rows(found: Sequence[Statement], tests: Sequence[Test], exceptions: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """What became of each statement."""
    by_id: dict[str, list[Test]] = {}
    for test in tests:
        for name in named_by(test.name):
            by_id.setdefault(name, []).append(test)
    return [_row(statement, by_id.get(statement.id, []), exceptions) for statement in found]


def _row(statement: Statement, tests: list[Test], exceptions: Mapping[str, Mapping[str, str]]) -> Row:
    if reason := exceptions["not applicable"].get(statement.id):
        return Row(statement, "not applicable", reason)
    failing = [test.not_kept for test in tests if test.not_kept]
    reason = exceptions["not kept"].get(statement.id) or (failing[0] if failing else None)
    if reason:
        return Row(statement, "not kept", reason)
    if not tests:
        return Row(statement, "not kept", "no test tries it")
    best = min(tests, key=lambda test: (not test.node.startswith("tests/conformance"), not test.is_through_the_wire))
    return Row(statement, "kept", best.link)


def exceptions() -> dict[str, dict[str, str]]:
    """What is not applicable, and what is known not to be kept although no test can show it, with the reasons."""
    return tomllib.loads(EXCEPTIONS.read_text())


def rendered(found: Sequence[Row]) -> str:
    """The generated part of the page."""
    lines = [
        "| statements | | kept | not kept | not applicable | kept of the applicable |",
        "|---|---|--:|--:|--:|--:|",
    ]
    lines += [_counts(f"{family}-…", title, _of(found, family)) for family, title in FAMILIES.items()]
    lines.append(_counts("all", "", found))
    for family, title in FAMILIES.items():
        lines += ["", f"## {title}", "", "| id | statement | grade | | |", "|---|---|---|---|---|"]
        lines += [row.line() for row in _of(found, family)]
    return "\n".join(lines)


def _of(found: Sequence[Row], family: str) -> list[Row]:
    return [row for row in found if row.statement.family == family]


def _counts(name: str, title: str, found: Sequence[Row]) -> str:
    numbers = [sum(row.state == state for row in found) for state in ("kept", "not kept", "not applicable")]
    return f"| {name} | {title} | {' | '.join(map(str, numbers))} | {share(found):.0%} |"


def share(found: Sequence[Row]) -> float:
    """How many of the applicable statements are kept: 0 to 1."""
    applicable = [row for row in found if row.state != "not applicable"]
    return sum(row.state == "kept" for row in applicable) / len(applicable) if applicable else 1.0


def with_table(page: str, table: str) -> str:
    """The page with another table."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Write the page."""
    if "--collect" in sys.argv:
        return _print_collected()
    table = rendered(rows(statements(), collect(), exceptions()))
    PAGE.write_text(with_table(PAGE.read_text(), table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
