"""A Cognito of its own for the tests: served by uvicorn, asked by boto3 and pycognito; the control plane is a fake."""

import asyncio
import http.client
import itertools
import json
import re
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvicorn
from botocore import UNSIGNED
from botocore.config import Config
from pycognito.aws_srp import AWSSRP

from todo_backend.local.cognito import CognitoApp, CognitoError, Quotas, Surroundings, wire

REGION = "us-east-1"
PASSWORD = "Correct-Horse-7"
PLENTY = Quotas(*[1_000_000] * 6)
STANDARD = ("sub", "name", "given_name", "email", "phone_number", "preferred_username")


class ControlError(Exception):
    """What the fake control plane raises."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FakeControl:
    """The describe calls, IAM and STS, over dictionaries."""

    def __init__(self) -> None:
        self.pools: dict[str, dict[str, Any]] = {}
        self.clients: dict[str, dict[str, Any]] = {}
        self.groups: dict[tuple[str, str], dict[str, Any]] = {}
        self.identity_pools: dict[str, dict[str, Any]] = {}
        self.identity_roles: dict[str, dict[str, Any]] = {}
        self.tags: dict[tuple[str, str], dict[str, Any]] = {}
        self.roles: dict[str, dict[str, Any]] = {}
        self.assumed: list[dict[str, Any]] = []
        self.calls: list[str] = []

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The operation's output."""
        self.calls.append(operation)
        await asyncio.sleep(0)
        try:
            name = re.sub("([A-Z])", r"_\1", operation).lower()
            found: dict[str, Any] = getattr(self, name)(**parameters)
        except KeyError:
            raise ControlError("NoSuchEntity" if service == "iam" else "ResourceNotFoundException") from None
        return found

    def _list_user_pools(self, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        return {"UserPools": [{"Id": name} for name in self.pools]}

    def _list_user_pool_clients(self, UserPoolId: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        found = [one for one in self.clients.values() if one["UserPoolId"] == UserPoolId]
        return {"UserPoolClients": [{"ClientId": one["ClientId"]} for one in found]}

    def _describe_user_pool(self, UserPoolId: str) -> dict[str, Any]:  # noqa: N803
        return {"UserPool": self.pools[UserPoolId]}

    def _describe_user_pool_client(self, UserPoolId: str, ClientId: str) -> dict[str, Any]:  # noqa: N803
        found = self.clients[ClientId]
        if found["UserPoolId"] != UserPoolId:
            raise KeyError(ClientId)
        return {"UserPoolClient": found}

    def _get_user_pool_mfa_config(self, UserPoolId: str) -> dict[str, Any]:  # noqa: N803
        return {"MfaConfiguration": self.pools[UserPoolId].get("MfaConfiguration", "OFF")}

    def _get_group(self, UserPoolId: str, GroupName: str) -> dict[str, Any]:  # noqa: N803
        return {"Group": self.groups[UserPoolId, GroupName]}

    def _describe_identity_pool(self, IdentityPoolId: str) -> dict[str, Any]:  # noqa: N803
        return self.identity_pools[IdentityPoolId]

    def _get_identity_pool_roles(self, IdentityPoolId: str) -> dict[str, Any]:  # noqa: N803
        return self.identity_roles.get(IdentityPoolId, {})

    def _get_principal_tag_attribute_map(self, IdentityPoolId: str, IdentityProviderName: str) -> dict[str, Any]:  # noqa: N803
        return self.tags[IdentityPoolId, IdentityProviderName]

    def _get_role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803
        return {"Role": self.roles[RoleName]}

    def _create_role(self, RoleName: str, Path: str, AssumeRolePolicyDocument: str) -> dict[str, Any]:  # noqa: N803
        if RoleName in self.roles:
            raise ControlError("EntityAlreadyExists")
        self.add_role(RoleName, json.loads(AssumeRolePolicyDocument), path=Path)
        return {"Role": self.roles[RoleName]}

    def add_role(self, name: str, trust: Any, policies: dict[str, Any] | None = None, path: str = "/") -> str:
        """Make a role; its ARN."""
        arn = f"arn:aws:iam::000000000000:role{path}{name}"
        inline = dict(policies or {})
        self.roles[name] = {"RoleName": name, "Arn": arn, "AssumeRolePolicyDocument": trust, "policies": inline}
        return arn

    def _delete_role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803
        del self.roles[RoleName]
        return {}

    def _list_role_policies(self, RoleName: str) -> dict[str, Any]:  # noqa: N803
        return {"PolicyNames": list(self.roles[RoleName]["policies"])}

    def _list_attached_role_policies(self, RoleName: str) -> dict[str, Any]:  # noqa: N803
        return {"AttachedPolicies": []}

    def _get_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803
        return {"PolicyDocument": self.roles[RoleName]["policies"][PolicyName]}

    def _put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> dict[str, Any]:  # noqa: N803
        self.roles[RoleName]["policies"][PolicyName] = json.loads(PolicyDocument)
        return {}

    def _delete_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803
        del self.roles[RoleName]["policies"][PolicyName]
        return {}

    def _assume_role(self, **parameters: Any) -> dict[str, Any]:
        assert parameters["RoleArn"].rpartition("/")[2] in self.roles
        self.assumed.append(parameters)
        expiration = datetime.fromtimestamp(1_900_000_000, UTC)
        keys = {"AccessKeyId": "ASIA" + "X" * 16, "SecretAccessKey": "s" * 40, "SessionToken": "t" * 40}
        return {"Credentials": keys | {"Expiration": expiration}}


@dataclass
class Clock:
    """Real time and what was added to it; or a time that stands still."""

    ahead: float = 0.0
    stopped: float | None = None

    def __call__(self) -> float:
        return (time.time() if self.stopped is None else self.stopped) + self.ahead

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """For tests that count single seconds."""
        self.stopped = time.time()
        yield
        self.stopped = None

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += seconds


@dataclass
class Pool:
    """A user pool with one client, and boto3 for it."""

    id: str
    client_id: str
    idp: Any
    secret: str | None = None

    @property
    def name(self) -> str:
        """The part of the id after `_`."""
        return self.id.partition("_")[2]


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """A control plane's ASGI app that only says that it was asked."""
    await wire.answer({"inner": scope["path"]}).send(send)


async def verify_signature(scope: Any, body: bytes) -> wire.Response | None:
    """Takes one access key for good."""
    if "Credential=AKIAGOOD" in wire.header(scope, b"authorization"):
        return None
    return wire.failure(
        CognitoError("UnrecognizedClientException", "The security token included in the request is invalid.")
    )


@dataclass
class World:
    """Everything that a test needs."""

    control: FakeControl = field(default_factory=FakeControl)
    clock: Clock = field(default_factory=Clock)
    mails: list[tuple[str, str, str]] = field(default_factory=list)
    state_dir: Path | None = None
    quotas: Quotas = PLENTY
    port: int = 0
    _pools: dict[str, Pool] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)
    _server: Any = None
    _thread: Any = None
    app: Any = None

    def start(self) -> None:
        """Serve."""
        around = Surroundings(self.control, self._mail, self.state_dir, clock=self.clock, quotas=self.quotas)
        self.app = CognitoApp(inner, around, verify_signature=verify_signature)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="warning", lifespan="off", ws="none"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join()
        asyncio.run(self.app.close())

    def _mail(self, to: str, subject: str, text: str) -> None:
        if to.startswith("undeliverable"):
            raise ConnectionRefusedError(to)
        self.mails.append((to, subject, text))

    def aws(self, service: str, *, signed: bool = False) -> Any:
        """A boto3 client."""
        keys: dict[str, Any] = {"aws_access_key_id": "AKIAGOOD", "aws_secret_access_key": "secret"} if signed else {}
        config = Config(retries={"total_max_attempts": 1}, **({} if signed else {"signature_version": UNSIGNED}))
        return boto3.client(
            service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{self.port}", config=config, **keys
        )

    def raw(self, target: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any], Any]:
        """An unsigned POST: status, body, headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"} | (headers or {})
        connection.request("POST", "/", body, sent)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, json.loads(content), response.headers

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """A GET: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, json.loads(content)

    def pool(self, *, client: dict[str, Any] | None = None, email_names: bool = True, **config: Any) -> Pool:
        """The user pool of that configuration, with one client of that one."""
        key = json.dumps([client, email_names, config], sort_keys=True)
        if key not in self._pools:
            self._pools[key] = self.new_pool(client=client or {}, email_names=email_names, **config)
        return self._pools[key]

    def new_pool(self, *, client: dict[str, Any], email_names: bool = True, **config: Any) -> Pool:
        """A user pool that no other test has."""
        number = next(self._numbers)
        pool_id = f"{REGION}_Pool{number:05d}"
        described = {
            "Id": pool_id,
            "Policies": {"PasswordPolicy": {"MinimumLength": 8, **dict.fromkeys(STRICT, True)}},
            "SchemaAttributes": [{"Name": name, "Mutable": name != "sub"} for name in STANDARD],
            "AutoVerifiedAttributes": ["email"],
            **({"UsernameAttributes": ["email"]} if email_names else {}),
        }
        described["SchemaAttributes"] += config.pop("schema", [])
        self.control.pools[pool_id] = described | config
        return Pool(pool_id, self.new_client(pool_id, **client), self.aws("cognito-idp"), client.get("ClientSecret"))

    def new_client(self, pool_id: str, **config: Any) -> str:
        """Another client of the pool; its id."""
        client_id = f"client{next(self._numbers):05d}"
        described = {"ClientId": client_id, "UserPoolId": pool_id, "PreventUserExistenceErrors": "ENABLED"}
        self.control.clients[client_id] = described | config
        return client_id

    def email(self) -> str:
        """A mail address that nobody has."""
        return f"user{next(self._numbers)}@example.com"

    def sign_up(self, pool: Pool, username: str | None = None, **attributes: str) -> str:
        """A new unconfirmed user; the name."""
        name = username or self.email()
        listed = [{"Name": key, "Value": value} for key, value in attributes.items()]
        pool.idp.sign_up(ClientId=pool.client_id, Username=name, Password=PASSWORD, UserAttributes=listed)
        return name

    def user(self, pool: Pool, username: str | None = None, **attributes: str) -> str:
        """A new confirmed user; the name."""
        name = self.sign_up(pool, username, **attributes)
        pool.idp.confirm_sign_up(
            ClientId=pool.client_id, Username=name, ConfirmationCode=self.code(attributes.get("email", name))
        )
        return name

    def code(self, address: str) -> str:
        """The digits of the newest mail to that address."""
        texts = [text for to, _, text in self.mails if to == address]
        return str(re.findall(r"\d{6}", texts[-1])[-1])

    def srp(self, pool: Pool, username: str, password: str = PASSWORD, **more: Any) -> AWSSRP:
        """pycognito's side of a sign-in."""
        return AWSSRP(username, password, pool.id, pool.client_id, client=pool.idp, client_secret=pool.secret, **more)

    def answer(self, pool: Pool, username: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """What follows the right proof: tokens or the next challenge."""
        client = self.srp(pool, username, password, **more)
        challenge, proof = self.proof(client)
        assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
        found: dict[str, Any] = pool.idp.respond_to_auth_challenge(
            ClientId=pool.client_id, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=proof
        )
        return found

    def proof(self, client: AWSSRP) -> tuple[dict[str, Any], dict[str, str]]:
        """The challenge and pycognito's answer to it."""
        parameters = client.get_auth_params()
        challenge = client.client.initiate_auth(
            AuthFlow="USER_SRP_AUTH", AuthParameters=parameters, ClientId=client.client_id
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return challenge, client.process_challenge(challenge["ChallengeParameters"], parameters)

    def tokens(self, pool: Pool, username: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """The AuthenticationResult of a sign-in."""
        found: dict[str, Any] = self.answer(pool, username, password, **more)["AuthenticationResult"]
        return found


STRICT = ("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols")


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """One service for all tests of the session; they share nothing but pools of the same configuration."""
    found = World()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def standing_still(world: World) -> Iterator[None]:
    """No time passes but what the test lets pass."""
    with world.clock.standing_still():
        yield
