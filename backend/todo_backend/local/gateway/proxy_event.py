"""The event that a Lambda proxy integration hands to the function (AG-39). No I/O."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final

from .configuration import Method
from .exchange import Exchange
from .media_types import is_binary
from .messages import Header, decoded

# AG-36. Authorization stays: the function sees the token.
DROPPED: Final = frozenset(
    {
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "transfer-encoding",
        "trailer",
        "upgrade",
        "www-authenticate",
    }
)
_SPELLINGS: Final = {"dnt": "DNT", "etag": "ETag"}
_ABSENT: Final = (
    "cognitoIdentityPoolId",
    "accountId",
    "cognitoIdentityId",
    "caller",
    "principalOrgId",
    "accessKey",
    "cognitoAuthenticationType",
    "cognitoAuthenticationProvider",
    "userArn",
    "user",
)


def proxy_event(exchange: Exchange) -> dict[str, Any]:
    """The function's event."""
    request, match = exchange.request, exchange.match
    headers = _grouped(_headers(exchange))
    body, encoded = _body(exchange)
    return {
        "resource": match.resource.path,
        "path": decoded(request.path),  # AG-40: without the stage
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in request.query.items()} or None,
        "multiValueQueryStringParameters": request.query or None,
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": dict(exchange.stage.variables) or None,
        "requestContext": _request_context(exchange),
        "body": body,
        "isBase64Encoded": encoded,
    }


def _request_context(exchange: Exchange) -> dict[str, Any]:
    request, match = exchange.request, exchange.match
    context: dict[str, Any] = {
        "resourceId": match.resource.id,
        "resourcePath": match.resource.path,
        "httpMethod": request.method,
        "extendedRequestId": exchange.ids.extended_id,
        "requestTime": exchange.request_time,
        "path": f"/{exchange.stage.name}{decoded(request.path)}",
        "accountId": exchange.place.account_id,
        "protocol": request.protocol,
        "stage": exchange.stage.name,
        "domainPrefix": exchange.api.id,
        "requestTimeEpoch": int(exchange.started_at * 1000),
        "requestId": exchange.ids.request_id,
        "identity": {
            **dict.fromkeys(_ABSENT),
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "domainName": exchange.place.domain(exchange.api.id),
        "deploymentId": exchange.stage.deployment_id,
        "apiId": exchange.api.id,
    }
    if exchange.claims is not None:
        context["authorizer"] = {"claims": dict(exchange.claims)}
    return context


def _headers(exchange: Exchange) -> Iterable[Header]:
    request = exchange.request
    declared = _declared_spellings(exchange.method)
    for name, value in request.headers:
        if (
            name not in DROPPED
            and name not in _REPLACED
            and not (name == "authorization" and value.startswith("AWS4-"))
        ):
            yield declared.get(name) or _spelling(name), value
    yield "X-Amzn-Trace-Id", f"Root={exchange.ids.trace_root}"
    yield "X-Forwarded-For", ", ".join([*request.header_values("x-forwarded-for"), request.source_ip])
    yield "X-Forwarded-Port", str(request.port)
    yield "X-Forwarded-Proto", request.scheme


_REPLACED: Final = frozenset({"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"})


def _declared_spellings(method: Method) -> dict[str, str]:
    """ASGI lower-cases header names; the API's own declaration says how one is written (AG-41)."""
    prefix = "method.request.header."
    names = (key.removeprefix(prefix) for key in method.declared if key.startswith(prefix))
    return {name.lower(): name for name in names}


def _spelling(name: str) -> str:
    return _SPELLINGS.get(name) or "-".join(part.capitalize() for part in name.split("-"))


def _grouped(headers: Iterable[Header]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _body(exchange: Exchange) -> tuple[str | None, bool]:
    request = exchange.request
    if not request.body:
        return None, False
    if is_binary(request.media_type, exchange.api.binary_media_types):
        return b64encode(request.body).decode("ascii"), True
    return request.body.decode("utf-8", "replace"), False
