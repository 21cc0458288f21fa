"""The signed-in user's folder in the bucket: which keys there are, and who is asked. Nothing is transferred here."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from todo_sdk._config import Config
from todo_sdk._fields import file_key
from todo_sdk._models import FileInfo
from todo_sdk._session import Session
from todo_sdk._traffic import Traffic

if TYPE_CHECKING:
    from todo_sdk._aws import AwsCredentials
    from todo_sdk._s3 import Bucket

UUID_CHARS = 36


class OwnFolder:
    """The folder that is named after the identity (IP-03); the only one that the credentials open (IP-31)."""

    def __init__(self, config: Config, session: Session, traffic: Traffic) -> None:
        self._config = config
        self._session = session
        self._traffic = traffic
        self._lock = threading.Lock()
        self._opened: Bucket | None = None

    def checked(self, key: str) -> str:
        """Give a key back that can be one; InvalidRequestError says what is wrong with any other."""
        # the folder's name is an identity id, "<region>:<uuid>", and a slash
        return file_key(key, prefix_bytes=len(self._config.region) + 1 + UUID_CHARS + 1)

    def whole(self, key: str) -> str:
        """Give the key in the bucket."""
        return f"{self._session.identity_id()}/{key}"

    @property
    def bucket(self) -> "Bucket":
        """The bucket; boto3 is loaded when it is first asked for."""
        from todo_sdk._s3 import Bucket

        self._session.user()  # nobody signed in is the first thing to say
        with self._lock:
            if self._opened is None:
                self._opened = Bucket(self._config, self._session.credentials, self._traffic)
            return self._opened

    def now(self) -> datetime:
        """Tell what time it is for S3, in UTC; requests and URLs are signed by the same clock."""
        return self._traffic.clock.now()

    def credentials(self) -> "AwsCredentials":
        """Give the credentials that a URL would be signed with now."""
        return self._session.credentials()

    def kept_path(self, *names: str) -> Path:
        """Tell where this device keeps notes about transfers: beside the sessions, apart for each of them."""
        session_name = self._config.session_name or self._config.profile
        return Path(self._config.data_dir, "files", session_name, *names)

    def stat(self, key: str) -> FileInfo:
        """Give what S3 says of one file; NotFoundError when there is none."""
        return file_info(key, self.bucket.describe(self.whole(key)))

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """Give the files whose keys begin with a prefix, in the order of their keys."""
        folder = self.whole("")
        for entry in self.bucket.entries(folder + prefix):
            yield file_info(entry["Key"].removeprefix(folder), {**entry, "ContentLength": entry["Size"]})


def file_info(key: str, facts: Mapping[str, Any]) -> FileInfo:
    """Read S3's description of a file."""
    return FileInfo(
        key=key,
        size_bytes=int(facts["ContentLength"]),
        modified_at=facts["LastModified"].astimezone(UTC),
        etag=bare(facts["ETag"]),
    )


def bare(etag: Any) -> str:
    """Give an ETag without its quotes."""
    return str(etag).strip('"')


def quoted(etag: str) -> str:
    """Give an ETag as S3 writes it."""
    return f'"{bare(etag)}"'
