"""Account commands: signup, confirm, login, logout, whoami, account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from todo_cli import _pending
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import PASSWORD_STDIN, YES, Command, Group

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
        printf '%s\\n' "$PASSWORD" | todo login ada@example.com --non-interactive
        echo 123456 | todo login --answer-stdin
    """,
)
@click.argument("email", required=False)
@PASSWORD_STDIN
@click.option("--non-interactive", is_flag=True, help="Ask nobody; answer in JSON what is wanted next.")
@click.option("--answer-stdin", is_flag=True, help="Read the answer to what was wanted from standard input.")
@click.pass_context
def login(
    ctx: click.Context, email: str | None, password_stdin: bool, non_interactive: bool, answer_stdin: bool
) -> None:
    """Sign in (SRP: the password is not sent).

    Where the pool wants more, a new password or the code of an authenticator app, you are asked for it. A program
    says --non-interactive, with the password on standard input: it is answered in JSON what is wanted and which
    command to run next, and ends with 4 until somebody is signed in.
    """
    app = ctx.ensure_object(AppContext)
    if (email is None) != answer_stdin:
        raise click.UsageError("give the EMAIL to sign in, or --answer-stdin to go on with a sign-in")
    if non_interactive or answer_stdin:
        app.settings.as_json = app.settings.no_input = True
        ctx.exit(_in_steps(app, email))
    assert email is not None  # without it this is another step
    client = app.client
    user = _sign_in(app, client, email, app.password(from_stdin=password_stdin))
    app.out.result(_who(app, user), [f"signed in as {user.email}"])


def _in_steps(app: AppContext, email: str | None) -> int:
    """Go one step of a sign-in, and say in JSON which is the next."""
    from todo_sdk import Challenge, InvalidRequestError, SignInError

    client, line = app.client, "" if app.terminal.is_there() else app.terminal.line()
    if email is None and not line:
        raise click.UsageError("standard input holds no answer; give it as its first line")
    if email is None:
        challenge = _pending.kept(client)
        try:
            outcome = client.auth.answer(challenge, line)
        except (SignInError, InvalidRequestError) as error:
            return _more(app, challenge, refused=str(error))
    elif not line:
        app.out.document({"signed_in": False, "wanted": "password", "next": _stdin(f"login {email} --non-interactive")})
        return ExitCode.REFUSED
    else:
        outcome = client.auth.begin_sign_in(email, line)
    if isinstance(outcome, Challenge):
        _pending.keep(client, outcome)
        return _more(app, outcome)
    _pending.forget(client)
    app.out.document({"signed_in": True, **_who(app, outcome)})
    return ExitCode.OK


def _more(app: AppContext, challenge: Challenge, refused: str | None = None) -> int:
    document = {
        "signed_in": False,
        "wanted": challenge.name,
        "sentence": challenge.wanted,
        "otpauth_uri": challenge.otpauth_uri,
        "refused": refused,
        "next": _stdin("login --answer-stdin"),
        "expires_in_seconds": _pending.LIFETIME_SECONDS,
    }
    app.out.document({name: value for name, value in document.items() if value is not None})
    return ExitCode.REFUSED


def _stdin(command: str) -> str:
    return f"printf '%s\\n' ANSWER | todo {command}"


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
        sentence = f"{challenge.wanted}; run `todo login` on a terminal, or with --non-interactive"
        raise CommandError(sentence, ExitCode.REFUSED, "challenge_required")
    if challenge.name == "NEW_PASSWORD_REQUIRED":
        return app.terminal.ask_secret("New password", twice=True)
    if challenge.otpauth_uri is not None:
        show_setup(app, challenge.otpauth_uri, challenge.secret or "")
    return app.terminal.ask("Code of your authenticator app")


def show_setup(app: AppContext, otpauth_uri: str, secret: str) -> None:
    """Show what an authenticator app must be told: a QR code to scan, for eyes that can, and the secret to type."""
    typed = " ".join(re.findall(".{1,4}", secret))
    if app.accessible:
        app.out.talk(f"type this secret into your authenticator app: {typed}")
        return
    import io

    import segno

    drawn = io.StringIO()
    segno.make(otpauth_uri, error="m").terminal(drawn, compact=True)
    app.out.talk("scan this with your authenticator app:\n")
    app.out.drawing(drawn.getvalue())
    app.out.talk(f"or type this secret into it: {typed}")


@click.command(
    cls=Command,
    examples="""
        todo logout
        todo logout --everywhere
    """,
)
@click.option("--everywhere", is_flag=True, help="End the sessions on all your devices.")
@click.pass_obj
def logout(app: AppContext, everywhere: bool) -> None:
    """Sign out and revoke the session."""
    app.client.auth.sign_out(everywhere=everywhere)
    app.out.result({"signed_in": False}, ["signed out on all devices" if everywhere else "signed out"])


@click.command(cls=Command, reads=True, examples="todo whoami --json")
@click.pass_obj
def whoami(app: AppContext) -> None:
    """Show who is signed in.

    Reads the session on this machine; nothing is asked over the network. Ends with 4 when nobody is signed in.
    """
    user = app.client.auth.user()
    app.out.result(_who(app, user), [user.email])


def _who(app: AppContext, user: User) -> dict[str, str | None]:
    return {"user_id": user.user_id, "email": user.email, "api_url": app.client.config.api_url}


@click.group(cls=Group, examples="todo account delete")
def account() -> None:
    """Your account as a whole."""


@account.command(
    examples="""
        todo account delete
        todo account delete --yes
    """
)
@YES
@click.pass_obj
def delete(app: AppContext, yes: bool) -> None:
    """Delete your to-dos, your files and your account, for good.

    On a terminal you type your address to confirm; a script must say --yes.
    """
    user = app.client.auth.user()
    if not yes:
        if not app.may_ask:
            raise click.UsageError("this deletes everything for good; say --yes")
        if (
            app.terminal.ask(f"This deletes all your to-dos and files for good. Type {user.email} to confirm")
            != user.email
        ):
            raise CommandError("that was another address; nothing was deleted", ExitCode.FAILED, "not_confirmed")
    app.client.auth.delete_account()
    app.out.result({"deleted": True, "email": user.email}, [f"deleted: {user.email}, with all to-dos and files"])
