"""Time-based one-time passwords: RFC 6238 with SHA-1, 6 digits, 30 seconds. Pure."""

import base64
import hmac

STEP_SECONDS = 30
SECRET_BYTES = 32
_DIGITS = 6
_DRIFT_STEPS = 1  # RFC 6238 section 5.2: one step back and forth


def secret_code(raw: bytes) -> str:
    """The shared secret as it is shown to the user: base32 (UP-72)."""
    return base64.b32encode(raw).decode().rstrip("=")


def code_at(secret: str, step: int) -> str:
    """The code of the step-th half minute since 1970."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"


def matching_step(secret: str, code: str, now: float) -> int | None:
    """The step whose code this is; None when it is wrong."""
    current = int(now // STEP_SECONDS)
    for step in range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1):
        if step >= 0 and hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None
