"""The operations that the gateway asks for, over AWS's REST-JSON protocol: what botocore would do, without botocore.

Importing botocore and its models takes longer than everything else at the start of the embedded stack. No sockets:
how a signed request is sent is given.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

Headers = Mapping[str, str]

SignedSend = Callable[[str, str, str, str, Headers, bytes], Awaitable[tuple[int, Headers, bytes]]]
"""`await send(service, method, path, query, headers, body)`: path and query are percent-encoded; response header names
are lower-case."""


class RestControlError(Exception):
    """The control plane refused; `code` is spelled as AWS spells it."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{operation}: {code}: {message}")


@dataclass(frozen=True)
class _Operation:
    """Method and path; `query` maps parameters to their names on the wire, the rest is the body's."""

    method: str
    path: str
    query: Mapping[str, str]


def _list(path: str, **query: str) -> _Operation:
    return _Operation("GET", path, {"limit": "limit", "position": "position", **query})


_API: Final = "/restapis/{restApiId}"
_METHOD: Final = _API + "/resources/{resourceId}/methods/{httpMethod}"

OPERATIONS: Final[Mapping[tuple[str, str], _Operation]] = {
    ("apigateway", "GetRestApi"): _Operation("GET", _API, {}),
    ("apigateway", "GetResources"): _list(_API + "/resources", embed="embed"),
    ("apigateway", "GetStage"): _Operation("GET", _API + "/stages/{stageName}", {}),
    ("apigateway", "GetAuthorizers"): _list(_API + "/authorizers"),
    ("apigateway", "GetModels"): _list(_API + "/models"),
    ("apigateway", "GetRequestValidators"): _list(_API + "/requestvalidators"),
    ("apigateway", "GetGatewayResponses"): _list(_API + "/gatewayresponses"),
    ("apigateway", "GetApiKeys"): _list("/apikeys"),
    ("apigateway", "GetApiKey"): _Operation("GET", "/apikeys/{apiKey}", {"includeValue": "includeValue"}),
    ("apigateway", "GetUsagePlans"): _list("/usageplans"),
    ("apigateway", "GetUsagePlanKeys"): _list("/usageplans/{usagePlanId}/keys"),
    ("apigateway", "CreateRequestValidator"): _Operation("POST", _API + "/requestvalidators", {}),
    ("apigateway", "UpdateMethod"): _Operation("PATCH", _METHOD, {}),
    ("apigateway", "UpdateIntegration"): _Operation("PATCH", _METHOD + "/integration", {}),
    ("apigateway", "UpdateStage"): _Operation("PATCH", _API + "/stages/{stageName}", {}),
    ("lambda", "GetPolicy"): _Operation(
        "GET", "/2015-03-31/functions/{FunctionName}/policy", {"Qualifier": "Qualifier"}
    ),
    ("lambda", "Invoke"): _Operation(
        "POST", "/2015-03-31/functions/{FunctionName}/invocations", {"Qualifier": "Qualifier"}
    ),
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class RestControl:
    """A `Control` for the operations above; any other one is handed to `others`."""

    def __init__(self, send: SignedSend, others: Callable[..., Awaitable[dict[str, Any]]] | None = None) -> None:
        self._send, self._others = send, others

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """The operation's output, its members named as botocore names them.

        Raises:
            RestControlError: the control plane refused.
        """
        found = OPERATIONS.get((service, operation))
        if found is None:
            if self._others is None:
                raise RestControlError(operation, "UnknownOperationException", "not an operation of the gateway's")
            return await self._others(service, operation, **params)
        path, query, body = _request(found, params)
        headers = {"content-type": "application/json"} if body else {}
        status, answered, content = await self._send(service, found.method, path, query, headers, body)
        if status >= 300:
            raise _error(operation, status, answered, content)
        return _invocation(status, answered, content) if operation == "Invoke" else _output(content)


def _request(operation: _Operation, params: Mapping[str, Any]) -> tuple[str, str, bytes]:
    """Path, query and body of a call."""
    in_path = set(_PLACEHOLDER.findall(operation.path))
    path = _PLACEHOLDER.sub(lambda name: quote(str(params[name[1]]), safe=""), operation.path)
    named = {operation.query[name]: _text(value) for name, value in params.items() if name in operation.query}
    rest = {name: value for name, value in params.items() if name not in in_path and name not in operation.query}
    body = rest.pop("Payload", b"") or (json.dumps(rest).encode() if rest else b"")
    return path, urlencode(sorted(named.items()), quote_via=quote), body


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _output(content: bytes) -> dict[str, Any]:
    """REST lists stand under `item` on the wire and under `items` in botocore."""
    found: dict[str, Any] = json.loads(content or b"{}")
    return {"items" if name == "item" else name: value for name, value in found.items()}


def _invocation(status: int, headers: Headers, content: bytes) -> dict[str, Any]:
    error = headers.get("x-amz-function-error")
    return {"StatusCode": status, "Payload": content, **({"FunctionError": error} if error else {})}


def _error(operation: str, status: int, headers: Headers, content: bytes) -> RestControlError:
    try:
        members = json.loads(content)
    except ValueError:
        members = {}
    found = members if isinstance(members, dict) else {}
    code = headers.get("x-amzn-errortype") or found.get("__type") or found.get("code") or str(status)
    message = found.get("message") or found.get("Message") or ""
    return RestControlError(operation, str(code).partition(":")[0].rpartition("#")[2], str(message))
