"""AssociateSoftwareToken, VerifySoftwareToken, SetUserMFAPreference (UP-72 to UP-78)."""

from dataclasses import replace

from . import accounts, challenges, issuing, mfa, tokens
from .directory import Described
from .errors import CognitoError, invalid_parameter, not_authorized
from .plane import Answer, Operation, Parameters, Plane
from .records import Totp, User
from .sessions import Challenge

_NOT_SET_UP = "User has not set up software token mfa"  # UP-74


async def _asker(plane: Plane, parameters: Parameters) -> tuple[User, Described, Challenge | None]:
    """The user, by access token or by the Session of MFA_SETUP."""
    if parameters.get("AccessToken"):
        holder = await issuing.bearer(plane, parameters["AccessToken"])
        return holder.user, holder.place.pool, None
    if not parameters.get("Session"):
        raise invalid_parameter("Missing required parameter AccessToken or Session")
    challenge = challenges.open_session(plane, parameters["Session"], "MFA_SETUP")
    pool = await plane.directory.user_pool(challenge.pool_id)
    user = plane.users.get(pool, challenge.username)
    if user is None or not user.enabled:
        raise not_authorized("Invalid session for the user.")
    return user, pool, challenge


async def associate_software_token(plane: Plane, parameters: Parameters) -> Answer:
    """A new secret for the user's authenticator; it counts once it is verified."""
    user, pool, challenge = await _asker(plane, parameters)
    if not await plane.directory.token_mfa_is_on(pool):
        message = "Software Token MFA has not been enabled by the userPool."
        raise CognitoError("SoftwareTokenMFANotFoundException", message)
    secret = mfa.secret_code(plane.random(mfa.SECRET_BYTES))
    user.totp = Totp(secret, last_step=user.totp.last_step if user.totp else -1)
    plane.users.save(user, plane.now())
    return {"SecretCode": secret} | _next_session(plane, challenge, "associated")


def _next_session(plane: Plane, challenge: Challenge | None, stage: str) -> Answer:
    if challenge is None:
        return {}
    challenge.used = True
    session = tokens.encoded(plane.random(96))
    plane.challenges.add(session, replace(challenge, used=False, stage=stage), plane.now())
    return {"Session": session}


async def verify_software_token(plane: Plane, parameters: Parameters) -> Answer:
    """Take the first code of the authenticator (UP-73)."""
    user, _, challenge = await _asker(plane, parameters)
    if user.totp is None:
        raise invalid_parameter(_NOT_SET_UP)
    accounts.limit(plane, "verify token", user, 15)
    step = mfa.matching_step(user.totp.secret, parameters["UserCode"], plane.now())
    if step is None:
        raise CognitoError("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
    user.totp.verified, user.totp.last_step = True, step
    plane.users.save(user, plane.now())
    return {"Status": "SUCCESS"} | _next_session(plane, challenge, "verified")


async def set_user_mfa_preference(plane: Plane, parameters: Parameters) -> Answer:
    """Switch the software token on, off, or to the front, for the signed-in user."""
    holder = await issuing.bearer(plane, parameters["AccessToken"])
    return _prefer(plane, holder.user, parameters)


async def admin_set_user_mfa_preference(plane: Plane, parameters: Parameters) -> Answer:
    """The same for any user."""
    _, user = await accounts.admin_place(plane, parameters)
    return _prefer(plane, user, parameters)


def _prefer(plane: Plane, user: User, parameters: Parameters) -> Answer:
    for other in ("SMSMfaSettings", "EmailMfaSettings"):
        if (parameters.get(other) or {}).get("Enabled"):
            raise invalid_parameter("User does not have delivery config set to turn on this MFA.")
    wish = parameters.get("SoftwareTokenMfaSettings")
    if not wish:
        return {}
    enabled = bool(wish.get("Enabled"))
    if enabled and not (user.totp and user.totp.verified):
        raise invalid_parameter(_NOT_SET_UP)
    if user.totp:
        user.totp.enabled = enabled
        user.totp.preferred = enabled and bool(wish.get("PreferredMfa"))
        plane.users.save(user, plane.now())
    return {}


OPERATIONS: dict[str, Operation] = {
    "AssociateSoftwareToken": associate_software_token,
    "VerifySoftwareToken": verify_software_token,
    "SetUserMFAPreference": set_user_mfa_preference,
    "AdminSetUserMFAPreference": admin_set_user_mfa_preference,
}
