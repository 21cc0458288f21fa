"""Where the user has signed in: `client.auth.devices`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from todo_sdk._account import Account
from todo_sdk._errors import NotFoundError
from todo_sdk._models import Device
from todo_sdk._session import Session

MOST_PER_PAGE = 60  # ListDevices


class Devices:
    """The user's devices: one for each store that a session is kept in, used again by each sign-in there."""

    def __init__(self, account: Account, session: Session) -> None:
        self._account = account
        self._session = session

    def list(self) -> Sequence[Device]:
        """Give all devices of the user, the last seen first."""
        found: list[Device] = []
        more: dict[str, str] = {}
        while True:
            page = self._account.ask("ListDevices", repeatable=True, Limit=MOST_PER_PAGE, **more)
            found += [self._device(each) for each in page.get("Devices", [])]
            if not page.get("PaginationToken"):
                return sorted(found, key=lambda each: each.last_seen_at, reverse=True)
            more = {"PaginationToken": page["PaginationToken"]}

    def remember(self, key: str | None = None) -> None:
        """Let a device sign in without a code, by its own secret (UP-83, UP-84); this one if no other is named.

        Raises:
            NotFoundError: there is no such device.
        """
        self._set_status(key, "remembered")

    def unremember(self, key: str | None = None) -> None:
        """Want a code from the device again; its session stays."""
        self._set_status(key, "not_remembered")

    def forget(self, key: str | None = None) -> None:
        """Remove a device, this one if no other is named; its session can no longer be renewed (UP-86).

        Forgetting this device is signing out.

        Raises:
            NotFoundError: there is no such device.
        """
        if key is None or key == self._session.device_key():
            self._session.end()
        else:
            self._account.ask("ForgetDevice", DeviceKey=key, repeatable=True)

    def _set_status(self, key: str | None, status: str) -> None:
        key = key or self._session.device_key()
        if key is None:
            raise NotFoundError("this deployment does not track devices")
        self._account.ask("UpdateDeviceStatus", repeatable=True, DeviceKey=key, DeviceRememberedStatus=status)

    def _device(self, said: Mapping[str, Any]) -> Device:
        attributes = {each["Name"]: each.get("Value", "") for each in said.get("DeviceAttributes", [])}
        return Device(
            key=said["DeviceKey"],
            name=attributes.get("device_name", ""),
            created_at=_time(said["DeviceCreateDate"]),
            last_seen_at=_time(said.get("DeviceLastAuthenticatedDate", said["DeviceCreateDate"])),
            is_remembered=attributes.get("dev:device_remembered_status") == "remembered",
            is_this=said["DeviceKey"] == self._session.device_key(),
        )


def _time(time: datetime) -> datetime:
    return time.astimezone(UTC)
