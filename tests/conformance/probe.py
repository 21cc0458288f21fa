"""A function, and REST APIs in front of it, made for the tests with AWS's own calls.

The function answers with the event it got and a new nonce; `mode` in the query or the payload makes it misbehave.
"""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
from botocore.exceptions import ClientError

from .conftest import Sut

CODE = """
import json, os, sys, time, uuid
BORN = str(uuid.uuid4())
CALLS = []
MODES = {
    "empty": {}, "text": "just text", "unknown": {"statusCode": 200, "wrongValue": 1}, "status": {"statusCode": "abc"},
    "multi": {"statusCode": 200, "multiValueHeaders": {"a": "b"}}, "object": {"statusCode": 200, "body": {"a": 1}},
    "bare": {"statusCode": 200}, "headers": {"headers": {"X-A": "1"}}, "string": {"statusCode": "201"},
    "null": {"statusCode": 200, "headers": None}, "boolean": {"statusCode": 200, "headers": {"X-A": True}},
    "both": {"statusCode": 200, "headers": {"X-Both": "solo"}, "multiValueHeaders": {"X-BOTH": ["multi"]}},
    "base64": {"statusCode": 200, "body": "dGVzdC1kYXRh", "isBase64Encoded": True},
    "large": {"statusCode": 200, "body": "x" * 6_400_000}, "megabyte": {"statusCode": 200, "body": None},
}
def handler(event, context):
    CALLS.append(1)
    query = event.get("queryStringParameters") or {}
    mode = event.get("mode") or query.get("mode") or (event.get("headers") or {}).get("X-Mode") or ""
    if mode == "raise":
        raise Exception("Handler fails")
    if mode == "exit":
        sys.exit(0)
    if mode.startswith("sleep"):
        time.sleep(float(mode[5:]))
    if mode == "megabyte":
        return {"statusCode": 200, "body": str(uuid.uuid4()) * 30_000}
    if mode in MODES:
        return MODES[mode]
    if mode.isdigit():
        return {"statusCode": int(mode), "body": str(uuid.uuid4())}
    told = {"nonce": str(uuid.uuid4()), "born": BORN, "calls": len(CALLS)}
    if mode == "plain":
        return told | {"environment": dict(os.environ)}
    body = json.dumps(told | {"event": event})
    return {"statusCode": 200, "headers": {"Cache-Control": "no-store"}, "body": body}
"""


@dataclass
class Functions:
    """Makes functions and takes them away."""

    sut: Sut
    made: list[str] = field(default_factory=list)

    @property
    def aws(self) -> Any:
        return self.sut.owner("lambda")

    def role(self) -> str:
        """A role that lets a function write its log."""
        iam, name = self.sut.owner("iam"), "todo-conformance-probe"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        try:
            arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
            if self.sut.is_aws:
                time.sleep(10)  # until IAM is consistent
        except iam.exceptions.EntityAlreadyExistsException:
            arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        return str(arn)

    def make(self, code: str = CODE, **more: Any) -> str:
        """A function's name."""
        name, file = f"probe-{secrets.token_hex(4)}", io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("index.py", code)
        words = {"Runtime": "python3.13", "Handler": "index.handler", "Timeout": 30, **more}
        self.aws.create_function(FunctionName=name, Role=self.role(), Code={"ZipFile": file.getvalue()}, **words)
        self.aws.get_waiter("function_active_v2").wait(FunctionName=name)
        self.made.append(name)
        return name

    def call(self, name: str, payload: Any) -> tuple[dict[str, Any], Any]:
        """The answer of Invoke, and its payload."""
        answer = self.aws.invoke(FunctionName=name, Payload=json.dumps(payload))
        return answer, json.loads(answer["Payload"].read())

    def remove(self) -> None:
        """Take all of them away."""
        for name in self.made:
            self.aws.delete_function(FunctionName=name)


