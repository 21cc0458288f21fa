"""The function's environment, read once at cold start; a missing setting fails there and not in a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

REQUIRED: Final = (
    "TABLE_NAME",
    "AWS_REGION",
    "USER_POOL_ID",
    "USER_POOL_CLIENT_ID",
    "IDENTITY_POOL_ID",
    "FILES_BUCKET",
    "STAGE",
)


@dataclass(frozen=True)
class Settings:
    """What the deployment told the function."""

    table_name: str
    region: str
    user_pool_id: str
    user_pool_client_id: str
    identity_pool_id: str
    files_bucket: str
    stage: str
    query_ttl_seconds: int
    record_ttl_seconds: int = 300
    dax_endpoint: str | None = None
    endpoint_url: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises:
            RuntimeError: names every variable that is missing.
        """
        missing = [name for name in REQUIRED if not environ.get(name)]
        if missing:
            raise RuntimeError(f"missing environment variables: {', '.join(missing)}")
        return cls(
            table_name=environ["TABLE_NAME"],
            region=environ["AWS_REGION"],
            user_pool_id=environ["USER_POOL_ID"],
            user_pool_client_id=environ["USER_POOL_CLIENT_ID"],
            identity_pool_id=environ["IDENTITY_POOL_ID"],
            files_bucket=environ["FILES_BUCKET"],
            stage=environ["STAGE"],
            # DD-24, DD-27: five minutes is DAX's own default for both caches.
            query_ttl_seconds=int(environ.get("QUERY_TTL_SECONDS") or 300),
            record_ttl_seconds=int(environ.get("RECORD_TTL_SECONDS") or 300),
            dax_endpoint=environ.get("DAX_ENDPOINT") or None,
            # Only the embedded stack has one address for all of AWS; clients learn it from /v1/config.
            endpoint_url=environ.get("AWS_ENDPOINT_URL") or None,
        )
