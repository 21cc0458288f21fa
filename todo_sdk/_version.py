"""The version of the installed distribution."""

from importlib.metadata import PackageNotFoundError, version


def _installed_version() -> str:
    try:
        return version("todo-sdk")
    except PackageNotFoundError:  # a source tree on the path that was never installed
        return "0"


__version__ = _installed_version()
