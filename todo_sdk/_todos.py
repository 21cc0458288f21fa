"""Keeping to-dos: `client.todos`."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, Unpack

from todo_sdk._errors import InvalidRequestError, ServerError
from todo_sdk._fields import (
    due_to_text,
    new_idempotency_key,
    new_todo_id,
    tag_text,
    todo_id_text,
    wire_fields,
)
from todo_sdk._http import Answer, Request
from todo_sdk._models import Change, ChangeResult, Due, Status, SyncResult, Todo, TodoFields
from todo_sdk._session import Session

PAGE_SIZE = 200  # the most that the API gives at once
SYNC_CHANGES = 25


class Todos:
    """The signed-in user's to-dos.

    Each change happens once, however often its request had to be sent. Whatever cannot be is refused before any call.
    """

    def __init__(self, session: Session, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._clock = clock

    def add(
        self,
        title: str,
        *,
        todo_id: str | None = None,
        notes: str = "",
        due: Due | str | None = None,
        tags: Iterable[str] = (),
        list: str = "",  # noqa: A002, one word for one thing, and on the wire it is list
        priority: int = 4,
        recurrence: str | None = None,
        attachments: Iterable[str] = (),
    ) -> Todo:
        """Add a to-do and give it as the service has it.

        Args:
            todo_id: a UUID of version 7 of one's own; adding the same again gives the to-do that is there.
            due: a date, an aware datetime, or either as text.

        Raises:
            InvalidRequestError: a field cannot be that.
            ConflictError: there is another to-do with this id.
        """
        given: TodoFields = {
            "title": title,
            "notes": notes,
            "due": due,
            "tags": tags,
            "list": list,
            "priority": priority,
            "recurrence": recurrence,
            "attachments": attachments,
        }
        own_id = new_todo_id(self._clock()) if todo_id is None else todo_id_text(todo_id)
        return self._change("POST", "/v1/todos", {"id": own_id, **wire_fields(given)})

    def get(self, todo_id: str) -> Todo:
        """Give one to-do; NotFoundError when there is none (any more)."""
        return _todo(self._session.ask(Request("GET", _path(todo_id), repeatable=True)))

    def list(
        self,
        *,
        status: Status | None = None,
        tag: str | None = None,
        list: str | None = None,  # noqa: A002, as in add
        priority: int | None = None,
        due_before: Due | str | None = None,
        due_after: Due | str | None = None,
        q: str | None = None,
    ) -> Iterator[Todo]:
        """Give the to-dos that fit all of the filters, the one changed last first; pages are fetched as needed."""
        checked = wire_fields(_given(status=status, list=list, priority=priority))
        dues = _given(due_before=due_before, due_after=due_after)
        filters = {
            **checked,
            **{name: due_to_text(value) for name, value in dues.items()},
            **_given(tag=None if tag is None else tag_text(tag), q=q),
        }
        return self._walks(filters)

    def edit(self, todo_id: str, *, if_version: int | None = None, **fields: Unpack[TodoFields]) -> Todo:
        """Change fields of a to-do and give it as it is now.

        Args:
            if_version: change only if the to-do still has this version.

        Raises:
            ConflictError: it has another version; somebody else was first.
            NotFoundError: there is no such to-do.
        """
        return self._change("PATCH", _path(todo_id), wire_fields(fields), if_version)

    def done(self, todo_id: str) -> Todo:
        """Mark a to-do as done."""
        return self.edit(todo_id, status="done")

    def reopen(self, todo_id: str) -> Todo:
        """Mark a to-do as open again."""
        return self.edit(todo_id, status="open")

    def remove(self, todo_id: str) -> Todo:
        """Remove a to-do; gives what was left of it, with `deleted` true."""
        return self._change("DELETE", _path(todo_id), None)

    def sync(self, changes: Iterable[Change] = ()) -> SyncResult:
        """Push up to 25 changes and pull what changed since the last sync, in one request.

        Where this device stands is remembered in its session.
        """
        pushed = [_change_to_wire(change) for change in changes]
        if len(pushed) > SYNC_CHANGES:
            raise InvalidRequestError(f"{len(pushed)} changes are too many for one sync; at most {SYNC_CHANGES} go")
        since, since_at = self._session.sync_position()
        body = {"since": since, "since_at": since_at, "changes": pushed}
        # each change carries its key, so the whole may be sent again
        answer = self._session.ask(Request("POST", "/v1/sync", body=body, repeatable=True))
        result = _sync_result(answer.body)
        self._session.synced(result.revision, answer.body.get("at"))
        return result

    def _change(self, method: str, path: str, body: Mapping[str, Any] | None, if_version: int | None = None) -> Todo:
        headers = {"Idempotency-Key": new_idempotency_key()}  # made once, so that each retry carries the same
        if if_version is not None:
            headers["If-Match"] = f'"{int(if_version)}"'
        return _todo(self._session.ask(Request(method, path, body=body, headers=headers, repeatable=True)))

    def _walks(self, filters: Mapping[str, Any]) -> Iterator[Todo]:
        """Walk the pages, and again over what changed under way: it moved to the front, past what was read."""
        delivered: set[str] = set()
        floor = 0
        while True:
            pages = []
            for page in self._pages(filters, floor):
                pages.append(int(page.get("revision") or 0))
                fresh = [todo for todo in map(Todo.from_wire, _items(page, "todos")) if todo.revision > floor]
                yield from (todo for todo in fresh if todo.id not in delivered)
                delivered.update(todo.id for todo in fresh)
                if len(fresh) < len(page["todos"]):
                    break
            if len(pages) < 2:  # one page is one answer, whole by itself
                return
            floor = pages[0]

    def _pages(self, filters: Mapping[str, Any], known_revision: int) -> Iterator[Mapping[str, Any]]:
        headers = {"If-None-Match": f'"{known_revision}"'} if known_revision else {}
        cursor: str | None = None
        while True:
            params = {**filters, "limit": PAGE_SIZE, **_given(cursor=cursor)}
            answer = self._session.ask(Request("GET", "/v1/todos", params=params, headers=headers, repeatable=True))
            if answer.status == 304:
                return
            yield answer.body
            cursor, headers = answer.body.get("cursor"), {}
            if not cursor:
                return


def _path(todo_id: str) -> str:
    return f"/v1/todos/{todo_id_text(todo_id)}"


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _todo(answer: Answer) -> Todo:
    return Todo.from_wire(answer.body)


def _items(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = body.get(name)
    if not isinstance(items, list):
        raise ServerError(f"the service's answer has no {name}")
    return items


def _change_to_wire(change: Change) -> dict[str, Any]:
    return {
        "op": change.op,
        "id": todo_id_text(change.todo_id),
        "key": change.key,
        "if_version": change.if_version,
        "fields": wire_fields(change.fields),
    }


def _sync_result(body: Mapping[str, Any]) -> SyncResult:
    try:
        return SyncResult(
            results=tuple(_change_result(wire) for wire in _items(body, "results")),
            changes=tuple(Todo.from_wire(wire) for wire in _items(body, "changes")),
            revision=int(body["revision"]),
            more=bool(body["more"]),
            reset=bool(body["reset"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(f"the service's answer cannot be read ({error!r}); is it newer?") from error


def _change_result(wire: Mapping[str, Any]) -> ChangeResult:
    outcome: Literal["applied", "repeated", "conflict", "not_found", "invalid"] = wire["outcome"]
    todo = wire.get("todo")
    return ChangeResult(
        todo_id=wire["id"],
        key=wire["key"],
        outcome=outcome,
        todo=None if todo is None else Todo.from_wire(todo),
        code=wire.get("code"),
        message=wire.get("message"),
    )
