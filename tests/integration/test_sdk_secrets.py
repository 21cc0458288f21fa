"""SE-20: what the SDK and the libraries below it write, with every logger at DEBUG, against what went over the wire."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.httpsession import URLLib3Session

from todo_sdk import Challenge, Config, FileTokenStore, RequestEvent, TodoClient, TodoError, fetch_config
from todo_sdk._quiet import LOUD

NAMES_OF_SECRETS = re.compile(
    r"password|token|secret|session|signature|claim|verifier|salt|srp_|code$|accesskey", re.IGNORECASE
)
HEADERS_WITH_SECRETS = ("authorization", "x-amz-security-token")
SHORTEST_SECRET = 6


class Wire:
    """Every secret that a request or an answer held."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.requests = 0

    def saw(self, headers: Any, *bodies: Any) -> None:
        self.requests += 1
        for name, value in headers.items():
            if name.lower() in HEADERS_WITH_SECRETS:
                text = value.decode() if isinstance(value, bytes) else value
                self._note(text.rpartition("Signature=")[2])
        for body in bodies:
            try:
                self._walk(json.loads(body), secret=False)
            except (TypeError, ValueError):
                continue

    def _walk(self, value: Any, *, secret: bool) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._walk(inner, secret=secret or NAMES_OF_SECRETS.search(name) is not None)
        elif isinstance(value, list):
            for inner in value:
                self._walk(inner, secret=secret)
        elif secret and isinstance(value, str):
            self._note(value)

    def _note(self, text: str) -> None:
        if len(text) >= SHORTEST_SECRET:
            self.secrets.add(text)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    seen = Wire()
    send, send_aws = requests.Session.send, URLLib3Session.send

    def watched(session: Any, request: Any, **options: Any) -> Any:
        answer = send(session, request, **options)
        seen.saw(request.headers, request.body, answer.content)
        return answer

    def watched_aws(session: Any, request: Any) -> Any:
        answer = send_aws(session, request)
        seen.saw(request.headers, request.body, None if request.stream_output else answer.content)
        return answer

    monkeypatch.setattr(requests.Session, "send", watched)
    monkeypatch.setattr(URLLib3Session, "send", watched_aws)
    return seen


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """What an application hears that sets every logger there is to DEBUG."""
    heard, handler = io.StringIO(), None
    handler = logging.StreamHandler(heard)
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in LOUD)]
    before = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        loggers[0].removeHandler(handler)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def whole_session(client: TodoClient, stack: Any, folder: Path) -> Iterator[object]:
    """From sign-up to the end of the account, with what goes wrong on the way; gives what could be shown."""
    email, password = f"{folder.name}@example.com", "Correct-horse-7!"
    yield client.auth.sign_up(email, password)
    yield from failing(lambda: client.auth.confirm_sign_up(email, "000000"))
    client.auth.confirm_sign_up(email, stack.newest_code(email))
    yield from failing(lambda: client.auth.sign_in(email, "Wrong-" + password))
    yield client.auth.sign_in(email, password)
    yield client.auth.refresh()
    client.todos.add("A very private title")
    list(client.todos.list(q="private title"))
    (folder / "f").write_text("private content")
    yield client.files.upload(folder / "f")
    yield client.files.download("f", folder / "g")
    yield from failing(lambda: client.files.download("nothing", folder / "h"))
    yield client.auth.devices.list()
    yield client.auth.mfa.begin()
    yield from failing(lambda: client.auth.mfa.confirm("000000"))
    yield from failing(lambda: client.auth.password.change("Wrong-" + password, "Another-horse-8!"))
    client.auth.password.change(password, "Another-horse-8!")
    client.auth.password.forgot(email)
    yield from failing(lambda: client.auth.password.reset(email, "000000", "weak"))
    client.auth.password.reset(email, stack.newest_code(email), "Last-horse-9!")
    yield from failing(lambda: client.auth.refresh())
    yield client.auth.begin_sign_in(email, "Last-horse-9!")
    yield [client, client.auth, client.todos, client.files, client.config, client.auth._session]
    yield [client.auth._session._kept, client.auth._session._kept.current, client.auth._session.credentials()]
    yield Challenge("MFA_SETUP", email, "name", "challenge-session", secret="SHARED-SECRET")
    yield client.auth.sign_out()
    yield client.auth.sign_in(email, "Last-horse-9!")
    client.auth.delete_account()


def failing(call: Callable[[], object]) -> Iterator[object]:
    try:
        call()
    except TodoError as error:
        yield error
        yield [str(error), error.__cause__ is not None]


def test_no_secret_that_went_over_the_wire_is_written_anywhere(
    stack: Any, tmp_path: Path, wire: Wire, everything_logged: io.StringIO
) -> None:
    events: list[RequestEvent] = []
    config: Config = fetch_config(stack.outputs["ApiUrl"])
    store = FileTokenStore(tmp_path / "kept" / "session.json", because="a reason")
    with TodoClient(config, store=store, on_request=events.append) as client:
        shown = [repr(value) for value in whole_session(client, stack, tmp_path)]
    written = everything_logged.getvalue() + "".join(shown) + repr(store) + repr(events)

    assert len(wire.secrets) > 50
    assert wire.requests - 1 == len(events) > 35  # fetch_config asked once before
    assert {event.service for event in events} == {"api", "cognito-idp", "cognito-identity", "s3"}
    assert "cognito-idp RespondToAuthChallenge POST / 400" in written
    assert "todos 201" in written
    secrets = wire.secrets | {"challenge-session", "SHARED-SECRET", "private title", "private content"}
    assert not {secret[:16] for secret in secrets if is_in(secret, written)}
    assert not re.findall(r"eyJ[\w-]{10}|ASIA\w+|PASSWORD_CLAIM|SRP_A|X-Amz-Signature", written)


def is_in(secret: str, text: str) -> bool:
    # six digits stand in the middle of many a number
    return re.search(rf"\b{secret}\b", text) is not None if secret.isdigit() else secret in text


def test_what_an_application_asks_aws_itself_is_still_logged(stack: Any, everything_logged: io.StringIO) -> None:
    import boto3

    with TodoClient(fetch_config(stack.outputs["ApiUrl"])):
        pass
    where = {"region_name": stack.outputs["Region"], "endpoint_url": stack.outputs["EndpointUrl"]}
    keys = stack.admin_credentials
    client = boto3.client("s3", aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key, **where)
    client.list_buckets()
    client.close()
    assert "CanonicalRequest" in everything_logged.getvalue()
