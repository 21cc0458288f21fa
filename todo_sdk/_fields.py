"""The fields of a to-do between Python and the wire, and what they may hold.

Pure: no clock, no network. What a person gave wrongly is an InvalidRequestError with a sentence, before any call.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from todo_sdk._errors import InvalidRequestError
from todo_sdk._recurrence import read_rule

TITLE_CHARS = 500
NOTES_CHARS = 10_000
TAGS = 20
TAG_CHARS = 50
LIST_CHARS = 100
RECURRENCE_CHARS = 500
ATTACHMENTS = 20
KEY_BYTES = 1024  # S3's limit for a whole key
PRIORITIES = range(1, 5)
STATUSES = ("open", "done")

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def new_idempotency_key() -> str:
    """Make the key by which the service recognises a change that it has seen before."""
    return uuid.uuid4().hex


def new_todo_id(now_seconds: float) -> str:
    """Make a to-do's id: a UUID of version 7, which sorts by the time it was made (RFC 9562 section 5.7)."""
    random_bits = uuid.uuid4().int
    high, low = random_bits & 0xFFF, random_bits >> 66
    milliseconds = int(now_seconds * 1000) & ((1 << 48) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low))


def todo_id_text(todo_id: str) -> str:
    """Give a to-do's id as the wire writes it.

    Raises:
        InvalidRequestError: it is not a UUID.
    """
    try:
        text = str(uuid.UUID(todo_id))
    except (ValueError, AttributeError, TypeError):
        text = ""
    if not text or text != todo_id.lower():
        raise InvalidRequestError(f"{todo_id!r} is not the id of a to-do; an id looks like {_SAMPLE_ID}")
    return text


_SAMPLE_ID = "01941f29-7c00-7000-8000-0123456789ab"


def time_from_text(text: str) -> datetime:
    """Read one of the service's times as aware UTC."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def time_to_text(time: datetime) -> str:
    """Write a time as the service writes it: UTC, milliseconds, Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def due_from_text(text: str | None) -> date | datetime | None:
    """Read `due`: a date, or a date-time with its own offset.

    Raises:
        ValueError: it is neither.
    """
    if text is None:
        return None
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    if _RFC3339.fullmatch(text):
        return datetime.fromisoformat(text.upper())
    raise ValueError(f"{text!r} is neither a date nor a date-time with offset")


def due_to_text(due: date | datetime | str | None) -> str | None:
    """Write `due` for the wire.

    Raises:
        InvalidRequestError: it is no date, or a date-time that does not say which time zone it is in.
    """
    if isinstance(due, str):
        try:
            due = due_from_text(due)
        except ValueError:
            raise InvalidRequestError(
                f"due {due!r} is neither a date (2026-12-24) nor a date-time with offset (2026-12-24T18:00:00+01:00)"
            ) from None
    if due is None:
        return None
    if isinstance(due, datetime) and due.utcoffset() is None:
        raise InvalidRequestError("due has a time but no time zone; give an aware datetime, or a date")
    if not isinstance(due, date):
        raise InvalidRequestError(f"due must be a date or an aware datetime, not {type(due).__name__}")
    return due.isoformat()


def wire_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a change and write them for the wire.

    Raises:
        InvalidRequestError: a field does not exist, or holds what it may not hold.
    """
    unknown = sorted(set(given) - set(_WRITERS))
    if unknown:
        raise InvalidRequestError(f"a to-do has no field {unknown[0]!r}; it has {', '.join(_WRITERS)}")
    return {name: _WRITERS[name](value) for name, value in given.items()}


def _text(name: str, value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise InvalidRequestError(f"{name} must be text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{name} holds characters that are not text (lone surrogates)") from None
    if len(value) > limit:
        raise InvalidRequestError(f"{name} has {len(value)} characters; at most {limit} are allowed")
    return value


def _title(value: Any) -> str:
    if not _text("title", value, TITLE_CHARS).strip():
        raise InvalidRequestError("a to-do needs a title")
    return str(value)


def _status(value: Any) -> str:
    if value not in STATUSES:
        raise InvalidRequestError(f"status must be open or done, not {value!r}")
    return str(value)


def _priority(value: Any) -> int:
    if type(value) is not int or value not in PRIORITIES:
        raise InvalidRequestError(f"priority must be a number from 1 (highest) to 4, not {value!r}")
    return value


def _recurrence(value: Any) -> str | None:
    return None if value is None else str(read_rule(_text("recurrence", value, RECURRENCE_CHARS)))


def _texts(name: str, values: Any, limit: int) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidRequestError(f"{name} must be several texts, not {type(values).__name__}")
    texts = list(values)
    if len(texts) > limit:
        raise InvalidRequestError(f"{len(texts)} {name} are too many; at most {limit} are allowed")
    return texts


def tag_text(value: Any) -> str:
    """Check one tag: 1 to 50 characters, no comma, no white space."""
    text = _text("a tag", value, TAG_CHARS)
    if not text or "," in text or any(char.isspace() for char in text):
        raise InvalidRequestError(f"{text!r} cannot be a tag: a tag is not empty and has neither comma nor space")
    return text


def tag_texts(values: Any) -> list[str]:
    """Check several tags and give each once, in their order."""
    return list(dict.fromkeys(tag_text(value) for value in _texts("tags", values, TAGS)))


def _attachment(value: Any) -> str:
    return file_key(_text("an attachment", value, KEY_BYTES))


def file_key(key: str, prefix_bytes: int = 0) -> str:
    """Check the key of a file, relative to the user's folder.

    Args:
        prefix_bytes: how much of S3's 1024 bytes the folder's own name takes.

    Raises:
        InvalidRequestError: S3 would take it literally, or not at all, or it looks like a way out of the folder.
    """
    problem = _problem_of_key(key, KEY_BYTES - prefix_bytes)
    if problem:
        raise InvalidRequestError(f"{key!r} cannot be the name of a file: {problem}")
    return key


def _problem_of_key(key: str, limit_bytes: int) -> str | None:
    if not key:
        return "it is empty"
    if key.startswith("/"):
        return "it starts with a slash; names are relative to your folder"
    # S3 never normalises, HTTP libraries and file systems do (SE-16): what one reads as a step, nobody gets to read
    if {".", ".."} & set(key.split("/")):
        return "it has a '.' or '..' segment"
    if "\0" in key:
        return "it holds a NUL"
    return _problem_of_size(key, limit_bytes)


def _problem_of_size(key: str, limit_bytes: int) -> str | None:
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it is not text"
    return f"it has {size} bytes; at most {limit_bytes} are allowed" if size > limit_bytes else None


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "title": _title,
    "notes": lambda value: _text("notes", value, NOTES_CHARS),
    "status": _status,
    "priority": _priority,
    "due": due_to_text,
    "tags": tag_texts,
    "list": lambda value: _text("list", value, LIST_CHARS),
    "recurrence": _recurrence,
    "attachments": lambda values: [_attachment(value) for value in _texts("attachments", values, ATTACHMENTS)],
}
