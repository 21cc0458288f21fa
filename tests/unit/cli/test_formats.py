"""Import and export formats: round trips, foreign files, broken lines, the same file twice."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cli.conftest import a_todo
from todo_cli.formats import FORMATS, Broken, Item, Surroundings, format_of_file, format_of_text, load_format
from todo_cli.formats._item import ids_of

if TYPE_CHECKING:
    from todo_sdk import Todo

HERE = timezone(timedelta(hours=1))
AROUND = Surroundings(datetime(2026, 11, 23, 12, 0, tzinfo=HERE))
FIELDS = ("title", "notes", "status", "priority", "due", "tags", "list", "recurrence", "attachments")
EMPTY = {"notes": "", "status": "open", "priority": 4, "due": None, "tags": (), "list": "", "recurrence": None}
DEFAULTS: dict[str, Any] = {**EMPTY, "attachments": ()}

LINE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30)
# Words that mean something in one of the formats.
SPECIAL = [
    "+x",
    "@y",
    "due:2026-12-24",
    "rec:1w",
    "id:7",
    "pri:A",
    "x",
    "(A)",
    "2026-01-01",
    "\\+x",
    "\\x",
    "=1",
    "'=1",
]
TITLES = st.one_of(
    LINE.filter(lambda text: text.strip() != ""),
    st.lists(st.sampled_from([*SPECIAL, "word"]), min_size=1, max_size=5).map(" ".join),
)
TAGS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Z"), exclude_characters=","), min_size=1, max_size=8)
NOTES = st.lists(LINE, max_size=3).map("\n".join)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(HERE)).map(
    lambda moment: moment.replace(microsecond=0)
)
RULES = st.sampled_from(
    [
        None,
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=WEEKLY;BYDAY=MO,WE",
        "RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3",
    ]
)
DUES = st.one_of(st.none(), st.dates(date(2000, 1, 1), date(2090, 1, 1)), MOMENTS.filter(lambda m: m.time() != time()))
TODOS = st.builds(
    a_todo,
    id=st.integers(0, (1 << 62) - 1).map(
        lambda n: f"0193a5b2-7c1e-7000-{0x8000 | n >> 48:04x}-{n & (1 << 48) - 1:012x}"
    ),
    title=TITLES,
    notes=NOTES,
    status=st.sampled_from(["open", "done"]),
    priority=st.integers(1, 4),
    due=DUES,
    tags=st.lists(TAGS, max_size=3, unique=True).map(tuple),
    list=LINE,
    recurrence=RULES,
    attachments=st.lists(LINE.filter(bool), max_size=2).map(tuple),
    created_at=MOMENTS,
    completed_at=MOMENTS,
).map(lambda todo: todo if todo.status == "done" else replace(todo, completed_at=None))


def items(name: str, text: str) -> list[Item | Broken]:
    return list(load_format(name).read(text, AROUND))


def read(name: str, text: str) -> list[dict[str, Any]]:
    """The fields of each item, defaults filled in; none may be broken."""
    found = items(name, text)
    assert not [each for each in found if isinstance(each, Broken)]
    return [{**DEFAULTS, **each.fields} for each in found if isinstance(each, Item)]


def expected(todo: Todo, **changes: Any) -> dict[str, Any]:
    return {name: getattr(todo, name) for name in FIELDS} | changes


def one_line(text: str) -> str:
    return " ".join(text.split())


# The long run: TODO_TEST_EXAMPLES=2000 pytest tests/unit/cli/test_formats.py
EXAMPLES = int(os.environ.get("TODO_TEST_EXAMPLES", "25"))
QUICKLY = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@QUICKLY
@given(st.lists(TODOS, max_size=4, unique_by=lambda todo: todo.id))
@pytest.mark.parametrize("name", ["json", "csv", "taskwarrior"])
def test_what_was_written_is_read_again(name: str, todos: list[Todo]) -> None:
    text = load_format(name).write(todos, AROUND)
    without = {"attachments": ()} if name == "taskwarrior" else {}
    assert read(name, text) == [expected(todo, **without) for todo in todos]
    assert ids_of([item for item in items(name, text) if isinstance(item, Item)], name) == [todo.id for todo in todos]


@QUICKLY
@given(st.lists(TODOS, max_size=3, unique_by=lambda todo: todo.id))
def test_todo_txt_is_read_again_all_but_notes_and_attachments(todos: list[Todo]) -> None:
    todos = [replace(todo, list=todo.list.strip()) for todo in todos]
    text = load_format("todotxt").write(todos, AROUND)
    lost = {"notes": "", "attachments": ()}
    assert read("todotxt", text) == [expected(todo, title=one_line(todo.title), **lost) for todo in todos]
    for todo in todos:
        assert set(load_format("todotxt").leaves_out(todo)) == {name for name in lost if getattr(todo, name)}


@QUICKLY
@given(st.lists(TODOS, max_size=2, unique_by=lambda todo: todo.id))
def test_icalendar_is_read_again(todos: list[Todo]) -> None:
    text = load_format("ical").write(todos, AROUND)
    assert read("ical", text) == [expected(todo) for todo in todos]


@QUICKLY
@given(st.text(max_size=200))
@pytest.mark.parametrize("name", FORMATS)
def test_any_text_gives_items_and_broken_lines_and_no_failure(name: str, text: str) -> None:
    for prefix in ("", "[", '[{"description": 1}, ', "title,due\n", "BEGIN:VCALENDAR\nBEGIN:VTODO\n"):
        for each in items(name, prefix + text):
            assert each.line >= 1


def vtodo(*entries: str) -> str:
    """A calendar with these to-dos."""
    return "BEGIN:VCALENDAR\n" + "".join(f"BEGIN:VTODO\n{entry}\nEND:VTODO\n" for entry in entries)


# A file, and what is read of it.
FOREIGN = [
    (
        "todotxt",
        "(A) Thank mum +Family @phone",
        {"title": "Thank mum", "priority": 1, "list": "Family", "tags": ("phone",)},
    ),
    ("todotxt", "x 2026-11-23 2026-11-20 Call pri:B", {"title": "Call", "status": "done", "priority": 2}),
    (
        "todotxt",
        "(Z) 2026-11-20 Water rec:3d",
        {"title": "Water", "recurrence": "RRULE;X-FROM=COMPLETION:FREQ=DAILY;INTERVAL=3"},
    ),
    ("todotxt", "xylophone lesson http://a.b/c 10:30", {"title": "xylophone lesson http://a.b/c 10:30"}),
    ("csv", "Title,Extra\nBuy milk,9\n", {"title": "Buy milk"}),
    (
        "csv",
        '\ufefftitle,priority,tags\n"Buy ""oat"" milk",2,a b\n',
        {"title": 'Buy "oat" milk', "priority": 2, "tags": ("a", "b")},
    ),
    ("json", '{"title": "One", "due": "2026-12-24"}\n', {"title": "One", "due": date(2026, 12, 24)}),
    ("json", '{"todos": [{"title": "One", "unknown": 1}]}', {"title": "One"}),
    (
        "taskwarrior",
        '[{"description":"Call","status":"waiting","priority":"H","project":"home.x","due":"20261224T230000Z"}]',
        {"title": "Call", "priority": 1, "list": "home.x", "due": date(2026, 12, 25)},
    ),
    ("taskwarrior", '{"description":"Call","tags":"a,b"}', {"title": "Call", "tags": ("a", "b")}),
    (
        "ical",
        vtodo("SUMMARY:Call\\, then\n  write\nDUE;VALUE=DATE:20261224\nPRIORITY:3")
        + "BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n",
        {"title": "Call, then write", "due": date(2026, 12, 24), "priority": 1},
    ),
    (
        "ical",
        vtodo("SUMMARY:Call\nDUE:20261224T180000\nCATEGORIES:two words"),
        {"title": "Call", "due": datetime(2026, 12, 24, 18, tzinfo=HERE), "tags": ("two-words",)},
    ),
    (
        "ical",
        vtodo("SUMMARY:Call\nDUE;TZID=Europe/Berlin:20261224T180000\nSTATUS:COMPLETED"),
        {"title": "Call", "due": datetime(2026, 12, 24, 18, tzinfo=HERE), "status": "done"},
    ),
]


@pytest.mark.parametrize(("name", "text", "fields"), FOREIGN)
def test_files_of_other_programs_are_read(name: str, text: str, fields: dict[str, Any]) -> None:
    assert read(name, text) == [{**DEFAULTS, **fields}]


BROKEN = [
    ("json", '[\n{"title": "a"},\n{"title": 3},\n{"title": "b"}\n]', 3, "no title"),
    ("json", '[\n{"title": "a"},\n{"title" "b"}]', 3, "no JSON"),
    ("json", '[{"title": "a"}', 1, "not closed"),
    ("json", '[{"title": "a", "due": "2026-02-30"}]', 1, "is no date"),
    ("json", "[1]", 1, "is an object"),
    ("csv", "a,b\n1,2\n", 1, "title among them"),
    ("csv", "title,due\nok,\nbad,2026-02-30\n", 3, "is no date"),
    ("csv", 'title,notes\nok,"two\nlines"\n,x\n', 4, "no title"),
    ("csv", "title,priority\nok,high\n", 2, "is no number"),
    ("csv", "title\na,b\n", 2, "2 cells"),
    ("csv", 'title\n"open\n', 2, "unexpected end"),
    ("todotxt", "ok\n\nbad due:tomorrow\n", 3, "is no date"),
    ("todotxt", "bad rec:often", 1, "is no recurrence"),
    ("todotxt", "x 2026-11-23", 1, "no title"),
    ("ical", "title\n", 1, "is no iCalendar"),
    ("ical", vtodo("SUMMARY:a", "DUE:x\nSUMMARY:b"), 5, "cannot be read: Expected datetime"),
    ("ical", "BEGIN:VCALENDAR\nBEGIN:VTODO\nDUE;VALUE=DATE:20261224\nEND:VTODO\n", 2, "no SUMMARY"),
    ("ical", "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:a\n", 2, "not closed"),
    (
        "taskwarrior",
        '[\n{"description":"a","status":"pending"},\n{"description":"b","status":"odd"}]',
        3,
        "status 'odd'",
    ),
    ("taskwarrior", '[{"description":"a","due":"tomorrow"}]', 1, "is no date"),
    ("taskwarrior", '[{"status":"pending"}]', 1, "no description"),
]


@pytest.mark.parametrize(("name", "text", "line", "reason"), BROKEN)
def test_a_broken_line_is_named_by_its_number(name: str, text: str, line: int, reason: str) -> None:
    broken = [each for each in items(name, text) if isinstance(each, Broken)]
    assert [each.line for each in broken] == [line]
    assert reason in broken[0].reason


@pytest.mark.parametrize("name", ["json", "csv", "todotxt", "ical", "taskwarrior"])
def test_a_broken_line_leaves_the_lines_around_it_readable(name: str) -> None:
    write = load_format(name).write
    breaks = {
        "json": ('"Buy b"', "7"),
        "csv": ("Buy b", ""),
        "todotxt": ("Buy b", "rec:x"),
        "ical": ("SUMMARY:Buy b", "DUE:x"),
    }
    old, new = breaks.get(name, ('"Buy b"', "7"))
    todos = [a_todo(id=f"0193a5b2-7c1e-7000-8000-00000000000{n}", title=f"Buy {n}") for n in "abc"]
    found = items(name, write(todos, AROUND).replace(old, new))
    titles = [each.fields["title"] if isinstance(each, Item) else None for each in found]
    assert titles == ["Buy a", None, "Buy c"]


@pytest.mark.parametrize("cell", ["=1+1", "+49 30 1", "-x", "@cmd", "'=x", "''+", "'quoted'", "\t=1", "plain", "a=b"])
def test_no_cell_of_a_csv_is_a_formula_and_each_is_read_again(cell: str) -> None:
    text = load_format("csv").write([a_todo(title=cell, notes=cell)], AROUND)
    row = list(csv.reader(io.StringIO(text, newline="")))[1]
    assert not [each for each in row if each.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert read("csv", text)[0]["title"] == cell


def test_items_without_an_id_get_the_same_one_at_every_import() -> None:
    text = "Buy milk\nBuy milk\nBuy oats\n"
    first, second = ([each for each in items("todotxt", text) if isinstance(each, Item)] for _ in range(2))
    assert ids_of(first, "todotxt") == ids_of(second, "todotxt")
    assert len(set(ids_of(first, "todotxt"))) == 3
    assert ids_of(first[:1], "todotxt") != ids_of(first[2:], "todotxt")
    longer = [each for each in items("todotxt", text + "Buy beer\n") if isinstance(each, Item)]
    assert ids_of(longer, "todotxt")[:3] == ids_of(first, "todotxt")


def test_an_id_of_another_kind_becomes_one_of_ours_that_sorts_by_when_it_was_made() -> None:
    task = '{"uuid":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","description":"a","entry":"20261123T120000Z"}'
    (item,) = [each for each in items("taskwarrior", task) if isinstance(each, Item)]
    (made,) = ids_of([item], "taskwarrior")
    assert made[14] == "7"
    assert int(made.replace("-", "")[:12], 16) == int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000)


def test_of_a_recurring_task_the_next_instance_recurs_and_the_template_is_left_out() -> None:
    def task(uuid: str, **fields: str) -> dict[str, str]:
        return {"uuid": uuid, "description": uuid, "recur": "weekly", **fields}

    tasks = [
        task("template", status="recurring", due="20261101T000000Z"),
        task("later", status="pending", parent="template", due="20261208T100000Z"),
        task("next", status="pending", parent="template", due="20261201T100000Z"),
        task("past", status="completed", parent="template", due="20261124T100000Z"),
    ]
    found = {each["title"]: each["recurrence"] for each in read("taskwarrior", json.dumps(tasks))}
    assert found == {"later": None, "next": "FREQ=WEEKLY", "past": None}


@pytest.mark.parametrize(
    ("recur", "rule"),
    [
        ("3d", "FREQ=DAILY;INTERVAL=3"),
        ("P2W", "FREQ=WEEKLY;INTERVAL=2"),
        ("quarterly", "FREQ=MONTHLY;INTERVAL=3"),
        ("weekdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("sometimes", None),
    ],
)
def test_taskwarriors_recurrences_become_rules_or_are_told_as_lost(recur: str, rule: str | None) -> None:
    task = {
        "uuid": "u",
        "parent": "p",
        "description": "a",
        "status": "pending",
        "due": "20261201T100000Z",
        "recur": recur,
    }
    (item,) = items("taskwarrior", json.dumps([task]))
    assert isinstance(item, Item)
    assert item.fields.get("recurrence") == rule
    assert bool(item.losses) is (rule is None)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_known_by_its_files_ending_or_by_its_text(name: str) -> None:
    text = load_format(name).write([a_todo()], AROUND)
    assert format_of_text(text) == name
    assert format_of_text("\ufeff\n" + text) == name
    for ending in FORMATS[name][1]:
        assert format_of_file(f"a{ending.upper()}") == name
    assert format_of_file("a.doc") is None
