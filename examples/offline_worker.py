"""Take to-dos in whatever the network does: one line of stdin is one to-do, and a thread syncs beside it.

Sign in first (`todo login`), then: some-program | python examples/offline_worker.py
What was acknowledged by "kept" is on this disk and gets to the service sooner or later, once.
"""

import random
import sys
import threading

from todo_sdk import Replica, TodoClient, TodoError

SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0


def keep_syncing(replica: Replica, news: threading.Event, over: threading.Event) -> None:
    """Sync when there is something new; after a failure less and less often, and not all devices at once.

    Ends when a person must act; the last sync, in `main`, says what to do.
    """
    pause = SHORTEST_PAUSE_SECONDS
    while not over.is_set():
        news.wait()
        news.clear()
        try:
            report = replica.sync()
        except TodoError as error:
            print(f"syncing ended: {error}", file=sys.stderr)
            return
        if report.complete:
            pause = SHORTEST_PAUSE_SECONDS
        else:
            print(f"{report.queued} wait: {report.error}", file=sys.stderr)
            news.set()
            over.wait(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def main() -> int:
    """Read to the end of stdin, then sync once more."""
    news, over = threading.Event(), threading.Event()
    with TodoClient.from_profile() as client:
        replica = client.replica
        if replica.recovered:
            print(f"the replica was damaged; {replica.recovered.rescued} changes were saved", file=sys.stderr)
        syncing = threading.Thread(target=keep_syncing, args=(replica, news, over), daemon=True)
        syncing.start()
        for line in sys.stdin:
            if line.strip():
                todo = replica.add(line.strip(), list="inbox")
                print("kept", replica.short_id(todo), todo.title, flush=True)
                news.set()
        over.set()
        news.set()
        syncing.join()
        report = replica.sync(budget_seconds=30)
        for change in report.refused:
            print(f"refused: {change.title}: {change.problem}", file=sys.stderr)
        print(f"{report.queued} still wait" if report.queued else "all is at the service")
    return 0 if report.complete else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TodoError as error:
        sys.exit(f"offline_worker: {error}")
