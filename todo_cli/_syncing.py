"""Syncing after the answer: a command works on the replica, prints, and then syncs within a short time.

When the network was just seen to be down, it is not asked again by every command: the time of the last failure is kept
in a small file beside the replica, and asking pauses for longer after each further failure. `todo sync` always asks.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from todo_cli._context import AppContext
    from todo_sdk import Conflict, QueuedChange, Replica, SyncReport

FIRST_BUDGET_SECONDS = 20.0  # a device that has nothing yet waits for its first sync
FRESH_SECONDS = 30.0  # reading again so soon does not ask again
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15.0, 300.0


@dataclass(frozen=True)
class Memory:
    """When the service was last reached and last not reached, in seconds since the epoch, and how often not."""

    reached_at: float = 0.0
    failed_at: float = 0.0
    failures: int = 0

    def asks_again_at(self) -> float:
        """Tell until when asking pauses."""
        if not self.failures:
            return 0.0
        return self.failed_at + min(PAUSE_SECONDS * 2.0 ** (self.failures - 1), LONGEST_PAUSE_SECONDS)


def memory_path(replica: Replica) -> Path:
    """Tell where the memory of the network is kept."""
    return replica.path.with_suffix(".network.json")


def remembered(replica: Replica) -> Memory:
    """Read the memory; what cannot be read was never written."""
    try:
        stored = json.loads(memory_path(replica).read_text("utf-8"))
        return Memory(*(type(default)(stored[name]) for name, default in asdict(Memory()).items()))
    except (OSError, ValueError, KeyError, TypeError):
        return Memory()


def before_reading(app: AppContext) -> None:
    """Fetch the to-dos if this device never did: an empty list would be no answer."""
    if remembered(app.replica).reached_at or not _may_ask(app):
        return
    there = app.replica.stats()
    if there.synced_at is None and not (there.open or there.done):
        if sys.stderr.isatty():  # a person waits
            app.out.talk("fetching your to-dos for the first time ...")
        report = full_sync(app, FIRST_BUDGET_SECONDS)
        if report.error is not None:
            raise report.error


def after_reading(app: AppContext) -> None:
    """Bring the replica up to date for the next look, unless that was just done."""
    _after(app, fresh_seconds=FRESH_SECONDS, changed=False)


def after_change(app: AppContext) -> None:
    """Send what was changed, and say what has to wait."""
    _after(app, fresh_seconds=0.0, changed=True)


def look_again(app: AppContext) -> bool:
    """Fetch what changed elsewhere, for what is not here; tells whether that was possible."""
    memory, now = remembered(app.replica), app.clock()
    if not _may_ask(app) or memory.failed_at <= now < memory.asks_again_at():
        return False
    return full_sync(app, app.preferences.budget_seconds).error is None


def full_sync(app: AppContext, budget_seconds: float | None) -> SyncReport:
    """Sync now, and remember whether the service was reached."""
    replica = app.replica
    report = replica.sync(budget_seconds)
    _remember(app, replica, report)
    return report


def waiting(count: int) -> str:
    """Say how many changes wait."""
    return "1 change waits" if count == 1 else f"{count} changes wait"


def told_conflict(conflict: Conflict) -> str:
    """Say what lost against what, in a line."""
    whose = "this device's" if conflict.winner == "mine" else "the other device's"
    return f"conflict: {conflict.title}: {conflict.field}: {whose} {conflict.kept!r} stays, {conflict.lost!r} lost"


def told_refused(change: QueuedChange, short_id: str) -> str:
    """Say what the service did not take, and what to do."""
    return (
        f"refused: {change.title}: {change.problem}; change it with `todo edit {short_id}`,"
        f" or give it up with `todo sync --discard {short_id}`"
    )


def _after(app: AppContext, *, fresh_seconds: float, changed: bool) -> None:
    from todo_sdk import TodoError

    sys.stdout.flush()  # what was asked for is answered; the rest is for next time
    if not _may_ask(app):
        _tell_waiting(app, changed)
        return
    now = app.clock()
    memory = remembered(app.replica)
    if memory.reached_at <= now < memory.reached_at + fresh_seconds:
        return
    if memory.failed_at <= now < memory.asks_again_at():
        _tell_waiting(app, changed)
        return
    try:
        report = full_sync(app, app.preferences.budget_seconds)
    except TodoError as error:  # the command itself succeeded
        app.out.talk(f"not synced: {error}")
        return
    _tell(app, report, changed)


def _may_ask(app: AppContext) -> bool:
    if app.read_only and app.replica.queued():
        return False  # a sync would send what waits
    return not app.preferences.offline and app.preferences.budget_seconds > 0


def _tell(app: AppContext, report: SyncReport, changed: bool) -> None:
    for conflict in report.conflicts:
        app.out.talk(told_conflict(conflict))
    for change in report.refused:
        app.out.talk(told_refused(change, app.replica.short_id(change.todo_id)))
    if report.error is not None and report.online:
        app.out.talk(f"not synced: {report.error}")
    elif report.error is not None or not report.complete:
        _tell_waiting(app, changed)
    elif report.pulled and not changed:
        app.out.talk(f"{report.pulled} more changed elsewhere and came in; look again")


def _tell_waiting(app: AppContext, changed: bool) -> None:
    if not changed:
        return
    count = app.replica.stats().queued
    if count == 0:
        return
    if app.preferences.offline:
        app.out.talk(f"offline: {waiting(count)} here; `todo offline off` sends them")
    else:
        app.out.talk(f"the service was not reached: {waiting(count)} here and will be sent; `todo sync` tries now")


def _remember(app: AppContext, replica: Replica, report: SyncReport) -> None:
    memory, now = remembered(replica), app.clock()
    if report.error is None and report.online:
        memory = Memory(reached_at=now)
    else:
        memory = replace(memory, failed_at=now, failures=memory.failures + 1)
    path = memory_path(replica)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.time_ns()}")
    with suppress(OSError):  # it saves time and nothing else
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(memory), file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
