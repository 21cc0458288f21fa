"""Tokens of a user pool: what they say, how long they live, and who still may use them (UP-89 to UP-111)."""

import hmac
import uuid
from dataclasses import dataclass
from typing import Any

from . import accounts, tokens
from .accounts import Place
from .directory import Described
from .errors import CognitoError, not_authorized, user_not_found
from .plane import Answer, Plane
from .records import Grant, User
from .tokens import PoolKeys

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_DEFAULTS = {"Id": (1, "hours"), "Access": (1, "hours"), "Refresh": (30, "days")}  # UP-96
_BOOLEANS = ("email_verified", "phone_number_verified")
_SCOPE = "aws.cognito.signin.user.admin"
_GENERATION_BYTES, _MAC_BYTES = 4, 32


def lifetime(client: Described, kind: str) -> int:
    """Seconds that a new `Id`, `Access` or `Refresh` token of the client lives (UP-96)."""
    default, unit = _DEFAULTS[kind]
    units = client.get("TokenValidityUnits") or {}
    value = int(client.get(f"{kind}TokenValidity") or 0)
    return value * _SECONDS[units.get(f"{kind}Token") or unit] if value else default * _SECONDS[unit]


def rotation(client: Described) -> Described | None:
    """The client's refresh token rotation, when it is on."""
    found = client.get("RefreshTokenRotation") or {}
    return dict(found) if found.get("Feature") == "ENABLED" else None


async def sign_in(plane: Plane, place: Place, user: User, device_key: str | None) -> Grant:
    """Begin a new line of tokens."""
    now = plane.now()
    plane.grants.prune(user, now)
    expires_at = now + lifetime(place.client, "Refresh")
    grant = Grant(plane.uuid(), place.pool_id, place.client_id, user.username, now, expires_at, device_key)
    plane.grants.save(grant)
    return grant


async def token_answer(plane: Plane, place: Place, user: User, grant: Grant) -> Answer:
    """New ID and access tokens, as AuthenticationResult has them."""
    keys = await plane.keys(place.pool_id)
    groups = await _groups(plane, user)
    shared = _shared_claims(plane, place, user, grant)
    identity = shared | _identity_claims(plane, place, user, groups)
    access = shared | _access_claims(plane, place, user, grant, groups)
    signed = await plane.compute(lambda: (keys.identity.sign(identity), keys.access.sign(access)))
    return {
        "AccessToken": signed[1],
        "ExpiresIn": lifetime(place.client, "Access"),
        "TokenType": "Bearer",
        "IdToken": signed[0],
    }


async def _groups(plane: Plane, user: User) -> list[Described]:
    found = [await plane.directory.group(user.pool_id, name) for name in user.groups]
    return [group for group in found if group]


def _shared_claims(plane: Plane, place: Place, user: User, grant: Grant) -> dict[str, Any]:
    claims = {
        "sub": user.sub,
        "iss": tokens.issuer(place.pool_id),
        "origin_jti": grant.id,
        "event_id": plane.uuid(),
        "auth_time": int(grant.authenticated_at),
        "iat": int(plane.now()),
    }
    if not place.client.get("EnableTokenRevocation", True):
        del claims["origin_jti"]
    return claims


def _identity_claims(plane: Plane, place: Place, user: User, groups: list[Described]) -> dict[str, Any]:
    claims: dict[str, Any] = dict(accounts.readable(place, user))
    claims |= {name: claims[name] == "true" for name in _BOOLEANS if name in claims}
    claims |= {
        "aud": place.client_id,
        "token_use": "id",
        "cognito:username": user.username,
        "exp": int(plane.now()) + lifetime(place.client, "Id"),
        "jti": plane.uuid(),
    }
    if groups:
        claims["cognito:groups"] = [group["GroupName"] for group in groups]
    roles = [group["RoleArn"] for group in groups if group.get("RoleArn")]
    if roles:
        claims["cognito:roles"] = roles
    preferred = preferred_role(groups)
    if preferred:
        claims["cognito:preferred_role"] = preferred
    return claims


def preferred_role(groups: list[Described]) -> str | None:
    """The role of the group with the lowest precedence; None when two roles tie (UP-115)."""
    ranked = [group for group in groups if group.get("RoleArn") and group.get("Precedence") is not None]
    lowest = min((group["Precedence"] for group in ranked), default=None)
    roles = {group["RoleArn"] for group in ranked if group["Precedence"] == lowest}
    return str(roles.pop()) if len(roles) == 1 else None


