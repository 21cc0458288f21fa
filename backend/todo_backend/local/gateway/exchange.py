"""One request on its way through the gateway: what is known of it, its ids, and its values for `$context`."""

import os
import re
import time
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .authorizers import Claims
from .configuration import Api, Method, Stage
from .messages import Request
from .routing import Match

_ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")


@dataclass(frozen=True, slots=True)
class Ids:
    """The names of one request: `x-amzn-RequestId`, `x-amz-apigw-id`, the root of its trace."""

    request_id: str
    extended_id: str
    trace_root: str

    @classmethod
    def of(cls, request: Request, now: float) -> "Ids":
        """New ids; the trace goes on where the caller began one."""
        given = _ROOT.search(request.header("x-amzn-trace-id") or "")
        random = os.urandom(39)
        return cls(
            request_id=str(uuid.UUID(bytes=random[:16], version=4)),
            extended_id=urlsafe_b64encode(random[16:27]).decode(),
            trace_root=given[1] if given else f"1-{int(now) & 0xFFFFFFFF:08x}-{random[27:].hex()}",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API pretends to be deployed."""

    region: str
    account_id: str

    def domain(self, api_id: str) -> str:
        """The API's host name on AWS."""
        return f"{api_id}.execute-api.{self.region}.amazonaws.com"

    def method_arn(self, api_id: str, stage: str, method: str, path: str) -> str:
        """The ARN that the function's resource policy is asked about (LA-11)."""
        return f"arn:aws:execute-api:{self.region}:{self.account_id}:{api_id}/{stage}/{method}{path}"


@dataclass(slots=True)
class Exchange:
    """A request to a stage that exists, and what the steps have found out about it."""

    request: Request
    ids: Ids
    place: Place
    api: Api
    stage: Stage
    started_at: float
    claims: Claims | None = None
    cache: str = "off"
    integration_ms: float | None = None
    begun: float = field(default_factory=time.perf_counter)
    _route: tuple[Match, Method] | None = None

    def take(self, match: Match, method: Method) -> None:
        """The request has been routed."""
        self._route = (match, method)

    @property
    def match(self) -> Match:
        """The resource; only for steps behind the routing."""
        assert self._route is not None, "not routed"
        return self._route[0]

    @property
    def method(self) -> Method:
        """The method; only for steps behind the routing."""
        assert self._route is not None, "not routed"
        return self._route[1]

    @property
    def resource_path(self) -> str:
        """The resource's path with its parameters' names, empty before the routing."""
        return self._route[0].resource.path if self._route else ""

    @property
    def request_time(self) -> str:
        """As AG-39 shows it: `02/Aug/2024:23:34:43 +0000`."""
        return datetime.fromtimestamp(self.started_at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")

    def context(self) -> dict[str, str]:
        """The values of `$context` by dotted name."""
        claims = {f"authorizer.claims.{name}": value for name, value in (self.claims or {}).items()}
        variables = {f"stageVariables.{name}": value for name, value in self.stage.variables.items()}
        return {
            "accountId": self.place.account_id,
            "apiId": self.api.id,
            "deploymentId": self.stage.deployment_id,
            "domainName": self.place.domain(self.api.id),
            "domainPrefix": self.api.id,
            "extendedRequestId": self.ids.extended_id,
            "httpMethod": self.request.method,
            "identity.sourceIp": self.request.source_ip,
            "identity.userAgent": self.request.header("user-agent") or "",
            "path": f"/{self.stage.name}{self.request.path}",
            "protocol": self.request.protocol,
            "requestId": self.ids.request_id,
            "requestTime": self.request_time,
            "requestTimeEpoch": str(int(self.started_at * 1000)),
            "resourceId": self._route[0].resource.id if self._route else "",
            "resourcePath": self.resource_path,
            "stage": self.stage.name,
            **claims,
            **variables,
        }
