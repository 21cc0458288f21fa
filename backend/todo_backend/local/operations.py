"""What a request is called: the service, its operation, and the path that the API or the service knows. No I/O."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from .asgi import Scope, header
from .gateway.addressing import target_of

API = "execute-api"
_CREDENTIAL = re.compile(r"Credential=[^/]*/[^/]*/[^/]*/([a-z0-9-]+)/aws4_request")
_UNSIGNED = {"AWSCognitoIdentityProviderService": "cognito-idp", "AWSCognitoIdentityService": "cognito-identity"}


@dataclass(frozen=True, slots=True)
class Named:
    """A request by its names.

    Attributes:
        operation: as AWS spells it; None for the API's routes, and where only the body names it (IAM, STS).
        path: of an API's route without the stage, percent-encoded; else the request's own.
    """

    service: str | None
    operation: str | None
    method: str
    path: str


def named(scope: Scope) -> Named:
    """The names of a request, from its head alone."""
    method, path = str(scope["method"]), str(scope["path"])
    if target := target_of(scope):
        return Named(API, None, method, target.path)
    target_name, _, operation = header(scope, b"x-amz-target").rpartition(".")
    query = parse_qs(bytes(scope.get("query_string") or b"").decode("latin-1"), keep_blank_values=True)
    service = _signed_for(scope, query) or _UNSIGNED.get(target_name)
    if service == "s3":
        operation = _of_s3(method, path, query, copies=bool(header(scope, b"x-amz-copy-source")))
    return Named(service, operation or None, method, path)


def _signed_for(scope: Scope, query: dict[str, list[str]]) -> str | None:
    if found := _CREDENTIAL.search(header(scope, b"authorization")):
        return found[1]
    parts = query.get("X-Amz-Credential", [""])[0].split("/")
    return parts[3] if len(parts) == 5 else None


def _of_s3(method: str, path: str, query: dict[str, list[str]], *, copies: bool) -> str:
    """The operation of a path-style request; empty for those that are not about objects or lists of them."""
    bucket, _, key = path.removeprefix("/").partition("/")
    if not bucket:
        return "ListBuckets" if method == "GET" else ""
    level = _OBJECT if key else _BUCKET
    flag = next((name for name in _FLAGS if name in query), "copy" if copies else "")
    return level.get((method, flag), "")


_FLAGS = ("list-type", "partNumber", "uploadId", "uploads", "delete", "versions")
_OBJECT = {
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("PUT", ""): "PutObject",
    ("PUT", "copy"): "CopyObject",
    ("PUT", "partNumber"): "UploadPart",
    ("DELETE", ""): "DeleteObject",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListParts",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
}
_BUCKET = {
    ("GET", ""): "ListObjects",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "versions"): "ListObjectVersions",
    ("HEAD", ""): "HeadBucket",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
    ("POST", "delete"): "DeleteObjects",
}
