"""The pytest plugin of the extra `local`: the whole backend as a fixture, for tests of one's own programs.

pytest loads it wherever todo-sdk is installed, so nothing here costs or does anything before a fixture is asked for.
It stands outside `todo_backend.local`, which knows nothing of the SDK; nothing of ours imports it.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from todo_backend.local import Mail, Outputs, StackClock, StackFaults
    from todo_sdk import Config, TodoClient

_CODE = re.compile(r"\b\d{6}\b")


@dataclass(frozen=True)
class TodoUser:
    """A confirmed user of the stack; unpacks as `email, password`."""

    email: str
    password: str = field(repr=False)

    def __iter__(self) -> Iterator[str]:
        """Give the arguments of `sign_in`."""
        return iter((self.email, self.password))


@dataclass(frozen=True)
class TodoStack:
    """An embedded stack that clients can connect to.

    Attributes:
        outputs: as `todo outputs --json` prints them: `ApiUrl`, `EndpointUrl`, `UserPoolId` …
        data_dir: what `todo_backend.local` takes: `local.status(todo_stack.data_dir)`.
        config: the settings of a `TodoClient`.
    """

    outputs: "Outputs"
    data_dir: Path
    config: "Config"

    def inbox(self, email: str | None = None) -> "list[Mail]":
        """The mails that were sent, newest last; to one address, or to all."""
        from todo_backend import local

        return [mail for mail in local.inbox(self.data_dir) if email in (None, mail.to)]

    def newest_code(self, email: str) -> str:
        """The code in the newest mail to the address.

        Raises:
            LookupError: there is none.
        """
        for mail in reversed(self.inbox(email)):
            if found := _CODE.search(mail.text):
                return found.group()
        raise LookupError(f"no mail to {email} has a code")

    def client(self) -> "TodoClient":
        """A client that keeps its session in memory, not signed in; whoever asks for it closes it."""
        from todo_sdk import MemoryTokenStore, TodoClient

        return TodoClient(self.config, store=MemoryTokenStore())

    def new_user(self) -> TodoUser:
        """Sign a new user up, and confirm with the code of the mail."""
        user = TodoUser(f"user-{secrets.token_hex(6)}@example.com", f"Pass-{secrets.token_hex(8)}-X")
        with self.client() as client:
            client.auth.sign_up(*user)
            client.auth.confirm_sign_up(user.email, self.newest_code(user.email))
        return user


@pytest.fixture(scope="session")
def todo_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TodoStack]:
    """The whole backend, on a port and in a directory of its own; one for the test process, nothing is kept."""
    from todo_backend import local

    data_dir = tmp_path_factory.mktemp("todo") / "stack"
    try:
        outputs = local.start(local.StackOptions(data_dir, port=0, ephemeral=True), with_parent=True)
    except local.StackError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        from todo_sdk import fetch_config

        yield TodoStack(outputs, data_dir, fetch_config(str(outputs["ApiUrl"])))
    finally:
        local.stop(data_dir)


@pytest.fixture
def todo_new_user(todo_stack: TodoStack) -> Callable[[], TodoUser]:
    """Makes confirmed users: `todo_new_user()`."""
    return todo_stack.new_user


@pytest.fixture
def todo_user(todo_stack: TodoStack) -> TodoUser:
    """A confirmed user, another one for each test."""
    return todo_stack.new_user()


@pytest.fixture
def todo_sign_in(todo_stack: TodoStack) -> Iterator[Callable[[TodoUser], "TodoClient"]]:
    """Signs users in: `todo_sign_in(user)` is a new client, as on another device; all are closed after the test."""
    with ExitStack() as clients:

        def signed_in(user: TodoUser) -> "TodoClient":
            client = clients.enter_context(todo_stack.client())
            client.auth.sign_in(*user)
            return client

        yield signed_in


@pytest.fixture
def todo_client(todo_sign_in: Callable[[TodoUser], "TodoClient"], todo_user: TodoUser) -> "TodoClient":
    """A `TodoClient` in which `todo_user` is signed in."""
    return todo_sign_in(todo_user)


@pytest.fixture
def todo_clock(todo_stack: TodoStack) -> Iterator["StackClock"]:
    """The stack's clock: `todo_clock.advance(3600)`; the machine's again after the test."""
    from todo_backend import local

    with local.clock(todo_stack.data_dir) as clock:
        yield clock


@pytest.fixture
def todo_faults(todo_stack: TodoStack) -> Iterator["StackFaults"]:
    """The stack's faults: `todo_faults.add("error", "POST /v1/todos", status=503, count=1)`; gone after the test."""
    from todo_backend import local

    with local.faults(todo_stack.data_dir) as faults:
        yield faults
