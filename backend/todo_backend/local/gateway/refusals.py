"""The errors that the gateway itself answers: one table of kinds, customised by the API's gateway responses.

* RefusalError                 an error that gateway responses customise; becomes an answer in `render`
* FixedRefusalError            an error that nothing customises; carries its answer
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .configuration import GatewayResponse
from .messages import Answer, Header, Request, is_sendable
from .templates import Context, fill

ERROR_TYPE: Final = "x-amzn-ErrorType"


@dataclass(frozen=True)
class Kind:
    """A gateway response type: its status, its ErrorType header, and what it says unless told otherwise."""

    status: int
    error_type: str
    message: str


# AG-01, AG-15, AG-16, AG-18, AG-19, AG-23, AG-25 to AG-29; developer guide, "supported gateway response types".
KINDS: Final[Mapping[str, Kind]] = {
    "UNAUTHORIZED": Kind(401, "UnauthorizedException", "Unauthorized"),
    "MISSING_AUTHENTICATION_TOKEN": Kind(403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "INVALID_SIGNATURE": Kind(403, "IncompleteSignatureException", "Incomplete signature"),
    "ACCESS_DENIED": Kind(403, "AccessDeniedException", "User is not authorized to access this resource"),
    "INVALID_API_KEY": Kind(403, "ForbiddenException", "Forbidden"),
    "BAD_REQUEST_PARAMETERS": Kind(400, "BadRequestException", "Missing required request parameters"),
    "BAD_REQUEST_BODY": Kind(400, "BadRequestException", "Invalid request body"),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415, "BadRequestException", "Unsupported Media Type"),
    "REQUEST_TOO_LARGE": Kind(413, "RequestTooLargeException", "Request Too Long"),
    "THROTTLED": Kind(429, "TooManyRequestsException", "Too Many Requests"),
    "INTEGRATION_TIMEOUT": Kind(504, "InternalServerErrorException", "Endpoint request timed out"),
    "AUTHORIZER_CONFIGURATION_ERROR": Kind(500, "AuthorizerConfigurationException", "Internal server error"),
    "AUTHORIZER_FAILURE": Kind(500, "AuthorizerFailureException", "Internal server error"),
    "API_CONFIGURATION_ERROR": Kind(500, "InternalServerErrorException", "Internal server error"),
    # Not types of their own on AWS: what a 5xx of the integration falls under.
    "BAD_GATEWAY": Kind(502, "InternalServerErrorException", "Internal server error"),
}


class RefusalError(Exception):
    """The gateway answers this request itself."""

    def __init__(self, kind: str, message: str | None = None, *, detail: str = "") -> None:
        """`message` replaces the kind's own; `detail` is what `$context.error.validationErrorString` shows."""
        self.kind = kind
        self.message = KINDS[kind].message if message is None else message
        self.detail = detail
        super().__init__(self.message)


class FixedRefusalError(Exception):
    """The gateway answers this request itself, in words that no gateway response changes."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.status)


def plain(status: int, error_type: str, message: str, *, content_type: str = "application/json") -> Answer:
    """An answer that no gateway response can customise: made before an API is known, or too early for one."""
    body = message if content_type.startswith("text/") else _default_body(status, message)
    return Answer(status, (("Content-Type", content_type), (ERROR_TYPE, error_type)), body.encode())


def render(
    refusal: RefusalError, responses: Mapping[str, GatewayResponse], request: Request, context: Context
) -> Answer:
    """The refusal as the API's gateway responses shape it (AG-43, AG-44)."""
    kind = KINDS[refusal.kind]
    default = responses.get("DEFAULT_4XX" if kind.status < 500 else "DEFAULT_5XX")
    custom = responses.get(refusal.kind) or default
    if custom is None:
        return plain(kind.status, kind.error_type, refusal.message)
    context = {**context, **_error_context(refusal)}
    media_type, body = _body(custom, kind, refusal, context)
    headers = [("Content-Type", media_type), (ERROR_TYPE, kind.error_type)]
    added = _headers(custom.parameters, request, context)
    names = {name.lower() for name, _ in added}
    kept = tuple(pair for pair in headers if pair[0].lower() not in names)
    return Answer(custom.status or kind.status, kept + added, body.encode("utf-8", "replace"))


def _default_body(status: int, message: str) -> str:
    # AG-27, AG-29: the bodies of 5xx were measured with a space ("36 bytes"), those of 4xx without.
    return json.dumps({"message": message}, separators=(",", ": " if status >= 500 else ":"), ensure_ascii=False)


def _error_context(refusal: RefusalError) -> dict[str, str]:
    return {
        "error.message": refusal.message,
        "error.messageString": json.dumps(refusal.message, ensure_ascii=False),
        "error.responseType": "DEFAULT_5XX" if refusal.kind == "BAD_GATEWAY" else refusal.kind,
        # Between quotes of the template's own: what the caller wrote must not end them.
        "error.validationErrorString": json.dumps(refusal.detail, ensure_ascii=False)[1:-1],
    }


def _body(custom: GatewayResponse, kind: Kind, refusal: RefusalError, context: Context) -> tuple[str, str]:
    if not custom.templates:
        return "application/json", _default_body(kind.status, refusal.message)
    media_type = "application/json" if "application/json" in custom.templates else next(iter(custom.templates))
    return media_type, fill(custom.templates[media_type], context)


def _headers(parameters: Mapping[str, str], request: Request, context: Context) -> tuple[Header, ...]:
    found = []
    for key, source in parameters.items():
        prefix, _, name = key.partition("gatewayresponse.header.")
        value = None if prefix or not name else _value(source, request, context)
        if value is not None and is_sendable(name, value):
            found.append((name, value))
    return tuple(found)


def _value(source: str, request: Request, context: Context) -> str | None:
    """A mapping's value: `'literal'`, `method.request.header.X`, `method.request.querystring.x`, `context.x`."""
    if len(source) > 1 and source[0] == source[-1] == "'":
        return source[1:-1]
    if source.startswith("method.request.header."):
        return request.header(source.removeprefix("method.request.header."))
    if source.startswith("method.request.querystring."):
        values = request.query.get(source.removeprefix("method.request.querystring."))
        return values[-1] if values else None
    return context.get(source.removeprefix("context."))
