"""S3's errors: a code, a message, details, and two ids; written, and read from MiniStack's answers. No I/O."""

import base64
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Final
from xml.etree import ElementTree  # answers of our own process only

from ..asgi import Answer, Scope
from ..signature import Claim, SignatureError

_MESSAGES: Final = {
    "InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records.",
    "RequestTimeTooSkewed": "The difference between the request time and the current time is too large.",
    "SignatureDoesNotMatch": (
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    ),
    "XAmzContentSHA256Mismatch": "The provided 'x-amz-content-sha256' header does not match what was computed.",
}
_STATUS: Final = {"XAmzContentSHA256Mismatch": 400}
MAX_SKEW_MILLISECONDS: Final = 900_000
_OWN_IDS: Final = ("RequestId", "HostId")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Ids:
    """Under which AWS would find the request (S3-41)."""

    request_id: str
    host_id: str

    @classmethod
    def new(cls) -> "Ids":
        """Of one request."""
        return cls(secrets.token_hex(8).upper(), base64.b64encode(secrets.token_bytes(56)).decode())

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As every answer carries them."""
        return [(b"x-amz-request-id", self.request_id.encode()), (b"x-amz-id-2", self.host_id.encode())]


@dataclass
class S3Error(Exception):
    """An answer that is an error; `details` are further elements of its document."""

    status: int
    code: str
    message: str
    details: dict[str, str] = field(default_factory=dict)

    def answer(self, ids: Ids, headers: list[tuple[bytes, bytes]], *, is_head: bool) -> Answer:
        """The whole response; a HEAD has no body (S3-04)."""
        elements = {"Code": self.code, "Message": self.message, **self.details}
        elements |= {"RequestId": ids.request_id, "HostId": ids.host_id}
        text = "".join(f"<{name}>{_escaped(value)}</{name}>" for name, value in elements.items())
        document = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}</Error>'.encode()
        left_out = (b"content-type", b"content-length", b"x-amz-request-id", b"x-amz-id-2")
        kept = [(name, value) for name, value in headers if name.lower() not in left_out]
        length = (b"content-length", str(len(document)).encode())
        kept += [*ids.headers(), (b"content-type", b"application/xml"), *([] if is_head else [length])]
        return Answer(self.status, kept, b"" if is_head else document)


def read(answer: Answer) -> S3Error | None:
    """The error in an answer; None where its body is no S3 error."""
    try:
        root = ElementTree.fromstring(answer.body)  # noqa: S314
    except ElementTree.ParseError:
        return None
    elements = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    if root.tag.rpartition("}")[2] != "Error" or "Code" not in elements:
        return None
    details = {name: text for name, text in elements.items() if name not in ("Code", "Message", *_OWN_IDS)}
    return S3Error(answer.status, elements["Code"], elements.get("Message", ""), details)


def of_signature(claim: Claim, error: SignatureError, now: datetime) -> S3Error:
    """What S3 says of a signature that does not hold (S3-17, S3-18, S3-21)."""
    if error.code == "AccessDenied":
        return expired(claim, now)
    details = signed_details(claim, error) if error.canonical else {}
    if error.code == "RequestTimeTooSkewed":
        details = skew_details(claim.stamp, now)
    return S3Error(_STATUS.get(error.code, 403), error.code, _MESSAGES[error.code], details)


def expired(claim: Claim, now: datetime) -> S3Error:
    """A presigned URL past its time (S3-21)."""
    lifetime = claim.lifetime
    details = {} if lifetime is None else {"X-Amz-Expires": str(int(lifetime.total_seconds()))}
    details |= {} if lifetime is None else {"Expires": _instant(claim.signed_at() + lifetime)}
    return S3Error(403, "AccessDenied", "Request has expired", details | {"ServerTime": _instant(now)})


def skew_details(stamp: str, now: datetime) -> dict[str, str]:
    """What a device learns about its clock (S3-18)."""
    limit = str(MAX_SKEW_MILLISECONDS)
    return {"RequestTime": stamp, "ServerTime": _instant(now), "MaxAllowedSkewMilliseconds": limit}


def signed_details(claim: Claim, error: SignatureError) -> dict[str, str]:
    """What should have been signed (S3-17): nothing in it is secret."""
    return {
        "AWSAccessKeyId": claim.access_key,
        "StringToSign": error.text,
        "SignatureProvided": claim.signature,
        "StringToSignBytes": error.text.encode().hex(" "),
        "CanonicalRequest": error.canonical,
        "CanonicalRequestBytes": error.canonical.encode().hex(" "),
    }


def signature_refused(scope: Scope, claim: Claim, error: SignatureError, now: datetime) -> Answer:
    """The whole refusal, for a layer that verifies signatures itself."""
    return of_signature(claim, error, now).answer(Ids.new(), [], is_head=scope["method"] == "HEAD")


def unknown_key() -> S3Error:
    """A temporary key that comes without its token (S3-16, S3-20)."""
    return S3Error(403, "InvalidAccessKeyId", _MESSAGES["InvalidAccessKeyId"])


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _escaped(text: str) -> str:
    return escape(_NO_XML.sub("?", text), quote=False)
