"""A folder and a part of one's files made the same: first the plan, then the deed; one file's failure stops no other.

Each action holds what the plan saw of the other side: what changed meanwhile is a conflict, not overwritten.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from todo_sdk._errors import ConflictError, InvalidRequestError, NotFoundError, TodoError
from todo_sdk._files.download import Downloads
from todo_sdk._files.folder import OwnFolder
from todo_sdk._files.local import said_plainly
from todo_sdk._files.names import ignores_case, local_path
from todo_sdk._files.parts import in_parallel
from todo_sdk._files.plan import Local, Memory, Sides, listed
from todo_sdk._files.removal import Removals
from todo_sdk._files.upload import Target, Uploads
from todo_sdk._files.values import Direction, FileFailure, FolderSync, Progress, SyncAction, SyncPlan

FILES_AT_ONCE = 4


class FolderSyncs:
    """Syncs of local folders."""

    def __init__(self, folder: OwnFolder, uploads: Uploads, downloads: Downloads, removals: Removals) -> None:
        self._folder = folder
        self._uploads = uploads
        self._downloads = downloads
        self._removals = removals

    def plan(self, local_folder: Path, prefix: str, direction: Direction, *, delete: bool) -> SyncPlan:
        """Compare both sides."""
        if direction not in ("up", "down"):
            raise InvalidRequestError(f'direction must be "up" or "down", not {direction!r}')
        folder = local_folder.absolute()
        if not folder.is_dir():
            raise NotFoundError(f"there is no folder {folder}")
        if prefix:
            prefix = self._folder.checked(prefix.rstrip("/")) + "/"
        there = {
            info.key.removeprefix(prefix): info for info in self._folder.list(prefix) if not info.key.endswith("/")
        }
        memory = self._memory(folder, prefix)
        sides = Sides(folder, prefix, listed(folder), there, memory, ignores_case(folder))
        plan = sides.plan(direction, delete=delete)
        memory.save()
        return plan

    def carry_out(self, plan: SyncPlan, progress: Progress | None) -> FolderSync:
        """Do what a plan says; what failed is told in the result."""
        memory = self._memory(plan.folder, plan.prefix)
        done: list[SyncAction] = []
        failed: list[FileFailure] = []
        handled_bytes = 0
        transfers = [action for action in plan.actions if action.kind in ("upload", "download", "remove_local")]
        try:
            for action, error in in_parallel(lambda each: self._one(each, plan, memory), transfers, FILES_AT_ONCE):
                handled_bytes += action.size_bytes
                if error is None:
                    done.append(action)
                else:
                    failed.append(FileFailure(action.key, error))
                if progress is not None:
                    progress(handled_bytes, plan.transfer_bytes)
        finally:
            memory.save()
        # removals last: what a failed transfer would have put in their place is not lost before it is there
        removed, not_removed = self._removed(plan.actions)
        done.sort(key=lambda action: action.key)
        failed = [*_refused(plan), *failed, *not_removed]
        return FolderSync(plan, (*done, *removed), tuple(sorted(failed, key=lambda failure: failure.key)))

    def _one(self, action: SyncAction, plan: SyncPlan, memory: Memory) -> tuple[SyncAction, TodoError | None]:
        try:
            with said_plainly(action.path):
                etag = self._done(action, plan)
                if etag is not None:
                    facts = action.path.stat()
                    local = Local(action.path, facts.st_size, facts.st_mtime_ns)
                    memory.same(action.key.removeprefix(plan.prefix), local, etag)
        except TodoError as error:
            return action, error
        return action, None

    def _done(self, action: SyncAction, plan: SyncPlan) -> str | None:
        if action.kind == "remove_local":
            action.path.unlink(missing_ok=True)
            return None
        if action.kind == "upload":
            key = self._folder.checked(action.key)
            target = Target(key, if_match=action.etag, if_absent=action.etag is None)
            return self._uploads.file(action.path, target, None).etag
        path = local_path(plan.folder, action.key.removeprefix(plan.prefix))
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and action.reason == "new":
            raise ConflictError(f"{path} was made after the plan; plan again")
        return self._downloads.file(action.key, path, None, keep_time=True).etag

    def _removed(self, actions: Sequence[SyncAction]) -> tuple[list[SyncAction], list[FileFailure]]:
        doomed = {action.key: action for action in actions if action.kind == "remove_remote"}
        removal = self._removals.many(list(doomed))
        return [doomed[key] for key in removal.removed], list(removal.failed)

    def _memory(self, folder: Path, prefix: str) -> Memory:
        place = f"{self._folder.whole(prefix)}\0{folder}".encode(errors="surrogateescape")
        return Memory(self._folder.kept_path("folders", f"{hashlib.sha256(place).hexdigest()[:32]}.json"))


def _refused(plan: SyncPlan) -> list[FileFailure]:
    return [
        FileFailure(action.key, InvalidRequestError(action.reason))
        for action in plan.actions
        if action.kind == "refuse"
    ]
