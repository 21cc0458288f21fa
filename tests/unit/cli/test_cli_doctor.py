"""The doctor: each thing that may be wrong is found, with a remedy, and hides nothing that depends on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import responses

from todo_sdk import NotSignedInError, ReplicaError, write_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Cli

URL = "http://127.0.0.1:4566/api"
SETTINGS = {
    "region": "us-east-1",
    "user_pool_id": "pool",
    "user_pool_client_id": "client",
    "identity_pool_id": "identities",
    "files_bucket": "files",
}
LOOKS = ["versions", "configuration", "files", "endpoint", "clock", "sign-in", "replica", "folder"]


@pytest.fixture(autouse=True)
def profile(own_folders: Path) -> None:
    write_profile("local", {"api_url": URL, **SETTINGS})


@pytest.fixture(autouse=True)
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield wire


def answers(api: responses.RequestsMock, *, ahead: float = 0, **changed: Any) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead), usegmt=True)
    api.get(f"{URL}/v1/config", json={"api_version": 1, **SETTINGS, **changed}, headers={"Date": date})


def healthy(cli: Cli) -> None:
    cli.client.config.files_bucket = "files"
    cli.client.auth.identity_id = lambda: "us-east-1:me"  # type: ignore[attr-defined]


def states(cli: Cli) -> dict[str, tuple[str, str, str]]:
    result = cli("doctor", "--json")
    found = {one["name"]: (one["state"], one["found"], one["remedy"]) for one in result.json["findings"]}
    assert list(found) == LOOKS
    assert result.code == (9 if "failed" in [state for state, _, _ in found.values()] else 0)
    return found


def test_all_is_well(cli: Cli, api: responses.RequestsMock) -> None:
    answers(api)
    healthy(cli)
    found = states(cli)
    assert {state for state, _, _ in found.values()} == {"ok"}
    assert {remedy for _, _, remedy in found.values()} == {""}
    assert found["folder"][1] == "s3://files/us-east-1:me/"


def test_an_api_that_is_not_there_is_told_once(cli: Cli, api: responses.RequestsMock) -> None:
    found = states(cli)
    assert found["endpoint"][0] == "failed"
    assert found["endpoint"][1] == f"no API at {URL} (ConnectionError)"
    assert "todo up" in found["endpoint"][2]
    assert [found[name][:2] for name in ("clock", "sign-in", "folder")] == [
        ("skipped", "first: endpoint"),
        ("skipped", "first: endpoint"),
        ("skipped", "first: sign-in"),
    ]


def test_an_address_that_is_no_such_api_is_told(cli: Cli, api: responses.RequestsMock) -> None:
    api.get(f"{URL}/v1/config", status=403)
    assert states(cli)["endpoint"][1] == f"no API at {URL} (403)"


def test_a_profile_of_an_earlier_deployment_is_told(cli: Cli, api: responses.RequestsMock) -> None:
    answers(api, user_pool_id="another")
    state, found, remedy = states(cli)["endpoint"]
    assert (state, found) == ("failed", "the profile's user_pool_id is not the API's: it was deployed anew")
    assert remedy == f"todo configure --api-url {URL} --name local"


@pytest.mark.parametrize(
    ("ahead", "state", "word"),
    [(0, "ok", "right"), (10, "ok", "ahead"), (-60, "warning", "behind"), (2000, "failed", "ahead: S3 refuses")],
)
def test_a_clock_that_is_wrong_is_told(
    cli: Cli, api: responses.RequestsMock, ahead: float, state: str, word: str
) -> None:
    answers(api, ahead=ahead)
    healthy(cli)
    found = states(cli)["clock"]
    assert found[0] == state
    assert word in found[1]
    assert bool(found[2]) == (state != "ok")


def test_a_missing_profile_is_told_and_the_rest_waits(cli: Cli) -> None:
    result = cli("doctor", "--profile", "work", "--json")
    found = {one["name"]: one for one in result.json["findings"]}
    assert result.code == 9
    assert found["configuration"]["found"].startswith("there is no profile 'work'")
    assert found["configuration"]["remedy"] == "todo up, or: todo configure --api-url URL"
    assert found["files"]["found"] == "first: configuration"


def test_nobody_signed_in_is_told(cli: Cli, api: responses.RequestsMock) -> None:
    answers(api)
    cli.client.auth.signed_in = False
    found = states(cli)
    assert (found["sign-in"][0], found["sign-in"][2]) == ("failed", "todo login EMAIL")
    assert found["folder"][0] == "skipped"


def test_a_session_that_was_ended_elsewhere_is_found_by_asking(
    cli: Cli, api: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(api)

    def ended(**filters: Any) -> Any:
        raise NotSignedInError("the session has ended; run `todo login`")

    monkeypatch.setattr(cli.client.todos, "list", ended)
    assert states(cli)["sign-in"][:2] == ("failed", "the session has ended; run `todo login`")


def test_a_session_file_that_others_can_read_is_told(cli: Cli, api: responses.RequestsMock, own_folders: Path) -> None:
    answers(api)
    healthy(cli)
    file = own_folders / "data" / "sessions" / "local.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    file.chmod(0o644)
    state, found, remedy = states(cli)["files"]
    assert (state, found) == ("failed", f"{file} can be read by others")
    assert remedy.startswith(f"chmod go= '{file}'")


def test_for_people_it_is_a_table_and_the_remedies(cli: Cli) -> None:
    result = cli("doctor")
    assert result.out.splitlines()[0].split() == ["STATE", "WHAT", "FOUND"]
    assert "endpoint: is the network there" in result.err


def test_what_waits_in_the_replica_is_counted(cli: Cli, api: responses.RequestsMock) -> None:
    answers(api)
    healthy(cli)
    cli.client.replica.add("not sent yet")
    state, found, remedy = states(cli)["replica"]
    assert (state, remedy) == ("ok", "")
    assert "1 changes wait to be sent" in found


def test_a_replica_that_cannot_be_used_is_told(
    cli: Cli, api: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(api)
    healthy(cli)

    def unusable(self: object) -> None:
        raise ReplicaError("the replica is of a newer todo; update this one", reason="newer")

    monkeypatch.setattr(type(cli.client), "replica", property(unusable))
    state, found, remedy = states(cli)["replica"]
    assert (state, found) == ("failed", "the replica is of a newer todo; update this one")
    assert remedy
