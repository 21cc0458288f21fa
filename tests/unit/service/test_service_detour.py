"""Around the cluster while it is away, and back: which way a request takes, what it is told, and how long it waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from todo_backend.service.changes import Change, Meta
from todo_backend.service.detour import LONGEST_PAUSE_SECONDS, Circuit, Detour, Ways
from todo_backend.service.errors import ThrottledError, UnavailableError
from todo_backend.service.partition import Facts, Range
from todo_backend.service.store import UserPartition
from todo_backend.service.todos import DEFAULTS
from todo_backend.service.writes import commit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODO_ID = "019ab000-0000-7000-8000-000000000001"
CHANGE = Change("create", TODO_ID, "k", {**DEFAULTS, "title": "milk"})
META = {"Item": {"pk": {"S": "USER#alice"}, "sk": {"S": "META"}, "revision": {"N": "7"}, "changed_at": {"S": "t"}}}


def dax_error(code: str | None, status: int = 400) -> ClientError:
    error = ClientError({"Error": {"Code": code or "", "Message": "10.0.0.7"}, "ResponseMetadata": {}}, "Op")
    error.response["ResponseMetadata"]["HTTPStatusCode"] = status
    return error


def hung_up() -> ClientError:
    """What the DAX client says when a connection ends before an answer: the code stands beside the response only."""
    error = dax_error(None, 408)
    vars(error)["code"] = "ConnectionException"
    return error


class NoMoreData(Exception):  # noqa: N818 - the DAX client's name
    """Stands for the DAX client's own."""


LOSSES: dict[str, Callable[[], Exception]] = {
    "no route": lambda: dax_error("NoRouteException", 0),
    "hung up": hung_up,
    "stream ended": lambda: dax_error("EndOfStreamException"),
    "refused": ConnectionRefusedError,
    "timed out": TimeoutError,
    "ended inside an answer": NoMoreData,
    "the table is away from the cluster": lambda: dax_error("InternalServerErrorException", 500),
}


@dataclass
class Client:
    """Answers with what it is told, the last of it for ever; an exception by raising it."""

    answers: list[Any]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    takes: Callable[[], None] = lambda: None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls.append((operation, parameters))
            self.takes()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class World:
    """A cluster and a table that answer what they are told, and a clock."""

    def __init__(self, *cluster: Any, direct: Any = META) -> None:
        self.seconds = 100.0
        self.cluster = Client(list(cluster))
        self.direct = Client([direct])
        self.told: list[tuple[str, str]] = []
        self.connecting: Exception | None = None
        self.connected = 0
        tell = lambda level, sentence: self.told.append((level, sentence))  # noqa: E731
        self.ways = Ways(lambda: self.direct, self._connect, tell, Circuit(lambda: self.seconds))

    def _connect(self) -> Client:
        self.connected += 1
        if self.connecting:
            raise self.connecting
        return self.cluster

    def user(self) -> UserPartition:
        facts = Facts()
        return UserPartition(Detour(self.ways, facts), "todos", "alice", facts)

    def asked(self) -> tuple[int, int]:
        return len(self.cluster.calls), len(self.direct.calls)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_read_goes_around_a_cluster_that_is_away(loss: str) -> None:
    world = World(LOSSES[loss]())
    user = world.user()
    meta = user.meta(consistent=False)
    assert meta is not None
    assert meta.revision == 7
    assert world.direct.calls[0][1]["ConsistentRead"] is True
    assert user.facts.detours == 1
    ((level, sentence),) = world.told
    assert (level, "the DAX cluster is away" in sentence, "10.0.0.7" in sentence) == ("warning", True, False)


def test_every_read_around_is_consistent() -> None:
    world = World(ConnectionRefusedError(), direct={"Items": [], "Responses": {}})
    user = world.user()
    user.meta(consistent=False)
    user.block(Range(at=7), consistent=False)
    user.load([TODO_ID], consistent=False)
    (_, get), (_, query), (_, batch) = world.direct.calls
    assert get["ConsistentRead"] is query["ConsistentRead"] is True
    assert batch["RequestItems"]["todos"]["ConsistentRead"] is True


def test_requests_do_not_wait_for_a_cluster_that_is_away_and_ask_less_and_less_often() -> None:
    world = World(TimeoutError())
    waits, last = [], world.seconds
    for _ in range(1200):
        before = world.asked()[0]
        world.user().meta(consistent=False)
        if world.asked()[0] > before:
            waits.append(world.seconds - last)
            last = world.seconds
        world.seconds += 0.5
    assert waits[:7] == [0, 1, 2, 4, 8, 16, 30]
    assert set(waits[6:]) == {LONGEST_PAUSE_SECONDS}
    assert world.asked()[1] == 1200
    assert len(world.told) == len(waits)


