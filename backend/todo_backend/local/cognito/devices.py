"""Devices of a user: confirmed, remembered, listed, forgotten (UP-80 to UP-88)."""

from . import accounts, completion, issuing, srp
from .errors import CognitoError, invalid_parameter, not_found
from .plane import Answer, Operation, Parameters, Plane
from .records import Device, User

_PAGE = 60


async def confirm_device(plane: Plane, parameters: Parameters) -> Answer:
    """Take in the verifier of a device that a sign-in named (UP-81, UP-82)."""
    holder = await issuing.bearer(plane, parameters["AccessToken"])
    settings = holder.place.pool.get("DeviceConfiguration")
    key = parameters["DeviceKey"]
    if not settings:
        raise invalid_parameter("Device tracking is not enabled for this user pool.")
    if key in holder.user.devices:
        raise CognitoError("DeviceKeyExistsException", "Device key already exists.")
    if key not in {grant.device_key for grant in plane.grants.of_user(holder.user)}:
        raise invalid_parameter("Invalid device key given.")
    prompted = bool(settings.get("DeviceOnlyRememberedOnUserPrompt"))
    salt, verifier = _numbers(parameters.get("DeviceSecretVerifierConfig") or {})
    group = completion.device_group(await plane.keys(holder.place.pool_id), holder.user)
    now = plane.now()
    name = parameters.get("DeviceName") or key
    holder.user.devices[key] = Device(key, group, name, salt, verifier, now, now, remembered=not prompted)
    plane.users.save(holder.user, now)
    return {"UserConfirmationNecessary": prompted}


def _numbers(config: dict[str, str]) -> tuple[str, str]:
    """Salt and verifier in hex; a verifier outside the group would let anybody in."""
    raw = [srp.decoded(config.get(name) or "") for name in ("Salt", "PasswordVerifier")]
    salt, verifier = (int.from_bytes(part or b"", "big") for part in raw)
    if not salt or not 1 < verifier < srp.PRIME - 1:
        raise invalid_parameter("Invalid device secret verifier config given.")
    return f"{salt:x}", f"{verifier:x}"


def device_of(user: User, key: str) -> Device:
    """The user's device of that key.

    Raises:
        CognitoError: there is none (UP-85).
    """
    if key not in user.devices:
        raise not_found("Device does not exist.")
    return user.devices[key]


def shown(device: Device) -> Answer:
    """The device as DeviceType; times are seconds since 1970."""
    attributes = {
        "device_status": "valid",
        "device_name": device.name,
        "dev:device_remembered_status": "remembered" if device.remembered else "not_remembered",
    }
    return {
        "DeviceKey": device.key,
        "DeviceAttributes": accounts.attribute_list(attributes),
        "DeviceCreateDate": device.created_at,
        "DeviceLastModifiedDate": device.seen_at,
        "DeviceLastAuthenticatedDate": device.seen_at,
    }


def page(user: User, parameters: Parameters) -> Answer:
    """One page of the user's devices."""
    devices = list(user.devices.values())
    start = position(parameters.get("PaginationToken"))
    end = start + int(parameters.get("Limit") or _PAGE)
    more = {"PaginationToken": str(end)} if end < len(devices) else {}
    return {"Devices": [shown(device) for device in devices[start:end]], **more}


def position(token: str | None) -> int:
    """Where the page of that token begins.

    Raises:
        CognitoError: the token is none of ours.
    """
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise invalid_parameter("Invalid pagination token")
    return int(token)


def remember(plane: Plane, user: User, parameters: Parameters) -> Answer:
    """Let the device stand in for MFA, or no longer (UP-83)."""
    device = device_of(user, parameters["DeviceKey"])
    device.remembered = parameters.get("DeviceRememberedStatus") == "remembered"
    plane.users.save(user, plane.now())
    return {}


def forget(plane: Plane, user: User, key: str) -> Answer:
    """Remove the device; with it go the refresh tokens of its sign-ins (UP-86)."""
    device_of(user, key)
    del user.devices[key]
    plane.users.save(user, plane.now())
    return {}


async def get_device(plane: Plane, parameters: Parameters) -> Answer:
    """One device of the signed-in user."""
    return {"Device": shown(device_of(await _holder(plane, parameters), parameters["DeviceKey"]))}


async def list_devices(plane: Plane, parameters: Parameters) -> Answer:
    """The signed-in user's devices."""
    return page(await _holder(plane, parameters), parameters)


async def update_device_status(plane: Plane, parameters: Parameters) -> Answer:
    """Remember a device of the signed-in user, or no longer."""
    return remember(plane, await _holder(plane, parameters), parameters)


async def forget_device(plane: Plane, parameters: Parameters) -> Answer:
    """Remove a device of the signed-in user."""
    return forget(plane, await _holder(plane, parameters), parameters["DeviceKey"])


async def _holder(plane: Plane, parameters: Parameters) -> User:
    if not parameters.get("AccessToken"):
        raise invalid_parameter("Missing required parameter AccessToken")
    return (await issuing.bearer(plane, parameters["AccessToken"])).user


async def admin_get_device(plane: Plane, parameters: Parameters) -> Answer:
    """One device of any user."""
    _, user = await accounts.admin_place(plane, parameters)
    return {"Device": shown(device_of(user, parameters["DeviceKey"]))}


async def admin_list_devices(plane: Plane, parameters: Parameters) -> Answer:
    """Any user's devices."""
    _, user = await accounts.admin_place(plane, parameters)
    return page(user, parameters)


async def admin_update_device_status(plane: Plane, parameters: Parameters) -> Answer:
    """Remember a device of any user, or no longer."""
    _, user = await accounts.admin_place(plane, parameters)
    return remember(plane, user, parameters)


async def admin_forget_device(plane: Plane, parameters: Parameters) -> Answer:
    """Remove a device of any user."""
    _, user = await accounts.admin_place(plane, parameters)
    return forget(plane, user, parameters["DeviceKey"])


OPERATIONS: dict[str, Operation] = {
    "ConfirmDevice": confirm_device,
    "GetDevice": get_device,
    "ListDevices": list_devices,
    "UpdateDeviceStatus": update_device_status,
    "ForgetDevice": forget_device,
    "AdminGetDevice": admin_get_device,
    "AdminListDevices": admin_list_devices,
    "AdminUpdateDeviceStatus": admin_update_device_status,
    "AdminForgetDevice": admin_forget_device,
}
