"""Keeping to-dos: `client.todos`."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Unpack

from todo_sdk._errors import ConflictError, InvalidRequestError, NotFoundError, ServerError, TodoError
from todo_sdk._exchange import SYNC_CHANGES, Position, exchange
from todo_sdk._fields import (
    due_to_text,
    new_idempotency_key,
    new_todo_id,
    tag_texts,
    time_from_text,
    time_to_text,
    todo_id_text,
    wire_fields,
)
from todo_sdk._http import Answer, Request
from todo_sdk._models import Change, ChangeResult, Completed, Due, Status, SyncResult, Todo, TodoFields
from todo_sdk._pages import walk
from todo_sdk._recurrence import SUCCESSORS, check_schedule, successor_fields, successor_id
from todo_sdk._session import Session


class Todos:
    """The signed-in user's to-dos.

    Each change happens once, however often its request had to be sent. Whatever cannot be is refused before any call.
    """

    def __init__(self, session: Session, clock: Callable[[], float] = time.time, zone: tzinfo | None = None) -> None:
        self._session = session
        self._clock = clock
        self._zone = zone

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
            recurrence: an RRULE of RFC 5545; it needs a due date.

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
        fields = wire_fields(given)
        check_schedule(fields["due"], fields["recurrence"])
        return self._create(own_id, fields)

    def get(self, todo_id: str) -> Todo:
        """Give one to-do; NotFoundError when there is none (any more)."""
        return _todo(self._session.ask(Request("GET", _path(todo_id), repeatable=True)))

    def list(
        self,
        *,
        status: Status | None = None,
        tag: str | Iterable[str] | None = None,
        list: str | None = None,  # noqa: A002, as in add
        priority: int | None = None,
        due_before: Due | str | None = None,
        due_after: Due | str | None = None,
        q: str | None = None,
    ) -> Iterator[Todo]:
        """Give the to-dos that fit all of the filters, the one changed last first; pages are fetched as needed.

        Args:
            tag: one tag, or several that must all be there.
            q: words that must all stand in title or notes, in any case.
        """
        checked = wire_fields(_given(status=status, list=list, priority=priority))
        dues = _given(due_before=due_before, due_after=due_after)
        tags = () if tag is None else tag_texts([tag] if isinstance(tag, str) else tag)
        filters = {
            **checked,
            **{name: due_to_text(value) for name, value in dues.items()},
            **_given(tag=next(iter(tags), None), q=q),
        }
        return (todo for todo in walk(self._session, filters) if set(tags) <= set(todo.tags))  # the API takes one tag

    def search(self, text: str) -> Iterator[Todo]:
        """Give the to-dos with all words of a text in title or notes, the one changed last first."""
        return self.list(q=text)

    def edit(self, todo_id: str, *, if_version: int | None = None, **fields: Unpack[TodoFields]) -> Todo:
        """Change fields of a to-do and give it as it is now.

        Args:
            if_version: change only if the to-do still has this version.

        Raises:
            ConflictError: it has another version; somebody else was first. `mine` and `theirs` are both sides.
            NotFoundError: there is no such to-do.
        """
        return self._change("PATCH", todo_id, wire_fields(fields), if_version)

    def done(self, todo_id: str) -> Completed:
        """Mark a to-do as done; one that recurs gets its next occurrence, once, whoever else completes it.

        Raises:
            InvalidRequestError: it is done, but its recurrence, which is not this SDK's, cannot be followed.
        """
        todo = self.edit(todo_id, status="done")
        completed_at = todo.completed_at or datetime.fromtimestamp(self._clock(), UTC)
        fields = successor_fields(todo.to_wire(), completed_at, self._zone)
        return Completed(todo, None if fields is None else self._make_next(todo.id, fields))

    def reopen(self, todo_id: str) -> Todo:
        """Mark a to-do as open again; its next occurrence goes, unless it was changed since."""
        todo = self.edit(todo_id, status="open")
        if todo.recurrence is not None:
            try:
                following = self.get(successor_id(todo.id))
                if following.version == 1:
                    self._change("DELETE", following.id, None, if_version=1)
            except (NotFoundError, ConflictError):  # there is none, or somebody is at work on it
                pass
        return todo

    def remove(self, todo_id: str) -> Todo:
        """Remove a to-do; gives what was left of it, with `deleted` true."""
        return self._change("DELETE", todo_id, None)

    def batch(self, changes: Iterable[Change]) -> tuple[ChangeResult, ...]:
        """Make many changes, 25 in a request and each 25 in one transaction; each has a result of its own.

        A change that cannot be made does not keep the others back.
        """
        wires = [_change_to_wire(change) for change in changes]
        results: tuple[ChangeResult, ...] = ()
        for start in range(0, len(wires), SYNC_CHANGES):
            # what changed elsewhere is not asked for, as far as the API allows: it gives one at least
            position = Position(self._session.revision())
            answer = exchange(self._session, wires[start : start + SYNC_CHANGES], position, limit=1)
            results += tuple(_change_result(wire) for wire in answer.results)
        return results

    def sync(self, changes: Iterable[Change] = ()) -> SyncResult:
        """Push up to 25 changes and pull what changed since the position that `synced` remembered, in one request.

        The position stays where it is until `synced` is called with the result.
        """
        pushed = [_change_to_wire(change) for change in changes]
        if len(pushed) > SYNC_CHANGES:
            raise InvalidRequestError(f"{len(pushed)} changes are too many for one sync; at most {SYNC_CHANGES} go")
        answer = exchange(self._session, pushed, Position(*self._session.sync_position()))
        at = answer.position.since_at
        try:
            return SyncResult(
                results=tuple(_change_result(wire) for wire in answer.results),
                changes=tuple(Todo.from_wire(wire) for wire in answer.changes),
                revision=answer.position.since,
                more=answer.more,
                reset=answer.reset,
                at=None if at is None else time_from_text(at),
            )
        except ValueError as error:
            raise ServerError(f"the service's answer cannot be read ({error!r}); is it newer?") from error

    def synced(self, result: SyncResult) -> None:
        """Remember that a sync's changes have been taken in: the next one begins after them.

        Call it when they are safe. What happens before is fetched again, so nothing is missed.
        """
        self._session.synced(result.revision, None if result.at is None else time_to_text(result.at))

    def _create(self, todo_id: str, fields: Mapping[str, Any]) -> Todo:
        return self._ask("POST", "/v1/todos", todo_id, {"id": todo_id, **fields}, None)

    def _make_next(self, todo_id: str, fields: Mapping[str, Any]) -> Todo | None:
        for attempt in range(SUCCESSORS):
            try:
                made = self._create(successor_id(todo_id, attempt), fields)
            except ConflictError as error:  # another device made it, with its own idea of today
                if error.theirs is not None:
                    return error.theirs
            else:
                if not made.deleted:
                    return made
        return None

    def _change(self, method: str, todo_id: str, body: Mapping[str, Any] | None, if_version: int | None = None) -> Todo:
        return self._ask(method, _path(todo_id), todo_id, body, if_version)

    def _ask(
        self, method: str, path: str, todo_id: str, body: Mapping[str, Any] | None, if_version: int | None
    ) -> Todo:
        headers = {"Idempotency-Key": new_idempotency_key()}  # made once, so that each retry carries the same
        if if_version is not None:
            headers["If-Match"] = f'"{int(if_version)}"'
        try:
            return _todo(self._session.ask(Request(method, path, body=body, headers=headers, repeatable=True)))
        except ConflictError as error:
            error.mine = {name: value for name, value in (body or {}).items() if name != "id"}
            error.theirs = self._theirs(todo_id)
            raise

    def _theirs(self, todo_id: str) -> Todo | None:
        try:
            return self.get(todo_id)
        except TodoError:  # the conflict is the news
            return None


def _path(todo_id: str) -> str:
    return f"/v1/todos/{todo_id_text(todo_id)}"


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _todo(answer: Answer) -> Todo:
    return Todo.from_wire(answer.body)


def _change_to_wire(change: Change) -> dict[str, Any]:
    return {
        "op": change.op,
        "id": todo_id_text(change.todo_id),
        "key": change.key,
        "if_version": change.if_version,
        "fields": wire_fields(change.fields),
    }


def _change_result(wire: Mapping[str, Any]) -> ChangeResult:
    todo = wire.get("todo")
    return ChangeResult(
        todo_id=wire["id"],
        key=wire["key"],
        outcome=wire["outcome"],
        todo=None if todo is None else Todo.from_wire(todo),
        code=wire.get("code"),
        message=wire.get("message"),
    )
