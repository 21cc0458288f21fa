"""`todo backend …` as functions: what they ask of the CDK command line, and what they say when something is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from todo_backend.infra import commands
from todo_backend.infra.errors import (
    ConfigError,
    MissingExtraError,
    MissingToolError,
    NotDeployedError,
    SettingsError,
    StackError,
)
from todo_backend.infra.settings import Settings, read_settings, settings_of, stack_name

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the pretended programs are shell scripts")


class Machine:
    """A PATH with nothing on it but what a test puts there; each program writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, says: str = "", status: int = 0) -> None:
        log = self.folder / f"{name}.log"
        lines = ["#!/bin/sh", f'pwd > "{log}"', f'for word in "$@"; do echo "$word" >> "{log}"; done', f'echo "{says}"']
        script = "\n".join([*lines, f"exit {status}", ""])
        (self.folder / name).write_text(script)
        (self.folder / name).chmod(0o755)

    def call(self, name: str) -> list[str]:
        """The words of the last call, without the folder."""
        return (self.folder / f"{name}.log").read_text().splitlines()[1:]

    def working_folder(self, name: str) -> Path:
        return Path((self.folder / f"{name}.log").read_text().splitlines()[0])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    if find_spec("aws_cdk") is None:
        pytest.skip("the extra `backend` is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = Machine(tmp_path)
    found.install("node", says="v22.1.0")
    return found


def test_deploy_runs_the_app_of_this_package_for_this_stage(machine: Machine) -> None:
    machine.install("cdk")
    answer = commands.deploy({"stage": "dev", "dax": "false"})
    words = machine.call("cdk")
    assert words[:4] == ["deploy", "--require-approval", "never", "todo-dev"]
    assert words[words.index("--app") + 1] == f"{sys.executable} -m todo_backend.infra"
    assert words[-4:] == ["--context", "stage=dev", "--context", "dax=false"]
    assert "todo-dev is deployed" in answer


def test_what_cdk_writes_lands_neither_here_nor_in_site_packages(machine: Machine) -> None:
    machine.install("cdk")
    commands.diff({})
    words = machine.call("cdk")
    out = Path(words[words.index("--output") + 1])
    assert not out.exists()  # it was a temporary folder
    assert machine.working_folder("cdk") not in (Path.cwd(), *Path(commands.__file__).parents)


def test_what_cdk_writes_can_be_kept(machine: Machine, tmp_path: Path) -> None:
    machine.install("cdk")
    commands.deploy({}, output_dir=tmp_path / "kept")
    words = machine.call("cdk")
    assert words[words.index("--output") + 1] == str(tmp_path / "kept")


def test_without_cdk_npx_fetches_it(machine: Machine) -> None:
    machine.install("npx", says="a difference")
    assert commands.diff({}) == "a difference"
    assert machine.call("npx")[:4] == ["--yes", "aws-cdk@2", "diff", "todo-prod"]


def test_destroy_does_not_ask_a_second_time(machine: Machine) -> None:
    machine.install("cdk")
    assert commands.destroy({"stage": "dev"}) == "todo-dev is removed"
    assert machine.call("cdk")[:3] == ["destroy", "--force", "todo-dev"]


def test_a_failing_cdk_is_one_sentence(machine: Machine) -> None:
    machine.install("cdk", status=1)
    with pytest.raises(StackError, match="`cdk deploy` failed with status 1"):
        commands.deploy({})


@pytest.mark.parametrize("command", [commands.synth, commands.diff, commands.deploy, commands.destroy])
@pytest.mark.parametrize(("says", "sentence"), [("v18.20.0", "is v18.20.0"), ("", "does not say its version")])
def test_an_old_node_is_named(machine: Machine, command: Any, says: str, sentence: str) -> None:
    machine.install("cdk")
    machine.install("node", says=says)
    with pytest.raises(MissingToolError, match=f"Node 20 or newer is needed, .*{sentence}"):
        command({})


def test_a_missing_node_is_named(machine: Machine) -> None:
    (machine.folder / "node").unlink()
    with pytest.raises(MissingToolError, match="there is no `node`"):
        commands.diff({})


def test_a_missing_cdk_is_named(machine: Machine) -> None:
    with pytest.raises(MissingToolError, match="npm install -g aws-cdk"):
        commands.diff({})


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    # A Python without site-packages: the module itself must import there.
    program = """
from todo_backend.infra import commands
try:
    commands.synth({})
except commands.MissingExtraError as error:
    print(error)
"""
    backend = Path(commands.__file__).parents[2]
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=backend, capture_output=True, text=True, check=False
    )
    assert answer.stdout.strip() == "this needs the extra `backend`: pip install 'todo-sdk[backend]'", answer.stderr


