"""A second factor by an authenticator app: `client.auth.mfa`."""

from todo_sdk._account import Account, totp_code
from todo_sdk._models import MfaSetup
from todo_sdk._session import Session


class Mfa:
    """Whether a sign-in wants the code of an authenticator app (TOTP, RFC 6238)."""

    def __init__(self, account: Account, session: Session) -> None:
        self._account = account
        self._session = session

    def begin(self) -> MfaSetup:
        """Make a new secret for the app: show its `otpauth_uri` as a QR code, then call `confirm`.

        An app that was set up before no longer counts once this one is confirmed.
        """
        answer = self._account.ask("AssociateSoftwareToken")  # UP-72
        return MfaSetup(self._session.user().email, answer["SecretCode"])

    def confirm(self, code: str) -> None:
        """Prove that the app is set up, by its code; from now on each sign-in wants one.

        Raises:
            InvalidRequestError: the code is wrong, or nothing was begun.
        """
        self._account.ask("VerifySoftwareToken", UserCode=totp_code(code))  # UP-73
        self._prefer(True)

    def disable(self) -> None:
        """Want no code any more."""
        self._prefer(False)

    def is_on(self) -> bool:
        """Ask Cognito whether a sign-in wants a code."""
        answer = self._account.ask("GetUser", repeatable=True)
        return "SOFTWARE_TOKEN_MFA" in answer.get("UserMFASettingList", [])  # UP-112: absent when there is none

    def _prefer(self, on: bool) -> None:
        wish = {"Enabled": on, "PreferredMfa": on}
        self._account.ask("SetUserMFAPreference", repeatable=True, SoftwareTokenMfaSettings=wish)
