"""A deployed API and its stage as frozen values. No I/O.

Nothing here is a default of ours: what a deployment leaves out is what AWS assumes then.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

DEFAULT_TTL_SECONDS: Final = 300  # AC-03


@dataclass(frozen=True)
class IntegrationResponse:
    """How a mock integration's answer becomes the method's."""

    status: int
    selection: str
    parameters: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True)
class Integration:
    """What stands behind a method, and which request values are in its cache key."""

    kind: str
    uri: str
    credentials: str
    timeout_seconds: float
    cache_namespace: str
    cache_key: tuple[str, ...]
    request_parameters: Mapping[str, str]
    request_templates: Mapping[str, str]
    passthrough: str
    responses: tuple[IntegrationResponse, ...]


@dataclass(frozen=True)
class Method:
    """One method of a resource. `required` holds (place, name) in the order AG-18 lists them."""

    name: str
    authorization: str
    authorizer_id: str
    scopes: frozenset[str]
    api_key_required: bool
    declared: frozenset[str]
    required: tuple[tuple[str, str], ...]
    models: Mapping[str, str]
    validates_body: bool
    validates_parameters: bool
    integration: Integration
    undeclared_keys: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """One path of the API with its methods."""

    id: str
    path: str
    methods: Mapping[str, Method]


@dataclass(frozen=True)
class Authorizer:
    """A user-pool authorizer; `header` is lower-case and empty when the identity source is not a header."""

    kind: str
    pools: frozenset[str]
    header: str
    expression: re.Pattern[str] | None


@dataclass(frozen=True)
class GatewayResponse:
    """A customised gateway response; `status` is None where the default stays."""

    status: int | None
    parameters: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True)
class Api:
    """What one deployment of an API froze."""

    id: str
    name: str
    binary_media_types: tuple[str, ...]
    resources: tuple[Resource, ...]
    authorizers: Mapping[str, Authorizer]
    models: Mapping[str, Any]
    responses: Mapping[str, GatewayResponse]


@dataclass(frozen=True)
class MethodSettings:
    """Settings of a stage for a method. A rate or burst of None means: only the account's limit."""

    caching: bool = False
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    authorization_for_cache_control: bool = True
    strategy: str = "SUCCEED_WITH_RESPONSE_HEADER"
    rate_per_second: float | None = None
    burst: int | None = None


@dataclass(frozen=True)
class Stage:
    """A stage: which deployment it shows, its cache, its settings by (path, method), its variables."""

    name: str
    deployment_id: str
    cache_bytes: int
    settings: Mapping[tuple[str, str], MethodSettings]
    variables: Mapping[str, str]

    def settings_of(self, path: str, method: str) -> tuple[tuple[str, str], MethodSettings]:
        """The most specific settings for a request's method, and the key they stand under."""
        for key in ((path, method), (path, "ANY"), (path, "*"), ("*", method), ("*", "*")):
            if key in self.settings:
                return key, self.settings[key]
        return ("*", "*"), NO_SETTINGS

    def caches(self, path: str, method: str) -> MethodSettings | None:
        """The settings when the method's answers are cached here, else None (AC-04, AC-05, AC-07)."""
        key, found = self.settings_of(path, method)
        allowed = method == "GET" or key == (path, method)
        return found if self.cache_bytes and found.caching and found.ttl_seconds > 0 and allowed else None


NO_SETTINGS: Final = MethodSettings()
