"""The command mfa: a second factor by an authenticator app."""

from __future__ import annotations

import click

from todo_cli._account import show_setup
from todo_cli._context import AppContext
from todo_cli._options import Group


@click.group(
    cls=Group,
    examples="""
        todo mfa on
        todo mfa status
        todo mfa off
    """,
)
def mfa() -> None:
    """Want a code of an authenticator app at sign-in."""


@mfa.command(
    examples="""
        todo mfa on
        todo mfa on --json          then: todo mfa confirm CODE
    """
)
@click.pass_obj
def on(app: AppContext) -> None:
    """Set up an authenticator app: shows a QR code, then asks for the app's first code.

    Off a terminal it prints the secret and leaves the rest to `todo mfa confirm`.
    """
    setup = app.client.auth.mfa.begin()
    if not app.may_ask or app.settings.as_json:
        document = {
            "on": False,
            "otpauth_uri": setup.otpauth_uri,
            "secret": setup.secret,
            "next": "todo mfa confirm CODE",
        }
        app.out.result(document, [setup.otpauth_uri, "next: todo mfa confirm CODE"])
        return
    show_setup(app, setup.otpauth_uri, setup.secret)
    _confirmed(app, app.terminal.ask("Code that the app shows now"))


@mfa.command(examples="todo mfa confirm 123456")
@click.argument("code")
@click.pass_obj
def confirm(app: AppContext, code: str) -> None:
    """Prove with the app's CODE that it is set up; from now on each sign-in wants one."""
    _confirmed(app, code)


def _confirmed(app: AppContext, code: str) -> None:
    app.client.auth.mfa.confirm(code)
    app.out.result({"on": True}, ["on: each sign-in wants a code of the app"])


@mfa.command(examples="todo mfa off")
@click.pass_obj
def off(app: AppContext) -> None:
    """Want no code any more."""
    app.client.auth.mfa.disable()
    app.out.result({"on": False}, ["off: a sign-in wants the password only"])


@mfa.command(reads=True, examples="todo mfa status --json")
@click.pass_obj
def status(app: AppContext) -> None:
    """Tell whether a sign-in wants a code."""
    found = app.client.auth.mfa.is_on()
    app.out.result({"on": found}, ["on" if found else "off"])
