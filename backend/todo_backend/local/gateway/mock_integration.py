"""Mock integrations: an answer made from the API's own mappings, as CORS preflights are (AG-42). No I/O."""

import re

from .configuration import Integration, IntegrationResponse
from .exchange import Exchange
from .messages import Answer, Header, is_sendable
from .refusals import RefusalError
from .templates import fill, has_directives

# The request template of a mock is an object with statusCode; AWS also takes it without quotes around the name.
_STATUS = re.compile(r"""["']?\bstatusCode["']?\s*:\s*["']?([1-5]\d\d)\b""")
_NO_BODY = (204, 304)


def mock_answer(exchange: Exchange) -> Answer:
    """The answer of the method's mock.

    Raises:
        RefusalError: the mapping names no status, no response fits it, or it needs Velocity directives.
    """
    integration = exchange.method.integration
    response = _chosen(integration, _status(exchange, integration))
    body = response.templates.get("application/json", "")
    if has_directives(body):
        raise RefusalError("API_CONFIGURATION_ERROR")
    headers = _headers(response, exchange)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", "application/json"), *headers)
    text = fill(body, exchange.context()) if body else ""
    return Answer(response.status, headers, b"" if response.status in _NO_BODY else text.encode("utf-8", "replace"))


def _status(exchange: Exchange, integration: Integration) -> str:
    template = integration.request_templates.get(exchange.request.media_type)
    if template is None:
        if integration.passthrough == "NEVER" or (
            integration.passthrough == "WHEN_NO_TEMPLATES" and integration.request_templates
        ):
            raise RefusalError("UNSUPPORTED_MEDIA_TYPE")
        template = exchange.request.body[:10_000].decode("utf-8", "replace")
    found = _STATUS.search(template)
    if not found or has_directives(template):
        raise RefusalError("API_CONFIGURATION_ERROR")
    return found[1]


def _chosen(integration: Integration, status: str) -> IntegrationResponse:
    """The response whose pattern the status fits, else the one without a pattern."""
    fitting = [item for item in integration.responses if item.selection and re.fullmatch(item.selection, status)]
    default = [item for item in integration.responses if not item.selection]
    if not fitting + default:
        raise RefusalError("API_CONFIGURATION_ERROR")
    return (fitting + default)[0]


def _headers(response: IntegrationResponse, exchange: Exchange) -> tuple[Header, ...]:
    found = []
    for key, source in response.parameters.items():
        name = key.removeprefix("method.response.header.")
        literal = len(source) > 1 and source[0] == source[-1] == "'"
        value = source[1:-1] if literal else exchange.context().get(source.removeprefix("context."))
        if value is not None and name != key and is_sendable(name, value):
            found.append((name, value))
    return tuple(found)
