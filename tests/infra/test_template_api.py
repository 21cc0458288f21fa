"""The deployed API is `ROUTES`: the same routes, the same cache, the same bodies, one error body."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from todo_backend.service.routes import ROUTES, Route

Template = dict[str, Any]
Method = dict[str, Any]

OUTPUTS = {
    "Region",
    "ApiUrl",
    "UserPoolId",
    "UserPoolClientId",
    "IdentityPoolId",
    "FilesBucket",
    "TableName",
    "DaxEndpoint",
}
AUTHORIZATION = "method.request.header.Authorization"


def of_type(template: Template, kind: str) -> dict[str, Method]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def path_of(template: Template, resource: Any) -> str:
    """A method's path, by walking up the resources as API Gateway does."""
    if "Ref" not in resource:
        return ""
    properties = template["Resources"][resource["Ref"]]["Properties"]
    return f"{path_of(template, properties['ParentId'])}/{properties['PathPart']}"


def methods(template: Template) -> dict[tuple[str, str], Method]:
    """Every deployed method by (verb, path)."""
    found = of_type(template, "AWS::ApiGateway::Method").values()
    return {(method["HttpMethod"], path_of(template, method["ResourceId"])): method for method in found}


def stage(template: Template) -> Method:
    [found] = of_type(template, "AWS::ApiGateway::Stage").values()
    return found


def unprotected(template: Template) -> set[tuple[str, str]]:
    """The methods that let a caller in without an id token."""
    authorizers = of_type(template, "AWS::ApiGateway::Authorizer")
    return {
        key
        for key, method in methods(template).items()
        if method["AuthorizationType"] != "COGNITO_USER_POOLS" or method["AuthorizerId"]["Ref"] not in authorizers
    }


def cached(template: Template) -> set[tuple[str, str]]:
    """The methods whose answers API Gateway keeps; AC-05: a cached `*` would be every GET."""
    return {
        (setting["HttpMethod"], setting["ResourcePath"].removeprefix("/").replace("~1", "/"))
        for setting in stage(template)["MethodSettings"]
        if setting.get("CachingEnabled")
    }


def leaking(template: Template) -> set[tuple[str, str]]:
    """AC-20, SE-01: cached methods with a caller, whose key does not say who the caller is."""
    every = methods(template)
    return {
        key
        for key in cached(template) & set(every)
        if every[key]["AuthorizationType"] != "NONE"
        and AUTHORIZATION not in every[key]["Integration"].get("CacheKeyParameters", [])
    }


def undeclared(template: Template) -> set[str]:
    """AC-10: cache keys that the method does not declare."""
    return {
        name
        for method in methods(template).values()
        for name in method["Integration"].get("CacheKeyParameters", [])
        if name not in method["RequestParameters"]
    }


def test_exactly_the_routes_are_deployed(template: Template) -> None:
    assert set(methods(template)) == {(route.method, route.path) for route in ROUTES}


def test_only_what_the_routes_leave_open_is_open(template: Template) -> None:
    assert unprotected(template) == {(route.method, route.path) for route in ROUTES if not route.auth}
    assert unprotected(template) == {("GET", "/v1/config")}


def test_an_open_route_more_is_noticed(template: Template) -> None:
    methods(template)["POST", "/v1/sync"]["AuthorizationType"] = "NONE"
    assert unprotected(template) == {("GET", "/v1/config"), ("POST", "/v1/sync")}


def test_the_authorizer_takes_id_tokens_of_this_client_only(template: Template) -> None:
    # AG-05, AG-06, SE-08: an access token has no `aud`, another client's token has another one.
    [authorizer] = of_type(template, "AWS::ApiGateway::Authorizer").values()
    [client] = of_type(template, "AWS::Cognito::UserPoolClient")
    assert authorizer["IdentityValidationExpression"] == {"Ref": client}
    assert authorizer["Type"] == "COGNITO_USER_POOLS"
    assert authorizer["IdentitySource"] == AUTHORIZATION
    assert not [method for method in methods(template).values() if "AuthorizationScopes" in method]


