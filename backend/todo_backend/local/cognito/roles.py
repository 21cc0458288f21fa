"""Credentials whose policies have the identity filled in, by AWS calls only.

The control plane does not fill in policy variables (IP-31). So each identity has a role of its own: the pool's role
with the variables filled in, kept in step with it, and credentials come from sts:AssumeRole on that one.
"""

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from . import mapping
from .directory import Control, Described, error_code, is_missing
from .errors import CognitoError

SESSION_NAME = "CognitoIdentityCredentials"  # IP-07
LIFETIME_SECONDS = 3600  # IP-06
_PATH = "/identities/"
_ATTACHED = "attached-"
_MAX_ROLE_NAME = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claimant:
    """An identity that asks for a role.

    Attributes:
        amr: what it was authenticated by (IP-23).
        tags: principal tags of its session (IP-32).
    """

    identity_id: str
    pool_id: str
    amr: tuple[str, ...]
    tags: tuple[tuple[str, str], ...] = ()

    def context(self) -> dict[str, list[str]]:
        """The condition keys that its web identity token brings."""
        return {"aud": [self.pool_id], "sub": [self.identity_id], "amr": list(self.amr)}

    def variables(self) -> dict[str, str]:
        """The policy variables by their last word."""
        return {"sub": self.identity_id, "aud": self.pool_id, "amr": self.amr[0]}


def misconfigured() -> CognitoError:
    """No usable role (IP-19)."""
    message = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
    return CognitoError("InvalidIdentityPoolConfigurationException", message)


def role_name(arn: str) -> str:
    """The name in a role's ARN."""
    return arn.rpartition("/")[2]


def own_role_name(source: str, identity_id: str) -> str:
    """The name of an identity's own role: the source's name and a mark."""
    mark = hashlib.sha256(f"{source}\0{identity_id}".encode()).hexdigest()[:16]
    return f"{source[: _MAX_ROLE_NAME - len(mark) - 1]}-{mark}"


