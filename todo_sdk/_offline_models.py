"""What the replica tells: what waits, what a sync did, what lost a conflict. Plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from todo_sdk._errors import TodoError
from todo_sdk._models import Todo


@dataclass(frozen=True)
class QueuedChange:
    """What one to-do has that the service does not have yet; several edits of one to-do are one change.

    `fields` is what will be sent. `problem` is why the service refused it, in a sentence: it waits aside, without
    keeping the others back, until the to-do is changed again or the change is given up with `replica.discard`.
    """

    todo_id: str
    op: Literal["create", "update", "delete"]
    title: str
    fields: Mapping[str, Any]
    since: datetime
    problem: str | None = None


@dataclass(frozen=True)
class Conflict:
    """A value that lost against another device's, kept for good.

    `field` is the to-do's field, or "deleted" when it was changed here and removed there, or the other way round; then
    `lost` is a mapping of the fields that were lost. `winner` says whose value stays: "mine" is this device's.
    """

    todo_id: str
    title: str
    field: str
    kept: Any
    lost: Any
    winner: Literal["mine", "theirs"]
    at: datetime


@dataclass(frozen=True)
class HistoryEntry:
    """One change that was made on this device: the fields that it changed, before and after.

    `before` is None for an add, `after` for a removal. `undone`: it has been taken back.
    """

    todo_id: str
    op: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: datetime
    undone: bool


@dataclass(frozen=True)
class Undone:
    """What an undo took back: the operation ("add", "edit", "done", …, "batch"), and the to-dos as they are now.

    `kept` names the fields that stayed as they are, since they were changed again by somebody else in the meantime.
    """

    op: str
    todos: tuple[Todo, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class SyncReport:
    """What a sync did.

    `online` is False when the service could not be reached; `error` is then, and after a refusal that passes by itself
    (throttled, broken), what was in the way. `complete`: nothing is left to fetch, and nothing to push but what was
    refused. `queued` counts what still waits, the refused among it.
    """

    pushed: int = 0
    pulled: int = 0
    conflicts: tuple[Conflict, ...] = ()
    refused: tuple[QueuedChange, ...] = ()
    queued: int = 0
    revision: int = 0
    requests: int = 0
    online: bool = True
    complete: bool = False
    error: TodoError | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Stats:
    """Counts over the replica; `queued` and `refused` are unpushed changes, `synced_at` the service's time."""

    open: int
    done: int
    overdue: int
    queued: int
    refused: int
    conflicts: int
    revision: int
    synced_at: datetime | None


@dataclass(frozen=True)
class Recovery:
    """What became of a replica whose file was damaged: it is kept at `aside`, and the next sync fills a new one.

    `rescued` counts the to-dos whose unpushed changes could be read and are queued again; `whole` is False when some of
    the file could not be read, so that there may have been more.
    """

    aside: Path
    rescued: int
    whole: bool