def test_a_cluster_that_is_back_is_used_again_and_its_return_is_told() -> None:
    world = World(ConnectionRefusedError(), ConnectionRefusedError(), META)
    world.user().meta(consistent=False)
    world.seconds += 1
    user = world.user()
    user.meta(consistent=False)
    user.meta(consistent=False)
    assert (user.facts.detours, world.asked()) == (0, (4, 1))
    assert [level for level, _ in world.told] == ["warning", "info"]
    assert world.told[1][1] == "the DAX cluster is back"
    assert world.ways.circuit.fail() == 1.0


def test_a_connection_that_died_while_the_environment_slept_is_tried_once_more() -> None:
    world = World(hung_up(), META)
    user = world.user()
    user.meta(consistent=False)
    assert (user.facts.detours, world.asked(), world.told) == (0, (2, 0), [])


def test_a_node_that_does_not_answer_is_waited_for_once() -> None:
    world = World(TimeoutError(), META)

    def two_seconds() -> None:
        world.seconds += 2

    world.cluster.takes = two_seconds
    world.user().meta(consistent=False)
    assert world.asked() == (1, 1)


def test_a_cluster_that_was_away_at_the_start_is_connected_to_later() -> None:
    world = World(META)
    world.connecting = dax_error("NoRouteException", 0)
    world.ways.open()
    world.user().meta(consistent=False)
    assert (world.connected, world.asked()) == (1, (0, 1))
    world.seconds, world.connecting = 101.0, None
    world.user().meta(consistent=False)
    world.user().meta(consistent=False)
    assert (world.connected, world.asked()) == (2, (2, 1))


def test_what_is_wrong_with_the_connection_itself_is_not_hidden() -> None:
    world = World(META)
    world.connecting = dax_error("AccessDeniedException")
    with pytest.raises(ClientError):
        world.ways.open()


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [(dax_error("ThrottlingException"), ThrottledError), (dax_error("AccessDeniedException"), ClientError)],
)
def test_a_refusal_of_the_cluster_is_an_answer(answer: Exception, meaning: type[Exception]) -> None:
    # DD-31: an overloaded cluster's load must not fall on the table.
    world = World(answer)
    with pytest.raises(meaning):
        world.user().meta(consistent=False)
    assert world.asked() == (1, 0)


def test_when_both_are_away_the_answer_is_unavailable() -> None:
    world = World(ConnectionRefusedError(), direct=ConnectionRefusedError())
    with pytest.raises(UnavailableError):
        world.user().meta(consistent=False)


def test_a_condition_that_does_not_hold_is_asked_of_the_cluster_once() -> None:
    world = World(META, dax_error("ConditionalCheckFailedException"), META, {})
    commit(world.user(), (CHANGE,), NOW, pause=lambda seconds: None)
    writes = [name for name, _ in world.cluster.calls if name == "transact_write_items"]
    assert (len(writes), world.asked()[1]) == (2, 0)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_write_whose_answer_is_lost_is_planned_again_on_what_is_read_around_the_cluster(loss: str) -> None:
    world = World(META, LOSSES[loss]())
    world.direct.answers = [{"Responses": {"todos": [META["Item"]]}}, {}]
    user = world.user()
    (result,), meta = commit(user, (CHANGE,), NOW, pause=lambda seconds: None)
    assert (result.outcome, meta.revision) == ("applied", 8)
    assert [name for name, _ in world.cluster.calls] == ["get_item", "transact_write_items"]
    assert [name for name, _ in world.direct.calls] == ["batch_get_item", "transact_write_items"]
    assert world.direct.calls[0][1]["RequestItems"]["todos"]["ConsistentRead"] is True
    assert (user.facts.detours, user.facts.writes) == (2, 1)


def test_a_write_that_happened_though_its_answer_was_lost_happens_once() -> None:
    world = World(META, hung_up())

    def keep() -> None:
        name, parameters = world.cluster.calls[-1]
        if name == "transact_write_items":
            todo = parameters["TransactItems"][0]["Put"]["Item"]
            meta = {**META["Item"], "revision": {"N": "8"}}
            world.direct.answers = [{"Responses": {"todos": [meta, todo]}}]

    world.cluster.takes = keep
    (result,), meta = commit(world.user(), (CHANGE,), NOW, pause=lambda seconds: None)
    assert (result.outcome, meta.revision) == ("repeated", 8)
    assert [name for name, _ in world.direct.calls] == ["batch_get_item"]


def test_a_write_in_the_open_circuit_asks_the_table_alone() -> None:
    world = World(TimeoutError())
    world.user().meta(consistent=False)
    asked = world.asked()[0]
    commit(world.user(), (CHANGE,), NOW, pause=lambda seconds: None)
    assert world.asked()[0] == asked
    assert world.direct.calls[-1][0] == "transact_write_items"


def test_the_revision_that_was_read_around_is_the_condition_of_the_write() -> None:
    world = World(TimeoutError())
    _, meta = commit(world.user(), (CHANGE,), NOW, pause=lambda seconds: None)
    update = world.direct.calls[-1][1]["TransactItems"][-1]["Update"]
    assert update["ExpressionAttributeValues"][":read_revision"] == {"N": "7"}
    assert meta == Meta(8, meta.changed_at, 7, 1)
