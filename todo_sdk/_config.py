"""Settings: which deployment to talk to. The only module that reads the environment.

A setting is looked for in this order, and the first hit wins: argument, `TODO_*` variable, profile in config.toml,
default. Tokens are not settings.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from todo_sdk import _profiles
from todo_sdk._addresses import checked_url
from todo_sdk._errors import ConfigError

SETTINGS = (
    "api_url",
    "region",
    "user_pool_id",
    "user_pool_client_id",
    "identity_pool_id",
    "files_bucket",
    "endpoint_url",
)
OPTIONAL_SETTINGS = ("endpoint_url",)
LOCAL_SETTINGS = ("ca_bundle", "token_store")  # of this machine: a profile may hold them, the API does not tell them
TOKEN_STORES = ("auto", "keyring", "file", "memory")
DEFAULT_PROFILE = "default"
_PROFILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Config:
    """The settings of one deployment, each with the place that it came from in `sources`.

    `endpoint_url` is the one address of all AWS APIs of an embedded stack, None on AWS. An empty text is a setting that
    is not known yet: `fetch_config` knows all of them. `ca_bundle` is a PEM file of the authorities to trust, None for
    the usual ones; the API and AWS are trusted by it alike. `token_store` says where the session is kept: "keyring",
    "file" or "memory"; "auto" is the keyring where one works, else the file.
    """

    api_url: str
    region: str = ""
    user_pool_id: str = ""
    user_pool_client_id: str = ""
    identity_pool_id: str = ""
    files_bucket: str = ""
    endpoint_url: str | None = None
    ca_bundle: str | None = field(default_factory=lambda: _ca_bundle(os.environ, None)[0])
    token_store: str = field(default_factory=lambda: os.environ.get("TODO_TOKEN_STORE") or "auto")
    profile: str = DEFAULT_PROFILE
    session_name: str = ""
    data_dir: Path = field(default_factory=lambda: data_dir(os.environ))
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "api_url", checked_url("api_url", self.api_url))
        if self.endpoint_url is not None:
            object.__setattr__(self, "endpoint_url", checked_url("endpoint_url", self.endpoint_url))
        checked_profile(self.profile)
        if self.token_store not in TOKEN_STORES:
            raise ConfigError(
                f"token_store (TODO_TOKEN_STORE) is {self.token_store!r}; it can be {', '.join(TOKEN_STORES)}"
            )
        object.__setattr__(self, "sources", MappingProxyType(dict(self.sources)))

    @classmethod
    def load(
        cls, profile: str | None = None, api_url: str | None = None, environ: Mapping[str, str] | None = None
    ) -> "Config":
        """Find the settings: argument, then `TODO_PROFILE` and `TODO_API_URL`, then the profile, then the default.

        The profile is the named one, else the file's `default_profile`. Its other settings belong to its own `api_url`:
        when another one is given they are left out, and only the API can tell them (`fetch_config`).

        Raises:
            ConfigError: there is no such profile, no `api_url` anywhere, or the file cannot be read.
        """
        env = os.environ if environ is None else environ
        path = config_path(env)
        document = _profiles.read(path)
        name, name_source = _profile_name(profile, env, document)
        stored = _profiles.one_profile(document, name, path, must_exist=name_source != "default")
        here = f"profile {name}"
        url, url_source = _first_hit(
            (api_url, "argument"), (env.get("TODO_API_URL"), "environment"), (stored.get("api_url"), here)
        )
        if not url:
            raise ConfigError(
                "no API address: give api_url, set TODO_API_URL, or write a profile with `todo configure --api-url URL`"
                f" or `todo up` (looked in {path})"
            )
        url = checked_url("api_url", url)
        own = stored if stored.get("api_url") in (url, None) else {}
        values: dict[str, Any] = {key: value for key, value in own.items() if key in SETTINGS}
        sources = dict.fromkeys(SETTINGS, "default") | dict.fromkeys(values, here)
        bundle, sources["ca_bundle"] = _ca_bundle(env, own.get("ca_bundle"), here)
        kept, sources["token_store"] = _first_hit(
            (env.get("TODO_TOKEN_STORE"), "environment"), (stored.get("token_store"), here), ("auto", "default")
        )
        return cls(
            **{**values, "api_url": url, "ca_bundle": bundle, "token_store": kept},
            profile=name,
            session_name=_session_name(name, stored.get("api_url"), url),
            data_dir=data_dir(env),
            sources={**sources, "api_url": url_source, "profile": name_source},
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the settings that a client needs and that are not known."""
        return tuple(name for name in SETTINGS if name not in OPTIONAL_SETTINGS and not getattr(self, name))

    @property
    def trusted(self) -> str | None:
        """The PEM file to trust instead of the usual authorities, if there is one.

        Raises:
            ConfigError: it is not there.
        """
        if self.ca_bundle is not None and not Path(self.ca_bundle).is_file():
            source = self.sources.get("ca_bundle", "argument")
            raise ConfigError(f"ca_bundle {self.ca_bundle!r} ({source}) is not a file; give a PEM file of authorities")
        return self.ca_bundle

    @property
    def session_path(self) -> Path:
        """Where the session of this profile is kept."""
        return self.data_dir / "sessions" / f"{self.session_name or self.profile}.json"

    @property
    def replicas_path(self) -> Path:
        """The folder with the replicas of this profile, one for each user who signed in."""
        return self.data_dir / "replicas" / (self.session_name or self.profile)

    def completed(self, values: Mapping[str, str | None], source: str) -> "Config":
        """Give the same settings with the deployment's own values in them."""
        known: dict[str, Any] = {name: values.get(name) for name in SETTINGS if name in values and name != "api_url"}
        return replace(self, **known, sources={**self.sources, **dict.fromkeys(known, source)})


