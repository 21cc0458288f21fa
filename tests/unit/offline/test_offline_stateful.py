"""Any devices, any order, any network: in the end all have the same, and every value is somewhere.

`TODO_SYNC_EXAMPLES=2000 pytest tests/unit/offline/test_offline_stateful.py` is the long run.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.unit.offline.conftest import Phone, World

EXAMPLES = int(os.environ.get("TODO_SYNC_EXAMPLES", "12"))
PHONES = 3
FAULTS = ("down", "lost", "500", "503", "429")

phones = st.integers(0, PHONES - 1)
picks = st.integers(0, 30)
fields = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.integers(1, 4),
        "tags": st.lists(st.sampled_from("abcd"), max_size=3, unique=True),
        "list": st.sampled_from(("", "home", "work")),
    },
)


class Devices(RuleBasedStateMachine):
    """Three phones of one user, clocks some minutes apart."""

    @initialize()
    def begin(self) -> None:
        # memory if there is some: a thousand commits that each wait for a disk are not what is tested
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="todo-devices-", dir=memory))
        self.world = World()
        drifts = (timedelta(), timedelta(minutes=-7), timedelta(days=40))
        self.phones = [
            Phone(self.world, self.folder / str(number), wrong_by=drifts[number]) for number in range(PHONES)
        ]
        for phone in self.phones:
            phone.client._http._retries._sleep = lambda seconds: None
        self.markers: list[str] = []
        self.went_back = False

    def marker(self, kind: str) -> str:
        self.markers.append(f"{kind}{len(self.markers)}x")
        return self.markers[-1]

    def pick(self, phone: int, number: int, **filters: Any) -> Any:
        found = self.phones[phone].replica.list(**filters)
        return found[number % len(found)] if found else None

    @rule(phone=phones, changes=fields, recurring=st.booleans())
    def add(self, phone: int, changes: dict[str, Any], recurring: bool) -> None:
        if recurring:
            changes = {**changes, "due": "2026-12-01", "recurrence": "FREQ=WEEKLY"}
        self.phones[phone].replica.add(self.marker("title"), **changes)

    @rule(phone=phones, number=picks, changes=fields)
    def edit(self, phone: int, number: int, changes: dict[str, Any]) -> None:
        todo = self.pick(phone, number)
        if todo is not None:
            self.phones[phone].replica.edit(todo.id, notes=self.marker("notes"), **changes)

    @rule(phone=phones, number=picks)
    def complete(self, phone: int, number: int) -> None:
        todo = self.pick(phone, number, status="open")
        if todo is not None:
            self.phones[phone].replica.done(todo.id)

    @rule(phone=phones, number=picks)
    def reopen(self, phone: int, number: int) -> None:
        todo = self.pick(phone, number, status="done")
        if todo is not None:
            self.phones[phone].replica.reopen(todo.id)
            self.went_back = True

    @rule(phone=phones, number=picks)
    def remove(self, phone: int, number: int) -> None:
        todo = self.pick(phone, number)
        if todo is not None:
            self.phones[phone].replica.remove(todo.id)

    @rule(phone=phones)
    def undo(self, phone: int) -> None:
        self.phones[phone].replica.undo()
        self.went_back = True

    @rule(phone=phones, faults=st.lists(st.sampled_from((*FAULTS, None)), max_size=6))
    def sync(self, phone: int, faults: list[str | None]) -> None:
        coming = iter(faults)
        self.world.fault = lambda request: next(coming, None)
        self.phones[phone].replica.sync()
        self.world.fault = lambda request: None

    @rule(phone=phones)
    def restart(self, phone: int) -> None:
        self.phones[phone].restarted()
        self.phones[phone].client._http._retries._sleep = lambda seconds: None

    @rule(days=st.sampled_from((0.01, 1, 31)))
    def pass_time(self, days: float) -> None:
        self.world.later(days=days)

    @precondition(lambda self: any(item["deleted"] for item in self.world.table().now.items.values()))
    @rule()
    def expire(self) -> None:
        """DynamoDB removes tombstones whose time is over."""
        for todo_id, item in list(self.world.table().now.items.items()):
            if item["deleted"] and item["expires_at"] <= self.world.now.timestamp():
                self.world.table().forget(todo_id)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.check()
        finally:
            for phone in self.phones:
                phone.client.close()
            shutil.rmtree(self.folder)

    def check(self) -> None:
        for _ in range(3):
            for phone in self.phones:
                report = phone.replica.sync()
                assert report.complete, report
                assert report.queued == 0
        served = self.world.live()
        for phone in self.phones:
            held = {todo.id: todo.to_wire() for todo in phone.replica.list()}
            assert held == {key: {name: item[name] for name in held[key]} for key, item in served.items()}
            numbers = [phone.replica.short_id(todo_id) for todo_id in held]
            assert len(set(numbers)) == len(numbers)
        series = Counter(item["title"] for item in served.values() if item["recurrence"] and item["status"] == "open")
        if not self.went_back:  # else an older occurrence is open again because a person said so
            assert not [title for title, count in series.items() if count > 1]
        everything = json.dumps(list(served.values())) + "".join(map(self.remembered, self.phones))
        assert not [marker for marker in self.markers if marker not in everything]

    @staticmethod
    def remembered(phone: Phone) -> str:
        """What a phone knows of values that are no more: those it changed itself, and those that lost."""
        with phone.replica._reading() as db:
            told = db.execute("SELECT before, after, op FROM journal").fetchall()
            lost = db.execute("SELECT kept, lost FROM conflict").fetchall()
            gone = db.execute("SELECT title, notes FROM todo WHERE deleted = 1").fetchall()
        texts = [row["before"] for row in told if row["before"]]
        texts += [row["after"] for row in told if row["op"] == "add"]  # removed elsewhere before it was changed
        return json.dumps([texts, [tuple(row) for row in (*lost, *gone)]])


TestDevices = Devices.TestCase
TestDevices.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
