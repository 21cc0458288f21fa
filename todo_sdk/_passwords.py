"""Replacing a password, known or forgotten: `client.auth.password`."""

from collections.abc import Mapping
from typing import Any

from todo_sdk._account import Account, email_address, given, naming_every_rule
from todo_sdk._cognito import Cognito


class Passwords:
    """The user's password, which is nowhere but in the user's head."""

    def __init__(self, cognito: Cognito, account: Account) -> None:
        self._cognito = cognito
        self._account = account

    def forgot(self, email: str) -> str | None:
        """Have a code sent that `reset` wants; gives the masked address that it goes to.

        For an address that nobody has the answer is the same (UP-30).

        Raises:
            ThrottledError: too often; `.retry_after_seconds` says when to try again.
        """
        return sent_to(self._cognito.ask_as_client("ForgotPassword", Username=email_address(email)))

    def reset(self, email: str, code: str, new_password: str) -> None:
        """Set a new password with the code that was sent; the sessions on all devices end.

        Raises:
            InvalidRequestError: the code is wrong or too old (an hour), or the password too weak.
            ThrottledError: too many attempts; `.retry_after_seconds` says when to try again.
        """
        with naming_every_rule(given("a new password", new_password)):
            self._cognito.ask_as_client(
                "ConfirmForgotPassword",
                Username=email_address(email),
                ConfirmationCode=given("a code", code).strip(),
                Password=new_password,
            )

    def change(self, old_password: str, new_password: str) -> None:
        """Replace the password of who is signed in; the sessions stay.

        Raises:
            InvalidCredentialsError: the old password is wrong.
            InvalidRequestError: the new one is too weak; the text has every rule that it breaks.
            ThrottledError: more than five times in an hour.
        """
        with naming_every_rule(given("a new password", new_password)):
            self._account.ask(
                "ChangePassword",
                PreviousPassword=given("the current password", old_password),
                ProposedPassword=new_password,
            )


def sent_to(answer: Mapping[str, Any]) -> str | None:
    """Give the masked address that Cognito has sent a code to, if it has."""
    destination = answer.get("CodeDeliveryDetails", {}).get("Destination")
    return None if destination is None else str(destination)
