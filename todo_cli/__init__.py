"""The command `todo`: the simulated mobile client and the way to start its backend.

Light on purpose: everything else is imported when the command runs.
"""

import gc

__all__ = ["main"]

# A command is over before looking for garbage has paid off; with Python's own 700 a list spends a tenth of its time so.
OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main() -> int:
    """Run the command with the process's arguments and return its exit code."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from todo_cli._main import run

        return run()
    except KeyboardInterrupt:  # while still importing
        return 130
    finally:
        gc.freeze()  # what is left goes with the process; the interpreter need not search it at its end
