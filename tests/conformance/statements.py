"""The statements of docs/aws-behaviours.md, and which of them a test's name says it tries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "aws-behaviours.md"
FAMILIES = {
    "UP": "Cognito user pools",
    "IP": "Cognito identity pools and STS",
    "S3": "S3",
    "AG": "API Gateway",
    "AC": "API Gateway's response cache",
    "LA": "Lambda",
    "DD": "DynamoDB and DAX",
    "SE": "Mistakes that the architecture invites",
}
_LINE = re.compile(r"^- `([A-Z0-9]{2}-\d+)` (.*)$", re.MULTILINE)
_GRADE = re.compile(r"\*([DRSFMX](?:/[DRSFMX])?)\b[^*]*\*")
_SHORT = 90
_ONE = r"(?:up|ip|s3|ag|ac|la|dd|se)_\d+(?:(?:_and|_to)?_\d{2,3}(?=_|$))*"
_NAMED = re.compile(rf"test_((?:{_ONE}_)*{_ONE})(?=_|$)")
_PART = re.compile(r"(up|ip|s3|ag|ac|la|dd|se)_(\d+)|(to_)?(\d{2,3})(?=_|$)")
_IN_PARAMETERS = re.compile(r"(?:^|[\[ -])((?:UP|IP|S3|AG|AC|LA|DD|SE)-\d{2,3}) ")


@dataclass(frozen=True)
class Statement:
    """One statement: its id, its beginning, and how much weight it bears."""

    id: str
    text: str
    grade: str

    @property
    def family(self) -> str:
        """The letters of the id."""
        return self.id.partition("-")[0]


def statements(document: str | None = None) -> list[Statement]:
    """All of them, in the document's order."""
    found = _LINE.findall(DOCUMENT.read_text() if document is None else document)
    return [Statement(name, _short(text), _grade(text)) for name, text in found]


def _grade(text: str) -> str:
    found = _GRADE.search(text.replace("**", ""))
    return found[1] if found else ""


def _short(text: str) -> str:
    """What is asked, without what is answered."""
    asked = text.partition("→")[0] if "→" in text else text
    plain = re.sub(r"\s+[DRSFMX]\b(?:/[DRSFMX])?\s*(\[.*)?$", "", re.sub(r"[*`|]|\\", "", asked).strip()).rstrip(":. ")
    if len(plain) <= _SHORT:
        return plain
    return plain[:_SHORT].rpartition(" ")[0] + " …"


def named_by(test: str) -> set[str]:
    """The ids in a test's name: `test_up_72_to_77_and_81_se_04_…`, and in the name of its parameters."""
    name, _, parameters = test.partition("[")
    found = set(_IN_PARAMETERS.findall(parameters))
    beginning = _NAMED.match(name)
    return found | set(_expanded(beginning[1]) if beginning else ())


def _expanded(names: str) -> Iterator[str]:
    family, last = "", 0
    for part in _PART.finditer(names):
        if part[1]:
            family, last = part[1].upper(), int(part[2])
        elif part[3]:
            yield from (f"{family}-{number:02d}" for number in range(last + 1, int(part[4])))
            last = int(part[4])
        else:
            last = int(part[4])
        yield f"{family}-{last:02d}"
