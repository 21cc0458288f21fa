"""The uses that the journal makes of MiniStack's own modules: every way to change something is there after `kill -9`.

A failure here means that MiniStack now has a write that does not end in the functions the journal stands before
(`dynamodb._set_item`, `_remove_item`, `_items_replaced`, `s3._atomic_write`, `sts.register_session`), or that it tells
and takes its state in another way (`app._build_persistence_save_dict`, `get_state`, `load_persisted_state`).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import RunningStack
from tests.integration.test_journal_full_disk import REGION, TRUST, aws, code
from tests.integration.test_journal_kill import kill, started
from todo_backend import local

Aws = Callable[[str], Any]
LAST_ROLE = "last-role"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]})


def key(name: str) -> dict[str, Any]:
    return {"k": {"S": name}}


def make_table(name: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


def write_items(client: Aws) -> None:
    """Each of DynamoDB's operations that changes an item."""
    db = client("dynamodb")
    db.create_table(**make_table("items"))
    for name in ("put", "updated", "deleted", "batch-deleted", "partiql", "partiql-deleted", "kept"):
        db.put_item(
            TableName="items", Item=key(name) | {"n": {"N": "1"}, "__bytes__": {"M": {"__scoped__": {"S": "x"}}}}
        )
    db.update_item(
        TableName="items",
        Key=key("updated"),
        UpdateExpression="SET n = n + :one, b = :b",
        ExpressionAttributeValues={":one": {"N": "1"}, ":b": {"B": b"\x00\xff"}},
    )
    db.update_item(TableName="items", Key=key("made-by-update"), UpdateExpression="REMOVE x")
    db.delete_item(TableName="items", Key=key("deleted"))
    requests = [{"PutRequest": {"Item": key("batch")}}, {"DeleteRequest": {"Key": key("batch-deleted")}}]
    db.batch_write_item(RequestItems={"items": requests})
    db.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "items", "Item": key("transaction")}},
            {"Update": {"TableName": "items", "Key": key("kept"), "UpdateExpression": "SET t = n"}},
        ]
    )
    with pytest.raises(ClientError):
        db.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "items", "Item": key("never")}},
                {
                    "ConditionCheck": {
                        "TableName": "items",
                        "Key": key("kept"),
                        "ConditionExpression": "attribute_not_exists(k)",
                    }
                },
            ]
        )
    db.execute_statement(Statement="INSERT INTO items VALUE {'k': 'inserted'}")
    db.execute_statement(Statement="UPDATE items SET n = 5 WHERE k = 'partiql'")
    db.batch_execute_statement(Statements=[{"Statement": "DELETE FROM items WHERE k = 'partiql-deleted'"}])
    db.execute_transaction(TransactStatements=[{"Statement": "INSERT INTO items VALUE {'k': 'in-transaction'}"}])
    with pytest.raises(ClientError):
        db.execute_transaction(
            TransactStatements=[
                {"Statement": "INSERT INTO items VALUE {'k': 'rolled-back'}"},
                {"Statement": "UPDATE items SET n = 9 WHERE k = 'kept'"},
                {"Statement": "INSERT INTO items VALUE {'k': 'inserted'}"},
            ]
        )


def write_tables(client: Aws) -> None:
    """Tables that come, go, come again under the same name, and are born with items."""
    db = client("dynamodb")
    db.create_table(**make_table("again"))
    db.put_item(TableName="again", Item=key("of the first"))
    db.delete_table(TableName="again")
    db.create_table(**make_table("again"))
    db.put_item(TableName="again", Item=key("of the second"))
    backup = db.create_backup(TableName="again", BackupName="backup")["BackupDetails"]["BackupArn"]
    db.restore_table_from_backup(TargetTableName="restored", BackupArn=backup)
    db.update_time_to_live(TableName="again", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
    db.update_table(TableName="restored", DeletionProtectionEnabled=True)


def write_files(client: Aws) -> None:
    """Objects with all that they can carry, replaced, hidden and removed."""
    s3 = client("s3")
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(
            Bucket="versioned",
            Key="a/ü.txt",
            Body=body,
            Metadata={"who": "me"},
            ContentType="text/x",
            CacheControl="no",
        )
    s3.put_object_tagging(Bucket="versioned", Key="a/ü.txt", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})
    s3.put_object(Bucket="versioned", Key="hidden", Body=b"hidden")
    s3.delete_object(Bucket="versioned", Key="hidden")
    s3.create_bucket(Bucket="plain")
    for name in ("replaced", "removed", "removed-too"):
        s3.put_object(Bucket="plain", Key=name, Body=b"one")
    s3.put_object(Bucket="plain", Key="replaced", Body=b"the other")
    s3.delete_object(Bucket="plain", Key="removed")
    s3.delete_objects(Bucket="plain", Delete={"Objects": [{"Key": "removed-too"}]})
    s3.copy_object(Bucket="plain", Key="copied", CopySource={"Bucket": "plain", "Key": "replaced"})
    upload = s3.create_multipart_upload(Bucket="plain", Key="parts")["UploadId"]
    part = {"Bucket": "plain", "Key": "parts", "UploadId": upload}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**part, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, b"x" * 5 * 1024 * 1024), (2, b"end"))
    ]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    s3.put_bucket_tagging(Bucket="plain", Tagging={"TagSet": [{"Key": "t", "Value": "v"}]})


