"""Which requests are the data plane's, and which ones change what it shows. No I/O.

All ways in are ours: had one of them been left to the control plane's own data plane, it would be a way around the
authorizer.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from .ports import Scope

PREFIX: Final = "/_aws/execute-api/"
_HOST = re.compile(r"([a-z0-9]{1,64})\.execute-api\.", re.IGNORECASE)
_USER_REQUEST = re.compile(r"/restapis/([^/]+)/([^/]+)/_user_request_(/.*)?\Z")
_FLUSH = re.compile(r"/restapis/([^/]+)/stages/([^/]+)/cache/data/?\Z")
_STAGE_PATH = re.compile(r"/restapis/[^/]+/stages/[^/]+/?\Z")
_DEPLOY = re.compile(r"/restapis/([^/]+)/deployments/?\Z")
_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request")
_API_ID = re.compile(r"[a-z0-9]{1,64}\Z")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request to the data plane goes; `path` is percent-encoded and begins with a slash."""

    api_id: str
    stage: str
    path: str

    @property
    def is_well_formed(self) -> bool:
        """Whether there can be such an API and stage at all."""
        return bool(_API_ID.match(self.api_id) and _STAGE.match(self.stage))


def target_of(scope: Scope) -> Target | None:
    """The data plane's target, or None for everything else."""
    path = _path(scope)
    if path.startswith(PREFIX):
        api_id, _, rest = path.removeprefix(PREFIX).partition("/")
        return _target(api_id, rest)
    if match := _USER_REQUEST.match(path):
        return Target(match[1], match[2], match[3] or "/")
    hosts = (_HOST.match(value) for value in _headers(scope, b"host"))
    match = next((found for found in hosts if found), None)
    return _target(match[1].lower(), path.removeprefix("/")) if match else None


@dataclass(frozen=True, slots=True)
class ControlCall:
    """A call to the control plane that the data plane has to hear of."""

    flushes: tuple[str, str] | None = None
    deploys: str | None = None
    sets: bool = False  # UpdateStage


def reads_stage(scope: Scope) -> bool:
    """Whether it is GetStage."""
    return scope["method"] == "GET" and bool(_STAGE_PATH.match(str(scope["path"])))


def control_call_of(scope: Scope) -> ControlCall | None:
    """The call, when it may change what is deployed; None for reads and for other services."""
    path, method = str(scope["path"]), str(scope["method"])
    if method not in _WRITES:
        return None
    if method == "DELETE" and (match := _FLUSH.match(path)):
        return ControlCall(flushes=(match[1], match[2]))
    if method == "POST" and (match := _DEPLOY.match(path)):
        return ControlCall(deploys=match[1])
    if method == "PATCH" and _STAGE_PATH.match(path):
        return ControlCall(sets=True)
    credentials = (_SCOPE.search(value) for value in _headers(scope, b"authorization"))
    service = next((found[1] for found in credentials if found), "")
    concerns = service in ("apigateway", "cloudformation") or (service == "lambda" and not path.endswith("invocations"))
    return ControlCall() if concerns or path.startswith(_CONTROL_PATHS) else None


_CONTROL_PATHS: Final = ("/restapis", "/usageplans", "/apikeys")


def _target(api_id: str, rest: str) -> Target:
    stage, _, path = rest.partition("/")
    return Target(api_id, stage, f"/{path}")


def _path(scope: Scope) -> str:
    """The path as sent; encoded by us where its beginning was sent encoded: no spelling slips past the prefixes."""
    plain = str(scope["path"])
    raw = bytes(scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")
    ours = plain.startswith(PREFIX) or _USER_REQUEST.match(plain)
    if raw and not (ours and not (raw.startswith(PREFIX) or _USER_REQUEST.match(raw))):
        return raw
    return quote(plain, safe="/:@!$&'()*+,;=~", errors="surrogateescape")


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for found, value in scope["headers"] if found == name]
