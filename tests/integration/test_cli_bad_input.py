"""Bad input to the whole command on an embedded stack: one clear line, the right exit code, nothing changed."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from todo_cli._context import AppContext, Terminal
from todo_cli._main import run

if TYPE_CHECKING:
    from tests.conftest import RunningStack

UNKNOWN_ID = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab"
PASSWORD = "Correct-horse-7"


@dataclass
class Ran:
    """What one run left."""

    code: int
    out: str
    err: str


class Typed(Terminal):
    """Standard input with these lines; nobody sits there."""

    def __init__(self, text: str) -> None:
        self.text = StringIO(text)

    def is_there(self) -> bool:
        return False

    def line(self) -> str:
        return self.text.readline().rstrip("\n")


@dataclass
class Device:
    """The command in this process, with folders of its own."""

    folder: Path
    variables: dict[str, str]

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        """Run `todo` with these words."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in self.variables.items():
                patch.setenv(name, value)
            patch.setattr("sys.stdout", out)
            patch.setattr("sys.stderr", err)
            code = run(words, AppContext(terminal=Typed(stdin)))
        return Ran(code, out.getvalue(), err.getvalue())

    def ok(self, *words: str, stdin: str = "") -> Any:
        """Run `todo … --json`, which must end well, and give the document."""
        ran = self(*words, "--json", stdin=stdin)
        assert (ran.code, ran.err) == (0, ""), ran
        return json.loads(ran.out)

    def left(self) -> object:
        """All that the user has, here and there."""
        todos, files = self.ok("list", "--all"), self.ok("files", "ls")
        return (
            todos,
            files,
            sorted(path for path in self.folder.rglob("*") if "replicas" not in path.parts and path.suffix != ".lock"),
        )


