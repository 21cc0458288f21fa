"""What a replica asks of the API, as it stands on the wire: POST /v1/sync, and the pages of a snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from todo_sdk._errors import ServerError
from todo_sdk._http import Request
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
    body: dict[str, Any] = {"since": position.since, "since_at": position.since_at, "changes": list(changes)}
    if limit is not None:
        body["limit"] = limit
    # each change carries its key, so the whole may be sent again, if there is time
    again = timeout_seconds is None
    request = Request("POST", "/v1/sync", body=body, repeatable=again, timeout_seconds=timeout_seconds)
    return _read(session.ask(request).body, changes)


@dataclass(frozen=True)
class SnapshotPage:
    """A page of the whole list as of a revision; `next_page` is None on the last one."""

    todos: tuple[Mapping[str, Any], ...]
    next_page: int | None


def current_revision(session: Session) -> int:
    """Ask for the revision at which the list is."""
    return _number(session.ask(Request("GET", "/v1/revision", repeatable=True)).body, "revision")


def snapshot_page(session: Session, revision: int, page: int | None) -> SnapshotPage:
    """Fetch a page of the whole list as of a revision; API Gateway may have it in its cache.

    Raises:
        NotFoundError: the list has another revision by now.
        ServerError: the answer is not what it should be.
    """
    params = {} if page is None else {"page": page}
    body = session.ask(Request("GET", f"/v1/snapshots/{revision}", params=params, repeatable=True)).body
    todos = _objects(body, "todos")
    for todo in todos:
        Todo.from_wire(todo)
    return SnapshotPage(todos, None if body.get("next_page") is None else _number(body, "next_page"))


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if type(value) is not int:
        raise ServerError(f"the service's answer has no {name}")
    return value


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
