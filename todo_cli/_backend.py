"""The backend on AWS: backend synth, diff, deploy, destroy, outputs. A shell over `todo_backend.infra.commands`.

Needs the extra `backend` and Node with the CDK command line; all but synth also need AWS credentials.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from todo_cli._context import AppContext
from todo_cli._options import YES, Group
from todo_cli._output import pairs

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


@click.group(
    cls=Group,
    examples="""
        todo backend synth
        todo backend deploy -c stage=prod -c dax=false
        todo backend outputs -c stage=prod --json
    """,
)
def backend() -> None:
    """The backend on AWS: synth, diff, deploy, destroy, outputs.

    Needs the extra: pip install 'todo-sdk[backend]', Node 20 or newer with the CDK command line, and AWS credentials.
    """


def _context_options(command: AnyFunction) -> AnyFunction:
    option = click.option(
        "-c", "--context", "context", metavar="KEY=VALUE", multiple=True, help="stage=NAME, dax=false, api_cache=false."
    )
    return option(command)


@backend.command(reads=True, examples="todo backend synth -c dax=false")
@_context_options
@click.pass_obj
def synth(app: AppContext, context: tuple[str, ...]) -> None:
    """Write the CloudFormation template; AWS is not asked."""
    template = app.infra.synth(_parsed(context))
    app.out.result(json.loads(template), [template])


@backend.command(reads=True, examples="todo backend diff -c stage=prod")
@_context_options
@click.pass_obj
def diff(app: AppContext, context: tuple[str, ...]) -> None:
    """Show what deploying would change."""
    _finish(app, "diff", app.infra.diff(_parsed(context)))


@backend.command(examples="todo backend deploy -c stage=prod")
@_context_options
@click.pass_obj
def deploy(app: AppContext, context: tuple[str, ...]) -> None:
    """Deploy the backend to AWS, or bring it up to date."""
    _finish(app, "deploy", app.infra.deploy(_parsed(context)))


@backend.command(examples="todo backend destroy -c stage=test --yes")
@_context_options
@YES
@click.pass_obj
def destroy(app: AppContext, context: tuple[str, ...], yes: bool) -> None:
    """Remove a deployed backend from AWS.

    Asks first, a script too: it must say --yes.
    """
    if not yes and not app.may_ask:
        raise click.UsageError("destroying a backend needs a confirmation; add --yes")
    if not app.confirm("Destroy the backend and what it holds?", yes=yes):
        raise click.Abort
    _finish(app, "destroy", app.infra.destroy(_parsed(context)))


@backend.command(reads=True, examples="todo backend outputs -c stage=prod --json")
@_context_options
@click.pass_obj
def outputs(app: AppContext, context: tuple[str, ...]) -> None:
    """Print a deployed backend's outputs.

    The same keys as `todo outputs` prints for the embedded stack.
    """
    found = app.infra.outputs(_parsed(context))
    app.out.result(found, pairs(found))


def _parsed(context: tuple[str, ...]) -> dict[str, str]:
    for pair in context:
        if "=" not in pair.strip("="):
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--context")
    return dict(pair.split("=", 1) for pair in context)


def _finish(app: AppContext, command: str, answer: Any) -> None:
    app.out.result({"command": command, "result": answer}, [] if answer is None else [str(answer)])
