"""What was deployed: user pools, their clients and groups, identity pools and roles, as the describe calls tell it.

Nothing is configured anywhere else. Answers are remembered for a moment, so that a sign-in does not ask four times.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from .errors import not_found

Described = dict[str, Any]

_REMEMBER_SECONDS = 1.0
_MAX_REMEMBERED = 1000
_MISSING = ("ResourceNotFoundException", "NoSuchEntity")


class Control(Protocol):
    """The AWS control plane; errors carry AWS's code in `code`."""

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The operation's output, parsed as boto3 parses it."""


def error_code(error: Exception) -> str:
    """AWS's code of an error of the control plane, ours or botocore's; empty when it has none."""
    response = getattr(error, "response", {})
    return str(getattr(error, "code", "") or response.get("Error", {}).get("Code", ""))


def is_missing(error: Exception) -> bool:
    """Whether the control plane says that there is no such thing."""
    return error_code(error).startswith(_MISSING)


class Directory:
    """Reads the deployed configuration."""

    def __init__(
        self,
        control: Control,
        completed: Callable[[Described], Described] = dict,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = control
        self._completed = completed
        self._seconds = seconds
        self._remembered: OrderedDict[tuple[str, ...], tuple[float, Described]] = OrderedDict()
        self._pool_of_client: OrderedDict[str, str] = OrderedDict()

    def forget(self) -> None:
        """Ask again from now on; something was changed."""
        self._remembered.clear()

    async def user_pool(self, pool_id: str) -> Described:
        """DescribeUserPool.

        Raises:
            CognitoError: there is no such pool.
        """
        found = await self._ask("cognito-idp", "DescribeUserPool", UserPoolId=pool_id)
        if found is None:
            raise not_found(f"User pool {pool_id} does not exist.")
        return dict(found["UserPool"])

    async def client(self, client_id: str, pool_id: str | None = None) -> Described:
        """DescribeUserPoolClient, also when only the client's id is known (UP-07).

        Raises:
            CognitoError: there is no such client, or it belongs to another pool.
        """
        owner = pool_id or await self._owner(client_id)
        found = owner and await self._ask("cognito-idp", "DescribeUserPoolClient", UserPoolId=owner, ClientId=client_id)
        if not found:
            self._pool_of_client.pop(client_id, None)
            raise not_found(f"User pool client {client_id} does not exist.")
        return self._completed(found["UserPoolClient"])

    async def token_mfa_is_on(self, pool: Described) -> bool:
        """Whether the pool lets its users have software tokens."""
        if pool.get("MfaConfiguration", "OFF") == "OFF":
            return False
        found = await self._ask("cognito-idp", "GetUserPoolMfaConfig", UserPoolId=pool["Id"]) or {}
        settings = found.get("SoftwareTokenMfaConfiguration")
        return settings is None or bool(settings.get("Enabled"))

    async def group(self, pool_id: str, name: str) -> Described | None:
        """GetGroup; None when there is no such group."""
        found = await self._ask("cognito-idp", "GetGroup", UserPoolId=pool_id, GroupName=name)
        return dict(found["Group"]) if found else None

    async def identity_pool(self, pool_id: str) -> Described:
        """DescribeIdentityPool.

        Raises:
            CognitoError: there is no such pool (IP-18).
        """
        found = await self._ask("cognito-identity", "DescribeIdentityPool", IdentityPoolId=pool_id)
        if found is None:
            raise not_found(f"IdentityPool '{pool_id}' not found.")
        return found

    async def identity_pool_roles(self, pool_id: str) -> Described:
        """GetIdentityPoolRoles; empty when none are set."""
        return await self._ask("cognito-identity", "GetIdentityPoolRoles", IdentityPoolId=pool_id) or {}

    async def principal_tags(self, pool_id: str, provider: str) -> Described | None:
        """GetPrincipalTagAttributeMap; None when none is set."""
        names = {"IdentityPoolId": pool_id, "IdentityProviderName": provider}
        return await self._ask("cognito-identity", "GetPrincipalTagAttributeMap", **names)

    async def _owner(self, client_id: str) -> str | None:
        if client_id not in self._pool_of_client:
            await self._index_clients()
        return self._pool_of_client.get(client_id)

    async def _index_clients(self) -> None:
        # The calls of a client name no pool, and AWS has no call for the way back.
        for pool in await self._pages("ListUserPools", "UserPools", MaxResults=60):
            for client in await self._pages(
                "ListUserPoolClients", "UserPoolClients", UserPoolId=pool["Id"], MaxResults=60
            ):
                self._pool_of_client[client["ClientId"]] = pool["Id"]

    async def _pages(self, operation: str, key: str, **parameters: Any) -> list[Described]:
        found: list[Described] = []
        more: dict[str, str] = {}
        while True:
            page = await self._call("cognito-idp", operation, **parameters, **more) or {}
            found += page.get(key, [])
            if not page.get("NextToken"):
                return found
            more = {"NextToken": page["NextToken"]}

    async def _ask(self, service: str, operation: str, **parameters: Any) -> Described | None:
        name = (service, operation, *(f"{key}={value}" for key, value in sorted(parameters.items())))
        asked_at, found = self._remembered.get(name, (float("-inf"), {}))
        if self._seconds() - asked_at < _REMEMBER_SECONDS:
            return found
        asked = await self._call(service, operation, **parameters)
        if asked is None:
            return None
        self._remembered[name] = (self._seconds(), asked)
        while len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return asked

    async def _call(self, service: str, operation: str, **parameters: Any) -> Described | None:
        try:
            return await self._control.call(service, operation, **parameters)
        except Exception as error:
            if is_missing(error):
                return None
            raise
