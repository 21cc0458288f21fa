"""To-do commands: what the words become, ids and parts of ids, confirmations."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from todo_cli._due import parse_due

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Cli, FakeTerminal

MILK, BANK = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab", "0193a5b2-7c1e-7000-8000-1b2c3400beef"
HERE = timezone(timedelta(hours=1))


def test_the_words_make_the_title_and_only_given_fields_are_sent(cli: Cli) -> None:
    words = "add Buy milk --tag a --tag b --due tomorrow --list home --priority 1 --notes n --recurrence FREQ=DAILY"
    assert cli(*words.split()).code == 0
    assert cli("add", "Plain").code == 0
    full = {"tags": ("a", "b"), "due": date(2026, 11, 24), "list": "home", "priority": 1, "notes": "n"}
    assert cli.client.todos.calls == [
        ("add", {"title": "Buy milk", **full, "recurrence": "FREQ=DAILY"}),
        ("add", {"title": "Plain"}),
    ]


def test_an_empty_title_is_invalid_and_no_title_is_a_usage_error(cli: Cli) -> None:
    assert cli("add", "  ").code == 6
    assert cli("add").code == 2


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("today", date(2026, 11, 23)),
        ("Tomorrow", date(2026, 11, 24)),
        ("2026-12-01", date(2026, 12, 1)),
        ("2026-12-01 18:00", datetime(2026, 12, 1, 18, 0, tzinfo=HERE)),
        ("2026-12-01T18:00:30Z", datetime(2026, 12, 1, 18, 0, 30, tzinfo=timezone(timedelta(0)))),
        ("2026-12-01t18:00+05:30", datetime(2026, 12, 1, 18, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    ],
)
def test_due_is_read_as_people_write_it(text: str, due: date) -> None:
    assert parse_due(text, datetime(2026, 11, 23, 23, 30, tzinfo=HERE)) == due


@pytest.mark.parametrize(
    "text", ["", "someday", "2026-02-30", "20261123", "2026-W48-1", "2026-11-23T25:00", "2026-11-23T"]
)
def test_what_is_no_date_is_a_usage_error(cli: Cli, text: str) -> None:
    result = cli("add", "x", "--due", text)
    assert result.code == 2
    assert "is no date" in result.err
    assert cli.client.todos.calls == []


def test_list_shows_open_ones_unless_told_otherwise(cli: Cli) -> None:
    for words in ([], ["--all"], ["--status", "done"], ["--search", "milk", "--due-before", "today"]):
        assert cli("list", *words).code == 0
    filters = [call[1] for call in cli.client.todos.calls]
    assert filters == [
        {"status": "open"},
        {"status": None},
        {"status": "done"},
        {"status": "open", "q": "milk", "due_before": date(2026, 11, 23)},
    ]
    assert cli("list", "--all", "--status", "open").code == 2


@pytest.mark.parametrize("typed", [MILK, MILK.upper(), "4f1c9ab", "c9ab"])
def test_a_whole_id_or_a_unique_end_of_it_finds_the_todo(cli: Cli, typed: str) -> None:
    assert cli("show", typed, "--json").json["id"] == MILK


def test_a_unique_beginning_finds_it_too(cli: Cli, make_todo: Callable[..., Any]) -> None:
    other = "0293a5b2-7c1e-7000-8000-1b2c34f1c9ab"
    cli.client.todos.kept[other] = make_todo(id=other)
    assert cli("show", "0293", "--json").json["id"] == other


def test_a_whole_id_costs_no_list(cli: Cli) -> None:
    cli("show", MILK)
    assert cli.client.todos.calls == []


def test_an_ambiguous_part_names_the_candidates(cli: Cli) -> None:
    result = cli("show", "0193")
    assert result.code == 6
    assert "4f1c9ab (Buy milk)" in result.err
    assert "400beef (Call the bank)" in result.err
    assert cli("show", "0193", "--json").error["code"] == "ambiguous_id"


@pytest.mark.parametrize("command", ["show", "done", "rm"])
@pytest.mark.parametrize(("typed", "code"), [("dddd", 5), ("zzzz", 6), ("abc", 6), ("", 6), ("../x", 6)])
def test_unknown_and_malformed_ids(cli: Cli, command: str, typed: str, code: int) -> None:
    result = cli(command, typed)
    assert result.code == code
    assert result.err.count("\n") == 1
    assert not any(name == "remove" for name, _ in cli.client.todos.calls)


def test_edit_sends_what_is_given_and_clears_what_is_cleared(cli: Cli) -> None:
    words = ["--title", "x", "--clear-due", "--clear-tags", "--clear-recurrence", "--notes", "", "--if-version", "1"]
    assert cli("edit", MILK, *words).code == 0
    cleared = {"due": None, "tags": (), "recurrence": None}
    assert cli.client.todos.calls == [("edit", {"if_version": 1, "title": "x", "notes": "", **cleared})]


@pytest.mark.parametrize(
    "words",
    [[], ["--if-version", "1"], ["--due", "today", "--clear-due"], ["--tag", "a", "--clear-tags"], ["--status", "x"]],
)
def test_an_edit_that_means_nothing_is_a_usage_error(cli: Cli, words: list[str]) -> None:
    assert cli("edit", MILK, *words).code == 2
    assert cli.client.todos.calls == []


def test_an_edit_that_somebody_overtook_is_a_conflict(cli: Cli) -> None:
    assert cli("edit", MILK, "--title", "x", "--if-version", "9").code == 6


@pytest.mark.parametrize(
    ("there", "agrees", "words", "code", "asked"),
    [
        (True, True, [], 0, True),
        (True, False, [], 130, True),
        (True, False, ["--yes"], 0, False),
        (False, False, [], 0, False),
        (False, False, ["--no-input"], 2, False),
        (False, False, ["--no-input", "--yes"], 0, False),
    ],
)
def test_rm_asks_a_person_and_takes_a_script_at_its_word(
    cli: Cli, terminal: type[FakeTerminal], there: bool, agrees: bool, words: list[str], code: int, asked: bool
) -> None:
    cli.terminal = terminal(there=there, yes=agrees)
    assert cli("rm", MILK, *words).code == code
    assert bool(cli.terminal.asked) is asked
    assert [name for name, _ in cli.client.todos.calls] == (["remove"] if code == 0 else [])


def test_a_due_time_is_shown_in_the_persons_own_zone(cli: Cli, make_todo: Callable[..., Any]) -> None:
    moment = datetime(2026, 12, 1, 18, 0, tzinfo=timezone(timedelta(hours=5)))
    cli.client.todos.kept = {MILK: make_todo(due=moment)}
    assert moment.astimezone().strftime("%Y-%m-%d %H:%M") in cli("list").out
    assert cli("list", "--json").json["todos"][0]["due"] == "2026-12-01T18:00:00+05:00"
