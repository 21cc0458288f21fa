"""Who is meant by a client id and a user name: read from the deployed user pools, never from a second list."""

from dataclasses import dataclass
from typing import Any

from .control import ControlError, ControlPlane

_DEFAULT_TEXT = "Your confirmation code is {####}"


@dataclass(frozen=True)
class PoolUser:
    """A user as the pool knows it."""

    pool_id: str
    username: str
    status: str
    enabled: bool
    email: str | None
    email_verified: bool

    @property
    def key(self) -> str:
        """The same for every name that the user can be called by."""
        return f"{self.pool_id} {self.username}"


class Directory:
    """Looks users up by the AWS calls that an administrator has."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._pools: dict[str, str] = {}

    async def pool_of(self, client_id: str) -> str | None:
        """The pool that the app client belongs to."""
        if client_id not in self._pools:
            await self._read_clients()
        return self._pools.get(client_id)

    async def user(self, client_id: str, name: str) -> PoolUser | None:
        """The user of that client's pool who is called by that name, email or sub."""
        pool_id = await self.pool_of(client_id)
        return await self.user_of_pool(pool_id, name) if pool_id and name else None

    async def user_of_pool(self, pool_id: str, name: str) -> PoolUser | None:
        """The user of that pool who is called by that name, email or sub."""
        try:
            found = await self._control.call("cognito-idp", "AdminGetUser", UserPoolId=pool_id, Username=name)
        except ControlError:
            return None
        attributes = {item["Name"]: item["Value"] for item in found.get("UserAttributes", [])}
        return PoolUser(
            pool_id=pool_id,
            username=found["Username"],
            status=found["UserStatus"],
            enabled=found.get("Enabled", True),
            email=attributes.get("email"),
            email_verified=attributes.get("email_verified") == "true",
        )

    async def verify_email(self, user: PoolUser) -> None:
        """The code came back, so the address is the user's (UP-19)."""
        attributes = [{"Name": "email_verified", "Value": "true"}]
        await self._control.call(
            "cognito-idp",
            "AdminUpdateUserAttributes",
            UserPoolId=user.pool_id,
            Username=user.username,
            UserAttributes=attributes,
        )

    async def mail(self, user: PoolUser, code: str) -> tuple[str, str]:
        """Subject and text of the mail that carries the code, as the pool words it."""
        found = await self._control.call("cognito-idp", "DescribeUserPool", UserPoolId=user.pool_id)
        pool: dict[str, Any] = found["UserPool"]
        template = pool.get("VerificationMessageTemplate") or {}
        subject = template.get("EmailSubject") or pool.get("EmailVerificationSubject") or "Your verification code"
        text = template.get("EmailMessage") or pool.get("EmailVerificationMessage") or _DEFAULT_TEXT
        return subject, str(text).replace("{####}", code).replace("{username}", user.email or user.username)

    async def _read_clients(self) -> None:
        pools = await self._control.call("cognito-idp", "ListUserPools", MaxResults=60)
        for pool_id in [pool["Id"] for pool in pools["UserPools"]]:
            found = await self._control.call("cognito-idp", "ListUserPoolClients", UserPoolId=pool_id, MaxResults=60)
            self._pools.update({client["ClientId"]: pool_id for client in found["UserPoolClients"]})
