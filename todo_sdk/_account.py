"""What the parts of `client.auth` share: the checks of what was typed, and calls in the name of who is signed in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from todo_sdk._cognito import Cognito
from todo_sdk._errors import InvalidRequestError, NotSignedInError
from todo_sdk._password_rules import weakness
from todo_sdk._session import Session

MOST_TOTP_DIGITS = 6


class Account:
    """Asks Cognito as the signed-in user."""

    def __init__(self, cognito: Cognito, session: Session) -> None:
        self._cognito = cognito
        self._session = session

    def ask(self, operation: str, *, repeatable: bool = False, **parameters: Any) -> Mapping[str, Any]:
        """Ask the user pool with an access token; one that is no longer accepted is renewed, once."""
        token = self._session.access_token()
        try:
            return self._cognito.ask(operation, repeatable=repeatable, AccessToken=token, **parameters)
        except NotSignedInError:
            self._session.renew()
            token = self._session.access_token()
            return self._cognito.ask(operation, repeatable=repeatable, AccessToken=token, **parameters)


def email_address(email: str) -> str:
    """Give an address without the blanks around it.

    Raises:
        InvalidRequestError: it is none.
    """
    text = given("an e-mail address", email).strip()
    name, _, domain = text.partition("@")
    if not name or not domain or any(char.isspace() for char in text):
        raise InvalidRequestError(f"{text!r} is not an e-mail address")
    return text


def given(what: str, text: str) -> str:
    """Give a text that must be there.

    Raises:
        InvalidRequestError: it is not.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequestError(f"{what} is needed and was not given")
    return text


def totp_code(code: str) -> str:
    """Give a code of an authenticator app, which shows it with a gap in the middle.

    Raises:
        InvalidRequestError: it is not six digits (UP-06).
    """
    digits = "".join(given("a code", code).split())
    if not (len(digits) == MOST_TOTP_DIGITS and digits.isascii() and digits.isdigit()):
        raise InvalidRequestError("the code of an authenticator app has six digits")
    return digits


@contextmanager
def naming_every_rule(password: str) -> Iterator[None]:
    """Let who chose a password that is refused know all that it lacks, not the first thing only."""
    try:
        yield
    except InvalidRequestError as error:
        if not _is_about_the_password(error):
            raise
        said = str(error).removeprefix("the password is too weak: ")
        sentence = weakness(password, said)
        raise InvalidRequestError(
            sentence, status=error.status, code=error.code, request_id=error.request_id
        ) from error


def _is_about_the_password(error: InvalidRequestError) -> bool:
    # UP-05: a blank in it breaks a constraint of the parameter, not of the policy
    breaks_a_constraint = error.code == "InvalidParameterException" and "password'" in str(error).lower()
    return error.code == "InvalidPasswordException" or breaks_a_constraint
