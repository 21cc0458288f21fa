"""Credentials for exactly one identity.

AWS fills `${cognito-identity.amazonaws.com:sub}` in while it evaluates a policy (IP-31); MiniStack does not. So each
identity gets a role of its own: the policies of the pool's authenticated role with the variable filled in.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .control import ControlError, ControlPlane
from .options import ACCOUNT_ID

PATH = "/todo/identities/"
SESSION_NAME = "CognitoIdentityCredentials"  # IP-07: that constant for every user
_POLICY_NAME = "identity"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    ],
}


@dataclass(frozen=True)
class Identity:
    """One identity of one identity pool."""

    pool_id: str
    identity_id: str

    @property
    def role_name(self) -> str:
        """The name of the role that is this identity's alone."""
        digest = hashlib.sha256(f"{self.pool_id} {self.identity_id}".encode()).hexdigest()
        return f"identity-{digest[:40]}"


class IdentityRoles:
    """The roles of all identities."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._kept: dict[str, str] = {}

    async def credentials(self, identity: Identity) -> dict[str, Any] | None:
        """Temporary credentials of this identity, as STS gives them; None when the pool has no role for users."""
        policy = await self._policy(identity)
        if policy is None:
            return None
        await self._keep(identity, policy)
        arn = f"arn:aws:iam::{ACCOUNT_ID}:role{PATH}{identity.role_name}"
        given = await self._control.call("sts", "AssumeRole", RoleArn=arn, RoleSessionName=SESSION_NAME)
        found: dict[str, Any] = given["Credentials"]
        return found

    async def bring_up_to_date(self) -> None:
        """Credentials that are out already follow the deployed role too, as on AWS."""
        self._kept.clear()
        found = await self._control.call("iam", "ListRoles", PathPrefix=PATH)
        for role in found["Roles"] or []:
            pool_id, _, identity_id = str(role.get("Description", "")).partition(" ")
            identity = Identity(pool_id, identity_id)
            if role["RoleName"] == identity.role_name:
                await self._keep(identity, await self._policy(identity) or _NOTHING)

    async def _policy(self, identity: Identity) -> dict[str, Any] | None:
        try:
            found = await self._control.call(
                "cognito-identity", "GetIdentityPoolRoles", IdentityPoolId=identity.pool_id
            )
        except ControlError:
            return None
        arn = found.get("Roles", {}).get("authenticated")
        if not arn:
            return None
        statements = [part for text in await self._documents(arn.rpartition("/")[2]) for part in _statements(text)]
        return filled_in({"Version": "2012-10-17", "Statement": statements}, identity) if statements else _NOTHING

    async def _documents(self, role: str) -> list[Any]:
        call = self._control.call
        documents = []
        for name in (await call("iam", "ListRolePolicies", RoleName=role))["PolicyNames"] or []:
            documents.append((await call("iam", "GetRolePolicy", RoleName=role, PolicyName=name))["PolicyDocument"])
        for attached in (await call("iam", "ListAttachedRolePolicies", RoleName=role))["AttachedPolicies"] or []:
            arn = attached["PolicyArn"]
            version = (await call("iam", "GetPolicy", PolicyArn=arn))["Policy"]["DefaultVersionId"]
            found = await call("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version)
            documents.append(found["PolicyVersion"]["Document"])
        return documents

    async def _keep(self, identity: Identity, policy: dict[str, Any]) -> None:
        text = json.dumps(policy, sort_keys=True)
        if self._kept.get(identity.role_name) == text:
            return
        name = identity.role_name
        try:
            await self._control.call(
                "iam",
                "CreateRole",
                RoleName=name,
                Path=PATH,
                Description=f"{identity.pool_id} {identity.identity_id}",
                AssumeRolePolicyDocument=json.dumps(_TRUST),
            )
        except ControlError as error:
            if not error.code.startswith("EntityAlreadyExists"):
                raise
        await self._control.call("iam", "PutRolePolicy", RoleName=name, PolicyName=_POLICY_NAME, PolicyDocument=text)
        self._kept[name] = text


# IAM takes no policy without a statement, and a role that lost its last one must lose its rights too.
_NOTHING: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}


def _statements(document: Any) -> list[Any]:
    # IAM's API gives documents percent-encoded.
    found = json.loads(unquote(document)) if isinstance(document, str) else document
    statements = found.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def filled_in(policy: dict[str, Any], identity: Identity) -> dict[str, Any]:
    """The policy as it reads for this identity."""
    values = {"sub": identity.identity_id, "aud": identity.pool_id, "amr": "authenticated"}

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            for name, text in values.items():
                value = value.replace(f"${{cognito-identity.amazonaws.com:{name}}}", text)
            return value
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        return value

    found: dict[str, Any] = fill(policy)
    return found
