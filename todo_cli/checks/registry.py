"""What a check is, and the list of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from todo_cli.checks.world import World

Run = Callable[["World"], str]


class CheckFailedError(Exception):
    """A promise was not kept; the message says what came instead."""


class CheckSkippedError(Exception):
    """This promise cannot be looked at here; the message says why."""


@dataclass(frozen=True)
class Check:
    """One promise, and how to look at it.

    Attributes:
        name: its area, then what it says: `folder-foreign-read`.
        promise: one sentence.
        statements: of docs/aws-behaviours.md, what it rests on.
        writes: whether it makes users or data.
        run: gives the evidence, or raises CheckFailedError or CheckSkippedError.
    """

    name: str
    promise: str
    statements: tuple[str, ...]
    writes: bool
    run: Run

    @property
    def area(self) -> str:
        """The first word of the name."""
        return self.name.partition("-")[0]


_checks: dict[str, Check] = {}


def check(*statements: str, writes: bool = True) -> Callable[[Run], Run]:
    """Take a function into the list: its name is the check's, the first line of its docstring the promise."""

    def taken(run: Run) -> Run:
        name = run.__name__.replace("_", "-")
        promise = (run.__doc__ or "").strip().splitlines()[0].rstrip(".")
        _checks[name] = Check(name, promise, statements, writes, run)
        return run

    return taken


def all_checks() -> list[Check]:
    """Give every check, in the order in which they are run."""
    from todo_cli.checks import account, api, cache, folder, speed, todos  # noqa: F401 - each registers its own

    order = ("api", "account", "folder", "todo", "cache", "speed")
    return sorted(_checks.values(), key=lambda found: order.index(found.area))


def expect(kept: bool, instead: str) -> None:
    """Fail the check, unless the promise is kept.

    Raises:
        CheckFailedError: with what came instead.
    """
    if not kept:
        raise CheckFailedError(instead)
