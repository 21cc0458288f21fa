"""Identity pools: who a login is, and credentials for it (IP-01 to IP-33)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import issuing, mapping, roles, tokens
from .directory import Described
from .errors import CognitoError, invalid_parameter, not_authorized, not_found
from .plane import Answer, Parameters, Plane
from .records import Identity
from .roles import Claimant, Roles

_OPEN_ID_SECONDS = 600  # IP-06
_ISSUER = "https://cognito-identity.amazonaws.com"
_NO_MATCH = "Logins don't match. Please include at least one valid login for this identity or identity pool."  # IP-15
_PAGE = 60
# IP-32: what UseDefaults maps.
_DEFAULT_TAGS = {"username": "sub", "client": "aud"}


@dataclass(frozen=True)
class Login:
    """A user-pool token that was found good.

    Attributes:
        provider: `cognito-idp.<region>.amazonaws.com/<pool>`.
        user_id: the token's `sub`.
    """

    provider: str
    user_id: str
    claims: dict[str, Any]

    @property
    def mapping_key(self) -> str:
        """What the role mappings call the provider: with the client's id (IP-28)."""
        return f"{self.provider}:{self.claims['aud']}"


class IdentityPools:
    """The operations of `cognito-identity`."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self.roles = Roles(plane.control)
        for identity in plane.identities.all():
            claimant = Claimant(identity.id, identity.pool_id, _kind(identity))
            for name, source in identity.roles.items():
                self.roles.adopt(name, source, claimant)

    async def get_id(self, parameters: Parameters) -> Answer:
        """The identity of a login, always the same one (IP-02)."""
        plane = self._plane
        plane.throttle(("GetId",), plane.around.quotas.identity)
        pool = await plane.directory.identity_pool(parameters["IdentityPoolId"])
        logins = await self._logins(pool, parameters.get("Logins"))
        if not logins:
            _check_guests(pool)
            return {"IdentityId": self._new(pool, []).id}
        known = self._known(pool["IdentityPoolId"], logins)
        identity = self._joined(known[0], logins) if known else self._new(pool, logins)
        return {"IdentityId": identity.id}

    async def get_credentials_for_identity(self, parameters: Parameters) -> Answer:
        """Temporary AWS credentials for an identity whose login is shown (IP-05)."""
        plane = self._plane
        plane.throttle(("GetCredentialsForIdentity",), plane.around.quotas.identity_credentials)
        pool, identity, logins = await self._shown(parameters)
        arn = await self._role(pool, logins, parameters.get("CustomRoleArn"))
        if arn is None:
            raise roles.misconfigured()
        claimant = Claimant(identity.id, identity.pool_id, _amr(logins), await self._tags(pool, logins))
        found = await self.roles.credentials(arn, claimant)
        self._note_role(identity, roles.role_name(arn))
        credentials = {
            "AccessKeyId": found["AccessKeyId"],
            "SecretKey": found["SecretAccessKey"],
            "SessionToken": found["SessionToken"],
            "Expiration": _seconds(found["Expiration"]),
        }
        return {"IdentityId": identity.id, "Credentials": credentials}

    async def get_open_id_token(self, parameters: Parameters) -> Answer:
        """A web identity token for sts:AssumeRoleWithWebIdentity (IP-22, IP-23)."""
        pool, identity, logins = await self._shown(parameters)
        if not pool.get("AllowClassicFlow"):
            raise invalid_parameter("Basic (classic) flow is not enabled, please use enhanced flow.")
        now = int(self._plane.now())
        claims = {
            "sub": identity.id,
            "aud": identity.pool_id,
            "amr": list(_amr(logins)),
            "iss": _ISSUER,
            "exp": now + _OPEN_ID_SECONDS,
            "iat": now,
        }
        key = await self._plane.identity_key()
        return {"IdentityId": identity.id, "Token": await self._plane.compute(key.sign, claims)}

    async def describe_identity(self, parameters: Parameters) -> Answer:
        """An identity and its logins."""
        return _shown_identity(self._existing(parameters["IdentityId"]))

    async def list_identities(self, parameters: Parameters) -> Answer:
        """The identities of a pool, oldest first."""
        pool_id = parameters["IdentityPoolId"]
        await self._plane.directory.identity_pool(pool_id)
        hidden = parameters.get("HideDisabled")
        found = [one for one in self._plane.identities.of_pool(pool_id) if not (hidden and one.disabled)]
        token = parameters.get("NextToken") or "0"
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            raise invalid_parameter("Invalid pagination token")
        start = int(token)
        end = start + int(parameters.get("MaxResults") or _PAGE)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {"IdentityPoolId": pool_id, "Identities": [_shown_identity(one) for one in found[start:end]], **more}

    async def delete_identities(self, parameters: Parameters) -> Answer:
        """Remove identities and their roles."""
        for identity_id in parameters["IdentityIdsToDelete"]:
            identity = self._plane.identities.get(identity_id)
            if identity:
                self._plane.identities.remove(identity)
                await self.roles.remove(list(identity.roles))
        return {"UnprocessedIdentityIds": []}

    # --- Logins

    async def _logins(self, pool: Described, given: dict[str, str] | None) -> list[Login]:
        return [await self._login(pool, provider, token) for provider, token in (given or {}).items()]

    async def _login(self, pool: Described, provider: str, token: str) -> Login:
        """The token's user, when pool, client and token are good (IP-09 to IP-13, IP-24)."""
        plane = self._plane
        registered = [one for one in pool.get("CognitoIdentityProviders") or [] if one["ProviderName"] == provider]
        unverified = tokens.read(token)
        if unverified is None:
            raise not_authorized("Invalid login token. Not a valid OpenId Connect identity token.")
        claims = unverified.claims
        if claims.get("iss") != f"https://{provider}":
            raise not_authorized("Invalid login token. Issuer doesn't match providerName")
        if "aud" not in claims:
            raise not_authorized("Invalid login token. Missing a required claim: aud")
        entry = next((one for one in registered if one["ClientId"] == claims["aud"]), None)
        if entry is None:
            raise not_authorized("Token is not from a supported provider of this identity pool.")
        if isinstance(claims.get("exp"), int) and plane.now() >= claims["exp"]:
            raise not_authorized(f"Invalid login token. Token expired: {int(plane.now())} >= {claims['exp']}")
        await self._verify(token, entry)
        return Login(provider, str(claims["sub"]), claims)

    async def _verify(self, token: str, entry: Described) -> None:
        plane = self._plane
        try:
            claims, pool = await issuing.verified(plane, token, "id")
            await plane.directory.client(claims["aud"], pool["Id"])
        except CognitoError as error:
            if error.code == "ResourceNotFoundException":  # IP-10: the app client was deleted
                raise not_authorized("Token is not from a supported provider of this identity pool.") from None
            raise not_authorized("Invalid login token. Couldn't verify signed token.") from None
        if entry.get("ServerSideTokenCheck") and not self._is_active(pool, claims):
            raise not_authorized("Invalid login token. Token is inactive")  # IP-24

    def _is_active(self, pool: Described, claims: dict[str, Any]) -> bool:
        user = self._plane.users.get(pool, str(claims.get("cognito:username", "")))
        if user is None or user.sub != claims["sub"] or not user.enabled:
            return False
        if "origin_jti" not in claims:
            return True
        grant = self._plane.grants.get(str(claims["origin_jti"]))
        return grant is not None and not grant.revoked

    # --- Identities

    def _existing(self, identity_id: str) -> Identity:
        identity = self._plane.identities.get(identity_id)
        if identity is None or identity.disabled:
            raise not_found(f"Identity '{identity_id}' not found.")  # IP-18
        return identity

    async def _shown(self, parameters: Parameters) -> tuple[Described, Identity, list[Login]]:
        """The identity, when a login of it is shown (IP-14, IP-15)."""
        identity = self._existing(parameters["IdentityId"])
        pool = await self._plane.directory.identity_pool(identity.pool_id)
        logins = await self._logins(pool, parameters.get("Logins"))
        if not logins:
            if identity.logins:
                raise not_authorized(f"Access to Identity '{identity.id}' is forbidden.")
            _check_guests(pool)
            return pool, identity, []
        is_own = any(identity.logins.get(login.provider) == login.user_id for login in logins)
        if identity.logins and not is_own:
            raise not_authorized(_NO_MATCH)
        return pool, self._joined(identity, logins), logins

    def _known(self, pool_id: str, logins: list[Login]) -> list[Identity]:
        found = (self._plane.identities.of_login(pool_id, login.provider, login.user_id) for login in logins)
        return [identity for identity in found if identity]

    def _new(self, pool: Described, logins: list[Login]) -> Identity:
        plane = self._plane
        pool_id = pool["IdentityPoolId"]
        identity_id = f"{pool_id.partition(':')[0]}:{plane.uuid()}"
        links = {login.provider: login.user_id for login in logins}
        identity = Identity(identity_id, pool_id, links, plane.now(), plane.now())
        plane.identities.save(identity, plane.now())
        return identity

    def _joined(self, identity: Identity, logins: list[Login]) -> Identity:
        """The identity with all these logins; identities that had one of them are merged into it (IP-15)."""
        plane = self._plane
        for login in logins:
            has = identity.logins.get(login.provider)
            if has is not None and has != login.user_id:
                raise CognitoError("ResourceConflictException", "Logins don't match.")  # IP-17
        for loser in self._known(identity.pool_id, logins):
            if loser.id != identity.id:
                loser.logins, loser.disabled = {}, True
                plane.identities.save(loser, plane.now())
        missing = {login.provider: login.user_id for login in logins if login.provider not in identity.logins}
        if missing:
            identity.logins |= missing
            plane.identities.save(identity, plane.now())
        return identity

    # --- Roles

    async def _role(self, pool: Described, logins: list[Login], wanted: str | None) -> str | None:
        found = await self._plane.directory.identity_pool_roles(pool["IdentityPoolId"])
        if not logins:
            return mapping.role_of(found, None, {}, wanted)
        return mapping.role_of(found, logins[0].mapping_key, logins[0].claims, wanted)

    async def _tags(self, pool: Described, logins: list[Login]) -> tuple[tuple[str, str], ...]:
        """The session's principal tags, as the provider's map says (IP-32)."""
        if not logins:
            return ()
        found = await self._plane.directory.principal_tags(pool["IdentityPoolId"], logins[0].provider)
        if not found:
            return ()
        names = _DEFAULT_TAGS if found.get("UseDefaults") else found.get("PrincipalTags") or {}
        claims = logins[0].claims
        return tuple((tag, str(claims[claim])) for tag, claim in sorted(names.items()) if claim in claims)

    def _note_role(self, identity: Identity, source: str) -> None:
        name = roles.own_role_name(source, identity.id)
        if name not in identity.roles:
            identity.roles[name] = source
            self._plane.identities.save(identity, self._plane.now())


def _check_guests(pool: Described) -> None:
    if not pool.get("AllowUnauthenticatedIdentities"):
        raise not_authorized("Unauthenticated access is not supported for this identity pool.")  # IP-08


def _seconds(moment: Any) -> float:
    """A time of the control plane's, however its answers are parsed, as seconds since 1970."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return float(moment.timestamp()) if isinstance(moment, datetime) else float(moment)


def _kind(identity: Identity) -> tuple[str, ...]:
    return ("authenticated",) if identity.logins else ("unauthenticated",)


def _amr(logins: list[Login]) -> tuple[str, ...]:
    if not logins:
        return ("unauthenticated",)
    first = logins[0]
    return ("authenticated", first.provider, f"{first.provider}:CognitoSignIn:{first.user_id}")


def _shown_identity(identity: Identity) -> Answer:
    return {
        "IdentityId": identity.id,
        "Logins": list(identity.logins),
        "CreationDate": identity.created_at,
        "LastModifiedDate": identity.modified_at,
    }
