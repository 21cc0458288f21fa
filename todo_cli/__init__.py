"""The command `todo`: the simulated mobile client and the way to start its backend.

Light on purpose: everything else is imported when the command runs.
"""

__all__ = ["main"]


def main() -> int:
    """Run the command with the process's arguments and return its exit code."""
    try:
        from todo_cli._main import run

        return run()
    except KeyboardInterrupt:  # while still importing
        return 130
