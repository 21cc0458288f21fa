"""Asking again within a budget, a network that is worse than the real one, and what an observer hears of both."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import responses

from todo_sdk import (
    ConfigError,
    MemoryTokenStore,
    NetworkProfile,
    RequestEvent,
    ServerError,
    SimulatedNetwork,
    ThrottledError,
    TodoClient,
    TransportError,
)
from todo_sdk._clock import ServerClock
from todo_sdk._http import Http, Request
from todo_sdk._network import RequestLostError
from todo_sdk._retry import Retries, RetryBudget
from todo_sdk._traffic import Traffic

from .conftest import API, START, Clock, FakeAws, config_for

URL = f"{API}/v1/revision"
GET = Request("GET", "/v1/revision", params={"q": "private search"}, repeatable=True)


class Asleep:
    """A sleep that takes no time, and a timer that it moves."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.now = 100.0

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def timer(self) -> float:
        return self.now


def dice(*throws: float) -> Callable[[], float]:
    """A random() that gives these, then always the last."""
    left = list(throws)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def network(profile: NetworkProfile, asleep: Asleep, *throws: float) -> SimulatedNetwork:
    return SimulatedNetwork(profile, sleep=asleep, random=dice(*throws or (0.999,)), timer=asleep.timer)


@responses.activate
def test_a_budget_that_is_used_up_ends_the_retries_of_everything_that_shares_it() -> None:
    pauses: list[float] = []
    http = Http(API, retries=Retries(sleep=pauses.append, budget=RetryBudget(20)))
    responses.get(URL, status=503, json={})
    for _ in range(4):
        with pytest.raises(ServerError):
            http.ask(GET)
    assert len(responses.calls) == 4 + 20 // 5  # each call once, and four retries in all


@responses.activate
def test_successes_fill_the_budget_up_again() -> None:
    budget = RetryBudget(5)
    http = Http(API, retries=Retries(sleep=lambda _: None, budget=budget))
    responses.get(URL, status=503, json={})
    responses.get(URL, json={})
    http.ask(GET)
    assert budget.take()  # what the retry cost came back with its success
    assert not budget.take()
    for _ in range(5):
        http.ask(GET)
    assert budget.take()


@responses.activate
def test_retry_after_as_a_date_counts_from_the_servers_time_not_ours() -> None:
    pauses: list[float] = []
    http = Http(
        API, retries=Retries(sleep=pauses.append, jitter=lambda: 0.0), traffic=Traffic(clock=ServerClock(Clock()))
    )
    headers = {"Date": "Tue, 03 Nov 2026 09:05:00 GMT", "Retry-After": "Tue, 03 Nov 2026 09:05:07 GMT"}
    responses.get(URL, status=429, json={}, headers=headers)
    responses.get(URL, json={})
    http.ask(GET)
    assert pauses == [7.0]


@responses.activate
def test_what_counts_by_the_hour_is_not_waited_for() -> None:
    http = Http(API, retries=Retries(sleep=lambda _: pytest.fail("waited")))
    responses.get(URL, status=429, json={}, headers={"Retry-After": "3600"})
    with pytest.raises(ThrottledError) as caught:
        http.ask(GET)
    assert caught.value.retry_after_seconds == 3600


def test_a_network_is_late_and_slow_in_both_directions() -> None:
    asleep = Asleep()
    slow = network(NetworkProfile(latency_ms=100, jitter_ms=50, down_kbps=800, up_kbps=80), asleep, 0.9, 0.5)
    with slow.crossed(1000):
        pass
    slow.arrive(10_000)
    assert asleep.pauses == pytest.approx([0.125, 0.1, 0.1])


def test_the_line_is_one_and_shared() -> None:
    pauses: list[float] = []
    shared = SimulatedNetwork(NetworkProfile(down_kbps=8), sleep=pauses.append, timer=lambda: 0.0)
    for _ in range(3):  # three answers at once: the last one waits for the two before
        shared.arrive(1000)
    assert pauses == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("fate", "sent"), [(0.05, False), (0.15, True)])
def test_of_what_is_lost_half_never_arrives_and_half_has_happened(fate: float, sent: bool) -> None:
    happened = []
    lossy = network(NetworkProfile(loss=0.2), Asleep(), fate)
    with pytest.raises(RequestLostError), lossy.crossed(0):
        happened.append(True)
    assert bool(happened) is sent


def test_what_is_not_lost_gets_through() -> None:
    with network(NetworkProfile(loss=0.2), Asleep(), 0.2).crossed(0):
        pass


@pytest.mark.parametrize("name", NetworkProfile.names())
def test_every_named_network_has_its_values(name: str) -> None:
    profile = NetworkProfile.named(name)
    assert profile.offline or (profile.latency_ms > 0 and profile.down_kbps and profile.up_kbps)


def test_names_and_values_that_make_no_sense_are_refused() -> None:
    assert NetworkProfile.names() == ("wifi", "4g", "3g", "2g", "flaky", "offline")
    with pytest.raises(ConfigError, match="there is no network '5g'; there are wifi, 4g"):
        NetworkProfile.named("5g")
    for wrong in ({"loss": 1.5}, {"loss": -0.1}, {"latency_ms": -1}, {"down_kbps": 0}):
        with pytest.raises(ConfigError, match="a network has"):
            NetworkProfile(**wrong)


