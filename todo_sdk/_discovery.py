"""Ask the API for the rest of the settings: `GET /v1/config`, which needs no token."""

import re
from dataclasses import replace
from typing import Any

import requests

from todo_sdk._config import SETTINGS, Config
from todo_sdk._errors import ConfigError, ForbiddenError, NotFoundError, NotSignedInError, UpgradeRequiredError
from todo_sdk._http import Http, Request
from todo_sdk._version import __version__

API_VERSION = 1


def fetch_config(api_url: str, *, http: requests.Session | None = None, ca_bundle: str | None = None) -> Config:
    """Give all settings of the deployment behind an API address.

    Args:
        http: what asks the API; one of the SDK's own if none is given.
        ca_bundle: a PEM file of the authorities to trust; else `TODO_CA_BUNDLE` and what requests goes by.

    Raises:
        ConfigError: the address is malformed, is not such an API, or this SDK is too old for it.
        TransportError: nobody answered.
    """
    config = Config(api_url=api_url, sources={"api_url": "argument", "profile": "default"})
    if ca_bundle is not None:
        config = replace(config, ca_bundle=ca_bundle, sources={**config.sources, "ca_bundle": "argument"})
    return completed(config, http=http)


def completed(config: Config, *, http: requests.Session | None = None) -> Config:
    """Give the same settings, with what only the API knows filled in."""
    asker = Http(config.api_url, http, trusted=config.trusted)
    try:
        answer = asker.ask(Request("GET", "/v1/config", repeatable=True))
    except (ForbiddenError, NotFoundError, NotSignedInError) as error:
        # AG-15: API Gateway answers 403 to a path or stage that it does not have
        raise ConfigError(f"{config.api_url} is not the address of a MyTodoList API ({error})") from error
    finally:
        asker.close()
    return config.completed(_checked(answer.body, config.api_url), "the API")


def _checked(body: dict[str, Any], api_url: str) -> dict[str, str | None]:
    wanted = [name for name in SETTINGS if name != "api_url"]
    values = {name: body.get(name) for name in wanted}
    _check_version(body, api_url)
    wrong = next((name for name in wanted if not _is_setting(name, values[name])), None)
    if wrong:
        raise ConfigError(f"{api_url} does not tell its {wrong}; it is not the address of a MyTodoList API")
    return values


def _check_version(body: dict[str, Any], api_url: str) -> None:
    spoken, oldest = body.get("api_version"), str(body.get("oldest_client", "0"))
    if isinstance(spoken, int) and spoken > API_VERSION:
        sentence = f"{api_url} speaks version {spoken} of the API, this SDK version {API_VERSION}"
        raise UpgradeRequiredError(f"{sentence}; upgrade: pip install -U todo-sdk")
    if spoken != API_VERSION:
        raise ConfigError(f"{api_url} speaks version {spoken!r} of the API, this SDK version {API_VERSION}")
    if _numbers(oldest) > _numbers(__version__):
        sentence = f"{api_url} needs todo-sdk {oldest} or newer; this is {__version__}"
        raise UpgradeRequiredError(f"{sentence}; upgrade: pip install -U todo-sdk")


def _is_setting(name: str, value: Any) -> bool:
    return (value is None and name == "endpoint_url") or (isinstance(value, str) and bool(value))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
