"""No exception of another library leaves the SDK: each class is in a table, by itself or by a parent."""

from types import ModuleType

import boto3.exceptions
import botocore.exceptions
import botocore.parsers
import pycognito.exceptions
import pytest
import requests
import s3transfer.exceptions
import urllib3.exceptions

from todo_sdk import (
    ConfigError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    ThrottledError,
    TodoError,
    TransportError,
)
from todo_sdk._aws import error_of_aws, plainly
from todo_sdk._http import error_of_requests
from todo_sdk._s3 import error_of_s3
from todo_sdk._srp import FOREIGN

AWS = (botocore.exceptions, boto3.exceptions, s3transfer.exceptions)
WEB = (requests.exceptions, urllib3.exceptions)


def exceptions_of(*modules: ModuleType) -> list[type[Exception]]:
    """The exception classes that a module has; warnings are not raised."""
    found = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Exception)
        and not issubclass(each, Warning)
        and each.__module__.partition(".")[0] == module.__name__.partition(".")[0]
    }
    return sorted(found, key=lambda each: f"{each.__module__}.{each.__name__}")


def blank(kind: type[Exception]) -> Exception:
    """An instance without its constructor, whose arguments each class has of its own."""
    return kind.__new__(kind)


def test_there_is_something_to_walk() -> None:
    assert len(exceptions_of(*AWS)) > 80
    assert len(exceptions_of(*WEB)) > 40


@pytest.mark.parametrize("kind", [*exceptions_of(*AWS), botocore.parsers.ResponseParserError])
def test_each_exception_of_botocores_family_is_mapped(kind: type[Exception]) -> None:
    error = error_of_aws(blank(kind), "S3")
    assert isinstance(error, TodoError)
    assert str(error).startswith("S3 ")


@pytest.mark.parametrize("kind", exceptions_of(*WEB))
def test_each_exception_of_requests_is_mapped(kind: type[Exception]) -> None:
    assert isinstance(error_of_requests(blank(kind), "https://api.example.com"), TodoError)


@pytest.mark.parametrize("kind", exceptions_of(pycognito.exceptions))
def test_each_exception_of_pycognito_is_caught_where_pycognito_is_used(kind: type[Exception]) -> None:
    assert issubclass(kind, FOREIGN)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (botocore.exceptions.EndpointConnectionError, TransportError),
        (botocore.exceptions.ConnectTimeoutError, TransportError),
        (botocore.exceptions.ReadTimeoutError, TransportError),
        (botocore.exceptions.SSLError, TransportError),
        (botocore.exceptions.ParamValidationError, InvalidRequestError),
        (botocore.exceptions.NoRegionError, ConfigError),
        (botocore.exceptions.DataNotFoundError, ServerError),
    ],
)
def test_the_most_specific_class_decides(kind: type[Exception], expected: type[TodoError]) -> None:
    assert type(error_of_aws(blank(kind))) is expected


@pytest.mark.parametrize("kind", exceptions_of(*AWS))
def test_what_is_raised_inside_comes_out_as_an_error_of_the_sdk(kind: type[Exception]) -> None:
    error = blank(kind)
    if isinstance(error, botocore.exceptions.ClientError):
        error.response = {}
    with pytest.raises(TodoError), plainly("S3"):
        raise error


# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, those that a client with its own folder can meet
S3_CODES = {
    "AccessDenied": ForbiddenError,
    "NoSuchKey": NotFoundError,
    "NoSuchBucket": NotFoundError,
    "NoSuchUpload": NotFoundError,
    "PreconditionFailed": ConflictError,
    "ConditionalRequestConflict": ConflictError,
    "EntityTooLarge": InvalidRequestError,
    "SlowDown": ThrottledError,
    "ExpiredToken": NotSignedInError,
    "InvalidToken": NotSignedInError,
    "InvalidAccessKeyId": NotSignedInError,
    "RequestTimeTooSkewed": ForbiddenError,
    "SignatureDoesNotMatch": ForbiddenError,
    "InternalError": ServerError,
    "ServiceUnavailable": ServerError,
    "InvalidPart": InvalidRequestError,
    "KeyTooLongError": InvalidRequestError,
    "AnErrorOfTheFuture": InvalidRequestError,
}
STATUSES = {
    "AccessDenied": 403,
    "NoSuchKey": 404,
    "NoSuchBucket": 404,
    "NoSuchUpload": 404,
    "PreconditionFailed": 412,
    "ConditionalRequestConflict": 409,
    "SlowDown": 503,
    "InvalidAccessKeyId": 403,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "InternalError": 500,
    "ServiceUnavailable": 503,
}


@pytest.mark.parametrize("code", S3_CODES)
def test_each_code_of_s3_becomes_an_error_with_a_request_id(code: str) -> None:
    facts = {"HTTPStatusCode": STATUSES.get(code, 400), "RequestId": "r1", "HTTPHeaders": {}}
    error = botocore.exceptions.ClientError(
        {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": facts},
        "PutObject",
    )
    found = error_of_s3(error)
    assert type(found) is S3_CODES[code]
    assert found.request_id == "r1"
