"""The template as the control plane can take it."""

import hashlib
from typing import Any

import pytest

from todo_backend.local.provide import plan, resolved, without_provided

BUCKET = {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}


def template() -> dict[str, Any]:
    endpoint = {"Fn::GetAtt": ["Cache", "ClusterDiscoveryEndpointURL"]}
    return {
        "Resources": {
            "Cache": {"Type": "AWS::DAX::Cluster", "Properties": {"ClusterName": "todo"}, "DependsOn": "Rule"},
            "Rule": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {}},
            "Function": {
                "Type": "AWS::Lambda::Function",
                "DependsOn": ["Cache", "Policy"],
                "Properties": {
                    "Code": {"S3Bucket": BUCKET, "S3Key": "stale.zip"},
                    "Environment": {
                        "Variables": {
                            "TABLE_NAME": "t",
                            "DAX_ENDPOINT": {"Fn::Join": ["", ["daxs://", endpoint]]},
                            "DAX_TOO": {"Fn::Sub": "daxs://${Cache.ClusterDiscoveryEndpoint}"},
                        }
                    },
                },
            },
            "Layer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"Content": {"S3Bucket": BUCKET, "S3Key": "stale.zip"}},
            },
            "Policy": {
                "Type": "AWS::IAM::Policy",
                "DependsOn": "Cache",
                "Properties": {"Resource": {"Fn::GetAtt": ["Cache", "Arn"]}, "Name": {"Ref": "Cache"}},
            },
        },
        "Outputs": {"DaxEndpoint": {"Value": endpoint}, "TableName": {"Value": "t"}},
    }


def test_what_the_control_plane_does_not_know_is_taken_out() -> None:
    assert set(without_provided(template())["Resources"]) == {"Function", "Layer", "Policy"}


def test_the_lambda_and_clients_are_told_of_no_endpoint() -> None:
    found = without_provided(template())
    variables = found["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert variables == {"TABLE_NAME": "t"}
    assert set(found["Outputs"]) == {"TableName"}


def test_what_referred_to_it_gets_a_value() -> None:
    properties = without_provided(template())["Resources"]["Policy"]["Properties"]
    assert properties == {"Resource": "arn:aws:dax:us-east-1:000000000000:cache/todo", "Name": "todo"}


def test_nothing_waits_for_what_is_gone() -> None:
    resources = without_provided(template())["Resources"]
    assert resources["Function"]["DependsOn"] == ["Policy"]
    assert "DependsOn" not in resources["Policy"]


def test_the_given_template_is_not_changed() -> None:
    given = template()
    without_provided(given)
    assert given == template()


def test_assets_are_named_after_their_content() -> None:
    found = plan(template(), b"code", "c0de", b"dependencies")
    layer_key = f"{hashlib.sha256(b'dependencies').hexdigest()}.zip"
    assert {asset.key: asset.content for asset in found.assets} == {"c0de.zip": b"code", layer_key: b"dependencies"}
    assert {asset.bucket for asset in found.assets} == {"cdk-hnb659fds-assets-000000000000-us-east-1"}
    assert found.template["Resources"]["Function"]["Properties"]["Code"]["S3Key"] == "c0de.zip"
    assert found.template["Resources"]["Layer"]["Properties"]["Content"]["S3Key"] == layer_key


def test_the_digest_follows_the_template_and_the_code() -> None:
    digests = {
        plan(template(), b"code", "c0de", b"dependencies").digest,
        plan(template(), b"other", "0ther", b"dependencies").digest,
        plan(template(), b"code", "c0de", b"other").digest,
        plan(template() | {"Description": "changed"}, b"code", "c0de", b"dependencies").digest,
    }
    assert len(digests) == 4
    assert plan(template(), b"code", "c0de", b"dependencies").digest in digests


@pytest.mark.parametrize("value", [{"Fn::Sub": "${Other}-bucket"}, {"Ref": "Other"}, {"Fn::Join": ["", ["a"]]}])
def test_a_bucket_that_depends_on_more_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="fill in"):
        resolved(value)
