"""A request as API Gateway hands it over (AG-39), read with suspicion. No I/O."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from todo_backend.service import schema
from todo_backend.service.errors import InvalidRequestError, TooLargeError, UnauthorizedError
from todo_backend.service.routes import Route

# Far above a full sync batch of ordinary to-dos, and within what Lambda takes at all (6 MB, AG-25).
BODY_BYTES: Final = 4 * 1024 * 1024

Event = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request: who asks (empty on an open route), and what, in values whose schemas have been checked."""

    user_id: str
    path: dict[str, str]
    query: dict[str, Any]
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def min_revision(self) -> int:
        """The revision that the caller has already seen (X-Min-Revision)."""
        return whole_number(self.headers.get("x-min-revision", "0"), "X-Min-Revision")

    @property
    def key(self) -> str | None:
        """The Idempotency-Key, if one was sent."""
        key = self.headers.get("idempotency-key")
        if key is not None and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key) is None:
            raise InvalidRequestError("Idempotency-Key must be 1 to 64 letters, digits, - or _")
        return key

    @property
    def if_version(self) -> int | None:
        """The version that the caller expects (If-Match); None when any will do."""
        text = self.headers.get("if-match", "*").strip()
        if text == "*":
            return None
        match = re.fullmatch(r'"([0-9]{1,15})"', text)
        if match is None:
            raise InvalidRequestError('If-Match must be one version in quotes, such as "3"')
        return int(match[1])

    def has(self, etag: str) -> bool:
        """Tell whether the caller already has this version of the answer (If-None-Match)."""
        tags = (tag.strip().removeprefix("W/") for tag in self.headers.get("if-none-match", "").split(","))
        return any(tag in (etag, "*") for tag in tags)


def parse(event: Event, route: Route, user_pool_client_id: str) -> Request:
    """Read and check an event.

    Raises:
        UnauthorizedError: the route needs a caller and the gateway vouches for none.
        InvalidRequestError: names what is wrong.
        TooLargeError: the body is over the limit.
    """
    return Request(
        user_id=_user_id(event, user_pool_client_id) if route.auth else "",
        path=dict(event.get("pathParameters") or {}),
        query=_query(event, route),
        headers={name.lower(): str(value) for name, value in (event.get("headers") or {}).items()},
        body=_body(event, route),
    )


def whole_number(text: str, name: str) -> int:
    """Read a number that is no query parameter; raise InvalidRequestError naming it otherwise."""
    return int(schema.parse_text(text, {"type": "integer"}, name))


def _user_id(event: Event, user_pool_client_id: str) -> str:
    claims = ((event.get("requestContext") or {}).get("authorizer") or {}).get("claims") or {}
    # The authorizer checks signature, issuer and expiry; it accepts tokens of the pool's other clients (AG-05, SE-08),
    # and a mistake in its scopes would let access tokens in (SE-07).
    if claims.get("token_use") != "id" or claims.get("aud") != user_pool_client_id or not claims.get("sub"):
        raise UnauthorizedError("sign in first")
    return str(claims["sub"])


def _query(event: Event, route: Route) -> dict[str, Any]:
    sent = event.get("queryStringParameters") or {}
    known = {parameter.name: parameter.schema for parameter in route.query}
    # What is not declared is ignored: it is not in the cache key either (AC-18).
    return {name: schema.parse_text(text, known[name], name) for name, text in sent.items() if name in known}


def _body(event: Event, route: Route) -> dict[str, Any]:
    if route.body is None:
        return {}
    text = event.get("body") or ""
    if len(text) > BODY_BYTES:
        raise TooLargeError(f"the body is over {BODY_BYTES} bytes")
    body = _decode(text, is_base64=bool(event.get("isBase64Encoded")))
    schema.check(body, route.body, "body")
    return dict(body)


def _decode(text: str, *, is_base64: bool) -> Any:
    try:
        plain = base64.b64decode(text, validate=True).decode() if is_base64 else text
        body = json.loads(plain, parse_constant=_no_number)
        # Half a surrogate pair is text to Python and JSON, but neither to UTF-8 nor to DynamoDB.
        if "\\ud" in plain.lower() or not plain.isascii():
            json.dumps(body, ensure_ascii=False).encode()
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidRequestError("the body is not JSON in UTF-8") from None
    return body


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
