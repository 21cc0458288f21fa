"""One request out, one answer or one error back.

Knows nothing of to-dos or tokens: a token is a header that it was given.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from todo_sdk._addresses import checked_url, is_loopback
from todo_sdk._answers import error_of_answer
from todo_sdk._clock import ServerClock
from todo_sdk._errors import ConfigError, ServerError, TodoError, TransportError
from todo_sdk._network import RequestLostError
from todo_sdk._quiet import hush, quietly
from todo_sdk._retry import Retries, retry_after_seconds
from todo_sdk._traffic import Traffic
from todo_sdk._version import __version__

CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 35.0  # API Gateway gives up after 29 s (AG-27); its 504 is an answer worth having


@dataclass(frozen=True)
class Request:
    """One request to the API.

    `repeatable`: asking twice has the effect of asking once, since it is a GET or carries an id or Idempotency-Key.
    `timeout_seconds`: the longest to wait for connection and answer, where that is less than usual.
    """

    method: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class Answer:
    """What came back: a status of 2xx or 304, headers by lower-case name, and a JSON object."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


class _Token(AuthBase):
    """Put a token into the request, or none; its being there keeps requests from looking into ~/.netrc."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = self._token
        return request


class Http:
    """Asks one base URL; may be shared by threads: what requests keeps between two requests, cookies, is off."""

    def __init__(
        self,
        base_url: str,
        session: requests.Session | None = None,
        *,
        trusted: str | None = None,
        retries: Retries | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self._base_url = checked_url("api_url", base_url)
        self._owned = session is None
        self._session = session or _new_session(self._base_url)
        self._trusted = trusted
        self._retries = retries or Retries()
        self._traffic = traffic or Traffic()

    def close(self) -> None:
        """Close the connections, unless the session was given."""
        if self._owned:
            self._session.close()

    def ask(self, request: Request, token: str | None = None) -> Answer:
        """Send a request, again when that is safe and may help, and give its answer.

        Raises:
            TransportError: there was no answer.
            ServiceError: the answer was an error; which one, `error_of_answer` says.
        """
        what = f"{request.method} {request.path}"
        return self._retries.run(what, lambda: self._ask_once(request, token), repeatable=request.repeatable)

    def _ask_once(self, request: Request, token: str | None) -> Answer:
        body = None if request.body is None else json.dumps(request.body).encode()
        url = self._base_url + request.path
        try:
            with quietly(), self._traffic.exchange("api", request.method, url, len(body or b"")) as exchange:
                response = self._session.request(
                    request.method,
                    url,
                    params=dict(request.params),
                    data=body,
                    headers=_headers(request),
                    auth=_Token(token),
                    timeout=_timeouts(request.timeout_seconds),
                    allow_redirects=False,
                    verify=self._trusted,  # None leaves it to the session
                )
                self._traffic.arrive(len(response.content))
                headers = {name.lower(): value for name, value in response.headers.items()}
                exchange.answered(response.status_code, headers)
        except (requests.RequestException, HTTPError, RequestLostError, ValueError, OSError) as error:
            raise error_of_requests(error, self._base_url) from error
        return _answer(response, headers, self._traffic.clock)


def _new_session(base_url: str) -> requests.Session:
    session = requests.Session()
    hush()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=32))  # one connection too few costs a handshake
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # this machine is never reached through a proxy
    session.trust_env = not is_loopback(urlsplit(base_url).hostname or "")
    return session


def _headers(request: Request) -> dict[str, str]:
    headers = {"User-Agent": f"todo-sdk/{__version__}", "Accept": "application/json", **request.headers}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _timeouts(most: float | None) -> tuple[float, float]:
    usual = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
    return usual if most is None else (min(usual[0], most), min(usual[1], most))


def _answer(response: requests.Response, headers: Mapping[str, str], clock: ServerClock) -> Answer:
    body = _json_object(response)
    if response.status_code in (200, 201, 304) and body is not None:
        return Answer(response.status_code, headers, body)
    retry_after = retry_after_seconds(headers.get("retry-after"), clock)
    raise error_of_answer(response.status_code, headers, body, retry_after)


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    if response.status_code == 304:
        return {}
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def error_of_requests(error: Exception, base_url: str) -> TodoError:
    """Give the SDK's error for one of requests: the table's entry for its most specific class."""
    kind, reason = next(_REQUESTS_ERRORS[cls] for cls in type(error).__mro__ if cls in _REQUESTS_ERRORS)
    return kind(f"{base_url} {reason}")


_REQUESTS_ERRORS: Mapping[type[BaseException], tuple[type[TodoError], str]] = {
    requests.ConnectTimeout: (TransportError, "did not take the connection in time"),
    requests.Timeout: (TransportError, "did not answer in time"),
    requests.exceptions.SSLError: (TransportError, "cannot be trusted: its certificate was not accepted"),
    requests.exceptions.ProxyError: (TransportError, "cannot be reached through the proxy"),
    requests.ConnectionError: (TransportError, "cannot be reached; is the address right, and the service up?"),
    requests.exceptions.ChunkedEncodingError: (TransportError, "broke off in the middle of its answer"),
    requests.exceptions.InvalidProxyURL: (ConfigError, "cannot be reached: the proxy's address is malformed"),
    requests.exceptions.InvalidURL: (ConfigError, "is not an address that can be asked"),
    requests.exceptions.InvalidSchema: (ConfigError, "is not an address that can be asked"),
    requests.exceptions.MissingSchema: (ConfigError, "is not an address that can be asked"),
    requests.exceptions.InvalidJSONError: (ServerError, "answered with something else than JSON"),
    requests.RequestException: (TransportError, "could not be asked"),
    HTTPError: (TransportError, "could not be asked"),
    RequestLostError: (TransportError, "did not answer: the network is simulated"),
    OSError: (ConfigError, "cannot be trusted: the file of authorities (ca_bundle) cannot be read"),
    ValueError: (TransportError, "could not be asked"),
}
