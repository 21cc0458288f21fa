"""The life of an embedded stack: up, down, up again, and everything that can be in the way."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import NewUser, RunningStack, changed_stack, confirmed_user
from todo_backend import local
from todo_sdk import MemoryTokenStore, TodoClient, fetch_config

NOBODY = 65534


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose stack is stopped at the end."""
    place = tmp_path / "stack"
    yield place
    local.stop(place)


def resident_mebibytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def eventually(read: Callable[[], str], wanted: str) -> str:
    """What `read` gives once it holds `wanted`: a request's line is written when its answer has left."""
    deadline = time.monotonic() + 5
    while wanted not in (found := read()):
        assert time.monotonic() < deadline, f"{wanted} never came"
        time.sleep(0.01)
    return found


def test_the_outputs_are_the_contract(stack: RunningStack) -> None:
    names = (
        "Profile Region ApiUrl UserPoolId UserPoolClientId IdentityPoolId FilesBucket TableName DaxEndpoint EndpointUrl"
    )
    assert set(stack.outputs) == {*names.split(), "ConsoleUrl"}
    endpoint = stack.output("EndpointUrl")
    assert stack.output("ApiUrl").startswith(f"{endpoint}/_aws/execute-api/")
    assert stack.output("DaxEndpoint").startswith("daxs://127.0.0.1:")
    assert local.outputs(stack.data_dir) == stack.outputs


def test_a_client_learns_the_same_from_the_config_route(stack: RunningStack) -> None:
    config = requests.get(f"{stack.output('ApiUrl')}/v1/config", timeout=20).json()
    names = {"user_pool_id": "UserPoolId", "identity_pool_id": "IdentityPoolId", "files_bucket": "FilesBucket"}
    names |= {"user_pool_client_id": "UserPoolClientId", "endpoint_url": "EndpointUrl", "region": "Region"}
    assert {key: config[key] for key in names} == {key: stack.outputs[name] for key, name in names.items()}


def test_the_status_says_who_runs_it_and_how_dax_does(stack: RunningStack) -> None:
    status = local.status(stack.data_dir)
    assert status.running
    assert status.pid is not None
    assert status.outputs == stack.outputs
    assert status.dax.startswith(f"on ({stack.output('DaxEndpoint')}, 1 node, item cache ")
    assert status.versions["ministack"].startswith("1.5.")


def test_it_listens_on_loopback_only(stack: RunningStack) -> None:
    pid = local.status(stack.data_dir).pid
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    assert [address.partition(":")[0] for address in listening] == ["0100007F"] * 2  # the APIs and DAX


def test_it_starts_within_its_memory(tmp_path: Path) -> None:
    # a stack of its own: the shared one holds what all other tests have put into it
    local.start(local.StackOptions(tmp_path, port=0, ephemeral=True))
    try:
        pid = local.status(tmp_path).pid
        assert pid is not None
        assert resident_mebibytes(pid) < 250
    finally:
        local.stop(tmp_path)


def test_nobody_else_can_read_what_it_keeps(stack: RunningStack) -> None:
    places = [stack.data_dir, *stack.data_dir.rglob("*")]
    assert {"admin.json", "stack.json", "stack.lock"} <= {place.name for place in places}
    open_to_others = [place for place in places if stat.S_IMODE(place.stat().st_mode) & 0o077]
    assert open_to_others == []


def test_ministacks_own_switches_are_not_reachable(stack: RunningStack) -> None:
    endpoint = stack.output("EndpointUrl")
    assert requests.post(f"{endpoint}/_ministack/reset", timeout=20).status_code == 403
    assert requests.post(f"{endpoint}/_ministack/config", json={}, timeout=20).status_code == 403
    assert requests.get(f"{endpoint}/_ministack/health", timeout=20).status_code == 200


def test_the_trace_has_a_line_for_each_request_and_no_secret(
    stack: RunningStack, new_user: Callable[[], NewUser]
) -> None:
    user = new_user()
    requests.get(
        f"{stack.output('ApiUrl')}/v1/snapshots/4711?q=not-this", headers={"Authorization": "nor-this"}, timeout=20
    )
    text = eventually(lambda: (stack.data_dir / "requests.jsonl").read_text(), "/v1/snapshots/4711")
    records = [json.loads(line) for line in text.splitlines()]
    assert {("cognito-idp", "SignUp"), ("execute-api", None)} <= {(it["service"], it["operation"]) for it in records}
    assert [it["status"] for it in records if it["path"].endswith("/v1/snapshots/4711")] == [401]
    assert not [word for word in ("not-this", "nor-this", user.password, user.email) if word in text]


