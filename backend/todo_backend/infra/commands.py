"""`todo backend synth|diff|deploy|destroy|outputs` as functions: the CDK app through the CDK command line.

Works from an installed wheel: the app is `python -m todo_backend.infra`, and its output lies in a folder that goes when
the command ends. What CDK says by the way stays on stderr. AWS credentials are the deployer's own, found the usual way;
that is right here and nowhere else in this distribution, since it is not a phone that deploys.
"""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from todo_backend.infra.errors import MissingExtraError, MissingToolError, NotDeployedError, StackError
from todo_backend.infra.settings import Settings, settings_of

OLDEST_NODE = 20

# ARCHITECTURE section 9: the same keys as the embedded stack prints, in the same order.
_OUTPUTS = (
    "Region",
    "ApiUrl",
    "UserPoolId",
    "UserPoolClientId",
    "IdentityPoolId",
    "FilesBucket",
    "TableName",
    "DaxEndpoint",
)

Context = Mapping[str, str]


def synth(context: Context) -> str:
    """The CloudFormation template as JSON; AWS is not asked, and the CDK command line is not needed.

    Raises:
        ConfigError: the extra, Node or a valid context is missing.
    """
    settings_of(context)
    _require_app()
    from todo_backend.infra.app import synthesize

    return json.dumps(synthesize(context), indent=1)


def diff(context: Context, *, output_dir: Path | None = None) -> str | None:
    """Show what deploying would change.

    Raises:
        StackError: CDK refused; its own words are on stderr.
    """
    return _cdk(["diff"], context, output_dir)


def deploy(context: Context, *, output_dir: Path | None = None) -> str:
    """Deploy the stack of this stage, or bring it up to date; nothing is asked, `diff` shows it beforehand.

    Raises:
        StackError: CDK or CloudFormation refused; their own words are on stderr.
    """
    settings = settings_of(context)
    _cdk(["deploy", "--require-approval", "never"], context, output_dir)
    return f"{settings.stack_name} is deployed; `todo backend outputs -c stage={settings.stage}` prints its outputs"


def destroy(context: Context, *, output_dir: Path | None = None) -> str:
    """Remove the stack of this stage. In stage prod users, to-dos and files stay behind, in resources of their own.

    Raises:
        StackError: CDK or CloudFormation refused; their own words are on stderr.
    """
    _cdk(["destroy", "--force"], context, output_dir)
    return f"{settings_of(context).stack_name} is removed"


def outputs(context: Context, *, cloudformation: Any = None) -> dict[str, str | None]:
    """The outputs of the deployed stage, with the keys that the embedded stack has; "Profile" is the stage's name.

    Args:
        cloudformation: a boto3 client; made from the deployer's own configuration by default.

    Raises:
        NotDeployedError: there is no such stack in this account and region.
        StackError: AWS refused, or there are no credentials.
    """
    settings = settings_of(context)
    stack = _described(settings.stack_name, cloudformation)
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    own = {name: found.get(name) for name in _OUTPUTS}
    return {"Profile": settings.stage, **own, "EndpointUrl": None, "ConsoleUrl": None}


def _cdk(arguments: list[str], context: Context, output_dir: Path | None) -> str | None:
    """Run the CDK command line for one stack; what it prints on stdout, or None."""
    settings = settings_of(context)
    _require_app()
    with tempfile.TemporaryDirectory(prefix="todo-cdk-") as folder:
        out = output_dir.absolute() if output_dir else Path(folder, "cdk.out")
        command = [*_cdk_command(), *arguments, *_options(settings, context, out)]
        # Not the caller's folder: a cdk.json that happens to lie there is none of ours.
        finished = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if finished.returncode:
        raise StackError(f"`cdk {arguments[0]}` failed with status {finished.returncode}; it says why above")
    return finished.stdout.strip() or None


def _options(settings: Settings, context: Context, out: Path) -> list[str]:
    switches = [word for name, value in context.items() for word in ("--context", f"{name}={value}")]
    app = shlex.join([sys.executable, "-m", "todo_backend.infra"])
    return [settings.stack_name, "--app", app, "--output", str(out), *switches]


def _cdk_command() -> list[str]:
    installed = shutil.which("cdk")
    if installed:
        return [installed]
    npx = shutil.which("npx")
    if npx:
        return [npx, "--yes", "aws-cdk@2"]
    raise MissingToolError("the CDK command line is not installed, nor is npx to fetch it: npm install -g aws-cdk")


def _require_app() -> None:
    """The app itself: aws-cdk-lib, and the Node that its library runs in."""
    if importlib.util.find_spec("aws_cdk") is None:
        raise MissingExtraError
    node = shutil.which("node")
    if node is None:
        raise MissingToolError(f"Node {OLDEST_NODE} or newer is needed, and there is no `node` on the PATH")
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.match(r"v(\d+)\.", answer.stdout)
    if version is None or int(version[1]) < OLDEST_NODE:
        found = answer.stdout.strip() or "one that does not say its version"
        raise MissingToolError(f"Node {OLDEST_NODE} or newer is needed, and `node` is {found}")


def _described(stack_name: str, cloudformation: Any) -> dict[str, Any]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = cloudformation or boto3.client("cloudformation")
        stack: dict[str, Any] = client.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        sentence = str(error.response["Error"].get("Message", ""))
        if "does not exist" in sentence:
            where = f"there is no stack {stack_name} in this account and region"
            raise NotDeployedError(f"{where}; deploy it with `todo backend deploy`") from None
        raise StackError(f"CloudFormation refused: {sentence}") from None
    except BotoCoreError as error:
        raise StackError(f"AWS could not be asked: {error}") from None
    return stack
