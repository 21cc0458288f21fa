"""Account commands: signup, confirm, login, logout, whoami."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import PASSWORD_STDIN, Command

if TYPE_CHECKING:
    from todo_sdk import Challenge, TodoClient, User

MOST_CHALLENGES = 3  # a new password, then a code, and one to spare; more means the pool asks in circles


@click.command(
    cls=Command,
    examples="""
        todo signup ada@example.com
        printf '%s\\n' "$PASSWORD" | todo signup ada@example.com --password-stdin --json
    """,
)
@click.argument("email")
@PASSWORD_STDIN
@click.pass_obj
def signup(app: AppContext, email: str, password_stdin: bool) -> None:
    """Make an account; a confirmation code comes by mail.

    The password is asked for twice without being shown, or read by --password-stdin; it is never an argument.
    """
    client = app.client
    answer = client.auth.sign_up(email, app.password(from_stdin=password_stdin, twice=True))
    if answer.confirmed:
        then = f"signed up; next: todo login {email}"
    else:
        then = f"signed up; a code was sent to {answer.sent_to or email}; next: todo confirm {email} CODE"
    app.out.result({"email": email, **_signed_up(answer)}, [then])


def _signed_up(answer: object) -> dict[str, object]:
    return {name: getattr(answer, name) for name in ("user_id", "confirmed", "sent_to")}


@click.command(
    cls=Command,
    examples="""
        todo confirm ada@example.com 123456
        todo confirm ada@example.com --resend
    """,
)
@click.argument("email")
@click.argument("code", required=False)
@click.option("--resend", is_flag=True, help="Send a new code instead of confirming.")
@click.pass_obj
def confirm(app: AppContext, email: str, code: str | None, resend: bool) -> None:
    """Confirm an account with the code from the mail.

    On the embedded stack the mail lies in `todo inbox`.
    """
    if resend == (code is not None):
        raise click.UsageError("give the CODE from the mail, or --resend to get another one")
    if code is None:
        sent_to = app.client.auth.resend_code(email)
        app.out.result({"email": email, "sent_to": sent_to}, [f"a new code was sent to {sent_to or email}"])
        return
    app.client.auth.confirm_sign_up(email, code)
    app.out.result({"email": email, "confirmed": True}, [f"confirmed; next: todo login {email}"])


@click.command(
    cls=Command,
    examples="""
        todo login ada@example.com
        printf '%s\\n' "$PASSWORD" | todo login ada@example.com --password-stdin
    """,
)
@click.argument("email")
@PASSWORD_STDIN
@click.pass_obj
def login(app: AppContext, email: str, password_stdin: bool) -> None:
    """Sign in (SRP: the password is not sent).

    Where the pool wants more, a new password or the code of an authenticator app, you are asked for it.
    """
    client = app.client
    user = _sign_in(app, client, email, app.password(from_stdin=password_stdin))
    app.out.result(_who(app, user), [f"signed in as {user.email}"])


def _sign_in(app: AppContext, client: TodoClient, email: str, password: str) -> User:
    from todo_sdk import Challenge

    outcome = client.auth.begin_sign_in(email, password)
    for _ in range(MOST_CHALLENGES):
        if not isinstance(outcome, Challenge):
            return outcome
        outcome = client.auth.answer(outcome, _answer_to(app, outcome))
    if isinstance(outcome, Challenge):
        raise CommandError("the user pool keeps asking for more; sign-in given up", ExitCode.REFUSED, "sign_in")
    return outcome


def _answer_to(app: AppContext, challenge: Challenge) -> str:
    if not app.may_ask:
        sentence = f"{challenge.wanted}; run `todo login` on a terminal"
        raise CommandError(sentence, ExitCode.REFUSED, "challenge_required")
    if challenge.name == "NEW_PASSWORD_REQUIRED":
        return app.terminal.ask_secret("New password", twice=True)
    if challenge.otpauth_uri is not None:
        app.out.talk(f"set up your authenticator app with {challenge.otpauth_uri}")
    return app.terminal.ask("Code of your authenticator app")


@click.command(cls=Command, examples="todo logout")
@click.pass_obj
def logout(app: AppContext) -> None:
    """Sign out and revoke the session."""
    app.client.auth.sign_out()
    app.out.result({"signed_in": False}, ["signed out"])


@click.command(cls=Command, examples="todo whoami --json")
@click.pass_obj
def whoami(app: AppContext) -> None:
    """Show who is signed in.

    Reads the session on this machine; nothing is asked over the network. Ends with 4 when nobody is signed in.
    """
    user = app.client.auth.user()
    app.out.result(_who(app, user), [user.email])


def _who(app: AppContext, user: User) -> dict[str, str | None]:
    return {"user_id": user.user_id, "email": user.email, "api_url": app.client.config.api_url}
