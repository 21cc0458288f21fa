"""What got done, and what did not: a report over the replica, cell by cell as in a notebook. No network is needed.

Sign in and sync once (`todo login`, `todo sync`), then: python examples/report.py
"""

# %% The data: everything on this machine, synced if there is a network
import sys
from collections import Counter
from datetime import UTC, datetime

from todo_sdk import TodoClient, TodoError

WEEKS = 8

try:
    with TodoClient.from_profile() as client:
        report = client.replica.sync(budget_seconds=5)
        todos = client.replica.list()
        overdue = client.replica.list(overdue=True)
        tags = client.replica.tags()
        stats = client.replica.stats()
except TodoError as error:
    sys.exit(f"report: {error}")

synced = f"{stats.synced_at:%Y-%m-%d %H:%M} UTC" if stats.synced_at else "never"
print(f"{stats.open} open, {stats.done} done; synced: {synced}{'' if report.online else ' (no network now)'}")

# %% Completed per week
weeks = Counter(f"{todo.completed_at:%G-W%V}" for todo in todos if todo.completed_at is not None)
for week, count in sorted(weeks.items())[-WEEKS:]:
    print(f"{week}  {'#' * min(count, 60)} {count}")

# %% How long it takes, from adding to completing
days = sorted((todo.completed_at - todo.created_at).total_seconds() / 86_400 for todo in todos if todo.completed_at)
if days:
    print(f"half of them within {days[len(days) // 2]:.1f} days, the slowest took {days[-1]:.1f}")

# %% Overdue, the oldest first
for todo in overdue[:10]:
    print(f"overdue since {todo.due}: {todo.title}")

# %% Open to-dos by tag
for tag, count in sorted(tags.items(), key=lambda item: (-item[1], item[0]))[:10]:
    if count:
        print(f"{count:4} {tag}")

# %% The oldest open one
waiting = [todo for todo in todos if todo.status == "open"]
if waiting:
    oldest = min(waiting, key=lambda todo: todo.created_at)
    print(f"waiting for {(datetime.now(UTC) - oldest.created_at).days} days: {oldest.title}")
