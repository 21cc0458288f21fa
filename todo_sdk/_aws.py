"""How the SDK talks to AWS's own APIs: clients that know nothing but what they are given, and one table of errors.

The client is a phone: no `AWS_*` variable, no ~/.aws and no instance role has a say in it. Importing this module loads
botocore, so it is imported where it is used.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3.exceptions
import botocore.exceptions as aws
import s3transfer.exceptions
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials
from botocore.parsers import ResponseParserError
from botocore.session import Session

from todo_sdk._addresses import is_loopback
from todo_sdk._aws_sending import SigningKeys, be_quiet, send_through
from todo_sdk._config import Config
from todo_sdk._errors import (
    ConfigError,
    InvalidRequestError,
    NotSignedInError,
    ServerError,
    TodoError,
    TransportError,
)
from todo_sdk._quiet import hush, quietly
from todo_sdk._traffic import Traffic
from todo_sdk._version import __version__

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
ATTEMPTS = 4


@dataclass(frozen=True)
class AwsCredentials:
    """Temporary credentials of an identity; none of it shows in a repr."""

    access_key_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime


class _LiveCredentials(Credentials):  # type: ignore[misc]
    """Credentials that are asked for anew each time a request is signed; who gives them keeps them fresh."""

    def __init__(self, current: Callable[[], AwsCredentials], traffic: Traffic) -> None:
        self._current = current
        self._traffic = traffic
        super().__init__("", "", "", method="todo-sdk")

    def get_frozen_credentials(self) -> SigningKeys:
        """Give the credentials to sign one request with."""
        now = self._current()
        keys = SigningKeys(now.access_key_id, now.secret_key, now.session_token)
        keys.now = self._traffic.clock.now()
        return keys


class _Provider(CredentialProvider):  # type: ignore[misc]
    METHOD = "todo-sdk"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


def make_client(
    service: str,
    config: Config,
    *,
    repeats: bool,
    credentials: Callable[[], AwsCredentials] | None = None,
    traffic: Traffic | None = None,
) -> Any:
    """Make a botocore client for one service.

    Args:
        repeats: whether botocore may send a request again that failed on its way.
        credentials: gives what to sign with; without it requests are not signed.
        traffic: what the requests pass through, and whose clock they are signed by.
    """
    session = _session_of_its_own()
    traffic = traffic or Traffic()
    if credentials is not None:
        provider = _Provider(_LiveCredentials(credentials, traffic))
        session.register_component("credential_provider", CredentialResolver([provider]))
    settings: dict[str, Any] = {
        "region_name": config.region,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": READ_TIMEOUT_SECONDS,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS if repeats else 1},
        "user_agent_extra": f"todo-sdk/{__version__}",
        "proxies": _proxies(config),
    }
    if credentials is None:
        settings["signature_version"] = UNSIGNED
    if service == "s3":
        style = "path" if config.endpoint_url else "virtual"
        # the body's checksum is a signed header (S3-35); hashing it a second time for the signature adds nothing
        signing = {"payload_signing_enabled": False}
        settings["s3"] = {"addressing_style": style, "us_east_1_regional_endpoint": "regional", **signing}
        settings["response_checksum_validation"] = "when_required"  # ours goes on across a resumed download
    with plainly(service):
        client = session.create_client(
            service, config=ClientConfig(**settings), endpoint_url=config.endpoint_url, verify=config.trusted
        )
    hush()  # creating a client has made the loggers of all that it needs
    send_through(client, traffic)
    return client


def _proxies(config: Config) -> dict[str, str] | None:
    host = (config.endpoint_url or "").split("//")[-1]
    return {} if host and is_loopback(host.rsplit(":", 1)[0].strip("[]")) else None


def _session_of_its_own() -> Session:
    """Make a botocore session whose every variable has its default, whatever the environment or ~/.aws say."""
    nowhere = {"config_file": os.devnull, "credentials_file": os.devnull, "ignore_configured_endpoint_urls": True}
    variables = {
        name: (None, None, nowhere.get(name, default), conversion)
        for name, (_, _, default, conversion) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    session = Session(session_vars=variables)
    session.register("creating-client-class", be_quiet)
    return session


@contextmanager
def plainly(where: str, of_answer: Callable[[aws.ClientError], TodoError] | None = None) -> Iterator[None]:
    """Turn whatever botocore, boto3 and s3transfer raise into an error of the SDK.

    Args:
        where: who was asked, for the sentence.
        of_answer: gives the error for an answer that is one.
    """
    try:
        with quietly():
            yield
    except aws.ClientError as error:
        raise (of_answer or error_of_aws)(error) from error
    except _FOREIGN as error:
        raise error_of_aws(error, where) from error


def error_of_aws(error: BaseException, where: str = "AWS") -> TodoError:
    """Give the SDK's error for one of botocore's family: the table's entry for its most specific class."""
    kind, reason = next(_AWS_ERRORS[cls] for cls in type(error).__mro__ if cls in _AWS_ERRORS)
    return kind(f"{where} {reason}")


