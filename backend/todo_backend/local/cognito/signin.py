"""InitiateAuth and RespondToAuthChallenge: from a name to tokens, challenge by challenge (UP-39 to UP-88)."""

import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

from . import accounts, issuing, mfa, renewal, srp, tokens
from .accounts import Place
from .errors import CognitoError, invalid_parameter, not_authorized, not_found, user_not_found, wrong_password
from .plane import Answer, Operation, Parameters, Plane, derived
from .records import CONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED, UNCONFIRMED, Device, User
from .sessions import Challenge
from .tokens import PoolKeys

_SESSION_BYTES = 96
_VERIFIER_BYTES = 384
_TIMESTAMP_WORDING = "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."  # UP-48
_REFRESH_FLOWS = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")  # UP-98
_ADMIN_FLOWS = ("ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
_DEFAULT_FLOWS = frozenset({"USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "CUSTOM_AUTH"})  # UP-62


@dataclass(frozen=True)
class Asked:
    """A request on its way through a sign-in: where it came in, and the values that came with it."""

    place: Place
    values: dict[str, str]
    session: str | None = None
    is_admin: bool = False

    def value(self, name: str) -> str:
        """A parameter that must be there.

        Raises:
            CognitoError: it is not.
        """
        if not self.values.get(name):
            raise invalid_parameter(f"Missing required parameter {name}")
        return self.values[name]


def allowed_flows(client: dict[str, Any]) -> frozenset[str]:
    """The client's sign-in flows, old names and new ones alike (UP-62)."""
    listed = client.get("ExplicitAuthFlows") or []
    if not listed:
        return _DEFAULT_FLOWS
    found = {name.removeprefix("ALLOW_") for name in listed}
    if not any(name.startswith("ALLOW_") for name in listed):
        found |= {"REFRESH_TOKEN_AUTH"} if "CUSTOM_AUTH_FLOW_ONLY" in found else {"REFRESH_TOKEN_AUTH", "USER_SRP_AUTH"}
    if "ADMIN_NO_SRP_AUTH" in found or "ADMIN_USER_PASSWORD_AUTH" in found:
        found |= set(_ADMIN_FLOWS)
    return frozenset(found)


async def initiate_auth(plane: Plane, parameters: Parameters) -> Answer:
    """Begin a sign-in, or renew its tokens."""
    place = await accounts.place_of(plane, parameters["ClientId"])
    return await _initiate(plane, parameters, Asked(place, parameters.get("AuthParameters") or {}))


async def admin_initiate_auth(plane: Plane, parameters: Parameters) -> Answer:
    """The same for a server with AWS credentials, which may also send a password."""
    place = await accounts.place_of(plane, parameters["ClientId"], parameters["UserPoolId"])
    return await _initiate(plane, parameters, Asked(place, parameters.get("AuthParameters") or {}, is_admin=True))


async def _initiate(plane: Plane, parameters: Parameters, asked: Asked) -> Answer:
    plane.throttle(("authentication",), plane.around.quotas.user_authentication)
    flow = parameters["AuthFlow"]
    name = "REFRESH_TOKEN_AUTH" if flow in _REFRESH_FLOWS else flow
    if flow in _ADMIN_FLOWS and not asked.is_admin:
        raise invalid_parameter("Initiate Auth method not supported.")  # UP-63
    if name not in allowed_flows(asked.place.client):
        raise invalid_parameter(f"{name} flow not enabled for this client")
    if name == "REFRESH_TOKEN_AUTH":
        return await renewal.refresh(plane, asked.place, asked.values)
    if flow == "USER_SRP_AUTH":
        return await _offer_srp(plane, asked)
    if flow in ("USER_PASSWORD_AUTH", *_ADMIN_FLOWS):
        return await _take_password(plane, asked)
    raise invalid_parameter("Initiate Auth method not supported.")


def _user_of(plane: Plane, asked: Asked) -> User | None:
    typed = asked.value("USERNAME")
    user = plane.users.find(asked.place.pool, typed)
    names = [typed, user.username] if user else [typed]
    accounts.check_secret_hash(asked.place, asked.values.get("SECRET_HASH"), *names)
    if user is None and not asked.place.hides_users:
        raise user_not_found()
    return user


# --- The password, by SRP


async def _offer_srp(plane: Plane, asked: Asked) -> Answer:
    typed = asked.value("USERNAME")
    client_public = srp.public_value(asked.value("SRP_A"))
    if client_public is None:
        raise invalid_parameter("SRP_A is not a valid value.")  # UP-50
    user = _user_of(plane, asked)
    name, salt, verifier = _credentials(user, asked.place, typed, await plane.keys(asked.place.pool_id))
    exchange = await _exchange(plane, (accounts.pool_name(asked.place.pool), name), (salt, verifier), client_public)
    username = user.username if user else typed
    challenge = Challenge("PASSWORD_VERIFIER", asked.place.pool_id, asked.place.client_id, username, "srp")
    _open(plane, asked.place, replace(challenge, exchange=exchange, device_key=asked.values.get("DEVICE_KEY")))
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


async def _exchange(plane: Plane, names: tuple[str, str], kept: tuple[int, int], client_public: int) -> srp.Exchange:
    secret = int.from_bytes(plane.random(srp.SECRET_BYTES), "big") | 1
    public = await plane.compute(srp.server_public, kept[1], secret)
    return srp.Exchange(*names, *kept, client_public, secret, public, plane.random(srp.SECRET_BLOCK_BYTES))


async def _answer_password_verifier(plane: Plane, asked: Asked) -> Answer:
    challenge = await _check_proof(plane, asked, "PASSWORD_VERIFIER")
    user = _living(plane, asked.place, challenge.username)
    if asked.values.get("DEVICE_KEY"):
        challenge.device_key = asked.values["DEVICE_KEY"]
    return await _after_password(plane, asked.place, user, challenge)


async def _check_proof(plane: Plane, asked: Asked, name: str) -> Challenge:
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
        or not _is_same(challenge, asked, who[1])
    ):
        raise _failed(plane, who)
    _check_fresh(plane, challenge)
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


def _is_same(challenge: Challenge, asked: Asked, username: str) -> bool:
    return challenge.client_id == asked.place.client_id and challenge.username == username


def _check_fresh(plane: Plane, challenge: Challenge) -> None:
    if challenge.used:
        raise not_authorized("Invalid session for the user, session can only be used once.")  # UP-67
    if plane.now() >= challenge.expires_at:
        raise not_authorized("Invalid session for the user, session is expired.")  # UP-66


def _living(plane: Plane, place: Place, username: str) -> User:
    user = plane.users.get(place.pool, username)
    if user is None:
        raise wrong_password()
    return user


# --- The password, in plain


async def _take_password(plane: Plane, asked: Asked) -> Answer:
    typed, password = asked.value("USERNAME"), asked.value("PASSWORD")
    user = _user_of(plane, asked)
    who = (asked.place.pool_id, user.username if user else typed)
    if plane.lockouts.is_locked(who, plane.now()):
        raise not_authorized("Password attempts exceeded")
    name, salt, verifier = _credentials(user, asked.place, typed, await plane.keys(asked.place.pool_id))
    found = await plane.compute(srp.verifier_of, salt, accounts.pool_name(asked.place.pool), name, password)
    _count(plane, who, is_right=found == verifier and user is not None)
    flow = "admin" if asked.is_admin else "password"
    challenge = Challenge("", asked.place.pool_id, asked.place.client_id, name, flow)
    return await _after_password(plane, asked.place, _living(plane, asked.place, name), challenge)


# --- What comes after the right password


def _check_status(plane: Plane, place: Place, user: User) -> None:
    if not user.enabled:
        raise not_authorized("User is disabled.")  # UP-59
    if user.status == UNCONFIRMED:
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")  # UP-58
    if user.status == RESET_REQUIRED:
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")  # UP-60
    days = int(accounts.policy(place.pool).get("TemporaryPasswordValidityDays") or 7)  # UP-16
    if user.status == FORCE_CHANGE_PASSWORD and plane.now() - user.password_set_at >= days * accounts.DAY_SECONDS:
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")  # UP-71


async def _after_password(plane: Plane, place: Place, user: User, challenge: Challenge) -> Answer:
    _check_status(plane, place, user)
    if user.status == FORCE_CHANGE_PASSWORD:
        return _ask(plane, place, challenge, "NEW_PASSWORD_REQUIRED", _new_password_parameters(place, user))
    if challenge.device_key and place.pool.get("DeviceConfiguration"):
        device = user.devices.get(challenge.device_key)
        if device is None:
            raise not_found("Device does not exist.")  # UP-85
        if device.remembered:
            return _ask(
                plane, place, challenge, "DEVICE_SRP_AUTH", {"USERNAME": user.username, "DEVICE_KEY": device.key}
            )
    return await _second_factor(plane, place, user, challenge)


def _new_password_parameters(place: Place, user: User) -> dict[str, str]:
    required = [f"userAttributes.{name}" for name in accounts.missing_required(place.pool, user.attributes)]
    shown = {name: value for name, value in user.attributes.items() if name != "sub"}
    names = {"USER_ID_FOR_SRP": user.username}
    return names | {"requiredAttributes": json.dumps(required), "userAttributes": json.dumps(shown)}  # UP-69


async def _second_factor(plane: Plane, place: Place, user: User, challenge: Challenge) -> Answer:
    mode = place.pool.get("MfaConfiguration", "OFF")
    if mode != "OFF" and user.totp and user.totp.verified and (user.totp.enabled or mode == "ON"):
        return _ask(plane, place, challenge, "SOFTWARE_TOKEN_MFA", {"USER_ID_FOR_SRP": user.username})
    if mode == "ON":  # UP-78
        shown = {"MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]', "USER_ID_FOR_SRP": user.username}
        return _ask(plane, place, challenge, "MFA_SETUP", shown)
    return await _finish(plane, place, user, challenge)


def _ask(plane: Plane, place: Place, before: Challenge, name: str, shown: dict[str, str]) -> Answer:
    handle = _open(plane, place, replace(before, name=name, exchange=None, used=False, stage=""))
    return {"ChallengeName": name, "Session": handle, "ChallengeParameters": shown}


def _open(plane: Plane, place: Place, challenge: Challenge) -> str:
    """Remember the challenge under its SECRET_BLOCK, or under a new Session."""
    minutes = int(place.client.get("AuthSessionValidity") or 3)  # UP-66
    challenge.expires_at = plane.now() + 60 * minutes
    if challenge.exchange:
        handle = challenge.exchange.parameters()["SECRET_BLOCK"]
    else:
        handle = tokens.encoded(plane.random(_SESSION_BYTES))
    plane.challenges.add(handle, challenge, plane.now())
    return handle


async def _finish(plane: Plane, place: Place, user: User, challenge: Challenge) -> Answer:
    """The tokens; and a name for a device that has none yet (UP-80)."""
    tracked = bool(place.pool.get("DeviceConfiguration")) and challenge.flow == "srp"  # UP-87, UP-88
    known = challenge.device_key if tracked and challenge.device_key in user.devices else None
    device_key = known or (f"{place.pool_id.partition('_')[0]}_{plane.uuid()}" if tracked else None)
    grant = await issuing.sign_in(plane, place, user, device_key)
    answer = await issuing.token_answer(plane, place, user, grant)
    answer["RefreshToken"] = issuing.refresh_token(await plane.keys(place.pool_id), grant, grant.generation)
    if device_key and known:
        user.devices[known].seen_at = plane.now()
        plane.users.save(user, plane.now())
    elif device_key:
        group = device_group(await plane.keys(place.pool_id), user)
        answer["NewDeviceMetadata"] = {"DeviceKey": device_key, "DeviceGroupKey": group}
    return {"ChallengeParameters": {}, "AuthenticationResult": answer}


def device_group(keys: PoolKeys, user: User) -> str:
    """The user's DeviceGroupKey: short, stable, without meaning."""
    return f"-{tokens.encoded(derived(keys.secret, 'devices', user.sub, size=6))}"


# --- RespondToAuthChallenge


async def respond_to_auth_challenge(plane: Plane, parameters: Parameters) -> Answer:
    """Take the answer to a challenge."""
    return await _respond(plane, parameters, await accounts.place_of(plane, parameters["ClientId"]), is_admin=False)


async def admin_respond_to_auth_challenge(plane: Plane, parameters: Parameters) -> Answer:
    """The same for a server with AWS credentials."""
    place = await accounts.place_of(plane, parameters["ClientId"], parameters["UserPoolId"])
    return await _respond(plane, parameters, place, is_admin=True)


async def _respond(plane: Plane, parameters: Parameters, place: Place, *, is_admin: bool) -> Answer:
    plane.throttle(("authentication",), plane.around.quotas.user_authentication)
    asked = Asked(place, parameters.get("ChallengeResponses") or {}, parameters.get("Session"), is_admin)
    answer = _ANSWERS.get(parameters["ChallengeName"])
    if answer is None:
        raise invalid_parameter("Challenge response is not supported.")
    return await answer(plane, asked)


def _pending(plane: Plane, asked: Asked, name: str) -> tuple[Challenge, User]:
    """The challenge of the Session, open and of this user (UP-66, UP-67)."""
    if not asked.session:
        raise invalid_parameter("Missing required parameter Session")
    challenge = open_session(plane, asked.session, name)
    typed = asked.value("USERNAME")
    user = plane.users.find(asked.place.pool, typed)
    if user is None or not _is_same(challenge, asked, user.username):
        raise not_authorized("Invalid session for the user.")
    accounts.check_secret_hash(asked.place, asked.values.get("SECRET_HASH"), typed, user.username)
    return challenge, user


def open_session(plane: Plane, session: str, *names: str) -> Challenge:
    """The open challenge of that Session.

    Raises:
        CognitoError: it was made up, has expired, or was answered.
    """
    challenge = plane.challenges.get(session)
    if challenge is None or challenge.name not in names:
        raise not_authorized("Invalid session for the user.")
    _check_fresh(plane, challenge)
    return challenge


async def _answer_new_password(plane: Plane, asked: Asked) -> Answer:
    challenge, user = _pending(plane, asked, "NEW_PASSWORD_REQUIRED")
    _check_status(plane, asked.place, user)
    password = asked.value("NEW_PASSWORD")
    accounts.check_password_policy(asked.place.pool, password)
    prefix = "userAttributes."
    given = {name.removeprefix(prefix): value for name, value in asked.values.items() if name.startswith(prefix)}
    accounts.check_writable(asked.place, list(given))
    accounts.check_attributes(asked.place.pool, given)
    missing = accounts.missing_required(asked.place.pool, user.attributes | given)
    if missing:
        raise invalid_parameter("Invalid attributes given, " + ", ".join(missing) + " is missing")
    challenge.used = True
    await accounts.set_password(plane, asked.place.pool, user, password)
    user.attributes |= given
    user.status = CONFIRMED
    plane.users.save(user, plane.now())
    return await _after_password(plane, asked.place, user, challenge)


async def _answer_software_token(plane: Plane, asked: Asked) -> Answer:
    challenge, user = _pending(plane, asked, "SOFTWARE_TOKEN_MFA")
    _check_status(plane, asked.place, user)
    use_totp(plane, user, asked.value("SOFTWARE_TOKEN_MFA_CODE"))
    challenge.used = True
    return await _finish(plane, asked.place, user, challenge)


def use_totp(plane: Plane, user: User, code: str) -> None:
    """Take a code, once.

    Raises:
        CognitoError: CodeMismatchException (UP-76), or ExpiredCodeException (UP-77).
    """
    step = mfa.matching_step(user.totp.secret, code, plane.now()) if user.totp else None
    if user.totp is None or step is None:
        raise CognitoError("CodeMismatchException", "Invalid code received for user")
    if step <= user.totp.last_step:
        raise CognitoError("ExpiredCodeException", "Your software token has already been used once.")
    user.totp.last_step = step
    plane.users.save(user, plane.now())


async def _answer_mfa_setup(plane: Plane, asked: Asked) -> Answer:
    challenge, user = _pending(plane, asked, "MFA_SETUP")
    _check_status(plane, asked.place, user)
    if challenge.stage != "verified" or user.totp is None:
        raise invalid_parameter("User has not set up software token mfa")
    challenge.used = True
    user.totp.enabled = user.totp.preferred = True
    plane.users.save(user, plane.now())
    return await _finish(plane, asked.place, user, challenge)


# --- The device, by SRP (UP-84)


async def _answer_device_srp(plane: Plane, asked: Asked) -> Answer:
    user, device = _device(plane, asked)
    if asked.session:
        challenge = open_session(plane, asked.session, "DEVICE_SRP_AUTH")
    else:
        found = plane.challenges.waiting_device(asked.place.client_id, user.username, device.key)
        if found is None:
            raise not_authorized("Invalid session for the user.")
        challenge = found
    _check_fresh(plane, challenge)
    if not _is_same(challenge, asked, user.username) or challenge.device_key != device.key:
        raise not_authorized("Invalid session for the user.")
    client_public = srp.public_value(asked.value("SRP_A"))
    if client_public is None:
        raise invalid_parameter("SRP_A is not a valid value.")
    challenge.used = True
    kept = (int(device.salt, 16), int(device.verifier, 16))
    exchange = await _exchange(plane, (device.group, device.key), kept, client_public)
    _open(plane, asked.place, replace(challenge, name="DEVICE_PASSWORD_VERIFIER", exchange=exchange, used=False))
    shown = exchange.parameters() | {"USERNAME": user.username, "DEVICE_KEY": device.key}
    return {"ChallengeName": "DEVICE_PASSWORD_VERIFIER", "ChallengeParameters": shown}


async def _answer_device_verifier(plane: Plane, asked: Asked) -> Answer:
    user, device = _device(plane, asked)
    challenge = await _check_proof(plane, asked, "DEVICE_PASSWORD_VERIFIER")
    if challenge.device_key != device.key:
        raise wrong_password()
    _check_status(plane, asked.place, user)
    return await _finish(plane, asked.place, user, challenge)


def _device(plane: Plane, asked: Asked) -> tuple[User, Device]:
    user = plane.users.find(asked.place.pool, asked.value("USERNAME"))
    device = user.devices.get(asked.value("DEVICE_KEY")) if user else None
    if user is None or device is None:
        raise not_found("Device does not exist.")
    return user, device


_ANSWERS = {
    "PASSWORD_VERIFIER": _answer_password_verifier,
    "NEW_PASSWORD_REQUIRED": _answer_new_password,
    "SOFTWARE_TOKEN_MFA": _answer_software_token,
    "MFA_SETUP": _answer_mfa_setup,
    "DEVICE_SRP_AUTH": _answer_device_srp,
    "DEVICE_PASSWORD_VERIFIER": _answer_device_verifier,
}

OPERATIONS: dict[str, Operation] = {
    "InitiateAuth": initiate_auth,
    "RespondToAuthChallenge": respond_to_auth_challenge,
    "AdminInitiateAuth": admin_initiate_auth,
    "AdminRespondToAuthChallenge": admin_respond_to_auth_challenge,
}
