"""The small decisions of the embedded stack's layers."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from todo_backend import local
from todo_backend.local import environment
from todo_backend.local.control import AdminCredentials
from todo_backend.local.datadir import DataDir
from todo_backend.local.deploy import client_outputs
from todo_backend.local.process import described, revived
from todo_backend.local.signature import Signer, canonical_query


@pytest.mark.parametrize(
    ("service", "path", "query"),
    [
        ("s3", "/bucket/a%3Ab/c%20d", ""),
        ("apigateway", "/restapis/x%20y", "limit=500&embed=methods"),
        ("lambda", "/functions/f", "b=2&a=x%2Fy&a=%C3%A9&empty="),
        ("iam", "/", ""),
    ],
)
def test_signatures_are_botocores(service: str, path: str, query: str) -> None:
    body = b"Action=ListRoles"
    headers = {"host": "127.0.0.1:4566", "content-type": "text/plain"}
    at = datetime.now(UTC)
    ours = Signer("AKIAEXAMPLE", "secret", service, "us-east-1").headers("POST", path, headers, body, at, query)
    address = f"http://127.0.0.1:4566{path}" + (f"?{query}" if query else "")
    request = AWSRequest("POST", address, headers=dict(headers), data=body)
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    request.context["timestamp"] = ours["x-amz-date"]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials("AKIAEXAMPLE", "secret"), service, "us-east-1")
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    assert ours["authorization"].endswith(f"Signature={signature}")


def test_a_query_is_signed_in_one_order_and_one_encoding() -> None:
    assert canonical_query("b=1&a=~%7e&a=%2f&c=1+2&d") == "a=%2F&a=~~&b=1&c=1%2B2&d="


def test_the_secret_is_in_no_repr() -> None:
    assert "secret" not in repr(Signer("AKIAEXAMPLE", "secret", "s3", "us-east-1"))
    assert "hidden" not in repr(AdminCredentials("AKIAEXAMPLE", "hidden"))


@pytest.mark.parametrize(
    "name",
    ["AWS_PROFILE", "TODO_PROFILE", "PYTHONPATH", "LOCALSTACK_HOSTNAME", "DAX_ENDPOINT", "SSL_CERT_FILE", "AUTH"],
)
def test_the_callers_settings_do_not_reach_the_stack(name: str) -> None:
    assert environment.is_foreign(name)


@pytest.mark.parametrize("name", ["PATH", "HOME", "HTTPS_PROXY", "LANG"])
def test_what_the_system_needs_stays(name: str) -> None:
    assert not environment.is_foreign(name)


def test_the_callers_environment_is_there_for_the_callers_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TODO_CONFIG_DIR", "mine")
    before = dict(os.environ)
    with environment.of_our_own():
        taken = environment.prepare(DataDir(tmp_path), AdminCredentials("AKIAEXAMPLE", "hidden"), 4566)
        assert "TODO_CONFIG_DIR" not in os.environ
        assert os.environ["AUTH"] == "true"
        with environment.callers(taken):
            assert os.environ["TODO_CONFIG_DIR"] == "mine"
            assert "hidden" not in os.environ.values()
        assert os.environ["AWS_SECRET_ACCESS_KEY"] == "hidden"
    assert dict(os.environ) == before


def test_an_ephemeral_stack_is_told_to_keep_nothing(tmp_path: Path) -> None:
    key = AdminCredentials("AKIAEXAMPLE", "hidden")
    assert "PERSIST_STATE" not in environment.settings(DataDir(tmp_path, ephemeral=True), key, 1)
    assert environment.settings(DataDir(tmp_path), key, 1)["PERSIST_STATE"] == "1"


def scope(path: str = "/", **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "headers": pairs}


def test_the_api_url_is_this_machines() -> None:
    deployed = {"ApiUrl": "https://abcd1234.execute-api.us-east-1.amazonaws.com/prod/", "UserPoolId": "pool"}
    found = client_outputs(deployed, 4567, "mine")
    assert found["ApiUrl"] == "http://127.0.0.1:4567/_aws/execute-api/abcd1234/prod"
    assert (found["Profile"], found["UserPoolId"], found["DaxEndpoint"]) == ("mine", "pool", None)


@pytest.mark.parametrize(
    "error",
    [
        local.PortTakenError(4566),
        local.AlreadyRunningError(12, 4566),
        local.AlreadyRunningError(None, None),
        local.MissingExtraError("ministack"),
        local.DataDirError("not this one"),
        local.DeploymentError("no"),
        local.StackError("else"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_between_processes(error: local.StackError) -> None:
    again = revived(json.loads(json.dumps(described(error))))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_missing_extra_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(local.MissingExtraError, match=r'pip install "todo-sdk\[local\]"'):
        local.start(local.StackOptions(tmp_path / "stack"))
    assert not (tmp_path / "stack").exists()


def test_the_default_directory_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TODO_STACK_DIR", "/chosen")
    assert local.default_data_dir() == Path("/chosen")
    monkeypatch.delenv("TODO_STACK_DIR")
    assert local.default_data_dir().parts[-2:] == ("todo", "stack")
