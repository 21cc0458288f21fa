"""InitiateAuth and RespondToAuthChallenge: from a name to tokens, challenge by challenge (UP-39 to UP-88)."""

from dataclasses import replace
from typing import Any

from . import accounts, challenges, completion, mfa, proofs, renewal, srp
from .accounts import Place
from .challenges import Asked
from .errors import CognitoError, invalid_parameter, not_authorized, not_found, wrong_password
from .plane import Answer, Operation, Parameters, Plane
from .records import CONFIRMED, Device, User

_REFRESH_FLOWS = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")  # UP-98
_ADMIN_FLOWS = ("ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
_DEFAULT_FLOWS = frozenset({"USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "CUSTOM_AUTH"})  # UP-62


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
        return await proofs.offer_srp(plane, asked)
    if flow in ("USER_PASSWORD_AUTH", *_ADMIN_FLOWS):
        challenge = await proofs.take_password(plane, asked)
        user = proofs.living(plane, asked.place, challenge.username)
        return await completion.after_password(plane, asked.place, user, challenge)
    raise invalid_parameter("Initiate Auth method not supported.")


async def _answer_password_verifier(plane: Plane, asked: Asked) -> Answer:
    challenge = await proofs.check_proof(plane, asked, "PASSWORD_VERIFIER")
    user = proofs.living(plane, asked.place, challenge.username)
    if asked.values.get("DEVICE_KEY"):
        challenge.device_key = asked.values["DEVICE_KEY"]
    return await completion.after_password(plane, asked.place, user, challenge)


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


async def _answer_new_password(plane: Plane, asked: Asked) -> Answer:
    challenge, user = challenges.pending(plane, asked, "NEW_PASSWORD_REQUIRED")
    completion.check_status(plane, asked.place, user)
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
    return await completion.after_password(plane, asked.place, user, challenge)


async def _answer_software_token(plane: Plane, asked: Asked) -> Answer:
    challenge, user = challenges.pending(plane, asked, "SOFTWARE_TOKEN_MFA")
    completion.check_status(plane, asked.place, user)
    use_totp(plane, user, asked.value("SOFTWARE_TOKEN_MFA_CODE"))
    challenge.used = True
    return await completion.finish(plane, asked.place, user, challenge)


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
    challenge, user = challenges.pending(plane, asked, "MFA_SETUP")
    completion.check_status(plane, asked.place, user)
    if challenge.stage != "verified" or user.totp is None:
        raise invalid_parameter("User has not set up software token mfa")
    challenge.used = True
    user.totp.enabled = user.totp.preferred = True
    plane.users.save(user, plane.now())
    return await completion.finish(plane, asked.place, user, challenge)


async def _answer_device_srp(plane: Plane, asked: Asked) -> Answer:
    user, device = _device(plane, asked)
    if asked.session:
        challenge = challenges.open_session(plane, asked.session, "DEVICE_SRP_AUTH")
    else:
        found = plane.challenges.waiting_device(asked.place.client_id, user.username, device.key)
        if found is None:
            raise not_authorized("Invalid session for the user.")
        challenge = found
    challenges.check_fresh(plane, challenge)
    if not challenges.is_of(challenge, asked, user.username) or challenge.device_key != device.key:
        raise not_authorized("Invalid session for the user.")
    client_public = srp.public_value(asked.value("SRP_A"))
    if client_public is None:
        raise invalid_parameter("SRP_A is not a valid value.")
    challenge.used = True
    kept = (int(device.salt, 16), int(device.verifier, 16))
    exchange = await proofs.exchange_for(plane, (device.group, device.key), kept, client_public)
    challenges.open_new(
        plane, asked.place, replace(challenge, name="DEVICE_PASSWORD_VERIFIER", exchange=exchange, used=False)
    )
    shown = exchange.parameters() | {"USERNAME": user.username, "DEVICE_KEY": device.key}
    return {"ChallengeName": "DEVICE_PASSWORD_VERIFIER", "ChallengeParameters": shown}


async def _answer_device_verifier(plane: Plane, asked: Asked) -> Answer:
    user, device = _device(plane, asked)
    challenge = await proofs.check_proof(plane, asked, "DEVICE_PASSWORD_VERIFIER")
    if challenge.device_key != device.key:
        raise wrong_password()
    completion.check_status(plane, asked.place, user)
    return await completion.finish(plane, asked.place, user, challenge)


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
