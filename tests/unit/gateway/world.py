"""A world for the gateway's tests: a control plane made of dictionaries, functions made of Python, a clock, one client.

The describe answers have the shape of AWS's; the tokens are signed with real keys by PyJWT.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from todo_backend.local.gateway import Gateway

REGION, ACCOUNT, API = "us-east-1", "000000000000", "a1b2c3d4"
POOL = "us-east-1_Pool00001"
ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:todo"
URI = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
AUTHORIZATION = "method.request.header.Authorization"
START = 1_781_503_000.0  # Mon Jun 15 05:56:40 UTC 2026

Payload = Any
Handler = Callable[[dict[str, Any]], Payload]


class RefusedByAws(Exception):  # noqa: N818 - stands for botocore's ClientError
    """An error of the control plane, with its code where botocore has it."""

    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code, "Message": code}}
        super().__init__(code)


class DictControl:
    """The describe calls over dictionaries, and Lambda over a Python function."""

    def __init__(self) -> None:
        self.api: dict[str, Any] = {"id": API, "name": "todo", "binaryMediaTypes": []}
        self.resources: dict[str, dict[str, Any]] = {}
        self.stages: dict[str, dict[str, Any]] = {}
        self.authorizers: list[dict[str, Any]] = []
        self.models: list[dict[str, Any]] = []
        self.validators: list[dict[str, Any]] = []
        self.responses: list[dict[str, Any]] = []
        self.api_keys: dict[str, str] = {}
        self.policy: list[dict[str, Any]] | None = [_allow()]
        self.handler: Handler = lambda event: {"statusCode": 200, "body": "{}"}
        self.function_error = False
        self.invocations: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.delay_seconds = 0.0

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.calls.append(operation)
        if operation == "Invoke":
            return await self._invoke(params)
        if operation == "GetPolicy":
            if self.policy is None:
                raise RefusedByAws("ResourceNotFoundException")
            return {"Policy": json.dumps({"Statement": self.policy})}
        return json.loads(json.dumps(self._describe(operation, params)))  # type: ignore[no-any-return]

    async def _invoke(self, params: Mapping[str, Any]) -> dict[str, Any]:
        event = json.loads(params["Payload"])
        self.invocations.append(event)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        answer = self.handler(event)
        payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return {
            "StatusCode": 200,
            "Payload": payload,
            **({"FunctionError": "Unhandled"} if self.function_error else {}),
        }

    def _describe(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "GetStage":
            if params["restApiId"] != API or params["stageName"] not in self.stages:
                raise RefusedByAws("NotFoundException")
            return self.stages[params["stageName"]]
        if operation == "GetApiKey":
            return {"value": self.api_keys[params["apiKey"]]}
        keys = [{"id": name, "enabled": True} for name in self.api_keys]
        plan = {"id": "plan", "apiStages": [{"apiId": API, "stage": "v1"}]}
        items: dict[str, list[dict[str, Any]]] = {
            "GetResources": list(self.resources.values()),
            "GetAuthorizers": self.authorizers,
            "GetModels": self.models,
            "GetRequestValidators": self.validators,
            "GetGatewayResponses": self.responses,
            "GetApiKeys": keys,
            "GetUsagePlans": [plan],
            "GetUsagePlanKeys": keys,
        }
        return self.api if operation == "GetRestApi" else {"items": items[operation]}


def _allow() -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Condition": {"ArnLike": {"AWS:SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/*/*/*"}},
    }


@lru_cache
def signing_key(name: str) -> RSAPrivateKey:
    """A key of its own for each name, made once a run."""
    return generate_private_key(65537, 2048)


def jwks(*names: str) -> dict[str, Any]:
    """The public halves as a JWKS document."""
    documents = [jwt.algorithms.RSAAlgorithm.to_jwk(signing_key(name).public_key(), as_dict=True) for name in names]
    return {"keys": [{**document, "kid": name} for name, document in zip(names, documents, strict=True)]}


@dataclass
class Reply:
    """What the client got."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)

    def values(self, name: str) -> list[str]:
        """All headers of that name."""
        return [value for found, value in self.headers if found.lower() == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class World:
    """The gateway over a dictionary control plane, with one API of one stage `v1`."""

    def __init__(self, **options: Any) -> None:
        self.now = START
        self.control = DictControl()
        self.figures: list[tuple[str, float]] = []
        self.traces: list[Mapping[str, object]] = []
        self.passed_on: list[str] = []
        self.inner_answer: tuple[int, bytes] = (200, b"{}")
        self.control.stages["v1"] = {"stageName": "v1", "deploymentId": "d1", "methodSettings": {}}
        self.resource("root", "/")
        self.runner = asyncio.Runner()
        self.gateway = Gateway(
            self._inner,
            self.control,
            self._keys,
            clock=lambda: self.now,
            metrics=lambda name, value, dimensions: self.figures.append((name, value)),
            trace=self.traces.append,
            **options,
        )

    async def _keys(self, user_pool_id: str) -> Mapping[str, Any]:
        return jwks("id-key", "access-key") if user_pool_id == POOL else jwks("foreign-key")

    async def _inner(self, scope: Any, receive: Any, send: Any) -> None:
        self.passed_on.append(scope.get("path", scope["type"]))
        status, body = self.inner_answer
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]}
        )
        await send({"type": "http.response.body", "body": body})

    # what is deployed

    def resource(self, resource_id: str, path: str) -> None:
        """Add a resource."""
        self.control.resources[resource_id] = {"id": resource_id, "path": path, "resourceMethods": {}}

    def method(self, path: str, name: str = "GET", *, key: list[str] | None = None, **members: Any) -> dict[str, Any]:
        """Add a method with a proxy integration; `key` are its cache key parameters, declared as CDK does."""
        if not any(item["path"] == path for item in self.control.resources.values()):
            self.resource(f"r{len(self.control.resources)}", path)
        resource = next(item for item in self.control.resources.values() if item["path"] == path)
        integration = {"type": "AWS_PROXY", "uri": URI, "timeoutInMillis": 29000, "cacheKeyParameters": key or []}
        method = {
            "httpMethod": name,
            "authorizationType": "NONE",
            "requestParameters": dict.fromkeys(key or [], False),
            "methodIntegration": integration,
            **members,
        }
        resource["resourceMethods"][name] = method
        return method

    def secured(self, path: str, name: str = "GET", **members: Any) -> dict[str, Any]:
        """Add a method behind the user pool's authorizer."""
        if not self.control.authorizers:
            self.authorizer()
        return self.method(path, name, authorizationType="COGNITO_USER_POOLS", authorizerId="auth", **members)

    def authorizer(self, **members: Any) -> None:
        """Put the user pool's authorizer in place."""
        arn = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{POOL}"
        authorizer = {
            "id": "auth",
            "type": "COGNITO_USER_POOLS",
            "providerARNs": [arn],
            "identitySource": AUTHORIZATION,
            **members,
        }
        self.control.authorizers = [authorizer]

    def cached(self, path: str, name: str = "GET", **settings: Any) -> None:
        """Switch the stage's cache on for one method only (AC-07)."""
        stage = self.control.stages["v1"]
        stage |= {"cacheClusterEnabled": True, "cacheClusterSize": "0.5"}
        stage["methodSettings"].setdefault("*/*", {"cachingEnabled": False})
        stage["methodSettings"][f"{path.replace('/', '~1')}/{name}"] = {"cachingEnabled": True, **settings}

    def answers(self, handler: Handler) -> None:
        """Put a function in place."""
        self.control.handler = handler

    def counts(self) -> None:
        """Let the function answer with its own count and its caller: no two of its answers are the same."""
        self.answers(
            lambda event: {
                "statusCode": 200,
                "body": json.dumps(
                    {
                        "count": len(self.control.invocations),
                        "sub": ((event["requestContext"].get("authorizer") or {}).get("claims") or {}).get("sub"),
                        "path": event["path"],
                    }
                ),
            }
        )

    def refuses(self, code: str) -> None:
        """Let the Lambda API refuse the invocation."""

        def refusing(event: dict[str, Any]) -> Payload:
            raise RefusedByAws(code)

        self.answers(refusing)

    # who calls

    def token(self, sub: str = "alice", use: str = "id", *, key: str = "", pool: str = POOL, **claims: Any) -> str:
        """A token as the pool signs it."""
        own = {"aud": "client1"} if use == "id" else {"client_id": "client1", "scope": "aws.cognito.signin.user.admin"}
        times = {"auth_time": int(self.now), "iat": int(self.now), "exp": int(self.now) + 3600}
        payload = {"sub": sub, "iss": ISSUER + pool, "token_use": use, **own, **times, **claims}
        name = key or f"{use}-key"
        return jwt.encode(payload, signing_key(name), algorithm="RS256", headers={"kid": name})

    def get(self, path: str, token: str | None = None, **options: Any) -> Reply:
        """GET below the stage."""
        return self.send("GET", path, token, **options)

    def send(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        headers: list[tuple[str, str]] | None = None,
        body: bytes | str | object = b"",
        stage: str = "v1",
    ) -> Reply:
        """One request below the stage."""
        content = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        found = [*(headers or [])]
        if token is not None:
            found.append(("Authorization", token))
        if content:
            found.append(("Content-Length", str(len(content))))
        return self.call(method, f"/_aws/execute-api/{API}/{stage}{path}", found, content)

    def call(self, method: str, target: str, headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> Reply:
        """One request as an ASGI server hands it over."""
        raw_path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": _unquoted(raw_path),
            "raw_path": raw_path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers or []],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 4566),
        }
        return self.runner.run(self._exchange(scope, body))

    async def _exchange(self, scope: dict[str, Any], body: bytes) -> Reply:
        messages: list[Any] = []
        parts = [body[at : at + 65536] for at in range(0, len(body), 65536)] or [b""]
        incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        incoming[-1]["more_body"] = False

        async def receive() -> Any:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.gateway(scope, receive, send)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in messages[0]["headers"]]
        return Reply(messages[0]["status"], headers, b"".join(message.get("body", b"") for message in messages[1:]))


def _unquoted(path: str) -> str:
    return unquote(path, errors="replace")


def unsigned(header: Mapping[str, Any], payload: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand."""
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
