"""The two faces of output: JSON pinned byte for byte in tests/wire/cli_*.json, and text for people."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from todo_cli._output import pairs, plain, printable
from todo_sdk import write_profile

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli

WIRE = Path(__file__).resolve().parents[2] / "wire"
MILK = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab"
PROFILE = {
    "api_url": "http://127.0.0.1:4566/_aws/execute-api/abc/prod",
    "region": "us-east-1",
    "user_pool_id": "us-east-1_pool",
    "user_pool_client_id": "client",
    "identity_pool_id": "us-east-1:identity",
    "files_bucket": "files",
    "endpoint_url": "http://127.0.0.1:4566",
}
OUTPUTS = {
    "Profile": "local",
    "Region": "us-east-1",
    "ApiUrl": "http://127.0.0.1:4566/_aws/execute-api/abc/prod",
    "UserPoolId": "us-east-1_pool",
    "UserPoolClientId": "client",
    "IdentityPoolId": "us-east-1:identity",
    "FilesBucket": "files",
    "TableName": "table",
    "DaxEndpoint": None,
    "EndpointUrl": "http://127.0.0.1:4566",
    "ConsoleUrl": None,
}
MAIL = SimpleNamespace(
    to="ada@example.com", subject="Your code", text="Your code is 481516", sent_at="2026-11-23T12:00:00Z"
)


class PretendingStack:
    """As much of `todo_backend.local` as the reading commands use."""

    @staticmethod
    def default_data_dir() -> Path:
        return Path("/nowhere")

    @staticmethod
    def outputs(data_dir: Path) -> dict[str, str | None]:
        return OUTPUTS

    @staticmethod
    def inbox(data_dir: Path) -> list[Any]:
        from todo_backend.local import Mail

        return [Mail(**vars(MAIL))]

    @staticmethod
    def logs(data_dir: Path, lines: int = 200) -> list[str]:
        return ["one", "two"][-lines:]

    @staticmethod
    def stop(data_dir: Path) -> bool:
        return True

    @staticmethod
    def status(data_dir: Path) -> Any:
        from todo_backend.local import Status

        return Status(
            running=True,
            pid=7,
            port=4566,
            started_at="2026-11-23T12:00:00Z",
            outputs=OUTPUTS,
            api_cache={"hits": 3, "misses": 2},
            dax="off (the Lambda reads DynamoDB directly)",
            versions={"todo-sdk": "0.1.0"},
        )


DOCUMENTS = {
    "add": ["add", "Buy", "milk", "--tag", "food", "--due", "2026-12-01", "--priority", "1"],
    "list": ["list"],
    "show": ["show", MILK],
    "edit": ["edit", MILK, "--title", "Buy oat milk"],
    "done": ["done", MILK],
    "rm": ["rm", MILK, "--yes"],
    "rm_many": ["rm", "+food", "--yes"],
    "undo": ["undo"],
    "search": ["search", "milk"],
    "tags": ["tags"],
    "lists": ["lists"],
    "stats": ["stats"],
    "filter_save": ["filter", "save", "week", "+food", "due.by:eow"],
    "filter_ls": ["filter", "ls"],
    "filter_rm": ["filter", "rm", "week"],
    "import": ["import", "todo.txt", "--skip-invalid"],
    "export": ["export"],
    "export_file": ["export", "-o", "to-dos.ics"],
    "sync": ["sync"],
    "sync_discard": ["sync", "--discard", MILK],
    "offline": ["offline", "on"],
    "conflicts": ["conflicts"],
    "signup": ["signup", "ada@example.com", "--password-stdin"],
    "confirm": ["confirm", "ada@example.com", "481516"],
    "confirm_resend": ["confirm", "ada@example.com", "--resend"],
    "login": ["login", "ada@example.com", "--password-stdin"],
    "logout": ["logout"],
    "whoami": ["whoami"],
    "files_ls": ["files", "ls"],
    "files_rm": ["files", "rm", "notes/a.txt", "--yes"],
    "outputs": ["outputs"],
    "inbox": ["inbox"],
    "logs": ["logs"],
    "status": ["status"],
    "down": ["down"],
}


# What happened before.
BEFORE = {
    "undo": [["edit", MILK, "--title", "Buy oat milk"]],
    "filter_ls": [["filter", "save", "week", "+food"]],
    "filter_rm": [["filter", "save", "week", "+food"]],
    "sync": [["list"]],
    "sync_discard": [["offline", "on"], ["edit", MILK, "--title", "Buy oat milk"]],
}
NEW_ID = re.compile(r"(?!0193a5b2-)[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_machines_face_is_pinned_byte_for_byte(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "todo.txt").write_text("Buy milk due:2026-12-01\nBad due:soon\n")
    cli.terminal.stdin = "a password\n"
    cli.stack = PretendingStack()
    if name != "sync":
        cli.client.replica.sync()
    if name == "status":
        write_profile("local", PROFILE)
    if name == "conflicts":
        lose_a_conflict(cli)
    for words in BEFORE.get(name, []):
        cli(*words)
    result = cli(*DOCUMENTS[name], "--json")
    assert (result.code, result.err) == (0, "")
    printed = NEW_ID.sub("019ab000-0000-7000-8000-000000000000", result.out)
    golden = WIRE / f"cli_{name}.json"
    if os.environ.get("TODO_UPDATE_GOLDEN"):
        golden.write_text(printed, "utf-8")
    assert printed == golden.read_text("utf-8")


def lose_a_conflict(cli: Cli) -> None:
    """Have two devices change the same field of the same to-do."""
    cli.other.replica.edit(MILK, title="Buy coffee")
    cli.offline()
    cli("edit", MILK, "--title", "Buy tea")
    cli.world.fault = lambda request: None
    cli.other.replica.sync()
    cli("sync")


def test_every_golden_file_is_produced_by_a_command() -> None:
    assert {file.stem.removeprefix("cli_") for file in WIRE.glob("cli_*.json")} == {*DOCUMENTS, "files_put"}


def test_files_put_is_pinned_too(cli: Cli, tmp_path: Path) -> None:
    local = tmp_path / "a.txt"
    local.write_text("hello")
    result = cli("--json", "files", "put", str(local))
    golden = WIRE / "cli_files_put.json"
    if os.environ.get("TODO_UPDATE_GOLDEN"):
        golden.write_text(result.out, "utf-8")
    assert result.out == golden.read_text("utf-8")


def test_people_see_columns_when_stdout_is_no_terminal(cli: Cli) -> None:
    lines = cli("list").out.splitlines()
    assert lines[0].split() == ["ID", "P", "DUE", "LIST", "TITLE", "TAGS"]
    assert lines[1].split() == ["1", "2", "2026-12-01", "home", "Buy", "milk", "food", "shop"]
    assert lines[1].index("Buy milk") == lines[2].index("Call the bank") == lines[0].index("TITLE")


def test_a_title_cannot_drive_the_terminal_of_who_reads_it(cli: Cli) -> None:
    cli.world.service.edit(MILK, title="\x1b]0;owned\x07\x1b[31mred\u202e", notes="\x1b[2J")
    for command in (["list"], ["show", MILK], ["search", "red"], ["done", MILK], ["undo"], ["rm", "1", "2", "--yes"]):
        result = cli(*command)
        assert result.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(result.out + result.err)


def test_a_title_of_several_lines_stays_on_one_line_of_the_list(cli: Cli) -> None:
    cli.world.service.edit(MILK, title="one\ntwo")
    assert len(cli("list").out.splitlines()) == 3


def test_a_moment_is_written_as_on_the_wire() -> None:
    moment = datetime(2026, 11, 23, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert plain({"at": moment}) == {"at": "2026-11-23T12:00:00.000Z"}
    assert plain((Path("a"), datetime(2026, 1, 1, tzinfo=UTC).date())) == ["a", "2026-01-01"]


def test_talk_goes_to_stderr_and_programs_are_spared_it(cli: Cli) -> None:
    for todo_id in list(cli.world.live()):
        cli.world.service.delete(todo_id)
    assert cli("list").out == ""
    assert cli("list").err == "nothing to do\n"
    assert cli("list", "--json").err == ""


def test_pairs_stand_in_columns() -> None:
    assert pairs({"a": 1, "long": None}) == ["a     1", "long  -"]
    assert printable("a\tb\x00") == "a\tb\N{REPLACEMENT CHARACTER}"
