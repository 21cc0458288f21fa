"""Through the DAX cluster, and around it while it cannot be reached. No sockets here; both ways are clients given.

Around the cluster everything is read consistently: nothing may look older than what the cluster said a moment ago.
What is written around it stays unseen in the cluster's item cache until it expires there (DD-29); `reads` believes that
cache only where that cannot mislead. A write whose answer is lost may have happened, so it is not simply sent again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from todo_backend.service.partition import Facts

# While the cluster is away, one request in so many seconds asks for it; the others do not wait.
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
# A connection that died while this environment slept is found out at once, and the next one is new.
QUICK_SECONDS: Final = 0.2

# The DAX client's own words for a cluster that it cannot reach or that hangs up, and the cluster's for a table that it
# cannot reach.
LOST: Final = {
    "NoRouteException",
    "ConnectionException",
    "EndOfStreamException",
    "InternalServerError",
    "InternalServerErrorException",
}


class ClusterLostError(Exception):
    """The cluster went away with a write: it may have happened, or may happen yet."""


@dataclass
class Circuit:
    """Whether the cluster is asked: not for a while after it was found to be away, and longer each time."""

    clock: Callable[[], float] = time.monotonic
    _pause_seconds: float = 0.0
    _closed_until: float = 0.0

    @property
    def is_open(self) -> bool:
        """True while nobody should ask."""
        return self.clock() < self._closed_until

    def fail(self) -> float:
        """Note that the cluster is away; gives the seconds until it is asked again."""
        self._pause_seconds = min(max(2 * self._pause_seconds, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        self._closed_until = self.clock() + self._pause_seconds
        return self._pause_seconds

    def succeed(self) -> bool:
        """Note that the cluster answered; True when it had been away."""
        was_away, self._pause_seconds = self._pause_seconds > 0, 0.0
        return was_away


@dataclass
class Ways:
    """Both ways to the table, shared by all requests of an environment.

    Both clients are made when they are first needed; connecting to the cluster is tried again after it failed. `tell`
    takes what an operator should know: a level ("warning", "info") and a sentence.
    """

    make_direct: Callable[[], Any]
    make_cluster: Callable[[], Any]
    tell: Callable[[str, str], None]
    circuit: Circuit = field(default_factory=Circuit)
    _direct: Any = None
    _cluster: Any = None

    def direct(self) -> Any:
        """The client of DynamoDB."""
        self._direct = self._direct or self.make_direct()
        return self._direct

    def cluster(self) -> Any:
        """The client of the cluster; raises what connecting raises."""
        self._cluster = self._cluster or self.make_cluster()
        return self._cluster

    def open(self) -> None:
        """Connect to the cluster if it can be reached."""
        try:
            self.cluster()
        except Exception as error:
            if not is_lost(error):
                raise
            self.lost(error)

    def lost(self, error: Exception) -> None:
        """Note that the cluster is away."""
        seconds = self.circuit.fail()
        # The name only: the text of another's exception may hold addresses and more.
        self.tell("warning", f"the DAX cluster is away ({type(error).__name__}); DynamoDB is asked for {seconds:g} s")

    def back(self) -> None:
        """Note that the cluster answered."""
        if self.circuit.succeed():
            self.tell("info", "the DAX cluster is back")


@dataclass(frozen=True)
class Detour:
    """The calls of a DynamoDB client for one request, each on the way that is there."""

    ways: Ways
    facts: "Facts"

    def get_item(self, **parameters: Any) -> Any:
        """GetItem."""
        return self._read("get_item", parameters, {**parameters, "ConsistentRead": True})

    def query(self, **parameters: Any) -> Any:
        """Query."""
        return self._read("query", parameters, {**parameters, "ConsistentRead": True})

    def batch_get_item(self, **parameters: Any) -> Any:
        """BatchGetItem."""
        tables = {name: {**table, "ConsistentRead": True} for name, table in parameters["RequestItems"].items()}
        return self._read("batch_get_item", parameters, {**parameters, "RequestItems": tables})

    def transact_write_items(self, **parameters: Any) -> Any:
        """TransactWriteItems.

        Raises:
            ClusterLostError: the outcome is not known. The next try, on what is read then, goes around the cluster;
                of two transactions on one revision DynamoDB carries out one.
        """
        if self.ways.circuit.is_open:
            return self._around("transact_write_items", parameters)
        try:
            return self._through("transact_write_items", parameters)
        except Exception as error:
            if not is_lost(error):
                raise
            self.ways.lost(error)
            raise ClusterLostError from error

    def _read(self, operation: str, parameters: dict[str, Any], around: dict[str, Any]) -> Any:
        if not self.ways.circuit.is_open:
            try:
                return self._twice(operation, parameters)
            except Exception as error:
                if not is_lost(error):
                    raise
                self.ways.lost(error)
        return self._around(operation, around)

    def _twice(self, operation: str, parameters: dict[str, Any]) -> Any:
        begun = self.ways.circuit.clock()
        try:
            return self._through(operation, parameters)
        except Exception as error:
            if not is_lost(error) or self.ways.circuit.clock() - begun > QUICK_SECONDS:
                raise
        return self._through(operation, parameters)

    def _through(self, operation: str, parameters: dict[str, Any]) -> Any:
        try:
            answer = getattr(self.ways.cluster(), operation)(**parameters)
        except Exception as error:
            if not is_lost(error):
                self.ways.back()  # a refusal is an answer too
            raise
        self.ways.back()
        return answer

    def _around(self, operation: str, parameters: dict[str, Any]) -> Any:
        self.facts.detours += 1
        return getattr(self.ways.direct(), operation)(**parameters)


def is_lost(error: Exception) -> bool:
    """Whether an exception of the DAX client means that the cluster, or the table behind it, did not answer."""
    if isinstance(error, OSError):  # refused, reset, timed out, a certificate that does not fit
        return True
    response = getattr(error, "response", None)
    if response is None:
        # A connection that ends inside an answer is a bare exception of the client's decoder.
        return type(error).__name__ == "NoMoreData"
    return bool({response.get("Error", {}).get("Code"), getattr(error, "code", None)} & LOST)
