"""A request's way through the gateway, step by step, in the order in which AWS takes them.

route → authorizer → API key → throttle → body → validators → cache → integration. The authorizer comes before the
validators (AG-22) and before the cache (AC-22, SE-03): no answer, cached or not, goes to a caller who may not call.
"""

import asyncio
import base64
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from .api_keys import ApiKeys
from .authorizers import authorize
from .cache import WARNING, Key, StageCache, cache_key, may_replace, wants_fresh, warns
from .configuration import MethodSettings
from .deployments import Deployed, Deployments
from .exchange import Exchange
from .functions import Functions
from .messages import Answer, Header
from .mock_integration import mock_answer
from .ports import Clock, Control, Keys
from .refusals import FixedRefusalError, RefusalError, render
from .throttling import Throttle
from .tokens import TokenVerifier
from .validation import check_parameters, model_for, refuse_faults

LARGE_BODY_BYTES: Final = 16_384  # above this, validation leaves the event loop
_logger = logging.getLogger(__name__)

ReadBody = Callable[[], Awaitable[bytes]]


class Plane:
    """The data plane: everything that a request meets, and the state that outlives it."""

    def __init__(self, control: Control, keys: Keys, *, clock: Clock, steady: Clock, cache_bytes: int) -> None:
        self.deployments = Deployments(control)
        self.functions = Functions(control)
        self.tokens = TokenVerifier(keys, clock)
        self._throttle = Throttle(steady)
        self._api_keys = ApiKeys(control)
        self._steady, self._max_cache_bytes = steady, cache_bytes
        self._caches: dict[tuple[str, str], tuple[int, StageCache]] = {}

    def flush(self, api_id: str, stage: str) -> None:
        """Empty the stage's cache (AC-13)."""
        if found := self._caches.get((api_id, stage)):
            found[1].flush()

    def forget_stages(self) -> None:
        """Something was written to the control plane: stages, resource policies and API keys are read again."""
        self.deployments.forget_stages()
        self.functions.forget()
        self._api_keys.forget()

    def forget_all(self) -> None:
        """Read everything again, deployments and pools' keys included. Caches stay, as on a redeployment (AC-37)."""
        self.forget_stages()
        self.deployments.forget_all()
        self.tokens.forget()

    async def respond(self, deployed: Deployed, exchange: Exchange, read_body: ReadBody) -> Answer:
        """The answer to a request, whatever happens on its way."""
        try:
            return _traced(await self._serve(deployed, exchange, read_body), exchange)
        except FixedRefusalError as fixed:
            return fixed.answer
        except RefusalError as refusal:
            found = refusal
        except Exception:  # last guard: a fault of ours or of the control plane must not reach the client
            _logger.exception("request %s failed", exchange.ids.request_id)
            found = RefusalError("API_CONFIGURATION_ERROR")
        return render(found, exchange.api.responses, exchange.request, exchange.context())

    async def _serve(self, deployed: Deployed, exchange: Exchange, read_body: ReadBody) -> Answer:
        _route(deployed, exchange)
        method, request = exchange.method, exchange.request
        exchange.claims = await authorize(exchange.api, method, request, self.tokens)
        if method.api_key_required:
            await self._api_keys.check(request.header("x-api-key"), exchange.api.id, exchange.stage.name)
        self._throttle.admit(exchange.api.id, exchange.stage, exchange.resource_path, request.method)
        if request.has_body:
            request.body = await read_body()
        check_parameters(method, request, exchange.match.parameters)
        await _check_body(deployed, exchange)
        return await self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> Answer:
        stage, method = exchange.stage, exchange.method
        if method.undeclared_keys:  # AC-10: AWS does not let such a method be made
            raise RefusalError("API_CONFIGURATION_ERROR")
        if not stage.cache_bytes:
            self._caches.pop((exchange.api.id, stage.name), None)
        settings = stage.caches(exchange.resource_path, exchange.request.method)
        return await (self._through_cache(exchange, settings) if settings else self._integrate(exchange))

    async def _through_cache(self, exchange: Exchange, settings: MethodSettings) -> Answer:
        cache = self._cache_of(exchange)
        key = cache_key(exchange.method.integration, exchange.request, exchange.match.parameters)
        fresh = wants_fresh(exchange.request)
        replaces = fresh and may_replace(settings)
        ignored: tuple[Header, ...] = (WARNING,) if fresh and not replaces and warns(settings) else ()
        held = None if replaces else cache.get(key, self._steady())
        exchange.cache = "hit" if held else "miss"
        answer = held or await self._fill(cache, key, exchange, settings)
        return answer.with_headers(*ignored) if ignored else answer

    async def _fill(self, cache: StageCache, key: Key, exchange: Exchange, settings: MethodSettings) -> Answer:
        generation = cache.generation
        answer = await self._integrate(exchange)  # AC-24: whatever the function answers is kept, errors included
        cache.put(key, answer, expires_at=self._steady() + settings.ttl_seconds, generation=generation)
        return answer

    def _cache_of(self, exchange: Exchange) -> StageCache:
        """The stage's cache; a new size begins with an empty one (AC-02), a new deployment does not (AC-37)."""
        key, size = (exchange.api.id, exchange.stage.name), exchange.stage.cache_bytes
        found = self._caches.get(key)
        if found is None or found[0] != size:
            found = self._caches[key] = (size, StageCache(min(size, self._max_cache_bytes)))
        return found[1]

    async def _integrate(self, exchange: Exchange) -> Answer:
        begun = time.perf_counter()
        try:
            if exchange.method.integration.kind == "AWS_PROXY":
                return await self.functions.ask(exchange)
            if exchange.method.integration.kind == "MOCK":
                return mock_answer(exchange)
            raise RefusalError("API_CONFIGURATION_ERROR")
        finally:
            exchange.integration_ms = (time.perf_counter() - begun) * 1000


def _traced(answer: Answer, exchange: Exchange) -> Answer:
    """The answer with its trace, where a function may have made it (AG-35)."""
    if exchange.method.integration.kind != "AWS_PROXY":
        return answer
    return answer.with_headers(("X-Amzn-Trace-Id", f"Root={exchange.ids.trace_root}"))


def _route(deployed: Deployed, exchange: Exchange) -> None:
    """Find resource and method; what is not there is refused as an unsigned or wrongly signed call (AG-15, AG-16)."""
    match = deployed.snapshot.router.match(exchange.request.path)
    method = match.method(exchange.request.method) if match else None
    if match is None or method is None:
        raise not_routed(exchange.request.header("authorization"))
    exchange.take(match, method)


def not_routed(authorization: str | None) -> RefusalError:
    """AWS takes a call to nowhere for a signed one, and judges its signature."""
    if not authorization or authorization.startswith("AWS4-HMAC-SHA256"):
        return RefusalError("MISSING_AUTHENTICATION_TOKEN")
    digest = base64.b64encode(hashlib.sha256(authorization.encode("utf-8", "surrogateescape")).digest()).decode()
    return RefusalError(
        "INVALID_SIGNATURE",
        "Invalid key=value pair (missing equal-sign) in Authorization header "
        f"(hashed with SHA-256 and encoded with Base64): '{digest}'.",
    )


async def _check_body(deployed: Deployed, exchange: Exchange) -> None:
    model = model_for(exchange.method, exchange.request)
    if model is None:
        return
    body, faults = exchange.request.body, deployed.snapshot.models.faults
    large = len(body) > LARGE_BODY_BYTES
    refuse_faults(await asyncio.to_thread(faults, model, body) if large else faults(model, body))
