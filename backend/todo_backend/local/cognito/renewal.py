"""New tokens for old: refresh with and without rotation, and the ends of a sign-in (UP-98 to UP-110)."""

import hmac

from . import accounts, issuing, tokens
from .accounts import Place
from .directory import Described
from .errors import CognitoError, invalid_parameter, not_authorized
from .plane import Answer, Operation, Parameters, Plane
from .records import Grant, User


async def refresh(plane: Plane, place: Place, values: dict[str, str]) -> Answer:
    """REFRESH_TOKEN_AUTH: new ID and access tokens, no new refresh token (UP-98)."""
    if issuing.rotation(place.client):
        raise invalid_parameter("REFRESH_TOKEN_AUTH flow not enabled for this client")  # UP-99
    text = values.get("REFRESH_TOKEN")
    if not text:
        raise invalid_parameter("Missing required parameter REFRESH_TOKEN")
    grant, user, _ = await _living(plane, place, text, values.get("DEVICE_KEY"))
    accounts.check_secret_hash(place, values.get("SECRET_HASH"), user.username, user.sub)
    return {"ChallengeParameters": {}, "AuthenticationResult": await issuing.token_answer(plane, place, user, grant)}


async def get_tokens_from_refresh_token(plane: Plane, parameters: Parameters) -> Answer:
    """New tokens; with rotation also a new refresh token (UP-100)."""
    plane.throttle(("authentication",), plane.around.quotas.user_authentication)
    place = await accounts.place_of(plane, parameters["ClientId"])
    _check_client_secret(place.client, parameters.get("ClientSecret"))
    grant, user, generation = await _living(plane, place, parameters["RefreshToken"], parameters.get("DeviceKey"))
    rotation = issuing.rotation(place.client)
    made = _rotate(plane, grant, generation, rotation) if rotation else None
    answer = await issuing.token_answer(plane, place, user, grant)
    if made is not None:
        answer["RefreshToken"] = issuing.refresh_token(await plane.keys(place.pool_id), grant, made)
    return {"AuthenticationResult": answer}


def _check_client_secret(client: Described, given: str | None) -> None:
    """This operation takes the secret itself (UP-102)."""
    secret = client.get("ClientSecret")
    if secret and not hmac.compare_digest(secret.encode(), (given or "").encode()):
        raise not_authorized(f"Unable to verify secret for client {client['ClientId']}")


async def _living(plane: Plane, place: Place, text: str, device_key: str | None) -> tuple[Grant, User, int]:
    """The sign-in behind a refresh token that still counts (UP-104, UP-105)."""
    named = issuing.read_refresh_token(await plane.keys(place.pool_id), text)
    grant = plane.grants.get(named[0]) if named else None
    user = plane.users.get(place.pool, grant.username) if grant else None
    if named is None or grant is None or user is None or grant.client_id != place.client_id:
        raise not_authorized("Invalid Refresh Token")
    if grant.revoked:
        raise not_authorized("Refresh Token has been revoked")
    if plane.now() >= grant.expires_at:
        raise not_authorized("Refresh Token has expired")
    if _is_spent(grant, named[1], plane.now()):
        raise CognitoError("RefreshTokenReuseException", "Refresh token has been invalidated by rotation")  # UP-101
    if not user.enabled:
        raise not_authorized("User is disabled.")
    _check_device(place, user, grant, device_key)
    return grant, user, named[1]


def _check_device(place: Place, user: User, grant: Grant, device_key: str | None) -> None:
    """With device tracking, only the confirmed device of the sign-in may renew it (UP-86, UP-87)."""
    if place.pool.get("DeviceConfiguration") and (device_key != grant.device_key or device_key not in user.devices):
        raise not_authorized("Invalid Refresh Token.")


def _is_spent(grant: Grant, generation: int, now: float) -> bool:
    dies_at = grant.spent.get(str(generation))
    return generation < grant.dead_below or (dies_at is not None and now >= dies_at)


def _rotate(plane: Plane, grant: Grant, generation: int, rotation: Described) -> int:
    """Spend this refresh token, at once or after the grace period; the next one's generation."""
    now = plane.now()
    grace = float(rotation.get("RetryGracePeriodSeconds") or 0)
    grant.spent.setdefault(str(generation), now + grace)
    grant.generation += 1
    while grant.spent.get(str(grant.dead_below), now + 1) <= now:
        del grant.spent[str(grant.dead_below)]
        grant.dead_below += 1
    plane.grants.save(grant)
    return grant.generation


async def revoke_token(plane: Plane, parameters: Parameters) -> Answer:
    """End one sign-in: its refresh tokens and the access tokens that came of it (UP-106)."""
    place = await accounts.place_of(plane, parameters["ClientId"])
    if place.client.get("ClientSecret"):
        _check_client_secret(place.client, parameters.get("ClientSecret"))
    if not place.client.get("EnableTokenRevocation", True):
        raise CognitoError("UnsupportedOperationException", "Token revocation is not enabled for this client.")
    if tokens.read(parameters["Token"]):
        raise CognitoError("UnsupportedTokenTypeException", "Unsupported token type.")  # UP-107
    named = issuing.read_refresh_token(await plane.keys(place.pool_id), parameters["Token"])
    grant = plane.grants.get(named[0]) if named else None
    if grant and grant.client_id != place.client_id:
        raise CognitoError("UnauthorizedException", "Token was not issued to this client.")
    if grant and not grant.revoked:
        grant.revoked = True
        plane.grants.save(grant)
    return {}  # also for a token that nobody knows: RFC 7009 section 2.2


async def global_sign_out(plane: Plane, parameters: Parameters) -> Answer:
    """End all of the user's sign-ins (UP-110)."""
    holder = await issuing.bearer(plane, parameters["AccessToken"])
    plane.grants.revoke_all(holder.user)
    return {}


OPERATIONS: dict[str, Operation] = {
    "GetTokensFromRefreshToken": get_tokens_from_refresh_token,
    "RevokeToken": revoke_token,
    "GlobalSignOut": global_sign_out,
}
