"""SE-20: what `todo -v` prints in a whole session: every request, and no secret of any."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.test_sdk_secrets import Wire, is_in

if TYPE_CHECKING:
    from tests.conftest import RunningStack

TODO = str(Path(sys.executable).with_name("todo"))
REQUEST = re.compile(
    r"DEBUG todo_sdk\.traffic: (api|cognito-idp|cognito-identity|s3)( \w+)? (GET|PUT|POST|PATCH|DELETE|HEAD) (/\S*)"
    r" (\d{3}|\w+Error) in \d+ ms(, request \S+)?"
)


@dataclass
class Device:
    """The installed command with -v, on a folder of its own; what it said on stderr is kept."""

    folder: Path
    said: str = ""
    wire: Wire = field(default_factory=Wire)

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> str:
        """Run `todo -v …` and give its stdout."""
        own = {"TODO_CONFIG_DIR": str(self.folder), "TODO_DATA_DIR": str(self.folder), "TODO_TOKEN_STORE": "file"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_"))}
        done = subprocess.run(
            [TODO, "-v", *words],
            env=kept | own,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done
        self.said += done.stderr
        for path in self.folder.rglob("*.json"):
            self.wire.saw({}, path.read_text("utf-8"))
        return done.stdout


def test_a_session_is_told_request_by_request_and_no_secret_of_it(stack: RunningStack, tmp_path: Path) -> None:
    todo = Device(tmp_path)
    email, password = f"{secrets.token_hex(6)}@example.com", f"Horse-{secrets.token_hex(8)}"
    newer, wrong = f"Newer-{secrets.token_hex(8)}", f"Wrong-{secrets.token_hex(8)}"
    (tmp_path / "form.pdf").write_text("private content")
    todo("configure", "--api-url", stack.output("ApiUrl"))
    todo("signup", email, "--password-stdin", stdin=f"{password}\n")
    code = stack.newest_code(email)
    todo("confirm", email, code)
    todo("login", email, "--password-stdin", stdin=f"{wrong}\n", code=4)
    todo("login", email, "--password-stdin", stdin=f"{password}\n")
    todo("add", "A private title")
    todo("search", "private")
    todo("attach", "1", "form.pdf")
    (key,) = json.loads(todo("show", "1", "--json"))["attachments"]
    link = todo("files", "share", key).strip()
    setup = json.loads(todo("mfa", "on", "--json"))
    todo("password", "change", "--password-stdin", stdin=f"{password}\n{newer}\n")
    todo("device", "list")
    todo("logout")

    told = [line for line in todo.said.splitlines() if "todo_sdk.traffic" in line]
    assert all(REQUEST.fullmatch(line) for line in told), told
    asked = {found[1] for line in told if (found := REQUEST.fullmatch(line))}
    assert asked == {"api", "cognito-idp", "cognito-identity", "s3"}
    assert sum(", request " in line for line in told) >= len(told) / 2
    assert "?" not in "".join(told)
    assert len(todo.wire.secrets) >= 3  # the tokens at least
    signed = set(re.findall(r"X-Amz-(?:Signature|Credential|Security-Token)=([^&]+)", link))
    assert len(signed) == 3
    for secret in {password, newer, wrong, code, setup["secret"], link, *signed, *todo.wire.secrets}:
        assert not is_in(secret, todo.said), secret
    assert "private content" not in todo.said
