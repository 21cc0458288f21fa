"""A full disk refuses what cannot be kept, loses nothing of what was, and is no trouble any more once there is room."""

import errno
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import RunningStack, changed_stack, confirmed_user
from tests.integration.test_journal_kill import kill, started
from todo_backend import local
from todo_sdk import MemoryTokenStore, ServerError, TodoClient, fetch_config

REGION = "us-east-1"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
ROW: dict[str, Any] = {"pk": {"S": "full-disk"}, "sk": {"S": "row"}}
NO_ROOM = "No space left on device"
INJECTED = """
import errno
from pathlib import Path
from todo_backend.local.cognito import store
from todo_backend.local.journal import files, segments
def when_full(real):
    def write(*arguments):
        if Path({flag!r}).exists():
            raise OSError(errno.ENOSPC, {reason!r})
        return real(*arguments)
    return write
for module, name in ((segments, "_write_all"), (store, "_write_all"), (files, "_write")):
    setattr(module, name, when_full(getattr(module, name)))
files.room_for = lambda folder, size: True
"""


@dataclass
class Disk:
    """Where the stack lives, and how to take its room away and give it back."""

    data_dir: Path
    start: Callable[[], RunningStack]
    fill: Callable[[], None]
    free: Callable[[], None]


@pytest.fixture(params=["injected", "tmpfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk that says it is full, and one that is."""
    made = injected(tmp_path) if request.param == "injected" else mounted(tmp_path)
    with made_to_stop(made) as disk:
        yield disk


class made_to_stop:  # noqa: N801 (a context manager)
    """The disk, until the test is over: then its stack is stopped."""

    def __init__(self, disks: Iterator[Disk]) -> None:
        self._disks = disks

    def __enter__(self) -> Disk:
        self._disk = next(self._disks)
        return self._disk

    def __exit__(self, *_: object) -> None:
        self._disk.free()
        local.stop(self._disk.data_dir)
        next(self._disks, None)


def injected(folder: Path) -> Iterator[Disk]:
    flag, data_dir = folder / "full", folder / "data"
    changes = INJECTED.format(flag=str(flag), reason=NO_ROOM)
    processes = []

    def start() -> RunningStack:
        process = changed_stack(data_dir, folder / "script.py", changes)
        if "error" in process.report:
            process.stop()
            raise local.StackError(process.report["error"]["message"])
        processes.append(process)
        return RunningStack(process.report["outputs"], data_dir)

    yield Disk(data_dir, start, flag.touch, lambda: flag.unlink(missing_ok=True))
    for process in processes:
        process.stop()


def mounted(folder: Path) -> Iterator[Disk]:
    place = folder / "disk"
    place.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True)
    except OSError:
        done = None
    if done is None or done.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    ballast, data_dir = place / "ballast", place / "data"

    def fill() -> None:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            for size in (65536, 512, 1):
                with suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    yield Disk(data_dir, lambda: started(data_dir), fill, lambda: ballast.unlink(missing_ok=True))
    subprocess.run(["umount", "-l", str(place)], check=True)


def aws(stack: RunningStack, service: str) -> Any:
    key = stack.admin_credentials
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=stack.output("EndpointUrl"),
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def refused(call: Callable[[], object], code: str) -> None:
    """The call fails as on AWS when it is AWS's fault, and the message says why."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert response["Error"]["Code"] == code
    assert "no space left" in response["Error"]["Message"].lower()


def put_until_refused(dynamodb: Any, put: dict[str, Any]) -> None:
    for _ in range(100):
        dynamodb.put_item(**put)


def fill_to_the_brim(disk: Disk, dynamodb: Any, table: str) -> None:
    """Also the room that the journal has taken in advance, and the page that it ends in."""

    def until_refused(size: int) -> None:
        row = {"pk": {"S": "x"}, "sk": {"S": "x"}, "x": {"S": "x" * size}}
        with pytest.raises(ClientError):
            put_until_refused(dynamodb, {"TableName": table, "Item": row})

    for size in (100_000, 1000, 100, 1):
        disk.fill()
        until_refused(size)


def test_a_full_disk_refuses_and_loses_nothing(disk: Disk) -> None:
    stack = disk.start()
    table, bucket = stack.output("TableName"), stack.output("FilesBucket")
    user, store = confirmed_user(stack), MemoryTokenStore()
    client = TodoClient(fetch_config(stack.output("ApiUrl")), store=store)
    client.auth.sign_in(*user)
    kept = client.todos.add("before")
    dynamodb, s3, ssm = aws(stack, "dynamodb"), aws(stack, "s3"), aws(stack, "ssm")
    dynamodb.put_item(TableName=table, Item=ROW | {"n": {"N": "1"}})
    s3.put_object(Bucket=bucket, Key="a/file", Body=b"before")
    ssm.put_parameter(Name="/full-disk", Value="before", Type="String")
    transaction = {
        "TransactItems": [{"Put": {"TableName": table, "Item": {"pk": {"S": "full-disk"}, "sk": {"S": "twice"}}}}],
        "ClientRequestToken": "the-same-token",
    }
    fill_to_the_brim(disk, dynamodb, table)
    update = {"UpdateExpression": "SET n = n + :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    refused(lambda: dynamodb.update_item(TableName=table, Key=ROW, **update), "InternalServerError")
    refused(lambda: dynamodb.delete_item(TableName=table, Key=ROW), "InternalServerError")
    refused(lambda: dynamodb.transact_write_items(**transaction), "InternalServerError")
    refused(lambda: s3.put_object(Bucket=bucket, Key="a/file", Body=b"never" * 1000), "InternalError")
    refused(lambda: s3.put_object(Bucket=bucket, Key="a/new", Body=b"never"), "InternalError")
    refused(lambda: ssm.put_parameter(Name="/full-disk-2", Value="x", Type="String"), "InternalFailure")
    with pytest.raises(ServerError):
        client.todos.add("never")
    login = {"ClientId": stack.output("UserPoolClientId"), "Username": "never@example.com"}
    assert stack.cognito("SignUp", **login, Password=user.password).status_code == 500
    # Nothing of it is to be seen, and what can be read is what was acknowledged.
    assert dynamodb.get_item(TableName=table, Key=ROW, ConsistentRead=True)["Item"]["n"] == {"N": "1"}
    assert [todo.id for todo in client.todos.list()] == [kept.id]
    assert s3.get_object(Bucket=bucket, Key="a/file")["Body"].read() == b"before"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/file"]
    disk.free()
    # There is room again: what was refused can be done, and the token of the refused transaction is not used up.
    dynamodb.update_item(TableName=table, Key=ROW, **update)
    dynamodb.transact_write_items(**transaction)
    s3.put_object(Bucket=bucket, Key="a/file", Body=b"after")
    ssm.put_parameter(Name="/full-disk", Value="after", Type="String", Overwrite=True)
    later = client.todos.add("after")
    # A refused call of the control plane may have happened; then that is kept with the next one.
    assert ssm.get_parameter(Name="/full-disk-2")["Parameter"]["Value"] == "x"
    kill(disk.data_dir)
    stack = disk.start()
    dynamodb, s3, ssm = aws(stack, "dynamodb"), aws(stack, "s3"), aws(stack, "ssm")
    rows = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "full-disk"}}
    )["Items"]
    assert {row["sk"]["S"]: row.get("n") for row in rows} == {"row": {"N": "2"}, "twice": None}
    assert s3.get_object(Bucket=bucket, Key="a/file")["Body"].read() == b"after"
    assert ssm.get_parameter(Name="/full-disk")["Parameter"]["Value"] == "after"
    assert ssm.get_parameter(Name="/full-disk-2")["Parameter"]["Value"] == "x"
    client = TodoClient(fetch_config(stack.output("ApiUrl")), store=store)
    assert {todo.id for todo in client.todos.list()} == {kept.id, later.id}


def test_a_disk_that_is_full_at_the_stop_or_the_start_loses_nothing(disk: Disk) -> None:
    stack = disk.start()
    aws(stack, "dynamodb").put_item(TableName=stack.output("TableName"), Item=ROW)
    disk.fill()
    assert local.stop(disk.data_dir)
    try:
        again = disk.start()
    except local.StackError as error:
        assert os.strerror(errno.ENOSPC) in str(error)  # noqa: PT017 (it may start, or say why not)
    else:
        assert aws(again, "dynamodb").get_item(TableName=stack.output("TableName"), Key=ROW)["Item"] == ROW
        local.stop(disk.data_dir)
    disk.free()
    again = disk.start()
    assert aws(again, "dynamodb").get_item(TableName=stack.output("TableName"), Key=ROW)["Item"] == ROW
    assert again.output("UserPoolId") == stack.output("UserPoolId")


def test_a_refused_change_of_a_functions_code_leaves_the_one_before(tmp_path: Path) -> None:
    """Its code lies in a file of its own, which goes when the journal has the next one and not before."""
    disks = injected(tmp_path)
    with made_to_stop(disks) as disk:
        stack = disk.start()
        role = aws(stack, "iam").create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        settings = {"Runtime": "python3.11", "Role": role, "Handler": "it.handler", "Code": {"ZipFile": code("one")}}
        aws(stack, "lambda").create_function(FunctionName="it", **settings)
        disk.fill()
        change = {"FunctionName": "it", "ZipFile": code("two")}
        refused(lambda: aws(stack, "lambda").update_function_code(**change), "InternalFailure")
        kill(disk.data_dir)
        disk.free()
        again = aws(disk.start(), "lambda").invoke(FunctionName="it")
        assert again["Payload"].read() == b'"one"'


def code(answer: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("it.py", f"def handler(event, context):\n    return {answer!r}\n")
    return content.getvalue()
