"""The deployment's rules for passwords, to say all of them at once: Cognito names one at a time (UP-15). Pure."""

import re

# Of the template's user pool; a test holds them to it. Cognito's own list of special characters has the space, which
# no password may have (UP-06).
MIN_CHARS = 8
_SYMBOLS = re.escape("^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+=")
RULES = (
    (rf".{{{MIN_CHARS},}}", f"at least {MIN_CHARS} characters", "not long enough"),
    (r".*[A-Z]", "an upper-case letter", "uppercase"),
    (r".*[a-z]", "a lower-case letter", "lowercase"),
    (r".*[0-9]", "a digit", "numeric"),
    (rf".*[{_SYMBOLS}]", "a symbol", "symbol"),
)


def weakness(password: str, said: str) -> str:
    """Say all that a refused password lacks.

    Args:
        said: Cognito's own reason, which stands alone where the deployment's rules are others than these.
    """
    lacking = [words for pattern, words, _ in RULES if not re.match(pattern, password, re.DOTALL)]
    if any(char.isspace() for char in password):
        lacking.append("no spaces")
    known = any(words in lacking and mark in said for _, words, mark in RULES) or "pattern" in said
    if not lacking or not known:
        return f"the password is too weak: {said}"
    listed = ", ".join(lacking[:-1]) + " and " + lacking[-1] if len(lacking) > 1 else lacking[0]
    return f"the password is too weak; it needs {listed}"
