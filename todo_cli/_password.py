"""The command password: change a known one, replace a forgotten one."""

from __future__ import annotations

import click

from todo_cli._context import AppContext
from todo_cli._options import Group

NEW_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the passwords from standard input, one on each line."
)


@click.group(
    cls=Group,
    examples="""
        todo password change
        todo password forgot ada@example.com
        todo password reset ada@example.com 123456
    """,
)
def password() -> None:
    """Change your password, or replace a forgotten one."""


@password.command(
    examples="""
        todo password change
        printf '%s\\n' "$OLD" "$NEW" | todo password change --password-stdin
    """
)
@NEW_STDIN
@click.pass_obj
def change(app: AppContext, password_stdin: bool) -> None:
    """Replace the password of who is signed in; the sessions stay.

    With --password-stdin the first line is the old one, the second the new one.
    """
    client = app.client
    email = client.auth.user().email  # asking for passwords comes after knowing whose
    old = app.password(from_stdin=password_stdin, called="Current password")
    new = app.password(from_stdin=password_stdin, twice=True, called="New password")
    client.auth.password.change(old, new)
    app.out.result({"email": email, "changed": True}, ["password changed"])


@password.command(examples="todo password forgot ada@example.com")
@click.argument("email")
@click.pass_obj
def forgot(app: AppContext, email: str) -> None:
    """Have a code mailed that `todo password reset` wants."""
    sent_to = app.client.auth.password.forgot(email)
    then = f"next: todo password reset {email} CODE"
    app.out.result({"email": email, "sent_to": sent_to}, [f"a code was sent to {sent_to or email}; {then}"])


@password.command(
    examples="""
        todo password reset ada@example.com 123456
        printf '%s\\n' "$NEW" | todo password reset ada@example.com 123456 --password-stdin
    """
)
@click.argument("email")
@click.argument("code")
@NEW_STDIN
@click.pass_obj
def reset(app: AppContext, email: str, code: str, password_stdin: bool) -> None:
    """Set a new password with the mailed CODE; the sessions on all devices end."""
    new = app.password(from_stdin=password_stdin, twice=True, called="New password")
    app.client.auth.password.reset(email, code, new)
    app.out.result({"email": email, "changed": True}, [f"password changed; next: todo login {email}"])
