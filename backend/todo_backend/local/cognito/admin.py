"""Users as the pool's owner handles them: the Admin operations, lists and groups. `app` has checked the caller."""

import re
from collections.abc import Callable

from . import accounts, devices, passwords, profile, signup
from .directory import Described
from .errors import CognitoError, invalid_parameter, not_authorized, not_found, user_not_found
from .plane import Answer, Operation, Parameters, Plane
from .records import CONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED, UNCONFIRMED, User

_PAGE = 60
_SUBJECT = "Your temporary password"
_TEXT = "Your username is {username} and temporary password is {####}."
_FILTER = re.compile(r'\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')


def shown(user: User, attributes_as: str = "Attributes") -> Answer:
    """The user as UserType; times are seconds since 1970."""
    return {
        "Username": user.username,
        attributes_as: accounts.attribute_list(user.attributes),
        "UserCreateDate": user.created_at,
        "UserLastModifiedDate": user.modified_at,
        "Enabled": user.enabled,
        "UserStatus": user.status,
    }


async def admin_create_user(plane: Plane, parameters: Parameters) -> Answer:
    """Make a user with a temporary password, and mail it (UP-69)."""
    pool = await plane.directory.user_pool(parameters["UserPoolId"])
    if parameters.get("MessageAction") == "RESEND":
        return await _invite_again(plane, pool, parameters)
    given = accounts.attribute_map(parameters.get("UserAttributes"))
    typed = parameters["Username"]
    user = signup.draft(plane, pool, typed, given, FORCE_CHANGE_PASSWORD)
    password = parameters.get("TemporaryPassword") or passwords.temporary(accounts.policy(pool), plane.random)
    accounts.check_password_policy(pool, password)
    await accounts.set_password(plane, pool, user, password)
    signup.check_free(plane, pool, user, typed)
    plane.users.save(user, plane.now())
    if parameters.get("MessageAction") != "SUPPRESS":
        await _invite(plane, pool, user, password)
    return {"User": shown(user)}


async def _invite_again(plane: Plane, pool: Described, parameters: Parameters) -> Answer:
    user = plane.users.find(pool, parameters["Username"])
    if user is None:
        raise user_not_found()
    if user.status != FORCE_CHANGE_PASSWORD:
        message = f"Resend not possible. {user.username} status is not FORCE_CHANGE_PASSWORD"
        raise CognitoError("UnsupportedUserStateException", message)
    password = parameters.get("TemporaryPassword") or passwords.temporary(accounts.policy(pool), plane.random)
    await accounts.set_password(plane, pool, user, password)
    plane.users.save(user, plane.now())
    await _invite(plane, pool, user, password)
    return {"User": shown(user)}


async def _invite(plane: Plane, pool: Described, user: User, password: str) -> None:
    address = user.attributes.get("email")
    if not address:
        return
    template = pool.get("AdminCreateUserConfig", {}).get("InviteMessageTemplate") or {}
    text = template.get("EmailMessage") or _TEXT
    name = address if pool.get("UsernameAttributes") else user.username
    await plane.mail(
        address, template.get("EmailSubject") or _SUBJECT, text.replace("{####}", password).replace("{username}", name)
    )


async def admin_get_user(plane: Plane, parameters: Parameters) -> Answer:
    """Everything about a user."""
    _, user = await accounts.admin_place(plane, parameters)
    return shown(user, "UserAttributes") | profile.mfa_settings(user)


async def admin_delete_user(plane: Plane, parameters: Parameters) -> Answer:
    """Remove a user."""
    _, user = await accounts.admin_place(plane, parameters)
    profile.remove(plane, user)
    return {}


async def admin_confirm_sign_up(plane: Plane, parameters: Parameters) -> Answer:
    """Confirm a user without a code; no attribute becomes verified by it."""
    _, user = await accounts.admin_place(plane, parameters)
    if user.status != UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {user.status}")
    user.status = CONFIRMED
    plane.users.save(user, plane.now())
    return {}


