"""What a request asks of S3: bucket, key, query. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import parse_qsl, unquote

from ..signature import Request, claim_of

_SIGNED: Final = re.compile(r"Credential=[^/,\s]*/\d*/[^/,\s]*/s3/aws4_request")
_VIRTUAL: Final = re.compile(r"[a-z0-9][a-z0-9-]+\.(?:s3[.-]|localhost\b).*")
_BUCKET_ONLY: Final = re.compile(r"/+[^/]+/*")
SIGNATURE_PARAMETERS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


@dataclass(frozen=True)
class Target:
    """A request to S3, read."""

    request: Request

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        return self.request.headers

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters; the last value of each."""
        return dict(parse_qsl(self.request.query.replace("+", "%2B"), keep_blank_values=True))

    @cached_property
    def _names(self) -> tuple[str, str]:
        path = unquote(self.request.path)[1:]
        if self.is_virtual:
            return self.headers["host"].partition(".")[0], path
        bucket, _, key = path.partition("/")
        return bucket, key

    @property
    def is_virtual(self) -> bool:
        """Whether the bucket stands in the host's name."""
        return bool(_VIRTUAL.fullmatch(self.headers.get("host", "")))

    @cached_property
    def access_key(self) -> str:
        """Of the signature; empty where it names none."""
        claim = claim_of(self.headers, self.request.query)
        return claim.access_key if claim else ""

    @property
    def bucket(self) -> str:
        """Its name; empty where the request names none."""
        return self._names[0]

    @property
    def key(self) -> str:
        """The object's key, decoded; empty for a request of the bucket."""
        return self._names[1]

    @property
    def is_presigned(self) -> bool:
        """Whether the signature stands in the query, or some of it."""
        return "authorization" not in self.headers and any(name in self.query for name in SIGNATURE_PARAMETERS)

    @property
    def is_completion(self) -> bool:
        """Whether it is CompleteMultipartUpload."""
        return self.method == "POST" and "uploadId" in self.query

    @property
    def is_batch_delete(self) -> bool:
        """Whether it is DeleteObjects."""
        return self.method == "POST" and "delete" in self.query and not self.key

    @property
    def is_put_object(self) -> bool:
        """Whether it is PutObject: not a part, a copy, or one of the objects beside the object."""
        plain = {name for name in self.query if not name.lower().startswith("x-")}
        return self.method == "PUT" and bool(self.key) and not plain and "x-amz-copy-source" not in self.headers


def is_anonymous_on_the_account(request: Request) -> bool:
    """Whether nobody in particular lists the account's buckets or makes one: MiniStack would let them (S3-19)."""
    if any(name in request.headers for name in ("authorization", "x-amz-target")) or Target(request).is_virtual:
        return False
    if any(name in request.query for name in ("X-Amz-Signature", "AWSAccessKeyId")):
        return False
    if request.method == "PUT":
        return bool(_BUCKET_ONLY.fullmatch(request.path))
    return request.method in ("GET", "HEAD") and request.path in ("", "/")


def asks_s3(request: Request) -> bool:
    """Whether the request is signed for S3; MiniStack answers the unsigned ones alone."""
    if "authorization" in request.headers:
        return bool(_SIGNED.search(request.headers["authorization"]))
    if "X-Amz-" not in request.query:
        return False
    given = Target(request).query
    if not any(name in given for name in SIGNATURE_PARAMETERS):
        return False
    return not given.get("X-Amz-Credential") or given["X-Amz-Credential"].endswith("/s3/aws4_request")
