"""Who signed: what MiniStack believes without looking is looked at here, before it.

With `AUTH=true` MiniStack checks the signatures of users' and roles' keys. But it takes for the account's owner, with
all rights and whatever the signature: the owner's own key, the key `test`, every account number, and every request with
an Authorization header of another kind than AWS's. Any program of this machine could so read and change everything.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from .asgi import App, Receive, Scope, Send, header, read_body, replay, respond
from .control import AdminCredentials
from .error_answers import error_answer, is_query_protocol
from .operations import Named, named
from .signature import canonical_query, signing_key

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_OURS: Final = (f"{_ALGORITHM} ", "AWS4-ECDSA-P256-SHA256 ", "AWS ")
_NAMED_IN_HEADER: Final = re.compile(r"Credential=([^/,\s]*)|^AWS ([^:\s]*)")
_TOO_POWERFUL: Final = re.compile(r"test|\d{12}|")
_PARTS: Final = re.compile(
    rf"{_ALGORITHM}\s+Credential=[^/,\s]+/(\d{{8}}/[\w-]+/[\w-]+/aws4_request)\s*,\s*"
    r"SignedHeaders=([\w;.-]+)\s*,\s*Signature=([0-9a-f]{64})"
)
_MAX_SKEW_SECONDS: Final = 900  # S3-18
_MAX_PRESIGNED_SECONDS: Final = 604_800
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class _Proof:
    """A signature and what it was made of."""

    credential_scope: str
    signed_headers: str
    signature: str
    stamp: str
    query: str
    payload: str


class Signed:
    """Lets nobody through to `inner` as the account's owner who does not prove to be it."""

    def __init__(self, inner: App, owner: AdminCredentials) -> None:
        self._inner, self._owner = inner, owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope = _with_aws_authorization_only(scope)
        keys = set(_keys(scope))
        if len(keys) > 1 or any(key != self._owner.access_key and _TOO_POWERFUL.fullmatch(key) for key in keys):
            await _refuse(named(scope), send, _UNKNOWN_KEY)
        elif keys == {self._owner.access_key}:
            await self._owners(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _owners(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request in the owner's name: to be proved."""
        said = header(scope, b"x-amz-content-sha256")
        is_presigned = not header(scope, b"authorization")
        if not is_presigned and not said:
            body = await read_body(receive)
            said, receive = hashlib.sha256(body).hexdigest(), replay(body, receive)
        proof = _presigned(scope) if is_presigned else _in_header(scope, said)
        if proof is None or not self._is_right(scope, proof):
            await _refuse(named(scope), send, _WRONG)
        else:
            await self._inner(scope, receive, send)

    def _is_right(self, scope: Scope, proof: _Proof) -> bool:
        """Source: "Signature Version 4 signing process" of the AWS General Reference."""
        if "host" not in proof.signed_headers.split(";"):
            return False
        lines = "".join(f"{name}:{_joined(scope, name)}\n" for name in proof.signed_headers.split(";"))
        key = signing_key(self._owner.secret_key, proof.credential_scope)
        for path in _paths(scope, proof.credential_scope):
            request = "\n".join((scope["method"], path, proof.query, lines, proof.signed_headers, proof.payload))
            digest = hashlib.sha256(request.encode("utf-8", "surrogateescape")).hexdigest()
            text = "\n".join((_ALGORITHM, proof.stamp, proof.credential_scope, digest))
            if hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), proof.signature):
                return True
        return False


def _with_aws_authorization_only(scope: Scope) -> Scope:
    """Without Authorization headers of another kind, and without all of them where there are several: AWS reads one."""
    authorizations = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if not authorizations:
        return scope
    if len(authorizations) == 1 and authorizations[0].decode("latin-1").startswith(_OURS):
        return scope
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != b"authorization"]}


