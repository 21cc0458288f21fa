"""ForgotPassword and ConfirmForgotPassword (UP-28 to UP-38)."""

from . import accounts
from .accounts import Place
from .errors import CognitoError, invalid_parameter, not_authorized, user_not_found
from .plane import Answer, Parameters, Plane
from .records import CONFIRMED, FORCE_CHANGE_PASSWORD, UNCONFIRMED, User

_REQUESTS_AN_HOUR = 5
_ATTEMPTS_AN_HOUR = 10  # UP-34: 5 to 20, by risk
_NO_CONTACT = "Cannot reset password for the user as there is no registered/verified email or phone_number"  # UP-29


async def forgot_password(plane: Plane, parameters: Parameters) -> Answer:
    """Mail a reset code; who is not there is told the same (UP-30)."""
    plane.throttle(("recovery",), plane.around.quotas.user_account_recovery)
    place = await accounts.place_of(plane, parameters["ClientId"])
    typed = parameters["Username"]
    user = plane.users.find(place.pool, typed)
    accounts.check_secret_hash(place, parameters.get("SecretHash"), typed)
    accounts.limit(plane, "forgot", user or (place.pool_id, typed), _REQUESTS_AN_HOUR)
    problem = _why_not(place, user)
    if problem is None and user is not None:
        contact = accounts.verified_contact(user) or "email"
        return {"CodeDeliveryDetails": await accounts.send_code(plane, place, user, "reset", contact)}
    if place.hides_users and (user is None or not user.enabled or accounts.verified_contact(user) is None):
        _note_simulated(plane, place, typed)
        return {"CodeDeliveryDetails": accounts.simulated_delivery(place, typed)}
    raise problem or user_not_found()


def _why_not(place: Place, user: User | None) -> CognitoError | None:
    if user is None:
        return user_not_found()
    if not user.enabled:
        return not_authorized("User is disabled.")
    if user.status == FORCE_CHANGE_PASSWORD:
        return not_authorized("User password cannot be reset in the current state.")  # UP-31
    mechanisms = place.pool.get("AccountRecoverySetting", {}).get("RecoveryMechanisms") or []
    if [item.get("Name") for item in mechanisms] == ["admin_only"]:
        return not_authorized("Contact administrator to reset password.")
    return invalid_parameter(_NO_CONTACT) if accounts.verified_contact(user) is None else None


def _simulated(place: Place, typed: str) -> tuple[str, ...]:
    return ("simulated reset", place.pool_id, typed.casefold())


def _note_simulated(plane: Plane, place: Place, typed: str) -> None:
    plane.windows.allow(_simulated(place, typed), 1, accounts.RESET_CODE_SECONDS, plane.now())


async def confirm_forgot_password(plane: Plane, parameters: Parameters) -> Answer:
    """Set a new password by code."""
    place = await accounts.place_of(plane, parameters["ClientId"])
    typed = parameters["Username"]
    user = plane.users.find(place.pool, typed)
    accounts.check_secret_hash(place, parameters.get("SecretHash"), typed)
    accounts.limit(plane, "reset", user or (place.pool_id, typed), _ATTEMPTS_AN_HOUR)
    if user is None or not user.enabled:
        raise _refusal(plane, place, typed, user)
    accounts.check_password_policy(place.pool, parameters["Password"])
    code = accounts.use_code(plane, user, "reset", parameters["ConfirmationCode"], accounts.RESET_CODE_SECONDS)
    try:
        await accounts.set_password(plane, place.pool, user, parameters["Password"])
    except CognitoError:
        user.codes["reset"] = code
        raise
    if user.status != UNCONFIRMED:
        user.status = CONFIRMED
    plane.grants.revoke_all(user)
    plane.lockouts.succeed((user.pool_id, user.username))
    plane.users.save(user, plane.now())
    return {}


def _refusal(plane: Plane, place: Place, typed: str, user: User | None) -> CognitoError:
    if not place.hides_users:
        return user_not_found() if user is None else not_authorized("User is disabled.")
    # UP-36: expired when no code was asked for, mismatch when one was
    noted = plane.windows.happened(_simulated(place, typed), accounts.RESET_CODE_SECONDS, plane.now())
    return accounts.code_mismatch() if noted else accounts.code_expired()


OPERATIONS = {"ForgotPassword": forgot_password, "ConfirmForgotPassword": confirm_forgot_password}