@pytest.fixture(scope="module")
def device(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """A machine with a signed-in user who has a to-do and a file; at the end nothing else may be there."""
    folder = tmp_path_factory.mktemp("device")
    own = {"TODO_CONFIG_DIR": folder / "config", "TODO_DATA_DIR": folder / "data", "TODO_STACK_DIR": stack.data_dir}
    budget = {"TODO_SYNC_BUDGET_SECONDS": "20"}  # a busy machine is not to be taken for a lost network
    device = Device(folder, {name: str(path) for name, path in own.items()} | budget)
    email = f"{secrets.token_hex(6)}@example.com"
    device.ok("configure", "--api-url", stack.output("ApiUrl"))
    device.ok("signup", email, "--password-stdin", stdin=PASSWORD)
    code = re.search(r"\b\d{6}\b", device.ok("inbox")["mails"][-1]["text"])
    assert code
    device.ok("confirm", email, code[0])
    device.ok("login", email, "--password-stdin", stdin=PASSWORD)
    (folder / "here.txt").write_text("here")
    device.ok("add", "Mine")
    device.ok("files", "put", "here.txt")
    before = device.left()
    yield device
    assert device.left() == before


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", UNKNOWN_ID], 5, "no to-do has the id"),
        (["show", "ffff"], 5, "no to-do has the id"),
        (["show", "not-an-id"], 6, "not a to-do's id"),
        (["done", "../../etc/passwd"], 6, "not a to-do's id"),
        (["edit", UNKNOWN_ID, "--title", "x"], 5, "no to-do has the id"),
        (["rm", UNKNOWN_ID, "--yes"], 5, "no to-do has the id"),
        (["add", ""], 6, "title"),
        (["add", "  "], 6, "title"),
        (["add", "x" * 501], 6, "500"),
        (["add", "ok", "--notes", "x" * 10_001], 6, "10000"),
        (["add", "ok", "--tag", "two words"], 6, "tag"),
        (["add", "ok", "--list", "x" * 101], 6, "100"),
        (["add", "ok", "--due", "someday"], 2, "is no date"),
        (["add", "ok", "--priority", "9"], 2, "priority"),
        (["add", "ok", "--due", "2026-12-01", "--recurrence", "FREQ=SOMETIMES"], 6, "recurrence"),
        (["add", "ok", "--recurrence", "sometimes"], 2, "says not how often"),
        (["add", "Pay 31 feb"], 2, "no calendar has"),
        (["done", "status:open"], 2, "add --yes"),
        (["list", "colour:red"], 2, "there is no filter colour:"),
        (["list", "@nobody"], 2, "no saved filter"),
        (["undo", "now"], 2, "now"),
        (["import", "missing.csv"], 5, "there is no file"),
        (["add"], 2, "WORDS"),
        (["list", "--nonsense"], 2, "--nonsense"),
        (["nonsense"], 2, "nonsense"),
        (["files", "put", "missing.txt"], 5, "missing.txt"),
        (["files", "put", "."], 6, "folder"),
        (["files", "put", "here.txt", "../up.txt"], 6, ".."),
        (["files", "put", "here.txt", "a/../../up.txt"], 6, ".."),
        (["files", "put", "here.txt", "/etc/passwd"], 6, "slash"),
        (["files", "put", "here.txt", "x" * 1025], 6, "1025"),
        (["files", "put", "here.txt", ""], 6, "empty"),
        (["files", "get", "../up.txt"], 6, ".."),
        (["files", "get", "/up.txt"], 6, "slash"),
        (["files", "get", "missing.txt"], 5, "no such file"),
        (["files", "get", "here.txt"], 6, "exists"),
        (["files", "get", "here.txt", "no/such/folder/a.txt"], 5, "folder"),
        (["files", "rm", "../up.txt", "--yes"], 6, ".."),
        (["whoami", "--profile", "nobody"], 3, "nobody"),
        (["whoami", "--profile", "../../x"], 3, "profile"),
        (["configure", "--api-url", "http://example.com"], 3, "http"),
        (["configure", "--api-url", "nonsense"], 3, "URL"),
        (["configure", "--api-url", "http://127.0.0.1:9/x", "--name", "new"], 7, "127.0.0.1"),
        (["login", "nobody@example.com", "--no-input"], 2, "password"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_bad_input_is_one_line_and_changes_nothing(device: Device, words: list[str], code: int, says: str) -> None:
    ran = device(*words)
    assert (ran.code, ran.out) == (code, ""), ran
    assert ran.err.startswith("todo: ")
    assert ran.err.count("\n") == 1
    assert says in ran.err
    error = json.loads(device(*words, "--json").err)["error"]
    assert error["exit_code"] == code
    assert error["code"] != "bug"


def test_an_ambiguous_part_of_an_id_names_the_candidates(device: Device) -> None:
    added = [device.ok("add", f"Twin {number}") for number in (1, 2)]
    ran = device("show", added[0]["id"][:8])
    assert ran.code == 6
    assert "Twin 1" in ran.err
    assert "Twin 2" in ran.err
    for todo in added:
        device.ok("rm", todo["id"], "--yes")


def test_a_body_over_the_limit_is_refused(device: Device) -> None:
    # The SDK counts before it sends; the limit of API Gateway itself (10 MB) is the service's own test.
    ran = device("add", "ok", "--notes", "x" * 11_000_000)
    assert (ran.code, ran.err.count("\n")) == (6, 1)


def test_an_api_that_does_not_answer_is_a_network_failure(device: Device) -> None:
    away = Device(device.folder, device.variables | {"TODO_API_URL": "http://127.0.0.1:9/prod"})
    ran = away("list")
    assert ran.code == 7
    assert "127.0.0.1" in ran.err


def test_a_wrong_password_and_a_wrong_user_are_told_alike(device: Device) -> None:
    email = device.ok("whoami")["email"]
    wrong_password = device("login", email, "--password-stdin", stdin="wrong-Password-1")
    wrong_user = device("login", "nobody@example.com", "--password-stdin", stdin="wrong-Password-1")
    assert wrong_password.code == wrong_user.code == 4
    assert wrong_password.err == wrong_user.err
    assert "wrong-Password-1" not in wrong_password.err
    assert device.ok("whoami")["email"] == email


@pytest.mark.parametrize(("password", "code"), [("short", 6), ("", 2)])
def test_a_password_that_the_pool_refuses_makes_no_account(device: Device, password: str, code: int) -> None:
    mails = device.ok("inbox")
    ran = device("signup", "new@example.com", "--password-stdin", stdin=password)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert device.ok("inbox") == mails


def test_a_wrong_code_confirms_nobody(device: Device) -> None:
    email = f"{secrets.token_hex(6)}@example.com"
    device.ok("signup", email, "--password-stdin", stdin=PASSWORD)
    wrong = device("confirm", email, "000000")
    early = device("login", email, "--password-stdin", stdin=PASSWORD)
    assert (wrong.code, early.code) == (6, 4)
    assert "confirm" in early.err


@pytest.mark.parametrize("damage", ["not json", "junk tokens"])
def test_a_damaged_session_is_no_session(device: Device, damage: str) -> None:
    (session,) = (device.folder / "data" / "sessions").glob("*.json")
    kept = session.read_text()
    junk = {name: "junk" if "token" in name else value for name, value in json.loads(kept).items()}
    session.write_text("{" if damage == "not json" else json.dumps(junk))
    ran = device("sync")
    session.write_text(kept)
    assert (ran.code, ran.err.count("\n")) == (4, 1)
    assert re.search("todo login|sign in again", ran.err)
