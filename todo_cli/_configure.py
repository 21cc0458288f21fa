"""The command configure: write a profile from an API's own description, or show where each setting comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from todo_cli._context import AppContext
from todo_cli._options import Command

if TYPE_CHECKING:
    from todo_sdk import Config
# A profile's settings, each with the output that it comes from.
SETTINGS_FROM_OUTPUTS = {
    "api_url": "ApiUrl",
    "region": "Region",
    "user_pool_id": "UserPoolId",
    "user_pool_client_id": "UserPoolClientId",
    "identity_pool_id": "IdentityPoolId",
    "files_bucket": "FilesBucket",
    "endpoint_url": "EndpointUrl",
}
SHOWN = ("profile", *SETTINGS_FROM_OUTPUTS, "ca_bundle", "token_store")


@click.command(
    cls=Command,
    reads=lambda given: bool(given["show"]),
    examples="""
        todo configure --api-url https://abc123.execute-api.eu-west-1.amazonaws.com/prod --name work
        todo configure --api-url https://127.0.0.1:4566/prod --ca-bundle ca.pem
        todo configure --show
    """,
)
@click.option("--api-url", metavar="URL", help="The API's address; everything else is read from its /v1/config.")
@click.option("--name", metavar="NAME", help="The profile to write (default: --profile, else 'default').")
@click.option("--ca-bundle", metavar="FILE", help="PEM file of authorities to trust, for an API with a private one.")
@click.option("--default", "make_default", is_flag=True, help="Make it the profile that is used when none is named.")
@click.option("--show", is_flag=True, help="Show each setting and where it comes from.")
@click.pass_obj
def configure(
    app: AppContext, api_url: str | None, name: str | None, ca_bundle: str | None, make_default: bool, show: bool
) -> None:
    """Write a profile, or show where each setting comes from.

    A setting is taken from the first place that has it: argument, TODO_* variable, profile in config.toml, default.
    The first profile ever written becomes the default one.
    """
    if show == (api_url is not None):
        raise click.UsageError("give --api-url URL to write a profile, or --show to see the settings")
    if show:
        _show(app)
    elif api_url is not None:
        trusted = str(Path(ca_bundle).absolute()) if ca_bundle else None
        _write(app, api_url, trusted, name or app.settings.profile or "default", make_default)


def _write(app: AppContext, api_url: str, ca_bundle: str | None, name: str, make_default: bool) -> None:
    import todo_sdk

    values = settings_of(todo_sdk.fetch_config(api_url, ca_bundle=ca_bundle))
    if ca_bundle is not None:
        values["ca_bundle"] = ca_bundle
    save_profile(name, values, make_default=make_default)
    then = f"next: todo signup EMAIL{option_for(name)}, or todo login EMAIL{option_for(name)}"
    app.out.result({"profile": name, **values}, [f"profile {name} written; {then}"])


def save_profile(name: str, values: dict[str, Any], *, make_default: bool = False) -> None:
    """Write a profile; the first one becomes the default."""
    import todo_sdk

    first = not todo_sdk.profiles()
    todo_sdk.write_profile(name, values, make_default=make_default or first)


def option_for(profile: str) -> str:
    """Give the option that the next command needs to use this profile: none if it is the one used anyway."""
    from todo_sdk import Config, ConfigError

    try:
        used = Config.load().profile
    except ConfigError:
        used = None
    return "" if used == profile else f" --profile {profile}"


def settings_of(config: Config) -> dict[str, Any]:
    """Give a configuration's values by name."""
    return {name: getattr(config, name) for name in SETTINGS_FROM_OUTPUTS}


def _show(app: AppContext) -> None:
    import todo_sdk

    config = todo_sdk.Config.load(profile=app.settings.profile)
    rows = [(name, getattr(config, name), config.sources.get(name, "default")) for name in SHOWN]
    document = {name: {"value": value, "source": source} for name, value, source in rows}
    app.out.table(document, ("SETTING", "VALUE", "SOURCE"), [(n, str(v or "-"), s) for n, v, s in rows])
