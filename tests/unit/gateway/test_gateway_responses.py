"""CORS preflights and customised gateway responses."""

from typing import Any

import pytest

from tests.unit.gateway.world import World
from todo_backend.local.gateway.templates import fill


@pytest.fixture
def mocked(world: World) -> World:
    """`/todos` with the preflight that CDK makes."""
    world.secured("/todos")
    world.method("/todos", "OPTIONS", methodIntegration=preflight())
    return world


def preflight(**members: Any) -> dict[str, Any]:
    """CDK's mock integration for OPTIONS."""
    parameters = {
        "method.response.header.Access-Control-Allow-Origin": "'*'",
        "method.response.header.Access-Control-Allow-Headers": "'Content-Type,Authorization'",
        "method.response.header.X-Request": "context.requestId",
    }
    return {
        "type": "MOCK",
        "requestTemplates": {"application/json": "{ statusCode: 204 }"},
        "integrationResponses": {"204": {"statusCode": "204", "responseParameters": parameters}},
        **members,
    }


def test_ag_42_the_preflight_answers_204_without_a_token(mocked: World) -> None:
    reply = mocked.send("OPTIONS", "/todos")
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert reply.header("Access-Control-Allow-Headers") == "Content-Type,Authorization"
    assert reply.header("X-Request") == reply.header("x-amzn-RequestId")


def test_ag_42_behind_an_authorizer_the_preflight_is_401(world: World) -> None:
    world.secured("/todos", "OPTIONS", methodIntegration=preflight())
    assert world.send("OPTIONS", "/todos").status == 401


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"requestTemplates": {"application/json": '{"statusCode": 200}'}, "integrationResponses": {}}, 500),
        ({"requestTemplates": {"application/json": "nothing"}}, 500),
        ({"requestTemplates": {"application/json": "#set($x = 1){statusCode: 204}"}}, 500),
        ({"requestTemplates": {}, "passthroughBehavior": "NEVER"}, 415),
        ({"requestTemplates": {"text/x": "{}"}, "passthroughBehavior": "WHEN_NO_TEMPLATES"}, 415),
        ({"type": "HTTP_PROXY"}, 500),
    ],
)
def test_a_mock_that_is_not_understood_fails_and_is_not_guessed(
    world: World, members: dict[str, Any], status: int
) -> None:
    world.method("/todos", "OPTIONS", methodIntegration=preflight(**members))
    assert world.send("OPTIONS", "/todos").status == status


def test_a_mock_chooses_its_response_by_status_and_fills_its_template(world: World) -> None:
    responses = {
        "200": {"statusCode": "200", "responseTemplates": {"application/json": '{"stage":"$context.stage"}'}},
        "404": {"statusCode": "404", "selectionPattern": "4\\d\\d"},
    }
    for text, status, body in (("200", 200, b'{"stage":"v1"}'), ("404", 404, b"")):
        template = {"application/json": f'{{"statusCode": {text}}}'}
        world.method(
            f"/m{text}", methodIntegration=preflight(requestTemplates=template, integrationResponses=responses)
        )
        reply = world.get(f"/m{text}")
        assert (reply.status, reply.body) == (status, body)
        world.gateway.invalidate()


def test_ag_43_what_the_gateway_answers_has_no_cors_headers_by_itself(mocked: World) -> None:
    assert mocked.get("/todos").header("Access-Control-Allow-Origin") is None


def test_ag_43_ag_44_default_4xx_and_5xx_are_the_fallback(mocked: World) -> None:
    origin = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    mocked.control.responses = [
        {"responseType": "DEFAULT_4XX", "responseParameters": origin},
        {"responseType": "DEFAULT_5XX", "responseParameters": origin, "statusCode": "503"},
        {"responseType": "THROTTLED", "statusCode": "429", "defaultResponse": True},
    ]
    unauthorized = mocked.get("/todos")
    assert (unauthorized.status, unauthorized.header("Access-Control-Allow-Origin")) == (401, "*")
    assert unauthorized.json == {"message": "Unauthorized"}
    mocked.answers(lambda event: "malformed")
    broken = mocked.get("/todos", mocked.token())
    assert (broken.status, broken.header("Access-Control-Allow-Origin")) == (503, "*")


def test_ag_44_a_type_of_its_own_wins_over_the_default(mocked: World) -> None:
    template = '{"code":"$context.error.responseType","message":$context.error.messageString,"id":"$context.requestId"}'
    mocked.control.responses = [
        {"responseType": "DEFAULT_4XX", "statusCode": "418"},
        {
            "responseType": "UNAUTHORIZED",
            "statusCode": "403",
            "responseParameters": {
                "gatewayresponse.header.X-From": "method.request.header.Origin",
                "gatewayresponse.header.X-Absent": "method.request.header.None",
                "gatewayresponse.header.X-Query": "method.request.querystring.q",
            },
            "responseTemplates": {"application/json": template},
        },
    ]
    reply = mocked.get("/todos?q=1", headers=[("Origin", "https://a")])
    assert reply.status == 403
    assert (reply.json["code"], reply.json["message"]) == ("UNAUTHORIZED", "Unauthorized")
    assert reply.json["id"] == reply.header("x-amzn-RequestId")
    assert (reply.header("X-From"), reply.header("X-Query"), reply.header("X-Absent")) == ("https://a", "1", None)
    assert mocked.get("/nowhere").status == 418


def test_ag_14_claims_with_colons_are_reached_with_brackets() -> None:
    context = {"authorizer.claims.custom:role": "admin", "requestId": "r", "stageVariables.a": "b"}
    claim = "$context.authorizer.claims['custom:role']"
    assert fill(f"{claim} ${{context.requestId}}. $context.requestId-x", context) == "admin r. "
    assert fill("$stageVariables.a $context.no $5", context) == "b  $5"
