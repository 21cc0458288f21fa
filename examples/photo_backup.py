"""Back up a folder of pictures into your own folder, as often as you like.

    python examples/photo_backup.py ~/Pictures --dry-run     says what would be done
    python examples/photo_backup.py ~/Pictures               does it; pictures that are there already are not sent
    python examples/photo_backup.py ~/Pictures --to phone    below another folder than "pictures"

Sign in first (`todo login EMAIL`). A run that is killed is gone on with by the next one, large videos in their middle.
"""

import argparse
import sys
from pathlib import Path

from todo_sdk import FolderSync, SyncPlan, TodoClient, TodoError


def told(plan: SyncPlan) -> str:
    """A plan in a sentence."""
    uploads = sum(action.kind == "upload" for action in plan.actions)
    return f"{uploads} to send ({plan.transfer_bytes:,} bytes), {plan.unchanged} there already"


def back_up(client: TodoClient, folder: Path, to: str, *, dry_run: bool) -> FolderSync:
    """Send what is new or changed; nothing is ever removed from the backup."""
    for unfinished in client.files.unfinished():
        print(f"going on with {unfinished.key}, begun {unfinished.started_at:%Y-%m-%d %H:%M} UTC")
    plan = client.files.plan_sync(folder, to, "up")
    print(told(plan))
    for action in plan.actions:
        print(f"  {action.kind:8} {action.path.relative_to(plan.folder)} ({action.reason})")
    return FolderSync(plan, (), ()) if dry_run else client.files.carry_out(plan)


def main() -> int:
    """Read the arguments, back up, say what could not be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", default="pictures", help="the folder in your files (pictures)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    given = parser.parse_args()
    with TodoClient.from_profile() as client:
        result = back_up(client, given.folder, given.to, dry_run=given.dry_run)
    for failure in result.failed:
        print(f"{failure.key}: {failure.error}", file=sys.stderr)
    if not given.dry_run:
        print(f"sent {len(result.done)}")
    return 0 if result.ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TodoError as error:
        sys.exit(f"photo_backup: {error}")
