"""User pools of the tests' own, people in them, and their steps of signing in."""

from __future__ import annotations

import base64
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pycognito.aws_srp import AWSSRP

from .conftest import Sut

PASSWORD = "Correct-Horse-7"
ALL_FLOWS = [
    f"ALLOW_{name}"
    for name in ("USER_SRP_AUTH", "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH")
]


@dataclass
class Pool:
    """A user pool and one client of it."""

    sut: Sut
    id: str
    client_id: str
    secret: str | None = field(default=None, repr=False)

    @property
    def device(self) -> Any:
        """What a phone has: no credentials."""
        return self.sut.client("cognito-idp")

    @property
    def admin(self) -> Any:
        """The owner's."""
        return self.sut.owner("cognito-idp")

    def client(self, **settings: Any) -> Pool:
        """The same pool with another client."""
        words = {"ClientName": f"c-{secrets.token_hex(4)}", "ExplicitAuthFlows": ALL_FLOWS, **settings}
        made = self.admin.create_user_pool_client(UserPoolId=self.id, **words)["UserPoolClient"]
        return Pool(self.sut, self.id, made["ClientId"], made.get("ClientSecret"))

    def user(self, name: str | None = None, *, permanent: bool = True, **attributes: str) -> str:
        """Somebody made by an administrator, with PASSWORD."""
        name = name or f"user-{secrets.token_hex(6)}"
        pairs = [{"Name": key, "Value": value} for key, value in attributes.items()]
        words = {"UserPoolId": self.id, "Username": name}
        self.admin.admin_create_user(
            **words, UserAttributes=pairs, MessageAction="SUPPRESS", TemporaryPassword=PASSWORD
        )
        if permanent:
            self.admin.admin_set_user_password(**words, Password=PASSWORD, Permanent=True)
        return name

    def of(self, name: str) -> dict[str, str]:
        """The words that name a user to an administrator."""
        return {"UserPoolId": self.id, "Username": name}

    def srp(self, name: str, password: str = PASSWORD) -> AWSSRP:
        """SRP of pycognito, by hand."""
        return AWSSRP(name, password, self.id, self.client_id, client=self.device)

    def start(self, name: str, srp: AWSSRP | None = None, **more: str) -> dict[str, Any]:
        """InitiateAuth by SRP."""
        asked = {**(srp or self.srp(name)).get_auth_params(), **more}
        words = {"AuthFlow": "USER_SRP_AUTH", "ClientId": self.client_id, "AuthParameters": asked}
        found: dict[str, Any] = self.device.initiate_auth(**words)
        return found

    def proof(self, srp: AWSSRP, name: str, challenge: dict[str, Any], **changes: str) -> dict[str, Any]:
        """The words of the answer to PASSWORD_VERIFIER."""
        told = {"USERNAME": name, "SRP_A": format(srp.large_a_value, "x")}
        answers = srp.process_challenge(challenge["ChallengeParameters"], told) | changes
        return {
            "ClientId": self.client_id,
            "ChallengeName": "PASSWORD_VERIFIER",
            "ChallengeResponses": answers,
        }

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> dict[str, Any]:
        """Both steps; what the second one answers."""
        srp = self.srp(name, password)
        challenge = self.start(name, srp, **more)
        words = self.proof(srp, name, challenge, **({"DEVICE_KEY": more["DEVICE_KEY"]} if more else {}))
        found: dict[str, Any] = self.device.respond_to_auth_challenge(**words)
        return found

    def tokens(self, name: str, password: str = PASSWORD, **more: str) -> dict[str, Any]:
        """What a whole sign-in gives."""
        found: dict[str, Any] = self.sign_in(name, password, **more)["AuthenticationResult"]
        return found

    def with_password(self, name: str, password: str = PASSWORD) -> dict[str, Any]:
        """USER_PASSWORD_AUTH: one step."""
        asked = {"USERNAME": name, "PASSWORD": password}
        words = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": self.client_id, "AuthParameters": asked}
        found: dict[str, Any] = self.device.initiate_auth(**words)
        return found


@contextlib.contextmanager
def pool(sut: Sut, client: dict[str, Any] | None = None, **settings: Any) -> Iterator[Pool]:
    """A new pool with a client that may do everything."""
    cognito = sut.owner("cognito-idp")
    made = cognito.create_user_pool(PoolName=f"conformance-{secrets.token_hex(4)}", **settings)["UserPool"]["Id"]
    words = {"ClientName": "all", "ExplicitAuthFlows": ALL_FLOWS, "PreventUserExistenceErrors": "LEGACY"}
    described = cognito.create_user_pool_client(UserPoolId=made, **words | (client or {}))["UserPoolClient"]
    yield Pool(sut, made, described["ClientId"], described.get("ClientSecret"))
    cognito.delete_user_pool(UserPoolId=made)


def changed_bit(text: str) -> str:
    """Base64 with one bit of its bytes changed."""
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(bytes(raw)).decode()