def write_others(client: Aws) -> None:
    """Some of the control plane, and a deployment of somebody else's."""
    iam = client("iam")
    for name in ("role", "deleted-role"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=POLICY)
    iam.delete_role_policy(RoleName="deleted-role", PolicyName="p")
    iam.delete_role(RoleName="deleted-role")
    client("ssm").put_parameter(Name="/parameter", Value="1", Type="String")
    queue = client("sqs").create_queue(QueueName="queue")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="message")
    client("logs").create_log_group(logGroupName="group")
    template = {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": make_table("theirs")}}}
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="theirs", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="theirs", WaiterConfig={"Delay": 1})
    client("dynamodb").put_item(TableName="theirs", Item=key("in theirs"))
    client("lambda").create_function(
        FunctionName="theirs",
        Runtime="python3.11",
        Role=iam.get_role(RoleName="role")["Role"]["Arn"],
        Handler="it.handler",
        Code={"ZipFile": code("answer")},
    )


def told(client: Aws) -> dict[str, Any]:
    """Everything about it that a client can see."""
    db, s3, iam = client("dynamodb"), client("s3"), client("iam")
    tables = db.list_tables()["TableNames"]
    buckets = ("versioned", "plain")
    versions = {
        bucket: [
            (version["Key"], version["VersionId"], version["IsLatest"], version.get("ETag"))
            for kind in ("Versions", "DeleteMarkers")
            for version in s3.list_object_versions(Bucket=bucket).get(kind, [])
        ]
        for bucket in buckets
    }
    objects = {}
    for bucket, found in versions.items():
        for name, version_id, _, etag in found:
            if etag:
                objects[bucket, name, version_id] = facts(s3.get_object(Bucket=bucket, Key=name, VersionId=version_id))
    return {
        "items": {name: sorted(db.scan(TableName=name)["Items"], key=json_text) for name in tables},
        "tables": {name: db.describe_table(TableName=name)["Table"] for name in tables},
        "ttl": db.describe_time_to_live(TableName="again")["TimeToLiveDescription"],
        "versions": versions,
        "objects": objects,
        "tags": s3.get_object_tagging(Bucket="versioned", Key="a/ü.txt")["TagSet"],
        "buckets": [
            s3.get_bucket_tagging(Bucket="plain")["TagSet"],
            s3.get_bucket_versioning(Bucket="versioned")["Status"],
        ],
        "roles": sorted(
            (role["RoleName"], role["Arn"]) for role in iam.list_roles()["Roles"] if role["RoleName"] != LAST_ROLE
        ),
        "policies": iam.list_role_policies(RoleName="role")["PolicyNames"],
        "parameter": client("ssm").get_parameter(Name="/parameter")["Parameter"]["Value"],
        "groups": [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]],
        "stacks": [stack["StackStatus"] for stack in client("cloudformation").describe_stacks()["Stacks"]],
        "function": client("lambda").get_function(FunctionName="theirs")["Configuration"]["CodeSha256"],
        "answer": client("lambda").invoke(FunctionName="theirs")["Payload"].read(),
    }


def facts(answer: dict[str, Any]) -> tuple[Any, ...]:
    names = ("ETag", "ContentLength", "ContentType", "CacheControl", "Metadata", "LastModified")
    return (answer["Body"].read(), *(answer.get(name) for name in names))


