"""One round trip of POST /v1/sync: changes out, results and changes back, as they stand on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from todo_sdk._errors import ServerError
from todo_sdk._models import Todo
from todo_sdk._session import Session

SYNC_CHANGES = 25  # the most that the API takes at once


@dataclass(frozen=True)
class Position:
    """Where a device stands: everything up to `since` is known, and was at the service's time `since_at`."""

    since: int = 0
    since_at: str | None = None


@dataclass(frozen=True)
class Exchange:
    """The service's answer; every to-do in it has been read once, so that it can be trusted to be one."""

    results: tuple[Mapping[str, Any], ...]
    changes: tuple[Mapping[str, Any], ...]
    position: Position
    more: bool
    reset: bool


def exchange(
    session: Session,
    changes: Sequence[Mapping[str, Any]],
    position: Position,
    *,
    limit: int | None = None,
    timeout_seconds: float | None = None,
) -> Exchange:
    """Push changes and pull what changed since a position.

    Raises:
        ServerError: the answer is not what it should be.
    """
    from todo_sdk._http import Request  # which loads requests; a replica is mostly used without it

    body: dict[str, Any] = {"since": position.since, "since_at": position.since_at, "changes": list(changes)}
    if limit is not None:
        body["limit"] = limit
    # each change carries its key, so the whole may be sent again, if there is time
    again = timeout_seconds is None
    request = Request("POST", "/v1/sync", body=body, repeatable=again, timeout_seconds=timeout_seconds)
    return _read(session.ask(request).body, changes)


def _read(body: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> Exchange:
    results, changes = _objects(body, "results"), _objects(body, "changes")
    for todo in (*changes, *(result["todo"] for result in results if result.get("todo") is not None)):
        Todo.from_wire(todo)
    try:
        if [result["key"] for result in results] != [change["key"] for change in sent]:
            raise ServerError("the service's answer is not about the changes that were sent; is it newer?")
        at = body.get("at")
        position = Position(int(body["revision"]), None if at is None else str(at))
        return Exchange(results, changes, position, bool(body["more"]), bool(body["reset"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(f"the service's answer cannot be read ({error!r}); is it newer?") from error


def _objects(body: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ServerError(f"the service's answer has no {name}")
    return tuple(found)
