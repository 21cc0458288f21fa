"""AWS Signature Version 4 for one request with a whole body. Pure.

Source: "Signature Version 4 signing process" of the AWS General Reference. Not botocore's: importing it takes longer
than all that is signed with it until the stack is ready.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote

_ALGORITHM = "AWS4-HMAC-SHA256"


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
        # Every service but S3 signs the path encoded twice.
        signed_path = path if self.service == "s3" else quote(path, safe="/-_.~")
        lines = "".join(f"{name}:{found[name].strip()}\n" for name in sorted(found))
        request = "\n".join((method, signed_path, canonical_query(query), lines, names, digest))
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
        signature = hmac.new(signing_key(self.secret_key, scope), text.encode(), "sha256").hexdigest()
        credential = f"{_ALGORITHM} Credential={self.access_key}/{scope}"
        return found | {"authorization": f"{credential}, SignedHeaders={names}, Signature={signature}"}


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
        f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(text)) for name, text in pairs)
    )


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
