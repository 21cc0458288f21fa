"""The gateway over the control plane it is made for: a bare MiniStack, deployed by CloudFormation.

Each test runs with both adapters: botocore's clients, and the REST-JSON control of our own.
"""

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.unit.gateway.world import AUTHORIZATION, World, jwks
from todo_backend.local.gateway import Control, Gateway, complete_stack
from todo_backend.local.gateway.rest_control import RestControl

pytestmark = pytest.mark.xdist_group("gateway-ministack")  # one MiniStack is enough

REGION, STACK = "us-east-1", "gateway"
CREDENTIALS = Credentials("test", "test")
HANDLER = """
import json, sys, uuid
def handler(event, context):
    print("one line", file=sys.stderr)
    claims = event["requestContext"]["authorizer"]["claims"]
    return {"statusCode": 200, "body": json.dumps({"sub": claims["sub"], "nonce": uuid.uuid4().hex, "event": event})}
"""


class BotocoreControl:
    """botocore's clients as a coroutine."""

    def __init__(self, endpoint: str) -> None:
        session = botocore.session.get_session()
        self._clients = {
            name: session.create_client(
                name, REGION, endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test"
            )
            for name in ("apigateway", "cloudformation", "lambda", "cognito-idp")
        }

    def ask(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One call, at once."""
        client = self._clients[service]
        answer: dict[str, Any] = client._make_api_call(operation, params)
        if "Payload" in answer:
            answer["Payload"] = answer["Payload"].read()
        return answer

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One call, off the loop."""
        return await asyncio.to_thread(self.ask, service, operation, **params)


def rest_control(endpoint: str, others: BotocoreControl) -> RestControl:
    """Our REST control, signing with botocore and sending with urllib."""

    async def send(
        service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        request = AWSRequest(method, f"{endpoint}{path}" + (f"?{query}" if query else ""), dict(headers), body)
        SigV4Auth(CREDENTIALS, service, REGION).add_auth(request)
        plain = urllib.request.Request(request.url, body or None, dict(request.headers.items()), method=method)
        return await asyncio.to_thread(_opened, plain)

    return RestControl(send, others.call)


def _opened(request: urllib.request.Request) -> tuple[int, Mapping[str, str], bytes]:
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, {name.lower(): value for name, value in response.headers.items()}, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


def template() -> dict[str, Any]:
    """A small stack of the kind that CDK writes."""
    api = {"Ref": "Api"}
    function_uri = {
        "Fn::Join": [
            "",
            [
                f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/",
                f"arn:aws:lambda:{REGION}:000000000000:function:gateway-test",
                "/invocations",
            ],
        ]
    }
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": function_uri}
    secured = {"AuthorizationType": "COGNITO_USER_POOLS", "AuthorizerId": {"Ref": "Authorizer"}}
    resources: dict[str, tuple[str, dict[str, Any]]] = {
        "Pool": ("AWS::Cognito::UserPool", {"UserPoolName": "gateway"}),
        "Api": ("AWS::ApiGateway::RestApi", {"Name": "gateway"}),
        "Permission": (
            "AWS::Lambda::Permission",
            {
                "FunctionName": "gateway-test",
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Join": ["", [f"arn:aws:execute-api:{REGION}:000000000000:", api, "/*/GET/todos/*"]]},
            },
        ),
        "Todos": (
            "AWS::ApiGateway::Resource",
            {"RestApiId": api, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "todos"},
        ),
        "Todo": (
            "AWS::ApiGateway::Resource",
            {"RestApiId": api, "ParentId": {"Ref": "Todos"}, "PathPart": "{id}"},
        ),
        "Authorizer": (
            "AWS::ApiGateway::Authorizer",
            {
                "Name": "pool",
                "Type": "COGNITO_USER_POOLS",
                "RestApiId": api,
                "IdentitySource": AUTHORIZATION,
                "IdentityValidationExpression": "client1",
                "ProviderARNs": [{"Fn::GetAtt": ["Pool", "Arn"]}],
            },
        ),
        "Model": (
            "AWS::ApiGateway::Model",
            {
                "RestApiId": api,
                "Name": "Todo",
                "ContentType": "application/json",
                "Schema": {"type": "object", "required": ["title"]},
            },
        ),
        "Validator": (
            "AWS::ApiGateway::RequestValidator",
            {"RestApiId": api, "Name": "all", "ValidateRequestBody": True, "ValidateRequestParameters": True},
        ),
        "GetTodo": (
            "AWS::ApiGateway::Method",
            {
                "RestApiId": api,
                "ResourceId": {"Ref": "Todo"},
                "HttpMethod": "GET",
                **secured,
                "RequestParameters": {AUTHORIZATION: True, "method.request.path.id": True},
                "Integration": {
                    **proxy,
                    "CacheKeyParameters": [AUTHORIZATION, "method.request.path.id"],
                    "CacheNamespace": "todos",
                },
            },
        ),
        "PostTodo": (
            "AWS::ApiGateway::Method",
            {
                "RestApiId": api,
                "ResourceId": {"Ref": "Todos"},
                "HttpMethod": "POST",
                **secured,
                "RequestModels": {"application/json": {"Ref": "Model"}},
                "RequestValidatorId": {"Ref": "Validator"},
                "Integration": proxy,
            },
        ),
        "Preflight": (
            "AWS::ApiGateway::Method",
            {
                "RestApiId": api,
                "ResourceId": {"Ref": "Todos"},
                "HttpMethod": "OPTIONS",
                "AuthorizationType": "NONE",
                "Integration": {
                    "Type": "MOCK",
                    "RequestTemplates": {"application/json": "{ statusCode: 204 }"},
                    "IntegrationResponses": [
                        {
                            "StatusCode": "204",
                            "ResponseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
                        }
                    ],
                },
            },
        ),
        "Cors": (
            "AWS::ApiGateway::GatewayResponse",
            {
                "RestApiId": api,
                "ResponseType": "DEFAULT_4XX",
                "ResponseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
            },
        ),
        "Deployment": ("AWS::ApiGateway::Deployment", {"RestApiId": api}),
        "Stage": (
            "AWS::ApiGateway::Stage",
            {
                "RestApiId": api,
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "v1",
                "CacheClusterEnabled": True,
                "CacheClusterSize": "0.5",
                "MethodSettings": [
                    {"HttpMethod": "*", "ResourcePath": "/*", "CachingEnabled": False},
                    {
                        "HttpMethod": "GET",
                        "ResourcePath": "/~1todos~1{id}",
                        "CachingEnabled": True,
                        "CacheTtlInSeconds": 60,
                    },
                ],
            },
        ),
    }
    made = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in resources.items()}
    made["Deployment"]["DependsOn"] = ["GetTodo", "PostTodo", "Preflight"]
    outputs = {"Api": {"Value": api}, "Pool": {"Value": {"Ref": "Pool"}}}
    return {"Resources": made, "Outputs": outputs}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a bare MiniStack of our own."""
    port = free_port()
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("MiniStack did not start")


@pytest.fixture(scope="module")
def outputs(endpoint: str) -> dict[str, str]:
    """The stack's outputs, once it is deployed."""
    control = BotocoreControl(endpoint)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("index.py", HANDLER)
    control.ask(
        "lambda",
        "CreateFunction",
        FunctionName="gateway-test",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    control.ask("cloudformation", "CreateStack", StackName=STACK, TemplateBody=json.dumps(template()))
    for _ in range(100):
        stack = control.ask("cloudformation", "DescribeStacks", StackName=STACK)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


@pytest.fixture(params=["botocore", "rest"])
def deployed(request: pytest.FixtureRequest, endpoint: str, outputs: dict[str, str]) -> Iterator["Deployed"]:
    """The gateway in front of the deployed stack."""
    clients = BotocoreControl(endpoint)
    control: Control = clients if request.param == "botocore" else rest_control(endpoint, clients)
    made = Deployed(control, clients, outputs)
    made.runner.run(complete_stack(control, STACK))
    yield made
    made.runner.close()


class Deployed(World):
    """A world whose control plane is real; only the pool's keys are ours."""

    def __init__(self, control: Control, clients: BotocoreControl, outputs: dict[str, str]) -> None:
        super().__init__()
        self.clients, self.api_id, self.pool_id = clients, outputs["Api"], outputs["Pool"]
        self.real = control
        self.gateway = Gateway(self._inner, control, self._own_keys, clock=lambda: self.now, trace=self.traces.append)

    async def _own_keys(self, user_pool_id: str) -> Mapping[str, Any]:
        return jwks("id-key", "access-key") if user_pool_id == self.pool_id else {"keys": []}

    def ask(self, method: str, path: str, token: str | None = None, body: bytes = b"", **headers: str) -> Any:
        """One request to the stage."""
        given = [*headers.items(), *([("Authorization", token)] if token else [])]
        given += [("Content-Length", str(len(body)))] if body else []
        return self.call(method, f"/_aws/execute-api/{self.api_id}/v1{path}", given, body)

    def own(self, sub: str = "alice", use: str = "id") -> str:
        """A token of the deployed pool."""
        return self.token(sub, use, pool=self.pool_id)


def test_the_deployed_method_is_cached_per_caller_and_todo(deployed: Deployed) -> None:
    alice, bob = deployed.own("alice"), deployed.own("bob")
    first = deployed.ask("GET", "/todos/1", alice)
    assert first.status == 200, first.body
    assert deployed.ask("GET", "/todos/1", alice).body == first.body
    assert deployed.ask("GET", "/todos/1", bob).json["sub"] == "bob"
    assert deployed.ask("GET", "/todos/2", alice).json["event"]["pathParameters"] == {"id": "2"}
    assert [record["cache"] for record in deployed.traces] == ["miss", "hit", "miss", "miss"]
    deployed.gateway.flush(deployed.api_id, "v1")
    assert deployed.ask("GET", "/todos/1", alice).body != first.body


def test_the_deployed_authorizer_validator_preflight_and_gateway_response_are_kept(deployed: Deployed) -> None:
    refused = deployed.ask("GET", "/todos/1", deployed.own(use="access"))
    assert (refused.status, refused.header("Access-Control-Allow-Origin")) == (401, "*")
    assert deployed.ask("GET", "/todos/1", deployed.token(aud="other", pool=deployed.pool_id)).status == 401
    invalid = deployed.ask("POST", "/todos", deployed.own(), b"{}")
    assert (invalid.status, invalid.json) == (400, {"message": "Invalid request body"})
    assert deployed.ask("OPTIONS", "/todos").status == 204
    assert deployed.ask("GET", "/nowhere").status == 403


def test_a_method_that_the_permission_does_not_name_is_500(deployed: Deployed) -> None:
    assert deployed.ask("POST", "/todos", deployed.own(), b'{"title":"a"}').status == 500


def test_what_cloudformation_drops_is_put_in_once(deployed: Deployed) -> None:
    deployed.runner.run(complete_stack(deployed.real, STACK))
    found = deployed.clients.ask("apigateway", "GetRequestValidators", restApiId=deployed.api_id)
    assert len(found["items"]) == 1
    stage = deployed.clients.ask("apigateway", "GetStage", restApiId=deployed.api_id, stageName="v1")
    assert (stage["cacheClusterEnabled"], stage["cacheClusterSize"]) == (True, "0.5")
    snapshot = deployed.runner.run(deployed.gateway._plane.deployments.find(deployed.api_id, "v1"))
    assert snapshot
    methods = {item.path: item.methods for item in snapshot.snapshot.api.resources}
    assert methods["/todos/{id}"]["GET"].integration.cache_namespace == "todos"
    assert methods["/todos"]["POST"].validates_body


def test_an_unknown_api_is_forbidden_and_an_unknown_stage_too(deployed: Deployed) -> None:
    assert deployed.call("GET", "/_aws/execute-api/deadbeef/v1/todos/1").status == 403
    assert deployed.call("GET", f"/_aws/execute-api/{deployed.api_id}/v9/todos/1").status == 403


def test_the_control_plane_answers_flush_stage_cache_as_the_gateway_expects(deployed: Deployed) -> None:
    with pytest.raises(ClientError, match="Unknown API Gateway") as caught:
        deployed.clients.ask("apigateway", "FlushStageCache", restApiId=deployed.api_id, stageName="v1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
