"""Who is calling: the SigV4 check of `authorizeConnection`, and signing towards DynamoDB. No I/O, no clock.

Source: the DAX protocol notes, section 4; AWS Signature Version 4.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import AUTHENTICATION_EXPIRED, NOT_AUTHENTICATED, DaxError

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
# Clients send their credentials anew after 150 to 225 seconds (section 4.1).
VALIDITY_SECONDS = 300.0
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
# The Go clients really sign the scheme as part of the header's value (section 4.2).
_HOSTS = ("dax.amazonaws.com", "https://dax.amazonaws.com")


@dataclass(frozen=True)
class Credentials:
    """An access key with its secret and, if it is temporary, its session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


CredentialsLookup = Callable[[str], Credentials | None]


@dataclass(frozen=True)
class AccessRequest:
    """What an IAM decision is about (DD-33: the table rights are the cluster's own, only these actions are checked)."""

    access_key_id: str
    action: str
    resource: str
    enclosing_operation: str | None = None


AccessDecision = Callable[[AccessRequest], bool]


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The derived key of a day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


def canonical_hash(host: str, timestamp: str) -> str:
    """The hash of the canonical request that every client signs."""
    lines = ("POST", "/", "", f"host:{host}", f"x-amz-date:{timestamp}", "", "host;x-amz-date", _EMPTY_SHA256)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sign(credentials: Credentials, region: str, timestamp: str, host: str = _HOSTS[0]) -> tuple[str, str]:
    """String to sign and signature, as a client makes them."""
    scope = f"{timestamp[:8]}/{region}/dax/aws4_request"
    to_sign = "\n".join((ALGORITHM, timestamp, scope, canonical_hash(host, timestamp)))
    key = signing_key(credentials.secret_access_key, timestamp[:8], region, "dax")
    return to_sign, _hmac(key, to_sign).hex()


def refused(name: str, message: str, codes: tuple[int, ...] = NOT_AUTHENTICATED) -> DaxError:
    """The error of a caller who is not who it says."""
    return DaxError(name, message, codes=codes)


EXPIRED = refused("ExpiredTokenException", "The authorization of this connection has expired", AUTHENTICATION_EXPIRED)
MISSING = refused("MissingAuthenticationTokenException", "The connection has not been authorized")
_UNKNOWN_TOKEN = ("UnrecognizedClientException", "The security token included in the request is invalid.")
_BAD_SIGNATURE = (
    "InvalidSignatureException",
    (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    ),
)


def verify(arguments: tuple[Any, ...], lookup: CredentialsLookup, region: str, now: datetime) -> Credentials:
    """The credentials that an `authorizeConnection` proves.

    Args:
        arguments: access key, signature, string to sign, session token or null, user agent or null.
        now: aware.

    Raises:
        DaxError: it proves none; says why as far as the caller may know.
    """
    access_key, signature, raw, token, _ = arguments
    if not isinstance(access_key, str) or not isinstance(signature, str) or not isinstance(raw, bytes):
        raise refused("IncompleteSignatureException", "The authorization has parts of a wrong type")
    timestamp = _checked_timestamp(raw, region, now)
    known = lookup(access_key)
    if known is None or (known.session_token or "") != (token or ""):
        raise refused(*_UNKNOWN_TOKEN)
    key = signing_key(known.secret_access_key, timestamp[:8], region, "dax")
    expected = hmac.new(key, raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise refused(*_BAD_SIGNATURE)
    return known


def _checked_timestamp(raw: bytes, region: str, now: datetime) -> str:
    lines = raw.decode(errors="replace").split("\n")
    if len(lines) != 4 or lines[0] != ALGORITHM:
        raise refused("IncompleteSignatureException", "The string to sign has another form than AWS4-HMAC-SHA256's")
    timestamp, scope, request_hash = lines[1:]
    if scope != f"{timestamp[:8]}/{region}/dax/aws4_request":
        raise refused("InvalidSignatureException", f"Credential should be scoped to {region}/dax/aws4_request")
    if request_hash not in {canonical_hash(host, timestamp) for host in _HOSTS}:
        raise refused(*_BAD_SIGNATURE)
    try:
        signed_at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise refused("IncompleteSignatureException", "The timestamp is not YYYYMMDDTHHMMSSZ") from None
    if abs(now - signed_at) > MAX_SKEW:
        raise refused("InvalidSignatureException", f"Signature expired: {timestamp} is more than 15 minutes off")
    return timestamp


def http_headers(
    credentials: Credentials, region: str, headers: dict[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of a DynamoDB call, signed: all given ones, the date and the authorization."""
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): value for name, value in headers.items()} | {"x-amz-date": timestamp}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(signed))
    lines = ["POST", "/", "", *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names]
    canonical = "\n".join([*lines, hashlib.sha256(body).hexdigest()])
    scope = f"{timestamp[:8]}/{region}/dynamodb/aws4_request"
    to_sign = "\n".join((ALGORITHM, timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = signing_key(credentials.secret_access_key, timestamp[:8], region, "dynamodb")
    proof = (
        f"Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={_hmac(key, to_sign).hex()}"
    )
    return signed | {"authorization": f"{ALGORITHM} {proof}"}