async def admin_set_user_password(plane: Plane, parameters: Parameters) -> Answer:
    """Set a password, for good or until the next sign-in."""
    pool, user = await accounts.admin_place(plane, parameters)
    accounts.check_password_policy(pool, parameters["Password"])
    await accounts.set_password(plane, pool, user, parameters["Password"])
    user.status = CONFIRMED if parameters.get("Permanent") else FORCE_CHANGE_PASSWORD
    plane.users.save(user, plane.now())
    return {}


async def admin_reset_user_password(plane: Plane, parameters: Parameters) -> Answer:
    """Mail a reset code; the user must use it before the next sign-in (UP-60)."""
    pool, user = await accounts.admin_place(plane, parameters)
    contact = accounts.verified_contact(user)
    if contact is None:
        raise invalid_parameter(
            "Cannot reset password for the user as there is no registered/verified email or phone_number"
        )
    if user.status == FORCE_CHANGE_PASSWORD:
        raise not_authorized("User password cannot be reset in the current state.")
    user.status = RESET_REQUIRED
    await accounts.send_code(plane, accounts.Place(pool, {}), user, "reset", contact)
    return {}


async def _set_enabled(plane: Plane, parameters: Parameters, *, enabled: bool) -> Answer:
    _, user = await accounts.admin_place(plane, parameters)
    user.enabled = enabled
    if not enabled:
        plane.grants.revoke_all(user)
    plane.users.save(user, plane.now())
    return {}


async def admin_disable_user(plane: Plane, parameters: Parameters) -> Answer:
    """Keep a user out, and end what is signed in."""
    return await _set_enabled(plane, parameters, enabled=False)


async def admin_enable_user(plane: Plane, parameters: Parameters) -> Answer:
    """Let a user in again."""
    return await _set_enabled(plane, parameters, enabled=True)


async def admin_update_user_attributes(plane: Plane, parameters: Parameters) -> Answer:
    """Change any attribute, `email_verified` too."""
    pool, user = await accounts.admin_place(plane, parameters)
    given = accounts.attribute_map(parameters["UserAttributes"])
    profile.check_update(plane, pool, user, given)
    contacts = profile.change(
        plane, accounts.Place(pool, {}), user, {k: v for k, v in given.items() if given.get(f"{k}_verified") != "true"}
    )
    user.attributes |= given
    for attribute in contacts:
        user.pending.pop(attribute, None)
        if given.get(f"{attribute}_verified") != "true":
            await accounts.send_code(plane, accounts.Place(pool, {}), user, f"verify:{attribute}", attribute)
    plane.users.save(user, plane.now())
    return {}


async def admin_delete_user_attributes(plane: Plane, parameters: Parameters) -> Answer:
    """Remove attributes."""
    pool, user = await accounts.admin_place(plane, parameters)
    profile.remove_attributes(plane, pool, user, parameters["UserAttributeNames"])
    return {}


async def admin_user_global_sign_out(plane: Plane, parameters: Parameters) -> Answer:
    """End all of a user's sign-ins."""
    _, user = await accounts.admin_place(plane, parameters)
    plane.grants.revoke_all(user)
    return {}


# --- Lists


async def list_users(plane: Plane, parameters: Parameters) -> Answer:
    """The pool's users, oldest first, by one condition on an attribute."""
    pool = await plane.directory.user_pool(parameters["UserPoolId"])
    wanted = _condition(parameters.get("Filter"))
    found = [user for user in plane.users.all(pool["Id"]) if wanted(user)]
    wish = parameters.get("AttributesToGet")
    answer = _page(found, parameters, "PaginationToken")
    if wish is not None:
        for one in answer["Users"]:
            one["Attributes"] = [item for item in one["Attributes"] if item["Name"] in wish]
    return answer


def _page(found: list[User], parameters: Parameters, token_name: str) -> Answer:
    start = devices.position(parameters.get(token_name))
    limit = parameters.get("Limit")
    end = start + (_PAGE if limit is None else int(limit) or _PAGE)
    more = {token_name: str(end)} if end < len(found) else {}
    return {"Users": [shown(user) for user in found[start:end]], **more}


