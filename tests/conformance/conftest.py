"""The system under test: the embedded stack or, by one option, the same template deployed to AWS.

    pytest tests/conformance                         the embedded stack
    pytest tests/conformance --aws-profile work      the stack `MyTodoList` in that profile's account and region

One body for both worlds. What nobody can do to AWS (reading the mail with the code, for one) is left out there, and
only there: on the embedded stack a test of this folder that skips has failed, since the table in the docs counts it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
import botocore.session
import pytest
import requests
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP

from tests.conftest import RunningStack, confirmed_user

STACK_NAME = "MyTodoList"
ONCE = Config(retries={"total_max_attempts": 1}, signature_version="s3v4", s3={"addressing_style": "path"})
TARGETS = {"cognito-idp": "AWSCognitoIdentityProviderService", "cognito-identity": "AWSCognitoIdentityService"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the statements are tried."""
    parser.addoption("--aws-profile", default=None, help="an AWS profile: test the stack deployed there")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is for."""
    config.addinivalue_line("markers", "not_kept(reason): the embedded stack answers otherwise than AWS")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the embedded stack does not keep must fail there, or the table is wrong; on AWS it must hold."""
    if config.getoption("--aws-profile") is None:
        for item in items:
            if marker := item.get_closest_marker("not_kept"):
                item.add_marker(pytest.mark.xfail(reason=marker.args[0], strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On the embedded stack nothing is left out: what the table says is kept has been tried."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--aws-profile") is None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out, and the table says that it is kept: {report.longrepr}"
    return report


@dataclass(frozen=True)
class Refusal:
    """An error as a client of AWS sees it; `details` are the other elements of its body."""

    status: int
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)


def refusal(call: Callable[..., Any], **arguments: Any) -> Refusal:
    """What the call is refused with; fails when it is not refused."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    said = raised.value.response
    error = dict(said["Error"])
    details = {**error, **{name: said[name] for name in said if name not in ("Error", "ResponseMetadata")}}
    return Refusal(said["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error.get("Message", ""), details)


@dataclass(frozen=True)
class Sut:
    """A deployed stack, its owner's credentials, and how its clients are made."""

    outputs: dict[str, str]
    owner_keys: dict[str, str] = field(repr=False)
    stack: RunningStack | None

    @property
    def is_aws(self) -> bool:
        return self.stack is None

    @property
    def region(self) -> str:
        return self.outputs["Region"]

    def client(self, service: str, keys: dict[str, str] | None = None, config: Config | None = None) -> Any:
        """A client that signs with these keys; without keys it does not sign."""
        endpoint = self.outputs.get("EndpointUrl")
        how = ONCE if keys else ONCE.merge(Config(signature_version=UNSIGNED))
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=endpoint,
            config=how.merge(config) if config else how,
            **(keys or {}),
        )

    def owner(self, service: str) -> Any:
        """A client with the account owner's credentials."""
        return self.client(service, self.owner_keys)

    def address(self, service: str) -> str:
        """Where the service listens."""
        return self.outputs.get("EndpointUrl") or f"https://{service}.{self.region}.amazonaws.com"

    def post(self, service: str, operation: str, request: object, **headers: str) -> requests.Response:
        """One call of a Cognito service as bare HTTP, without a signature."""
        sent = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{TARGETS[service]}.{operation}",
        }
        body = request if isinstance(request, str) else json.dumps(request)
        return requests.post(self.address(service), body, headers=sent | headers, timeout=30)

    def signed(
        self, service: str, body: str, *, method: str = "POST", path: str = "/", **headers: str
    ) -> requests.Response:
        """One request as bare HTTP with the owner's signature, for what a client would hide."""
        session = botocore.session.get_session()
        session.set_credentials(*self.owner_keys.values())
        asked = AWSRequest(method, self.address(service) + path, data=body, headers=headers)
        SigV4Auth(session.get_credentials(), service, self.region).add_auth(asked)
        address = str(asked.url)
        return requests.request(method, address, data=body, headers=dict(asked.headers.items()), timeout=30)

    def mailed_code(self, email: str) -> str:
        """The code in the newest mail to that address; nobody can read it on AWS."""
        if self.stack is None:
            pytest.skip("the mail cannot be read on AWS")
        return self.stack.newest_code(email)

    @cached_property
    def logins_key(self) -> str:
        return f"cognito-idp.{self.region}.amazonaws.com/{self.outputs['UserPoolId']}"