_NO_ANSWER = (TransportError, "cannot be reached; are you online?")
_BAD_SETTING = (ConfigError, "cannot be addressed with these settings; run `todo configure` again")
_NO_SESSION = (NotSignedInError, "cannot be asked: the session has no credentials; sign in again")
_BROKEN = (ServerError, "could not be asked, or gave an answer that cannot be understood")
_BROKE_OFF = (TransportError, "broke off in the middle of its answer")

_AWS_ERRORS: Mapping[type[BaseException], tuple[type[TodoError], str]] = {
    aws.ClientError: _BROKEN,
    aws.BotoCoreError: _BROKEN,
    aws.HTTPClientError: _NO_ANSWER,
    aws.ConnectionError: _NO_ANSWER,
    aws.ConnectTimeoutError: (TransportError, "did not take the connection in time"),
    aws.ReadTimeoutError: (TransportError, "did not answer in time"),
    aws.SSLError: (TransportError, "cannot be trusted: its certificate was not accepted"),
    aws.ProxyConnectionError: (TransportError, "cannot be reached through the proxy"),
    aws.ResponseStreamingError: _BROKE_OFF,
    aws.IncompleteReadError: _BROKE_OFF,
    aws.FlexibleChecksumError: (TransportError, "sent something else than it should have: the checksum is wrong"),
    aws.ParamValidationError: (InvalidRequestError, "cannot be asked that: a value is missing or malformed"),
    aws.NoCredentialsError: _NO_SESSION,
    aws.PartialCredentialsError: _NO_SESSION,
    aws.CredentialRetrievalError: _NO_SESSION,
    aws.NoRegionError: _BAD_SETTING,
    aws.InvalidRegionError: _BAD_SETTING,
    aws.UnknownEndpointError: _BAD_SETTING,
    aws.EndpointProviderError: _BAD_SETTING,
    aws.UnknownServiceError: _BAD_SETTING,
    aws.UndefinedModelAttributeError: _BROKEN,
    ResponseParserError: _BROKEN,
    boto3.exceptions.Boto3Error: _BROKEN,
    boto3.exceptions.RetriesExceededError: _BROKE_OFF,
    s3transfer.exceptions.RetriesExceededError: _BROKE_OFF,
    s3transfer.exceptions.CancelledError: (TransportError, "was interrupted"),
    s3transfer.exceptions.S3UploadFailedError: _BROKEN,
    s3transfer.exceptions.S3DownloadFailedError: _BROKEN,
    s3transfer.exceptions.S3CopyFailedError: _BROKEN,
    s3transfer.exceptions.S3ValidationError: _BROKE_OFF,
    s3transfer.exceptions.InvalidSubscriberMethodError: _BROKEN,
    s3transfer.exceptions.TransferNotDoneError: _BROKEN,
}
_FOREIGN = tuple(_AWS_ERRORS)