def _condition(text: str | None) -> Callable[[User], bool]:
    """A test for ListUsers' Filter: `name = "value"` or `name ^= "beginning"`."""
    if not (text or "").strip():
        return lambda user: True
    parts = _FILTER.fullmatch(text or "")
    if parts is None:
        raise invalid_parameter("One or more parameters are not valid: Error while parsing filter.")
    name, operator, value = parts[1], parts[2], re.sub(r"\\(.)", r"\1", parts[3])

    def fits(user: User) -> bool:
        has = _filterable(user, name)
        return has.startswith(value) if operator == "^=" else has == value

    return fits


def _filterable(user: User, name: str) -> str:
    special = {
        "username": user.username,
        "cognito:user_status": user.status,
        "status": "Enabled" if user.enabled else "Disabled",
    }
    return special.get(name) or user.attributes.get(name, "")


# --- Groups: what they are is configuration, who is in them is not


async def _group_and_user(plane: Plane, parameters: Parameters) -> User:
    pool, user = await accounts.admin_place(plane, parameters)
    if await plane.directory.group(pool["Id"], parameters["GroupName"]) is None:
        raise not_found("Group not found.")
    return user


async def admin_add_user_to_group(plane: Plane, parameters: Parameters) -> Answer:
    """Put a user into a group."""
    user = await _group_and_user(plane, parameters)
    if parameters["GroupName"] not in user.groups:
        user.groups.append(parameters["GroupName"])
        plane.users.save(user, plane.now())
    return {}


async def admin_remove_user_from_group(plane: Plane, parameters: Parameters) -> Answer:
    """Take a user out of a group."""
    user = await _group_and_user(plane, parameters)
    if parameters["GroupName"] in user.groups:
        user.groups.remove(parameters["GroupName"])
        plane.users.save(user, plane.now())
    return {}


async def admin_list_groups_for_user(plane: Plane, parameters: Parameters) -> Answer:
    """The groups of a user."""
    pool, user = await accounts.admin_place(plane, parameters)
    found = [await plane.directory.group(pool["Id"], name) for name in user.groups]
    return {"Groups": [_plain(group) for group in found if group]}


async def list_users_in_group(plane: Plane, parameters: Parameters) -> Answer:
    """The users of a group."""
    pool = await plane.directory.user_pool(parameters["UserPoolId"])
    if await plane.directory.group(pool["Id"], parameters["GroupName"]) is None:
        raise not_found("Group not found.")
    found = [user for user in plane.users.all(pool["Id"]) if parameters["GroupName"] in user.groups]
    return _page(found, parameters, "NextToken")


def _plain(group: Described) -> Answer:
    """The group with times as seconds since 1970."""
    return {name: value.timestamp() if hasattr(value, "timestamp") else value for name, value in group.items()}


OPERATIONS: dict[str, Operation] = {
    "AdminCreateUser": admin_create_user,
    "AdminGetUser": admin_get_user,
    "AdminDeleteUser": admin_delete_user,
    "AdminConfirmSignUp": admin_confirm_sign_up,
    "AdminSetUserPassword": admin_set_user_password,
    "AdminResetUserPassword": admin_reset_user_password,
    "AdminDisableUser": admin_disable_user,
    "AdminEnableUser": admin_enable_user,
    "AdminUpdateUserAttributes": admin_update_user_attributes,
    "AdminDeleteUserAttributes": admin_delete_user_attributes,
    "AdminUserGlobalSignOut": admin_user_global_sign_out,
    "ListUsers": list_users,
    "AdminAddUserToGroup": admin_add_user_to_group,
    "AdminRemoveUserFromGroup": admin_remove_user_from_group,
    "AdminListGroupsForUser": admin_list_groups_for_user,
    "ListUsersInGroup": list_users_in_group,
}
