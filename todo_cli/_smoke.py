"""The command smoke: the promises of MyTodoList, looked at from outside, one named check each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import DATA_DIR, Command

if TYPE_CHECKING:
    from todo_cli.checks.registry import Check
    from todo_cli.checks.runner import Outcome
    from todo_cli.checks.world import World
    from todo_sdk import Config

USERS_FILE = "smoke-users.json"
THROTTLED = ("GET /v1/revision", "POST /v1/todos")  # what the check of throttling asks, each once


@click.command(
    cls=Command,
    examples="""
        todo smoke                              every check, against the profile's deployment
        todo smoke --only folder --only 'api-refuses-*'
        todo smoke --profile prod --allow-write --junit smoke.xml
        todo smoke --list
    """,
)
@click.option("--only", metavar="NAME", multiple=True, help="A check, an area or a pattern; may be repeated.")
@click.option("--list", "only_list", is_flag=True, help="List the checks and run none.")
@click.option("--junit", metavar="FILE", type=click.Path(dir_okay=False), help="Write the outcomes as JUnit XML, too.")
@click.option(
    "--allow-write", is_flag=True, help="Make throw-away users on a deployed stage, with your AWS credentials."
)
@click.option(
    "--latency-budget",
    metavar="MS",
    type=click.FloatRange(min=1),
    default=500,
    show_default=True,
    help="What 95 of 100 warm reads may take.",
)
@DATA_DIR
@click.pass_context
def smoke(
    ctx: click.Context,
    only: tuple[str, ...],
    only_list: bool,
    junit: str | None,
    allow_write: bool,
    latency_budget: float,
    data_dir: str | None,
) -> None:
    """Check the deployment from outside, promise by promise.

    Makes throw-away users and removes them again, also after Ctrl-C; what a killed run left behind is removed by the
    next one. On a deployed stage nothing is written without --allow-write. Ends with 9 when a check failed.
    """
    app = ctx.ensure_object(AppContext)
    wanted = _chosen(only)
    if only_list:
        _list(app, wanted)
        return
    config = _config(app)
    world = _world(app, config, Path(data_dir) if data_dir else None, latency_budget)
    if junit and not Path(junit).absolute().parent.is_dir():
        raise click.UsageError(f"--junit {junit}: there is no such folder")
    outcomes, complaints = _run(app, wanted, world, may_write=allow_write or config.endpoint_url is not None)
    if junit:
        from todo_cli.checks import junit as junit_file

        junit_file.write(Path(junit).absolute(), outcomes, complaints)
    ctx.exit(_verdict(app, config, outcomes, complaints))


def _chosen(only: Sequence[str]) -> list[Check]:
    from todo_cli.checks.registry import all_checks
    from todo_cli.checks.runner import chosen

    try:
        return chosen(all_checks(), only)
    except LookupError as error:
        raise click.UsageError(f"there is no check {error.args[0]!r}; `todo smoke --list` shows them") from error


def _list(app: AppContext, wanted: Sequence[Check]) -> None:
    document = [_described(check) for check in wanted]
    rows = [(check.name, "yes" if check.writes else "no", check.promise) for check in wanted]
    app.out.table({"checks": document}, ("CHECK", "WRITES", "PROMISE"), rows)


def _described(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "area": check.area,
        "promise": check.promise,
        "statements": list(check.statements),
        "writes": check.writes,
    }


def _config(app: AppContext) -> Config:
    from todo_sdk import Config, fetch_config

    config = Config.load(app.settings.profile)
    return fetch_config(config.api_url) if config.missing else config


def _world(app: AppContext, config: Config, data_dir: Path | None, latency_budget: float) -> World:
    from todo_cli.checks.people import Administrator, Confirming, Inbox, People
    from todo_cli.checks.world import Deployment, World

    deployment = Deployment(config)
    users = config.data_dir / USERS_FILE
    if config.endpoint_url is None:
        return World(
            deployment, People(deployment, lambda: Administrator(deployment), users), latency_budget_ms=latency_budget
        )
    place = _stack_of(app, config, data_dir)

    def confirming() -> Confirming:
        return Inbox(deployment, app.stack, place)

    @contextmanager
    def throttled() -> Iterator[None]:
        with app.stack.faults(place) as faults:
            for route in THROTTLED:
                faults.add("throttle", route, count=1)
            yield

    people = People(deployment, confirming, users)
    return World(deployment, people, lambda: app.stack.status(place), throttled, latency_budget_ms=latency_budget)


def _stack_of(app: AppContext, config: Config, data_dir: Path | None) -> Path:
    """The data directory of the embedded stack that the profile means: its inbox has the codes."""
    place: Path = data_dir.absolute() if data_dir else app.stack.default_data_dir()
    found = app.stack.status(place).outputs or {}
    if found.get("ApiUrl") != config.api_url:
        raise CommandError(
            f"the embedded stack at {config.api_url} does not run on {place}; give its --data-dir,"
            " or start it: todo up",
            ExitCode.CONFIGURATION,
            "stack_not_found",
        )
    return place


def _run(
    app: AppContext, wanted: Sequence[Check], world: World, *, may_write: bool
) -> tuple[list[Outcome], Sequence[str]]:
    from todo_cli.checks.runner import run

    outcomes: list[Outcome] = []
    complaints: list[str] = []
    try:
        with _watched(app) as tell:
            for outcome in run(wanted, world, may_write=may_write):
                outcomes.append(outcome)
                tell(f"{len(outcomes)} of {len(wanted)}: {outcome.check.name}")
    finally:
        complaints = world.people.remove_all() if may_write else []
        for complaint in complaints:
            app.out.talk(f"todo: {complaint}")
    return outcomes, complaints


@contextmanager
def _watched(app: AppContext) -> Iterator[Callable[[str], None]]:
    """Give what to call with how far it is; it is seen on a terminal only, and goes away at the end."""
    if app.settings.as_json or not sys.stderr.isatty():
        yield lambda told: None
        return
    from rich.console import Console

    with Console(stderr=True, no_color=app.out.bare).status("") as shown:
        yield lambda told: shown.update(told)


def _verdict(app: AppContext, config: Config, outcomes: Sequence[Outcome], complaints: Sequence[str]) -> int:
    from todo_cli.checks.runner import FAILED, PASSED, SKIPPED

    count = {name: sum(found.outcome == name for found in outcomes) for name in (PASSED, FAILED, SKIPPED)}
    seconds = round(sum(found.milliseconds for found in outcomes) / 1000, 2)
    document = {
        "api_url": config.api_url,
        **count,
        "seconds": seconds,
        "not_cleaned_up": list(complaints),
        "checks": [
            _described(found.check)
            | {"outcome": found.outcome, "evidence": found.evidence, "milliseconds": found.milliseconds}
            for found in outcomes
        ],
    }
    rows = [(found.outcome, found.check.name, f"{found.milliseconds:.0f}", found.evidence) for found in outcomes]
    app.out.table(document, ("OUTCOME", "CHECK", "MS", "EVIDENCE"), rows)
    app.out.talk(f"\n{count[PASSED]} passed, {count[FAILED]} failed, {count[SKIPPED]} skipped in {seconds:.1f} s")
    return ExitCode.CHECK_FAILED if count[FAILED] or complaints else ExitCode.OK