@responses.activate
def test_requests_to_the_api_pass_through_it_and_losses_are_asked_again() -> None:
    asleep = Asleep()
    flaky = network(NetworkProfile(loss=0.5, latency_ms=10), asleep, 0.1, 0.0, 0.4, 0.0, 0.9, 0.0)
    events: list[RequestEvent] = []
    http = Http(API, retries=Retries(sleep=lambda _: None), traffic=Traffic(network=flaky, on_request=events.append))
    responses.get(URL, json={"revision": 3}, headers={"x-amzn-RequestId": "r1"})
    assert http.ask(GET).body == {"revision": 3}
    assert len(responses.calls) == 2  # the first was lost on its way there, the second on its way back
    assert [(event.attempt, event.status, event.error) for event in events] == [
        (1, None, "RequestLostError"),
        (2, None, "RequestLostError"),
        (3, 200, None),
    ]


def test_offline_is_a_transport_error_at_once_for_all_that_is_asked(aws: FakeAws, tmp_path: Path) -> None:
    tunnel = SimulatedNetwork(NetworkProfile.named("offline"), sleep=lambda _: pytest.fail("slept"))
    client = TodoClient(config_for(tmp_path, endpoint_url=aws.url), store=MemoryTokenStore(), network=tunnel)
    client.auth._cognito._retries = client._http._retries = Retries(sleep=lambda _: None)
    with pytest.raises(TransportError, match="Cognito cannot be reached; are you online"):
        client.auth.sign_up("me@example.com", "Right-password-1")
    with pytest.raises(TransportError, match="simulated"):
        client._http.ask(GET)
    tunnel.profile = NetworkProfile()
    aws.will_say(200, {"UserSub": "s", "UserConfirmed": True})
    assert client.auth.sign_up("me@example.com", "Right-password-1").confirmed
    client.close()
    assert [said.operation for said in aws.said] == ["SignUp"]


