"""Template to running stack, by the AWS calls that the CDK CLI makes: bootstrap, assets, CloudFormation."""

import asyncio
import json
from enum import Enum
from typing import Any
from urllib.parse import urlparse

from .control import ControlError, ControlPlane
from .datadir import DataDir
from .errors import DeploymentError
from .gateway import complete_stack
from .gateway.rest_control import RestControl, RestControlError
from .options import HOST, REGION, STACK_NAME, Outputs
from .provide import Plan

BOOTSTRAP_VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"
INLINE_TEMPLATE_BYTES = 51_200  # AWS's limit for TemplateBody; longer ones lie in the bootstrap bucket
_OUTPUT_NAMES = ("UserPoolId", "UserPoolClientId", "IdentityPoolId", "FilesBucket", "TableName", "DaxEndpoint")


class Change(Enum):
    """What a deployment did."""

    CREATED = "created"
    UPDATED = "updated"
    NONE = "none"


async def deploy(control: ControlPlane, plan: Plan, data_dir: DataDir) -> tuple[Change, dict[str, str]]:
    """Make the running stack be what `plan` says; what that took, and the outputs of its CloudFormation stack.

    A plan that is deployed already changes nothing: the same ids, and not one call that writes.

    Raises:
        DeploymentError: the control plane refused it; the sentence holds its reasons.
    """
    kept = data_dir.read_json("deployment.json")
    try:
        existing = await _stack(control)
        if existing and kept.get("digest") == plan.digest:
            return Change.NONE, dict(kept["outputs"])
        outputs = await _deploy(control, plan, update=existing is not None)
    except (ControlError, RestControlError) as error:
        raise DeploymentError(f"the template was not deployed: {error}") from None
    return Change.UPDATED if existing else Change.CREATED, outputs


async def _deploy(control: ControlPlane, plan: Plan, *, update: bool) -> dict[str, str]:
    await _bootstrap(control, plan)
    template = await _template_argument(control, plan)
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    operation = "UpdateStack" if update else "CreateStack"
    try:
        await control.call("cloudformation", operation, StackName=STACK_NAME, Capabilities=capabilities, **template)
    except ControlError as error:
        if "No updates are to be performed" not in error.message:
            raise
    stack = await _settled(control)
    await complete_stack(RestControl(control.send_rest, control.call), STACK_NAME, plan.template)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs") or []}


async def _bootstrap(control: ControlPlane, plan: Plan) -> None:
    parameter = {"Name": BOOTSTRAP_VERSION_PARAMETER, "Value": BOOTSTRAP_VERSION, "Type": "String", "Overwrite": True}
    await control.call("ssm", "PutParameter", **parameter)
    for bucket in sorted({asset.bucket for asset in plan.assets}):
        await _put(control, f"/{bucket}", b"")
    for asset in plan.assets:
        await _put(control, f"/{asset.bucket}/{asset.key}", asset.content)


async def _put(control: ControlPlane, path: str, content: bytes) -> None:
    # Both a bucket and an object.
    answer = await control.send("s3", "PUT", path, {}, content)
    if answer.status != 200 and b"BucketAlreadyOwnedByYou" not in answer.body:
        raise ControlError("PutObject", str(answer.status), f"{path}: {answer.body.decode(errors='replace')}")


async def _template_argument(control: ControlPlane, plan: Plan) -> dict[str, str]:
    text = json.dumps(plan.template, separators=(",", ":"))
    if len(text.encode()) <= INLINE_TEMPLATE_BYTES or not plan.assets:
        return {"TemplateBody": text}
    bucket, key = plan.assets[0].bucket, f"{plan.digest}.json"
    await _put(control, f"/{bucket}/{key}", text.encode())
    return {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{bucket}/{key}"}


async def _stack(control: ControlPlane) -> dict[str, Any] | None:
    try:
        found = await control.call("cloudformation", "DescribeStacks", StackName=STACK_NAME)
    except ControlError as error:
        if "does not exist" in error.message:
            return None
        raise
    stack: dict[str, Any] = found["Stacks"][0]
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


async def _settled(control: ControlPlane) -> dict[str, Any]:
    while True:
        stack = await _stack(control) or {}
        status = str(stack.get("StackStatus", "DELETED"))
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return stack
        if not status.endswith("_IN_PROGRESS"):
            reasons = await _reasons(control, status)
            if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED"):
                # As on AWS, such a stack can only be deleted; the next start shall be able to create it.
                await control.call("cloudformation", "DeleteStack", StackName=STACK_NAME)
            raise DeploymentError(f"the template was not deployed ({status}): {reasons}")
        await asyncio.sleep(0.002)


async def _reasons(control: ControlPlane, status: str) -> str:
    events = (await control.call("cloudformation", "DescribeStackEvents", StackName=STACK_NAME))["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    told = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in reversed(failed)]
    return "; ".join(told[:3]) or status


def client_outputs(outputs: dict[str, str], port: int, profile: str, scheme: str = "http") -> Outputs:
    """The outputs as clients get them: ARCHITECTURE section 9, with this machine's addresses."""
    endpoint = f"{scheme}://{HOST}:{port}"
    found: Outputs = {"Profile": profile, "Region": REGION, "ApiUrl": _local_api_url(outputs.get("ApiUrl"), endpoint)}
    found.update({name: outputs.get(name) or None for name in _OUTPUT_NAMES})
    return found | {"EndpointUrl": endpoint, "ConsoleUrl": None}


def _local_api_url(deployed: str | None, endpoint: str) -> str | None:
    if not deployed:
        return None
    address = urlparse(deployed)
    api = (address.hostname or "").partition(".")[0]
    stage = address.path.strip("/").partition("/")[0]
    return f"{endpoint}/_aws/execute-api/{api}/{stage}"
