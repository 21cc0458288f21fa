"""Signing up, in and out: `client.auth`."""

from todo_sdk._cognito import Cognito, Tokens
from todo_sdk._errors import ChallengeRequiredError, InvalidRequestError
from todo_sdk._models import Challenge, SignUp, User
from todo_sdk._session import Session


class Auth:
    """Who the user is, as far as Cognito is concerned."""

    def __init__(self, cognito: Cognito, session: Session) -> None:
        self._cognito = cognito
        self._session = session

    def sign_up(self, email: str, password: str) -> SignUp:
        """Make a user; a code is sent to the address, which `confirm_sign_up` wants.

        Raises:
            InvalidRequestError: the address is none, or the password too weak; the text has the rule.
            ConflictError: there is such a user already.
        """
        return self._cognito.sign_up(_email(email), _given("a password", password))

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm a new user with the code that was sent.

        Raises:
            InvalidRequestError: the code is wrong or too old.
            ConflictError: the user is confirmed already.
            ThrottledError: too many attempts.
        """
        self._cognito.confirm_sign_up(_email(email), _given("a code", code).strip())

    def resend_code(self, email: str) -> str | None:
        """Have a new code sent; gives the masked address that it goes to."""
        return self._cognito.resend_code(_email(email))

    def sign_in(self, email: str, password: str) -> User:
        """Sign in by proving the password (SRP); the password itself does not leave this machine.

        Raises:
            InvalidCredentialsError: the user or the password is wrong.
            ChallengeRequiredError: more is wanted; give its `.challenge` to `answer`.
        """
        email = _email(email)
        return self._begun(self._cognito.sign_in(email, _given("a password", password)), email)

    def answer(self, challenge: Challenge, code_or_password: str) -> User:
        """Answer what `sign_in` asked for, with the new password or the code.

        Raises:
            ChallengeRequiredError: yet more is wanted.
            SignInError: the code is wrong, or it took too long.
        """
        reply = _given("an answer", code_or_password)
        return self._begun(self._cognito.answer(challenge, reply), challenge.email)

    def refresh(self) -> User:
        """Renew the tokens now; it happens by itself when they are about to expire."""
        self._session.renew()
        return self._session.user()

    def sign_out(self) -> bool:
        """End the session and forget it on this machine; gives whether Cognito could be told.

        What was given out already lives on for a while: id tokens and credentials for up to an hour (AG-09, IP-25).
        """
        return self._session.end()

    def user(self) -> User:
        """Tell who is signed in, without asking anybody; NotSignedInError when nobody is."""
        return self._session.user()

    def identity_id(self) -> str:
        """Give the id of the user's identity, which is the name of the user's folder in S3."""
        return self._session.identity_id()

    def _begun(self, outcome: Tokens | Challenge, email: str) -> User:
        if isinstance(outcome, Challenge):
            raise ChallengeRequiredError(outcome)
        return self._session.begin(outcome, email)


def _email(email: str) -> str:
    text = _given("an e-mail address", email).strip()
    name, _, domain = text.partition("@")
    if not name or not domain or any(char.isspace() for char in text):
        raise InvalidRequestError(f"{text!r} is not an e-mail address")
    return text


def _given(what: str, text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequestError(f"{what} is needed and was not given")
    return text
