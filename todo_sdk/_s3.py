"""What S3 can be asked, by whole keys; boto3 does the work.

Importing this loads boto3, so it is imported where it is used.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError

from todo_sdk._answers import error_of_answer
from todo_sdk._aws import AwsCredentials, make_client, plainly
from todo_sdk._config import Config
from todo_sdk._errors import ForbiddenError, NotFoundError, TodoError
from todo_sdk._traffic import Traffic

# threads only where they help: in parts of a large file; the C runtime would bring its own credentials chain
_TRANSFER = TransferConfig(preferred_transfer_client="classic")


class Bucket:
    """One bucket, asked with credentials that somebody else keeps fresh."""

    def __init__(
        self, config: Config, credentials: Callable[[], AwsCredentials], traffic: Traffic | None = None
    ) -> None:
        self._name = config.files_bucket
        self._client = make_client("s3", config, repeats=True, credentials=credentials, traffic=traffic)

    def upload(self, path: Path, key: str) -> None:
        """Put a file; a large one goes in parts."""
        with plainly("S3", error_of_s3), create_transfer_manager(self._client, _TRANSFER) as manager:
            manager.upload(str(path), self._name, key).result()

    def download(self, key: str, file: BinaryIO) -> None:
        """Get a file into an open one."""
        with plainly("S3", _error_of_missing), create_transfer_manager(self._client, _TRANSFER) as manager:
            manager.download(self._name, key, file).result()

    def describe(self, key: str) -> dict[str, Any]:
        """Give size, time and ETag of a file."""
        with plainly("S3", _error_of_missing):
            return dict(self._client.head_object(Bucket=self._name, Key=key))

    def remove(self, key: str) -> None:
        """Remove a file; one that is not there is removed already (S3-36)."""
        with plainly("S3", error_of_s3):
            self._client.delete_object(Bucket=self._name, Key=key)

    def entries(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Give what S3 says of each file whose key begins so, page by page."""
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix))
        while True:
            with plainly("S3", error_of_s3):
                page = next(pages, None)
            if page is None:
                return
            yield from page.get("Contents", [])


def error_of_s3(error: ClientError) -> TodoError:
    """Give the SDK's error for an answer of S3."""
    said, facts = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    status = int(facts.get("HTTPStatusCode", 500))
    body = {"code": said.get("Code"), "message": said.get("Message"), "request_id": facts.get("RequestId")}
    if str(body["code"]).isdigit():  # S3-04: HEAD has no body, and botocore takes the status for the code
        body = {"request_id": body["request_id"]}
    return error_of_answer(status, facts.get("HTTPHeaders", {}), body)


def _error_of_missing(error: ClientError) -> TodoError:
    """As `error_of_s3`, for a read: in one's own folder "denied" is how S3 says "missing" (S3-03)."""
    found = error_of_s3(error)
    if isinstance(found, ForbiddenError | NotFoundError) and found.code != "RequestTimeTooSkewed":
        sentence = "there is no such file in your folder, or you may not read it"
        return NotFoundError(sentence, status=found.status, request_id=found.request_id)
    return found
