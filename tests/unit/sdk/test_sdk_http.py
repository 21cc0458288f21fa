"""One request, one answer: what is sent, what is sent again, and what an answer means."""

import time
from pathlib import Path

import pytest
import requests
import responses

from todo_sdk import (
    ConfigError,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    NotSignedInError,
    ServerError,
    ServiceError,
    ThrottledError,
    TodoError,
    TransportError,
    __version__,
)
from todo_sdk._http import Http, Request
from todo_sdk._retry import Retries, pause_seconds, retry_after_seconds

API = "https://api.example.com/v"
URL = f"{API}/v1/revision"
GET = Request("GET", "/v1/revision", repeatable=True)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def http(pauses: list[float]) -> Http:
    return Http(API + "/", retries=Retries(sleep=pauses.append, jitter=lambda: 1.0))


@responses.activate
def test_a_request_says_who_asks_and_carries_the_token_as_it_is(http: Http) -> None:
    responses.get(URL, json={"revision": 3})
    answer = http.ask(GET, "the-token")
    assert answer.body == {"revision": 3}
    sent = responses.calls[0].request.headers
    assert sent["User-Agent"] == f"todo-sdk/{__version__}"
    assert sent["Authorization"] == "the-token"


@responses.activate
def test_a_netrc_does_not_replace_the_token(http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.com login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(URL, json={})
    http.ask(GET, "the-token")
    http.ask(GET)
    assert responses.calls[0].request.headers["Authorization"] == "the-token"
    assert "Authorization" not in responses.calls[1].request.headers


@responses.activate
def test_every_request_has_a_timeout(http: Http) -> None:
    responses.get(URL, json={})
    http.ask(GET)
    assert responses.calls[0].request.req_kwargs["timeout"] == (5.0, 35.0)  # type: ignore[attr-defined]


@responses.activate
def test_a_redirect_is_not_followed_with_the_token(http: Http) -> None:
    responses.get(URL, status=302, headers={"Location": "https://evil.example.com/"})
    with pytest.raises(ServerError):
        http.ask(GET, "the-token")
    assert {call.request.url for call in responses.calls} == {URL}


@responses.activate
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_be_repeated_is_sent_again_with_growing_pauses(http: Http, pauses: list[float], status: int) -> None:
    for _ in range(3):
        responses.get(URL, status=status, json={})
    responses.get(URL, json={"revision": 1})
    assert http.ask(GET).body == {"revision": 1}
    assert pauses == [0.2, 0.4, 0.8]


@responses.activate
def test_asking_again_ends(http: Http) -> None:
    responses.get(URL, status=503, json={"code": "unavailable", "message": "not now", "request_id": "r1"})
    with pytest.raises(ServerError, match="not now") as caught:
        http.ask(GET)
    assert len(responses.calls) == 4
    assert caught.value.request_id == "r1"


@responses.activate
@pytest.mark.parametrize("failure", [503, 429, requests.ConnectionError(), requests.ReadTimeout()])
def test_what_may_not_be_repeated_is_sent_once(http: Http, failure: int | Exception) -> None:
    if isinstance(failure, int):
        responses.post(URL, status=failure, json={})
    else:
        responses.post(URL, body=failure)
    with pytest.raises((ServiceError, TransportError)):
        http.ask(Request("POST", "/v1/revision", body={}))
    assert len(responses.calls) == 1


@responses.activate
def test_a_refusal_is_not_sent_again(http: Http) -> None:
    responses.get(URL, status=400, json={"code": "invalid_request", "message": "no"})
    with pytest.raises(InvalidRequestError):
        http.ask(GET)
    assert len(responses.calls) == 1


@responses.activate
def test_a_lost_connection_is_tried_again(http: Http, pauses: list[float]) -> None:
    responses.get(URL, body=requests.ConnectionError())
    responses.get(URL, json={"revision": 1})
    assert http.ask(GET).body == {"revision": 1}
    assert len(pauses) == 1


@responses.activate
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(http: Http, pauses: list[float], status: int) -> None:
    responses.get(URL, status=status, json={}, headers={"Retry-After": "7"})
    responses.get(URL, json={})
    http.ask(GET)
    assert pauses == [7.2]


@responses.activate
def test_a_retry_after_nobody_would_wait_for_is_told_instead(http: Http, pauses: list[float]) -> None:
    responses.get(
        URL, status=429, json={"code": "too_many_requests", "message": "slow"}, headers={"Retry-After": "600"}
    )
    with pytest.raises(ThrottledError) as caught:
        http.ask(GET)
    assert caught.value.retry_after_seconds == 600
    assert pauses == []


def test_pauses_have_full_jitter_and_a_ceiling() -> None:
    assert pause_seconds(1, None, lambda: 0.0) == 0.0
    assert pause_seconds(2, None, lambda: 0.5) == 0.2
    assert pause_seconds(30, None, lambda: 1.0) == 5.0


def test_retry_after_is_read_as_seconds_or_date() -> None:
    assert retry_after_seconds("3") == 3
    assert retry_after_seconds("Thu, 01 Jan 1970 00:01:40 GMT", lambda: 90.0) == 10
    assert retry_after_seconds("Thu, 01 Jan 1970 00:01:40 GMT", time.time) == 0
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds("²") is None
    assert retry_after_seconds(None) is None


@responses.activate
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", InvalidRequestError),
        (401, "unauthorized", NotSignedInError),
        (403, "forbidden", ForbiddenError),
        (404, "not_found", NotFoundError),
        (409, "already_exists", ConflictError),
        (412, "version_mismatch", ConflictError),
        (410, "gone", NotFoundError),
        (413, "too_large", InvalidRequestError),
        (429, "too_many_requests", ThrottledError),
        (500, "internal", ServerError),
        (503, "unavailable", ServerError),
        (418, "not_found", NotFoundError),
        (403, "word-of-a-newer-service", ForbiddenError),
        (502, None, ServerError),
    ],
)
def test_an_answer_means_what_its_code_says_else_its_status(
    http: Http, status: int, code: str | None, kind: type[TodoError]
) -> None:
    responses.post(URL, status=status, json={"code": code, "message": "why", "request_id": "r1"})
    with pytest.raises(kind) as caught:
        http.ask(Request("POST", "/v1/revision"))
    assert type(caught.value) is kind
    if isinstance(caught.value, ServiceError):
        assert (caught.value.status, caught.value.request_id, str(caught.value)) == (status, "r1", "why")