def _keys(scope: Scope) -> Iterator[str]:
    """Every access key that the request names, wherever somebody might read it."""
    for found in _NAMED_IN_HEADER.finditer(header(scope, b"authorization")):
        yield found[1] if found[1] is not None else found[2]
    for name, value in _query(scope):
        if name.lower() == "x-amz-credential":
            yield value.partition("/")[0]
        elif name.lower() == "awsaccesskeyid":
            yield value


def _in_header(scope: Scope, payload: str) -> _Proof | None:
    parts = _PARTS.fullmatch(header(scope, b"authorization").strip())
    stamp = header(scope, b"x-amz-date")
    age = _age_seconds(stamp)
    if parts is None or age is None or abs(age) > _MAX_SKEW_SECONDS:
        return None
    return _Proof(parts[1], parts[2], parts[3], stamp, canonical_query(_raw_query(scope)), payload)


def _presigned(scope: Scope) -> _Proof | None:
    given = dict(_query(scope))
    _, _, credential_scope = given.get("X-Amz-Credential", "").partition("/")
    stamp, lifetime = given.get("X-Amz-Date", ""), given.get("X-Amz-Expires", "")
    age = _age_seconds(stamp)
    if given.get("X-Amz-Algorithm") != _ALGORITHM or age is None or not re.fullmatch(r"\d{1,6}", lifetime, re.ASCII):
        return None
    if age < -_MAX_SKEW_SECONDS or int(lifetime) > _MAX_PRESIGNED_SECONDS:
        return None  # whether it has expired is asked of the stack's clock, further in
    signature = given.get("X-Amz-Signature", "")
    rest = "&".join(part for part in _raw_query(scope).split("&") if not part.startswith("X-Amz-Signature="))
    query, is_s3 = canonical_query(rest), credential_scope.endswith("/s3/aws4_request")
    payload = _UNSIGNED if is_s3 else hashlib.sha256(b"").hexdigest()
    return _Proof(credential_scope, given.get("X-Amz-SignedHeaders", ""), signature, stamp, query, payload)


def _paths(scope: Scope, credential_scope: str) -> tuple[str, ...]:
    """The path as it may have been signed: S3's encoded once, all others' twice."""
    raw = bytes(scope.get("raw_path") or quote(scope["path"]).encode()).partition(b"?")[0]
    # As it was sent, and with every character encoded that may be: clients differ, and each signs what it sends.
    once = {raw.decode("latin-1"), quote(unquote_to_bytes(raw), safe="/-_.~")}
    is_s3 = credential_scope.endswith("/s3/aws4_request")
    return tuple(path if is_s3 else quote(path, safe="/-_.~") for path in sorted(once))


def _joined(scope: Scope, name: str) -> str:
    values = [value.decode("latin-1") for found, value in scope["headers"] if found.lower() == name.encode()]
    return ",".join(" ".join(value.split()) for value in values)


def _age_seconds(stamp: str) -> float | None:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (datetime.now(UTC) - signed_at).total_seconds()


def _raw_query(scope: Scope) -> str:
    return bytes(scope.get("query_string") or b"").decode("latin-1")


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(_raw_query(scope), keep_blank_values=True)


# What is wrong, as S3, the query protocol and all others word it.
_Words = tuple[tuple[int, str, str], tuple[int, str, str], tuple[int, str, str]]
_INVALID: Final = "The security token included in the request is invalid."
_UNKNOWN_KEY: Final[_Words] = (
    (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    (403, "InvalidClientTokenId", _INVALID),
    (400, "UnrecognizedClientException", _INVALID),
)
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)
_WRONG: Final[_Words] = (
    (403, "SignatureDoesNotMatch", _MISMATCH),
    (403, "SignatureDoesNotMatch", _MISMATCH),
    (400, "InvalidSignatureException", _MISMATCH),
)


async def _refuse(request: Named, send: Send, words: _Words) -> None:
    kind = 0 if request.service == "s3" else 1 if is_query_protocol(request.service) else 2
    await respond(send, error_answer(request, *words[kind]))
