"""API Gateway: who is let in, which way a request goes, what it may carry (AG-…)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from .conftest import Sut, User, new_user
from .probe import Api
from .probe import functions as made_for

UNAUTHORIZED = (401, {"message": "Unauthorized"}, "UnauthorizedException")
ERROR = "Internal server error"
MODEL = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["title"],
    "properties": {"title": {"type": "string"}},
}


@pytest.fixture(scope="module")
def function(sut: Sut) -> Iterator[str]:
    for made in made_for(sut):
        yield made.make()


@pytest.fixture(scope="module")
def api(sut: Sut, function: str) -> Iterator[Api]:
    """One API with a route for each statement that needs one."""
    made = Api(sut, function, binaryMediaTypes=["application/octet-stream"])
    client = sut.outputs["UserPoolClientId"]
    plain, bound = made.authorizer(), made.authorizer(identityValidationExpression=client)
    validator = made.aws.create_request_validator(
        restApiId=made.id, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    model = {"name": "Todo", "contentType": "application/json", "schema": json.dumps(MODEL)}
    made.aws.create_model(restApiId=made.id, **model)
    checked = {"requestValidatorId": validator, "requestModels": {"application/json": "Todo"}}
    made.method("/open", "ANY")
    made.method("/open/{id}")
    made.method("/secured", "GET", authorizer=plain)
    made.method("/bound", authorizer=bound)
    made.method("/scoped", authorizer=plain, authorizationScopes=["aws.cognito.signin.user.admin", "api/read"])
    made.method("/elsewhere", authorizer=plain, authorizationScopes=["api/read"])
    required = {"method.request.header.X-One": True, "method.request.querystring.q": True}
    made.method("/parameters", requestValidatorId=validator, requestParameters=required)
    made.method("/model", "POST", **checked)
    made.method("/both", "POST", authorizer=plain, **checked)
    made.method("/keyed", apiKeyRequired=True)
    made.method("/slow", timeoutInMillis=300)
    made.method("/limited")
    mocked(made, "/preflight", "NONE")
    mocked(made, "/blocked", "COGNITO_USER_POOLS", authorizerId=plain)
    made.deploy(variables={"colour": "green"})
    made.patch(("/~1limited/GET/throttling/rateLimit", "1"), ("/~1limited/GET/throttling/burstLimit", "1"))
    yield made
    made.remove()


def mocked(api: Api, path: str, authorization: str, **more: Any) -> None:
    """A preflight as CDK deploys it: 204, three headers."""
    place = {"restApiId": api.id, "resourceId": api.resource(path), "httpMethod": "OPTIONS"}
    names = ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers")
    values = ("'*'", "'GET'", "'Authorization'")
    headers = [f"method.response.header.{name}" for name in names]
    api.aws.put_method(**place, authorizationType=authorization, **more)
    api.aws.put_method_response(**place, statusCode="204", responseParameters=dict.fromkeys(headers, False))
    template = {"application/json": '{"statusCode": 204}'}
    api.aws.put_integration(**place, type="MOCK", requestTemplates=template)
    api.aws.put_integration_response(
        **place, statusCode="204", responseParameters=dict(zip(headers, values, strict=True))
    )


def told(answer: requests.Response) -> tuple[int, Any, str]:
    """Status, body and kind of an error."""
    return answer.status_code, answer.json(), answer.headers.get("x-amzn-ErrorType", "")


def event(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["event"]
    return found


def claims(user: User) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(user.tokens["IdToken"], options={"verify_signature": False})
    return found


# --- The authorizer


def test_ag_01_without_a_token(api: Api) -> None:
    assert told(api.call("/secured")) == UNAUTHORIZED


def test_ag_02_what_is_no_token(api: Api, alice: User) -> None:
    head, body, signature = alice.tokens["IdToken"].split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    unknown = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"nobody"}').decode().rstrip("=")
    altered = ("A" if signature[0] != "A" else "B") + signature[1:]
    for token in ("junk", "a.b.c", f"{none}.{body}.", f"{unknown}.{body}.{signature}", f"{head}.{body}.{altered}"):
        assert told(api.call("/secured", token=token)) == UNAUTHORIZED


@pytest.fixture(scope="module")
def foreign(sut: Sut) -> Iterator[dict[str, str]]:
    """The tokens of somebody in another pool of the account."""
    cognito = sut.owner("cognito-idp")
    pool = cognito.create_user_pool(PoolName="conformance-foreign")["UserPool"]["Id"]
    yield admin_tokens(cognito, pool, cognito.admin_create_user(UserPoolId=pool, Username="mallory"), "Pass-word-1")
    cognito.delete_user_pool(UserPoolId=pool)


def admin_tokens(cognito: Any, pool: str, made: Any, password: str) -> dict[str, str]:
    name = made["User"]["Username"] if isinstance(made, dict) else made
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="other", ExplicitAuthFlows=flows)
    client_id = client["UserPoolClient"]["ClientId"]
    if isinstance(made, dict):
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    asked = {"USERNAME": name, "PASSWORD": password}
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool, ClientId=client_id, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=asked
    )
    return dict(answer["AuthenticationResult"])


def test_ag_04_a_token_of_another_pool(api: Api, foreign: dict[str, str]) -> None:
    assert told(api.call("/secured", token=foreign["IdToken"])) == UNAUTHORIZED


def test_ag_05_a_token_of_another_client(api: Api, sut: Sut, alice: User) -> None:
    pool = sut.outputs["UserPoolId"]
    other = admin_tokens(sut.owner("cognito-idp"), pool, alice.email, alice.password)
    assert api.call("/secured", token=other["IdToken"]).status_code == 200
    assert told(api.call("/bound", token=other["IdToken"])) == UNAUTHORIZED
    assert told(api.call("/bound", token=alice.tokens["AccessToken"])) == UNAUTHORIZED
    assert api.call("/bound", token=alice.tokens["IdToken"]).status_code == 200


def test_ag_06_se_07_without_scopes_an_id_token(api: Api, alice: User) -> None:
    assert told(api.call("/secured", token=alice.tokens["AccessToken"])) == UNAUTHORIZED
    assert api.call("/secured", token=alice.tokens["IdToken"]).status_code == 200


def test_ag_07_se_07_with_scopes_an_access_token_that_has_one(api: Api, alice: User) -> None:
    assert api.call("/scoped", token=alice.tokens["AccessToken"]).status_code == 200
    assert told(api.call("/scoped", token=alice.tokens["IdToken"])) == UNAUTHORIZED
    assert told(api.call("/elsewhere", token=alice.tokens["AccessToken"])) == UNAUTHORIZED


def test_ag_08_the_word_bearer(api: Api, alice: User) -> None:
    assert api.call("/secured", token=f"Bearer {alice.tokens['IdToken']}").status_code == 200


def test_ag_09_a_sign_out_does_not_reach_the_gateway(api: Api, sut: Sut) -> None:
    user = new_user(sut)
    sut.client("cognito-idp").global_sign_out(AccessToken=user.tokens["AccessToken"])
    assert api.call("/secured", token=user.tokens["IdToken"]).status_code == 200


def test_ag_10_what_is_not_deployed_is_not_there(sut: Sut, function: str) -> None:
    api = Api(sut, function)
    api.method("/first")
    api.deploy()
    api.method("/second")
    assert (api.call("/first").status_code, api.call("/second").status_code) == (200, 403)
    api.deploy()
    assert api.call("/second").status_code == 200
    api.remove()


def test_ag_11_claims_are_strings(api: Api, alice: User) -> None:
    found = event(api.call("/secured", token=alice.tokens["IdToken"]))["requestContext"]["authorizer"]["claims"]
    assert {type(value) for value in found.values()} == {str}
    assert (found["email_verified"], found["auth_time"]) == ("true", str(claims(alice)["auth_time"]))
    for name in ("exp", "iat"):
        assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4}", found[name])
    assert found["sub"] == claims(alice)["sub"]


def test_ag_12_groups_are_joined(api: Api, sut: Sut) -> None:
    user, cognito, pool = new_user(sut), sut.owner("cognito-idp"), sut.outputs["UserPoolId"]
    names = [f"g{secrets.token_hex(3)}{n}" for n in (1, 2)]
    for precedence, name in enumerate(names, 1):
        cognito.create_group(UserPoolId=pool, GroupName=name, Precedence=precedence)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=user.email, GroupName=name)
    found = event(api.call("/secured", token=user.tokens["IdToken"]))["requestContext"]["authorizer"]["claims"]
    for name in names:
        cognito.delete_group(UserPoolId=pool, GroupName=name)
    assert sorted(found["cognito:groups"].split(",")) == sorted(names)


def test_ag_13_the_identity_of_a_caller(api: Api, alice: User) -> None:
    answer = api.call("/secured", token=alice.tokens["IdToken"], headers={"User-Agent": "probe/1"})
    found = event(answer)["requestContext"]["identity"]
    assert (found["cognitoIdentityId"], found["userArn"], found["userAgent"]) == (None, None, "probe/1")
    assert re.fullmatch(r"[\d.]+|[\da-f:]+", found["sourceIp"])


# --- The way


def test_ag_15_a_route_that_is_not_there(api: Api) -> None:
    for path, method in (("/nowhere", "GET"), ("/secured", "DELETE")):
        missing = (403, {"message": "Missing Authentication Token"}, "MissingAuthenticationTokenException")
        assert told(api.call(path, method)) == missing


def test_ag_16_a_route_that_is_not_there_with_a_token(api: Api, alice: User) -> None:
    token = f"Bearer {alice.tokens['IdToken']}"
    status, body, kind = told(api.call("/nowhere", token=token))
    digest = base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()
    assert (status, kind) == (403, "IncompleteSignatureException")
    assert body == {
        "message": "Invalid key=value pair (missing equal-sign) in Authorization header "
        f"(hashed with SHA-256 and encoded with Base64): '{digest}'."
    }


def test_ag_18_parameters_that_are_missing(api: Api) -> None:
    expected = {"message": "Missing required request parameters: [X-One, q]"}
    assert told(api.call("/parameters")) == (400, expected, "BadRequestException")
    assert api.call("/parameters?q=1", headers={"X-One": "1"}).status_code == 200


def test_ag_19_a_body_that_breaks_its_model(api: Api) -> None:
    for body in ({"title": 1}, {}):
        expected = (400, {"message": "Invalid request body"}, "BadRequestException")
        assert told(api.call("/model", "POST", json=body)) == expected
    assert api.call("/model", "POST", json={"title": "a"}).status_code == 200


def test_ag_20_a_body_of_another_type_is_not_looked_at(api: Api) -> None:
    answer = api.call("/model", "POST", data="no json", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200


def test_ag_21_models_are_draft_4(api: Api) -> None:
    """In draft 4 `exclusiveMinimum` is a boolean; what no draft knows is left alone."""
    assert api.call("/model", "POST", json={"title": "a", "more": {"b": [1]}}).status_code == 200


def test_ag_22_the_authorizer_comes_first(api: Api) -> None:
    assert told(api.call("/both", "POST", json={})) == UNAUTHORIZED


def test_ag_23_an_api_key(api: Api) -> None:
    forbidden = (403, {"message": "Forbidden"}, "ForbiddenException")
    assert told(api.call("/keyed")) == forbidden
    assert told(api.call("/keyed", headers={"x-api-key": "unknown"})) == forbidden


# --- Limits and errors


def test_ag_24_a_body_over_10_mb(api: Api) -> None:
    answer = api.call("/open", "POST", data=b"x" * 10_485_761)
    assert answer.status_code == 413
    assert "access-control-allow-origin" not in answer.headers


def test_ag_25_a_body_that_is_too_much_for_lambda(api: Api) -> None:
    assert api.call("/open", "POST", data="x" * 6_300_000).status_code in (413, 500)


def test_ag_26_addresses_and_headers_have_limits(api: Api) -> None:
    assert api.call("/open?q=" + "x" * 10_241).status_code == 414
    assert api.call("/open", headers={"X-Long": "x" * 10_241}).status_code in (400, 431)


def test_ag_27_an_integration_that_is_too_slow(api: Api) -> None:
    expected = (504, {"message": "Endpoint request timed out"}, "InternalServerErrorException")
    assert told(api.call("/slow?mode=sleep1")) == expected


def test_ag_28_more_than_the_limit(api: Api) -> None:
    for _ in range(100):
        answer = api.call("/limited")
        if answer.status_code != 200:
            break
    assert told(answer) == (429, {"message": "Too Many Requests"}, "TooManyRequestsException")


@pytest.mark.parametrize("mode", ["raise", "empty", "text", "unknown", "status", "multi"])
def test_ag_29_ag_30_a_function_that_fails_or_talks_nonsense(api: Api, mode: str) -> None:
    assert told(api.call(f"/open?mode={mode}")) == (502, {"message": ERROR}, "InternalServerErrorException")


def test_ag_30_what_is_left_out_is_filled_in(api: Api) -> None:
    found = {mode: api.call(f"/open?mode={mode}") for mode in ("bare", "headers", "string", "null", "boolean")}
    statuses = {mode: answer.status_code for mode, answer in found.items()}
    assert statuses == {"bare": 200, "headers": 200, "string": 201, "null": 200, "boolean": 200}
    assert (found["bare"].content, found["boolean"].headers["X-A"]) == (b"", "true")


def test_ag_31_a_body_that_is_an_object(api: Api) -> None:
    assert api.call("/open?mode=object").status_code == 502


def test_ag_32_la_11_a_function_that_may_not_be_called(sut: Sut, function: str) -> None:
    api = Api(sut, function)
    api.method("/open")
    api.deploy()
    assert api.call("/open").status_code == 200
    sut.owner("lambda").remove_permission(FunctionName=function, StatementId=api.id)
    answer = api.call("/open")
    api.remove()
    assert told(answer) == (500, {"message": ERROR}, "InternalServerErrorException")


def test_ag_33_a_failure_is_not_tried_again(api: Api) -> None:
    before = api.call("/open").json()
    api.call("/open?mode=raise")
    after = api.call("/open").json()
    assert after["born"] != before["born"] or after["calls"] == before["calls"] + 2


def test_ag_34_both_maps_of_headers(api: Api) -> None:
    answer = api.call("/open?mode=both")
    assert answer.headers["x-both"] == "multi, solo"


def test_ag_35_what_every_answer_says(api: Api) -> None:
    fine, refused = api.call("/open"), api.call("/secured")
    assert fine.headers["Content-Type"] == "application/json"
    assert fine.headers["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert "X-Amzn-Trace-Id" not in refused.headers
    for answer in (fine, refused):
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-amzn-RequestId"])
        assert answer.headers["x-amz-apigw-id"].endswith("=")


def test_ag_36_headers_that_stay_behind(api: Api) -> None:
    sent = {"Content-MD5": "x", "Expect": "x", "Max-Forwards": "1", "TE": "x", "Server": "x", "Authorization": "mine"}
    found = {name.lower() for name in event(api.call("/open", headers=sent))["headers"]}
    assert not found & {"content-md5", "expect", "max-forwards", "te", "server", "content-length", "connection"}
    assert "authorization" in found


def test_ag_37_base64_is_decoded_for_those_who_ask(api: Api) -> None:
    assert api.call("/open?mode=base64", headers={"Accept": "application/json"}).text == "dGVzdC1kYXRh"
    assert api.call("/open?mode=base64", headers={"Accept": "application/octet-stream"}).content == b"test-data"


def test_ag_38_a_binary_body(api: Api) -> None:
    sent = {"Content-Type": "application/octet-stream"}
    found = event(api.call("/open", "POST", data=b"\x00\xff", headers=sent))
    assert (found["isBase64Encoded"], base64.b64decode(found["body"])) == (True, b"\x00\xff")


CONTEXT = {
    "accountId",
    "apiId",
    "deploymentId",
    "domainName",
    "domainPrefix",
    "extendedRequestId",
    "httpMethod",
    "identity",
    "path",
    "protocol",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "resourceId",
    "resourcePath",
    "stage",
}
EVENT = {
    "resource",
    "path",
    "httpMethod",
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "pathParameters",
    "stageVariables",
    "requestContext",
    "body",
    "isBase64Encoded",
}


def test_ag_39_the_event(api: Api) -> None:
    found = event(api.call("/open/7?a=1&a=2&b=3"))
    assert found.keys() == EVENT
    assert found["requestContext"].keys() >= CONTEXT
    assert found["queryStringParameters"] == {"a": "2", "b": "3"}
    assert found["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["3"]}
    assert (found["pathParameters"], found["body"], found["isBase64Encoded"]) == ({"id": "7"}, None, False)
    assert event(api.call("/open"))["queryStringParameters"] is None
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", found["requestContext"]["requestTime"])


def test_ag_40_paths_with_and_without_the_stage(api: Api) -> None:
    found = event(api.call("/open/7"))
    assert (found["path"], found["requestContext"]["path"]) == ("/open/7", "/v1/open/7")


def test_ag_41_names_have_case(api: Api) -> None:
    """The declared query parameter is `q`; a header is found by its own name whatever its case."""
    assert api.call("/parameters?Q=1", headers={"X-One": "1"}).status_code == 400


def test_ag_42_a_preflight(api: Api) -> None:
    answer = api.call("/preflight", "OPTIONS")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert {"access-control-allow-methods", "access-control-allow-headers"} <= {name.lower() for name in answer.headers}
    assert api.call("/blocked", "OPTIONS").status_code == 401


def test_ag_43_ag_44_gateway_responses(sut: Sut, function: str) -> None:
    api = Api(sut, function)
    api.method("/secured", authorizer=api.authorizer())
    api.deploy()
    assert "access-control-allow-origin" not in api.call("/secured").headers
    origin = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    api.aws.put_gateway_response(restApiId=api.id, responseType="DEFAULT_4XX", responseParameters=origin)
    api.deploy()
    refused, unknown = api.call("/secured"), api.call("/nowhere")
    assert [answer.headers.get("Access-Control-Allow-Origin") for answer in (refused, unknown)] == ["*", "*"]
    assert (refused.status_code, unknown.status_code) == (401, 403)
    api.aws.put_gateway_response(restApiId=api.id, responseType="DEFAULT_4XX", statusCode="418")
    api.aws.put_gateway_response(restApiId=api.id, responseType="UNAUTHORIZED", statusCode="499")
    api.deploy()
    assert (api.call("/secured").status_code, api.call("/nowhere").status_code) == (499, 418)
    api.remove()


def test_ag_45_variables_of_the_stage(api: Api) -> None:
    assert event(api.call("/open"))["stageVariables"] == {"colour": "green"}