@responses.activate
def test_the_gateways_own_request_id_is_kept(http: Http) -> None:
    responses.post(
        URL, status=403, json={"message": "Missing Authentication Token"}, headers={"x-amzn-RequestId": "g1"}
    )
    with pytest.raises(ForbiddenError) as caught:
        http.ask(Request("POST", "/v1/revision"))
    assert caught.value.request_id == "g1"


@responses.activate
@pytest.mark.parametrize("body", ["<html>Sign in to the hotel's network</html>", "[]", "", "\xff"])
def test_an_answer_that_is_not_ours_is_the_servers_fault(http: Http, body: str) -> None:
    responses.post(URL, body=body)
    with pytest.raises(ServerError):
        http.ask(Request("POST", "/v1/revision"))


def test_plain_http_to_another_machine_is_never_asked() -> None:
    with pytest.raises(ConfigError, match="not encrypted"):
        Http("http://api.example.com")


def test_an_unreachable_endpoint_is_one_sentence() -> None:
    http = Http("http://127.0.0.1:9", retries=Retries(sleep=lambda _: None))
    with pytest.raises(TransportError, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught:
        http.ask(GET)
    assert "\n" not in str(caught.value)


def test_this_machine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    http = Http("http://127.0.0.1:9", retries=Retries(sleep=lambda _: None))
    with pytest.raises(TransportError, match="cannot be reached;"):
        http.ask(GET)
