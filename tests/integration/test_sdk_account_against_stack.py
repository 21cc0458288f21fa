"""The account's whole life against the embedded stack, whose Cognito knows nothing of the SDK."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from todo_backend.local.cognito import mfa
from todo_sdk import (
    Challenge,
    ChallengeRequiredError,
    Config,
    InvalidCredentialsError,
    InvalidRequestError,
    MemoryTokenStore,
    NotSignedInError,
    RequestEvent,
    SignInError,
    TodoClient,
    fetch_config,
)

NEW_PASSWORD = "Another-horse-8!"


class App:
    """An authenticator app; it gives each code once (UP-77), which may be one step ahead."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._step = 0

    def code(self) -> str:
        self._step = max(self._step + 1, int(time.time()) // mfa.STEP_SECONDS)
        return mfa.code_at(self._secret, self._step)


@pytest.fixture(scope="session")
def config(stack: Any) -> Config:
    return fetch_config(stack.outputs["ApiUrl"])


@pytest.fixture
def asked() -> list[RequestEvent]:
    """What the client has asked so far."""
    return []


@pytest.fixture
def client(config: Config, asked: list[RequestEvent]) -> TodoClient:
    return TodoClient(config, store=MemoryTokenStore(), on_request=asked.append)


def operations(asked: list[RequestEvent]) -> list[str]:
    """The operations since the last call."""
    found = [event.operation or event.method for event in asked]
    asked.clear()
    return found


def test_the_second_sign_in_on_a_device_costs_two_calls_and_devices_do_not_pile_up(
    client: TodoClient, new_user: Callable[[], Any], asked: list[RequestEvent], tmp_path: Path
) -> None:
    user = new_user()
    client.auth.sign_in(*user)
    assert operations(asked) == ["InitiateAuth", "RespondToAuthChallenge", "ConfirmDevice"]
    for _ in range(3):
        client.auth.sign_in(*user)
        assert operations(asked) == ["InitiateAuth", "RespondToAuthChallenge"]
    client.auth.refresh()
    (device,) = client.auth.devices.list()
    assert device.is_this
    assert device.name
    assert not device.is_remembered
    operations(asked)
    (tmp_path / "f").write_text("x")
    client.files.upload(tmp_path / "f")
    assert operations(asked)[:2] == ["GetId", "GetCredentialsForIdentity"]
    client.files.remove("f")
    assert operations(asked) == ["DeleteObject"]
    client.auth.sign_out()
    assert operations(asked) == ["ForgetDevice", "RevokeToken"]
    client.auth.sign_in(*user)
    assert len(client.auth.devices.list()) == 1


def test_up_75_to_78_up_80_to_88_an_authenticator_app_and_a_device_that_stands_in_for_it(
    config: Config, client: TodoClient, new_user: Callable[[], Any], asked: list[RequestEvent]
) -> None:
    email, password = new_user()
    client.auth.sign_in(email, password)
    assert not client.auth.mfa.is_on()
    app = App(client.auth.mfa.begin().secret)
    with pytest.raises(InvalidRequestError, match="the code is wrong"):
        client.auth.mfa.confirm("000000")
    client.auth.mfa.confirm(app.code())
    assert client.auth.mfa.is_on()

    with pytest.raises(ChallengeRequiredError, match="six-digit code"):
        client.auth.sign_in(email, password)
    challenge = client.auth.begin_sign_in(email, password)
    assert isinstance(challenge, Challenge)
    with pytest.raises(SignInError, match="the code is wrong"):
        client.auth.answer(challenge, "000000")
    assert client.auth.answer(challenge, app.code()) == client.auth.user()
    client.auth.refresh()

    client.auth.devices.remember()
    operations(asked)
    client.auth.sign_in(email, password)  # no code: this device is remembered
    assert operations(asked) == ["InitiateAuth", *["RespondToAuthChallenge"] * 3]
    client.auth.refresh()
    assert [device.is_remembered for device in client.auth.devices.list()] == [True]

    elsewhere = TodoClient(config, store=MemoryTokenStore())
    assert isinstance(elsewhere.auth.begin_sign_in(email, password), Challenge)
    client.auth.devices.unremember()
    assert isinstance(client.auth.begin_sign_in(email, password), Challenge)
    client.auth.mfa.disable()
    elsewhere.auth.sign_in(email, password)
    assert not client.auth.mfa.is_on()


def test_a_device_that_another_one_forgot_signs_in_again_as_a_new_one(
    config: Config, client: TodoClient, new_user: Callable[[], Any]
) -> None:
    user = new_user()
    client.auth.sign_in(*user)
    client.auth.devices.remember()
    other = TodoClient(config, store=MemoryTokenStore())
    other.auth.sign_in(*user)
    (lost,) = [device for device in other.auth.devices.list() if not device.is_this]
    other.auth.devices.forget(lost.key)
    with pytest.raises(NotSignedInError, match="sign in again"):
        client.auth.refresh()
    client.auth.sign_in(*user)
    keys = {device.key for device in client.auth.devices.list()}
    assert len(keys) == 2
    assert lost.key not in keys


def test_a_password_is_forgotten_reset_and_changed(
    config: Config, client: TodoClient, new_user: Callable[[], Any], stack: Any
) -> None:
    email, password = new_user()
    client.auth.sign_in(email, password)
    assert client.auth.password.forgot(email)
    code = stack.newest_code(email)
    with pytest.raises(InvalidRequestError, match="code is wrong"):
        client.auth.password.reset(email, f"{(int(code) + 1) % 1_000_000:06}", NEW_PASSWORD)
    with pytest.raises(InvalidRequestError, match="at least 8 characters, an upper-case letter, a digit and a symbol"):
        client.auth.password.reset(email, code, "weak")
    client.auth.password.reset(email, code, NEW_PASSWORD)
    with pytest.raises(NotSignedInError):
        client.auth.refresh()
    with pytest.raises(InvalidCredentialsError, match="wrong user or password"):
        client.auth.sign_in(email, password)
    client.auth.sign_in(email, NEW_PASSWORD)
    with pytest.raises(InvalidCredentialsError, match="current password is wrong"):
        client.auth.password.change(password, "Third-horse-9!")
    client.auth.password.change(NEW_PASSWORD, "Third-horse-9!")
    client.auth.refresh()  # the session stays
    client.auth.sign_in(email, "Third-horse-9!")
    assert client.auth.password.forgot("nobody-has-this@example.com")  # UP-30


def test_signing_out_everywhere_ends_the_sessions_of_all_devices(
    config: Config, client: TodoClient, new_user: Callable[[], Any]
) -> None:
    user = new_user()
    other = TodoClient(config, store=MemoryTokenStore())
    for each in (client, other):
        each.auth.sign_in(*user)
    assert client.auth.sign_out(everywhere=True)
    with pytest.raises(NotSignedInError):
        other.auth.refresh()


def test_a_deleted_account_is_gone_with_its_files_and_to_dos(
    config: Config, client: TodoClient, new_user: Callable[[], Any], tmp_path: Path, asked: list[RequestEvent]
) -> None:
    email, password = new_user()
    client.auth.sign_in(email, password)
    for number in range(3):
        client.todos.add(f"number {number}")
        (tmp_path / "f").write_text("x")
        client.files.upload(tmp_path / "f", f"f{number}")
    operations(asked)
    client.auth.delete_account()
    done = operations(asked)
    assert (done.count("DeleteObject"), done.count("DELETE"), done[-1]) == (3, 3, "DeleteUser")
    with pytest.raises(NotSignedInError):
        client.auth.user()
    with pytest.raises(InvalidCredentialsError):
        client.auth.sign_in(email, password)


@pytest.mark.parametrize("ahead_seconds", [-7200.0, 7200.0])
def test_se_32_a_device_whose_clock_is_two_hours_off_works_and_does_not_renew_for_ever(
    config: Config, new_user: Callable[[], Any], tmp_path: Path, asked: list[RequestEvent], ahead_seconds: float
) -> None:
    store = MemoryTokenStore()
    user = new_user()

    def device() -> TodoClient:
        return TodoClient(config, store=store, on_request=asked.append, clock=lambda: time.time() + ahead_seconds)

    first = device()
    first.auth.sign_in(*user)
    (tmp_path / "f").write_text("x")
    for each in (first, device()):  # and after a restart
        each.todos.add("Buy milk")
        each.files.upload(tmp_path / "f")
        each.files.download("f", tmp_path / "g")
    assert "GetTokensFromRefreshToken" not in operations(asked)
    assert (tmp_path / "g").read_text() == "x"
