"""URLs that open one file for a while, and how long that really is."""

from datetime import UTC, timedelta

from todo_sdk._errors import InvalidRequestError, NotSignedInError
from todo_sdk._files.folder import OwnFolder
from todo_sdk._files.values import Share

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=7)  # SigV4's limit for a presigned URL


def share(folder: OwnFolder, key: str, expires_in: timedelta) -> Share:
    """Sign a URL for one file.

    S3 takes a presigned URL only as long as the credentials that signed it (S3-22), so a longer time is not written
    into it: the URL, the result and S3 say the same.
    """
    if not SHORTEST <= expires_in <= LONGEST:
        raise InvalidRequestError("a file can be shared for a second at least and seven days at most")
    folder.stat(key)  # a URL of nothing would be signed all the same
    credentials_end = folder.credentials().expires_at
    signed_at = folder.now().replace(microsecond=0)
    wanted_end = signed_at + timedelta(seconds=int(expires_in.total_seconds()))
    expires_at = min(wanted_end, credentials_end.astimezone(UTC).replace(microsecond=0))
    seconds = int((expires_at - signed_at).total_seconds())
    if seconds < 1:
        raise NotSignedInError("the session's credentials end now; sign in again")
    url = folder.bucket.presigned(folder.whole(key), seconds)
    return Share(key, url, expires_at, "request" if expires_at == wanted_end else "credentials")
