"""Running checks, on checks and a deployment that only pretend; the real ones are in integration and e2e."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from todo_cli.checks import junit
from todo_cli.checks.keys import signed_by
from todo_cli.checks.people import People
from todo_cli.checks.registry import Check, CheckFailedError, CheckSkippedError, all_checks, expect
from todo_cli.checks.runner import NEEDS_ALLOW_WRITE, Outcome, chosen, run
from todo_cli.checks.world import Deployment, World
from todo_sdk import Config, write_profile

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Cli


def passing(world: World) -> str:
    return "seen"


def failing(world: World) -> str:
    expect(False, "something else came")
    return "never"


def skipping(world: World) -> str:
    raise CheckSkippedError("not to be seen here")


def breaking(world: World) -> str:
    raise OSError("the wire\nis cut")


def a_check(name: str, how: Any = passing, *, writes: bool = True) -> Check:
    return Check(name, f"the promise of {name}", ("AG-01",), writes, how)


@pytest.fixture
def world(tmp_path: Path) -> World:
    deployment = Deployment(Config(api_url="https://example.com/prod", endpoint_url=None))
    return World(deployment, People(deployment, lambda: pytest.fail("nobody is to be confirmed"), tmp_path / "users"))


def outcomes(world: World, *checks: Check, may_write: bool = True) -> list[Outcome]:
    ticks = itertools.count()
    return list(run(checks, world, may_write=may_write, clock=lambda: float(next(ticks))))


def test_each_check_ends_with_what_was_seen_or_what_came_instead(world: World) -> None:
    found = outcomes(world, a_check("a"), a_check("b", failing), a_check("c", skipping), a_check("d", breaking))
    assert [(one.outcome, one.evidence) for one in found] == [
        ("passed", "seen"),
        ("failed", "something else came"),
        ("skipped", "not to be seen here"),
        ("failed", "OSError: the wire is cut"),
    ]
    assert {one.milliseconds for one in found} == {1000.0}


def test_without_leave_nothing_that_writes_is_run(world: World) -> None:
    found = outcomes(world, a_check("a", failing), a_check("b", writes=False), may_write=False)
    assert [(one.outcome, one.evidence) for one in found] == [("skipped", NEEDS_ALLOW_WRITE), ("passed", "seen")]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["api-a", "api-b", "todo-a"]),
        (["api"], ["api-a", "api-b"]),
        (["todo-a", "api-b"], ["api-b", "todo-a"]),
        (["*-a"], ["api-a", "todo-a"]),
    ],
)
def test_checks_are_chosen_by_name_by_area_and_by_pattern(words: list[str], names: list[str]) -> None:
    found = chosen([a_check("api-a"), a_check("api-b"), a_check("todo-a")], words)
    assert [one.name for one in found] == names


def test_a_word_that_names_no_check_is_told() -> None:
    with pytest.raises(LookupError, match="nothing"):
        chosen([a_check("api-a")], ["api-a", "nothing"])


def test_every_check_has_a_name_and_a_promise_of_its_own() -> None:
    checks = all_checks()
    assert len({one.name for one in checks}) == len({one.promise for one in checks}) == len(checks)
    assert all(one.promise[0].isupper() and not one.promise.endswith(".") for one in checks)


def test_the_junit_file_tells_the_same(world: World, tmp_path: Path) -> None:
    found = outcomes(world, a_check("api-a"), a_check("api-b", failing), a_check("todo-c", skipping))
    junit.write(tmp_path / "smoke.xml", found, ["x\x00 is still there"])
    suite = ElementTree.parse(tmp_path / "smoke.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "1")
    told = {(case.get("classname"), case.get("name")): [(e.tag, e.get("message")) for e in case] for case in suite}
    assert told == {
        ("smoke.api", "api-a"): [("system-out", None)],
        ("smoke.api", "api-b"): [("failure", "something else came")],
        ("smoke.todo", "todo-c"): [("skipped", "not to be seen here")],
        ("smoke.clean-up", "clean-up"): [("failure", "x\N{REPLACEMENT CHARACTER} is still there")],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.xml"]


def test_a_token_of_another_algorithm_or_key_is_not_signed() -> None:
    key = {"kid": "k", "n": "AQAB", "e": "AQAB"}
    assert not signed_by([key], "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.e30.AAAA")  # HS256, of k
    assert not signed_by([key], "eyJhbGciOiJSUzI1NiIsImtpZCI6Im90aGVyIn0.e30.AAAA")  # RS256, of another


class Pretending(Deployment):
    """A user pool that knows who was made and who was removed."""

    def __init__(self) -> None:
        super().__init__(Config(api_url="https://example.com/prod"))


class PretendingPeople(People):
    """People whose removal is written down, or refused."""

    removed: list[str]
    refused: str = ""

    def _remove(self, person: Any) -> None:
        if person.email == self.refused:
            raise CheckFailedError("refused")
        self.removed.append(person.email)


def people_in(file: Path) -> PretendingPeople:
    made = PretendingPeople(Pretending(), lambda: pytest.fail("not asked"), file)
    made.removed = []
    return made


def test_users_of_a_killed_run_are_removed_by_the_next_one(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    rows = [{"email": name, "password": "p", "api_url": f"https://{at}/prod"} for name, at in (("a", "example.com"),)]
    file.write_text(json.dumps(rows))
    people = people_in(file)
    assert people.remove_all() == []
    assert people.removed == ["a"]
    assert not file.exists()


def test_users_of_another_deployment_are_not_touched_and_not_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text(json.dumps([{"email": "b", "password": "p", "api_url": "https://other.example/prod"}]))
    people = people_in(file)
    assert people.remove_all() == []
    assert people.removed == []
    assert [row["email"] for row in json.loads(file.read_text())] == ["b"]


def test_who_could_not_be_removed_is_named_and_tried_again_next_time(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    rows = [{"email": name, "password": "p", "api_url": "https://example.com/prod"} for name in "ab"]
    file.write_text(json.dumps(rows))
    people = people_in(file)
    people.refused = "a"
    assert people.remove_all() == ["a could not be removed: CheckFailedError: refused"]
    assert people.removed == ["b"]
    assert [row["email"] for row in json.loads(file.read_text())] == ["a"]


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', "[{}]"])
def test_a_damaged_list_of_users_is_no_list(tmp_path: Path, content: str) -> None:
    file = tmp_path / "users.json"
    file.write_text(content)
    assert people_in(file).remove_all() == []


def test_the_checks_are_listed_without_a_deployment(cli: Cli) -> None:
    result = cli("smoke", "--list", "--only", "api-https", "--json")
    assert result.code == 0
    (found,) = result.json["checks"]
    assert found == {
        "name": "api-https",
        "area": "api",
        "promise": "The REST API has HTTPS endpoints; plain HTTP only on this machine",
        "statements": [],
        "writes": False,
    }


def test_a_check_that_does_not_exist_is_a_usage_error(cli: Cli) -> None:
    result = cli("smoke", "--only", "nothing")
    assert (result.code, result.out) == (2, "")
    assert "there is no check 'nothing'" in result.err


@pytest.mark.usefixtures("own_folders")
def test_an_embedded_stack_that_does_not_run_is_told(cli: Cli) -> None:
    values = ("region", "user_pool_id", "user_pool_client_id", "identity_pool_id", "files_bucket")
    here = "http://127.0.0.1:1"
    write_profile("local", {"api_url": f"{here}/api", "endpoint_url": here} | dict.fromkeys(values, "x"))
    cli.stack = type(
        "Stopped",
        (),
        {"default_data_dir": lambda self: Path("/x"), "status": lambda self, place: type("S", (), {"outputs": None})()},
    )()
    result = cli("smoke")
    assert result.code == 3
    assert "does not run on /x; give its --data-dir, or start it: todo up" in result.err


@pytest.mark.usefixtures("own_folders")
def test_a_deployed_stage_that_nobody_answers_at_fails_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    values = ("region", "user_pool_id", "user_pool_client_id", "identity_pool_id", "files_bucket")
    write_profile("prod", {"api_url": "https://127.0.0.1:1/prod"} | dict.fromkeys(values, "x"))
    result = cli("smoke", "--only", "api", "--json", "--junit", str(tmp_path / "smoke.xml"))
    assert result.code == 9
    assert (result.json["passed"], result.json["not_cleaned_up"]) == (0, [])
    told = {found["name"]: found["outcome"] for found in result.json["checks"]}
    assert told["api-https"] == "failed"
    assert told["api-refuses-access-token"] == "skipped"
    assert (tmp_path / "smoke.xml").exists()


@pytest.mark.usefixtures("own_folders")
def test_a_folder_for_the_junit_file_that_is_missing_is_told_before_anything_is_run(cli: Cli) -> None:
    values = ("region", "user_pool_id", "user_pool_client_id", "identity_pool_id", "files_bucket")
    write_profile("prod", {"api_url": "https://127.0.0.1:1/prod"} | dict.fromkeys(values, "x"))
    result = cli("smoke", "--junit", "/no/such/folder/smoke.xml")
    assert result.code == 2
    assert "there is no such folder" in result.err
