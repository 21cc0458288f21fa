"""The command profile: several deployments, several accounts."""

from __future__ import annotations

import click

from todo_cli import _completing
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import YES, Group


@click.group(
    cls=Group,
    examples="""
        todo profile list
        todo profile use work
        todo profile copy work work-bob      a second account on the same deployment
    """,
)
def profile() -> None:
    """Several deployments and several accounts, each under a name."""


@profile.command("list", reads=True, examples="todo profile list --json")
@click.pass_obj
def list_profiles(app: AppContext) -> None:
    """List the profiles, and who is signed in with each."""
    from todo_sdk import default_profile, profiles

    default = default_profile()
    found = [
        {
            "name": name,
            "default": name == default,
            "api_url": settings.get("api_url"),
            "email": _signed_in(app, name),
        }
        for name, settings in sorted(profiles().items())
    ]
    mark = "default" if app.accessible else "*"
    rows = [
        (mark if one["default"] else "", str(one["name"]), str(one["email"] or "-"), str(one["api_url"]))
        for one in found
    ]
    app.out.table({"profiles": found}, ("", "PROFILE", "SIGNED IN", "API"), rows)
    if not found:
        app.out.talk("no profiles; next: todo up, or: todo configure --api-url URL")


def _signed_in(app: AppContext, name: str) -> str | None:
    from todo_sdk import TodoError

    try:
        with app.make_client(name) as client:
            return client.auth.user().email
    except TodoError:
        return None


@profile.command(examples="todo profile use work")
@click.argument("name", shell_complete=_completing.profiles)
@click.pass_obj
def use(app: AppContext, name: str) -> None:
    """Make NAME the profile that is used when none is named."""
    from todo_sdk import write_profile

    write_profile(name, _settings(name), make_default=True)
    app.out.result({"default": name}, [f"{name} is used from now on"])


@profile.command(examples="todo profile copy work work-bob")
@click.argument("source", shell_complete=_completing.profiles)
@click.argument("name")
@click.pass_obj
def copy(app: AppContext, source: str, name: str) -> None:
    """Make NAME a profile of the same deployment as SOURCE, with a session of its own."""
    from todo_sdk import profiles, write_profile

    if name in profiles():
        raise CommandError(f"there is a profile {name!r} already", ExitCode.INVALID, "conflict")
    write_profile(name, _settings(source))
    app.out.result({"profile": name}, [f"profile {name} written; next: todo login EMAIL --profile {name}"])


@profile.command(
    examples="""
        todo profile rm work-bob
        todo profile rm work-bob --yes
    """
)
@click.argument("name", shell_complete=_completing.profiles)
@YES
@click.pass_obj
def rm(app: AppContext, name: str, yes: bool) -> None:
    """Sign out with a profile, and remove it from config.toml."""
    from todo_sdk import NotSignedInError, remove_profile

    _settings(name)
    if not app.confirm(f"Sign out and remove the profile {name}?", yes=yes):
        raise CommandError("not removed", ExitCode.FAILED, "not_confirmed")
    try:
        with app.make_client(name) as client:
            client.auth.sign_out()
    except NotSignedInError:
        pass
    remove_profile(name)
    app.out.result({"removed": name}, [f"removed: {name}"])


def _settings(name: str) -> dict[str, str | None]:
    from todo_sdk import profiles

    found = profiles()
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise CommandError(f"there is no profile {name!r}; known: {known}", ExitCode.NOT_FOUND, "not_found")
    return dict(found[name])
