"""The to-do: its fields, what makes them valid, how it stands in the table and on the wire. No I/O."""

import hashlib
import json
import re
from datetime import datetime
from typing import Any, Final

from todo_backend.service import routes, schema, times
from todo_backend.service.errors import InvalidRequestError

Item = dict[str, Any]
"""A to-do as it stands in the table: the wire's fields, and the bookkeeping that never leaves the service."""

DEFAULTS: Final[dict[str, Any]] = {
    "title": "",
    "notes": "",
    "status": "open",
    "priority": 4,
    "due": None,
    "tags": [],
    "list": "",
    "recurrence": None,
    "attachments": [],
}
WRITABLE: Final = tuple(DEFAULTS)
SERVER_FIELDS: Final = ("created_at", "updated_at", "completed_at", "version", "revision", "deleted")
WIRE_FIELDS: Final = ("id", *WRITABLE, *SERVER_FIELDS)

_NO_TAG: Final = re.compile(r"[,\s]")
# One rule and nothing beside it: no DTSTART, EXDATE or second line, which dateutil would also read. The parameter (RFC
# 5545 section 3.8.5.3 leaves room for one) says that it counts from the completion, which is the clients' business.
_RULE: Final = re.compile(r"(?:RRULE(?:;X-FROM=COMPLETION)?:)?([A-Z]+=[A-Z0-9=;,+-]+)")


def wire(item: Item) -> Item:
    """Give the to-do as clients see it: every field present, bookkeeping left out."""
    return {name: item[name] for name in WIRE_FIELDS}


def check_id(todo_id: str) -> str:
    """Give the id back if it is a UUIDv7 in lower case; else raise InvalidRequestError."""
    if re.fullmatch(routes.TODO_ID["pattern"], todo_id) is None:
        raise InvalidRequestError("id must be a UUIDv7 in lower case")
    return todo_id


def check_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the writable fields of a request back if each is valid; else raise InvalidRequestError.

    What depends on two fields (a recurrence needs a due date) is checked on the whole to-do by `check_whole`.
    """
    schema.check(fields, {"type": "object", "properties": routes.FIELDS, "additionalProperties": False}, "body")
    if "title" in fields and not fields["title"].strip():
        raise InvalidRequestError("title must not be blank")
    for tag in fields.get("tags", ()):
        if _NO_TAG.search(tag):
            raise InvalidRequestError("tags must not contain commas or white space")
    for key in fields.get("attachments", ()):
        _check_attachment(key)
    if fields.get("due") is not None:
        check_due(fields["due"], "due")
    return fields


def check_create(body: dict[str, Any]) -> dict[str, Any]:
    """Give a create's fields with the defaults filled in; raise InvalidRequestError when one is wrong or missing."""
    if "title" not in body:
        raise InvalidRequestError("title is missing")
    whole = {**DEFAULTS, **check_fields(body)}
    check_whole(whole)
    return whole


def check_whole(fields: dict[str, Any]) -> None:
    """Check what only the whole to-do shows: the recurrence is a rule of RFC 5545 that fits its due date."""
    if fields["recurrence"] is None:
        return
    if fields["due"] is None:
        raise InvalidRequestError("recurrence needs a due date")
    _check_rule(fields["recurrence"], times.parse_due(fields["due"]))


def check_due(text: str, name: str) -> str:
    """Give a date or date-time text back if it is one; else raise InvalidRequestError naming `name`."""
    try:
        times.due_instant(text)
    except ValueError:
        raise InvalidRequestError(f"{name} must be a date (2026-11-23) or a date-time with offset") from None
    return text


def digest(fields: dict[str, Any]) -> str:
    """Give a create's fingerprint, by which the same create is known when it is repeated."""
    text = json.dumps({name: fields[name] for name in WRITABLE}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _check_attachment(key: str) -> None:
    if len(key.encode()) > routes.ATTACHMENT_BYTES:
        raise InvalidRequestError(f"attachments has a key over {routes.ATTACHMENT_BYTES} bytes")
    # SE-16: S3 takes such keys literally, but a device that writes the file to disk would walk out of its folder.
    if key.startswith("/") or ".." in key.split("/") or "\x00" in key:
        raise InvalidRequestError("attachments must be keys inside the owner's folder")


def _check_rule(text: str, due: Any) -> None:
    from dateutil.rrule import rrulestr  # most requests carry no rule

    start = due if isinstance(due, datetime) else datetime(due.year, due.month, due.day)
    refusal = InvalidRequestError("recurrence must be one RRULE of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO")
    match = _RULE.fullmatch(text)
    if match is None:
        raise refusal
    try:
        rrulestr(match[1], dtstart=start)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise refusal from None