@dataclass
class User:
    """A confirmed user of the deployed pool."""

    sut: Sut
    email: str
    password: str = field(repr=False)

    def sign_in(self) -> dict[str, Any]:
        """New tokens, by SRP."""
        pool, client = self.sut.outputs["UserPoolId"], self.sut.outputs["UserPoolClientId"]
        cognito = self.sut.client("cognito-idp")
        answer = AWSSRP(self.email, self.password, pool, client, client=cognito).authenticate_user()
        tokens: dict[str, Any] = answer["AuthenticationResult"]
        return tokens

    @cached_property
    def tokens(self) -> dict[str, Any]:
        return self.sign_in()

    @property
    def logins(self) -> dict[str, str]:
        return {self.sut.logins_key: self.tokens["IdToken"]}

    @cached_property
    def identity_id(self) -> str:
        pool = self.sut.outputs["IdentityPoolId"]
        found = self.sut.client("cognito-identity").get_id(IdentityPoolId=pool, Logins=self.logins)
        return str(found["IdentityId"])

    @cached_property
    def keys(self) -> dict[str, str]:
        """Temporary credentials, as boto3 takes them."""
        identity = self.sut.client("cognito-identity")
        found = identity.get_credentials_for_identity(IdentityId=self.identity_id, Logins=self.logins)["Credentials"]
        names = {"AccessKeyId": "access_key_id", "SecretKey": "secret_access_key", "SessionToken": "session_token"}
        return {f"aws_{ours}": str(found[theirs]) for theirs, ours in names.items()}

    @cached_property
    def s3(self) -> Any:
        return self.sut.client("s3", self.keys)

    def key(self, name: str = "") -> str:
        """A key in the own folder that no other test uses."""
        return f"{self.identity_id}/{name}{secrets.token_hex(4)}"

    def api(self, method: str, path: str, token: str | None = None, **sent: Any) -> requests.Response:
        """One call of the REST API."""
        headers = {"Authorization": self.tokens["IdToken"] if token is None else token} | sent.pop("headers", {})
        address = f"{self.sut.outputs['ApiUrl']}/v1/{path}"
        return requests.request(method, address, headers=headers, timeout=40, **sent)


@pytest.fixture(scope="session")
def sut(request: pytest.FixtureRequest) -> Sut:
    """What is tested."""
    profile: str | None = request.config.getoption("--aws-profile")
    if profile is None:
        stack: RunningStack = request.getfixturevalue("stack")
        admin = stack.admin_credentials
        keys = {"aws_access_key_id": admin.access_key, "aws_secret_access_key": admin.secret_key}
        return Sut({name: value for name, value in stack.outputs.items() if isinstance(value, str)}, keys, stack)
    session = boto3.Session(profile_name=profile)
    described = session.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    found = session.get_credentials().get_frozen_credentials()
    keys = {"aws_access_key_id": found.access_key, "aws_secret_access_key": found.secret_key}
    return Sut(outputs, keys | ({"aws_session_token": found.token} if found.token else {}), None)


def new_user(sut: Sut) -> User:
    """A confirmed user: by mail where the mail can be read, by an administrator on AWS."""
    if sut.stack:
        made = confirmed_user(sut.stack)
        return User(sut, made.email, made.password)
    user = User(sut, f"user-{secrets.token_hex(6)}@example.com", f"Pass-{secrets.token_hex(8)}-X")
    cognito, pool = sut.owner("cognito-idp"), sut.outputs["UserPoolId"]
    attributes = [{"Name": "email", "Value": user.email}, {"Name": "email_verified", "Value": "true"}]
    cognito.admin_create_user(UserPoolId=pool, Username=user.email, UserAttributes=attributes, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=user.email, Password=user.password, Permanent=True)
    return user


@pytest.fixture(scope="session")
def alice(sut: Sut) -> User:
    """A user whom no test changes: she stays signed in."""
    return new_user(sut)


@pytest.fixture(scope="session")
def bob(sut: Sut) -> User:
    """Another user whom no test changes."""
    return new_user(sut)
