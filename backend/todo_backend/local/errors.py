"""What can go wrong around the embedded stack; each message is one sentence a person can act on.

* StackError                 the stack could not do what was asked
  x PortTakenError           another program listens on the port
  x AlreadyRunningError      this data directory already has a running stack; .pid .port
  x NotRunningError          the call needs a running stack
  x DataDirError             the data directory cannot be used
  x MissingExtraError        the extra `local` is not installed
  x DeploymentError          the template was refused
"""


class StackError(Exception):
    """The embedded stack could not do what was asked."""


class PortTakenError(StackError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken by another program; choose another one with --port")
        self.port = port


class AlreadyRunningError(StackError):
    """This data directory already has a running stack."""

    def __init__(self, pid: int | None, port: int | None) -> None:
        where = f"process {pid}" if pid else "another process"
        at = f", port {port}" if port else ""
        super().__init__(f"the embedded stack already runs here ({where}{at}); stop it with `todo down`")
        self.pid = pid
        self.port = port


class NotRunningError(StackError):
    """The call needs a running stack."""

    def __init__(self) -> None:
        super().__init__("the embedded stack is not running; start it with `todo up`")


class DataDirError(StackError):
    """The data directory cannot be used."""


class MissingExtraError(StackError):
    """The extra `local` is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f'the embedded stack needs {package}, which is not installed; run: pip install "todo-sdk[local]"'
        )
        self.package = package


class DeploymentError(StackError):
    """The control plane refused the template, or could not create what it describes."""
