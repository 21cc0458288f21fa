"""Calls to the AWS control plane, in process: AWS's JSON and query protocols over an ASGI app.

No sockets, and neither boto3 nor botocore: importing botocore and its models takes as long as the whole deployment.
"""

import json
import secrets
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree  # answers of our own process only

from .asgi import Answer, App, Receive, Scope, Send, ask, read_body, respond
from .datadir import DataDir
from .options import HOST, REGION
from .signature import Signer

_JSON_TARGETS = {
    "cognito-identity": "AWSCognitoIdentityService",
    "cognito-idp": "AWSCognitoIdentityProviderService",
    "logs": "Logs_20140328",
    "ssm": "AmazonSSM",
}
_QUERY_VERSIONS = {"cloudformation": "2010-05-15", "iam": "2010-05-08", "sts": "2011-06-15"}
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


class ControlError(Exception):
    """An AWS API answered with an error; `code` is spelled as AWS spells it."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class AdminCredentials:
    """The access key of the account's owner."""

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def of(cls, data_dir: DataDir) -> "AdminCredentials":
        """The key of this data directory, made at its first use."""
        kept = data_dir.read_json("admin.json")
        if not {"access_key", "secret_key"} <= kept.keys():
            letters = string.ascii_uppercase + "234567"
            key = "AKIA" + "".join(secrets.choice(letters) for _ in range(16))
            kept = {"access_key": key, "secret_key": secrets.token_urlsafe(30)}
            data_dir.write_json("admin.json", kept)
        return cls(kept["access_key"], kept["secret_key"])


class ControlPlane:
    """AWS APIs as a coroutine: `await control.call("sts", "GetCallerIdentity")`."""

    def __init__(self, app: App, credentials: AdminCredentials, port: int) -> None:
        self._app = app
        self._credentials = credentials
        self._host = f"{HOST}:{port}"

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The operation's output; of the query services all values are texts, and an empty list is an empty text.

        Raises:
            ControlError: the API answered with an error.
        """
        if service in _JSON_TARGETS:
            headers = {
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"{_JSON_TARGETS[service]}.{operation}",
            }
            answer = await self.send(service, "POST", "/", headers, json.dumps(parameters).encode())
            return _json_output(operation, answer)
        form = [("Action", operation), ("Version", _QUERY_VERSIONS[service]), *_flattened("", parameters)]
        answer = await self.send(service, "POST", "/", {"content-type": _FORM}, urlencode(form).encode())
        return _query_output(operation, answer)

    async def send(self, service: str, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one signed request; for services whose operations are paths.

        Args:
            path: not encoded.
        """
        return await self._send(service, method, quote(path, safe="/-_.~"), "", headers, body)

    async def send_rest(
        self, service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers by lower-case name, and body that answer one signed request; `RestControl` asks so.

        Args:
            path: percent-encoded, as the query is.
        """
        answer = await self._send(service, method, path, query, headers, body)
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return answer.status, named, answer.body

    async def _send(
        self, service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        given = {"host": self._host, **headers}
        signer = Signer(self._credentials.access_key, self._credentials.secret_key, service, REGION)
        signed = signer.headers(method, path, given, body, datetime.now(UTC), query)
        return await ask(self._app, _scope(method, path, query, signed), body)


def _flattened(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """The query protocol's names: `Capabilities.member.1`."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _flattened(f"{prefix}.{name}" if prefix else name, child)
    elif isinstance(value, list | tuple):
        for number, child in enumerate(value, 1):
            yield from _flattened(f"{prefix}.member.{number}", child)
    else:
        yield prefix, str(value).lower() if isinstance(value, bool) else str(value)


def _json_output(operation: str, answer: Answer) -> dict[str, Any]:
    found = answer.json()
    if answer.status >= 300:
        code = str(found.get("__type", answer.status)).rpartition("#")[2]
        raise ControlError(operation, code, str(found.get("message") or found.get("Message") or ""))
    return found


def _query_output(operation: str, answer: Answer) -> dict[str, Any]:
    try:
        root = _plain(ElementTree.fromstring(answer.body))  # noqa: S314
    except ElementTree.ParseError:
        root = {}
    found: Any = root if isinstance(root, dict) else {}
    if answer.status >= 300:
        error = found.get("Error") or {}
        raise ControlError(operation, str(error.get("Code", answer.status)), str(error.get("Message", "")))
    output: dict[str, Any] = found.get(f"{operation}Result") or {}
    return output


def _plain(element: ElementTree.Element) -> Any:
    children = list(element)
    if not children:
        return element.text or ""
    names = [child.tag.rpartition("}")[2] for child in children]
    if set(names) == {"member"}:
        return [_plain(child) for child in children]
    return {name: _plain(child) for name, child in zip(names, children, strict=True)}


def _scope(method: str, path: str, query: str, headers: dict[str, str]) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": (HOST, 0),
        "server": (HOST, 0),
    }


def remote_app(place: DataDir) -> App:
    """The stack that runs on a data directory as an ASGI app, for calls from another process."""
    from .calling import connect

    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        connection = connect(place, 30)
        try:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
            connection.request(scope["method"], scope["raw_path"].decode() + query, body, headers)
            response = connection.getresponse()
            content = response.read()
            pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()]
        finally:
            connection.close()
        await respond(send, Answer(response.status, pairs, content))

    return forward
