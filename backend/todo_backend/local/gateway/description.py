"""Reads an API and its stage out of the answers of the describe calls. No I/O."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .configuration import (
    DEFAULT_TTL_SECONDS,
    NO_SETTINGS,
    Api,
    Authorizer,
    GatewayResponse,
    Integration,
    IntegrationResponse,
    Method,
    MethodSettings,
    Resource,
    Stage,
)

MAX_TTL_SECONDS: Final = 3600  # AC-04
MAX_INTEGRATION_SECONDS: Final = 29.0  # AG-27
GIGABYTE: Final = 1024**3
CACHE_SIZES_GB: Final = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")  # AC-01
_ARN_POOL = re.compile(r"arn:[^:]+:cognito-idp:[^:]*:[^:]*:userpool/([\w-]+_[0-9A-Za-z]+)\Z")
_PLACES: Final = {"header": 0, "path": 1, "querystring": 2}  # AG-18: the order of the message

Members = Mapping[str, Any]


@dataclass(frozen=True)
class Described:
    """The describe calls' answers that make an `Api`."""

    api: Members
    resources: Iterable[Members]
    authorizers: Iterable[Members] = ()
    models: Iterable[Members] = ()
    validators: Iterable[Members] = ()
    responses: Iterable[Members] = ()


def api_from(described: Described) -> Api:
    """The API as the describe calls show it."""
    validators = {str(item.get("id")): item for item in described.validators}
    return Api(
        id=str(described.api["id"]),
        name=str(described.api.get("name", "")),
        binary_media_types=tuple(text.lower() for text in described.api.get("binaryMediaTypes") or ()),
        resources=tuple(_resource(item, validators) for item in described.resources),
        authorizers={str(item.get("id")): _authorizer(item) for item in described.authorizers},
        models={str(item.get("name")): _schema(item.get("schema")) for item in described.models},
        # Those marked as default only repeat what AWS, or DEFAULT_4XX and DEFAULT_5XX, would say.
        responses={
            str(item["responseType"]): _gateway_response(item)
            for item in described.responses
            if not item.get("defaultResponse")
        },
    )


def stage_from(answer: Members) -> Stage:
    """The stage as GetStage shows it."""
    return Stage(
        name=str(answer["stageName"]),
        deployment_id=str(answer.get("deploymentId", "")),
        cache_bytes=_cache_bytes(answer),
        settings={_setting_key(key): _settings(item) for key, item in (answer.get("methodSettings") or {}).items()},
        variables={str(name): str(value) for name, value in (answer.get("variables") or {}).items()},
    )


def _cache_bytes(answer: Members) -> int:
    if not answer.get("cacheClusterEnabled"):
        return 0
    return int(float(answer.get("cacheClusterSize") or CACHE_SIZES_GB[0]) * GIGABYTE)


def _setting_key(key: str) -> tuple[str, str]:
    """`~1todos/GET`, `/~1todos/GET` and `/todos/GET` are all (`/todos`, `GET`)."""
    path, _, method = key.rpartition("/")
    path = path.replace("~1", "/").replace("~0", "~").strip("/")
    return ("*" if path == "*" else f"/{path}"), method


def _settings(item: Members) -> MethodSettings:
    rate, burst = item.get("throttlingRateLimit"), item.get("throttlingBurstLimit")
    return MethodSettings(
        caching=bool(item.get("cachingEnabled", False)),
        ttl_seconds=min(int(item.get("cacheTtlInSeconds", DEFAULT_TTL_SECONDS)), MAX_TTL_SECONDS),
        authorization_for_cache_control=bool(item.get("requireAuthorizationForCacheControl", True)),
        strategy=str(item.get("unauthorizedCacheControlHeaderStrategy", NO_SETTINGS.strategy)),
        rate_per_second=None if rate is None or rate < 0 else float(rate),
        burst=None if burst is None or burst < 0 else int(burst),
    )


