"""The answers of requests that are to fail, in each service's own words. No I/O."""

from typing import Final

from ..asgi import Answer
from ..error_answers import error_answer, internal_error
from ..operations import API, Named
from .rules import Fault

MARK: Final = b"x-todo-fault"
"""The header that tells an injected answer from a real one; its value is the kind of the fault."""

Words = tuple[int, str, str]

# How each service throttles: AG-28, UP-08, IP-33, DD-15; S3's and the common errors of the API references.
_THROTTLES: Final[dict[str, Words]] = {
    API: (429, "TooManyRequestsException", "Too Many Requests"),
    "cognito-idp": (400, "TooManyRequestsException", "Rate exceeded"),
    "cognito-identity": (400, "TooManyRequestsException", "Rate exceeded"),
    "dynamodb": (
        400,
        "ProvisionedThroughputExceededException",
        (
            "The level of configured provisioned throughput for the table was exceeded. "
            "Consider increasing your provisioning level with the UpdateTable API."
        ),
    ),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
}
_THROTTLE: Final[Words] = (400, "ThrottlingException", "Rate exceeded")
_UNAVAILABLE: Final = ("ServiceUnavailable", "Service is unable to handle request.")
_REFUSED: Final = ("BadRequestException", "Bad Request")


def answer_to(request: Named, fault: Fault) -> Answer:
    """The answer that an `error` or `throttle` gives."""
    answer = error_answer(request, *_words(request.service or "", fault))
    answer.headers.append((MARK, fault.kind.encode()))
    return answer


def _words(service: str, fault: Fault) -> Words:
    if fault.kind == "throttle":
        status, code, message = _THROTTLES.get(service, _THROTTLE)
    else:
        status = fault.status
        code, message = _usual(service, status)
    return status, fault.code or code, fault.message or message


def _usual(service: str, status: int) -> tuple[str, str]:
    """Code and message that the service has for such a status."""
    if service == API and status == 504:
        return "InternalServerErrorException", "Endpoint request timed out"  # AG-27
    if status == 503:
        return (_THROTTLES["s3"][1], _THROTTLES["s3"][2]) if service == "s3" else _UNAVAILABLE
    if status >= 500:
        return internal_error(service)
    return (_THROTTLES[API][1], _THROTTLES[API][2]) if status == 429 else _REFUSED
