"""Files that belong to a to-do: sent after what waits, shown afterwards, taken away by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import BANK_ID, MILK_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli, FakeTerminal

KEY = f"attachments/{MILK_ID}/form.pdf"


@pytest.fixture
def form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "form.pdf"
    path.write_bytes(b"%PDF")
    return path


@pytest.mark.parametrize("typed", ["1", MILK_ID, MILK_ID[:-3]])
def test_what_is_attached_is_shown_at_once(cli: Cli, form: Path, typed: str) -> None:
    cli("list")
    result = cli("attach", typed, "form.pdf")
    assert (result.code, result.out, result.err) == (0, "attached form.pdf to 1  Buy milk  (due 2026-12-01)\n", "")
    assert cli.client.files.kept[KEY] == b"%PDF"
    cli.offline()
    shown = cli("show", "1").out
    assert "attachments   form.pdf\n" in shown
    assert f"`todo files get` fetches each under its name there:\n  {KEY}\n" in shown


def test_what_waits_for_that_to_do_is_sent_first(cli: Cli, form: Path) -> None:
    cli("list")
    cli.offline()
    cli("add", "Renew the passport")
    cli.world.fault = lambda request: None
    short = cli.short("Renew the passport")
    assert cli("attach", short, "form.pdf").code == 0
    (key,) = cli.served("Renew the passport")["attachments"]
    assert cli.client.files.kept[key] == b"%PDF"
    assert cli.client.replica.queued() == ()


def test_a_conflict_that_the_sync_before_it_finds_is_told(cli: Cli, form: Path) -> None:
    cli("list")
    cli.other.replica.edit(MILK_ID, title="Buy coffee")
    cli.other.replica.sync()
    cli.offline()
    cli("edit", "1", "--title", "Buy tea")
    cli.online()
    result = cli("attach", "1", "form.pdf")
    assert (result.code, "conflict: " in result.err) == (0, True)


def test_without_the_network_nothing_is_attached_and_nothing_is_lost(cli: Cli, form: Path) -> None:
    cli("list")
    cli.offline()
    cli("edit", "1", "--title", "Buy oat milk")
    result = cli("attach", "1", "form.pdf")
    assert (result.code, result.out) == (7, "")
    assert "1 change waits here and will be sent; attach the file after that" in result.err
    assert list(cli.client.files.kept) == ["notes/a.txt"]
    cli.online()
    assert cli("attach", "1", "form.pdf").code == 0
    assert cli.served("Buy oat milk")["attachments"] == [KEY]


def test_while_offline_is_on_nothing_is_asked(cli: Cli, form: Path) -> None:
    cli("list")
    cli("offline", "on")
    asked = len(cli.world.asked)
    result = cli("attach", "1", "form.pdf", "--json")
    assert (result.code, result.error["code"], len(cli.world.asked)) == (7, "offline", asked)
    assert list(cli.client.files.kept) == ["notes/a.txt"]


def test_a_to_do_that_the_service_refuses_gets_no_file(cli: Cli, form: Path) -> None:
    cli("list")
    cli.offline()
    cli("edit", "1", "--title", "Buy oat milk")
    cli.world.fault = lambda request: "400" if b"oat milk" in (request.body or b"") else None
    result = cli("attach", "1", "form.pdf", "--json")
    assert (result.code, result.error["code"]) == (6, "refused")
    assert "todo sync --discard 1" in result.error["message"]
    assert list(cli.client.files.kept) == ["notes/a.txt"]


def test_attached_while_the_network_goes_is_done_and_said(cli: Cli, form: Path) -> None:
    cli("list")
    cli.world.fault = lambda request: "down" if request.path_url.endswith("/sync") else None
    result = cli("attach", "1", "form.pdf")
    assert (result.code, "`todo sync` fetches it" in result.err) == (0, True)
    cli.world.fault = lambda request: None
    cli("sync")
    assert cli.client.replica.get(MILK_ID).attachments == (KEY,)


def test_an_attachment_is_removed_after_asking(cli: Cli, form: Path, terminal: type[FakeTerminal]) -> None:
    cli("attach", MILK_ID, "form.pdf")
    cli.terminal = terminal(there=True)
    assert cli("attach", "1", "--remove", "form.pdf").code == 130
    assert cli.terminal.asked == ["Remove form.pdf from 1  Buy milk?"]
    assert KEY in cli.client.files.kept
    result = cli("attach", "1", "--remove", "form.pdf", "--yes")
    assert result.out == "removed form.pdf from 1  Buy milk  (due 2026-12-01)\n"
    assert KEY not in cli.client.files.kept
    assert cli.client.replica.get(MILK_ID).attachments == ()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["1"], 2, "give the FILE to attach, or --remove NAME"),
        (["1", "form.pdf", "--remove", "x"], 2, "give the FILE to attach, or --remove NAME"),
        (["1", "nothing.pdf"], 5, "there is no file nothing.pdf"),
        (["1", "."], 6, "is a folder"),
        (["99", "form.pdf"], 5, "no to-do has the id 99; there are 1 (Buy milk), 2 (Call the bank)"),
        (["0193a5b2", "form.pdf"], 6, "0193a5b2 could be 2 (Call the bank), 1 (Buy milk); give more of it"),
        (["zzzz", "form.pdf"], 6, "'zzzz' is not a to-do's id"),
        (["2", "--remove", "form.pdf"], 5, "'Call the bank' has no attachment 'form.pdf'; it has none"),
        (["1", "--remove", "from.pdf"], 5, "'Buy milk' has no attachment 'from.pdf'; it has form.pdf"),
        (["1", "--remove", "form.pdf", "--no-input"], 2, "add --yes"),
    ],
)
def test_what_cannot_be_attached_or_removed_is_told(
    cli: Cli, form: Path, words: list[str], code: int, told: str
) -> None:
    cli("attach", MILK_ID, "form.pdf")
    cli("list")
    before = dict(cli.client.files.kept)
    result = cli("attach", *words)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert told in result.err
    assert cli.client.files.kept == before
    assert cli.client.replica.get(BANK_ID).attachments == ()