def config_path(environ: Mapping[str, str]) -> Path:
    """Tell where the profiles are kept: `TODO_CONFIG_DIR`, else the platform's folder for settings."""
    from platformdirs import user_config_path

    given = environ.get("TODO_CONFIG_DIR")
    return (Path(given) if given else user_config_path("todo")) / "config.toml"


def data_dir(environ: Mapping[str, str]) -> Path:
    """Tell where sessions are kept: `TODO_DATA_DIR`, else the platform's folder for data."""
    from platformdirs import user_data_path

    given = environ.get("TODO_DATA_DIR")
    return Path(given) if given else user_data_path("todo")


def checked_profile(name: str) -> str:
    """Give a profile's name back; it is also the name of a file.

    Raises:
        ConfigError: it cannot be a name.
    """
    if not _PROFILE_NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be the name of a profile; use letters, digits, '-', '_' and '.'")
    return name


def profiles(environ: Mapping[str, str] | None = None) -> dict[str, dict[str, str]]:
    """Give every profile in config.toml, by name.

    Raises:
        ConfigError: the file is there and cannot be read.
    """
    return _profiles.all_profiles(_profiles.read(config_path(os.environ if environ is None else environ)))


def write_profile(
    name: str,
    values: Mapping[str, str | None],
    make_default: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Path:
    """Write one profile to config.toml, atomically, and give the file's path; the other profiles stay.

    Settings that are None are left out. The first profile becomes the default one.

    Raises:
        ConfigError: a setting does not exist or is malformed, or the file cannot be written.
    """
    checked_profile(name)
    settings = (*SETTINGS, *LOCAL_SETTINGS)
    unknown = sorted(set(values) - set(settings))
    if unknown:
        raise ConfigError(f"there is no setting {unknown[0]!r}; there are {', '.join(settings)}")
    known = {key: value for key, value in values.items() if value is not None}
    known |= {key: checked_url(key, known[key]) for key in ("api_url", "endpoint_url") if key in known}
    path = config_path(os.environ if environ is None else environ)
    _profiles.write(path, name, known, make_default=make_default)
    return path


def remove_profile(name: str, environ: Mapping[str, str] | None = None) -> bool:
    """Take one profile out of config.toml, atomically; gives whether it was there. Its session is not touched.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    return _profiles.remove(config_path(os.environ if environ is None else environ), checked_profile(name))


def default_profile(environ: Mapping[str, str] | None = None) -> str | None:
    """Tell which profile is used where none is named, if there is one.

    Raises:
        ConfigError: config.toml is there and cannot be read.
    """
    env = os.environ if environ is None else environ
    name = env.get("TODO_PROFILE") or _profiles.read(config_path(env)).get("default_profile")
    return str(name) if name else None


def _profile_name(profile: str | None, environ: Mapping[str, str], document: Mapping[str, Any]) -> tuple[str, str]:
    name, source = _first_hit(
        (profile, "argument"),
        (environ.get("TODO_PROFILE"), "environment"),
        (document.get("default_profile"), "config.toml"),
        (DEFAULT_PROFILE, "default"),
    )
    return checked_profile(name), source


def _ca_bundle(environ: Mapping[str, str], stored: str | None, profile: str = "profile") -> tuple[str | None, str]:
    """Find the authorities to trust: one's own variable, the profile, then what requests and curl go by."""
    found, source = _first_hit(
        (environ.get("TODO_CA_BUNDLE"), "environment"),
        (stored, profile),
        (environ.get("REQUESTS_CA_BUNDLE"), "REQUESTS_CA_BUNDLE"),
        (environ.get("CURL_CA_BUNDLE"), "CURL_CA_BUNDLE"),
    )
    return (found, source) if found else (None, "default")


def _first_hit(*places: tuple[str | None, str]) -> tuple[str, str]:
    return next(((value, source) for value, source in places if value), ("", "nowhere"))


def _session_name(profile: str, stored_url: str | None, url: str) -> str:
    # a profile whose api_url is overridden talks to another deployment; its own session must survive that
    return profile if stored_url == url else f"{profile}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
