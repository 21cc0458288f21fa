"""What the Lambda function said."""

from pathlib import Path
from typing import Any

from .datadir import DataDir
from .errors import NotRunningError


def logs(data_dir: Path, lines: int = 200) -> list[str]:
    """The last lines of the Lambda's log, oldest first; of the stack's own log when it does not run."""
    place = DataDir.of_last_run(data_dir)
    port = place.read_stack().get("port")
    if port and place.is_locked():
        import asyncio  # the only function here that needs it

        return asyncio.run(_lambda_lines(place, int(port)))[-lines:]
    try:
        return place.file("stack.log").read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


async def _lambda_lines(place: DataDir, port: int) -> list[str]:
    from .control import AdminCredentials, ControlError, ControlPlane, remote_app

    control = ControlPlane(remote_app(place), AdminCredentials.of(place), port)
    events: list[dict[str, Any]] = []
    try:
        groups = await control.call("logs", "DescribeLogGroups")
        for group in groups.get("logGroups", []):
            events += await _events(control, str(group["logGroupName"]))
    except (ControlError, NotRunningError, OSError):
        return []
    events.sort(key=lambda event: int(event["timestamp"]))
    return [line for event in events for line in str(event["message"]).splitlines()]


async def _events(control: Any, group: str) -> list[dict[str, Any]]:
    found = await control.call("logs", "FilterLogEvents", logGroupName=group)
    events: list[dict[str, Any]] = found.get("events", [])
    while found.get("nextToken"):
        found = await control.call("logs", "FilterLogEvents", logGroupName=group, nextToken=found["nextToken"])
        events += found.get("events", [])
    return events
