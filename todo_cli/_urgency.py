"""How urgent a to-do is: one number from its due date, its priority and its age; lists begin with the highest.

Pure: now is given. The formula stands in docs/cli/filters.md.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from todo_sdk import Todo

DUE_WEIGHT = (
    12.0  # this one, the priorities and the age are Taskwarrior's, so that who comes from there finds the order
)
DUE_LEAST = 0.2  # the share of the weight for what is due in 14 days or later
DUE_FROM_DAYS, DUE_TO_DAYS = -14.0, 7.0  # days overdue between which the share grows from the least to 1
DUE_NOW_WEIGHT = 3.0  # ours: what is overdue or due today comes before what only matters more
PRIORITY_WEIGHTS = {1: 6.0, 2: 3.9, 3: 1.8, 4: 0.0}
AGE_WEIGHT, AGE_FULL_DAYS = 2.0, 365.0
DAY_SECONDS = 86_400.0

State = Literal["overdue", "today", ""]


def urgency(todo: Todo, now: datetime) -> float:
    """Give the number; a to-do that is done has none (0)."""
    if todo.status == "done":
        return 0.0
    age_days = max(0.0, (now - todo.created_at).total_seconds() / DAY_SECONDS)
    age = AGE_WEIGHT * min(1.0, age_days / AGE_FULL_DAYS)
    return _due_part(todo, now) + PRIORITY_WEIGHTS[todo.priority] + age


def order(todo: Todo, now: datetime) -> tuple[bool, float, float, str]:
    """Give the key by which lists are sorted: open before done, the most urgent first, then the older one."""
    return (todo.status == "done", -urgency(todo, now), todo.created_at.timestamp(), todo.id)


def state(todo: Todo, now: datetime) -> State:
    """Tell whether an open to-do is overdue or due today; a day without a time is over when the day is."""
    if todo.due is None or todo.status == "done":
        return ""
    today = now.date()
    if isinstance(todo.due, datetime):
        if todo.due < now:
            return "overdue"
        return "today" if due_day(todo.due, now) == today else ""
    return "overdue" if todo.due < today else "today" if todo.due == today else ""


def due_day(due: date | datetime, now: datetime) -> date:
    """Give the day in the person's own zone."""
    return due.astimezone(now.tzinfo).date() if isinstance(due, datetime) else due


def due_moment(due: date | datetime, now: datetime) -> datetime:
    """Give the moment from which it is overdue: the time itself, or the end of the day."""
    return due if isinstance(due, datetime) else datetime.combine(due, time.max, now.tzinfo)


def _due_part(todo: Todo, now: datetime) -> float:
    if todo.due is None:
        return 0.0
    if isinstance(todo.due, datetime):
        late = now - todo.due
    else:  # in days of the calendar, whatever the clocks did
        late = now.replace(tzinfo=None) - datetime.combine(todo.due, time.max)
    late_days = late.total_seconds() / DAY_SECONDS
    share = (min(max(late_days, DUE_FROM_DAYS), DUE_TO_DAYS) - DUE_FROM_DAYS) / (DUE_TO_DAYS - DUE_FROM_DAYS)
    due_now = DUE_NOW_WEIGHT if state(todo, now) else 0.0
    return due_now + DUE_WEIGHT * (DUE_LEAST + (1 - DUE_LEAST) * share)