def test_the_lambdas_log_can_be_read(stack: RunningStack) -> None:
    requests.get(f"{stack.output('ApiUrl')}/v1/config", timeout=20)
    assert 0 < len(local.logs(stack.data_dir, lines=50)) <= 50
    lines = local.logs(stack.data_dir, lines=100_000)  # the config's first answer is cached: it may be long ago
    assert any('"get_config"' in line or "/v1/config" in line for line in lines)


def test_down_and_up_again_keeps_ids_users_and_files(data_dir: Path) -> None:
    first = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    user = confirmed_user(first)
    mails = local.inbox(data_dir)
    key = first.admin_credentials
    assert local.stop(data_dir)
    second = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    unchanged = [name for name in first.outputs if name not in ("ApiUrl", "EndpointUrl")]
    assert [second.outputs[name] for name in unchanged] == [first.outputs[name] for name in unchanged]
    assert second.admin_credentials == key
    assert local.inbox(data_dir) == mails
    login = {"ClientId": second.output("UserPoolClientId"), "Username": user.email}
    again = second.cognito("SignUp", **login, Password=user.password)
    assert again.json()["__type"] == "UsernameExistsException"
    assert requests.get(f"{second.output('ApiUrl')}/v1/config", timeout=20).status_code == 200


def test_a_session_survives_down_and_up(data_dir: Path) -> None:
    first = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    user, store = confirmed_user(first), MemoryTokenStore()
    client = TodoClient(fetch_config(first.output("ApiUrl")), store=store)
    client.auth.sign_in(*user)
    made = client.todos.add("Survive")
    assert local.stop(data_dir)
    second = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    again = TodoClient(fetch_config(second.output("ApiUrl")), store=store)
    assert again.todos.get(made.id) == made  # with the ID token of before
    again.auth.refresh()
    assert again.todos.get(made.id) == made
    assert TodoClient(fetch_config(second.output("ApiUrl")), store=MemoryTokenStore()).auth.sign_in(*user)


def test_an_ephemeral_stack_keeps_nothing_and_touches_nothing(data_dir: Path) -> None:
    kept = local.start(local.StackOptions(data_dir, port=0))
    local.stop(data_dir)
    before = {path: path.read_bytes() for path in data_dir.rglob("*.json")}
    passing = RunningStack(local.start(local.StackOptions(data_dir, port=0, ephemeral=True)), data_dir / "ephemeral")
    assert passing.outputs["UserPoolId"] != kept["UserPoolId"]
    confirmed_user(RunningStack(passing.outputs, data_dir))
    assert len(local.inbox(data_dir)) == 1
    local.stop(data_dir)
    assert {path: path.read_bytes() for path in data_dir.rglob("*.json")} == before
    assert not (data_dir / "ephemeral").exists()


def test_a_second_up_on_the_same_directory_is_told_who_runs_it(stack: RunningStack) -> None:
    status = local.status(stack.data_dir)
    for port in (0, status.port):
        with pytest.raises(local.AlreadyRunningError) as caught:
            local.start(local.StackOptions(stack.data_dir, port=port or 0))
        assert (caught.value.pid, caught.value.port) == (status.pid, status.port)
        assert str(status.pid) in str(caught.value)
        assert str(status.port) in str(caught.value)


