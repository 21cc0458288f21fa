"""What the checks look at: one deployment, and people in it, each with AWS's own clients."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from todo_cli.checks.registry import CheckFailedError

if TYPE_CHECKING:
    from todo_cli.checks.people import People
    from todo_sdk import Config, TodoClient

SECONDS = 35  # API Gateway gives up after 29
ONCE = {"total_max_attempts": 1}  # a check wants the first answer, not the third


@dataclass
class Deployment:
    """One deployment's addresses, and the clients that need nobody's name."""

    config: Config
    http: requests.Session = field(default_factory=requests.Session, repr=False)

    def ask(
        self, method: str, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **body: Any
    ) -> requests.Response:
        """Send one request to the REST API; `path` begins behind `/v1/`."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = token
        if body:
            sent["Content-Type"] = "application/json"
        address = f"{self.config.api_url}/v1/{path}"
        data = json.dumps(body).encode() if body else None
        return self.fetch(method, address, headers=sent, data=data)

    def fetch(self, method: str, address: str, **more: Any) -> requests.Response:
        """Send one request to any address, trusting whom the profile trusts."""
        # said at each request: what a session says of it, requests lets REQUESTS_CA_BUNDLE overrule
        trusted = self.config.ca_bundle
        return self.http.request(method, address, timeout=SECONDS, allow_redirects=False, verify=trusted, **more)

    def client(self, service: str, **more: Any) -> Any:
        """Make a boto3 client for the deployment."""
        config = self.config
        return boto3.client(
            service, region_name=config.region, endpoint_url=config.endpoint_url, verify=config.ca_bundle, **more
        )

    @cached_property
    def cognito(self) -> Any:
        """The user pool, as somebody who has no AWS credentials sees it."""
        return self.client("cognito-idp", config=ClientConfig(signature_version=UNSIGNED, retries=ONCE))

    @cached_property
    def identity(self) -> Any:
        """The identity pool, likewise."""
        return self.client("cognito-identity", config=ClientConfig(signature_version=UNSIGNED, retries=ONCE))

    @property
    def issuer(self) -> str:
        """The user pool's name as a login of the identity pool."""
        return f"cognito-idp.{self.config.region}.amazonaws.com/{self.config.user_pool_id}"

    def s3(self, keys: dict[str, str]) -> Any:
        """S3, signed with these temporary credentials."""
        return self.client(
            "s3",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretKey"],
            aws_session_token=keys["SessionToken"],
            config=ClientConfig(retries=ONCE, signature_version="s3v4"),
        )


