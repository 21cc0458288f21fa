"""What can go wrong around the deployment to AWS; each message is one sentence a person can act on.

* StackError                 AWS or the CDK command line could not do what was asked
  x NotDeployedError         there is no such stack in this account and region
  x ConfigError              something is missing or malformed on this side
    + MissingExtraError      the extra `backend` is not installed
    + MissingToolError       Node, or the CDK command line, is not installed or too old
    + SettingsError          a context switch has a value that cannot be deployed
"""


class StackError(Exception):
    """AWS or the CDK command line could not do what was asked."""


class NotDeployedError(StackError):
    """There is no such stack in this account and region."""


class ConfigError(StackError):
    """Something is missing or malformed on this side."""


class MissingExtraError(ConfigError):
    """The extra `backend` is not installed."""

    def __init__(self) -> None:
        super().__init__("this needs the extra `backend`: pip install 'todo-sdk[backend]'")


class MissingToolError(ConfigError):
    """Node, or the CDK command line, is not installed or too old."""


class SettingsError(ConfigError):
    """A context switch has a value that cannot be deployed."""
