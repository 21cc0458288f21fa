"""The filter language: status:open +home due.before:friday list:shop milk, and @NAME for a saved filter.

All terms of a filter must fit; `or` between terms separates alternatives; a minus (or not:) before a term turns it
around.
Pure: now and the saved filters are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from todo_cli._urgency import due_day, due_moment, state

if TYPE_CHECKING:
    from todo_sdk import Todo

Test = Callable[["Todo"], bool]
STATUSES = ("open", "done", "all")
DATES = ("due", "created", "updated", "completed")
RELATIONS = ("before", "after", "by")
HAS = ("due", "notes", "tags", "list", "recurrence", "attachments")
IS = ("open", "done", "overdue", "today", "recurring")
# Every key with an example of it, in the order in which help and errors name them.
KEYS: dict[str, str] = {
    "status": "status:open, status:done, status:all",
    "tag": "tag:home (or +home, and -home for those without), tag:none",
    "list": "list:shop, list:none",
    "priority": "priority:1, priority:1,2",
    "due": "due:today, due:none, due.before:friday, due.after:2026-12-24, due.by:eow",
    "created": "created:today, created.before:yesterday; updated and completed alike",
    "updated": "",
    "completed": "",
    "is": "is:overdue, is:today, is:recurring, is:open, is:done",
    "has": "has:notes, has:due, has:tags, has:list, has:recurrence, has:attachments",
    "text": "text:overdue, for a word that would be read as a term",
    "id": "id:4f1c",
    "not": "not:home (as -home), not:list:shop, not:overdue",
}
_TERM = re.compile(r"([a-z_]+)(?:\.([a-z]+))?:(.*)", re.DOTALL)


class FilterError(ValueError):
    """A filter that cannot be read; the text says which term and what would be one."""


@dataclass(frozen=True)
class Filter:
    """What to-dos must be; `says_status` tells whether it speaks about open and done itself."""

    alternatives: tuple[tuple[Test, ...], ...]
    says_status: bool

    def fits(self, todo: Todo) -> bool:
        """Tell whether a to-do is meant."""
        return any(all(test(todo) for test in tests) for tests in self.alternatives)


class Reader:
    """Reads filters as of one moment, with the saved filters by name."""

    def __init__(self, now: datetime, saved: Mapping[str, str] | None = None) -> None:
        self._now = now
        self._saved = saved or {}
        self._open_names: list[str] = []  # the saved filters that are being read: one must not hold itself
        self._says_status = False

    def read(self, words: Iterable[str]) -> Filter:
        """Read a filter's terms; no terms fit everything.

        Raises:
            FilterError: a term that is none, naming what would be one.
        """
        alternatives: list[tuple[Test, ...]] = [()]
        for word in words:
            if word.lower() == "or":
                alternatives.append(())
            elif word:
                alternatives[-1] = (*alternatives[-1], self._term(word))
        if len(alternatives) > 1 and () in alternatives:
            raise FilterError("`or` stands between two terms; write text:or for the word")
        return Filter(tuple(alternatives), self._says_status)

    def _term(self, word: str) -> Test:
        if word.startswith("+") and len(word) > 1:
            return self._tag(word[1:])
        turned = word.removeprefix("-") if word.startswith("-") else word.removeprefix("not:")
        if turned and turned != word:
            return _not(self._term(turned) if self._is_term(turned) else self._tag(turned))
        if word.startswith("@") and len(word) > 1:
            return self._saved_filter(word[1:])
        if word.lower() == "overdue":
            return self._is("overdue")
        found = _TERM.fullmatch(word)
        return self._by_key(found, word) if found and not found[3].startswith("//") else _text(word)

    def _is_term(self, word: str) -> bool:
        return word.startswith("@") or word.lower() == "overdue" or _TERM.fullmatch(word) is not None

    def _by_key(self, found: re.Match[str], word: str) -> Test:
        key, relation, value = found[1], found[2], found[3].strip()
        if key not in KEYS:
            raise FilterError(
                f"there is no filter {key}:{_near(key, KEYS)}; there are {', '.join(KEYS)}"
                f" (text:{word} looks for the words)"
            )
        if not value:
            raise FilterError(f"{word} says nothing; for instance {KEYS[key] or KEYS['created']}")
        if key in DATES:
            return self._date(key, relation, value)
        if relation:
            raise FilterError(f"{key}.{relation} is none; only {', '.join(DATES)} have .before, .after and .by")
        readers: dict[str, Callable[[str], Test]] = {
            "status": self._status,
            "tag": self._tag,
            "list": _list,
            "priority": _priority,
            "is": self._is,
            "has": _has,
            "text": _text,
            "id": _id,
        }
        return readers[key](value)

    def _status(self, value: str) -> Test:
        wanted = _one_of(value.lower(), STATUSES, "status")
        self._says_status = True
        return lambda todo: wanted in ("all", todo.status)

    def _tag(self, value: str) -> Test:
        wanted = value.casefold()
        if wanted == "none":
            return lambda todo: not todo.tags
        return lambda todo: any(tag.casefold() == wanted for tag in todo.tags)

    def _is(self, value: str) -> Test:
        wanted = _one_of(value.lower(), IS, "is")
        if wanted in ("open", "done"):
            return self._status(wanted)
        if wanted == "recurring":
            return lambda todo: todo.recurrence is not None
        return lambda todo: state(todo, self._now) == wanted

    def _date(self, key: str, relation: str | None, value: str) -> Test:
        if key == "completed":
            self._says_status = True
        if relation is None and value.lower() in ("none", "any"):
            return lambda todo: (_moment(todo, key) is None) is (value.lower() == "none")
        if relation is not None:
            _one_of(relation, RELATIONS, f"{key}.")
        when = self._when(key, value)
        return lambda todo: self._compares(_moment(todo, key), relation, when)

    def _when(self, key: str, value: str) -> date | datetime:
        from todo_cli._dates import parse_due
        from todo_cli._days import NoSuchDayError

        for text in (value, re.sub(r"[-_]", " ", value)):  # due.by:end-of-month needs no quotes
            try:
                return parse_due(text, self._now)
            except NoSuchDayError:
                raise FilterError(f"{value} is a day that no calendar has") from None
            except ValueError:
                continue
        raise FilterError(f"{value!r} is no date; for instance {KEYS['due'] if key == 'due' else KEYS['created']}")

    def _compares(self, has: date | datetime | None, relation: str | None, when: date | datetime) -> bool:
        if has is None:
            return False
        if isinstance(when, datetime) and relation is not None:
            moment = due_moment(has, self._now)
            return {"before": moment < when, "after": moment > when, "by": moment <= when}[relation]
        day, wanted = due_day(has, self._now), due_day(when, self._now)
        if relation is None:
            return day == wanted
        return {"before": day < wanted, "after": day > wanted, "by": day <= wanted}[relation]

    def _saved_filter(self, name: str) -> Test:
        if name in self._open_names:
            raise FilterError(f"the saved filter @{name} holds itself")
        if name not in self._saved:
            known = f"; there are {', '.join('@' + known for known in self._saved)}" if self._saved else ""
            raise FilterError(
                f"there is no saved filter @{name}{_near(name, self._saved)}{known};"
                f" `todo filter save {name} TERMS…` makes one"
            )
        self._open_names.append(name)
        found = self.read(terms_of(self._saved[name]))
        self._open_names.pop()
        return found.fits


def terms_of(text: str) -> list[str]:
    """Split a filter that was saved as one text into its terms, quotes as in a shell.

    Raises:
        FilterError: a quote is not closed.
    """
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        raise FilterError(f"{text!r} cannot be split into terms: {error}") from None


def _not(test: Test) -> Test:
    return lambda todo: not test(todo)


def _list(value: str) -> Test:
    wanted = "" if value.lower() == "none" else value.casefold()
    return lambda todo: todo.list.casefold() == wanted


def _priority(value: str) -> Test:
    wanted = {_one_of(part, ("1", "2", "3", "4"), "priority") for part in value.split(",")}
    return lambda todo: str(todo.priority) in wanted


def _has(value: str) -> Test:
    wanted = _one_of(value.lower(), HAS, "has")
    return lambda todo: bool(getattr(todo, wanted))


def _text(value: str) -> Test:
    wanted = value.casefold()
    return lambda todo: wanted in todo.title.casefold() or wanted in todo.notes.casefold()


def _id(value: str) -> Test:
    wanted = value.lower()
    return lambda todo: todo.id.startswith(wanted) or todo.id.endswith(wanted)


def _moment(todo: Todo, key: str) -> date | datetime | None:
    moment: date | datetime | None = todo.due if key == "due" else getattr(todo, f"{key}_at")
    return moment


def _one_of(value: str, known: tuple[str, ...], what: str) -> str:
    if value not in known:
        label = what if what.endswith(".") else f"{what}:"
        raise FilterError(f"{label}{value} is none{_near(value, known)}; there are {', '.join(known)}")
    return value


def _near(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]}" if near else ""
