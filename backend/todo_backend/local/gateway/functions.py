"""Asks the function behind a method, when its resource policy lets API Gateway do so. Never asks twice (AG-33)."""

import asyncio
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .exchange import Exchange
from .messages import Answer
from .ports import Control, refusal_code
from .proxy_answer import MalformedAnswerError, proxy_answer
from .proxy_event import proxy_event
from .refusals import RefusalError

MAX_EVENT_BYTES: Final = 6 * 1024 * 1024  # AG-25
_URI = re.compile(r"arn:[^:]+:apigateway:[^:]*:lambda:path/[\d-]+/functions/(?P<function>[^/]+)/invocations\Z")
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w{1,64})\}")


class Functions:
    """The functions behind proxy integrations."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._policies: dict[str, list[Mapping[str, Any]]] = {}
        self._running: set[asyncio.Task[bytes]] = set()

    def forget(self) -> None:
        """Read the functions' resource policies anew."""
        self._policies.clear()

    async def ask(self, exchange: Exchange) -> Answer:
        """The function's answer.

        Raises:
            RefusalError: AG-25, AG-27, AG-29, AG-32; a function that is too slow runs on.
        """
        function = function_of(exchange.method.integration.uri, exchange.stage.variables)
        if function is None:
            raise RefusalError("API_CONFIGURATION_ERROR")
        if not exchange.method.integration.credentials:
            await self._check_policy(function, exchange)
        event = json.dumps(proxy_event(exchange), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(event) > MAX_EVENT_BYTES:
            raise RefusalError("REQUEST_TOO_LARGE")
        payload = await self._in_time(self._invoke(function, event), exchange.method.integration.timeout_seconds)
        try:
            return proxy_answer(payload, exchange.request, exchange.api.binary_media_types)
        except MalformedAnswerError:
            raise RefusalError("BAD_GATEWAY") from None

    async def _in_time(self, work: Any, seconds: float) -> bytes:
        task: asyncio.Task[bytes] = asyncio.create_task(work)
        self._running.add(task)  # a task that nobody holds may be collected while it runs
        task.add_done_callback(self._finished)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise RefusalError("INTEGRATION_TIMEOUT")
        return task.result()

    def _finished(self, task: "asyncio.Task[bytes]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, so that nothing is said of one that nobody waits for any more

    async def _invoke(self, function: str, event: bytes) -> bytes:
        try:
            answer = await self._control.call("lambda", "Invoke", FunctionName=function, Payload=event)
        except Exception as error:
            if refusal_code(error):  # LA-09: what the Lambda API refuses is 500, whatever its own code is
                raise RefusalError("API_CONFIGURATION_ERROR") from None
            raise
        if answer.get("FunctionError"):
            raise RefusalError("BAD_GATEWAY")
        return _payload(answer.get("Payload"))

    async def _check_policy(self, function: str, exchange: Exchange) -> None:
        if function not in self._policies:
            self._policies[function] = await self._read_policy(function)
        arn = exchange.place.method_arn(
            exchange.api.id, exchange.stage.name, exchange.request.method, exchange.resource_path
        )
        if not lets_in(self._policies[function], arn, exchange.place.account_id):
            raise RefusalError("API_CONFIGURATION_ERROR")

    async def _read_policy(self, function: str) -> list[Mapping[str, Any]]:
        try:
            answer = await self._control.call("lambda", "GetPolicy", FunctionName=function)
        except Exception as error:
            if refusal_code(error) == "ResourceNotFoundException":
                return []
            raise
        return list(json.loads(answer.get("Policy") or "{}").get("Statement", ()))


def function_of(uri: str, variables: Mapping[str, str]) -> str | None:
    """The function's name or ARN in an integration's address, stage variables filled in."""
    match = _URI.match(_VARIABLE.sub(lambda found: variables.get(found[1], ""), uri))
    return match["function"] if match else None


def lets_in(statements: Iterable[Mapping[str, Any]], method_arn: str, account_id: str) -> bool:
    """Whether a resource policy allows API Gateway to invoke for this method; a deny wins (LA-11)."""
    effects = {str(item.get("Effect")) for item in statements if _applies(item, method_arn, account_id)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], method_arn: str, account_id: str) -> bool:
    principal = statement.get("Principal")
    services = _listed(principal.get("Service")) if isinstance(principal, Mapping) else _listed(principal)
    actions = _listed(statement.get("Action"))
    return (
        ("apigateway.amazonaws.com" in services or "*" in services)
        and any(fnmatch.fnmatchcase("lambda:InvokeFunction", action) for action in actions)
        and all(
            _holds(operator, key, _listed(wanted), method_arn, account_id)
            for operator, conditions in (statement.get("Condition") or {}).items()
            for key, wanted in conditions.items()
        )
    )


def _holds(operator: str, key: str, wanted: list[str], method_arn: str, account_id: str) -> bool:
    actual = {"aws:sourcearn": method_arn, "aws:sourceaccount": account_id}.get(key.lower())
    if actual is None:
        return False
    if operator in ("ArnLike", "ArnEquals", "StringLike"):
        return any(fnmatch.fnmatchcase(actual, _pattern(pattern)) for pattern in wanted)
    return operator == "StringEquals" and actual in wanted


def _pattern(text: str) -> str:
    """Only `*` and `?` are special in a policy; a bracket stands for itself."""
    return text.replace("[", "[[]")


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or ()]


def _payload(value: Any) -> bytes:
    if hasattr(value, "read"):
        value = value.read()
    return value.encode() if isinstance(value, str) else bytes(value or b"")
