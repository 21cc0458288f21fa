"""Confirmation codes as Cognito makes them: random, mailed, expiring, not to be guessed. Pure but for its one file."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from .datadir import DataDir

HOUR_SECONDS = 3600


class Purpose(Enum):
    """What a code is for, and how AWS limits it: lifetime (UP-21, UP-35) and attempts an hour (UP-24, UP-34)."""

    SIGN_UP = ("sign-up", 24 * HOUR_SECONDS, 15)
    RESET = ("reset", HOUR_SECONDS, 20)

    def __init__(self, label: str, lifetime_seconds: int, attempts_an_hour: int) -> None:
        self.label = label
        self.lifetime_seconds = lifetime_seconds
        self.attempts_an_hour = attempts_an_hour


class Verdict(Enum):
    """What Cognito says to a code: the exception's name and text (UP-20, UP-21, UP-24, UP-34, UP-35)."""

    RIGHT = ("", "")
    WRONG = ("CodeMismatchException", "Invalid verification code provided, please try again.")
    EXPIRED = ("ExpiredCodeException", "Invalid code provided, please request a code again.")
    LIMITED = ("LimitExceededException", "Attempt limit exceeded, please try after some time.")


@dataclass
class _Entry:
    code: str = field(repr=False)
    issued_at: float
    attempts: list[float] = field(default_factory=list)


class CodeBook:
    """The outstanding codes of all users; a new one replaces the one before (UP-25)."""

    def __init__(self, data_dir: DataDir, clock: Callable[[], float]) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._entries = {key: _Entry(**entry) for key, entry in _entries(data_dir.read_json("codes.json")).items()}

    def issue(self, purpose: Purpose, user: str) -> str:
        """A new code for that user."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        before = self._entries.get(_key(purpose, user))
        # Attempts are counted per user, not per code: asking for a new code must not give new guesses.
        self._entries[_key(purpose, user)] = _Entry(code, self._clock(), before.attempts if before else [])
        self._save()
        return code

    def check(self, purpose: Purpose, user: str, code: str) -> Verdict:
        """Whether this is the user's code; a wrong one is counted."""
        entry = self._entries.get(_key(purpose, user))
        if entry is None:
            return Verdict.EXPIRED
        now = self._clock()
        entry.attempts = [at for at in entry.attempts if now - at < HOUR_SECONDS]
        if len(entry.attempts) >= purpose.attempts_an_hour:
            return Verdict.LIMITED
        if now - entry.issued_at > purpose.lifetime_seconds:
            return Verdict.EXPIRED
        if hmac.compare_digest(entry.code.encode(), code.encode()):
            return Verdict.RIGHT
        entry.attempts.append(now)
        self._save()
        return Verdict.WRONG

    def forget(self, purpose: Purpose, user: str) -> None:
        """The code was used."""
        if self._entries.pop(_key(purpose, user), None):
            self._save()

    def _save(self) -> None:
        self._data_dir.write_json("codes.json", {key: asdict(entry) for key, entry in self._entries.items()})


def _entries(kept: dict[str, Any]) -> dict[str, Any]:
    needed = {"code", "issued_at"}
    return {key: entry for key, entry in kept.items() if isinstance(entry, dict) and needed <= entry.keys()}


def _key(purpose: Purpose, user: str) -> str:
    return f"{purpose.label} {user}"


def masked(email: str) -> str:
    """Where a code went, as Cognito tells it: `t***@t***` (UP-10)."""
    name, at, domain = email.partition("@")
    return f"{name[:1]}***@{domain[:1]}***" if at else email
