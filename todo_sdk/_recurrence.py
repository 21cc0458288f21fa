"""How a to-do comes again: the next due date of an RRULE, and the to-do that has it. Pure: the clock is given.

A rule is a recurrence rule of RFC 5545 section 3.3.10, with or without its property name. It counts from the due date:

    FREQ=WEEKLY;BYDAY=MO

or, said by a parameter of the property (section 3.8.5.3 lets an application add one), from the day of completion:

    RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3

The next occurrence is a to-do of its own. Its id follows from the id of the one completed, so that two devices that
complete the same to-do make the same next one.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from todo_sdk._errors import InvalidRequestError

FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = (
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSETPOS"),
    *("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND"),
)
FROM_COMPLETION = "X-FROM=COMPLETION"
LONGEST_INTERVAL = 1000
SUCCESSORS = 50  # so often the next occurrence of one to-do can be removed and made again

_TEXT = re.compile(r"(?:RRULE(?P<params>;[^:]*)?:)?(?P<parts>[A-Z]+=[A-Z0-9,+-]+(?:;[A-Z]+=[A-Z0-9,+-]+)*)")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
# By RFC 5545 these cannot stand beside that frequency, or there is a plainer way to say it. Some of them never occur,
# and a search for the next one would go on to the year 9999.
_MISPLACED: Mapping[str, tuple[str, ...]] = {
    "HOURLY": ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"),
    "DAILY": ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"),
    "WEEKLY": ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"),
    "MONTHLY": ("BYYEARDAY", "BYWEEKNO"),
    "YEARLY": (),
}
_TIME_PARTS = ("BYHOUR", "BYMINUTE", "BYSECOND")


@dataclass(frozen=True)
class Rule:
    """A rule that was read: its parts by name, and whether it counts from the completion."""

    parts: Mapping[str, str]
    from_completion: bool = False
    prefix: str = ""

    def __str__(self) -> str:
        return self.prefix + ";".join(f"{name}={value}" for name, value in self.parts.items())

    @property
    def count(self) -> int | None:
        """How many occurrences there are in all, the present one among them; None is without end."""
        return int(self.parts["COUNT"]) if "COUNT" in self.parts else None

    def counted_down(self, gone: int) -> "Rule":
        """Give the rule as it reads after so many occurrences."""
        if self.count is None:
            return self
        return Rule({**self.parts, "COUNT": str(self.count - gone)}, self.from_completion, self.prefix)

    def moments(self, start: datetime) -> Iterator[datetime]:
        """Give the occurrences from a naive start on, without regard to COUNT and UNTIL.

        Raises:
            ValueError: a part's value means nothing.
        """
        from dateutil.rrule import rrulestr  # most to-dos have no rule

        text = ";".join(f"{name}={value}" for name, value in self.parts.items() if name not in ("COUNT", "UNTIL"))
        try:
            yield from rrulestr(text, dtstart=start)
        except (KeyError, TypeError, AttributeError, OverflowError, IndexError) as error:
            raise ValueError(str(error)) from error


def read_rule(text: str) -> Rule:
    """Read a recurrence.

    Raises:
        InvalidRequestError: it is no rule, or one that cannot be followed; says which part is wrong.
    """
    match = _TEXT.fullmatch(text.upper())
    if match is None:
        raise _refusal(text, "write one RRULE of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO")
    params = match["params"] or ""
    if params not in ("", f";{FROM_COMPLETION}"):
        raise _refusal(text, f"the only parameter is {FROM_COMPLETION}")
    pairs = [tuple(part.split("=", 1)) for part in match["parts"].split(";")]
    rule = Rule(dict(pairs), bool(params), text.upper()[: match.start("parts")])
    problem = "a part stands twice" if len(rule.parts) < len(pairs) else _problem_of(rule)
    if problem:
        raise _refusal(text, problem)
    return rule


def _problem_of(rule: Rule) -> str | None:
    parts = rule.parts
    unknown = [name for name in parts if name not in PARTS]
    if unknown:
        return f"there is no part {unknown[0]}"
    frequency = parts.get("FREQ")
    if frequency not in FREQUENCIES:
        return f"FREQ must be one of {', '.join(FREQUENCIES)}"
    misplaced = [name for name in _MISPLACED[frequency] if name in parts]
    if misplaced:
        return f"{misplaced[0]} cannot stand beside FREQ={frequency}"
    if "COUNT" in parts and "UNTIL" in parts:
        return "COUNT and UNTIL exclude each other"
    wrong = [name for name in ("COUNT", "INTERVAL") if name in parts and not _NUMBER.fullmatch(parts[name])]
    if wrong:
        return f"{wrong[0]} must be a number from 1"
    if int(parts.get("INTERVAL", 1)) > LONGEST_INTERVAL:
        return f"INTERVAL is at most {LONGEST_INTERVAL}"
    return _problem_of_values(rule)


def _problem_of_values(rule: Rule) -> str | None:
    try:
        if "UNTIL" in rule.parts:
            _until(rule)
        if next(rule.moments(datetime(2024, 1, 1)), None) is None:
            return "it never occurs"
    except ValueError as error:
        return f"a value means nothing ({error})"
    return None


def check_schedule(due: str | None, recurrence: str | None) -> None:
    """Check that a due date and a rule, as they stand on the wire, fit each other.

    Raises:
        InvalidRequestError: there is a rule and no due date, or the rule is for the other kind of due date.
    """
    if recurrence is None:
        return
    if due is None:
        raise InvalidRequestError("a to-do with a recurrence needs a due date; give one, or clear the recurrence")
    rule, has_time = read_rule(recurrence), len(due) > len("2026-12-24")
    if not has_time and (rule.parts["FREQ"] == "HOURLY" or any(name in rule.parts for name in _TIME_PARTS)):
        raise _refusal(recurrence, "it speaks of hours, but the due date has none")
    if "UNTIL" in rule.parts and rule.parts["UNTIL"].endswith("Z") != has_time:
        wanted = "20261231T230000Z, as the due date has a time" if has_time else "20261231, as the due date has no time"
        raise _refusal(recurrence, f"UNTIL must look like {wanted}")


def _refusal(text: str, why: str) -> InvalidRequestError:
    return InvalidRequestError(f"recurrence {text[:100]!r} cannot be followed: {why}")


def next_due(
    rule: Rule, due: date | datetime, completed_at: datetime, zone: tzinfo | None = None
) -> tuple[date | datetime, Rule] | None:
    """Give the next due date and the rule that goes on from it; None when there is no more.

    By the due date: the first occurrence after it that is not past already; occurrences that were missed are left out
    and count. By the completion: the first occurrence after that day, at the due date's time of day.

    Args:
        completed_at: aware.
        zone: in which a due time keeps its time of day across a change of clocks, if its offset is the zone's; the
            machine's own if none is given. A due time with another offset keeps that offset.
    """
    try:
        wall = _Wall(due, zone, keeps_offset=rule.parts["FREQ"] == "HOURLY")
        found = (_after_completion if rule.from_completion else _after_due)(rule, wall, completed_at)
        if found is None:
            return None
        moment, gone = found
        following = wall.due_at(moment)
    except (OverflowError, ValueError):  # the calendar ends in 9999
        return None
    if (rule.count is not None and gone >= rule.count) or _is_past_until(rule, moment, following):
        return None
    return following, rule.counted_down(gone)


def _after_due(rule: Rule, wall: "_Wall", completed_at: datetime) -> tuple[datetime, int] | None:
    done = wall.clock_at(completed_at)
    # a to-do for a day is not past on that day
    floor = max(wall.start, done if wall.has_time else datetime.combine(done.date(), time.min) - _TICK)
    gone = 0 if next(rule.moments(wall.start), None) == wall.start else 1
    for moment in rule.moments(wall.start):
        if moment > floor:
            return moment, gone
        gone += 1
    return None


def _after_completion(rule: Rule, wall: "_Wall", completed_at: datetime) -> tuple[datetime, int] | None:
    from dateutil.relativedelta import relativedelta

    done = wall.clock_at(completed_at).replace(microsecond=0)
    base = done if rule.parts["FREQ"] == "HOURLY" else datetime.combine(done.date(), wall.start.time())
    months = {"MONTHLY": 1, "YEARLY": 12}.get(rule.parts["FREQ"])
    if months and not any(name.startswith("BY") for name in rule.parts):
        # a month after the 31st is the month's last day, whereas an RRULE would leave that month out
        return base + relativedelta(months=months * int(rule.parts.get("INTERVAL", 1))), 1
    moment = next((moment for moment in rule.moments(base) if moment > base), None)
    return None if moment is None else (moment, 1)


_TICK = datetime.resolution


class _Wall:
    """The clock on the wall by which a due date recurs: naive times, and back to due dates."""

    def __init__(self, due: date | datetime, zone: tzinfo | None, *, keeps_offset: bool) -> None:
        self.has_time = isinstance(due, datetime)
        self._zone = zone
        self._offset: tzinfo | None = None
        if isinstance(due, datetime):
            self.start = due.replace(tzinfo=None)
            if keeps_offset or due.astimezone(zone).utcoffset() != due.utcoffset():
                self._offset = due.tzinfo
        else:
            self.start = datetime.combine(due, time.min)

    def clock_at(self, moment: datetime) -> datetime:
        """Give what the clock shows at an aware moment."""
        return moment.astimezone(self._offset or self._zone).replace(tzinfo=None)

    def due_at(self, shown: datetime) -> date | datetime:
        """Give the due date at which the clock shows that."""
        if not self.has_time:
            return shown.date()
        if self._offset is not None or self._zone is None:
            return shown.replace(tzinfo=self._offset) if self._offset is not None else shown.astimezone()
        # by way of UTC: a time that the change of clocks leaves out becomes the one an hour later
        return shown.replace(tzinfo=self._zone).astimezone(UTC).astimezone(self._zone)


def _until(rule: Rule) -> datetime:
    text = rule.parts["UNTIL"]
    if not _UNTIL.fullmatch(text):
        raise ValueError("UNTIL is no date")
    if "T" not in text:
        return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), time.max)
    moment = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")
    return moment.replace(tzinfo=UTC) if text.endswith("Z") else moment


def _is_past_until(rule: Rule, moment: datetime, following: date | datetime) -> bool:
    if "UNTIL" not in rule.parts:
        return False
    until = _until(rule)
    if until.tzinfo is None:
        return moment > until
    return following > until if isinstance(following, datetime) else moment > until.replace(tzinfo=None)


def successor_id(todo_id: str, attempt: int = 0) -> str:
    """Give the id of the next occurrence of a to-do: a UUID of version 7 that everybody derives alike.

    Args:
        attempt: how many next occurrences of it have been removed already.
    """
    milliseconds = uuid.UUID(todo_id).int >> 80
    digest = int.from_bytes(hashlib.sha256(f"{todo_id} next {attempt}".encode()).digest(), "big")
    high, low = digest & 0xFFF, (digest >> 12) & ((1 << 62) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low))


def successor_fields(todo: Mapping[str, Any], completed_at: datetime, zone: tzinfo | None) -> dict[str, Any] | None:
    """Give the fields of the next occurrence, as they stand on the wire; None when there is none.

    Raises:
        InvalidRequestError: the rule cannot be followed.
    """
    if todo["recurrence"] is None or todo["due"] is None:
        return None
    rule, text = read_rule(todo["recurrence"]), todo["due"]
    due = date.fromisoformat(text) if len(text) == len("2026-12-24") else datetime.fromisoformat(text)
    found = next_due(rule, due, completed_at, zone)
    if found is None:
        return None
    copied = {name: todo[name] for name in ("title", "notes", "priority", "tags", "list", "attachments")}
    return {**copied, "status": "open", "due": found[0].isoformat(), "recurrence": str(found[1])}