def test_a_taken_port_is_told_before_anything_is_written(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(local.PortTakenError, match=str(port)):
            local.start(local.StackOptions(data_dir, port=port))
    assert not data_dir.exists()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(local.DataDirError, match="file"):
        local.start(local.StackOptions(tmp_path / "file" / "stack", port=0))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_directory_of_somebody_else_is_told(tmp_path: Path) -> None:
    place = tmp_path / "stack"
    tmp_path.chmod(0o700)
    code = (
        "import os, sys; from pathlib import Path; from todo_backend.local.datadir import DataDir\n"
        f"os.setuid({NOBODY})\n"
        f"try: DataDir(Path({str(place)!r})).prepare()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert told.startswith(f"DataDirError the data directory {place} cannot be used")


def test_a_template_that_is_refused_leaves_nothing_behind(data_dir: Path, tmp_path: Path) -> None:
    change = "template['Resources']['Odd'] = {'Type': 'AWS::Nothing::Known', 'Properties': {}}"
    refused = changed_stack(data_dir, tmp_path / "script.py", change)
    assert "AWS::Nothing::Known" in refused.report["error"]["message"]
    assert refused.stop() == 1
    assert not data_dir.exists()


def test_a_changed_template_updates_the_same_stack(data_dir: Path, tmp_path: Path) -> None:
    before = local.start(local.StackOptions(data_dir, port=0))
    local.stop(data_dir)
    digest = json.loads((data_dir / "deployment.json").read_text())["digest"]
    changed_stack(data_dir, tmp_path / "script.py", "template['Outputs']['Added'] = {'Value': 'yes'}").stop()
    deployment: dict[str, Any] = json.loads((data_dir / "deployment.json").read_text())
    assert deployment["digest"] != digest
    assert deployment["outputs"]["Added"] == "yes"
    assert deployment["outputs"]["UserPoolId"] == before["UserPoolId"]


def test_edited_lambda_code_is_deployed_before_anybody_synthesizes(data_dir: Path, tmp_path: Path) -> None:
    local.start(local.StackOptions(data_dir, port=0))
    local.stop(data_dir)
    change = "name = 'todo_backend/service/routes.py'\ncode[name] += '\\nraise RuntimeError\\n'"
    edited = changed_stack(data_dir, tmp_path / "script.py", change)
    try:
        assert requests.get(f"{edited.report['outputs']['ApiUrl']}/v1/config", timeout=20).status_code == 502
    finally:
        edited.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_stop_it_cleanly(data_dir: Path, number: signal.Signals) -> None:
    local.start(local.StackOptions(data_dir, port=0))
    pid = local.status(data_dir).pid
    assert pid is not None
    os.kill(pid, number)
    deadline = time.monotonic() + 20
    while local.status(data_dir).running:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not (data_dir / "stack.json").exists()


def test_in_the_foreground_the_callers_code_has_the_callers_environment(data_dir: Path, tmp_path: Path) -> None:
    script = tmp_path / "foreground.py"
    script.write_text(
        "import os, signal, sys; from pathlib import Path; from todo_backend import local\n"
        "def ready(outputs):\n"
        "    print(os.environ['TODO_CONFIG_DIR'], 'AWS_SECRET_ACCESS_KEY' in os.environ, outputs['Profile'])\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "local.serve(local.StackOptions(Path(sys.argv[1]), 0, profile='mine'), ready)\n"
        "print(os.environ['TODO_CONFIG_DIR'], 'AWS_SECRET_ACCESS_KEY' in os.environ)\n"
    )
    environment = {**os.environ, "TODO_CONFIG_DIR": "callers"}
    environment.pop("AWS_SECRET_ACCESS_KEY", None)
    told = subprocess.run(
        [sys.executable, str(script), str(data_dir)],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=True,
    )
    assert told.stdout.splitlines() == ["callers False mine", "callers False"]
    assert told.stderr == ""
    assert [place for place in data_dir.rglob("*") if stat.S_IMODE(place.stat().st_mode) & 0o077] == []


def test_no_temporary_file_outlives_it(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    started = local.start(local.StackOptions(data_dir, port=0))
    assert requests.get(f"{started['ApiUrl']}/v1/config", timeout=20).status_code == 200
    assert list((data_dir / "work").iterdir()) != []
    local.stop(data_dir)
    assert not (data_dir / "work").exists()
    assert list(elsewhere.iterdir()) == []


def test_stopping_what_does_not_run_says_so(tmp_path: Path) -> None:
    assert local.stop(tmp_path) is False
    assert local.status(tmp_path).running is False
    assert local.inbox(tmp_path) == []
    assert local.logs(tmp_path) == []
    with pytest.raises(local.NotRunningError):
        local.outputs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_callers_aws_settings_reach_neither_stack_nor_lambda(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = {"AWS_ACCESS_KEY_ID": "AKIAOFSOMEBODY", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_PROFILE": "work"}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    started = RunningStack(local.start(local.StackOptions(data_dir, port=0)), data_dir)
    config = requests.get(f"{started.output('ApiUrl')}/v1/config", timeout=20)
    assert config.status_code == 200
    assert config.json()["endpoint_url"] == started.output("EndpointUrl")