@dataclass(eq=False)
class Person:
    """Somebody with an account, signed in when first needed."""

    deployment: Deployment
    email: str
    password: str = field(repr=False)

    def sign_up(self) -> dict[str, Any]:
        """Make the account."""
        answer: dict[str, Any] = self.deployment.cognito.sign_up(
            ClientId=self.deployment.config.user_pool_client_id,
            Username=self.email,
            Password=self.password,
            UserAttributes=[{"Name": "email", "Value": self.email}],
        )
        return answer

    def sign_in(self, password: str | None = None) -> dict[str, Any]:
        """Sign in by SRP, anew; gives AccessToken, IdToken and RefreshToken."""
        from pycognito.aws_srp import AWSSRP

        config = self.deployment.config
        srp = AWSSRP(
            self.email,
            password or self.password,
            config.user_pool_id,
            config.user_pool_client_id,
            client=self.deployment.cognito,
        )
        found: dict[str, Any] = srp.authenticate_user()["AuthenticationResult"]
        return found

    @cached_property
    def tokens(self) -> dict[str, Any]:
        """The tokens of the first sign-in."""
        return self.sign_in()

    @property
    def id_token(self) -> str:
        """What the REST API wants to see."""
        return str(self.tokens["IdToken"])

    @property
    def claims(self) -> dict[str, Any]:
        """What the id token says."""
        return claims_of(self.id_token)

    @property
    def logins(self) -> dict[str, str]:
        """What the identity pool wants to see."""
        return {self.deployment.issuer: self.id_token}

    @cached_property
    def identity_id(self) -> str:
        """The name of the own folder."""
        pool = self.deployment.config.identity_pool_id
        answer = self.deployment.identity.get_id(IdentityPoolId=pool, Logins=self.logins)
        return str(answer["IdentityId"])

    @cached_property
    def keys(self) -> dict[str, str]:
        """Temporary credentials."""
        answer = self.deployment.identity.get_credentials_for_identity(IdentityId=self.identity_id, Logins=self.logins)
        found: dict[str, str] = answer["Credentials"]
        return found

    @cached_property
    def s3(self) -> Any:
        """S3 with the own credentials."""
        return self.deployment.s3(self.keys)

    def key(self, name: str) -> str:
        """The S3 key of a file in the own folder."""
        return f"{self.identity_id}/{name}"

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> requests.Response:
        """Send one request to the REST API in the own name."""
        return self.deployment.ask(method, path, token=self.id_token, headers=headers, **body)

    def add(self, title: str, **fields: Any) -> dict[str, Any]:
        """Make a to-do and give it; fails the check when it is not made."""
        answer = self.ask("POST", "todos", id=new_id(), title=title, **fields)
        if answer.status_code != 201:
            raise CheckFailedError(f"POST /v1/todos: {told(answer)}")
        made: dict[str, Any] = answer.json()
        return made

    def listed(self, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """The first page of the list; fails the check when it is refused."""
        answer = self.ask("GET", "todos", headers)
        if answer.status_code != 200:
            raise CheckFailedError(f"GET /v1/todos: {told(answer)}")
        found: list[dict[str, Any]] = answer.json()["todos"]
        return found

    def state(self) -> str:
        """Tell whether the account is `confirmed`, `unconfirmed` or `gone`."""
        try:
            self.__dict__["tokens"] = self.sign_in()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "UserNotConfirmedException":
                return "unconfirmed"
            if code in ("NotAuthorizedException", "UserNotFoundException"):
                return "gone"
            raise
        return "confirmed"

    def remove(self) -> None:
        """Remove the to-dos, the files, and then the account."""
        self.__dict__["tokens"] = self.sign_in()
        while todos := self.listed():
            changes = [{"op": "delete", "id": found["id"], "key": secrets.token_hex(8)} for found in todos[:25]]
            answer = self.ask("POST", "sync", since=0, limit=1, changes=changes)
            if answer.status_code != 200:
                raise CheckFailedError(f"POST /v1/sync: {told(answer)}")
        bucket, folder = self.deployment.config.files_bucket, f"{self.identity_id}/"
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
            for found in page.get("Contents", []):
                self.s3.delete_object(Bucket=bucket, Key=found["Key"])
        self.deployment.cognito.delete_user(AccessToken=self.tokens["AccessToken"])


@dataclass
class World:
    """All that a check is given.

    Attributes:
        embedded: `todo_backend.local`'s status of this stack; None on AWS.
        throttled: throttles the next few requests of an embedded stack while it is entered; None on AWS.
        latency_budget_ms: what a warm read may take, 95 of 100.
    """

    deployment: Deployment
    people: People
    embedded: Callable[[], Any] | None = None
    throttled: Callable[[], AbstractContextManager[Any]] | None = None
    latency_budget_ms: float = 500

    @cached_property
    def alice(self) -> Person:
        """A user who has things."""
        return self.people.new()

    @cached_property
    def bob(self) -> Person:
        """A user who wants them."""
        return self.people.new()

    @cached_property
    def alices_todo(self) -> dict[str, Any]:
        """A to-do of Alice's."""
        return self.alice.add("only mine")

    @cached_property
    def alices_file(self) -> str:
        """The key of a file of Alice's."""
        key = self.alice.key("secret.txt")
        self.alice.s3.put_object(Bucket=self.bucket, Key=key, Body=b"only mine")
        return key

    @property
    def config(self) -> Config:
        """The deployment's settings."""
        return self.deployment.config

    @property
    def bucket(self) -> str:
        """The bucket that all folders are in."""
        return self.config.files_bucket

    def jwks(self) -> list[dict[str, Any]]:
        """The keys that the user pool publishes."""
        pool = self.config.user_pool_id
        at = self.config.endpoint_url or f"https://cognito-idp.{self.config.region}.amazonaws.com"
        answer = self.deployment.fetch("GET", f"{at}/{pool}/.well-known/jwks.json")
        if answer.status_code != 200:
            raise CheckFailedError(f"the pool's keys: {told(answer)}")
        keys: list[dict[str, Any]] = answer.json()["keys"]
        return keys

    @contextmanager
    def phone(self, person: Person) -> Iterator[TodoClient]:
        """The SDK, signed in as that person, with nothing kept on disk."""
        from todo_sdk import MemoryTokenStore, TodoClient

        with TodoClient(self.config, store=MemoryTokenStore()) as client:
            client.auth.sign_in(person.email, person.password)
            yield client


def new_id() -> str:
    """Make a UUIDv7."""
    number = (time.time_ns() // 1_000_000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=number))


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says; not whether it is genuine."""
    found: dict[str, Any] = json.loads(unpadded(token.split(".")[1]))
    return found


def unpadded(text: str) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def told(answer: requests.Response) -> str:
    """What came, in a few words; never a header or a token."""
    return f"{answer.status_code} {answer.text[:120]}".strip()


def refusal(action: Callable[[], Any]) -> str:
    """The code with which AWS refuses; empty when it does not."""
    try:
        action()
    except ClientError as error:
        found = error.response
        return str(found["Error"]["Code"] or found["ResponseMetadata"]["HTTPStatusCode"])
    return ""
