"""API Gateway: every route that it is given, and no other, with its authorizer, model and cache key."""

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as gateway
from constructs import Construct

from todo_backend.infra.function import Function
from todo_backend.infra.gateway_responses import add_gateway_responses
from todo_backend.infra.identity import Identity
from todo_backend.infra.logs import log_group
from todo_backend.infra.settings import Settings
from todo_backend.service.routes import Route

CACHE_SIZE_GB = "0.5"

_DRAFT = "http://json-schema.org/draft-04/schema#"  # AG-21

# One JSON line a request; never a header: Authorization would be among them (SE-20).
_ACCESS_LOG = {
    "request_id": "$context.requestId",
    "trace_id": "$context.xrayTraceId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "latency_ms": "$context.responseLatency",
    "integration_ms": "$context.integrationLatency",  # "-" when the answer came from the cache
    "length_bytes": "$context.responseLength",
}


class Api(Construct):
    """The REST API and its one stage."""

    def __init__(self, scope: Construct, construct_id: str, settings: Settings, routes: Sequence[Route]) -> None:
        super().__init__(scope, construct_id)
        self._routes = routes
        self.rest_api = gateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"todo-{settings.stage}",
            description="MyTodoList",
            endpoint_types=[gateway.EndpointType.REGIONAL],
            # Access logs need an account-wide role; retained, since other APIs of the account may rely on it by then.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=self._stage_options(settings),
        )
        # RestApi brings an output of its own; ours are a contract and stand in `stack`.
        self.rest_api.node.try_remove_child("Endpoint")
        self._validator = self.rest_api.add_request_validator("Body", validate_request_body=True)
        add_gateway_responses(self.rest_api)

    def connect(self, identity: Identity, function: Function) -> None:
        """Deploy the routes: who may call them is the user pool's word, what answers is the function."""
        authorizer = self._cognito_authorizer(identity)
        for route in self._routes:
            self._add(route, authorizer, function)

    def _stage_options(self, settings: Settings) -> gateway.StageOptions:
        return gateway.StageOptions(
            stage_name=settings.stage,
            throttling_rate_limit=settings.throttle_rate,
            throttling_burst_limit=settings.throttle_burst,
            caching_enabled=False,  # AC-07: nothing is cached but what a route says
            cache_cluster_enabled=settings.api_cache,
            cache_cluster_size=CACHE_SIZE_GB if settings.api_cache else None,
            method_options=_method_options(settings, self._routes),
            tracing_enabled=True,
            data_trace_enabled=False,  # SE-20: it would log tokens and to-dos
            access_log_destination=gateway.LogGroupLogDestination(log_group(self, "AccessLogs", settings)),
            access_log_format=gateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
        )

    def _cognito_authorizer(self, identity: Identity) -> gateway.CognitoUserPoolsAuthorizer:
        authorizer = gateway.CognitoUserPoolsAuthorizer(self, "SignedIn", cognito_user_pools=[identity.user_pool])
        resource = authorizer.node.default_child
        assert isinstance(resource, gateway.CfnAuthorizer)
        # AG-05, SE-08: a token made for another client of the pool is refused; an access token has no `aud` at all.
        resource.identity_validation_expression = identity.client.user_pool_client_id
        return authorizer

    def _add(self, route: Route, authorizer: gateway.IAuthorizer, function: Function) -> None:
        """Deploy one route."""
        cache_key = list(route.cache.key) if route.cache else []
        self.rest_api.root.resource_for_path(route.path).add_method(
            route.method,
            gateway.LambdaIntegration(
                function.function,
                scope_permission_to_method=False,  # one permission for the API, not one for each route
                cache_key_parameters=cache_key or None,
            ),
            operation_name=route.name,
            authorizer=authorizer if route.auth else None,
            authorization_type=gateway.AuthorizationType.COGNITO if route.auth else gateway.AuthorizationType.NONE,
            request_parameters=_declared_parameters(route) or None,
            request_models={"application/json": self._model(route)} if route.body else None,
            request_validator=self._validator if route.body else None,
        )

    def _model(self, route: Route) -> gateway.IModel:
        """The route's body as a request model; a plain resource, since CDK's own takes no `type` that is a list."""
        schema: dict[str, Any] = {"$schema": _DRAFT, "title": route.name, **(route.body or {})}
        resource = gateway.CfnModel(
            self,
            f"Model-{route.name}",
            rest_api_id=self.rest_api.rest_api_id,
            content_type="application/json",
            schema=schema,
        )
        deployment = self.rest_api.latest_deployment
        if deployment is not None:
            # AG-10: what is not part of a new deployment is invisible.
            deployment.add_to_logical_id({"model": schema})
            deployment.node.add_dependency(resource)
        return gateway.Model.from_model_name(self, f"ModelRef-{route.name}", resource.ref)


def _method_options(settings: Settings, routes: Sequence[Route]) -> dict[str, gateway.MethodDeploymentOptions]:
    """What the stage does differently for single methods: the two caches, and a route's own limits.

    AC-03: a method with settings of its own inherits none of the stage's, so the throttling is repeated.
    """
    return {
        f"{route.path}/{route.method}": gateway.MethodDeploymentOptions(
            caching_enabled=True if settings.api_cache and route.cache else None,
            cache_ttl=Duration.seconds(route.cache.ttl_seconds) if settings.api_cache and route.cache else None,
            cache_data_encrypted=True if settings.api_cache and route.cache else None,
            data_trace_enabled=False,
            throttling_rate_limit=route.throttle.rate_per_second if route.throttle else settings.throttle_rate,
            throttling_burst_limit=route.throttle.burst if route.throttle else settings.throttle_burst,
        )
        for route in routes
        if route.throttle or (settings.api_cache and route.cache)
    }


def _declared_parameters(route: Route) -> dict[str, bool]:
    """The request parameters of the method and whether they must be there.

    AC-10: a cache key may only name what is declared here.
    """
    segments = (part[1:-1] for part in route.path.split("/") if part.startswith("{"))
    declared = {f"method.request.path.{name}": True for name in segments}
    declared |= {f"method.request.querystring.{parameter.name}": parameter.required for parameter in route.query}
    declared |= {f"method.request.header.{name}": False for name in route.headers}
    if route.auth:
        declared["method.request.header.Authorization"] = True
    return declared
