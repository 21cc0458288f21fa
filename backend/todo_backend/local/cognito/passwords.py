"""Password policy, and the passwords that the service makes itself. Pure."""

import string
from collections.abc import Callable
from typing import Any

from .errors import CognitoError

# The special characters that Cognito counts as symbols.
SYMBOLS = frozenset("^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ")
_RULES = (
    ("RequireUppercase", string.ascii_uppercase, "must have uppercase characters"),
    ("RequireLowercase", string.ascii_lowercase, "must have lowercase characters"),
    ("RequireNumbers", string.digits, "must have numeric characters"),
    ("RequireSymbols", "".join(sorted(SYMBOLS)), "must have symbol characters"),
)
_TEMPORARY_LENGTH = 12

SIGN_UP_WORDING = "Password did not conform with policy"  # UP-15
LATER_WORDING = "Password does not conform to policy"  # UP-37


def weakness(password: str, policy: dict[str, Any]) -> str | None:
    """The first rule of the policy that the password breaks; None when it keeps them all (UP-15)."""
    if len(password) < int(policy.get("MinimumLength", 8)):
        return "Password not long enough"
    for name, characters, reason in _RULES:
        if policy.get(name) and not set(password) & set(characters):
            return f"Password {reason}"
    return None


def check(password: str, policy: dict[str, Any], wording: str) -> None:
    """Refuse a weak password, with one reason.

    Raises:
        CognitoError: InvalidPasswordException.
    """
    reason = weakness(password, policy)
    if reason:
        raise CognitoError("InvalidPasswordException", f"{wording}: {reason}")


def temporary(policy: dict[str, Any], random: Callable[[int], bytes]) -> str:
    """A random password that every policy takes."""
    length = max(_TEMPORARY_LENGTH, int(policy.get("MinimumLength", 8)))
    alphabets = [string.ascii_uppercase, string.ascii_lowercase, string.digits, "!@#%&*"]
    picks = int.from_bytes(random(8 * length), "big")
    letters = []
    for position in range(length):
        alphabet = alphabets[position % len(alphabets)]
        picks, index = divmod(picks, len(alphabet))
        letters.append(alphabet[index])
    return "".join(letters)
