"""What every suite shares: one embedded stack a test process, and users in it.

The users are made with plain AWS calls, not with the SDK, so that a test of the SDK does not test it with itself.
"""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import awscli, npm
from tests.awscli import AwsCli
from tests.npm import JavaScript
from todo_backend import local

# No test touches the keyring of the machine that it runs on; what a test wants of one, it gives.
os.environ["TODO_TOKEN_STORE"] = "file"

_CODE = re.compile(r"\b\d{6}\b")
FUZZ_EXAMPLES = int(os.environ.get("TODO_FUZZ_EXAMPLES", "200"))
"""How many inputs each fuzz test makes up; for a long run say TODO_FUZZ_EXAMPLES=20000."""


@dataclass(frozen=True)
class AdminKey:
    """The access key of the stack's account."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class RunningStack:
    """An embedded stack that clients can connect to."""

    outputs: local.Outputs
    data_dir: Path

    @property
    def admin_credentials(self) -> AdminKey:
        return AdminKey(**json.loads((self.data_dir / "admin.json").read_text()))

    def output(self, name: str) -> str:
        """An output that must be there."""
        value = self.outputs[name]
        assert value is not None, f"the stack has no output {name}"
        return value

    def cognito(self, operation: str, **request: object) -> requests.Response:
        """An unsigned call of the user pool, as a device makes it."""
        return _cognito(self.output("EndpointUrl"), "AWSCognitoIdentityProviderService", operation, request)

    def identity(self, operation: str, **request: object) -> requests.Response:
        """An unsigned call of the identity pool, as a device makes it."""
        return _cognito(self.output("EndpointUrl"), "AWSCognitoIdentityService", operation, request)

    def newest_code(self, email: str) -> str:
        """The code in the newest mail to that address."""
        texts = [mail.text for mail in local.inbox(self.data_dir) if mail.to == email]
        assert texts, f"no mail for {email}"
        found = _CODE.search(texts[-1])
        assert found, f"no code in {texts[-1]!r}"
        return found.group()


def _cognito(endpoint: str, service: str, operation: str, request: dict[str, object]) -> requests.Response:
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{service}.{operation}"}
    return requests.post(endpoint, json.dumps(request), headers=headers, timeout=20)


@dataclass(frozen=True)
class NewUser:
    """A confirmed user who has not signed in yet."""

    email: str
    password: str = field(repr=False)

    def __iter__(self) -> Iterator[str]:
        return iter((self.email, self.password))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """An embedded stack for the whole test process, with a data directory and a port of its own."""
    data_dir = tmp_path_factory.mktemp("stack") / "data"
    outputs = local.start(local.StackOptions(data_dir, port=0))
    try:
        yield RunningStack(outputs, data_dir)
    finally:
        local.stop(data_dir)


@pytest.fixture(scope="session")
def javascript() -> JavaScript:
    """Node with the JavaScript clients from npm; skips, with the reason, where they cannot be had."""
    return npm.installed()


@pytest.fixture(scope="session")
def aws_cli() -> AwsCli:
    """The AWS CLI; skips, with the reason, where it cannot be had."""
    return awscli.installed()


@pytest.fixture
def new_user(stack: RunningStack) -> Callable[[], NewUser]:
    """Makes confirmed users of the stack: `new_user()`."""
    return lambda: confirmed_user(stack)


@dataclass(frozen=True)
class StackProcess:
    """The stack's process with changes to it; `report` is the line it prints when it is ready or refuses."""

    process: "subprocess.Popen[str]"
    report: dict[str, Any]

    def stop(self) -> int:
        """Stop it cleanly, if it runs; its exit code."""
        if "outputs" in self.report:
            self.process.terminate()
        with self.process.stdout or nullcontext():
            return self.process.wait(timeout=30)


def changed_stack(data_dir: Path, script: Path, changes: str) -> StackProcess:
    """Run the stack's process after `changes`, Python source that finds `template` (a dict) and `code` (file → text).

    For mutations: what a test says is refused must succeed once its guard is taken away.
    """
    lines = "".join(f"    {line}\n" for line in changes.splitlines() or ["pass"])
    script.write_text(
        "import sys\n"
        "from todo_backend import artifacts, bundle\n"
        "code = {name: content.decode() for name, content in bundle.code_files().items()}\n"
        "template = artifacts.template()\n"
        f"def change():\n{lines}"
        "change()\n"
        "bundle.code_files = lambda root=None: {name: text.encode() for name, text in code.items()}\n"
        "artifacts.template = lambda: template\n"
        "from todo_backend.local.__main__ import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, str(script), "--data-dir", str(data_dir), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    return StackProcess(process, json.loads(process.stdout.readline()))


def confirmed_user(stack: RunningStack) -> NewUser:
    """Sign up, read the code in the inbox, confirm."""
    user = NewUser(f"user-{secrets.token_hex(6)}@example.com", f"Pass-{secrets.token_hex(8)}-X")
    login = {"ClientId": stack.output("UserPoolClientId"), "Username": user.email}
    attributes = [{"Name": "email", "Value": user.email}]
    made = stack.cognito("SignUp", **login, Password=user.password, UserAttributes=attributes)
    assert made.status_code == 200, made.text
    code = stack.newest_code(user.email)
    confirmed = stack.cognito("ConfirmSignUp", **login, ConfirmationCode=code)
    assert confirmed.status_code == 200, confirmed.text
    return user
