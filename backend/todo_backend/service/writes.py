"""Carrying out changes: read, plan, write in one transaction, and once more when somebody else was first."""

import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from todo_backend.service.changes import Change, Meta, Plan, Result, apply
from todo_backend.service.errors import UnavailableError
from todo_backend.service.partition import Partition, RaceLostError

TRIES: Final = 5
PAUSE_SECONDS: Final = 0.02


def commit(
    partition: Partition, changes: tuple[Change, ...], now: datetime, pause: Callable[[float], None] = time.sleep
) -> tuple[tuple[Result, ...], Meta]:
    """Carry out a batch; all of it that can be done is done, or nothing.

    The first try trusts the cache: a stale read makes the transaction's condition fail and costs one round more. What
    no transaction would test (a refusal, a repeat, nothing to change) is decided again on a consistent read.

    Returns:
        The results in order, and META as it is now.

    Raises:
        UnavailableError: others were first, five times; nothing was written.
    """
    plan = _plan(partition, changes, now, consistent=False)
    consistent = False
    for attempt in range(TRIES):
        if plan.needs_confirmation and not consistent:
            plan, consistent = _plan(partition, changes, now, consistent=True), True
        if not plan.puts:
            return plan.results, plan.after
        try:
            partition.write(plan)
            return plan.results, plan.after
        except RaceLostError:
            if attempt + 1 < TRIES:
                pause(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311 - spreads load, hides nothing
                plan, consistent = _plan(partition, changes, now, consistent=True), True
    raise UnavailableError("many devices write at once; try again in a moment")


def _plan(partition: Partition, changes: tuple[Change, ...], now: datetime, *, consistent: bool) -> Plan:
    # A new to-do's id is not looked up at first: the condition that it be new tests that.
    ids = dict.fromkeys(change.todo_id for change in changes if consistent or change.op != "create")
    if ids:
        meta, items = partition.load(ids, consistent=consistent)
    else:
        meta, items = partition.meta(consistent=consistent), {}
    return apply(changes, items, meta or Meta(), now)
