"""What a phone's settings page does, by the installed command: profiles, devices, passwords, a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Device, new_device, sign_up

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("embedded_only")


@pytest.fixture
def phone(request: pytest.FixtureRequest, api_url: str, stack_dir: Path, tmp_path: Path) -> Device:
    """A machine of its own, with a signed-in user of its own."""
    device = new_device(request, tmp_path / "phone", stack_dir)
    device.ok("configure", "--api-url", api_url)
    sign_up(device)
    device.login()
    return device


def test_a_second_factor_is_wanted_at_the_next_sign_in_and_in_steps(phone: Device) -> None:
    setup = phone.ok("mfa", "on")
    assert setup["otpauth_uri"].startswith("otpauth://totp/")
    refused = phone("mfa", "confirm", "000000", "--json")
    assert refused.code == 6
    assert setup["secret"] not in refused.err
    assert phone.ok("mfa", "status") == {"on": False}


def test_a_password_is_changed_and_only_the_new_one_lets_in(phone: Device) -> None:
    old, new = phone.password, f"{phone.password}-2"
    phone.ok("password", "change", "--password-stdin", stdin=f"{old}\n{new}\n")
    phone.ok("logout")
    assert phone("login", phone.email, "--password-stdin", stdin=f"{old}\n").code == 4
    phone.password = new
    phone.login()


def test_two_accounts_on_one_machine_do_not_see_each_other(phone: Device) -> None:
    phone.ok("add", "of the first")
    phone.ok("profile", "copy", "default", "second")
    first = (phone.email, phone.password)
    sign_up(phone)
    phone.ok("login", phone.email, "--password-stdin", "--profile", "second", stdin=f"{phone.password}\n")
    assert phone.ok("list", "--profile", "second")["todos"] == []
    assert [todo["title"] for todo in phone.ok("list")["todos"]] == ["of the first"]
    found = {one["name"]: one["email"] for one in phone.ok("profile", "list")["profiles"]}
    assert found == {"default": first[0], "second": phone.email}
    phone.ok("profile", "rm", "second", "--yes")
    assert phone("list", "--profile", "second").code == 3


def test_signing_in_again_uses_the_same_device(phone: Device) -> None:
    before = [one["key"] for one in phone.ok("device", "list")["devices"]]
    phone.login()
    assert [one["key"] for one in phone.ok("device", "list")["devices"]] == before
    assert len(before) == 1


def test_a_deleted_account_is_gone(phone: Device) -> None:
    phone.ok("add", "gone with me")
    assert phone.ok("account", "delete", "--yes")["deleted"] is True
    assert phone("whoami").code == 4
    assert phone("login", phone.email, "--password-stdin", stdin=f"{phone.password}\n").code == 4


def test_an_offline_network_is_one_line_and_code_7(phone: Device) -> None:
    ran = phone("files", "ls", "--network", "offline")
    assert ran.code == 7
    assert ran.said


def test_the_doctor_finds_a_signed_in_user_well_and_a_signed_out_one_not(phone: Device) -> None:
    found = {one["name"]: one["state"] for one in phone.ok("doctor")["findings"]}
    assert set(found.values()) == {"ok"}
    phone.ok("logout")
    ran = phone("doctor", "--json")
    assert (ran.code, {one["name"]: one["state"] for one in ran.json["findings"]}["sign-in"]) == (9, "failed")
