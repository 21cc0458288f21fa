"""Who is signed in: renewed once, in time, by the server's clock, and shared with other threads and processes."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import responses

from todo_sdk import ConfigError, FileTokenStore, MemoryTokenStore, NotSignedInError, TransportError
from todo_sdk._http import Request
from todo_sdk._state import State, claims_of

from .conftest import API, Clock, Device, FakeCognito, config_for, make_device

GET = Request("GET", "/v1/revision", repeatable=True)
URL = f"{API}/v1/revision"


class NoLock:
    """A store of an application that knows nothing of locks."""

    def __init__(self) -> None:
        kept = MemoryTokenStore()
        self.load, self.save, self.clear = kept.load, kept.save, kept.clear


def test_nobody_is_signed_in_at_first(tmp_path: Path) -> None:
    config, clock = config_for(tmp_path), Clock()
    device = make_device(config, MemoryTokenStore(), clock, FakeCognito(config, clock))
    with pytest.raises(NotSignedInError, match="todo login"):
        device.session.user()


def test_a_session_survives_a_restart(device: Device) -> None:
    assert device.again().session.user().email == "me@example.com"


def test_a_token_is_renewed_when_less_than_a_minute_is_left(device: Device) -> None:
    first = device.session.id_token()
    device.clock.now += 3600 - 60
    assert device.session.id_token() == first
    device.clock.now += 1
    assert device.session.id_token() != first
    assert device.cognito.calls == ["refresh refresh-1"]


@pytest.mark.parametrize("ahead_seconds", [-7200.0, 7200.0])
def test_a_wrong_clock_neither_renews_for_ever_nor_sends_expired_tokens(tmp_path: Path, ahead_seconds: float) -> None:
    config, clock = config_for(tmp_path), Clock()
    device = make_device(config, MemoryTokenStore(), clock, FakeCognito(config, clock, ahead_seconds))
    device.sign_in()
    for _ in range(3):
        device.session.id_token()
    assert device.cognito.calls == []
    clock.now += 3600 - 59
    device.session.id_token()
    device.session.id_token()
    assert device.cognito.calls == ["refresh refresh-1"]


@pytest.mark.parametrize("kind", [MemoryTokenStore, NoLock])
def test_many_threads_renew_once_whether_the_store_has_a_lock_or_not(tmp_path: Path, kind: Any) -> None:
    config, clock = config_for(tmp_path), Clock()
    device = make_device(config, kind(), clock, FakeCognito(config, clock))
    device.sign_in()
    device.cognito.before_refresh = lambda: time.sleep(0.05)  # not to pass, but to fail: the others would ask meanwhile
    device.clock.now += 3600
    together = threading.Barrier(8)
    tokens: list[str] = []

    def ask() -> None:
        together.wait(10)
        tokens.append(device.session.id_token())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(device.cognito.calls) == 1
    assert len(tokens) == 8
    assert len(set(tokens)) == 1


def test_a_renewal_by_another_process_is_taken_over(device: Device) -> None:
    other = device.again()
    device.clock.now += 3600
    renewed = other.session.id_token()
    assert device.session.id_token() == renewed
    assert len(device.cognito.calls) == 1


def test_two_processes_with_one_file_renew_once(tmp_path: Path) -> None:
    config, clock = config_for(tmp_path), Clock()
    cognito = FakeCognito(config, clock)

    def device() -> Device:
        store: Any = FileTokenStore(config.session_path)
        return make_device(config, store, clock, cognito)

    first = device()
    first.sign_in()
    second = device()
    clock.now += 3600
    threads = [threading.Thread(target=each.session.id_token) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(cognito.calls) == 1


@responses.activate
def test_a_refused_token_is_renewed_once_and_the_request_sent_again(device: Device) -> None:
    responses.get(URL, status=401, json={"code": "unauthorized", "message": "The incoming token has expired"})
    responses.get(URL, json={"revision": 1})
    device.session.ask(GET)
    assert len(device.cognito.calls) == 1
    tokens = [call.request.headers["Authorization"] for call in responses.calls]
    assert len(set(tokens)) == 2


@responses.activate
def test_a_token_refused_twice_is_the_end(device: Device) -> None:
    responses.get(URL, status=401, json={"message": "Unauthorized"})
    with pytest.raises(NotSignedInError, match="sign in again"):
        device.session.ask(GET)
    assert len(responses.calls) == 2
    assert len(device.cognito.calls) == 1


def test_of_a_session_that_cannot_be_renewed_only_the_device_is_kept_for_the_next_sign_in(device: Device) -> None:
    before = device.store.load() or {}
    device.clock.now += 3600
    device.cognito.refused = True
    with pytest.raises(NotSignedInError, match="sign in again"):
        device.session.id_token()
    assert device.store.load() == {"format": 1, "device": before["device"]}
    with pytest.raises(NotSignedInError, match="not signed in"):
        device.again().session.user()
    kept = device.again().session.device("ME@example.com")
    assert kept is not None
    assert kept.password == "device-secret"
    assert device.session.device("you@example.com") is None


def test_a_renewal_without_a_network_keeps_the_session(device: Device) -> None:
    def no_network() -> None:
        raise TransportError("Cognito cannot be reached")

    device.clock.now += 3600
    device.cognito.before_refresh = no_network
    with pytest.raises(TransportError):
        device.session.id_token()
    assert device.again().session.user().user_id == "user-1"


def test_sign_out_revokes_and_forgets(device: Device) -> None:
    assert device.session.end()
    assert device.cognito.calls == ["forget eu-west-1_device", "revoke refresh-1"]  # devices do not pile up
    assert device.store.load() is None
    with pytest.raises(NotSignedInError):
        device.session.id_token()


def test_sign_out_forgets_without_a_network(tmp_path: Path) -> None:
    class Offline(FakeCognito):
        def revoke(self, refresh_token: str) -> None:
            raise TransportError("Cognito cannot be reached")

    config, clock = config_for(tmp_path), Clock()
    device = make_device(config, MemoryTokenStore(), clock, Offline(config, clock))
    device.sign_in()
    device.session.credentials()
    assert not device.session.end()
    assert device.store.load() is None
    with pytest.raises(NotSignedInError):
        device.session.credentials()


def test_signing_out_twice_asks_nobody(device: Device) -> None:
    device.session.end()
    device.cognito.calls.clear()
    assert not device.session.end()
    assert device.cognito.calls == []


@responses.activate
def test_a_session_ended_by_another_process_is_not_brought_back(device: Device) -> None:
    responses.get(URL, json={"revision": 9})
    device.again().session.end()
    device.session.ask(GET)
    assert device.store.load() is None
    device.clock.now += 3600
    with pytest.raises(NotSignedInError, match="ended elsewhere"):
        device.session.id_token()


def test_another_user_on_the_same_store_is_not_mixed_in(device: Device) -> None:
    other = device.again()
    device.cognito.user_id = "user-2"
    other.sign_in()
    device.clock.now += 3600
    with pytest.raises(NotSignedInError):
        device.session.id_token()
    assert other.session.user().user_id == "user-2"


@responses.activate
def test_the_highest_revision_is_asked_for_and_survives_a_restart(device: Device) -> None:
    responses.get(URL, json={"revision": 5})
    responses.get(URL, json={}, headers={"X-Revision": "7"})
    responses.get(URL, json={"revision": 6})
    for _ in range(3):
        device.session.ask(GET)
    device.again().session.ask(GET)
    sent = [call.request.headers.get("X-Min-Revision") for call in responses.calls]
    assert sent == [None, "5", "7", "7"]


@responses.activate
def test_an_answer_that_tells_nothing_new_does_not_touch_the_store(device: Device) -> None:
    responses.get(URL, json={"revision": 5})
    device.session.ask(GET)
    device.store.load = device.store.save = device.store.clear = None  # type: ignore[assignment, method-assign]
    device.session.ask(GET)


@responses.activate
def test_a_disk_that_is_full_does_not_turn_a_change_that_happened_into_an_error(device: Device) -> None:
    def full(_: object) -> None:
        raise ConfigError("the session cannot be kept: No space left on device")

    responses.get(URL, json={"revision": 5})
    device.store.save = full  # type: ignore[assignment, method-assign]
    for _ in range(2):
        device.session.ask(GET)
    assert responses.calls[1].request.headers["X-Min-Revision"] == "5"


@responses.activate
def test_a_new_user_of_the_device_starts_without_the_revision_of_the_one_before(device: Device) -> None:
    responses.get(URL, json={"revision": 5})
    device.session.ask(GET)
    device.cognito.user_id = "user-2"
    device.sign_in()
    device.session.ask(GET)
    assert "X-Min-Revision" not in responses.calls[1].request.headers


def test_credentials_are_two_calls_once_and_renewed_before_they_expire(device: Device) -> None:
    first = device.session.credentials()
    assert device.session.credentials() is first
    assert device.cognito.calls == ["GetId", "GetCredentialsForIdentity"]
    device.clock.now += 3600 - 299
    assert device.session.credentials() is not first
    assert "GetId" not in device.cognito.calls[2:]


def test_credentials_are_never_stored(device: Device) -> None:
    device.session.credentials()
    assert "ASIAFAKE" not in str(device.store.load())
    assert "token-2" not in str(device.store.load())


@pytest.mark.parametrize(
    "change",
    [
        {"user_pool_id": "eu-west-1_Other"},
        {"user_pool_client_id": "other"},
        {"id_token": 3},
        {"expires_at_seconds": "soon"},
        {"identity_id": 3},
    ],
)
def test_a_stored_session_of_another_pool_or_a_damaged_one_is_signed_out(
    device: Device, change: dict[str, Any]
) -> None:
    stored = dict(device.store.load() or {})
    device.store.save({**stored, **change})
    with pytest.raises(NotSignedInError):
        device.again().session.user()


def test_a_stored_session_with_a_field_missing_is_signed_out_and_with_a_new_one_is_not(device: Device) -> None:
    stored = dict(device.store.load() or {})
    device.store.save({**stored, "from_the_future": 1})
    assert device.again().session.user().user_id == "user-1"
    del stored["refresh_token"]
    device.store.save(stored)
    with pytest.raises(NotSignedInError):
        device.again().session.user()


def test_no_secret_shows_in_a_repr(device: Device) -> None:
    state = State.from_mapping(device.store.load(), device.config)
    assert state is not None
    shown = repr(state) + repr(device.session.credentials()) + repr(device.session) + repr(device.cognito.tokens())
    for secret in (state.id_token, state.access_token, state.refresh_token, "ASIAFAKE", "token-"):
        assert secret not in shown


@pytest.mark.parametrize("token", ["", "a.b", "a.e30.c", "a.bnVsbA.c", "…"])
def test_a_token_that_cannot_be_read_is_the_servers_fault(token: str) -> None:
    with pytest.raises(Exception, match="cannot be read"):
        claims_of(token)


def test_where_the_store_has_no_lock_a_newer_refresh_token_is_used_before_the_session_is_given_up(
    tmp_path: Path,
) -> None:
    """UP-101: the old token is refused once somebody else has renewed; the stored one is not old."""
    config, clock = config_for(tmp_path), Clock()
    cognito = FakeCognito(config, clock)
    cognito.rotates = True
    store: Any = NoLock()
    device = make_device(config, store, clock, cognito)
    device.sign_in()
    clock.now += 3600

    def overtaken() -> None:
        cognito.before_refresh = lambda: None
        kept = dict(device.store.load() or {})
        device.store.save({**kept, "refresh_token": "refresh-of-somebody-else"})
        raise NotSignedInError("your session has ended; sign in again")

    cognito.before_refresh = overtaken
    device.session.id_token()
    assert cognito.calls == ["refresh refresh-of-somebody-else"]
    assert device.session.user().user_id == "user-1"


def test_a_renewal_that_could_not_be_stored_is_not_lost_and_the_old_refresh_token_not_used_again(
    device: Device,
) -> None:
    def full(_: object) -> None:
        raise ConfigError("the session cannot be kept: No space left on device")

    device.cognito.rotates = True
    device.clock.now += 3600
    save, device.store.save = device.store.save, full  # type: ignore[method-assign, assignment]
    device.session.id_token()
    device.clock.now += 3600
    device.session.id_token()
    assert device.cognito.calls == ["refresh refresh-1", "refresh refresh-2"]
    device.store.save = save  # type: ignore[method-assign]
    device.clock.now += 3600
    device.session.id_token()
    assert (device.store.load() or {})["refresh_token"] == "refresh-4"


def test_two_clients_of_one_program_that_share_a_store_in_memory_renew_once(device: Device) -> None:
    other = device.again()
    device.clock.now += 3600
    together = threading.Barrier(2)

    def ask(each: Device) -> None:
        together.wait(10)
        each.session.id_token()

    threads = [threading.Thread(target=ask, args=(each,)) for each in (device, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(device.cognito.calls) == 1


@responses.activate
def test_what_time_it_is_the_answers_say(device: Device) -> None:
    """SE-32: a clock that was put back two hours after the sign-in does not make an old token look fresh."""
    responses.get(URL, json={}, headers={"Date": "Fri, 15 Jan 2027 10:00:00 GMT"})
    # the device still thinks that it is 08:00, the time of the sign-in
    device.session.ask(GET)
    assert device.cognito.calls == []
    device.session.id_token()
    assert device.cognito.calls == ["refresh refresh-1"]


def test_the_drift_of_the_clock_survives_a_restart(tmp_path: Path) -> None:
    config, clock = config_for(tmp_path), Clock()
    device = make_device(config, MemoryTokenStore(), clock, FakeCognito(config, clock, -7200))
    device.sign_in()
    assert device.again().session._clock() == clock.now - 7200


@pytest.mark.parametrize(
    "change",
    [{"format": None}, {"format": 0}, {"format": 2}, {"format": "1"}],
)
def test_a_session_of_another_version_is_signed_out(device: Device, change: dict[str, Any]) -> None:
    device.store.save({**(device.store.load() or {}), **change})
    with pytest.raises(NotSignedInError):
        device.again().session.user()
    assert device.again().session.device("me@example.com") is None


@pytest.mark.parametrize(
    "change", [{"key": 3}, {"key": ""}, {"password": None}, {"user_pool_id": "eu-west-1_Other"}, None, [], "text"]
)
def test_a_damaged_device_costs_the_device_and_not_the_session(device: Device, change: Any) -> None:
    kept = dict(device.store.load() or {})
    device.store.save({**kept, "device": {**kept["device"], **change} if isinstance(change, dict) else change})
    again = device.again().session
    assert again.user().user_id == "user-1"
    assert again.device("me@example.com") is None


@pytest.mark.parametrize("content", [[], "text", 3, b"bytes"])
def test_a_store_of_an_application_that_gives_back_nonsense_is_signed_out(device: Device, content: Any) -> None:
    device.store.load = lambda: content  # type: ignore[method-assign]
    again = device.again()
    with pytest.raises(NotSignedInError):
        again.session.user()
    assert not again.session.end()
