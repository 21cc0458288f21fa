"""Several users with several devices each, doing anything in any order, while anything fails: what must hold.

The table's history is the truth. Whatever is told as a list of some revision has to be that user's list at exactly
that revision, and no revision may be lower than what the device has seen; so a device never sees its own write undone,
a list that never was, or another user's to-do. At the end every change that was acknowledged has happened, and once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import todo_backend.service as real_service
import todo_backend.service.api
import todo_backend.service.attributes
import todo_backend.service.settings
import todo_backend.service.store
import todo_backend.service.todos
from tests.property.world import NODES, ReadPath
from tests.unit.gateway.world import Reply

USERS = ("ada", "bob")
DEVICES = 4  # device 0 and 2 are Ada's, 1 and 3 are Bob's
BUSY = (429, 503)
ROUTES = st.tuples(st.integers(0, 1), st.integers(0, NODES - 1))  # which environment, and which node it reads from
Todo = dict[str, Any]


@dataclass
class Change:
    """One change that a device wants made; sent again, unchanged, until it is acknowledged."""

    op: str
    todo_id: str
    key: str
    title: str

    @property
    def request(self) -> tuple[str, str, Any]:
        if self.op == "create":
            return "POST", "/v1/todos", {"id": self.todo_id, "title": self.title}
        path = f"/v1/todos/{self.todo_id}"
        return ("DELETE", path, None) if self.op == "delete" else ("PATCH", path, {"title": self.title})

    @property
    def wire(self) -> Todo:
        fields = {"fields": {"title": self.title}} if self.op != "delete" else {}
        return {"op": self.op, "id": self.todo_id, "key": self.key, **fields}


@dataclass
class Device:
    """A device as the SDK is one: it keeps the highest revision that it has seen, and its sync position."""

    user: str
    seen: int = 0
    listed: int | None = None
    since: int = 0
    replica: dict[str, Todo] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)


class ReadPathMachine(RuleBasedStateMachine):
    """The rules say what may happen, the checks what must never be seen."""

    service: ClassVar[Any] = real_service
    authorization_in_key: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.world = ReadPath(self.service, authorization_in_key=self.authorization_in_key)
        self.devices = [Device(USERS[number % len(USERS)]) for number in range(DEVICES)]
        self.thirds = {user: Device(user) for user in USERS}
        self.todo_ids: dict[str, list[str]] = {user: [] for user in USERS}
        self.made = 0
        self.applied: dict[str, set[str]] = {}
        self._known_states = 0
        self._lists: dict[str, dict[int, dict[str, Todo]]] = {user: {0: {}} for user in USERS}

    def teardown(self) -> None:
        """Everything works again: what is pending gets through, and then the books are balanced."""
        try:
            self._heal()
            for device in (*self.devices, *self.thirds.values()):
                if device.pending:
                    self._push(device)
                assert not device.pending, "a change does not get through"
                self._check_list(device, self._ask(device, "GET", "/v1/todos"))
            self._check_books()
        finally:
            self.world.close()

    # what users do

    @initialize(data=st.data())
    def begins(self, data: Any) -> None:
        """Both users have the same number of to-dos, so that their revisions are alike."""
        for number in range(2 * data.draw(st.integers(0, 1))):
            self._send(self.devices[number % 2], "create")

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, lost=st.booleans())
    def creates(self, number: int, route: tuple[int, int], lost: bool) -> None:
        self._take(route)
        self._send(self.devices[number], "create", lost=lost and route[1] == 0)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, which=st.integers(0, 3), lost=st.booleans())
    def edits(self, number: int, route: tuple[int, int], which: int, lost: bool) -> None:
        self._take(route)
        self._send(self.devices[number], "update", which, lost=lost and route[1] == 0)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, which=st.integers(0, 3), lost=st.booleans())
    def deletes(self, number: int, route: tuple[int, int], which: int, lost: bool) -> None:
        self._take(route)
        self._send(self.devices[number], "delete", which, lost=lost)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, size=st.integers(1, 3))
    def pushes(self, number: int, route: tuple[int, int], size: int) -> None:
        device = self.devices[number]
        self._take(route)
        if not device.pending:
            device.pending = [self._change(device, "create", 0) for _ in range(size)]
        self._push(device)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES)
    def syncs(self, number: int, route: tuple[int, int]) -> None:
        self._take(route)
        self._sync(self.devices[number], [])

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, again=st.booleans())
    def lists(self, number: int, route: tuple[int, int], again: bool) -> None:
        device = self.devices[number]
        self._take(route)
        tagged = again and device.listed is not None
        reply = self._ask(
            device, "GET", "/v1/todos", headers={"If-None-Match": f'"{device.listed}"'} if tagged else None
        )
        if reply.status == 304:
            assert device.listed is not None
            assert device.listed >= device.seen, "not modified is said of a list that the device knows to be old"
        else:
            self._check_list(device, reply)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, which=st.integers(0, 3))
    def shows(self, number: int, route: tuple[int, int], which: int) -> None:
        device = self.devices[number]
        self._take(route)
        if ids := self.todo_ids[device.user]:
            self._show(device, ids[which % len(ids)])

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES)
    def asks_for_the_revision(self, number: int, route: tuple[int, int]) -> None:
        device = self.devices[number]
        self._take(route)
        reply = self._ask(device, "GET", "/v1/revision")
        if reply.status not in BUSY:
            self._see(device, reply.json["revision"])

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, back=st.integers(0, 1))
    def takes_a_snapshot(self, number: int, route: tuple[int, int], back: int) -> None:
        device = self.devices[number]
        self._take(route)
        revision = max(0, device.seen - back)
        reply = self._ask(device, "GET", f"/v1/snapshots/{revision}", may_fail=True)
        if reply.status == 200:
            assert reply.json["todos"] == self._list_at(device.user, revision), "a snapshot is not its revision's list"
        elif reply.status == 410:
            assert reply.json["revision"] in self._history(device.user)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, which=st.integers(0, 3))
    def asks_for_anothers_todo(self, number: int, route: tuple[int, int], which: int) -> None:
        device = self.devices[number]
        self._take(route)
        others = self.todo_ids[USERS[USERS.index(device.user) - 1]]
        if others:
            assert self._ask(device, "GET", f"/v1/todos/{others[which % len(others)]}").status in (404, *BUSY)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES)
    def in_a_calm_each_request_costs_what_it_may(self, number: int, route: tuple[int, int]) -> None:
        device = self.devices[number]
        self._quiet(device)
        self.world.cluster.flush()
        self._take(route)
        self._send(device, "create")
        self._calm_list(device, "first")
        self._send(device, "create")
        self._calm_list(device, "first")
        self._calm_list(device, "again")
        assert self._cost(lambda: self._send(device, "create")) == ["GetItem", "TransactWriteItems"]

    def _calm_list(self, device: Device, which: str) -> None:
        self.world.advance(10)
        tag = {"If-None-Match": f'"{device.listed}"'} if which == "again" else {}
        allowed = ["GetItem"] if which == "again" else ["GetItem", "Query"]
        replies: list[Reply] = []
        assert self._cost(lambda: replies.append(self._ask(device, "GET", "/v1/todos", headers=tag))) == allowed
        if which == "first":
            self._check_list(device, replies[0])
        else:
            assert replies[0].status == 304

    def _cost(self, request: Callable[[], None]) -> list[str]:
        """What the request asked of the cluster; of the table it may ask nothing that the cluster did not."""
        self.world.asked.clear()
        self.world.table.consistent = 0
        request()
        assert self.world.table.consistent == 0, "a read went past the caches"
        return list(self.world.asked)

    # what happens

    @rule(seconds=st.sampled_from([0.1, 2, 59, 61, 100, 301, 362, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(seconds=st.sampled_from([0, 0.5, 3, 20]), torn=st.booleans())
    def replicas_lag(self, seconds: float, torn: bool) -> None:
        self.world.table.lag_seconds, self.world.table.torn = seconds, torn

    @rule(seconds=st.sampled_from([0, 0.5, 5]))
    def nodes_lag(self, seconds: float) -> None:
        self.world.cluster.coherence.lag_seconds = seconds

    @rule(number=st.integers(0, 1))
    def an_environment_cannot_reach_the_cluster_or_can_again(self, number: int) -> None:
        environment = self.world.environments[number]
        environment.can_reach = not environment.can_reach

    @rule(number=st.integers(0, 1))
    def the_clusters_next_answer_is_lost(self, number: int) -> None:
        self.world.environments[number].lost_answers[:] = ["lost"]

    @precondition(lambda self: len(self.world.up) > 1)
    @rule(number=st.integers(1, NODES))
    def a_node_crashes(self, number: int) -> None:
        if number in self.world.up:
            self.world.crash(number)

    @precondition(lambda self: len(self.world.up) < NODES)
    @rule()
    def a_node_is_back(self) -> None:
        self.world.restart(min(set(range(1, NODES + 1)) - self.world.up))

    @rule(faults=st.lists(st.sampled_from(["", "throttle", "down", "lost"]), min_size=1, max_size=4))
    def the_table_falters(self, faults: list[str]) -> None:
        self.world.table.faults[:] = faults

    @rule(user=st.sampled_from(USERS), calls=st.integers(0, 3), which=st.integers(0, 3))
    def a_third_device_writes_in_the_midst_of_the_next_request(self, user: str, calls: int, which: int) -> None:
        waits: list[Callable[[], None]] = [lambda: None] * calls
        self.world.interference[:] = [*waits, lambda: self._interfere(self.thirds[user], which)]

    def _interfere(self, device: Device, which: int) -> None:
        if not device.pending:
            device.pending = [self._change(device, "update", which)]
        (change,) = device.pending
        method, _, body = change.request
        resource = "/v1/todos" if change.op == "create" else "/v1/todos/{id}"
        headers = {"Idempotency-Key": change.key, "X-Min-Revision": str(device.seen)}
        said = self.world.ask_within(device.user, method, resource, change.todo_id, body, headers)
        self._acknowledge(device, Reply(said["statusCode"], list(said["headers"].items()), said["body"].encode()))

    # what is rare, and has to be seen often

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, wait=st.sampled_from([1, 61, 290]))
    def a_change_goes_around_the_cluster_and_another_one_through_it(
        self, number: int, route: tuple[int, int], wait: int
    ) -> None:
        device, other = self.devices[number], self.devices[number - 2]
        self._quiet(device)
        todo_id = self.todo_ids[device.user][-1]
        self._take(route)
        self._show(other, todo_id)  # now a node has it in its cache
        environment = self.world.environments[route[0]]
        was_there, environment.can_reach = environment.can_reach, False
        self._send(device, "update", 0)
        environment.can_reach = was_there
        self._take((1 - route[0], route[1]))
        self._send(device, "create")
        self.world.advance(wait)
        self._show(device, todo_id)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES, size=st.integers(2, 3))
    def a_replica_sees_the_end_of_a_batch_first(self, number: int, route: tuple[int, int], size: int) -> None:
        self.replicas_lag(3, True)
        self.pushes(number, route, size)
        self.lists((number + 2) % DEVICES, route, False)

    @rule(number=st.integers(0, DEVICES - 1), route=ROUTES)
    def an_own_change_is_asked_of_a_node_that_lags(self, number: int, route: tuple[int, int]) -> None:
        device, other = self.devices[number], self.devices[number - 2]
        self._quiet(device)
        todo_id = self.todo_ids[device.user][-1]
        self.world.advance(362)
        self._take(route)
        self._show(other, todo_id)
        self.nodes_lag(5)
        self._send(device, "update", 0)
        self._take(route)
        self._show(device, todo_id)
        self._check_list(device, self._ask(device, "GET", "/v1/todos"))

    @rule(route=ROUTES)
    def both_users_read_the_snapshot_of_the_same_revision(self, route: tuple[int, int]) -> None:
        for device in self.devices[:2]:
            self._quiet(device)
        self._take(route)
        newest = [max(self._history(device.user)) for device in self.devices[:2]]
        if abs(newest[0] - newest[1]) > 4:
            return
        for device, revision in zip(self.devices[:2], newest, strict=True):
            for _ in range(max(newest) - revision):
                self._send(device, "create")
            reply = self._ask(device, "GET", f"/v1/snapshots/{max(newest)}", may_fail=True)
            wanted = {"todos": self._list_at(device.user, max(newest)), "revision": max(newest), "next_page": None}
            assert reply.status != 200 or reply.json == wanted, "a snapshot is not its revision's list"

    # how it is done

    def _take(self, route: tuple[int, int]) -> None:
        self.world.chosen, self.world.environments[route[0]].route = route

    def _ask(
        self,
        device: Device,
        method: str,
        path: str,
        body: Any = None,
        *,
        may_fail: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        self.world.advance(0.01)
        excused = may_fail or bool(self.world.table.faults or self.world.interference)
        known = {"X-Min-Revision": str(device.seen)} if device.seen else {}
        reply = self.world.ask(device.user, method, path, body=body, headers={**known, **(headers or {})})
        assert reply.status < 500 or reply.status == 503, reply.body
        # A cluster that is away, whole or in part, is no reason to refuse anything.
        assert excused or reply.status not in BUSY, reply.body
        return reply

    def _change(self, device: Device, op: str, which: int) -> Change:
        self.made += 1
        ids = self.todo_ids[device.user]
        if op == "create" or not ids:
            op = "create"
            todo_id = f"019ab000-0000-7000-8000-{self.made:012x}"
            ids.append(todo_id)
        else:
            todo_id = ids[-1 - which % len(ids)]
        return Change(op, todo_id, f"key-{self.made}", f"title {self.made}")

    def _send(self, device: Device, op: str, which: int = 0, *, lost: bool = False) -> None:
        if len(device.pending) > 1:
            self._push(device)
            return
        if not device.pending:
            device.pending = [self._change(device, op, which)]
        (change,) = device.pending
        method, path, body = change.request
        reply = self._ask(device, method, path, body, headers={"Idempotency-Key": change.key})
        if not lost:
            self._acknowledge(device, reply)

    def _acknowledge(self, device: Device, reply: Reply) -> None:
        if reply.status in BUSY:
            return
        (change,) = device.pending
        device.pending = []
        if reply.status == 404 and change.op != "create":
            self._check_absent(device, change.todo_id)
            return
        assert reply.status in (200, 201), reply.body
        self._note(change, reply.json)
        self._see(device, int(reply.header("X-Revision") or 0))

    def _push(self, device: Device) -> None:
        self._sync(device, device.pending)

    def _sync(self, device: Device, changes: list[Change]) -> None:
        body = {"since": device.since, "changes": [change.wire for change in changes]}
        seen = device.seen
        reply = self._ask(device, "POST", "/v1/sync", body)
        if reply.status in BUSY:
            return
        answer = reply.json
        for change, result in zip(changes, answer["results"], strict=True):
            if result["outcome"] in ("applied", "repeated"):
                self._note(change, result["todo"])
            else:
                assert (result["outcome"], change.op) in (("not_found", "update"), ("not_found", "delete")), result
        if changes:
            device.pending = []
        if answer["reset"]:
            device.replica.clear()
        for todo in answer["changes"]:
            device.replica[todo["id"]] = todo
        device.since = answer["revision"]
        assert device.since >= seen, "a sync goes back behind what the device has seen"
        self._see(device, device.since)
        living = [todo for todo in device.replica.values() if not todo["deleted"]]
        living.sort(key=lambda todo: -int(todo["revision"]))
        assert living == self._list_at(device.user, device.since), "what was synced is not the list of its revision"

    def _show(self, device: Device, todo_id: str) -> None:
        reply = self._ask(device, "GET", f"/v1/todos/{todo_id}")
        if reply.status == 404:
            self._check_absent(device, todo_id)
        elif reply.status not in BUSY:
            states = [todos.get(todo_id) for at, todos in self._history(device.user).items() if at >= device.seen]
            assert reply.json in states, "a to-do is older than what the device has seen"
            device.seen = max(device.seen, reply.json["revision"])

    # what must hold

    def _see(self, device: Device, revision: int) -> None:
        assert revision >= device.seen, "a revision goes back"
        assert revision in self._history(device.user), "a revision never was"
        device.seen = revision

    def _check_list(self, device: Device, reply: Reply) -> None:
        if reply.status in BUSY:
            return
        assert reply.status == 200, reply.body
        revision = reply.json["revision"]
        self._see(device, revision)
        assert reply.json["todos"] == self._list_at(device.user, revision), "a list is not that of its revision"
        device.listed = revision

    def _check_absent(self, device: Device, todo_id: str) -> None:
        states = [todos.get(todo_id) for at, todos in self._history(device.user).items() if at >= device.seen]
        assert any(todo is None or todo["deleted"] for todo in states), "a to-do that is there is not found"

    def _note(self, change: Change, todo: Todo) -> None:
        assert todo["id"] == change.todo_id
        # A create that is repeated is answered with the to-do as it is by now.
        if change.op == "update" or (change.op == "create" and todo["version"] == 1):
            assert todo["title"] == change.title, "the answer to a change is not that change"
        applied = self.applied.setdefault(change.todo_id, set())
        assert change.key not in applied
        applied.add(change.key)

    def _check_books(self) -> None:
        for user in USERS:
            history = self._history(user)
            final = history[max(history)]
            for todo_id in self.todo_ids[user]:
                applied = len(self.applied.get(todo_id, ()))
                version = final[todo_id]["version"] if todo_id in final else 0
                assert version == applied, f"{applied} changes were acknowledged, {version} happened"

    def _quiet(self, device: Device) -> None:
        """Nothing is wrong, nothing of the device is pending, and its user has a to-do."""
        self._heal()
        if device.pending:
            self._push(device)
        if not self.todo_ids[device.user]:
            self._send(device, "create")

    def _heal(self) -> None:
        world = self.world
        world.interference.clear()
        world.table.lag_seconds = 0
        world.table.faults.clear()
        for environment in world.environments:
            environment.can_reach = True
            environment.lost_answers.clear()
        world.advance(40)

    def _list_at(self, user: str, revision: int) -> list[Todo]:
        living = [todo for todo in self._history(user)[revision].values() if not todo["deleted"]]
        return sorted(living, key=lambda todo: -int(todo["revision"]))

    def _history(self, user: str) -> dict[int, dict[str, Todo]]:
        """All that the user's to-dos ever were, by revision; a state within a transaction is none."""
        states = self.world.table.states
        for _, state in states[self._known_states :]:
            for owner in USERS:
                rows = {sk: row for (pk, sk), row in state.items() if pk == f"USER#{owner}"}
                if meta := rows.pop("META", None):
                    revision = int(meta["revision"]["N"])
                    if revision not in self._lists[owner]:
                        self._lists[owner][revision] = {row["id"]["S"]: self._todo(row) for row in rows.values()}
        self._known_states = len(states)
        return self._lists[user]

    def _todo(self, row: dict[str, Any]) -> Todo:
        item = todo_backend.service.attributes.from_item(row)
        wired: Todo = json.loads(json.dumps(todo_backend.service.todos.wire(item)))
        return wired