def test_exactly_the_two_cacheable_routes_are_cached(template: Template) -> None:
    # AC-07: everything else reaches the Lambda, always.
    assert cached(template) == {(route.method, route.path) for route in ROUTES if route.cache}
    assert cached(template) == {("GET", "/v1/config"), ("GET", "/v1/snapshots/{revision}")}
    assert stage(template)["CacheClusterEnabled"] is True
    assert stage(template)["CacheClusterSize"] == "0.5"


def test_caching_everything_is_noticed(template: Template) -> None:
    stage(template)["MethodSettings"][0]["CachingEnabled"] = True
    assert ("*", "*") in cached(template)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.cache], ids=lambda route: route.name)
def test_a_cached_route_has_the_ttl_and_the_key_that_it_says(template: Template, route: Route) -> None:
    assert route.cache
    [setting] = [one for one in stage(template)["MethodSettings"] if one["ResourcePath"].endswith(encoded(route.path))]
    assert setting["CacheTtlInSeconds"] == route.cache.ttl_seconds
    assert setting["CacheTtlInSeconds"] <= 3600  # AC-04
    integration = methods(template)[route.method, route.path]["Integration"]
    # AC-18, AC-19: the key is what is named, so every variable part of the path must be named.
    assert tuple(integration.get("CacheKeyParameters", ())) == route.cache.key
    variable = {f"method.request.path.{name}" for name in re.findall(r"{(\w+)}", route.path)}
    variable |= {f"method.request.querystring.{parameter.name}" for parameter in route.query}
    assert variable <= set(route.cache.key)
    assert "CacheNamespace" not in integration  # AC-11: no two routes share entries


def encoded(path: str) -> str:
    return "/" + path.replace("/", "~1")


def test_a_cached_answer_of_one_user_never_reaches_another(template: Template) -> None:
    assert leaking(template) == set()


def test_a_cache_key_without_the_caller_is_noticed(template: Template) -> None:
    methods(template)["GET", "/v1/snapshots/{revision}"]["Integration"]["CacheKeyParameters"].remove(AUTHORIZATION)
    assert leaking(template) == {("GET", "/v1/snapshots/{revision}")}


def test_every_cache_key_is_declared(template: Template) -> None:
    assert undeclared(template) == set()
    del methods(template)["GET", "/v1/snapshots/{revision}"]["RequestParameters"]["method.request.querystring.page"]
    assert undeclared(template) == {"method.request.querystring.page"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_method_declares_the_parameters_of_its_route(template: Template, route: Route) -> None:
    declared = methods(template)[route.method, route.path].get("RequestParameters", {})
    wanted = {f"method.request.querystring.{parameter.name}" for parameter in route.query}
    wanted |= {f"method.request.header.{name}" for name in route.headers}
    wanted |= {f"method.request.path.{name}" for name in re.findall(r"{(\w+)}", route.path)}
    assert set(declared) - {AUTHORIZATION} == wanted
    assert declared.get(AUTHORIZATION, False) is route.auth


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=lambda route: route.name)
def test_a_body_is_checked_before_the_function_runs(template: Template, route: Route) -> None:
    method = methods(template)[route.method, route.path]
    validator = template["Resources"][method["RequestValidatorId"]["Ref"]]["Properties"]
    assert validator["ValidateRequestBody"] is True
    schema = template["Resources"][method["RequestModels"]["application/json"]["Ref"]]["Properties"]["Schema"]
    jsonschema.Draft4Validator.check_schema(schema)  # AG-21
    assert route.body is not None
    assert route.body.items() <= schema.items()
    assert not jsonschema.Draft4Validator(schema).is_valid({"unknown": 1})


