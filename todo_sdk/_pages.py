"""Walking through the pages of the list, whatever changes meanwhile."""

from collections.abc import Iterator, Mapping
from typing import Any

from todo_sdk._errors import ServerError
from todo_sdk._http import Request
from todo_sdk._models import Todo
from todo_sdk._session import Session

PAGE_SIZE = 200  # the most that the API gives at once


def walk(session: Session, filters: Mapping[str, Any]) -> Iterator[Todo]:
    """Give each to-do that fits once: walk the pages, and again over what changed and moved past what was read."""
    delivered: set[str] = set()
    floor = 0
    while True:
        pages = []
        for page in _pages(session, filters, floor):
            pages.append(int(page.get("revision") or 0))
            fresh = [todo for todo in map(Todo.from_wire, _todos(page)) if todo.revision > floor]
            yield from (todo for todo in fresh if todo.id not in delivered)
            delivered.update(todo.id for todo in fresh)
            if len(fresh) < len(page["todos"]):
                break
        if len(pages) < 2:  # one page is one answer, whole by itself
            return
        floor = pages[0]


def _pages(session: Session, filters: Mapping[str, Any], known_revision: int) -> Iterator[Mapping[str, Any]]:
    headers = {"If-None-Match": f'"{known_revision}"'} if known_revision else {}
    cursor: str | None = None
    while True:
        params = {**filters, "limit": PAGE_SIZE, **({} if cursor is None else {"cursor": cursor})}
        answer = session.ask(Request("GET", "/v1/todos", params=params, headers=headers, repeatable=True))
        if answer.status == 304:
            return
        yield answer.body
        cursor, headers = answer.body.get("cursor"), {}
        if not cursor:
            return


def _todos(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = page.get("todos")
    if not isinstance(found, list):
        raise ServerError("the service's answer has no todos")
    return found
