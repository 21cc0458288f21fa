"""What a signed-in user does to the own account: GetUser, attributes, password, deletion (UP-108 to UP-114)."""

from . import accounts, issuing, signup
from .accounts import Place
from .errors import CognitoError, invalid_parameter, wrong_password
from .plane import Answer, Operation, Parameters, Plane
from .records import User

_CHANGES_AN_HOUR = 5  # UP-113
_CODES_AN_HOUR = 5


async def _holder(plane: Plane, parameters: Parameters, what: str) -> issuing.Bearer:
    """The user of the access token, within the quota of reads or writes (UP-08)."""
    holder = await issuing.bearer(plane, parameters["AccessToken"])
    plane.throttle((what, holder.user.pool_id, holder.user.username), plane.around.quotas.user_profile)
    return holder


async def get_user(plane: Plane, parameters: Parameters) -> Answer:
    """The user's name and what the client may read of the attributes (UP-112)."""
    holder = await _holder(plane, parameters, "profile reads")
    attributes = accounts.attribute_list(accounts.readable(holder.place, holder.user))
    return {"Username": holder.user.username, "UserAttributes": attributes} | mfa_settings(holder.user)


def mfa_settings(user: User) -> Answer:
    """The user's MFA choices; no keys at all when there are none (UP-112)."""
    if not (user.totp and user.totp.enabled):
        return {}
    preferred = {"PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"} if user.totp.preferred else {}
    return {"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], **preferred}


async def update_user_attributes(plane: Plane, parameters: Parameters) -> Answer:
    """Change attributes that the client may write; a new contact must be verified anew."""
    holder = await _holder(plane, parameters, "profile writes")
    given = accounts.attribute_map(parameters["UserAttributes"])
    accounts.check_writable(holder.place, list(given))
    check_update(plane, holder.place.pool, holder.user, given)
    contacts = change(plane, holder.place, holder.user, given)
    sent = []
    for attribute in contacts:
        sent.append(await accounts.send_code(plane, holder.place, holder.user, f"verify:{attribute}", attribute))
    return {"CodeDeliveryDetailsList": sent} if sent else {}


def check_update(plane: Plane, pool: dict[str, object], user: User, given: dict[str, str]) -> None:
    """Refuse new values that the schema or another account does not leave free."""
    accounts.check_attributes(pool, given)
    fixed = {item["Name"] for item in _schema(pool) if item.get("Mutable") is False}
    for name in given:
        if name in fixed:
            raise invalid_parameter(f"user.{name}: Attribute cannot be updated.\n")
    for attribute in _names(pool, "UsernameAttributes"):
        if attribute in given and any(
            one.username != user.username for one in plane.users.having(pool, attribute, given[attribute])
        ):
            raise CognitoError("AliasExistsException", f"An account with the given {attribute} already exists.")


def _schema(pool: dict[str, object]) -> list[dict[str, object]]:
    found = pool.get("SchemaAttributes")
    return found if isinstance(found, list) else []


def _names(pool: dict[str, object], key: str) -> list[str]:
    found = pool.get(key)
    return found if isinstance(found, list) else []


def change(plane: Plane, place: Place, user: User, given: dict[str, str]) -> list[str]:
    """Put the values in; returns the contacts that now wait for a code."""
    kept_back = place.pool.get("UserAttributeUpdateSettings", {}).get("AttributesRequireVerificationBeforeUpdate") or []
    waiting = []
    for name, value in given.items():
        if name in accounts.CONTACTS and value != user.attributes.get(name):
            if name in (place.pool.get("AutoVerifiedAttributes") or []):
                waiting.append(name)
            if name in kept_back and name in waiting:
                user.pending[name] = value
                continue
            user.attributes[f"{name}_verified"] = "false"
        user.attributes[name] = value
    plane.users.save(user, plane.now())
    return waiting


async def delete_user_attributes(plane: Plane, parameters: Parameters) -> Answer:
    """Remove attributes that the client may write."""
    holder = await _holder(plane, parameters, "profile writes")
    accounts.check_writable(holder.place, parameters["UserAttributeNames"])
    remove_attributes(plane, holder.place.pool, holder.user, parameters["UserAttributeNames"])
    return {}


def remove_attributes(plane: Plane, pool: dict[str, object], user: User, names: list[str]) -> None:
    """Remove attributes, but none that the pool requires."""
    required = {str(item["Name"]) for item in _schema(pool) if item.get("Required")} | {"sub"}
    required |= set(_names(pool, "UsernameAttributes")) & user.attributes.keys()
    for name in names:
        if name in required:
            raise invalid_parameter(f"user.{name}: Attribute cannot be deleted.\n")
    for name in names:
        user.attributes.pop(name, None)
        if name in accounts.CONTACTS:
            user.attributes.pop(f"{name}_verified", None)
    plane.users.save(user, plane.now())


async def get_user_attribute_verification_code(plane: Plane, parameters: Parameters) -> Answer:
    """Mail a code that verifies a contact."""
    holder = await _holder(plane, parameters, "profile writes")
    attribute = parameters["AttributeName"]
    if attribute not in accounts.CONTACTS or not (
        holder.user.pending.get(attribute) or holder.user.attributes.get(attribute)
    ):
        raise invalid_parameter(f"Cannot send a code for {attribute}.")
    accounts.limit(plane, "attribute code", holder.user, _CODES_AN_HOUR)
    details = await accounts.send_code(plane, holder.place, holder.user, f"verify:{attribute}", attribute)
    return {"CodeDeliveryDetails": details}


async def verify_user_attribute(plane: Plane, parameters: Parameters) -> Answer:
    """Take the code that verifies a contact; a value that waited for it takes effect."""
    holder = await _holder(plane, parameters, "profile writes")
    user, attribute = holder.user, parameters["AttributeName"]
    accounts.limit(plane, "verify", user, 15)
    purpose = f"verify:{attribute}"
    code = accounts.use_code(plane, user, purpose, parameters["Code"], accounts.CONFIRM_CODE_SECONDS)
    before = user.attributes.get(attribute)
    user.attributes[attribute] = user.pending.get(attribute) or user.attributes[attribute]
    try:
        check_update(plane, holder.place.pool, user, {attribute: user.attributes[attribute]})
        signup.take_alias(plane, holder.place.pool, user, attribute)
    except CognitoError:
        user.codes[purpose] = code
        if before is not None:
            user.attributes[attribute] = before
        raise
    user.pending.pop(attribute, None)
    user.attributes[f"{attribute}_verified"] = "true"
    plane.users.save(user, plane.now())
    return {}


async def change_password(plane: Plane, parameters: Parameters) -> Answer:
    """Replace the password by one who knows it (UP-113)."""
    holder = await _holder(plane, parameters, "profile writes")
    user = holder.user
    accounts.limit(plane, "change password", user, _CHANGES_AN_HOUR)
    previous = parameters.get("PreviousPassword") or ""
    pool_name = accounts.pool_name(holder.place.pool)
    if user.secret and not await plane.compute(accounts.is_password, user.secret, pool_name, user.username, previous):
        raise wrong_password()
    accounts.check_password_policy(holder.place.pool, parameters["ProposedPassword"])
    await accounts.set_password(plane, holder.place.pool, user, parameters["ProposedPassword"])
    plane.users.save(user, plane.now())
    return {}


async def delete_user(plane: Plane, parameters: Parameters) -> Answer:
    """Remove the account and its sign-ins (UP-114)."""
    holder = await issuing.bearer(plane, parameters["AccessToken"])
    remove(plane, holder.user)
    return {}


def remove(plane: Plane, user: User) -> None:
    """Forget a user and everything that was granted."""
    plane.grants.remove_all(user)
    plane.users.remove(user)


OPERATIONS: dict[str, Operation] = {
    "GetUser": get_user,
    "UpdateUserAttributes": update_user_attributes,
    "DeleteUserAttributes": delete_user_attributes,
    "GetUserAttributeVerificationCode": get_user_attribute_verification_code,
    "VerifyUserAttribute": verify_user_attribute,
    "ChangePassword": change_password,
    "DeleteUser": delete_user,
}