def test_a_method_with_settings_of_its_own_keeps_the_throttling(template: Template) -> None:
    # AC-03: it inherits nothing, so a cached route would fall back to the account's limits.
    limits = {(one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]) for one in stage(template)["MethodSettings"]}
    assert limits == {(5000, 2500)}


def test_errors_of_the_gateway_have_the_one_error_body(template: Template) -> None:
    answers = of_type(template, "AWS::ApiGateway::GatewayResponse")
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "UNAUTHORIZED", "EXPIRED_TOKEN", "THROTTLED", "BAD_REQUEST_BODY"} <= {
        answer["ResponseType"] for answer in answers.values()
    }
    for answer in answers.values():
        text = answer["ResponseTemplates"]["application/json"]
        body = json.loads(text.replace("$context.error.messageString", '"a message"'))
        assert list(body) == ["code", "message", "request_id"]
        assert body["request_id"] == "$context.requestId"


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("UNAUTHORIZED", "unauthorized", None),
        ("EXPIRED_TOKEN", "unauthorized", "401"),
        ("BAD_REQUEST_BODY", "invalid_request", None),
        ("THROTTLED", "too_many_requests", None),
        ("REQUEST_TOO_LARGE", "too_large", None),
        ("MISSING_AUTHENTICATION_TOKEN", "not_found", "404"),  # AG-15: it means that there is no such route
        ("INTEGRATION_TIMEOUT", "unavailable", None),
        ("DEFAULT_5XX", "internal", None),
    ],
)
def test_a_refusal_of_the_gateway_has_the_code_of_the_api(
    template: Template, kind: str, code: str, status: str | None
) -> None:
    answers = of_type(template, "AWS::ApiGateway::GatewayResponse").values()
    [answer] = [one for one in answers if one["ResponseType"] == kind]
    assert f'"code":"{code}"' in answer["ResponseTemplates"]["application/json"]
    assert answer.get("StatusCode") == status


def test_the_outputs_are_the_contract_and_nothing_else(template: Template) -> None:
    assert set(template["Outputs"]) == OUTPUTS
    [cluster] = of_type(template, "AWS::DAX::Cluster")
    discovery = {"Fn::GetAtt": [cluster, "ClusterDiscoveryEndpointURL"]}
    assert template["Outputs"]["DaxEndpoint"]["Value"] == discovery
    assert function(template)["DAX_ENDPOINT"] == discovery


def function(template: Template) -> dict[str, Any]:
    """The environment of the function."""
    [found] = of_type(template, "AWS::Lambda::Function").values()
    variables: dict[str, Any] = found["Environment"]["Variables"]
    return variables


def test_the_function_is_told_what_it_works_on(template: Template) -> None:
    assert set(function(template)) == {
        "TABLE_NAME",
        "DAX_ENDPOINT",
        "USER_POOL_ID",
        "USER_POOL_CLIENT_ID",
        "IDENTITY_POOL_ID",
        "FILES_BUCKET",
        "STAGE",
        "QUERY_TTL_SECONDS",
        "RECORD_TTL_SECONDS",
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_METRICS_NAMESPACE",
        "POWERTOOLS_LOG_LEVEL",
    }


@pytest.mark.parametrize("lifetime", ["query", "record"])
def test_the_function_knows_how_long_dax_keeps_things(template: Template, lifetime: str) -> None:
    [parameters] = of_type(template, "AWS::DAX::ParameterGroup").values()
    milliseconds = int(parameters["ParameterNameValues"][f"{lifetime}-ttl-millis"])
    assert int(function(template)[f"{lifetime.upper()}_TTL_SECONDS"]) * 1000 == milliseconds


def test_only_the_api_may_invoke_the_function(template: Template) -> None:
    [permission] = of_type(template, "AWS::Lambda::Permission").values()
    [api] = of_type(template, "AWS::ApiGateway::RestApi")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert {"Ref": api} in permission["SourceArn"]["Fn::Join"][1]