class Roles:
    """The identities' own roles."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._written: dict[str, dict[str, str]] = {}
        self._sources: dict[str, tuple[str, Claimant]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def credentials(self, arn: str, claimant: Claimant) -> Described:
        """Temporary credentials of the identity's own role, as sts:AssumeRole answers them.

        Raises:
            CognitoError: InvalidIdentityPoolConfigurationException (IP-19).
        """
        source = role_name(arn)
        try:
            role = (await self._iam("GetRole", RoleName=source))["Role"]
        except Exception as error:
            if not is_missing(error):
                raise
            raise misconfigured() from None
        needed = ["sts:AssumeRoleWithWebIdentity", *(["sts:TagSession"] if claimant.tags else [])]
        trust = as_document(role["AssumeRolePolicyDocument"])
        if not all(mapping.lets_in(trust, claimant.context(), action) for action in needed):
            raise misconfigured()
        name = await self._own_role(role, claimant)
        return await self._assume(role["Arn"], name, claimant)

    def adopt(self, name: str, source: str, claimant: Claimant) -> None:
        """Know a role that an earlier process made."""
        self._sources[name] = (source, claimant)

    def has_any(self) -> bool:
        """Whether any identity has a role."""
        return bool(self._sources)

    async def sync(self) -> None:
        """Bring the identities' roles in step with what they came from."""
        for source in sorted({source for source, _ in self._sources.values()}):
            names = [name for name, (owner, _) in self._sources.items() if owner == source]
            try:
                policies = await self._policies(source)
                for name in names:
                    await self._bring_in_step(name, policies)
            except Exception as error:  # noqa: BLE001 (in the background there is nobody to raise it to)
                if is_missing(error):
                    await self.remove(names)
                else:
                    _log.exception("the roles made from %s could not be brought in step", source)

    async def _bring_in_step(self, name: str, policies: dict[str, Described]) -> None:
        async with self._lock(name):
            if name in self._sources and await self._is_there(name):
                await self._write_policies(name, self._sources[name][1], policies)

    async def remove(self, names: list[str]) -> None:
        """Delete roles that nobody may use any more."""
        for name in names:
            self._sources.pop(name, None)
            self._written.pop(name, None)
            try:
                for policy in (await self._iam("ListRolePolicies", RoleName=name)).get("PolicyNames") or []:
                    await self._iam("DeleteRolePolicy", RoleName=name, PolicyName=policy)
                await self._iam("DeleteRole", RoleName=name)
            except Exception as error:
                if not is_missing(error):
                    raise

    async def _assume(self, source_arn: str, name: str, claimant: Claimant) -> Described:
        prefix = source_arn.partition(":role/")[0]
        tags: dict[str, Any] = (
            {"Tags": [{"Key": key, "Value": value} for key, value in claimant.tags]} if claimant.tags else {}
        )
        arn = f"{prefix}:role{_PATH}{name}"
        answer = await self._control.call(
            "sts", "AssumeRole", RoleArn=arn, RoleSessionName=SESSION_NAME, DurationSeconds=LIFETIME_SECONDS, **tags
        )
        return dict(answer["Credentials"])

    async def _own_role(self, role: Described, claimant: Claimant) -> str:
        source = str(role["RoleName"])
        name = own_role_name(source, claimant.identity_id)
        async with self._lock(name):
            if name not in self._written:
                await self._create(role, name)
            self._sources[name] = (source, claimant)
            await self._write_policies(name, claimant, await self._policies(source))
        return name

    async def _create(self, role: Described, name: str) -> None:
        account = str(role["Arn"]).split(":")[4]
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        try:
            await self._iam("CreateRole", RoleName=name, Path=_PATH, AssumeRolePolicyDocument=trust)
        except Exception as error:
            if not error_code(error).startswith("EntityAlreadyExists"):
                raise
            await self._look_up(name)
        else:
            self._written[name] = {}

    async def _is_there(self, name: str) -> bool:
        """Whether the role exists; one that an earlier process made is looked up first."""
        if name not in self._written:
            try:
                await self._look_up(name)
            except Exception as error:
                if not is_missing(error):
                    raise
                del self._sources[name]
        return name in self._written

    async def _look_up(self, name: str) -> None:
        """What an earlier process wrote: names only, so that what is gone from the source goes here too."""
        listed = (await self._iam("ListRolePolicies", RoleName=name)).get("PolicyNames") or []
        self._written[name] = dict.fromkeys(listed, "")

    async def _write_policies(self, name: str, claimant: Claimant, policies: dict[str, Described]) -> None:
        wanted = {policy: mapping.filled(document, claimant.variables()) for policy, document in policies.items()}
        written = self._written[name]
        for policy, text in wanted.items():
            if written.get(policy) != text:
                await self._iam("PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=text)
                written[policy] = text
        for policy in written.keys() - wanted.keys():
            await self._iam("DeleteRolePolicy", RoleName=name, PolicyName=policy)
            del written[policy]

    async def _policies(self, source: str) -> dict[str, Described]:
        """The policies of a role by name, inline and attached."""
        found = {}
        for policy in (await self._iam("ListRolePolicies", RoleName=source)).get("PolicyNames") or []:
            answer = await self._iam("GetRolePolicy", RoleName=source, PolicyName=policy)
            found[policy] = as_document(answer["PolicyDocument"])
        for attached in (await self._iam("ListAttachedRolePolicies", RoleName=source)).get("AttachedPolicies") or []:
            arn = attached["PolicyArn"]
            version = (await self._iam("GetPolicy", PolicyArn=arn))["Policy"]["DefaultVersionId"]
            answer = await self._iam("GetPolicyVersion", PolicyArn=arn, VersionId=version)
            found[f"{_ATTACHED}{attached['PolicyName']}"] = as_document(answer["PolicyVersion"]["Document"])
        return found

    async def _iam(self, operation: str, **parameters: Any) -> Described:
        return await self._control.call("iam", operation, **parameters)

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


def as_document(policy: Any) -> Described:
    """A policy document, whether the answer's parser has read it or not."""
    if isinstance(policy, dict):
        return policy
    found = json.loads(unquote(str(policy)))
    return found if isinstance(found, dict) else {}
