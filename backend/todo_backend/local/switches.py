"""The clock and the faults of a running stack, from Python in any process of this machine."""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .datadir import DataDir
from .errors import NotRunningError, StackError
from .faults import CLOCK_PATH, FAULTS_PATH, FILE, HEADER
from .faults.rules import Fault

_ASK_SECONDS = 20


class _Stack:
    """The control endpoint of the stack that runs on a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The endpoint's answer.

        Raises:
            NotRunningError: no stack runs on the directory.
            ValueError: what was asked for makes no sense; the sentence says why.
        """
        import http.client

        from .calling import connect

        place = DataDir.of_last_run(self._path)
        connection = connect(place, _ASK_SECONDS)
        headers = {HEADER: str(place.read_json(FILE).get("secret", ""))}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException):
            raise StackError("the embedded stack did not answer; `todo status` may say why") from None
        finally:
            connection.close()
        if answer.status == 400:
            raise ValueError(told["message"])
        if answer.status not in (200, 404):
            raise StackError(f"the embedded stack refused: {told.get('message', answer.status)}")
        return dict(told)


class StackFaults:
    """The faults of a running stack; as a context manager it takes away at the end what was added through it."""

    def __init__(self, data_dir: Path) -> None:
        self._stack = _Stack(data_dir)
        self._added: list[int] = []

    def add(self, kind: str, on: str = "*", **more: Any) -> int:
        """Switch a fault on; gives the number by which `remove` knows it.

        Args:
            kind: `latency`, `error`, `throttle`, `drop`, `lose` or `lag`.
            on: `*`, a route as `GET /v1/todos/*`, or an operation as `dynamodb:GetItem`.
            more: `seconds`, `status`, `code`, `message`, `probability`, `count`, `seed`; `Fault` says what they are.

        Raises:
            NotRunningError: no stack runs on the directory.
            ValueError: there is no such fault.
        """
        fault = Fault.of({"kind": kind, "on": on, **more})
        made = int(self._stack.ask("POST", FAULTS_PATH, fault.described())["id"])
        self._added.append(made)
        return made

    def list(self) -> list[dict[str, Any]]:
        """All that are on, oldest first: the fault's values with `id`, and `struck`, how many requests met it."""
        return list(self._stack.ask("GET", FAULTS_PATH)["faults"])

    def struck(self, fault_id: int) -> int:
        """How many requests met the fault; 0 when it is off."""
        return sum(fault["struck"] for fault in self.list() if fault["id"] == fault_id)

    def remove(self, fault_id: int) -> None:
        """Switch one off; one that is off already stays so."""
        self._stack.ask("DELETE", f"{FAULTS_PATH}/{fault_id}")

    def clear(self) -> None:
        """Switch all of them off, whoever added them."""
        self._stack.ask("DELETE", FAULTS_PATH)
        self._added.clear()

    def __enter__(self) -> Self:
        """Give the faults."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take away what was added here."""
        try:
            while self._added:
                self.remove(self._added.pop())
        except NotRunningError:
            self._added.clear()  # they went with the stack


class StackClock:
    """The clock of a running stack; as a context manager it shows the machine's time again at the end."""

    def __init__(self, data_dir: Path) -> None:
        self._stack = _Stack(data_dir)

    def now(self) -> datetime:
        """What it shows, aware, UTC."""
        return datetime.fromisoformat(str(self._stack.ask("GET", CLOCK_PATH)["now"]))

    def offset_seconds(self) -> float:
        """How far it is ahead of the machine's clock."""
        return float(self._stack.ask("GET", CLOCK_PATH)["offset_seconds"])

    def advance(self, seconds: float) -> None:
        """Move it forward.

        Raises:
            NotRunningError: no stack runs on the directory.
            ValueError: `seconds` is negative.
        """
        self._stack.ask("POST", CLOCK_PATH, {"advance": seconds})

    def freeze(self) -> None:
        """Let it stand still."""
        self._stack.ask("POST", CLOCK_PATH, {"state": "frozen"})

    def resume(self) -> None:
        """Let it go on from where it stands."""
        self._stack.ask("POST", CLOCK_PATH, {"state": "running"})

    def reset(self) -> None:
        """Show the machine's time again."""
        self._stack.ask("POST", CLOCK_PATH, {"state": "machine"})

    def __enter__(self) -> Self:
        """Give the clock."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show the machine's time again."""
        with suppress(NotRunningError):  # its clock went with the stack
            self.reset()


def faults(data_dir: Path) -> StackFaults:
    """The faults of the stack that runs on that directory."""
    return StackFaults(data_dir)


def clock(data_dir: Path) -> StackClock:
    """The clock of the stack that runs on that directory."""
    return StackClock(data_dir)