def json_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True)
class Lives:
    """What was told before and after the kill, and who could do what."""

    before: dict[str, Any]
    after: dict[str, Any]
    message: str
    session_account: str
    last_policies: list[str]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    data_dir = tmp_path_factory.mktemp("contract") / "data"
    stack = started(data_dir)
    for write in (write_items, write_tables, write_files, write_others):
        write(lambda service: aws(stack, service))
    role = aws(stack, "iam").get_role(RoleName="role")["Role"]["Arn"]
    session = aws(stack, "sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    before = told(lambda service: aws(stack, service))
    # The last call before the kill: after any other of the control plane all of it is looked at.
    iam = aws(stack, "iam")
    iam.create_role(RoleName=LAST_ROLE, AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName=LAST_ROLE, PolicyName="last", PolicyDocument=POLICY)
    kill(data_dir)
    stack = started(data_dir)
    try:
        queue = aws(stack, "sqs").get_queue_url(QueueName="queue")["QueueUrl"]
        yield Lives(
            before,
            told(lambda service: aws(stack, service)),
            aws(stack, "sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"],
            account(stack, session),
            aws(stack, "iam").list_role_policies(RoleName=LAST_ROLE)["PolicyNames"],
        )
    finally:
        local.stop(data_dir)


def account(stack: RunningStack, session: dict[str, Any]) -> str:
    client = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    return str(client.get_caller_identity()["Arn"])


@pytest.mark.parametrize(
    "what",
    [
        "items",
        "tables",
        "ttl",
        "versions",
        "objects",
        "tags",
        "buckets",
        "roles",
        "policies",
        "parameter",
        "groups",
        "stacks",
        "function",
        "answer",
    ],
)
def test_it_is_after_the_kill_what_it_was(lives: Lives, what: str) -> None:
    assert lives.before[what]
    assert lives.after[what] == lives.before[what]


def test_a_rolled_back_statement_is_not_there(lives: Lives) -> None:
    names = {item["k"]["S"] for item in lives.after["items"]["items"]}
    assert "rolled-back" not in names
    assert "in-transaction" in names


def test_items_of_a_deleted_table_do_not_come_back_with_its_name(lives: Lives) -> None:
    assert lives.after["items"]["again"] == [key("of the second")]


def test_a_role_that_was_changed_by_itself_is_there(lives: Lives) -> None:
    assert lives.last_policies == ["last"]


def test_a_queued_message_and_temporary_credentials_are_still_good(lives: Lives) -> None:
    assert lives.message == "message"
    assert ":assumed-role/role/me" in lives.session_account


def test_what_an_earlier_version_saved_at_its_stop_is_taken_over(tmp_path: Path) -> None:
    """Up to now MiniStack saved its state itself, as JSON files in `state/`."""
    data_dir = tmp_path / "data"
    stack = started(data_dir)
    table = stack.output("TableName")
    item = {"pk": {"S": "old"}, "sk": {"S": "item"}}
    aws(stack, "dynamodb").put_item(TableName=table, Item=item)
    save = (
        "import sys, os\n"
        "os.environ.update(PERSIST_STATE='1', STATE_DIR=sys.argv[1] + '/state', S3_PERSIST='1')\n"
        "os.environ.update(S3_DATA_DIR=sys.argv[1] + '/s3')\n"
        "from ministack import app\n"
        "from pathlib import Path\n"
        "from todo_backend.local.datadir import DataDir\n"
        "from todo_backend.local.journal.layer import Journal\n"
        "journal = Journal(app.app, DataDir(Path(sys.argv[1])))\n"
        "journal.restore()\n"
        "app.save_all(app._build_persistence_save_dict())\n"
    )
    local.stop(data_dir)
    subprocess.run([sys.executable, "-c", save, str(data_dir)], check=True, capture_output=True)
    shutil.rmtree(data_dir / "journal")
    assert (data_dir / "state" / "dynamodb.json").exists()
    again = started(data_dir)
    assert again.output("UserPoolId") == stack.output("UserPoolId")
    assert list((data_dir / "state").glob("*.json")) == []
    kill(data_dir)
    started(data_dir)
    local.stop(data_dir)
    assert list((data_dir / "state").glob("*.json")) == []  # MiniStack no longer saves by itself
    last = started(data_dir)
    found = aws(last, "dynamodb").scan(TableName=table)["Items"]
    local.stop(data_dir)
    assert found == [item]


def test_of_the_functions_log_only_the_last_events_are_kept_in_memory(tmp_path: Path) -> None:
    """MiniStack would keep them all as long as it runs."""
    script = (
        "from pathlib import Path\n"
        "from ministack.services import cloudwatch_logs as logs\n"
        "from todo_backend.local.journal import services\n"
        "from todo_backend.local.journal.log import Log\n"
        "from todo_backend.local.journal.segments import Segments\n"
        "logs._create_log_group({'logGroupName': 'g'})\n"
        "logs._create_log_stream({'logGroupName': 'g', 'logStreamName': 's'})\n"
        "import time\n"
        "now = int(time.time() * 1000)\n"
        "for part in range(11):\n"
        "    events = [{'timestamp': now, 'message': f'{part} {n}'} for n in range(1000)]\n"
        "    logs._put_log_events({'logGroupName': 'g', 'logStreamName': 's', 'logEvents': events})\n"
        f"kept = services.Services(Log(Segments(Path({str(tmp_path)!r}))))\n"
        "kept.trim_logs()\n"
        "events = logs._log_groups['g']['streams']['s']['events']\n"
        "print(len(events), events[0]['message'], len(logs._log_records))\n"
    )
    environment = os.environ | {"STATE_DIR": str(tmp_path), "S3_DATA_DIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)
    assert told.stdout.split() == ["10000", "1", "0", "10000"]