@pytest.mark.parametrize("error", [MissingExtraError, MissingToolError, SettingsError])
def test_what_is_missing_on_this_side_is_a_configuration_error(error: type[Exception]) -> None:
    assert issubclass(error, ConfigError)
    assert issubclass(error, StackError)


def test_a_switch_that_does_not_exist_is_refused_before_anything_runs(machine: Machine) -> None:
    machine.install("cdk")
    with pytest.raises(SettingsError, match="no context switch 'dxa'; there are stage, dax"):
        commands.deploy({"dxa": "false"})
    assert not (machine.folder / "cdk.log").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage", ""),
        ("stage", "a_b"),
        ("stage", "a-b"),
        ("stage", "1st"),
        ("stage", "x" * 31),
        ("dax", "maybe"),
        ("api_cache", "1"),
        ("throttle_rate", "0"),
        ("throttle_rate", "ten"),
        ("throttle_rate", "٣"),
        ("throttle_burst", "5001"),
        ("dax_nodes", "12"),
    ],
)
def test_a_value_that_cannot_be_deployed_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings_of({name: value})


def test_switches_come_as_text_or_as_json() -> None:
    assert read_settings({"dax": False, "throttle_rate": 10}.get) == Settings(dax=False, throttle_rate=10)
    assert settings_of({"dax": "False", "throttle_rate": "10"}) == Settings(dax=False, throttle_rate=10)
    assert settings_of({}) == Settings(stage="prod", dax=True, api_cache=True)


def test_only_the_stage_with_real_users_keeps_its_data() -> None:
    assert Settings().keeps_data
    assert not Settings(stage="dev").keeps_data
    assert stack_name("dev") == "todo-dev"


@pytest.fixture
def cloudformation() -> Any:
    return boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )


def test_outputs_have_the_keys_of_the_embedded_stack(cloudformation: Any) -> None:
    described = {
        "StackName": "todo-dev",
        "CreationTime": "2026-11-23T12:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [
            {"OutputKey": "Region", "OutputValue": "eu-west-1"},
            {"OutputKey": "ApiUrl", "OutputValue": "https://x.execute-api.eu-west-1.amazonaws.com/dev"},
        ],
    }
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": "todo-dev"})
        found = commands.outputs({"stage": "dev", "dax": "false"}, cloudformation=cloudformation)
    assert list(found) == [
        "Profile",
        "Region",
        "ApiUrl",
        "UserPoolId",
        "UserPoolClientId",
        "IdentityPoolId",
        "FilesBucket",
        "TableName",
        "DaxEndpoint",
        "EndpointUrl",
        "ConsoleUrl",
    ]
    assert (found["Profile"], found["Region"], found["DaxEndpoint"]) == ("dev", "eu-west-1", None)


def test_outputs_of_a_stage_that_is_not_deployed_say_how_to_deploy_it(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stub:
        stub.add_client_error("describe_stacks", "ValidationError", "Stack with id todo-prod does not exist")
        with pytest.raises(NotDeployedError, match=r"no stack todo-prod .* `todo backend deploy`"):
            commands.outputs({}, cloudformation=cloudformation)


def test_outputs_repeat_what_aws_says(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stub:
        stub.add_client_error("describe_stacks", "AccessDenied", "not authorized to perform DescribeStacks")
        with pytest.raises(StackError, match="CloudFormation refused: not authorized"):
            commands.outputs({}, cloudformation=cloudformation)


def test_outputs_without_credentials_are_one_sentence() -> None:
    class NoCredentials:
        def describe_stacks(self, **_: str) -> None:
            raise NoCredentialsError

    with pytest.raises(StackError, match="AWS could not be asked: Unable to locate credentials"):
        commands.outputs({}, cloudformation=NoCredentials())


@pytest.mark.skipif(find_spec("aws_cdk") is None, reason="the extra `backend` is not installed")
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on the PATH")
@pytest.mark.xdist_group("synthesis")
def test_synth_prints_the_template() -> None:
    text = commands.synth({"stage": "dev", "dax": "false"})
    assert '"Description": "MyTodoList, stage dev"' in text