def _access_claims(plane: Plane, place: Place, user: User, grant: Grant, groups: list[Described]) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "client_id": place.client_id,
        "token_use": "access",
        "scope": _SCOPE,
        "username": user.username,
        "exp": int(plane.now()) + lifetime(place.client, "Access"),
        "jti": plane.uuid(),
    }
    if grant.device_key:
        claims["device_key"] = grant.device_key
    if groups:
        claims["cognito:groups"] = [group["GroupName"] for group in groups]
    return claims


def refresh_token(keys: PoolKeys, grant: Grant, generation: int) -> str:
    """An opaque text that names the sign-in and its generation and that only the pool can make (UP-97)."""
    body = uuid.UUID(grant.id).bytes + generation.to_bytes(_GENERATION_BYTES, "big")
    return tokens.encoded(body + _mac(keys, body))


def _mac(keys: PoolKeys, body: bytes) -> bytes:
    return hmac.digest(keys.secret, b"refresh" + body, "sha256")


def read_refresh_token(keys: PoolKeys, text: str) -> tuple[str, int] | None:
    """The sign-in's id and the generation; None when the pool never made the text."""
    raw = tokens.decoded(text) if len(text) < 200 else None
    if raw is None or len(raw) != 16 + _GENERATION_BYTES + _MAC_BYTES:
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(keys, body)):
        return None
    return str(uuid.UUID(bytes=body[:16])), int.from_bytes(body[16:], "big")


@dataclass(frozen=True)
class Bearer:
    """Who holds a valid access token."""

    place: Place
    user: User
    grant: Grant


async def bearer(plane: Plane, access_token: str) -> Bearer:
    """The user behind an access token.

    Raises:
        CognitoError: it is forged, of another kind, expired or revoked, or the user is gone (UP-108, UP-111, UP-114).
    """
    claims, pool = await verified(plane, access_token, "access")
    user = plane.users.get(pool, str(claims.get("username", "")))
    if user is None or user.sub != claims.get("sub"):
        raise user_not_found()
    if not user.enabled:
        raise not_authorized("User is disabled.")
    grant = plane.grants.get(str(claims.get("origin_jti", ""))) or _newest(plane, user, claims)
    if grant is None or grant.revoked:
        raise not_authorized("Access Token has been revoked")
    place = await accounts.place_of(plane, str(claims["client_id"]), pool["Id"])
    return Bearer(place, user, grant)


def _newest(plane: Plane, user: User, claims: tokens.Claims) -> Grant | None:
    # A client without token revocation gets tokens without origin_jti: any living sign-in of the user stands for them.
    if "origin_jti" in claims:
        return None
    return next(
        (grant for grant in reversed(plane.grants.of_user(user)) if grant.client_id == claims.get("client_id")), None
    )


async def verified(plane: Plane, token: str, use: str) -> tuple[tokens.Claims, Described]:
    """The claims of an `access` or `id` token that one of the pools signed, and its pool.

    Raises:
        CognitoError: it is something else, forged or expired.
    """
    word = {"access": "Access", "id": "Id"}[use]
    unverified = tokens.read(token)
    pool = await _issuing_pool(plane, unverified.claims) if unverified else None
    if unverified is None or pool is None or unverified.claims.get("token_use") != use:
        raise not_authorized(f"Invalid {word} Token")
    keys = await plane.keys(pool["Id"])
    key = keys.access if use == "access" else keys.identity
    if unverified.header.get("alg") != "RS256" or unverified.header.get("kid") != key.kid:
        raise not_authorized(f"Invalid {word} Token")
    if not key.verifies(token):
        raise not_authorized(f"Could not verify signature for {word} Token")
    if plane.now() >= unverified.claims["exp"]:
        raise not_authorized(f"{word} Token has expired")
    return unverified.claims, pool


async def _issuing_pool(plane: Plane, claims: tokens.Claims) -> Described | None:
    pool_id = str(claims.get("iss", "")).rpartition("/")[2]
    if not pool_id.isascii() or len(pool_id) > 55 or tokens.issuer(pool_id) != claims.get("iss"):
        return None
    try:
        return await plane.directory.user_pool(pool_id)
    except CognitoError:
        return None
