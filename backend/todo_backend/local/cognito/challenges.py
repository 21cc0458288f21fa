"""Opening challenges and finding them again: the half of a sign-in that is the same for all of them."""

from dataclasses import dataclass, replace

from . import accounts, tokens
from .accounts import Place
from .errors import invalid_parameter, not_authorized
from .plane import Answer, Plane
from .records import User
from .sessions import Challenge

_SESSION_BYTES = 96


@dataclass(frozen=True)
class Asked:
    """A request on its way through a sign-in: where it came in, and the values that came with it."""

    place: Place
    values: dict[str, str]
    session: str | None = None
    is_admin: bool = False

    def value(self, name: str) -> str:
        """A parameter that must be there.

        Raises:
            CognitoError: it is not.
        """
        if not self.values.get(name):
            raise invalid_parameter(f"Missing required parameter {name}")
        return self.values[name]


def is_of(challenge: Challenge, asked: Asked, username: str) -> bool:
    """Whether the challenge was given to this user through this client."""
    return challenge.client_id == asked.place.client_id and challenge.username == username


def check_fresh(plane: Plane, challenge: Challenge) -> None:
    """Refuse a challenge that was answered or has expired."""
    if challenge.used:
        raise not_authorized("Invalid session for the user, session can only be used once.")  # UP-67
    if plane.now() >= challenge.expires_at:
        raise not_authorized("Invalid session for the user, session is expired.")  # UP-66


def open_new(plane: Plane, place: Place, challenge: Challenge) -> str:
    """Remember the challenge under its SECRET_BLOCK, or under a new Session."""
    minutes = int(place.client.get("AuthSessionValidity") or 3)  # UP-66
    challenge.expires_at = plane.now() + 60 * minutes
    if challenge.exchange:
        handle = challenge.exchange.parameters()["SECRET_BLOCK"]
    else:
        handle = tokens.encoded(plane.random(_SESSION_BYTES))
    plane.challenges.add(handle, challenge, plane.now())
    return handle


def ask(plane: Plane, place: Place, before: Challenge, name: str, shown: dict[str, str]) -> Answer:
    """The next challenge of a sign-in, under a new Session."""
    handle = open_new(plane, place, replace(before, name=name, exchange=None, used=False, stage=""))
    return {"ChallengeName": name, "Session": handle, "ChallengeParameters": shown}


def open_session(plane: Plane, session: str, *names: str) -> Challenge:
    """The open challenge of that Session.

    Raises:
        CognitoError: it was made up, has expired, or was answered.
    """
    challenge = plane.challenges.get(session)
    if challenge is None or challenge.name not in names:
        raise not_authorized("Invalid session for the user.")
    check_fresh(plane, challenge)
    return challenge


def pending(plane: Plane, asked: Asked, name: str) -> tuple[Challenge, User]:
    """The challenge of the Session, open and of this user (UP-66, UP-67)."""
    if not asked.session:
        raise invalid_parameter("Missing required parameter Session")
    challenge = open_session(plane, asked.session, name)
    typed = asked.value("USERNAME")
    user = plane.users.find(asked.place.pool, typed)
    if user is None or not is_of(challenge, asked, user.username):
        raise not_authorized("Invalid session for the user.")
    accounts.check_secret_hash(asked.place, asked.values.get("SECRET_HASH"), typed, user.username)
    return challenge, user
