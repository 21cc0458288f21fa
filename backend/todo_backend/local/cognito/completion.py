"""What comes after the right password: the user's status, devices, second factor, tokens."""

import json

from . import accounts, challenges, issuing, tokens
from .accounts import Place
from .errors import CognitoError, not_authorized, not_found
from .plane import Answer, Plane, derived
from .records import FORCE_CHANGE_PASSWORD, RESET_REQUIRED, UNCONFIRMED, User
from .sessions import Challenge
from .tokens import PoolKeys


def check_status(plane: Plane, place: Place, user: User) -> None:
    """Refuse a user who may not sign in now, whatever the password."""
    if not user.enabled:
        raise not_authorized("User is disabled.")  # UP-59
    if user.status == UNCONFIRMED:
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")  # UP-58
    if user.status == RESET_REQUIRED:
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")  # UP-60
    days = int(accounts.policy(place.pool).get("TemporaryPasswordValidityDays") or 7)  # UP-16
    if user.status == FORCE_CHANGE_PASSWORD and plane.now() - user.password_set_at >= days * accounts.DAY_SECONDS:
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")  # UP-71


async def after_password(plane: Plane, place: Place, user: User, challenge: Challenge) -> Answer:
    """The next challenge, or the tokens."""
    check_status(plane, place, user)
    if user.status == FORCE_CHANGE_PASSWORD:
        return challenges.ask(plane, place, challenge, "NEW_PASSWORD_REQUIRED", _new_password_parameters(place, user))
    if challenge.device_key and place.pool.get("DeviceConfiguration"):
        device = user.devices.get(challenge.device_key)
        if device is None:
            raise not_found("Device does not exist.")  # UP-85
        if device.remembered:
            return challenges.ask(
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
        return challenges.ask(plane, place, challenge, "SOFTWARE_TOKEN_MFA", {"USER_ID_FOR_SRP": user.username})
    if mode == "ON":  # UP-78
        shown = {"MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]', "USER_ID_FOR_SRP": user.username}
        return challenges.ask(plane, place, challenge, "MFA_SETUP", shown)
    return await finish(plane, place, user, challenge)


async def finish(plane: Plane, place: Place, user: User, challenge: Challenge) -> Answer:
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
