"""Signing up, in and out: `client.auth`."""

from collections.abc import Callable

from todo_sdk._account import Account, email_address, given, naming_every_rule, totp_code
from todo_sdk._cognito import Cognito, Tokens
from todo_sdk._devices import Devices
from todo_sdk._errors import ChallengeRequiredError, InvalidRequestError
from todo_sdk._mfa import Mfa
from todo_sdk._models import CHALLENGES, Challenge, SignUp, User
from todo_sdk._passwords import Passwords, sent_to
from todo_sdk._session import Session
from todo_sdk._sign_in import SignIn


class Auth:
    """Who the user is, as far as Cognito is concerned.

    `password` to replace it, `mfa` for an authenticator app, `devices` for where the user has signed in.
    """

    def __init__(self, cognito: Cognito, session: Session, erase: Callable[[], None]) -> None:
        self._cognito = cognito
        self._session = session
        self._sign_in = SignIn(cognito)
        self._account = Account(cognito, session)
        self._erase = erase
        self.password = Passwords(cognito, self._account)
        self.mfa = Mfa(self._account, session)
        self.devices = Devices(self._account, session)

    def sign_up(self, email: str, password: str) -> SignUp:
        """Make a user; a code is sent to the address, which `confirm_sign_up` wants.

        Raises:
            InvalidRequestError: the address is none, or the password too weak; the text has every rule that it breaks.
            ConflictError: there is such a user already.
        """
        email, password = email_address(email), given("a password", password)
        attributes = [{"Name": "email", "Value": email}]
        with naming_every_rule(password):
            answer = self._cognito.ask_as_client("SignUp", Username=email, Password=password, UserAttributes=attributes)
        return SignUp(answer["UserSub"], answer["UserConfirmed"], sent_to(answer))

    def confirm_sign_up(self, email: str, code: str) -> None:
        """Confirm a new user with the code that was sent.

        Raises:
            InvalidRequestError: the code is wrong or too old.
            ConflictError: the user is confirmed already.
            ThrottledError: too many attempts; `.retry_after_seconds` says when to try again.
        """
        code = given("a code", code).strip()
        self._cognito.ask_as_client("ConfirmSignUp", Username=email_address(email), ConfirmationCode=code)

    def resend_code(self, email: str) -> str | None:
        """Have a new code sent; gives the masked address that it goes to."""
        return sent_to(self._cognito.ask_as_client("ResendConfirmationCode", Username=email_address(email)))

    def sign_in(self, email: str, password: str) -> User:
        """Sign in by proving the password (SRP); the password itself does not leave this machine.

        Whoever was signed in before is signed out. For users who may be asked for more, `begin_sign_in` is the calmer
        way.

        Raises:
            InvalidCredentialsError: the user or the password is wrong; it is never said which.
            ThrottledError: too many wrong passwords; `.retry_after_seconds` says when to try again.
            ChallengeRequiredError: more is wanted; give its `.challenge` to `answer`.
        """
        outcome = self.begin_sign_in(email, password)
        if isinstance(outcome, Challenge):
            raise ChallengeRequiredError(outcome)
        return outcome

    def begin_sign_in(self, email: str, password: str) -> User | Challenge:
        """As `sign_in`, but what more is wanted comes as a value: answer it until a `User` comes.

        outcome = client.auth.begin_sign_in(email, password)
        while isinstance(outcome, Challenge):
            outcome = client.auth.answer(outcome, input(f"{outcome.wanted}: "))
        """
        email, password = email_address(email), given("a password", password)
        return self._begun(self._sign_in.begin(email, password, self._session.device(email)), email)

    def answer(self, challenge: Challenge, reply: str) -> User | Challenge:
        """Answer what a sign-in asked for, with the new password or the code; gives the user, or what more is wanted.

        After a wrong code the same challenge may be answered again.

        Raises:
            SignInError: the code is wrong, or it took too long.
            InvalidRequestError: the new password is too weak; the text has every rule that it breaks.
        """
        if challenge.name not in CHALLENGES:
            raise InvalidRequestError(f"{challenge.name!r} is no challenge that can be answered")
        is_password = challenge.name == "NEW_PASSWORD_REQUIRED"
        reply = given("a new password", reply) if is_password else totp_code(reply)
        with naming_every_rule(reply):
            outcome = self._sign_in.answer(challenge, reply, self._session.device(challenge.email))
        return self._begun(outcome, challenge.email)

    def refresh(self) -> User:
        """Renew the tokens now; it happens by itself when they are about to expire."""
        self._session.renew()
        return self._session.user()

    def sign_out(self, *, everywhere: bool = False) -> bool:
        """End the session and forget it and the device on this machine; gives whether Cognito could be told.

        What was given out already lives on for a while: id tokens and credentials for up to an hour (AG-09, IP-25).

        Args:
            everywhere: end the user's sessions on all devices; here only if Cognito could be told, else it raises.
        """
        if everywhere:
            self._account.ask("GlobalSignOut", repeatable=True)  # UP-110
        return self._session.end() or everywhere

    def delete_account(self) -> None:
        """Remove the user's files, to-dos and account, in this order, for good; there is no way back.

        When it breaks off, what is left is there, and doing it again goes on. Older versions of files stay in the
        bucket, where nobody but the deployment's owner can read them, until its lifecycle rule removes them.
        """
        self._erase()
        self._account.ask("DeleteUser")  # UP-114
        self._session.forget()

    def user(self) -> User:
        """Tell who is signed in, without asking anybody; NotSignedInError when nobody is."""
        return self._session.user()

    def identity_id(self) -> str:
        """Give the id of the user's identity, which is the name of the user's folder in S3."""
        return self._session.identity_id()

    def _begun(self, outcome: Tokens | Challenge, email: str) -> User | Challenge:
        return outcome if isinstance(outcome, Challenge) else self._session.begin(outcome, email)
