"""The outcomes as a JUnit XML file, as CI servers read it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from todo_cli.checks.runner import FAILED, SKIPPED, Outcome


def write(path: Path, outcomes: Sequence[Outcome], complaints: Sequence[str]) -> None:
    """Write the file, all of it or nothing; what could not be cleaned up is a failure, too.

    Raises:
        OSError: it cannot be written.
    """
    count = {name: sum(found.outcome == name for found in outcomes) for name in (FAILED, SKIPPED)}
    suite = ElementTree.Element(
        "testsuite",
        name="todo smoke",
        tests=str(len(outcomes) + bool(complaints)),
        failures=str(count[FAILED] + bool(complaints)),
        skipped=str(count[SKIPPED]),
        time=f"{sum(found.milliseconds for found in outcomes) / 1000:.3f}",
    )
    for found in outcomes:
        case = _case(suite, found.check.area, found.check.name, found.milliseconds)
        if found.outcome == FAILED:
            ElementTree.SubElement(case, "failure", message=_legal(found.evidence)).text = found.check.promise
        elif found.outcome == SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_legal(found.evidence))
        else:
            ElementTree.SubElement(case, "system-out").text = _legal(found.evidence)
    if complaints:
        ElementTree.SubElement(
            _case(suite, "clean-up", "clean-up", 0), "failure", message=_legal("; ".join(complaints))
        )
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _case(suite: ElementTree.Element, area: str, name: str, milliseconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=f"smoke.{area}", name=name, time=f"{milliseconds / 1000:.3f}"
    )


def _legal(text: str) -> str:
    """XML 1.0 has no control characters, not even written as entities."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
