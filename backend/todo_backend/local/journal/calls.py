"""What a request may have changed, told from the request itself. No I/O, nothing of MiniStack."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ..asgi import Answer, Scope, header


class Change(Enum):
    """What has to be looked at before the answer may leave."""

    NOTED = "noted"  # nothing: what it changes, if anything, is noted as it changes
    ROLE = "role"
    OBJECT = "object"
    ANY = "any"


@dataclass(frozen=True)
class Call:
    """A request, as far as it can be told; `role` is the name of an IAM role."""

    change: Change
    protocol: str
    role: str = ""


READS = (
    "BatchGet",
    "Check",
    "Decode",
    "Describe",
    "Estimate",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "TransactGet",
    "Validate",
)
"""How the names of operations begin that change nothing; whatever begins otherwise may have."""
ITEM_WRITES = {
    "BatchExecuteStatement",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
}
ROLE_WRITES = {"CreateRole", "DeleteRole", "DeleteRolePolicy", "PutRolePolicy"}
"""Those that change one role and nothing else; each user's first credentials take several."""

_CREDENTIAL = re.compile(r"Credential=[^/]*/[^/]*/[^/]*/([a-z0-9-]+)/aws4_request")
_INVOCATION = re.compile(r"/\d{4}-\d\d-\d\d/functions/[^/]+/(response-streaming-)?invocations|/_aws/execute-api/")
_FORM = "application/x-www-form-urlencoded"


def needs_body(scope: Scope) -> bool:
    """Whether the operation's name stands in the body."""
    return scope["method"] == "POST" and header(scope, b"content-type").startswith(_FORM)


def call_of(scope: Scope, form: bytes = b"") -> Call:
    """What kind of request it is; `form` is its body where `needs_body`."""
    target, _, operation = header(scope, b"x-amz-target").rpartition(".")
    if operation:
        protocol = "dynamodb" if target.startswith("DynamoDB_") else "json"
        noted = operation.startswith(READS) or (protocol == "dynamodb" and operation in ITEM_WRITES)
        return Call(Change.NOTED if noted else Change.ANY, protocol)
    given = parse_qs((form or scope.get("query_string", b"")).decode("latin-1"))
    service = _service(scope)
    if "Action" in given:
        return _query_call(service, given)
    if service == "s3" or "X-Amz-Signature" in given:
        return _s3_call(scope)
    if scope["method"] in ("GET", "HEAD", "OPTIONS") or _INVOCATION.match(scope["path"]):
        return Call(Change.NOTED, "rest")
    return Call(Change.ANY, "rest")


REFUSED: Final = b"x-todo-refused"
"""A header by which a refusal of ours is told from a fault of MiniStack, whose text nobody shall see."""


def refusal(call: Call, reason: str) -> Answer:
    """AWS's answer when it is its own fault, in the protocol that was asked in."""
    message = f"The change was not kept: {reason}. Nothing of it remains; try again when that is solved."
    if call.change is Change.ANY:
        message = f"The change may be lost: {reason}. Try again when that is solved."
    code, kind, body = _REFUSALS[call.protocol]
    headers = [(b"content-type", kind.encode()), (REFUSED, b"the disk")]
    if kind.startswith("application"):
        headers.append((b"x-amzn-errortype", code.encode()))
        message = message.replace("\\", "/").replace('"', "'")
    else:
        message = escape(message)
    text = body.format(code=code, message=message).encode()
    return Answer(500, [*headers, (b"content-length", str(len(text)).encode())], text)


_REFUSALS = {
    "dynamodb": (
        "InternalServerError",
        "application/x-amz-json-1.0",
        '{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"{message}"}}',
    ),
    "json": ("InternalFailure", "application/x-amz-json-1.1", '{{"__type":"{code}","message":"{message}"}}'),
    "rest": ("InternalFailure", "application/json", '{{"Type":"Server","message":"{message}"}}'),
    "query": (
        "InternalFailure",
        "text/xml",
        "<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>",
    ),
    "s3": (
        "InternalError",
        "text/xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>',
    ),
}


def _query_call(service: str, given: dict[str, list[str]]) -> Call:
    action = given["Action"][0]
    if service == "iam" and action in ROLE_WRITES and "RoleName" in given:
        return Call(Change.ROLE, "query", given["RoleName"][0])
    # A deployment goes on in the background: whoever asks how it is gets an answer that holds.
    is_read = action.startswith(READS) and service != "cloudformation"
    return Call(Change.NOTED if is_read or service == "sts" else Change.ANY, "query")


def _s3_call(scope: Scope) -> Call:
    key = scope["path"].lstrip("/").partition("/")[2]
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return Call(Change.NOTED, "s3")
    return Call(Change.OBJECT if key else Change.ANY, "s3")


def _service(scope: Scope) -> str:
    signed = _CREDENTIAL.search(header(scope, b"authorization"))
    return signed.group(1) if signed else ""
