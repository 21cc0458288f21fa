"""The everyday commands on the replica: what they make, find, change and take back, with and without a network."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from todo_sdk import NotSignedInError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli, FakeTerminal

MILK, BANK = "0193a5b2-7c1e-7000-8000-1b2c34f1c9ab", "0193a5b2-7c1e-7000-8000-1b2c3400beef"


@pytest.fixture(autouse=True)
def fetched(cli: Cli, request: pytest.FixtureRequest) -> None:
    """The to-dos of the service are here, unless the device is new."""
    if "new_device" not in request.node.name:
        cli.client.replica.sync()


def test_the_words_are_read_and_told_back(cli: Cli) -> None:
    result = cli("add", "Pay rent tomorrow 5pm #home !1 every month")
    assert result.out.splitlines() == [
        "added 3  Pay rent",
        "  due Tue 24 Nov 17:00 · every month · #home · priority 1",
    ]
    served = cli.served("Pay rent")
    assert (served["due"], served["tags"], served["priority"]) == ("2026-11-24T17:00:00+00:00", ["home"], 1)
    assert served["recurrence"] == "FREQ=MONTHLY"


def test_options_win_over_words(cli: Cli) -> None:
    words = [
        "--due",
        "friday",
        "--tag",
        "b",
        "--list",
        "l",
        "--priority",
        "2",
        "--recurrence",
        "weekly",
        "--notes",
        "n",
    ]
    todo = cli("add", "Pay rent tomorrow #a !1 list:x every month", *words, "--json").json
    told = {name: todo[name] for name in ("title", "due", "tags", "list", "priority", "recurrence", "notes")}
    assert told == {
        "title": "Pay rent",
        "due": "2026-11-27",
        "tags": ["b"],
        "list": "l",
        "priority": 2,
        "recurrence": "FREQ=WEEKLY",
        "notes": "n",
    }


@pytest.mark.parametrize("words", [["--", "Read the news today"], ["--", "#a", "--due", "!1"]])
def test_after_two_dashes_the_words_are_the_title(cli: Cli, words: list[str]) -> None:
    todo = cli("add", "--json", *words).json
    assert (todo["title"], todo["due"], todo["tags"], todo["priority"]) == (" ".join(words[1:]), None, [], 4)


def test_a_recurrence_without_a_date_begins_at_its_first_day(cli: Cli) -> None:
    assert cli("add", "Gym", "--recurrence", "tue,thu", "--json").json["due"] == "2026-11-24"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["  "], 6, "title"),
        ([], 2, "WORDS"),
        (["Pay 31 feb"], 2, "no calendar has; put -- before"),
        (["x", "--due", "someday"], 2, "is no date"),
        (["x", "--due", "2026-02-30"], 2, "no calendar"),
        (["x", "--recurrence", "sometimes"], 2, "says not how often"),
        (["x", "--priority", "9"], 2, "priority"),
        (["x", "--tag", "two words"], 6, "tag"),
    ],
)
def test_what_cannot_be_added_is_one_line_and_adds_nothing(cli: Cli, words: list[str], code: int, says: str) -> None:
    result = cli("add", *words)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert says in result.err
    assert len(cli.world.live()) == 2


def test_list_begins_with_what_is_urgent_and_says_overdue_and_today_in_words(cli: Cli) -> None:
    cli("add", "Late", "--due", "2026-11-20")
    cli("add", "Now", "--due", "today 18:00")
    cli("add", "Someday")
    rows = [line.split() for line in cli("list").out.splitlines()]
    assert rows[0] == ["ID", "P", "DUE", "LIST", "TITLE", "TAGS"]
    assert [row[0] for row in rows[1:]] == ["3", "4", "1", "2", "5"]
    assert rows[1][2:] == ["2026-11-20", "overdue", "Late"]
    assert rows[2][2:] == ["2026-11-23", "18:00", "today", "Now"]


def test_list_takes_a_filter_and_the_options_that_say_the_same(cli: Cli) -> None:
    cli("add", "Old", "--due", "2026-11-20", "--tag", "food")
    cli("done", cli.short("Call the bank"))
    milk, old, bank = "Buy milk", "Old", "Call the bank"
    for words, titles in {
        "": [milk, old],
        "+food": [milk, old],
        "-food": [],
        "not:food": [],
        "--tag food": [milk, old],
        "overdue": [old],
        "--due-before today": [old],
        "list:home": [milk],
        "--list home": [milk],
        "status:done": [bank],
        "--status done": [bank],
        "--all": [milk, bank, old],
        "status:all": [milk, bank, old],
        "milk or old": [milk, old],
        "--search oLd": [old],
        "priority:2 -text:bank": [milk],
    }.items():
        assert sorted(todo["title"] for todo in cli("list", *words.split(), "--json").json["todos"]) == titles, words


@pytest.mark.parametrize(
    ("sort", "titles"),
    [("due", ["b", "c", "a"]), ("title", ["a", "b", "c"]), ("priority", ["c", "b", "a"]), ("created", ["c", "b", "a"])],
)
def test_list_can_be_sorted_and_cut(cli: Cli, sort: str, titles: list[str]) -> None:
    cli("rm", MILK, BANK, "--yes")
    for words in (
        ["a"],
        ["b", "--due", "2026-12-01", "--priority", "3"],
        ["c", "--due", "2026-12-02", "--priority", "1"],
    ):
        cli.later(seconds=1)
        cli("add", *words)
    found = [todo["title"] for todo in cli("list", "--sort", sort, "--json").json["todos"]]
    assert found == titles
    assert len(cli("list", "-n", "2", "--json").json["todos"]) == 2


@pytest.mark.parametrize(
    "words", [["--all", "--status", "open"], ["foo:bar"], ["--due-before", "someday"], ["-n", "0"]]
)
def test_a_list_that_means_nothing_is_a_usage_error(cli: Cli, words: list[str]) -> None:
    result = cli("list", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)


def test_short_ids_stay_the_same_until_a_todo_is_gone(cli: Cli) -> None:
    cli("add", "third")
    before = {title: cli.short(title) for title in ("Buy milk", "Call the bank", "third")}
    cli("done", before["Call the bank"])
    cli("edit", before["Buy milk"], "--priority", "1", "--due", "2026-11-01")
    cli("sync")
    cli("add", "fourth")
    assert {title: cli.short(title) for title in before} == before
    assert cli.short("fourth") not in before.values()


@pytest.mark.parametrize("typed", [MILK, MILK.upper(), MILK[:25], "1"])
def test_a_number_a_whole_id_or_its_beginning_finds_the_todo(cli: Cli, typed: str) -> None:
    cli("list")
    if typed == MILK[:25]:
        cli("rm", BANK, "--yes")
    assert cli("show", typed, "--json").json["id"] == MILK


def test_an_ambiguous_beginning_and_an_unknown_id_name_candidates(cli: Cli) -> None:
    cli("list")
    ambiguous, unknown = cli("show", "0193a5b2"), cli("show", "99")
    assert (ambiguous.code, unknown.code) == (6, 5)
    for result in (ambiguous, unknown):
        assert "1 (Buy milk)" in result.err
        assert "2 (Call the bank)" in result.err
    assert cli("show", "0193", "--json").error["code"] == "ambiguous_id"


@pytest.mark.parametrize("command", ["show", "done", "rm", "edit"])
@pytest.mark.parametrize(
    ("typed", "code"), [("dddd", 5), ("zzzz", 6), ("abc", 6), ("", 6), ("../x", 6), ("buy milk", 6)]
)
def test_unknown_and_malformed_ids_change_nothing(cli: Cli, command: str, typed: str, code: int) -> None:
    result = cli(command, typed, *(["--title", "x"] if command == "edit" else []))
    assert (result.code, result.out) == (code, "")
    assert result.err.splitlines()[-1].startswith("todo: ")
    assert sorted(item["title"] for item in cli.world.live().values()) == ["Buy milk", "Call the bank"]


def test_edit_sends_what_is_given_and_clears_what_is_cleared(cli: Cli) -> None:
    words = ["--title", "x", "--clear-due", "--clear-tags", "--clear-recurrence", "--notes", "", "--priority", "1"]
    assert cli("edit", MILK, *words).code == 0
    served = cli.served("x")
    told = [served[name] for name in ("due", "tags", "recurrence", "notes", "priority", "list")]
    assert told == [None, [], None, "", 1, "home"]


@pytest.mark.parametrize(
    "words",
    [[], ["--if-version", "1"], ["--due", "today", "--clear-due"], ["--tag", "a", "--clear-tags"], ["--status", "x"]],
)
def test_an_edit_that_means_nothing_is_a_usage_error(cli: Cli, words: list[str]) -> None:
    assert cli("edit", MILK, *words).code == 2
    assert cli.served("Buy milk")["version"] == 1


def test_an_edit_that_somebody_overtook_is_a_conflict_and_changes_nothing(cli: Cli) -> None:
    cli("list")
    cli.other.replica.edit(MILK, title="Buy tea")
    cli.other.replica.sync()
    assert cli("edit", MILK, "--title", "x", "--if-version", "1").code == 6
    assert cli.served("Buy tea")["version"] == 2
    assert cli("edit", MILK, "--title", "x", "--if-version", "2").code == 0
    assert cli.served("x")["version"] == 3


def test_done_makes_the_next_occurrence_and_undo_takes_both_back_also_after_a_sync(cli: Cli) -> None:
    document = cli("done", MILK, "--json").json
    assert (document["status"], document["next"]["due"]) == ("done", "2026-12-08")
    assert sorted(item["status"] for item in cli.world.live().values()) == ["done", "open", "open"]
    assert cli("undo").out.splitlines()[0] == "undone: done"
    assert sorted(item["status"] for item in cli.world.live().values()) == ["open", "open"]
    cli("undo")
    assert cli("undo").code == 1
    assert "nothing to undo" in cli("undo").err


def test_a_removed_todo_comes_back_by_undo(cli: Cli) -> None:
    cli("rm", MILK, "--yes")
    assert MILK not in cli.world.live()
    assert "Buy milk" in cli("undo").out
    assert [item["title"] for item in cli.world.live().values()].count("Buy milk") == 1


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
    assert (MILK in cli.world.live()) is (code != 0)


@pytest.mark.parametrize("command", [["done"], ["rm"], ["edit", "--list", "new"]])
@pytest.mark.parametrize("words", [["1", "2"], ["status:open"], ["priority:2"]])
def test_many_are_asked_about_by_their_number_and_a_script_must_say_yes(
    cli: Cli, terminal: type[FakeTerminal], command: list[str], words: list[str]
) -> None:
    cli("list")
    before = {key: item["version"] for key, item in cli.world.live().items()}
    refused = cli(*command, *words)
    assert refused.code == 2
    assert "2 to-dos; add --yes" in refused.err
    cli.terminal = terminal(there=True, yes=False)
    assert cli(*command, *words).code == 130
    assert "2 to-dos?" in cli.terminal.asked[0]
    assert {key: item["version"] for key, item in cli.world.live().items()} == before
    cli.terminal = terminal(there=False)
    result = cli(*command, *words, "--yes", "--json")
    assert result.code == 0
    assert len(result.json["todos"]) == 2
    assert {key: item["version"] for key, item in cli.world.live().items()} != before
    cli("undo")  # many changes are one step
    fields = [{name: item[name] for name in ("title", "status", "list")} for item in cli.world.live().values()]
    assert sorted(map(str, fields)) == sorted(
        map(
            str,
            [
                {"title": "Buy milk", "status": "open", "list": "home"},
                {"title": "Call the bank", "status": "open", "list": ""},
            ],
        )
    )


def test_a_filter_that_nothing_fits_is_not_found(cli: Cli) -> None:
    result = cli("done", "+nobody", "--yes")
    assert (result.code, result.err) == (5, "todo: no open to-do fits +nobody\n")


def test_without_a_network_everything_goes_on_and_what_waits_is_said(cli: Cli) -> None:
    cli("list")
    cli.offline()
    added = cli("add", "Away")
    assert (added.code, added.out) == (0, "added 3  Away\n")
    assert added.err == "the service was not reached: 1 change waits here and will be sent; `todo sync` tries now\n"
    asked = len(cli.world.asked)
    assert "2 changes wait here" in cli("done", BANK).err
    assert len(cli.world.asked) == asked  # the network was just seen to be down
    assert [row.split()[-1] for row in cli("list").out.splitlines()[2:]] == ["Away"]
    sync = cli("sync")
    assert (sync.code, sync.out) == (7, "")
    assert "2 changes wait" in sync.err
    cli.online()
    assert cli("add", "Back").err == ""
    assert sorted(item["title"] for item in cli.world.live().values()) == ["Away", "Back", "Buy milk", "Call the bank"]
    assert cli("sync").out == "0 sent, 0 fetched; now at revision 5\n"


def test_a_new_device_without_a_network_says_so_instead_of_showing_nothing(cli: Cli) -> None:
    cli.offline()
    result = cli("list")
    assert (result.code, result.out) == (7, "")
    assert cli("add", "First").code == 0
    assert "First" in cli("list").out


def test_the_offline_switch_is_kept_and_turning_it_off_sends(cli: Cli) -> None:
    cli("list")
    assert cli("offline", "on").out == "offline is on\n"
    asked = len(cli.world.asked)
    assert cli("add", "Quiet").err == "offline: 1 change waits here; `todo offline off` sends them\n"
    assert cli("list").code == 0
    assert cli("sync").code == 7
    assert len(cli.world.asked) == asked
    assert cli("offline", "--json").json == {"offline": True}
    assert cli("offline", "off").code == 0
    assert cli.served("Quiet")["version"] == 1


def test_a_budget_of_nothing_never_syncs_by_itself(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TODO_SYNC_BUDGET_SECONDS", "0")
    assert cli("add", "Kept").code == 0
    assert cli.world.asked[1:] == []
    assert cli("sync").code == 0
    assert cli.served("Kept")
    monkeypatch.setenv("TODO_SYNC_BUDGET_SECONDS", "soon")
    assert (cli("list").code, cli("list").err.count("\n")) == (3, 1)


def test_reading_twice_asks_the_service_once(cli: Cli) -> None:
    cli("list")
    asked = len(cli.world.asked)
    cli("list")
    cli("search", "milk")
    assert len(cli.world.asked) == asked
    cli.later(minutes=1)
    cli("list")
    assert len(cli.world.asked) == asked + 1


def test_what_came_in_after_the_answer_is_said(cli: Cli) -> None:
    cli("list")
    cli.other.replica.add("From elsewhere")
    cli.other.replica.sync()
    cli.later(minutes=1)
    first = cli("list")
    assert "From elsewhere" not in first.out
    assert first.err == "1 more changed elsewhere and came in; look again\n"
    assert "From elsewhere" in cli("list").out


def test_a_conflict_is_told_and_kept(cli: Cli) -> None:
    cli.other.replica.list()
    cli.offline()
    cli("edit", MILK, "--title", "Buy tea")
    cli.later(seconds=5)
    cli.other.replica.edit(MILK, title="Buy coffee")
    cli.world.fault = lambda request: None
    cli.other.replica.sync()
    told = cli("sync").out.splitlines()
    assert told[0].startswith("conflict: ")
    assert "'Buy tea'" in told[0]
    assert "'Buy coffee'" in told[0]
    (conflict,) = cli("conflicts", "--json").json["conflicts"]
    assert {conflict["kept"], conflict["lost"]} == {"Buy tea", "Buy coffee"}
    assert "conflicts:" in cli("show", MILK).out
    assert len(cli("conflicts", MILK).out.splitlines()) == 2


def test_a_session_that_has_ended_loses_nothing_and_says_what_to_do(cli: Cli) -> None:
    def ended(budget_seconds: float | None = None) -> Any:
        raise NotSignedInError("the session has ended; run `todo login`")

    cli.client.replica.sync = ended  # type: ignore[method-assign]
    result = cli("add", "Kept")
    assert (result.code, result.out) == (0, "added 3  Kept\n")
    assert result.err == "not synced: the session has ended; run `todo login`\n"


def test_a_service_that_is_broken_loses_nothing_and_is_not_called_no_network(cli: Cli) -> None:
    cli.world.fault = lambda request: "500"
    result = cli("add", "Kept")
    assert result.code == 0
    assert result.err.startswith("not synced: ")
    assert cli.client.replica.stats().queued == 1


def test_search_tags_lists_and_stats(cli: Cli) -> None:
    assert [row.split()[0] for row in cli("search", "mil").out.splitlines()[1:]] == ["1"]
    assert cli("search", "nothing").err == "no to-do has these words\n"
    assert cli("tags", "--json").json == {"tags": {"food": 1, "shop": 1}}
    assert cli("lists").out.splitlines() == ["LIST    OPEN", "(none)  1", "home    1"]
    stats = cli("stats", "--json").json
    assert {name: stats[name] for name in ("open", "done", "overdue", "queued")} == {
        "open": 2,
        "done": 0,
        "overdue": 0,
        "queued": 0,
    }


def test_show_tells_what_was_changed_here(cli: Cli) -> None:
    cli("edit", MILK, "--priority", "1")
    lines = cli("show", MILK).out.splitlines()
    assert lines[0] == "short id      1"
    assert "recurrence    every week  (FREQ=WEEKLY)" in lines
    assert "  2026-11-23 12:00  edit: priority 2 → 1" in lines


def test_a_due_time_is_shown_in_the_persons_own_zone(cli: Cli) -> None:
    cli("edit", MILK, "--due", "2026-12-01T18:00:00+05:00")
    cli.now = cli.now.astimezone(timezone(timedelta(hours=1)))
    assert "2026-12-01 14:00" in cli("list").out
    assert cli("show", MILK, "--json").json["due"] == "2026-12-01T18:00:00+05:00"


def test_a_saved_filter_is_read_anew_each_time(cli: Cli, own_folders: Path) -> None:
    assert cli("filter", "save", "week", "+food", "due.by:in-10-days").code == 0
    assert [todo["id"] for todo in cli("list", "@week", "--json").json["todos"]] == [MILK]
    cli.now = datetime(2026, 11, 1, tzinfo=cli.now.tzinfo)
    assert cli("list", "@week", "--json").json["todos"] == []
    assert cli("filter", "save", "both", "@week", "or", "list:none").code == 0
    assert cli("filter", "ls", "--json").json["filters"]["week"] == "+food due.by:in-10-days"
    assert cli("filter", "rm", "@week").code == 0
    assert cli("list", "@both").code == 2
    assert cli("filter", "rm", "week").code == 5
    assert [path.name for path in (own_folders / "config").iterdir()] == ["cli.toml"]


@pytest.mark.parametrize("words", [["a b", "x"], ["ok", "foo:bar"], ["ok"]])
def test_a_filter_that_cannot_be_saved_is_a_usage_error(cli: Cli, own_folders: Path, words: list[str]) -> None:
    assert cli("filter", "save", *words).code == 2
    assert not (own_folders / "config").exists()


@pytest.mark.parametrize(
    "text", ["offline = 3", "filters = 1", "[filters]\na = 1", "sync = 0", "[sync]\nbudget_seconds = -1", "x ="]
)
def test_settings_that_cannot_be_read_are_said_with_their_file(cli: Cli, own_folders: Path, text: str) -> None:
    (own_folders / "config").mkdir()
    (own_folders / "config" / "cli.toml").write_text(text)
    result = cli("list")
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert "cli.toml" in result.err


def everything(cli: Cli) -> list[dict[str, Any]]:
    """What the service has, without what changes with every device."""
    names = ("title", "notes", "status", "priority", "due", "tags", "list", "recurrence", "attachments")
    return sorted(({name: item[name] for name in names} for item in cli.world.live().values()), key=str)


@pytest.mark.parametrize("ending", ["json", "csv", "txt", "ics"])
def test_what_was_exported_is_imported_by_another_device_and_twice_adds_nothing(
    cli: Cli, tmp_path: Path, ending: str
) -> None:
    file = str(tmp_path / f"to-dos.{ending}")
    assert cli("export", "-o", file).out == f"wrote 2 to-dos to {file}\n"
    before = everything(cli)
    assert cli("import", file).out.startswith("added 0, 2 already here")
    cli.client.phone.sign_in("bob")
    imported = cli("import", file, "--json").json
    assert (imported["added"], imported["already_here"]) == (2, 0)
    assert cli("import", file, "--json").json["added"] == 0
    bobs = [{name: item[name] for name in before[0]} for item in cli.world.live("bob").values()]
    if ending == "txt":
        before = [{**item, "notes": ""} for item in before]
    assert sorted(bobs, key=str) == sorted(before, key=str)


def test_what_a_format_cannot_hold_is_said(cli: Cli) -> None:
    result = cli("export", "-f", "todotxt")
    assert result.err == "todotxt cannot hold notes: left out of 1 to-do\n"
    assert len(result.out.splitlines()) == 2


def test_a_file_with_broken_lines_is_imported_not_at_all_or_without_them(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Good\nBad due:2026-02-30\nBad rrule:FREQ=NEVER due:2026-12-01\n")
    result = cli("import", str(file))
    assert (result.code, result.out, result.err.count("\n")) == (6, "", 1)
    assert "line 2: due:2026-02-30 is no date" in result.err
    assert "line 3: " in result.err
    assert len(cli.client.replica.list()) == 2
    left = cli("import", str(file), "--skip-invalid")
    assert (left.code, left.out) == (0, "added 1, 2 left out (todotxt)\n")
    assert sorted(item["title"] for item in cli.world.live().values()) == ["Buy milk", "Call the bank", "Good"]


def test_a_dry_run_changes_nothing_and_an_import_is_one_step_to_undo(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("title\none\ntwo\n")
    assert cli("import", str(file), "--dry-run").out == "would add 2 (csv)\n"
    assert len(cli.client.replica.list()) == 2
    cli("import", str(file))
    assert len(cli.client.replica.list()) == 4
    cli("undo")
    assert not {"one", "two"} & {todo.title for todo in cli.client.replica.list()}
    again = cli("import", str(file))
    assert again.out == "added 0, 2 removed before (csv)\n"
    assert "--again" in again.err
    assert cli("import", str(file), "--again").out == "added 2 (csv)\n"
    assert cli("import", str(file), "--again").out == "added 0, 2 already here (csv)\n"
    assert len(cli.world.live()) == 4


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [(None, 5, "there is no file"), (b"ok\n\xff\n", 6, "line 2: not UTF-8"), (b"BEGIN:VCALENDAR", 0, "")],
)
def test_a_file_that_cannot_be_read_is_one_line(
    cli: Cli, tmp_path: Path, content: bytes | None, code: int, says: str
) -> None:
    file = tmp_path / "a.any"
    if content is not None:
        file.write_bytes(content)
    result = cli("import", str(file))
    assert result.code == code
    assert says in result.err


def test_an_export_replaces_a_file_only_when_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("mine")
    assert cli("export", "-o", str(file)).code == 6
    assert file.read_text() == "mine"
    assert cli("export", "-o", str(file), "--force").code == 0
    assert cli("export", "-o", str(tmp_path / "no" / "a.json")).code == 1
    assert [path.name for path in tmp_path.glob("*a.json*")] == ["a.json"]
