"""Files that belong to a to-do: the file under `attachments/<to-do's id>/` in one's folder, its key in the to-do.

The file is put first and named second, and taken out of the to-do first and removed second: a crash in between leaves a
file that no to-do names, never a to-do that names a file which is not there.
"""

from collections.abc import Callable

from todo_sdk._errors import ConflictError, InvalidRequestError
from todo_sdk._fields import ATTACHMENTS, todo_id_text
from todo_sdk._models import Todo
from todo_sdk._todos import Todos

TRIES = 5


def attachment_key(todo_id: str, name: str) -> str:
    """Give the key of a to-do's attachment."""
    if not name or "/" in name:
        raise InvalidRequestError(f"{name!r} cannot be the name of an attachment; it is one name, without slashes")
    return attachment_folder(todo_id) + name


def attachment_folder(todo_id: str) -> str:
    """Give what the keys of a to-do's own attachments begin with."""
    return f"attachments/{todo_id_text(todo_id)}/"


class Attachments:
    """What to-dos name, changed together with nobody else's change lost."""

    def __init__(self, todos: Todos) -> None:
        self._todos = todos

    def of(self, todo: Todo | str) -> tuple[str, ...]:
        """Give the keys that a to-do names; one given by its id is asked for."""
        return (todo if isinstance(todo, Todo) else self._todos.get(todo)).attachments

    def must_have_room(self, todo_id: str, key: str) -> None:
        """Refuse before a byte is sent what the to-do could not name afterwards."""
        named = self.of(todo_id)
        if key not in named and len(named) >= ATTACHMENTS:
            raise InvalidRequestError(f"this to-do has {len(named)} attachments, the most there can be; detach one")

    def name(self, todo_id: str, key: str) -> Todo:
        """Put a key into a to-do."""
        return self._change(todo_id, lambda named: named if key in named else (*named, key))

    def drop(self, todo_id: str, key: str) -> tuple[Todo, str | None]:
        """Take a key, or the attachment of that name, out of a to-do; gives the key that it named."""
        own = attachment_folder(todo_id) + key
        dropped: list[str] = []

        def without(named: tuple[str, ...]) -> tuple[str, ...]:
            dropped[:] = [each for each in (key, own) if each in named][:1]
            return tuple(each for each in named if each not in dropped)

        todo = self._change(todo_id, without)
        return todo, dropped[0] if dropped else None

    def _change(self, todo_id: str, changed: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Todo:
        for attempt in range(1, TRIES + 1):
            todo = self._todos.get(todo_id)
            wanted = changed(todo.attachments)
            if wanted == todo.attachments:
                return todo
            try:
                return self._todos.edit(todo_id, if_version=todo.version, attachments=wanted)
            except ConflictError:
                if attempt == TRIES:
                    raise
        raise AssertionError("the last try returns or raises")
