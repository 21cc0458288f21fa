"""Removing many files: a thousand a request, or one by one where S3 will not have batches."""

from collections.abc import Sequence

from todo_sdk._errors import ForbiddenError, TodoError
from todo_sdk._files.folder import OwnFolder
from todo_sdk._files.parts import in_parallel
from todo_sdk._files.values import FileFailure, Removal

KEYS_A_BATCH = 1000  # S3's limit for one DeleteObjects
REMOVED_AT_ONCE = 8


class Removals:
    """Removals from one folder. What is not there is removed already (S3-36)."""

    def __init__(self, folder: OwnFolder) -> None:
        self._folder = folder

    def many(self, keys: Sequence[str]) -> Removal:
        """Remove files; what could not be removed is told in the result."""
        errors: dict[str, TodoError] = {}
        for start in range(0, len(keys), KEYS_A_BATCH):
            errors |= self._batch(keys[start : start + KEYS_A_BATCH])
        removed = tuple(key for key in keys if key not in errors)
        return Removal(removed, tuple(FileFailure(key, errors[key]) for key in keys if key in errors))

    def _batch(self, keys: Sequence[str]) -> dict[str, TodoError]:
        if len(keys) == 1:
            return self._one_by_one(keys)
        whole = {self._folder.whole(key): key for key in keys}
        try:
            said = self._folder.bucket.remove_batch(list(whole))
        except ForbiddenError:  # S3 judges each key by itself (S3-11); MiniStack refuses the batch
            return self._one_by_one(keys)
        return {whole[key]: error for key, error in said.items()}

    def _one_by_one(self, keys: Sequence[str]) -> dict[str, TodoError]:
        outcomes = in_parallel(self._one, keys, min(REMOVED_AT_ONCE, len(keys)))
        return {key: error for key, error in outcomes if error is not None}

    def _one(self, key: str) -> tuple[str, TodoError | None]:
        try:
            self._folder.bucket.remove(self._folder.whole(key))
        except TodoError as error:
            return key, error
        return key, None
