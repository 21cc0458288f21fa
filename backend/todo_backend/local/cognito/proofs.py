"""Whether somebody knows a password, by SRP or in plain; with lockout, and alike for users who are not there."""

import uuid
from dataclasses import replace

from . import accounts, challenges, srp
from .accounts import Place
from .challenges import Asked
from .errors import CognitoError, invalid_parameter, not_authorized, user_not_found, wrong_password
from .plane import Answer, Plane, derived
from .records import User
from .sessions import Challenge
from .tokens import PoolKeys

_VERIFIER_BYTES = 384
_TIMESTAMP_WORDING = "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."  # UP-48


def _user_of(plane: Plane, asked: Asked) -> User | None:
    typed = asked.value("USERNAME")
    user = plane.users.find(asked.place.pool, typed)
    names = [typed, user.username] if user else [typed]
    accounts.check_secret_hash(asked.place, asked.values.get("SECRET_HASH"), *names)
    if user is None and not asked.place.hides_users:
        raise user_not_found()
    return user


async def offer_srp(plane: Plane, asked: Asked) -> Answer:
    """PASSWORD_VERIFIER, for users who are there and for those who are not (UP-39, UP-55)."""
    typed = asked.value("USERNAME")
    client_public = srp.public_value(asked.value("SRP_A"))
    if client_public is None:
        raise invalid_parameter("SRP_A is not a valid value.")  # UP-50
    user = _user_of(plane, asked)
    name, salt, verifier = _credentials(user, asked.place, typed, await plane.keys(asked.place.pool_id))
    exchange = await exchange_for(plane, (accounts.pool_name(asked.place.pool), name), (salt, verifier), client_public)
    username = user.username if user else typed
    challenge = Challenge("PASSWORD_VERIFIER", asked.place.pool_id, asked.place.client_id, username, "srp")
    challenges.open_new(
        plane, asked.place, replace(challenge, exchange=exchange, device_key=asked.values.get("DEVICE_KEY"))
    )
    shown = exchange.parameters() | {"USERNAME": user.username if user else typed, "USER_ID_FOR_SRP": name}
    if asked.values.get("DEVICE_KEY"):
        shown["DEVICE_KEY"] = asked.values["DEVICE_KEY"]
    return {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": shown}


def _credentials(user: User | None, place: Place, typed: str, keys: PoolKeys) -> tuple[str, int, int]:
    """USER_ID_FOR_SRP, salt and verifier; for nobody, always the same ones that fit no password (UP-55)."""
    if user and user.secret:
        return user.username, int(user.secret.salt, 16), int(user.secret.verifier, 16)
    name = user.username if user else _simulated_id(keys.secret, place, typed)
    salt = int.from_bytes(derived(keys.secret, "salt", place.pool_id, typed, size=srp.SALT_BYTES), "big")
    verifier = int.from_bytes(derived(keys.secret, "verifier", place.pool_id, typed, size=_VERIFIER_BYTES), "big")
    return name, salt, verifier % srp.PRIME


def _simulated_id(secret: bytes, place: Place, typed: str) -> str:
    return str(uuid.UUID(bytes=derived(secret, "id", place.pool_id, typed), version=4))


async def exchange_for(plane: Plane, names: tuple[str, str], kept: tuple[int, int], client_public: int) -> srp.Exchange:
    """A new exchange: `names` are scope and user, `kept` salt and verifier."""
    secret = int.from_bytes(plane.random(srp.SECRET_BYTES), "big") | 1
    public = await plane.compute(srp.server_public, kept[1], secret)
    return srp.Exchange(*names, *kept, client_public, secret, public, plane.random(srp.SECRET_BLOCK_BYTES))


async def check_proof(plane: Plane, asked: Asked, name: str) -> Challenge:
    """The challenge of the SECRET_BLOCK, rightly answered for the first time (UP-46, UP-53, UP-54)."""
    timestamp = asked.value("TIMESTAMP")
    if not srp.is_timestamp(timestamp):
        raise invalid_parameter(_TIMESTAMP_WORDING)
    signature = asked.value("PASSWORD_CLAIM_SIGNATURE")
    challenge = plane.challenges.get(asked.value("PASSWORD_CLAIM_SECRET_BLOCK"))
    typed = asked.value("USERNAME")
    user = plane.users.find(asked.place.pool, typed)
    accounts.check_secret_hash(asked.place, asked.values.get("SECRET_HASH"), typed, *([user.username] if user else []))
    who = (asked.place.pool_id, user.username if user else typed)
    if plane.lockouts.is_locked(who, plane.now()):
        raise not_authorized("Password attempts exceeded")
    if (
        challenge is None
        or challenge.name != name
        or challenge.exchange is None
        or not challenges.is_of(challenge, asked, who[1])
    ):
        raise _failed(plane, who)
    challenges.check_fresh(plane, challenge)
    challenge.used = True  # also while the proof is being calculated
    is_right = await plane.compute(srp.proof_is_right, challenge.exchange, timestamp, signature)
    challenge.used = is_right
    _count(plane, who, is_right=is_right and user is not None and _is_current(user, challenge))
    return challenge


def _count(plane: Plane, who: tuple[str, str], *, is_right: bool) -> None:
    """Count the attempt; attempts made at the same time are judged one after the other."""
    if plane.lockouts.is_locked(who, plane.now()):
        raise not_authorized("Password attempts exceeded")
    if not is_right:
        raise _failed(plane, who)
    plane.lockouts.succeed(who)


def _is_current(user: User, challenge: Challenge) -> bool:
    """Whether password or device secret are still those of the challenge."""
    kept = user.devices.get(challenge.device_key or "") if challenge.name == "DEVICE_PASSWORD_VERIFIER" else user.secret
    return kept is not None and challenge.exchange is not None and int(kept.verifier, 16) == challenge.exchange.verifier


def _failed(plane: Plane, who: tuple[str, str]) -> CognitoError:
    plane.lockouts.fail(who, plane.now())
    return wrong_password()


def living(plane: Plane, place: Place, username: str) -> User:
    """The user of a challenge, who may have been deleted since."""
    user = plane.users.get(place.pool, username)
    if user is None:
        raise wrong_password()
    return user


async def take_password(plane: Plane, asked: Asked) -> Challenge:
    """The state of a sign-in whose password was right.

    Raises:
        CognitoError: it was wrong, or the user is locked (UP-61).
    """
    typed, password = asked.value("USERNAME"), asked.value("PASSWORD")
    user = _user_of(plane, asked)
    who = (asked.place.pool_id, user.username if user else typed)
    if plane.lockouts.is_locked(who, plane.now()):
        raise not_authorized("Password attempts exceeded")
    name, salt, verifier = _credentials(user, asked.place, typed, await plane.keys(asked.place.pool_id))
    found = await plane.compute(srp.verifier_of, salt, accounts.pool_name(asked.place.pool), name, password)
    _count(plane, who, is_right=found == verifier and user is not None)
    flow = "admin" if asked.is_admin else "password"
    return Challenge("", asked.place.pool_id, asked.place.client_id, name, flow)
