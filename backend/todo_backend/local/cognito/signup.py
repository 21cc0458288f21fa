"""SignUp, ConfirmSignUp and ResendConfirmationCode (UP-10 to UP-27)."""

from . import accounts, passwords, users
from .accounts import Place
from .directory import Described
from .errors import CognitoError, invalid_parameter, not_authorized, user_not_found
from .plane import Answer, Parameters, Plane
from .records import CONFIRMED, UNCONFIRMED, User

_CONFIRMS_AN_HOUR = 15  # UP-24
_RESENDS_AN_HOUR = 5  # UP-25
_UNKNOWN = "Username/client id combination not found."  # UP-23


async def sign_up(plane: Plane, parameters: Parameters) -> Answer:
    """Make an unconfirmed user, and mail a code where the pool verifies by itself."""
    plane.throttle(("creation",), plane.around.quotas.user_creation)
    place = await accounts.place_of(plane, parameters["ClientId"])
    typed = parameters["Username"]
    accounts.check_secret_hash(place, parameters.get("SecretHash"), typed)
    if place.pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly"):
        raise not_authorized("SignUp is not permitted for this user pool")
    password = parameters.get("Password") or ""
    passwords.check(password, accounts.policy(place.pool), passwords.SIGN_UP_WORDING)
    given = accounts.attribute_map(parameters.get("UserAttributes"))
    accounts.check_writable(place, list(given))
    user = draft(plane, place.pool, typed, given, UNCONFIRMED)
    await accounts.set_password(plane, place.pool, user, password)
    check_free(plane, place.pool, user, typed)
    plane.users.save(user, plane.now())
    return await _first_code(plane, place, user)


async def _first_code(plane: Plane, place: Place, user: User) -> Answer:
    answer: Answer = {"UserConfirmed": False, "UserSub": user.sub}
    attribute = attribute_to_verify(place.pool, user)
    if attribute:
        answer["CodeDeliveryDetails"] = await accounts.send_code(plane, place, user, "confirm", attribute)
    return answer


def draft(plane: Plane, pool: Described, typed: str, given: dict[str, str], status: str) -> User:
    """A new user of that name, not stored yet.

    Raises:
        CognitoError: the name or an attribute is not what the pool takes, or the name is taken.
    """
    sub = plane.uuid()
    values = {"sub": sub, **given}
    username = typed
    by = pool.get("UsernameAttributes") or []
    if by:
        values[_kind_of(by, typed)] = typed
        username = sub  # UP-93
    elif "email" in pool.get("AliasAttributes", []) and accounts.is_email(typed):
        raise invalid_parameter("Username cannot be of email format, since user pool is configured for email alias.")
    accounts.check_attributes(pool, values)
    missing = accounts.missing_required(pool, values)
    if missing:
        problem = "\n".join(f"{name}: The attribute is required" for name in missing)
        raise invalid_parameter(f"Attributes did not conform to the schema: {problem}\n")
    user = User(pool["Id"], username, values, status, plane.now(), plane.now())
    check_free(plane, pool, user, typed)
    return user


def _kind_of(by: list[str], typed: str) -> str:
    if "email" in by and accounts.is_email(typed):
        return "email"
    if "phone_number" in by and accounts.is_phone(typed):
        return "phone_number"
    what = " or ".join({"email": "an email", "phone_number": "a phone number"}[name] for name in by)
    raise invalid_parameter(f"Username should be {what}.")


def check_free(plane: Plane, pool: Described, user: User, typed: str) -> None:
    """Refuse a name that is taken (UP-12)."""
    for attribute in pool.get("UsernameAttributes") or []:
        value = user.attributes.get(attribute)
        if value and any(other.username != user.username for other in plane.users.having(pool, attribute, value)):
            word = attribute.replace("_number", " number") if attribute != "email" else attribute
            raise CognitoError("UsernameExistsException", f"An account with the given {word} already exists.")
    if plane.users.get(pool, user.username) is not None or plane.users.get(pool, typed) is not None:
        raise CognitoError("UsernameExistsException", "User already exists")


def attribute_to_verify(pool: Described, user: User) -> str | None:
    """The contact to which the pool sends a code by itself; None when there is none (UP-11)."""
    for attribute in pool.get("AutoVerifiedAttributes") or []:
        if user.attributes.get(attribute):
            return str(attribute)
    return None


async def confirm_sign_up(plane: Plane, parameters: Parameters) -> Answer:
    """Confirm a user who has the code."""
    place = await accounts.place_of(plane, parameters["ClientId"])
    typed = parameters["Username"]
    user = plane.users.find(place.pool, typed)
    accounts.check_secret_hash(place, parameters.get("SecretHash"), typed)
    accounts.limit(plane, "confirm", user or (place.pool_id, typed), _CONFIRMS_AN_HOUR)
    if user is None:
        raise accounts.code_expired() if place.hides_users else user_not_found(_UNKNOWN)
    if user.status != UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {user.status}")
    code = accounts.use_code(plane, user, "confirm", parameters["ConfirmationCode"], accounts.CONFIRM_CODE_SECONDS)
    try:
        take_alias(plane, place.pool, user, code.attribute, force=bool(parameters.get("ForceAliasCreation")))
    except CognitoError:
        user.codes["confirm"] = code
        raise
    user.status = CONFIRMED
    user.attributes[f"{code.attribute}_verified"] = "true"
    plane.users.save(user, plane.now())
    return {}


def take_alias(plane: Plane, pool: Described, user: User, attribute: str, *, force: bool = False) -> None:
    """Let the attribute name this user at sign-in, before it becomes verified.

    Raises:
        CognitoError: AliasExistsException, it names somebody else and `force` is not set (UP-13).
    """
    if attribute not in (pool.get("AliasAttributes") or []):
        return
    for other in plane.users.having(pool, attribute, user.attributes[attribute]):
        if other.username != user.username and users.is_alias(other, attribute):
            if not force:
                word = attribute.replace("_", " ")
                raise CognitoError("AliasExistsException", f"An account with the {word} already exists.")
            other.attributes[f"{attribute}_verified"] = "false"
            plane.users.save(other, plane.now())


async def resend_confirmation_code(plane: Plane, parameters: Parameters) -> Answer:
    """Mail a new code; the one before stops working."""
    place = await accounts.place_of(plane, parameters["ClientId"])
    typed = parameters["Username"]
    user = plane.users.find(place.pool, typed)
    accounts.check_secret_hash(place, parameters.get("SecretHash"), typed)
    accounts.limit(plane, "resend", user or (place.pool_id, typed), _RESENDS_AN_HOUR)
    if user is None or not user.enabled:
        if place.hides_users:
            return {"CodeDeliveryDetails": accounts.simulated_delivery(place, typed)}
        raise user_not_found(_UNKNOWN) if user is None else not_authorized("User is disabled.")
    if user.status != UNCONFIRMED:
        raise invalid_parameter("User is already confirmed.")
    attribute = attribute_to_verify(place.pool, user)
    if attribute is None:
        raise invalid_parameter("Auto verification not turned on.")
    return {"CodeDeliveryDetails": await accounts.send_code(plane, place, user, "confirm", attribute)}


OPERATIONS = {
    "SignUp": sign_up,
    "ConfirmSignUp": confirm_sign_up,
    "ResendConfirmationCode": resend_confirmation_code,
}