def test_a_download_from_s3_comes_in_as_fast_as_the_network_goes(aws: FakeAws, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from todo_sdk._aws import AwsCredentials, make_client

    asleep = Asleep()
    slow = network(NetworkProfile(down_kbps=80, up_kbps=8), asleep)
    keys = AwsCredentials("ASIAFAKE", "secret", "token", datetime.now(UTC))
    traffic = Traffic(network=slow)
    client = make_client(
        "s3", config_for(tmp_path, endpoint_url=aws.url), repeats=False, credentials=lambda: keys, traffic=traffic
    )
    aws.will_say(200, b"x" * 10_000)
    with client.get_object(Bucket="bucket", Key="k")["Body"] as body:
        assert body.read() == b"x" * 10_000
    assert sum(asleep.pauses) == pytest.approx(1.0)
    aws.will_say(200, b"")
    client.put_object(Bucket="bucket", Key="k", Body=b"y" * 1_000)
    client.close()
    assert 1.9 < sum(asleep.pauses) < 2.5  # the body, and what is wrapped around it


def test_an_observer_hears_of_each_request_and_nothing_secret(aws: FakeAws, tmp_path: Path) -> None:
    events: list[RequestEvent] = []
    client = TodoClient(config_for(tmp_path, endpoint_url=aws.url), store=MemoryTokenStore(), on_request=events.append)
    aws.will_say(200, {"UserSub": "s", "UserConfirmed": True}, x_amzn_RequestId="r1")
    client.auth.sign_up("me@example.com", "Right-password-1")
    with responses.RequestsMock() as api:
        api.get(URL, json={"revision": 1}, headers={"x-amzn-RequestId": "r2"})
        client._http.ask(GET, "the-token")
    client.close()
    signed_up, asked = events
    assert (signed_up.service, signed_up.operation, signed_up.method) == ("cognito-idp", "SignUp", "POST")
    assert (signed_up.status, signed_up.request_id, signed_up.attempt, signed_up.error) == (200, "r1", 1, None)
    assert signed_up.url == f"{aws.url}/"
    assert signed_up.sent_bytes == len(aws.said[0].body)
    assert signed_up.received_bytes == len(b'{"UserSub": "s", "UserConfirmed": true}')
    assert 0 < signed_up.duration_seconds < 60
    assert (asked.service, asked.operation, asked.url, asked.request_id) == ("api", None, URL, "r2")
    assert "private" not in repr(events)
    assert "the-token" not in repr(events)
    assert "Right-password" not in repr(events)


def test_what_stands_in_a_query_is_kept_from_observers(aws: FakeAws, tmp_path: Path) -> None:
    events: list[RequestEvent] = []
    client = s3_of(aws, tmp_path, ServerClock(time.time), on_request=events.append)
    aws.will_say(200, b"<ListBucketResult/>")
    client.list_objects_v2(Bucket="bucket", Prefix="private")
    client.close()
    assert "prefix=private" in aws.said[0].path
    assert [event.url for event in events] == [f"{aws.url}/bucket"]


def test_closing_a_client_closes_the_connections_to_aws_as_well(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.httpsession import URLLib3Session

    closed: list[str] = []
    monkeypatch.setattr(URLLib3Session, "close", lambda session: closed.append("closed"))
    with TodoClient(config_for(tmp_path, endpoint_url=aws.url), store=MemoryTokenStore()) as client:
        aws.will_say(200, {"UserSub": "s", "UserConfirmed": True})
        client.auth.sign_up("me@example.com", "Right-password-1")
        assert not closed
    assert closed


@responses.activate
def test_an_observer_that_fails_does_not_break_the_request(caplog: pytest.LogCaptureFixture) -> None:
    def fails(event: RequestEvent) -> None:
        raise LookupError("the observer's own")

    responses.get(URL, json={"revision": 1})
    assert Http(API, traffic=Traffic(on_request=fails)).ask(GET).body == {"revision": 1}
    assert "the observer of requests failed" in caplog.text


@pytest.mark.parametrize("url", ["http://api.example.com/v", "ftp://127.0.0.2.example.com/", "http://127.evil.com/"])
def test_nothing_leaves_in_the_clear_for_another_machine_whoever_made_the_address(url: str) -> None:
    with pytest.raises(ConfigError, match="not encrypted"), Traffic().exchange("s3", "GET", url, 0):
        pytest.fail("sent")


def test_the_clock_is_put_right_by_what_services_say() -> None:
    device = Clock()
    clock = ServerClock(device)
    clock.remembered(3600)
    assert clock() == START + 3600
    clock.read("Fri, 15 Jan 2027 08:00:03 GMT")  # START is 08:00:00
    assert clock.drift_seconds == 3.0
    clock.read("Fri, 15 Jan 2027 08:00:05 GMT")
    assert clock.drift_seconds == 3.0  # a second here or there is not the clock's fault
    clock.remembered(3600)
    assert clock.drift_seconds == 3.0  # what a service said today beats what was remembered
    for nonsense in (None, "", "yesterday", "99"):
        clock.read(nonsense)
    assert clock.drift_seconds == 3.0
    clock.told(START - 7200)
    assert clock() == START - 7200
    assert clock.now().timestamp() == START - 7200


@responses.activate
@pytest.mark.parametrize(("headers", "drift"), [({}, 3600.0), ({"Age": "3600"}, 0.0)])
def test_an_answer_from_a_cache_on_the_way_tells_no_time(headers: dict[str, str], drift: float) -> None:
    clock = ServerClock(Clock())
    responses.get(URL, json={}, headers={"Date": "Fri, 15 Jan 2027 09:00:00 GMT", **headers})
    Http(API, traffic=Traffic(clock=clock)).ask(GET)
    assert clock.drift_seconds == drift


def s3_of(aws: FakeAws, folder: Path, clock: ServerClock, **around: Any) -> Any:
    from datetime import UTC, datetime

    from todo_sdk._aws import AwsCredentials, make_client

    keys = AwsCredentials("ASIAFAKE", "secret", "token", datetime.now(UTC))
    return make_client(
        "s3",
        config_for(folder, endpoint_url=aws.url),
        repeats=True,
        credentials=lambda: keys,
        traffic=Traffic(clock=clock, **around),
    )


def test_requests_to_s3_are_signed_with_the_services_time(
    aws: FakeAws, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SE-32: botocore itself knows only this machine's clock, and S3 refuses one that is 15 minutes off."""
    caplog.set_level(logging.DEBUG, "botocore")
    clock = ServerClock(time.time)
    clock.told(1_800_000_000.0)  # 15 January 2027, 08:00 UTC
    client = s3_of(aws, tmp_path, clock)
    aws.will_say(200, b"")
    client.head_object(Bucket="bucket", Key="k")
    url = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "k"}, ExpiresIn=60)
    client.close()
    assert aws.said[0].headers["x-amz-date"].startswith("20270115T0800")
    assert "/20270115/eu-west-1/s3/aws4_request" in aws.said[0].headers["authorization"]
    assert "X-Amz-Date=20270115T0800" in url
    signature = url.partition("X-Amz-Signature=")[2].partition("&")[0]
    assert signature
    assert signature not in caplog.text
    assert "X-Amz-Security-Token" not in caplog.text


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "ExpiredToken"])
def test_a_request_that_s3_finds_too_old_is_signed_again_once_with_the_time_that_s3_told(
    aws: FakeAws, tmp_path: Path, code: str
) -> None:
    clock = ServerClock(lambda: time.time() + 7200)  # a phone two hours ahead that does not know it yet
    client = s3_of(aws, tmp_path, clock)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    refusal = f"<Error><Code>{code}</Code></Error>".encode()
    aws.will_say(403, refusal, Date=date)
    aws.will_say(200, b"")
    client.put_object(Bucket="bucket", Key="k", Body=b"x")
    assert len(aws.said) == 2
    assert abs(clock() - time.time()) < 60
    for _ in range(2):
        aws.will_say(403, refusal, Date=date)
    with pytest.raises(client.exceptions.ClientError, match=code):
        client.put_object(Bucket="bucket", Key="k", Body=b"x")
    assert len(aws.said) == 4
    client.close()
