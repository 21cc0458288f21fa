"""The command device: where you have signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from todo_cli import _completing
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import YES, Group

if TYPE_CHECKING:
    from todo_sdk import Device

SHOWN_KEY_CHARS = 8
WHICH = click.argument("key", required=False, shell_complete=_completing.devices)


@click.group(
    cls=Group,
    examples="""
        todo device list
        todo device forget 1b2c34f1
    """,
)
def device() -> None:
    """Where you have signed in, and what is trusted there."""


@device.command("list", reads=True, examples="todo device list --json")
@click.pass_obj
def list_devices(app: AppContext) -> None:
    """List your devices, the last used first."""
    found = app.client.auth.devices.list()
    rows = [(short_key(one), one.name, f"{one.last_seen_at:%Y-%m-%d %H:%M}", ", ".join(_words(one))) for one in found]
    app.out.table({"devices": found}, ("KEY", "NAME", "LAST USED (UTC)", ""), rows)


def short_key(one: Device) -> str:
    """Give the end of a device's key, as the list shows it."""
    return one.key.rpartition("_")[2].replace("-", "")[-SHOWN_KEY_CHARS:]


def _words(one: Device) -> list[str]:
    return [word for word, said in (("this one", one.is_this), ("remembered", one.is_remembered)) if said]


@device.command(examples="todo device remember")
@WHICH
@click.pass_obj
def remember(app: AppContext, key: str | None) -> None:
    """Let a device sign in without the code of an authenticator app; this one, if no KEY is named."""
    _set(app, key, remembered=True)


@device.command(examples="todo device unremember")
@WHICH
@click.pass_obj
def unremember(app: AppContext, key: str | None) -> None:
    """Want the code from a device again; this one, if no KEY is named."""
    _set(app, key, remembered=False)


def _set(app: AppContext, key: str | None, *, remembered: bool) -> None:
    chosen = _chosen(app, key)
    devices = app.client.auth.devices
    (devices.remember if remembered else devices.unremember)(chosen.key)
    sentence = f"{short_key(chosen)} is {'remembered' if remembered else 'no longer remembered'}"
    app.out.result({"key": chosen.key, "remembered": remembered}, [sentence])


@device.command(
    examples="""
        todo device forget 1b2c34f1
        todo device forget 1b2c34f1 --yes
    """
)
@click.argument("key", shell_complete=_completing.devices)
@YES
@click.pass_obj
def forget(app: AppContext, key: str, yes: bool) -> None:
    """Remove a device; its session can no longer be renewed.

    Forgetting this device signs you out.
    """
    chosen = _chosen(app, key)
    here = ", and signs you out here" if chosen.is_this else ""
    if not app.confirm(f"Forget {chosen.name or short_key(chosen)}{here}?", yes=yes):
        raise CommandError("not forgotten", ExitCode.FAILED, "not_confirmed")
    app.client.auth.devices.forget(chosen.key)
    app.out.result({"key": chosen.key, "forgotten": True}, [f"forgotten: {short_key(chosen)}"])


def _chosen(app: AppContext, key: str | None) -> Device:
    """The device with that key, or the one whose key ends so; this one where none is named."""
    devices = app.client.auth.devices.list()
    wanted = (key or "").replace("-", "").lower()
    found = [
        one for one in devices if (one.is_this if key is None else one.key.replace("-", "").lower().endswith(wanted))
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(map(short_key, found or devices)) or "none"
    if not found:
        sentence = f"there is no device {key!r}; known: {known}" if key else "this deployment does not track devices"
        raise CommandError(sentence, ExitCode.NOT_FOUND, "not_found")
    raise CommandError(f"{key!r} means several devices: {known}", ExitCode.USAGE, "ambiguous")
