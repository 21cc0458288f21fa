"""The installed command as a subprocess, against an embedded stack or, by one option, against a deployed stage.

    pytest tests/e2e                                             embedded stack, the `todo` beside this Python
    pytest tests/e2e --sut /usr/local/bin/todo                   another `todo`
    pytest tests/e2e --api-url https://….amazonaws.com/prod      a deployed stage

On a deployed stage nobody can read the mail with the code: the tests use one confirmed user (TODO_E2E_EMAIL and
TODO_E2E_PASSWORD), whose to-dos and files they remove again, and leave out what needs the embedded stack.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_SECONDS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which program is tested, and where."""
    parser.addoption("--sut", default=str(Path(sys.executable).with_name("todo")), help="the `todo` to test")
    parser.addoption("--api-url", default=None, help="a deployed stage instead of an embedded stack")


@dataclass
class Ran:
    """What one run left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """The one line on stderr; fails when there are more, or a traceback."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@dataclass
class Device:
    """One person's machine: folders of its own, and the command."""

    program: str
    folder: Path
    environment: dict[str, str]
    email: str = ""
    password: str = field(default="", repr=False)

    def __call__(self, *words: str, stdin: str = "", **variables: str) -> Ran:
        """Run `todo` with these words."""
        done = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment | variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, stdin: str = "") -> Any:
        """Run `todo … --json`, which must end well, and give the document."""
        ran = self(*words, "--json", stdin=stdin)
        assert (ran.code, ran.err) == (0, ""), f"todo {words}: {ran}"
        return ran.json

    def login(self) -> None:
        """Sign in with the password."""
        self.ok("login", self.email, "--password-stdin", stdin=f"{self.password}\n")


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest) -> str | None:
    """The deployed stage's address, if that is what is tested."""
    address: str | None = request.config.getoption("--api-url")
    return address


def new_device(request: pytest.FixtureRequest, folder: Path, stack_dir: Path) -> Device:
    """A machine on which nothing is configured."""
    folder.mkdir()
    own = {
        "TODO_CONFIG_DIR": str(folder / "config"),
        "TODO_DATA_DIR": str(folder / "data"),
        "TODO_STACK_DIR": str(stack_dir),
        "TODO_TOKEN_STORE": "file",  # the keyring of whoever runs the tests is theirs
        "HOME": str(folder),
        "TODO_SYNC_BUDGET_SECONDS": "20",  # a busy machine is not to be taken for a lost network
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_"))}
    return Device(request.config.getoption("--sut"), folder, kept | own)


@pytest.fixture(scope="session")
def stack_dir(request: pytest.FixtureRequest, deployed: str | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded stack's data directory; nothing is in it when a deployed stage is tested."""
    return tmp_path_factory.mktemp("e2e") / "stack"


@pytest.fixture(scope="session")
def api_url(
    request: pytest.FixtureRequest, deployed: str | None, stack_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the API is: started by `todo up` and stopped by `todo down`, unless it is deployed."""
    if deployed:
        yield deployed
        return
    device = new_device(request, tmp_path_factory.mktemp("operator") / "home", stack_dir)
    try:
        yield device.ok("up", "--detach", "--port", "0")["ApiUrl"]
    finally:
        device("down")


@pytest.fixture
def blank(request: pytest.FixtureRequest, tmp_path: Path, stack_dir: Path) -> Device:
    """A machine on which nothing is configured."""
    return new_device(request, tmp_path / "blank", stack_dir)


@pytest.fixture(scope="session")
def device(
    request: pytest.FixtureRequest,
    api_url: str,
    deployed: str | None,
    stack_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Device:
    """A machine with a signed-in user; a test that signs out signs in again."""
    device = new_device(request, tmp_path_factory.mktemp("device") / "home", stack_dir)
    device.ok("configure", "--api-url", api_url)
    if deployed:
        device.email, device.password = os.environ["TODO_E2E_EMAIL"], os.environ["TODO_E2E_PASSWORD"]
    else:
        sign_up(device)
    device.login()
    return device


def sign_up(device: Device) -> None:
    """Become a confirmed user, with the code from the stack's inbox."""
    device.email, device.password = f"{secrets.token_hex(6)}@example.com", f"{secrets.token_hex(8)}-Aa1"
    device.ok("signup", device.email, "--password-stdin", stdin=f"{device.password}\n")
    texts = [mail["text"] for mail in device.ok("inbox")["mails"] if mail["to"] == device.email]
    code = re.search(r"\b\d{6}\b", texts[-1])
    assert code, texts
    device.ok("confirm", device.email, code[0])


@pytest.fixture
def embedded_only(deployed: str | None) -> None:
    """Leave a test out when a deployed stage is tested."""
    if deployed:
        pytest.skip("needs the embedded stack")
