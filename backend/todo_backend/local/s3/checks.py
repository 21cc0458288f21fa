"""What is refused before the control plane sees it. Pure."""

import re
from datetime import datetime
from typing import Final

from ..signature import SignatureError, check_time, claim_of
from .errors import S3Error, of_signature, unknown_key
from .target import SIGNATURE_PARAMETERS, Target

MAX_KEY_BYTES: Final = 1024
_TEMPORARY: Final = "ASIA"


def check(target: Target, now: datetime) -> None:
    """Let a request pass that S3 would look at further.

    Raises:
        S3Error: it would not.
    """
    if target.is_presigned:
        _check_presigned(target, now)
    size = len(target.key.encode())
    if size > MAX_KEY_BYTES:
        details = {"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)}
        raise S3Error(400, "KeyTooLongError", "Your key is too long", details)
    if target.is_put_object or target.is_completion:
        _check_conditions(target)


def _check_presigned(target: Target, now: datetime) -> None:
    if not all(target.query.get(name) for name in SIGNATURE_PARAMETERS):
        *names, last = SIGNATURE_PARAMETERS
        listed = f"{', '.join(names)}, and {last}"
        message = f"Query-string authentication version 4 requires the {listed} parameters."
        raise S3Error(400, "AuthorizationQueryParametersError", message)  # S3-23
    claim = claim_of(target.headers, target.request.query)
    if claim is None or not re.fullmatch(r"\d{1,6}", target.query["X-Amz-Expires"]):
        raise S3Error(400, "AuthorizationQueryParametersError", "X-Amz-Expires should be a number")
    try:
        check_time(claim, now)
    except SignatureError as error:
        raise of_signature(claim, error, now) from None
    if claim.access_key.startswith(_TEMPORARY) and not target.query.get("X-Amz-Security-Token"):
        raise unknown_key()


def _check_conditions(target: Target) -> None:
    """A star only where a star makes sense, and nothing else there (S3-27, S3-28)."""
    for name, takes_a_star in (("If-None-Match", True), ("If-Match", False)):
        value = target.headers.get(name.lower())
        if value is not None and (value.strip() == "*") is not takes_a_star:
            message = "A header you provided implies functionality that is not implemented"
            more = f"We don't accept the provided value of {name} header for this API"
            raise S3Error(501, "NotImplemented", message, {"Header": name, "additionalMessage": more})
