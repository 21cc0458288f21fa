"""The process environment that MiniStack and the Lambda read, MiniStack's partly at import: nothing of the caller's."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .control import AdminCredentials
from .datadir import DataDir, write_private
from .options import ACCOUNT_ID, HOST, REGION

MINISTACK_KEY = "cognito-rsa-key.pem"
MINISTACK_KEY_BITS = 1024

# What would point the Lambda at real AWS, change its interpreter, or switch parts of MiniStack on.
_FOREIGN: tuple[str, ...] = ("AWS_", "CLOUDTRAIL_", "COGNITO_", "DAX_", "DOCKER_", "DYNAMODB_", "IOT_", "LAMBDA_")
_FOREIGN += (
    "LOCALSTACK",
    "MINISTACK",
    "PERSIST_",
    "POWERTOOLS_",
    "PYTHON",
    "S3_",
    "SFTP_",
    "STATE_",
    "TODO_",
    "_LAMBDA",
)
_FOREIGN_NAMES = {
    "AUTH",
    "BIND_HOST",
    "DEBUG",
    "EDGE_PORT",
    "GATEWAY_PORT",
    "LOG_LEVEL",
    "SERVICES",
    "SSL_CERT_FILE",
    "STAGE",
    "USE_SSL",
}


def is_foreign(name: str) -> bool:
    """Whether the variable is one that the stack must not inherit."""
    return name in _FOREIGN_NAMES or name.startswith(_FOREIGN)


def settings(
    data_dir: DataDir, credentials: AdminCredentials, port: int, ca_bundle: Path | None = None
) -> dict[str, str]:
    """What MiniStack and the Lambda are told instead."""
    found = {
        # SigV4 and IAM are enforced, and with them many of Cognito's checks (AWS_BEHAVIOURS section 9).
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        # The Lambda's boto3 must find nothing of the person who runs the stack.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        # Each would listen on a port of its own.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # The mails are ours (identity): MiniStack's would carry its constant codes.
        "COGNITO_EMAIL_ENABLED": "false",
        # With a Docker socket in reach MiniStack removes containers at its start.
        "DOCKER_HOST": "unix:///nonexistent",
        "LAMBDA_EXECUTOR": "local",
        # Nobody listens for X-Ray segments here.
        "POWERTOOLS_TRACE_DISABLED": "true",
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), HOST, "localhost"))),
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(data_dir.file("work")),
        "STATE_DIR": str(data_dir.file("state")),
    }
    if ca_bundle is not None:
        # For the Lambda: boto3 trusts the one, the DAX client and our own calls, like OpenSSL, the other.
        endpoint = f"https://{HOST}:{port}"
        found |= {"AWS_ENDPOINT_URL": endpoint, "AWS_CA_BUNDLE": str(ca_bundle), "SSL_CERT_FILE": str(ca_bundle)}
    if not data_dir.ephemeral:
        found |= {
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(data_dir.file("s3")),
        }
    return found


def prepare(
    data_dir: DataDir, credentials: AdminCredentials, port: int, ca_bundle: Path | None = None
) -> dict[str, str]:
    """Set the environment of this process; returns what was taken out of it."""
    taken = {name: value for name, value in os.environ.items() if is_foreign(name)}
    for name in taken:
        del os.environ[name]
    os.environ.update(settings(data_dir, credentials, port, ca_bundle))
    tempfile.tempdir = None  # it may have been read from the environment before
    _give_key(data_dir.file("state"))
    return taken


def _give_key(folder: Path) -> None:
    """Spare MiniStack the making of a long key, a tenth of a start: what it signs, nobody accepts (`identity`)."""
    path = folder / MINISTACK_KEY
    if path.exists():
        return
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=MINISTACK_KEY_BITS)
    with suppress(OSError):  # then it makes its own
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(path, key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))


@contextmanager
def of_our_own() -> Iterator[None]:
    """While the stack runs: what is written is for its owner only, and afterwards the environment is what it was."""
    before = dict(os.environ)
    mask = os.umask(0o077)  # what MiniStack writes holds passwords and keys
    try:
        yield
    finally:
        os.umask(mask)
        os.environ.clear()
        os.environ.update(before)
        tempfile.tempdir = None


@contextmanager
def callers(taken: dict[str, str]) -> Iterator[None]:
    """For the caller's own code: its environment as it was."""
    ours = dict(os.environ)
    for name in ours:
        if is_foreign(name):
            del os.environ[name]
    os.environ.update(taken)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(ours)
