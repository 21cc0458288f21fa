"""The errors that API Gateway answers by itself, in the one body that all errors of the API have."""

from typing import NamedTuple

from aws_cdk import aws_apigateway as gateway


class _Answer(NamedTuple):
    """How one kind of refusal looks: `message` is a JSON value of the template, `status` None keeps AWS's own."""

    code: str
    message: str = "$context.error.messageString"  # already quoted by API Gateway
    status: str | None = None


_ANSWERS: dict[str, _Answer] = {
    "ACCESS_DENIED": _Answer("forbidden"),
    "BAD_REQUEST_BODY": _Answer("invalid_request", '"$context.error.validationErrorString"'),  # AG-19
    "BAD_REQUEST_PARAMETERS": _Answer("invalid_request"),
    "DEFAULT_4XX": _Answer("invalid_request"),
    "DEFAULT_5XX": _Answer("internal", '"The service failed."'),
    "EXPIRED_TOKEN": _Answer("unauthorized", status="401"),
    "INTEGRATION_FAILURE": _Answer("unavailable", '"The service is not available."'),
    "INTEGRATION_TIMEOUT": _Answer("unavailable", '"The service took too long."'),
    "INVALID_SIGNATURE": _Answer(
        "forbidden", '"There is no such route."'
    ),  # AG-16: its own text quotes the token's hash
    # AG-15: this is how API Gateway says that there is no such route.
    "MISSING_AUTHENTICATION_TOKEN": _Answer("not_found", '"There is no such route."', "404"),
    "REQUEST_TOO_LARGE": _Answer("too_large"),
    "RESOURCE_NOT_FOUND": _Answer("not_found"),
    "THROTTLED": _Answer("too_many_requests"),
    "UNAUTHORIZED": _Answer("unauthorized"),
    "WAF_FILTERED": _Answer("forbidden"),
}

# Clients back off by themselves; this only keeps the impatient from coming back at once.
_HEADERS = {"THROTTLED": {"Retry-After": "'1'"}}


def add_gateway_responses(api: gateway.RestApi) -> None:
    """Give the API's own errors the body `{"code", "message", "request_id"}`.

    AG-24: the answer to a body over 10 MB cannot be changed everywhere; clients go by the status then.
    """
    for name, answer in _ANSWERS.items():
        api.add_gateway_response(
            f"Answer-{name}",
            type=gateway.ResponseType.of(name),
            status_code=answer.status,
            response_headers=_HEADERS.get(name),
            templates={"application/json": _template(answer)},
        )


def _template(answer: _Answer) -> str:
    return f'{{"code":"{answer.code}","message":{answer.message},"request_id":"$context.requestId"}}'
