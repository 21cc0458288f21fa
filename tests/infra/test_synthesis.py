"""The template is made from its sources: the committed one is fresh, and the context switches do what they say."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from todo_backend import artifacts, bundle
from todo_backend.service.routes import ROUTES, Cache, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    Template = dict[str, Any]
    Synthesize = Callable[..., Template]

BACKEND = Path(__file__).parents[2] / "backend"

# One worker synthesizes: starting CDK's Node process costs seconds.
pytestmark = pytest.mark.xdist_group("synthesis")


def kinds(template: Template) -> set[str]:
    return {resource["Type"] for resource in template["Resources"].values()}


def properties(template: Template, kind: str) -> dict[str, Any]:
    [found] = [resource["Properties"] for resource in template["Resources"].values() if resource["Type"] == kind]
    return dict(found)


def test_the_packaged_template_is_fresh(synthesize: Synthesize, template: Template) -> None:
    assert synthesize() == template, (
        "backend/todo_backend/artifacts/template.json is older than its sources; run `make artifacts`"
    )


def test_the_packaged_template_is_written_as_the_tool_writes_it(synthesize: Synthesize, template: Template) -> None:
    synthesize()  # skips where CDK cannot run
    from todo_backend.infra.artifacts import TEMPLATE_FILE, rendered

    assert TEMPLATE_FILE.read_text(encoding="utf-8") == rendered(template)


def test_the_packaged_template_names_the_code_that_is_here(template: Template) -> None:
    # Needs no Node. The embedded stack puts the same zips under the same keys, so both are computed the same way.
    layer = hashlib.sha256(artifacts.dependencies_zip()).hexdigest()
    function = properties(template, "AWS::Lambda::Function")
    assert function["Code"]["S3Key"] == f"{bundle.code_hash()}.zip", "the Lambda code changed; run `make artifacts`"
    assert properties(template, "AWS::Lambda::LayerVersion")["Content"]["S3Key"] == f"{layer}.zip", (
        "the Lambda layer changed; run `make artifacts`"
    )
    assert function["Handler"] == bundle.HANDLER


def test_the_template_is_the_same_everywhere(template: Template) -> None:
    text = json.dumps(template)
    assert "AWS::CDK::Metadata" not in kinds(template)
    assert "aws:cdk:path" not in text
    assert "aws:asset:path" not in text
    assert str(Path.home()) not in text
    assert not re.search(r"\b\d{12}\b", text), "an account id"
    assert not re.search(r"\b(us|eu|ap)-[a-z]+-\d\b", text), "a region"


def test_without_dax_there_is_no_network_and_no_cluster(synthesize: Synthesize) -> None:
    template = synthesize(dax="false")
    assert not [kind for kind in kinds(template) if kind.startswith(("AWS::EC2::", "AWS::DAX::"))]
    assert "DaxEndpoint" not in template["Outputs"]
    function = properties(template, "AWS::Lambda::Function")
    assert "DAX_ENDPOINT" not in function["Environment"]["Variables"]
    assert "VpcConfig" not in function
    assert "dax:" not in json.dumps(template)


def test_without_the_api_cache_nothing_is_cached(synthesize: Synthesize) -> None:
    stage = properties(synthesize(api_cache="false"), "AWS::ApiGateway::Stage")
    assert not stage.get("CacheClusterEnabled")
    assert "CacheClusterSize" not in stage
    assert not [setting for setting in stage["MethodSettings"] if setting.get("CachingEnabled")]


def test_a_stage_for_trying_out_leaves_nothing_behind(synthesize: Synthesize) -> None:
    template = synthesize(stage="dev", dax="false")
    assert properties(template, "AWS::ApiGateway::Stage")["StageName"] == "dev"
    assert properties(template, "AWS::Lambda::Function")["Environment"]["Variables"]["STAGE"] == "dev"
    assert not properties(template, "AWS::DynamoDB::Table").get("DeletionProtectionEnabled")
    assert properties(template, "AWS::Cognito::UserPool").get("DeletionProtection") != "ACTIVE"
    data = ("AWS::Cognito::UserPool", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Logs::LogGroup")
    policies = {one["DeletionPolicy"] for one in template["Resources"].values() if one["Type"] in data}
    assert policies == {"Delete"}


def test_throttling_and_nodes_are_switches(synthesize: Synthesize) -> None:
    template = synthesize(throttle_rate="50", throttle_burst="20", dax_nodes="3")
    settings = properties(template, "AWS::ApiGateway::Stage")["MethodSettings"]
    assert {(one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]) for one in settings} == {(50, 20)}
    assert properties(template, "AWS::DAX::Cluster")["ReplicationFactor"] == 3


def with_route(name: str, **changes: Any) -> tuple[Route, ...]:
    """The routes, one of them changed."""
    return tuple(replace(route, **changes) if route.name == name else route for route in ROUTES)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("sync", {"body": {"type": "object"}}),
        ("get_snapshot", {"cache": Cache(3600, ("method.request.path.revision", "method.request.querystring.page"))}),
        ("get_todo", {"auth": False}),
    ],
)
def test_any_change_of_a_route_is_another_deployment(
    synthesize: Synthesize, name: str, changes: dict[str, Any]
) -> None:
    # AG-10: a stage goes on showing its deployment, so whatever it shows must be in the deployment's name.
    def deployment(template: Template) -> str:
        kind = "AWS::ApiGateway::Deployment"
        [found] = [name for name, one in template["Resources"].items() if one["Type"] == kind]
        return str(found)

    assert deployment(synthesize(routes=with_route(name, **changes), dax="false")) != deployment(
        synthesize(dax="false")
    )


def test_a_cache_key_without_the_caller_reaches_the_template(synthesize: Synthesize) -> None:
    # What the embedded stack is tested with: a deliberately broken app must break it visibly (AC-20).
    broken = with_route("get_snapshot", cache=Cache(60, ("method.request.path.revision",)))
    text = json.dumps(synthesize(routes=broken, dax="false"))
    assert '"CacheKeyParameters": ["method.request.path.revision"]' in text
    assert '"CacheTtlInSeconds": 60' in text


def test_the_app_runs_without_the_cdk_command_line(synthesize: Synthesize, tmp_path: Path) -> None:
    synthesize()  # skips where CDK cannot run
    assembly = run_app(tmp_path, CDK_OUTDIR=str(tmp_path), CDK_CONTEXT_JSON='{"stage":"dev","dax":"false"}')
    assert assembly.returncode == 0, assembly.stderr
    written = json.loads((tmp_path / "todo-dev.template.json").read_text())
    assert written == synthesize(stage="dev", dax="false")
    manifest = json.loads((tmp_path / "todo-dev.assets.json").read_text())
    names = {asset["source"]["path"] for asset in manifest["files"].values() if asset["source"]["packaging"] == "file"}
    assert {f"code.{bundle.code_hash()}.zip"} <= names
    assert all((tmp_path / name).is_file() for name in names)


def test_a_wrong_switch_is_one_line(synthesize: Synthesize, tmp_path: Path) -> None:
    synthesize()
    refused = run_app(tmp_path, CDK_OUTDIR=str(tmp_path), CDK_CONTEXT_JSON='{"dax":"maybe"}')
    assert refused.returncode == 2
    assert "error: dax must be true or false, not 'maybe'" in refused.stderr
    assert "Traceback" not in refused.stderr


def run_app(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run backend/app.py as cdk.json says, with the variables that the CDK command line sets."""
    _, script = json.loads((BACKEND / "cdk.json").read_text())["app"].split()
    return subprocess.run(
        [sys.executable, script],
        cwd=BACKEND,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
