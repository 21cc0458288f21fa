"""What S3 can be asked, by whole keys. One method, one operation of S3; boto3 does the signing and the retries.

Importing this loads boto3, so it is imported where it is used.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from todo_sdk._answers import error_of_answer
from todo_sdk._aws import AwsCredentials, make_client, plainly
from todo_sdk._config import Config
from todo_sdk._errors import ForbiddenError, NotFoundError, TodoError, TransportError
from todo_sdk._traffic import Traffic

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Part:
    """One part of a multipart upload as S3 has it; `crc32` is base64, as S3 writes it."""

    number: int
    size_bytes: int
    etag: str
    crc32: str | None

    def to_aws(self) -> dict[str, Any]:
        """Give the part as CompleteMultipartUpload wants it."""
        return {"PartNumber": self.number, "ETag": self.etag, "ChecksumCRC32": self.crc32}


class Bucket:
    """One bucket, asked with credentials that somebody else keeps fresh."""

    def __init__(
        self, config: Config, credentials: Callable[[], AwsCredentials], traffic: Traffic | None = None
    ) -> None:
        self._name = config.files_bucket
        self._client = make_client("s3", config, repeats=True, credentials=credentials, traffic=traffic)

    def put(self, key: str, content: bytes, crc32: str, terms: Mapping[str, str], **facts: Any) -> str:
        """Put a whole object; gives its ETag.

        Args:
            crc32: S3 refuses the content when it does not fit (S3-35).
            terms: `IfMatch` or `IfNoneMatch` (S3-26, S3-28).
            facts: `Metadata`, `ContentType`.
        """
        # A file-like body is sent in small pieces, each with its own timeout; one `sendall` of bytes would have five
        # seconds for all of them, which a slow line does not keep.
        body = io.BytesIO(content)
        with plainly("S3", error_of_s3):
            answer = self._client.put_object(
                Bucket=self._name, Key=key, Body=body, ChecksumCRC32=crc32, **terms, **facts
            )
        return str(answer["ETag"])

    def begin(self, key: str, **facts: Any) -> str:
        """Begin a multipart upload; gives its id."""
        with plainly("S3", error_of_s3):
            answer = self._client.create_multipart_upload(
                Bucket=self._name, Key=key, ChecksumAlgorithm="CRC32", **facts
            )
        return str(answer["UploadId"])

    def put_part(self, key: str, upload_id: str, number: int, content: bytes, crc32: str) -> Part:
        """Put one part; the same number again replaces it."""
        body = io.BytesIO(content)  # as in put
        with plainly("S3", error_of_s3):
            answer = self._client.upload_part(
                Bucket=self._name, Key=key, UploadId=upload_id, PartNumber=number, Body=body, ChecksumCRC32=crc32
            )
        return Part(number, len(content), str(answer["ETag"]), crc32)

    def parts(self, key: str, upload_id: str) -> dict[int, Part]:
        """Give the parts that S3 has, by number; NotFoundError when it knows no such upload (S3-32)."""
        found: dict[int, Part] = {}
        with plainly("S3", error_of_s3):
            pages = self._client.get_paginator("list_parts").paginate(Bucket=self._name, Key=key, UploadId=upload_id)
            for page in pages:
                for part in page.get("Parts", []):
                    number = int(part["PartNumber"])
                    found[number] = Part(number, int(part["Size"]), str(part["ETag"]), part.get("ChecksumCRC32"))
        return found

    def complete(self, key: str, upload_id: str, parts: Sequence[Part], terms: Mapping[str, str]) -> str:
        """Make an object of the parts; gives its ETag. S3 checks each part's checksum once more."""
        together = {"Parts": [part.to_aws() for part in sorted(parts, key=lambda part: part.number)]}
        with plainly("S3", error_of_s3):
            answer = self._client.complete_multipart_upload(
                Bucket=self._name, Key=key, UploadId=upload_id, MultipartUpload=together, **terms
            )
        return str(answer["ETag"])

    def abort(self, key: str, upload_id: str) -> None:
        """Give a multipart upload up; one that S3 does not know is given up already (S3-32)."""
        with plainly("S3", error_of_s3):
            try:
                self._client.abort_multipart_upload(Bucket=self._name, Key=key, UploadId=upload_id)
            except self._client.exceptions.NoSuchUpload:
                return

    def describe(self, key: str, **more: Any) -> dict[str, Any]:
        """Give size, time, ETag, metadata and checksum of an object."""
        with plainly("S3", error_of_missing):
            return dict(self._client.head_object(Bucket=self._name, Key=key, ChecksumMode="ENABLED", **more))

    def read(self, key: str, etag: str, offset: int = 0) -> Iterator[bytes]:
        """Give the object from an offset on, in chunks; ConflictError when it has another ETag by now."""
        ranged = {"Range": f"bytes={offset}-"} if offset else {}
        with plainly("S3", error_of_missing):
            answer = self._client.get_object(Bucket=self._name, Key=key, IfMatch=etag, **ranged)
        body = answer["Body"]
        try:
            if offset and not str(answer.get("ContentRange", "")).startswith(f"bytes {offset}-"):
                raise TransportError("S3 answered with another range than the one that was asked for")
            yield from _chunks(body)
        finally:
            body.close()

    def copy(self, source: str, key: str, etag: str) -> None:
        """Copy an object inside the bucket, within S3; ConflictError when the source has another ETag by now."""
        origin = {"Bucket": self._name, "Key": source}
        with plainly("S3", error_of_missing):
            self._client.copy_object(Bucket=self._name, Key=key, CopySource=origin, CopySourceIfMatch=etag)

    def remove(self, key: str, terms: Mapping[str, str] | None = None) -> None:
        """Remove an object; one that is not there is removed already (S3-36)."""
        with plainly("S3", error_of_s3):
            self._client.delete_object(Bucket=self._name, Key=key, **(terms or {}))

    def remove_batch(self, keys: Sequence[str]) -> dict[str, TodoError]:
        """Remove up to 1000 objects in one request; gives what could not be removed (S3-11)."""
        batch = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        with plainly("S3", error_of_s3):
            answer = self._client.delete_objects(Bucket=self._name, Delete=batch)
        return {str(said["Key"]): _error_of_entry(said) for said in answer.get("Errors", [])}

    def entries(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Give what S3 says of each object whose key begins so, page by page."""
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix))
        while True:
            with plainly("S3", error_of_s3):
                page = next(pages, None)
            if page is None:
                return
            yield from page.get("Contents", [])

    def presigned(self, key: str, seconds: int) -> str:
        """Give a URL that gets the object; signed here, without a request."""
        asked = {"Bucket": self._name, "Key": key}
        with plainly("S3", error_of_s3):
            return str(self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))


def _chunks(body: Any) -> Iterator[bytes]:
    while True:
        try:
            with plainly("S3"):
                chunk = body.read(CHUNK_BYTES)
        except (HTTPError, OSError) as error:  # botocore lets some of urllib3's through
            raise TransportError("S3 broke off in the middle of its answer") from error
        if not chunk:
            return
        yield chunk


def error_of_s3(error: ClientError) -> TodoError:
    """Give the SDK's error for an answer of S3."""
    said, facts = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    status = int(facts.get("HTTPStatusCode", 500))
    body = {"code": said.get("Code"), "message": said.get("Message"), "request_id": facts.get("RequestId")}
    if str(body["code"]).isdigit():  # S3-04: HEAD has no body, and botocore takes the status for the code
        body = {"request_id": body["request_id"]}
    return error_of_answer(status, facts.get("HTTPHeaders", {}), body)


def error_of_missing(error: ClientError) -> TodoError:
    """As `error_of_s3`, for a read: in one's own folder "denied" is how S3 says "missing" (S3-03)."""
    found = error_of_s3(error)
    if isinstance(found, ForbiddenError | NotFoundError) and found.code != "RequestTimeTooSkewed":
        sentence = "there is no such file in your folder, or you may not read it"
        return NotFoundError(sentence, status=found.status, request_id=found.request_id)
    return found


def _error_of_entry(said: Mapping[str, Any]) -> TodoError:
    answer: Any = {"Error": said, "ResponseMetadata": {"HTTPStatusCode": 403 if said.get("Code") else 500}}
    return error_of_s3(ClientError(answer, "DeleteObjects"))