def functions(sut: Sut) -> Iterator[Functions]:
    """For a fixture."""
    made = Functions(sut)
    yield made
    made.remove()


class Api:
    """A REST API in the making, then deployed."""

    def __init__(self, sut: Sut, function: str, **settings: Any) -> None:
        self.sut, self.aws = sut, sut.owner("apigateway")
        self.id = self.aws.create_rest_api(name=f"probe-{secrets.token_hex(4)}", **settings)["id"]
        self.function = sut.owner("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
        account = self.function.split(":")[4]
        sut.owner("lambda").add_permission(
            FunctionName=function,
            StatementId=self.id,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{sut.region}:{account}:{self.id}/*",
        )
        root = self.aws.get_resources(restApiId=self.id)["items"][0]["id"]
        self.resources = {"/": root}

    def resource(self, path: str) -> str:
        """The id of the resource, made with those above it."""
        if path not in self.resources:
            above, _, part = path.rpartition("/")
            parent = self.resource(above or "/")
            made = self.aws.create_resource(restApiId=self.id, parentId=parent, pathPart=part)
            self.resources[path] = made["id"]
        return str(self.resources[path])

    def authorizer(self, **settings: Any) -> str:
        """A Cognito authorizer for the deployed user pool."""
        pool = self.sut.owner("cognito-idp").describe_user_pool(UserPoolId=self.sut.outputs["UserPoolId"])
        words = {
            "name": f"a-{secrets.token_hex(4)}",
            "type": "COGNITO_USER_POOLS",
            "providerARNs": [pool["UserPool"]["Arn"]],
            "identitySource": "method.request.header.Authorization",
            **settings,
        }
        return str(self.aws.create_authorizer(restApiId=self.id, **words)["id"])

    def method(
        self, path: str, name: str = "GET", *, authorizer: str | None = None, key: tuple[str, ...] = (), **more: Any
    ) -> None:
        """A method with the function behind it; `key` are its cache key parameters, declared as they must be."""
        place = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": name}
        auth = {"authorizationType": "COGNITO_USER_POOLS", "authorizerId": authorizer} if authorizer else {}
        declared = dict.fromkeys(key, False) | more.pop("requestParameters", {})
        integration = {"timeoutInMillis": more.pop("timeoutInMillis", 29_000)}
        self.aws.put_method(**{**place, "authorizationType": "NONE", "requestParameters": declared, **auth, **more})
        self.aws.put_integration(
            **place,
            **integration,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{self.sut.region}:lambda:path/2015-03-31/functions/{self.function}/invocations",
            cacheKeyParameters=list(key),
        )

    def deploy(self, stage: str = "v1", **settings: Any) -> None:
        """Deploy; the first time with these settings of the stage."""
        self.aws.create_deployment(restApiId=self.id, stageName=stage, **settings)

    def patch(self, *operations: tuple[str, str], stage: str = "v1") -> None:
        """Replace settings of the stage: `(path, value)`."""
        words = [{"op": "replace", "path": path, "value": value} for path, value in operations]
        self.aws.update_stage(restApiId=self.id, stageName=stage, patchOperations=words)

    def url(self, path: str, stage: str = "v1") -> str:
        """Where the path is called."""
        if self.sut.is_aws:
            return f"https://{self.id}.execute-api.{self.sut.region}.amazonaws.com/{stage}{path}"
        return f"{self.sut.outputs['ApiUrl'].rsplit('/', 2)[0]}/{self.id}/{stage}{path}"

    def call(self, path: str, method: str = "GET", token: str | None = None, **sent: Any) -> requests.Response:
        """One request of a client."""
        headers = sent.pop("headers", {}) | ({"Authorization": token} if token is not None else {})
        return requests.request(method, self.url(path), headers=headers, timeout=40, **sent)

    def remove(self) -> None:
        """Delete it."""
        with contextlib.suppress(ClientError):
            self.aws.delete_rest_api(restApiId=self.id)
