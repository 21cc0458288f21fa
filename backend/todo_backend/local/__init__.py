"""The embedded stack: the synthesized template and the Lambda code, running on this machine, on loopback only.

`import todo_backend.local` works without the extra `local`; what needs it raises `MissingExtraError`.
"""

from collections.abc import Callable

from .errors import (
    AlreadyRunningError,
    DataDirError,
    DeploymentError,
    MissingExtraError,
    NotRunningError,
    PortTakenError,
    StackError,
)
from .faults.rules import Fault
from .logs import logs
from .options import Mail, Outputs, StackOptions, Status, default_data_dir
from .process import ca_bundle, inbox, notes, outputs, start, status, stop
from .switches import StackClock, StackFaults, clock, faults


def serve(options: StackOptions, on_ready: Callable[[Outputs], None]) -> None:
    """Run the stack in this process until SIGINT or SIGTERM.

    Args:
        on_ready: called once, with the outputs, when clients can connect.

    Raises:
        StackError: it could not start; nothing is left half done.
    """
    from .server import run

    run(options, on_ready, lambda data_dir: None)


__all__ = [
    "AlreadyRunningError",
    "DataDirError",
    "DeploymentError",
    "Fault",
    "Mail",
    "MissingExtraError",
    "NotRunningError",
    "Outputs",
    "PortTakenError",
    "StackClock",
    "StackError",
    "StackFaults",
    "StackOptions",
    "Status",
    "ca_bundle",
    "clock",
    "default_data_dir",
    "faults",
    "inbox",
    "logs",
    "notes",
    "outputs",
    "serve",
    "start",
    "status",
    "stop",
]
