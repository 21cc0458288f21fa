"""AWS Signature Version 4: making and verifying it, in headers, in a presigned query, over a body sent in chunks. Pure.

Source: "Signature Version 4 signing process" of the AWS General Reference; "Authenticating Requests" of the S3 API
Reference for chunks and presigned queries. Not botocore's: importing it takes longer than all that is signed with it
until the stack is ready.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
_SKEW = timedelta(minutes=5)
_S3_SKEW = timedelta(minutes=15)  # S3-18
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_UNCHECKED = (UNSIGNED_PAYLOAD, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
_EMPTY = hashlib.sha256(b"").hexdigest()
_HEADER = re.compile(
    rf"{ALGORITHM}\s+Credential=([^/,\s]+)/(\d{{8}}/[^/,\s]+/[^/,\s]+/aws4_request),\s*"
    r"SignedHeaders=([^,\s]+),\s*Signature=(\w+)"
)


@dataclass(frozen=True)
class Signer:
    """One access key, for one service of one region."""

    access_key: str
    secret_key: str = field(repr=False)
    service: str
    region: str

    def headers(
        self, method: str, path: str, headers: dict[str, str], body: bytes, at: datetime, query: str = ""
    ) -> dict[str, str]:
        """The headers to send: `headers` and what the signature adds.

        Args:
            path: percent-encoded once, without a query.
            at: UTC.
            query: percent-encoded, in any order.
        """
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        found = {name.lower(): value for name, value in headers.items()}
        found |= {"x-amz-date": stamp, "x-amz-content-sha256": digest}
        names = ";".join(sorted(found))
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        request = Request(method, path, query, found, body)
        text = _string_to_sign(stamp, scope, _canonical(request, self.service, names, digest))
        signature = hmac.new(signing_key(self.secret_key, scope), text.encode(), "sha256").hexdigest()
        credential = f"{ALGORITHM} Credential={self.access_key}/{scope}"
        return found | {"authorization": f"{credential}, SignedHeaders={names}, Signature={signature}"}


@dataclass(frozen=True)
class Request:
    """A request as it arrived.

    Attributes:
        path: percent-encoded.
        headers: by lower-case name.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Claim:
    """What a request says of its signature.

    Attributes:
        scope: `date/region/service/aws4_request`.
        lifetime: of a presigned URL.
    """

    access_key: str
    scope: str
    signed_headers: str
    signature: str
    stamp: str
    lifetime: timedelta | None = None

    @property
    def service(self) -> str:
        """For whom it was signed."""
        return self.scope.split("/")[2]

    def signed_at(self) -> datetime:
        """When it was signed, as the client says.

        Raises:
            ValueError: it says no time.
        """
        return datetime.strptime(self.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


class SignatureError(Exception):
    """The signature does not hold.

    Attributes:
        code: S3's word for it: SignatureDoesNotMatch, RequestTimeTooSkewed, or AccessDenied for a presigned URL that
            has expired.
        canonical, text: what should have been signed, where that is the question.
    """

    def __init__(self, code: str, canonical: str = "", text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.canonical = canonical
        self.text = text


def claim_of(headers: Mapping[str, str], query: str) -> Claim | None:
    """The signature that a request carries; None for one that carries none of this version, or not all of it."""
    found = _HEADER.fullmatch(headers.get("authorization", "").strip())
    if found:
        return Claim(found[1], found[2], found[3], found[4], headers.get("x-amz-date", ""))
    given = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    access_key, _, scope = given.get("X-Amz-Credential", "").partition("/")
    seconds = given.get("X-Amz-Expires", "")
    if not access_key or scope.count("/") != 3 or not seconds.isascii() or not seconds.isdigit():
        return None
    names, signature, stamp = (given.get(f"X-Amz-{name}", "") for name in ("SignedHeaders", "Signature", "Date"))
    return Claim(access_key, scope, names, signature, stamp, timedelta(seconds=min(int(seconds), 604_800)))


def verify(request: Request, claim: Claim, secret_key: str, now: datetime) -> None:
    """Let a rightly signed request pass.

    Raises:
        SignatureError: it was signed with another secret, for another request, or too long ago.
    """
    check_time(claim, now)
    digest = _digest(request, claim)
    key = signing_key(secret_key, claim.scope)
    # Signed as it was sent, or with every character encoded that may be: clients differ.
    encoded = replace(request, path=quote(unquote_to_bytes(request.path), safe="/-_.~"))
    for form in (request, encoded):
        canonical = _canonical(form, claim.service, claim.signed_headers, digest)
        text = _string_to_sign(claim.stamp, claim.scope, canonical)
        if _same(hmac.new(key, text.encode(), "sha256").hexdigest(), claim.signature):
            break
    else:
        raise SignatureError("SignatureDoesNotMatch", canonical, text)
    if "host" not in claim.signed_headers.split(";"):
        raise SignatureError("SignatureDoesNotMatch", canonical, text)
    if digest.startswith(_CHUNKED):
        _verify_chunks(request.body, claim, key)
    elif digest not in _UNCHECKED and digest != hashlib.sha256(request.body).hexdigest():
        raise SignatureError("XAmzContentSHA256Mismatch", canonical, text)


def check_time(claim: Claim, now: datetime) -> None:
    """Let a request pass that was signed for now (S3-18, S3-21).

    Raises:
        SignatureError: it was not.
    """
    try:
        signed_at = claim.signed_at()
    except ValueError:
        raise SignatureError("SignatureDoesNotMatch") from None
    skew = _S3_SKEW if claim.service == "s3" else _SKEW
    if signed_at - now > skew or (claim.lifetime is None and now - signed_at > skew):
        raise SignatureError("RequestTimeTooSkewed")
    if claim.lifetime is not None and now > signed_at + claim.lifetime:
        raise SignatureError("AccessDenied")


def signing_key(secret_key: str, scope: str) -> bytes:
    """The key of one credential scope: `date/region/service/aws4_request`."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_query(query: str) -> str:
    """The query as it is signed: every name and value encoded in one way, sorted by the encoded names, then values."""
    # A plus sign is a space to parse_qsl, and a plus sign to AWS.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    return "&".join(
        f"{name}={value}"
        for name, value in sorted((_encoded(name), _encoded(text)) for name, text in pairs if name != "X-Amz-Signature")
    )


def _canonical(request: Request, service: str, names: str, digest: str) -> str:
    # Every service but S3 signs the path encoded twice.
    path = request.path if service == "s3" else quote(request.path, safe="/-_.~")
    lines = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names.split(";"))
    return "\n".join((request.method, path, canonical_query(request.query), lines, names, digest))


def _string_to_sign(stamp: str, scope: str, canonical: str) -> str:
    return "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))


def _digest(request: Request, claim: Claim) -> str:
    """What stands for the body in what is signed: only S3 lets a client leave it out."""
    said = request.headers.get("x-amz-content-sha256", "")
    if claim.service != "s3":
        return hashlib.sha256(request.body).hexdigest()
    return said or (UNSIGNED_PAYLOAD if claim.lifetime is not None else hashlib.sha256(request.body).hexdigest())


def _verify_chunks(body: bytes, claim: Claim, key: bytes) -> None:
    """Each chunk's signature covers the one before it; the chunk of no bytes is the last."""
    previous = claim.signature
    for chunk, given in _chunks(body):
        lines = (f"{ALGORITHM}-PAYLOAD", claim.stamp, claim.scope, previous, _EMPTY, hashlib.sha256(chunk).hexdigest())
        previous = hmac.new(key, "\n".join(lines).encode(), "sha256").hexdigest()
        if not _same(previous, given):
            raise SignatureError("SignatureDoesNotMatch")


def _chunks(body: bytes) -> Iterator[tuple[bytes, str]]:
    start, size = 0, 1
    while size:
        end = body.find(b"\r\n", start)
        words, _, given = body[start : max(end, start)].partition(b";chunk-signature=")
        try:
            size = int(words, 16)
        except ValueError:
            raise SignatureError("SignatureDoesNotMatch") from None
        chunk = body[end + 2 : end + 2 + size]
        start = end + 2 + size + 2
        yield chunk, given.decode("latin-1").strip()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
