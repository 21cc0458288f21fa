"""The CDK app: what the CDK CLI runs, and the same without it.

The template depends on nothing but this package and the switches: no account, no region, no clock, no paths.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import App

from todo_backend.infra.errors import SettingsError
from todo_backend.infra.settings import Settings, read_settings
from todo_backend.infra.stack import TodoStack
from todo_backend.service.routes import ROUTES, Route

# Feature flags of CDK that change the template. Here and not in cdk.json, so that they hold from a wheel, too.
_FLAGS: dict[str, Any] = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/core:enablePartitionLiterals": True,
}

# Stronger than the CDK CLI's own: paths of this machine and CDK's version do not belong into the template.
_NO_METADATA: dict[str, Any] = {
    "aws:cdk:disable-asset-staging": False,
    "aws:cdk:enable-asset-metadata": False,
    "aws:cdk:enable-path-metadata": False,
    "aws:cdk:version-reporting": False,
}


def synthesize(context: Mapping[str, Any] | None = None, routes: Sequence[Route] = ROUTES) -> dict[str, Any]:
    """The CloudFormation template for these context switches, made without the CDK CLI; needs Node 20 or newer.

    Args:
        routes: what the API consists of; others than the service's own are for tests that break one on purpose.

    Raises:
        SettingsError: a switch has a value that cannot be deployed.
    """
    with tempfile.TemporaryDirectory() as folder:
        app, settings = _app(dict(context or {}), routes, outdir=folder)
        template: dict[str, Any] = app.synth().get_stack_by_name(settings.stack_name).template
    return template


def main() -> int:
    """Synthesize into the folder that the CDK CLI names; its context switches arrive by environment."""
    try:
        app, _ = _app({}, ROUTES, outdir=None)
        app.synth()
    except SettingsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def _app(context: dict[str, Any], routes: Sequence[Route], *, outdir: str | None) -> tuple[App, Settings]:
    app = App(
        context={**_FLAGS, **context},
        post_cli_context=_NO_METADATA,
        analytics_reporting=False,
        tree_metadata=False,
        outdir=outdir,
    )
    settings = read_settings(app.node.try_get_context)
    TodoStack(app, settings, routes)
    return app, settings
