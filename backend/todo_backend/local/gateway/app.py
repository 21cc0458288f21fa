"""The gateway as an ASGI application in front of the control plane.

Requests to the data plane are answered here; everything else goes to `inner`, and what changes the deployment is
noticed on its way.
"""

import logging
import time
from email.utils import formatdate
from functools import partial
from typing import Final

from .addressing import ControlCall, Target, control_call_of, reads_stage, target_of
from .completion import complete_stage
from .deployments import Deployed
from .exchange import Exchange, Ids, Place
from .limits import check_head, read_body
from .messages import Answer, Request, encoded_headers
from .plane import Plane
from .ports import AsgiApp, Clock, Control, Keys, Metrics, Receive, Scope, Send, Trace, no_metrics, no_trace
from .refusals import FixedRefusalError, plain
from .reports import figures, trace_record
from .stages import refused_setting, with_status
from .watching import HeardRequest, HeldAnswer, cluster_wanted, deployment_made, was_let_in

CACHE_BYTES: Final = 512 * 1024 * 1024  # the smallest cluster's 0.5 GB: one machine is not 237 GB large
NO_SUCH_STAGE: Final = plain(403, "ForbiddenException", "Forbidden")
BROKEN: Final = plain(500, "InternalServerErrorException", "Internal server error")
_logger = logging.getLogger(__name__)


class Gateway:
    """API Gateway's REST data plane with its response cache.

    Args:
        inner: gets every request that is not the data plane's, and all other ASGI scopes.
        control: how the deployment is read and functions are invoked.
        keys: a user pool's JWKS document.
        clock: seconds since 1970; decides expiry of tokens.
        steady: seconds that only grow; ages cache entries and refills throttles. `clock` where there is none.
        metrics: takes CacheHitCount, CacheMissCount, Count, 4XXError, 5XXError, Latency, IntegrationLatency.
        trace: takes one record per request; here, and only here, a cache hit shows.
        cache_bytes: no stage's cache grows beyond this, whatever its cluster's size.
    """

    def __init__(
        self,
        inner: AsgiApp,
        control: Control,
        keys: Keys,
        *,
        clock: Clock = time.time,
        steady: Clock | None = None,
        metrics: Metrics = no_metrics,
        trace: Trace = no_trace,
        region: str = "us-east-1",
        account_id: str = "000000000000",
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._inner, self._control = inner, control
        self._clock, self._metrics, self._trace = clock, metrics, trace
        self._place = Place(region, account_id)
        self._plane = Plane(control, keys, clock=clock, steady=steady or clock, cache_bytes=cache_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
        elif target := target_of(scope):
            await self._serve(target, scope, receive, send)
        elif call := control_call_of(scope):
            await self._watch(call, scope, receive, send)
        elif reads_stage(scope):
            await self._tell_stage(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    def invalidate(self) -> None:
        """The deployment was changed out of this gateway's sight: read all of it again at the next request."""
        self._plane.forget_all()

    def flush(self, api_id: str, stage: str) -> None:
        """Empty a stage's cache, as FlushStageCache does."""
        self._plane.flush(api_id, stage)

    async def _serve(self, target: Target, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request.from_scope(scope, target.path)
        ids = Ids.of(request, self._clock())
        try:
            check_head(request)
            answer = await self._respond(await self._find(target), request, ids, receive)
        except FixedRefusalError as fixed:
            answer = fixed.answer
        await self._send(answer, ids, send)

    async def _find(self, target: Target) -> Deployed:
        try:
            found = await self._plane.deployments.find(target.api_id, target.stage) if target.is_well_formed else None
        except Exception:  # last guard: a fault of the control plane must not reach the client
            _logger.exception("the deployment of %s could not be read", target.api_id)
            raise FixedRefusalError(BROKEN) from None
        if found is None:
            raise FixedRefusalError(NO_SUCH_STAGE)
        return found

    async def _respond(self, deployed: Deployed, request: Request, ids: Ids, receive: Receive) -> Answer:
        api, stage = deployed.snapshot.api, deployed.stage
        exchange = Exchange(request, ids, self._place, api, stage, self._clock())
        answer = await self._plane.respond(deployed, exchange, partial(read_body, receive))
        self._report(exchange, answer)
        return answer

    def _report(self, exchange: Exchange, answer: Answer) -> None:
        latency_ms = (time.perf_counter() - exchange.begun) * 1000
        dimensions = {"ApiName": exchange.api.name, "Stage": exchange.stage.name}
        for name, value in figures(exchange, answer.status, latency_ms).items():
            self._metrics(name, value, dimensions)
        self._trace(trace_record(exchange, answer.status, latency_ms))

    async def _watch(self, call: ControlCall, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a write to the control plane, and have noticed it before its caller hears that it was done."""
        held, heard = HeldAnswer(), HeardRequest(receive)
        if call.sets:
            await heard.listen()
            if refused := refused_setting(heard.members):
                await self._send(refused, Ids.of(Request.from_scope(scope, "/"), self._clock()), send)
                return
        await self._inner(scope, heard, held)
        self._plane.forget_stages()
        if call.flushes and was_let_in(held):
            ids = Ids.of(Request.from_scope(scope, "/"), self._clock())
            await self._send(await self._flushed(*call.flushes), ids, send)
            return
        if call.deploys and (deployment_id := deployment_made(held)):
            await self._plane.deployments.capture(call.deploys, deployment_id)
            if wanted := cluster_wanted(heard):
                await complete_stage(self._control, call.deploys, *wanted)
        await held.release(send)

    async def _tell_stage(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = HeldAnswer()
        await self._inner(scope, receive, held)
        if held.status == 200:
            await held.release_as(with_status(held.body), send)
        else:
            await held.release(send)

    async def _flushed(self, api_id: str, stage: str) -> Answer:
        try:
            await self._find(Target(api_id, stage, "/"))
        except FixedRefusalError:
            return plain(404, "NotFoundException", "Invalid stage identifier specified")
        self._plane.flush(api_id, stage)
        return Answer(202, (("Content-Type", "application/json"),), b"")

    async def _send(self, answer: Answer, ids: Ids, send: Send) -> None:
        own = (
            ("Date", formatdate(self._clock(), usegmt=True)),  # the stack's clock: clients compare theirs with it
            ("x-amzn-RequestId", ids.request_id),
            ("x-amz-apigw-id", ids.extended_id),
        )
        length = () if answer.status in (204, 304) else (("Content-Length", str(len(answer.body))),)
        headers = encoded_headers((*answer.headers, *own, *length))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
