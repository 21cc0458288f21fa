"""Asking S3 again in a caller's name, in process: may it list the bucket, may it delete this key of many.

The caller's own rights decide, as MiniStack judges them; nothing here knows a policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from ..asgi import Answer, App, Scope, ask
from ..options import REGION
from ..signature import Signer
from .target import Target

SecretOf = Callable[[str], tuple[str, str | None] | None]
"""The secret key and the session token of an access key; None for one that is unknown or has expired."""


def known_to_ministack(access_key: str) -> tuple[str, str | None] | None:
    """What MiniStack, in this process, knows of an access key: a test guards this use of its inside."""
    from ministack.core.iam_evaluator import resolve_credential

    found = resolve_credential(access_key)
    secret, token = getattr(found, "secret_access_key", None), getattr(found, "session_token", None)
    return (secret, token) if secret else None


@dataclass(frozen=True)
class Callers:
    """Signs as somebody, and asks the next layer."""

    inner: App
    secret_of: SecretOf

    async def ask(
        self, access_key: str, scope: Scope, target: Target, method: str, key: str, query: str, body: bytes = b""
    ) -> Answer | None:
        """What the owner of that access key is answered to another request of the same bucket; None for a key that
        is not known.

        Args:
            key: of the object, not encoded; empty for a request of the bucket.
            query: percent-encoded.
        """
        keys = self.secret_of(access_key)
        if keys is None:
            return None
        secret, token = keys
        given = {"host": target.headers.get("host", "")} | ({"x-amz-security-token": token} if token else {})
        path = f"/{key}" if target.is_virtual else f"/{target.bucket}/{key}".rstrip("/" if not key else "")
        encoded = quote(path, safe="/-_.~")
        headers = Signer(access_key, secret, "s3", REGION).headers(
            method, encoded, given, body, datetime.now(UTC), query
        )
        asked = {
            **scope,
            "method": method,
            "path": path,
            "raw_path": encoded.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        return await ask(self.inner, asked, body)
