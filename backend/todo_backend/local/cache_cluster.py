"""The template's DAX cluster, provided by our own nodes in the stack's process; and how it does, for `todo status`.

Who may call it is decided by the control plane's IAM: keys and policies live there and nowhere else.
"""

import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from .asgi import Answer, App, Receive, Scope, Send, respond
from .control import AdminCredentials
from .datadir import DataDir
from .faults.clock import Clock
from .https import FOLDER as TLS_FOLDER
from .https import ca_path
from .options import ACCOUNT_ID, DAX_OFF, HOST, REGION
from .provide import ClusterPlan

if TYPE_CHECKING:  # the cluster and its TLS are imported only where the template has one
    from .dax import AccessRequest, Credentials, DaxCluster, DaxSettings

STATUS_PATH = "/_todo/status"
_DECISION_SECONDS = 5.0  # for so long an IAM decision is kept: a hit takes less time than the decision


@asynccontextmanager
async def serving(
    plan: ClusterPlan | None, data_dir: DataDir, credentials: AdminCredentials, endpoint: str, clock: Clock
) -> AsyncIterator["DaxCluster | None"]:
    """The planned cluster, while the context is open; it calls DynamoDB at `endpoint` when it is first asked."""
    if plan is None:
        yield None
        return
    cluster = await _started(plan, data_dir, credentials, endpoint, clock)
    try:
        if cluster.settings.tls_directory is not None:
            # The Lambda's client trusts what OpenSSL trusts; this process talks to nobody else over TLS.
            os.environ["SSL_CERT_FILE"] = str(ca_path(data_dir))
        yield cluster
    finally:
        await cluster.close()


async def _started(
    plan: ClusterPlan, data_dir: DataDir, credentials: AdminCredentials, endpoint: str, clock: Clock
) -> "DaxCluster":
    from .dax import Credentials, DaxCluster, HttpDynamoDb

    def cluster(settings: "DaxSettings") -> DaxCluster:
        admin = Credentials(credentials.access_key, credentials.secret_key)
        dynamodb = HttpDynamoDb(endpoint, region=REGION, credentials=admin)
        return DaxCluster(
            settings,
            dynamodb=dynamodb,
            credentials=credentials_of,
            authorize=Decisions(time.monotonic),
            clock=clock.monotonic,
        )

    # The endpoint stands in the function's environment: another one is another deployment.
    settings = _settings(plan, data_dir)
    try:
        started = await cluster(settings).__aenter__()
    except OSError:
        started = await cluster(replace(settings, port=0)).__aenter__()
    data_dir.write_json("dax.json", {"port": started.endpoints[0].port})
    return started


def _settings(plan: ClusterPlan, data_dir: DataDir) -> "DaxSettings":
    from .dax import DaxSettings

    folder = data_dir.file("dax")
    kept = data_dir.read_json("dax.json").get("port")
    return DaxSettings(
        host=HOST,
        port=kept if isinstance(kept, int) else 0,
        nodes=plan.nodes,
        region=REGION,
        attribute_file=folder / "attribute-lists",
        tls_directory=data_dir.file(TLS_FOLDER) if plan.tls else None,
        item_ttl_seconds=plan.item_ttl_seconds,
        query_ttl_seconds=plan.query_ttl_seconds,
        arn=plan.arn,
    )


def credentials_of(access_key_id: str) -> "Credentials | None":
    """The secret of any access key that the control plane gave out and that is still good."""
    from ministack.core.iam_evaluator import ResolvedCredential, resolve_credential

    from .dax import Credentials

    found = resolve_credential(access_key_id, ACCOUNT_ID)
    if not isinstance(found, ResolvedCredential):
        return None
    return Credentials(access_key_id, found.secret_access_key, found.session_token)


class Decisions:
    """IAM's answers to `dax:*` requests, each kept for a few seconds."""

    def __init__(self, clock: Callable[[], float], decide: "Callable[[AccessRequest], bool] | None" = None) -> None:
        self._clock = clock
        self._decide = decide or _allowed
        self._kept: dict[AccessRequest, tuple[float, bool]] = {}

    def __call__(self, request: "AccessRequest") -> bool:
        """Whether the caller's policies allow it."""
        now = self._clock()
        until, allowed = self._kept.get(request, (now, False))
        if until <= now:
            allowed = self._decide(request)
            self._kept = {known: kept for known, kept in self._kept.items() if kept[0] > now}
            self._kept[request] = (now + _DECISION_SECONDS, allowed)
        return allowed


def _allowed(request: "AccessRequest") -> bool:
    from ministack.core.iam_evaluator import EvalContext, PrincipalInfo, evaluate, resolve_principal

    caller = resolve_principal(request.access_key_id, ACCOUNT_ID)
    if not isinstance(caller, PrincipalInfo):
        return False
    if caller.policies is None:  # the account's owner
        return True
    context = EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.type,
        principal_account=caller.account,
        action=request.action,
        resource_arn=request.resource,
        region=REGION,
        principal_keys=caller.keys,
    )
    return bool(evaluate(context, caller.policies, *caller.limits).decision == "Allow")


def described(cluster: "DaxCluster | None") -> str:
    """How the cluster does, in one line."""
    if cluster is None:
        return DAX_OFF
    count = {name: int(value) for name, value in cluster.metrics().items()}
    nodes = len(cluster.endpoints)
    return (
        f"on ({cluster.endpoint}, {nodes} node{'s' if nodes > 1 else ''}, "
        f"item cache {count['ItemCacheHits']} hits {count['ItemCacheMisses']} misses, "
        f"query cache {count['QueryCacheHits']} hits {count['QueryCacheMisses']} misses)"
    )


class StatusPage:
    """Answers `todo status` in another process; it tells counts only, so it asks nobody who he is."""

    def __init__(self, app: App, cluster: "DaxCluster | None") -> None:
        self._app = app
        self._cluster = cluster

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope.get("path") != STATUS_PATH:
            await self._app(scope, receive, send)
            return
        body = json.dumps({"dax": described(self._cluster)}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await respond(send, Answer(200, headers, body))
