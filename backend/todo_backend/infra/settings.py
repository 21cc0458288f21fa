"""The context switches of the CDK app (`-c name=value`), read once and checked. No CDK here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from todo_backend.infra.errors import SettingsError

# API Gateway takes letters, digits and "_" in a stage's name, CloudFormation letters, digits and "-": what both take.
_STAGE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,29}")

# DAX keeps a list and an item this long at most; `service` is told both.
QUERY_TTL_SECONDS = 300
RECORD_TTL_SECONDS = 300


@dataclass(frozen=True)
class Settings:
    """What may differ between two deployments of the same code."""

    stage: str = "prod"
    dax: bool = True
    api_cache: bool = True
    dax_nodes: int = 1
    throttle_rate: int = 5000
    throttle_burst: int = 2500

    @property
    def keeps_data(self) -> bool:
        """Users, to-dos and files outlive the stack: only in the stage that has real ones."""
        return self.stage == "prod"

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return stack_name(self.stage)


def stack_name(stage: str) -> str:
    """The name of a stage's CloudFormation stack.

    Raises:
        SettingsError: the stage's name cannot be deployed.
    """
    if not _STAGE.fullmatch(stage):
        raise SettingsError(f"stage must be a letter and up to 29 letters or digits, not {stage!r}")
    return f"todo-{stage}"


def read_settings(context: Callable[[str], object]) -> Settings:
    """Read the switches: what `context` gives for a name, or the default where it gives None.

    Raises:
        SettingsError: a value has the wrong form; says which one.
    """
    default = Settings()
    settings = Settings(
        stage=str(_given(context("stage"), default.stage)),
        dax=_switch("dax", _given(context("dax"), default.dax)),
        api_cache=_switch("api_cache", _given(context("api_cache"), default.api_cache)),
        # DAX has one primary and up to ten read replicas.
        dax_nodes=_number("dax_nodes", _given(context("dax_nodes"), default.dax_nodes), 11),
        throttle_rate=_number("throttle_rate", _given(context("throttle_rate"), default.throttle_rate), 10_000),
        throttle_burst=_number("throttle_burst", _given(context("throttle_burst"), default.throttle_burst), 5_000),
    )
    stack_name(settings.stage)
    return settings


def settings_of(context: Mapping[str, object]) -> Settings:
    """The settings of switches that were all given by name, as on a command line.

    Raises:
        SettingsError: a name is unknown (CDK would ignore it without a word), or a value has the wrong form.
    """
    known = [field.name for field in fields(Settings)]
    for name in context:
        if name not in known:
            raise SettingsError(f"there is no context switch {name!r}; there are {', '.join(known)}")
    return read_settings(context.get)


def _given(value: object, default: object) -> object:
    return default if value is None else value


def _switch(name: str, value: object) -> bool:
    # From cdk.json a value is true or false; from the command line it is a text.
    text = str(value).lower()
    if text not in ("true", "false"):
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return text == "true"


def _number(name: str, value: object, largest: int) -> int:
    text = str(value)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= largest:
        raise SettingsError(f"{name} must be a number from 1 to {largest}, not {value!r}")
    return int(text)
