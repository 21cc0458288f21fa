"""What the things are: to-dos, users, files, and the answers of sign-up and sync.

Plain frozen values; the wire's names are theirs. Nothing here asks anybody anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal, TypedDict
from urllib.parse import quote

from todo_sdk._errors import ServerError
from todo_sdk._fields import due_from_text, due_to_text, new_idempotency_key, time_from_text, time_to_text

Status = Literal["open", "done"]
Due = date | datetime


class TodoDetails(TypedDict, total=False):
    """The fields of a to-do that its owner writes, but for the title."""

    notes: str
    status: Status
    priority: int
    due: Due | str | None
    tags: Iterable[str]
    list: str
    recurrence: str | None
    attachments: Iterable[str]


class TodoFields(TodoDetails, total=False):
    """The fields of a to-do that its owner writes."""

    title: str


@dataclass(frozen=True)
class Todo:
    """One to-do as the service knows it.

    `due` is a date, or an aware date-time; `recurrence` an RFC 5545 RRULE; `attachments` keys in the owner's folder.
    The times are the server's, in UTC. `version` counts the changes of this to-do, `revision` those of its owner.
    """

    id: str
    title: str
    notes: str
    status: Status
    priority: int
    due: Due | None
    tags: tuple[str, ...]
    list: str
    recurrence: str | None
    attachments: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    version: int
    revision: int
    deleted: bool

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Todo":
        """Read a to-do from the service's JSON; fields of a newer service are ignored.

        Raises:
            ServerError: a field is missing or is not what it should be.
        """
        try:
            read = {name: convert(wire[name]) for name, convert in _FROM_WIRE.items()}
            return cls(**{name: wire[name] for name in _TODO_NAMES}, **read)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServerError(f"the service sent a to-do that cannot be read ({error!r}); is it newer?") from error

    def to_wire(self) -> dict[str, Any]:
        """Give the to-do as the service's JSON writes it: `Todo.from_wire(todo.to_wire()) == todo`."""
        wire = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _TO_WIRE[name](value) if name in _TO_WIRE else value for name, value in wire.items()}


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else time_from_text(text)


_FROM_WIRE: Mapping[str, Any] = {
    "due": due_from_text,
    "tags": tuple,
    "attachments": tuple,
    "created_at": time_from_text,
    "updated_at": time_from_text,
    "completed_at": _optional_time,
}
_TODO_NAMES = tuple(each.name for each in fields(Todo) if each.name not in _FROM_WIRE)
_TO_WIRE: Mapping[str, Any] = {
    "due": due_to_text,
    "tags": list,
    "attachments": list,
    "created_at": time_to_text,
    "updated_at": time_to_text,
    "completed_at": lambda time: None if time is None else time_to_text(time),
}


@dataclass(frozen=True)
class Completed:
    """A to-do that was marked as done, and its next occurrence when it recurs and there is one more."""

    todo: Todo
    next: Todo | None


@dataclass(frozen=True)
class User:
    """Who is signed in; `user_id` is the user pool's `sub`."""

    user_id: str
    email: str


@dataclass(frozen=True)
class SignUp:
    """What a sign-up led to; `sent_to` is the masked address that the code went to, if one was sent."""

    user_id: str
    confirmed: bool
    sent_to: str | None


@dataclass(frozen=True)
class Challenge:
    """What Cognito wants after the password: give it to `auth.answer` with the answer.

    It is a plain value, good for a few minutes and for one right answer. `name` is one of

    - "NEW_PASSWORD_REQUIRED": answer with a new password;
    - "SOFTWARE_TOKEN_MFA": answer with the code of the authenticator app;
    - "MFA_SETUP": show `otpauth_uri` (as a QR code) or `secret`, answer with the first code of the app.
    """

    name: Literal["NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "MFA_SETUP"]
    email: str
    username: str = field(repr=False)
    session: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)

    @property
    def wanted(self) -> str:
        """Say in a sentence what is wanted."""
        return CHALLENGES[self.name]

    @property
    def otpauth_uri(self) -> str | None:
        """The secret of "MFA_SETUP" as authenticator apps read it from a QR code; None for other challenges."""
        return None if self.secret is None else MfaSetup(self.email, self.secret).otpauth_uri


CHALLENGES: Mapping[str, str] = {
    "NEW_PASSWORD_REQUIRED": "a new password is wanted before this user can sign in",
    "SOFTWARE_TOKEN_MFA": "the six-digit code of the authenticator app is wanted",
    "MFA_SETUP": "an authenticator app must be set up; its first six-digit code is wanted",
}


@dataclass(frozen=True)
class MfaSetup:
    """What an authenticator app must be told once; `secret` is base32, for typing."""

    email: str
    secret: str = field(repr=False)

    @property
    def otpauth_uri(self) -> str:
        """The same for a QR code (Key URI Format, https://github.com/google/google-authenticator/wiki/Key-Uri-Format)."""
        return f"otpauth://totp/{ISSUER}:{quote(self.email)}?secret={self.secret}&issuer={ISSUER}"


ISSUER = "MyTodoList"


@dataclass(frozen=True)
class Device:
    """A device that the user has signed in from; `is_remembered` lets it sign in without a code."""

    key: str
    name: str
    created_at: datetime
    last_seen_at: datetime
    is_remembered: bool
    is_this: bool


@dataclass(frozen=True)
class FileInfo:
    """A file in the user's own folder; `key` is relative to that folder, `etag` is S3's, with its quotes off."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str


@dataclass(frozen=True)
class Change:
    """One change to push with `sync`; `key` makes sure that it happens once, however often it is sent."""

    op: Literal["create", "update", "delete"]
    todo_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    if_version: int | None = None
    key: str = field(default_factory=new_idempotency_key)


@dataclass(frozen=True)
class ChangeResult:
    """What became of one pushed change; `todo` is the to-do as it is now, if there is one."""

    todo_id: str
    key: str
    outcome: Literal["applied", "repeated", "conflict", "not_found", "invalid"]
    todo: Todo | None
    code: str | None
    message: str | None


@dataclass(frozen=True)
class SyncResult:
    """What one sync brought.

    `changes` are the to-dos that changed since the last sync, deleted ones among them (`deleted` is true), oldest
    change first. `more`: sync again for the rest. `reset`: what was known before is out of date; `changes` starts anew.
    `at` is the service's time. Give the result to `synced` once the changes are taken in.
    """

    results: tuple[ChangeResult, ...]
    changes: tuple[Todo, ...]
    revision: int
    more: bool
    reset: bool
    at: datetime | None = None
