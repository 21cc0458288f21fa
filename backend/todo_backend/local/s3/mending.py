"""MiniStack's errors put into S3's words (S3-02, S3-18, S3-26, S3-32, S3-35, S3-37, S3-38). Pure."""

import base64
import binascii
import re
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from .errors import S3Error, skew_details
from .target import Target

CHECKSUMS: Final = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
"""The bytes of each."""
_DENIED: Final = re.compile(r"(.* is not authorized to perform: (s3:\w+))( because | with an explicit deny )(.*)")
_NO_UPLOAD: Final = (
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
    "or completed."
)
_VERSION: Final = re.compile(r"null|[\w.-]{32,}", re.ASCII)


def mended(target: Target, error: S3Error, now: datetime) -> S3Error:
    """The error as S3 tells it."""
    if error.code == "AccessDenied":
        error.message = named(target, error.message)
    elif error.code == "RequestTimeTooSkewed":
        error.details |= skew_details(target.headers.get("x-amz-date", ""), now)
    elif error.code == "PreconditionFailed":
        condition = next((name for name in ("If-None-Match", "If-Match") if name.lower() in target.headers), None)
        error.details |= {"Condition": condition} if condition else {}
    elif error.code == "NoSuchUpload":
        error.message = _NO_UPLOAD
    elif error.code == "BadDigest":
        return _digest(target, error)
    elif error.code == "MethodNotAllowed" and "versionId" in target.query:
        error.details |= {"Method": target.method, "ResourceType": "DeleteMarker"}
    elif error.code == "NoSuchVersion" and not _VERSION.fullmatch(target.query.get("versionId", "null")):
        details = {"ArgumentName": "versionId", "ArgumentValue": target.query["versionId"]}
        return S3Error(400, "InvalidArgument", "Invalid version id specified", details)
    return error


def named(target: Target, message: str) -> str:
    """A denial that names the resource, in double quotes (S3-02, S3-05, S3-09)."""
    found = _DENIED.fullmatch(message)
    if not found or " on resource: " in found[1]:
        return message
    resource = _resource(target, found[2])
    return f'{found[1]} on resource: "{resource}"{found[3]}{found[4]}' if resource else message


def _resource(target: Target, action: str) -> str:
    if action == "s3:ListAllMyBuckets":
        return ""
    source = unquote(target.headers.get("x-amz-copy-source", "")).lstrip("/").partition("?")[0]
    if source and action.startswith("s3:GetObject"):
        return f"arn:aws:s3:::{source}"
    return f"arn:aws:s3:::{target.bucket}" + ("" if "Bucket" in action else f"/{target.key}")


def _digest(target: Target, error: S3Error) -> S3Error:
    """A checksum that is none is told before it is compared (S3-35)."""
    for name, size in CHECKSUMS.items():
        header = f"x-amz-checksum-{name}"
        if header in target.headers and _decoded_length(target.headers[header]) != size:
            return S3Error(400, "InvalidRequest", f"Value for {header} header is invalid.")
    return error


def _decoded_length(text: str) -> int | None:
    try:
        return len(base64.b64decode(text, validate=True))
    except binascii.Error:
        return None