def _resource(item: Members, validators: Mapping[str, Members]) -> Resource:
    methods = {
        name: _method(name, found, item, validators) for name, found in (item.get("resourceMethods") or {}).items()
    }
    return Resource(id=str(item["id"]), path=str(item.get("path", "/")), methods=methods)


def _method(name: str, item: Members, resource: Members, validators: Mapping[str, Members]) -> Method:
    parameters: Members = item.get("requestParameters") or {}
    integration = _integration(item.get("methodIntegration") or {}, str(resource["id"]))
    declared = frozenset(parameters) | frozenset(integration.request_parameters)
    validator = validators.get(str(item.get("requestValidatorId")), {})
    return Method(
        name=name,
        authorization=str(item.get("authorizationType", "NONE")),
        authorizer_id=str(item.get("authorizerId", "")),
        scopes=frozenset(item.get("authorizationScopes") or ()),
        api_key_required=bool(item.get("apiKeyRequired", False)),
        declared=frozenset(parameters),
        required=_required(parameters),
        models={key.lower(): str(value) for key, value in (item.get("requestModels") or {}).items()},
        validates_body=bool(validator.get("validateRequestBody")),
        validates_parameters=bool(validator.get("validateRequestParameters")),
        integration=integration,
        undeclared_keys=tuple(key for key in integration.cache_key if key not in declared),
    )


def _required(parameters: Members) -> tuple[tuple[str, str], ...]:
    split = [key.split(".", 3) for key, required in parameters.items() if required]
    known = [(parts[2], parts[3]) for parts in split if len(parts) == 4 and parts[2] in _PLACES]
    return tuple(sorted(known, key=lambda found: (_PLACES[found[0]], found[1])))


def _integration(item: Members, resource_id: str) -> Integration:
    responses = (item.get("integrationResponses") or {}).values()
    return Integration(
        kind=str(item.get("type", "")),
        uri=str(item.get("uri") or ""),
        credentials=str(item.get("credentials") or ""),
        timeout_seconds=min(float(item.get("timeoutInMillis") or 29_000) / 1000, MAX_INTEGRATION_SECONDS),
        cache_namespace=str(item.get("cacheNamespace") or resource_id),  # AC-11
        cache_key=tuple(item.get("cacheKeyParameters") or ()),
        request_parameters=dict(item.get("requestParameters") or {}),
        request_templates=dict(item.get("requestTemplates") or {}),
        passthrough=str(item.get("passthroughBehavior") or "WHEN_NO_MATCH"),
        responses=tuple(_integration_response(found) for found in responses),
    )


def _integration_response(item: Members) -> IntegrationResponse:
    return IntegrationResponse(
        status=int(item.get("statusCode") or 200),
        selection=str(item.get("selectionPattern") or ""),
        parameters=dict(item.get("responseParameters") or {}),
        templates=dict(item.get("responseTemplates") or {}),
    )


def _authorizer(item: Members) -> Authorizer:
    source = str(item.get("identitySource") or "method.request.header.Authorization")
    prefix, _, name = source.rpartition(".")
    pools = (_ARN_POOL.match(arn) for arn in item.get("providerARNs") or ())
    expression = item.get("identityValidationExpression")
    return Authorizer(
        kind=str(item.get("type", "")),
        pools=frozenset(match[1] for match in pools if match),
        header=name.lower() if prefix == "method.request.header" else "",
        expression=re.compile(expression) if expression else None,
    )


def _schema(text: object) -> Any:
    """A model's schema; None where it is not JSON, which lets no body through."""
    try:
        return json.loads(text) if isinstance(text, str) and text else {}
    except (ValueError, RecursionError):
        return None


def _gateway_response(item: Members) -> GatewayResponse:
    status = str(item.get("statusCode") or "")
    return GatewayResponse(
        status=int(status) if status.isdigit() else None,
        parameters=dict(item.get("responseParameters") or {}),
        templates=dict(item.get("responseTemplates") or {}),
    )
