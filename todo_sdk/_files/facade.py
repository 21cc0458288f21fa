"""Keeping files in one's own folder: `client.files`. What is done, and how, stands in the modules beside this one."""

import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from todo_sdk._config import Config
from todo_sdk._errors import ConflictError, InvalidRequestError, NotFoundError
from todo_sdk._files.attachments import Attachments, attachment_folder, attachment_key
from todo_sdk._files.download import Downloads
from todo_sdk._files.folder import OwnFolder, quoted
from todo_sdk._files.local import guarded, said_plainly, target_of
from todo_sdk._files.removal import Removals
from todo_sdk._files.sharing import share
from todo_sdk._files.sync import FolderSyncs
from todo_sdk._files.tree import tree_of
from todo_sdk._files.unfinished import Unfinished
from todo_sdk._files.upload import Target, Uploads
from todo_sdk._files.values import (
    Direction,
    Download,
    FileTree,
    FolderSync,
    Progress,
    Removal,
    Share,
    SyncPlan,
    UnfinishedUpload,
    Upload,
)
from todo_sdk._models import FileInfo, Todo
from todo_sdk._session import Session
from todo_sdk._todos import Todos
from todo_sdk._traffic import Traffic

LARGEST_COPY_BYTES = 5 * 1024**3  # of one CopyObject


class Files:
    """The signed-in user's files. Keys are relative to the user's folder, which is named after the identity (IP-03).

    Every method raises InvalidRequestError for a key that cannot be one, NotSignedInError when nobody is signed in and
    TransportError when S3 cannot be reached.
    """

    def __init__(self, config: Config, session: Session, todos: Todos, traffic: Traffic | None = None) -> None:
        self._folder = OwnFolder(config, session, traffic or Traffic())
        self._unfinished = Unfinished(self._folder)
        self._uploads = Uploads(self._folder, self._unfinished)
        self._downloads = Downloads(self._folder)
        self._removals = Removals(self._folder)
        self._syncs = FolderSyncs(self._folder, self._uploads, self._downloads, self._removals)
        self._attachments = Attachments(todos)

    def upload(
        self,
        source: Path | str | bytes | BinaryIO,
        key: str | None = None,
        *,
        progress: Progress | None = None,
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> Upload:
        """Put a file into the folder, under its own name if no key is given; what was there is replaced.

        A file of more than 5 MiB goes in parts. When the process dies, the same call later goes on with the parts that
        S3 has confirmed; when the file has changed since, it starts over. Bytes and streams cannot be resumed.

        Args:
            source: a path, bytes, or an open binary stream, which is read from where it stands to its end.
            progress: called with `(sent, total)`, the bytes that S3 has confirmed and all of them; `total` is None for
                a stream that does not know. An error that it raises breaks the upload off.
            if_match: replace only the file that has this ETag.
            if_absent: replace nothing.

        Raises:
            NotFoundError: there is no such local file, or nothing to replace.
            ConflictError: the condition does not hold, or the local file was changed meanwhile.
            InvalidRequestError: the local file cannot be read, or the key cannot be one.

        Example:
            >>> client.files.upload(b"milk, bread", "notes/shopping.txt").size_bytes
            11
        """
        path = Path(source) if isinstance(source, str | Path) else None
        if key is None and path is None:
            raise InvalidRequestError("bytes and streams have no name; say under which key to keep them")
        target = Target(self._folder.checked(path.name if key is None and path else key or ""), if_match, if_absent)
        target.terms()
        if path is not None:
            with said_plainly(path):
                sent = self._uploads.file(path, target, guarded(progress))
        else:
            stream = io.BytesIO(source) if isinstance(source, bytes) else source
            sent = self._uploads.stream(stream, target, progress)  # type: ignore[arg-type]
        info = self._folder.stat(target.key)
        return Upload(target.key, info.size_bytes, info.modified_at, sent.etag, sent.sent_bytes, sent.kept_bytes)

    def download(
        self, key: str, target: Path | str | BinaryIO | None = None, *, progress: Progress | None = None
    ) -> Download:
        """Get a file: to a path, into a folder, into an open binary stream, or else into the current folder.

        A target on the disk appears whole and checked against S3's checksum, or not at all. Until then the bytes are in
        a `.part` file beside it; when the process dies, the same call later goes on behind them, if the file in S3 is
        still the same.

        Args:
            progress: called with `(received, total)` in bytes.

        Raises:
            NotFoundError: there is no such file, or no folder to put it in.
            ConflictError: the file was replaced meanwhile; download it again.
            InvalidRequestError: the target cannot be written, or the key does not end in a name for it.

        Example:
            >>> client.files.download("notes/shopping.txt", "copy.txt").path.read_text()
            'milk, bread'
        """
        self._folder.checked(key)
        if not (target is None or isinstance(target, str | Path)):
            return self._downloads.stream(key, target, progress)
        with said_plainly(Path(key) if target is None else Path(target)):
            path = target_of(key, target)
            return self._downloads.file(key, path, guarded(progress))

    def read(self, key: str) -> bytes:
        """Give the content of a file; it is all in memory then.

        Example:
            >>> client.files.read("notes/shopping.txt")
            b'milk, bread'
        """
        content = io.BytesIO()
        self.download(key, content)
        return content.getvalue()

    def list(self, prefix: str = "") -> Iterator[FileInfo]:
        """Give the files whose keys begin with a prefix, in the order of their keys; pages are fetched as needed.

        Example:
            >>> [file.key for file in client.files.list("notes/")]
            ['notes/shopping.txt']
        """
        if prefix:
            self._folder.checked(prefix)
        return self._folder.list(prefix)

    def tree(self, prefix: str = "") -> FileTree:
        """Give the files below a folder as a tree, by the slashes in their keys.

        Example:
            >>> [folder.name for folder in client.files.tree().folders]
            ['notes']
        """
        prefix = f"{self._folder.checked(prefix.rstrip('/'))}/" if prefix else ""
        return tree_of(prefix, self._folder.list(prefix))

    def stat(self, key: str) -> FileInfo:
        """Give size, time and ETag of a file; NotFoundError when there is none.

        Example:
            >>> client.files.stat("notes/shopping.txt").size_bytes
            11
        """
        return self._folder.stat(self._folder.checked(key))

    def exists(self, key: str) -> bool:
        """Tell whether there is such a file.

        Example:
            >>> client.files.exists("notes/nothing.txt")
            False
        """
        try:
            self.stat(key)
        except NotFoundError:
            return False
        return True

    def remove(self, key: str) -> None:
        """Remove a file. One that is not there is removed already: so S3 says, and so a repeat does no harm.

        Example:
            >>> client.files.remove("notes/nothing.txt")
        """
        self._folder.bucket.remove(self._folder.whole(self._folder.checked(key)))

    def remove_many(self, keys: Iterable[str]) -> Removal:
        """Remove files, a thousand with each request; tells which are gone and which could not be removed.

        Example:
            >>> client.files.remove_many(["a.txt", "b.txt"]).removed
            ('a.txt', 'b.txt')
        """
        return self._removals.many([self._folder.checked(key) for key in dict.fromkeys(keys)])

    def copy(self, key: str, to: str) -> FileInfo:
        """Copy a file within the folder, in S3 itself; what was at `to` is replaced.

        Raises:
            ConflictError: the file was replaced meanwhile.
            InvalidRequestError: it has more than 5 GiB; download it and upload it again.

        Example:
            >>> client.files.copy("notes/shopping.txt", "old/shopping.txt").key
            'old/shopping.txt'
        """
        self._folder.checked(to)
        found = self.stat(key)
        if key == to:
            return found
        if found.size_bytes > LARGEST_COPY_BYTES:
            raise InvalidRequestError(
                f"{key!r} has more than 5 GiB, which S3 does not copy; download it, upload it again"
            )
        self._folder.bucket.copy(self._folder.whole(key), self._folder.whole(to), quoted(found.etag))
        return self._folder.stat(to)

    def move(self, key: str, to: str) -> FileInfo:
        """Give a file another key; what was at `to` is replaced.

        S3 has no move: it is copied, then removed if it is still the same. A crash in between leaves both.

        Raises:
            ConflictError: the file was replaced meanwhile; the copy is of what it was, and the new one is kept.

        Example:
            >>> client.files.move("old/shopping.txt", "old/list.txt").key
            'old/list.txt'
        """
        found = self.stat(key)
        copied = self.copy(key, to)
        if key != to:
            try:
                self._folder.bucket.remove(self._folder.whole(key), {"IfMatch": quoted(found.etag)})
            except ConflictError as error:
                raise ConflictError(f"{key!r} was replaced while it was copied; it stays, {to!r} is a copy") from error
        return copied

    def share(self, key: str, expires_in: timedelta = timedelta(minutes=15)) -> Share:
        """Give a URL with which anybody can read one file for a while.

        It ends with the session's own credentials, an hour after they were made at the latest (S3-22); `expires_at`
        says when it really does. It cannot be taken back before; removing the file ends it. No log or repr shows it.

        Args:
            expires_in: how long is wanted; a second to seven days.

        Raises:
            NotFoundError: there is no such file.

        Example:
            >>> client.files.share("notes/shopping.txt").limited_by
            'request'
        """
        self._folder.checked(key)
        return share(self._folder, key, expires_in)

    def plan_sync(
        self, local_folder: Path | str, prefix: str, direction: Direction, *, delete: bool = False
    ) -> SyncPlan:
        """Compare a local folder with the files below a prefix and say what would make them the same.

        Nothing is changed. Files are the same when their sizes and their contents' checksums (S3's ETag) are; a local
        file is read only if it or the remote one has changed since they were last seen to be the same.

        Args:
            direction: "up" makes the files in S3 like the folder, "down" the folder like the files in S3.
            delete: remove on that side what the other does not have; not when a part of the folder cannot be read.

        Raises:
            NotFoundError: there is no such folder.

        Example:
            >>> plan = client.files.plan_sync("pictures", "backup", "up")
            >>> [(action.kind, action.key, action.reason) for action in plan.actions]
            [('upload', 'backup/cat.jpg', 'new')]
        """
        with said_plainly(Path(local_folder)):
            return self._syncs.plan(Path(local_folder), prefix, direction, delete=delete)

    def carry_out(self, plan: SyncPlan, *, progress: Progress | None = None) -> FolderSync:
        """Do what a plan says. What changed since the plan was made is not overwritten, but told as a failure.

        Args:
            progress: called after each file with `(handled, total)`, the bytes of the files that were sent, received or
                given up by now, and `plan.transfer_bytes`.

        Example:
            >>> plan = client.files.plan_sync("pictures", "backup", "up")
            >>> client.files.carry_out(plan).ok
            True
        """
        return self._syncs.carry_out(plan, progress)

    def sync(
        self,
        local_folder: Path | str,
        prefix: str,
        direction: Direction,
        *,
        delete: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> FolderSync:
        """Make one side like the other: `plan_sync`, then `carry_out`, or not with `dry_run`.

        Example:
            >>> client.files.sync("pictures", "backup", "up").plan.unchanged
            1
        """
        plan = self.plan_sync(local_folder, prefix, direction, delete=delete)
        return FolderSync(plan, (), ()) if dry_run else self.carry_out(plan, progress=progress)

    def unfinished(self) -> tuple[UnfinishedUpload, ...]:
        """Give the uploads that were broken off on this device; `upload` goes on with one, `abort` gives it up.

        After a week S3 has removed their parts by itself, and they are no longer listed.

        Example:
            >>> client.files.unfinished()
            ()
        """
        begun = list(self._unfinished.all(self._folder.now()))
        return tuple(sorted((each.shown() for each in begun), key=lambda upload: (upload.started_at, upload.key)))

    def abort(self, upload: UnfinishedUpload) -> None:
        """Give an unfinished upload up; its parts are removed from S3.

        Example:
            >>> for upload in client.files.unfinished():
            ...     client.files.abort(upload)
        """
        self._unfinished.abort(upload.key, upload.path, upload.upload_id)

    def attach(
        self, todo_id: str, path: Path | str, *, name: str | None = None, progress: Progress | None = None
    ) -> Todo:
        """Upload a file to `attachments/<to-do's id>/` and name it in the to-do; gives the to-do as it is now.

        The file is there before it is named: a crash in between leaves a file that no to-do names. The same call again
        puts that right. An attachment of that name is replaced.

        Args:
            name: of the attachment; the file's own name if none is given.

        Raises:
            NotFoundError: there is no such to-do, or no such local file.
            InvalidRequestError: the to-do has 20 attachments already.

        Example:
            >>> todo = client.todos.add("Renew the passport")
            >>> client.files.attach(todo.id, "form.pdf").attachments[0].endswith("/form.pdf")
            True
        """
        key = self._folder.checked(attachment_key(todo_id, Path(path).name if name is None else name))
        self._attachments.must_have_room(todo_id, key)
        self.upload(path, key, progress=progress)
        return self._attachments.name(todo_id, key)

    def attachments(self, todo: Todo | str) -> tuple[FileInfo, ...]:
        """Give the files that a to-do names, in its order; those that are not there any more are left out.

        Example:
            >>> [file.size_bytes for file in client.files.attachments(todo.id)]
            [3]
        """
        found = [self._attachment(key) for key in self._attachments.of(todo)]
        return tuple(info for info in found if info is not None)

    def detach(self, todo_id: str, key: str) -> Todo:
        """Take an attachment out of a to-do, then remove the file if it lies in the to-do's own folder.

        Gives the to-do as it is now. What the to-do does not name is left alone.

        Args:
            key: the key that the to-do names, or the attachment's name.

        Example:
            >>> client.files.detach(todo.id, "form.pdf").attachments
            ()
        """
        todo, dropped = self._attachments.drop(todo_id, key)
        if dropped is not None and dropped.startswith(attachment_folder(todo_id)):  # another file is its owner's
            self.remove(dropped)
        return todo

    def _attachment(self, key: str) -> FileInfo | None:
        try:
            return self._folder.stat(key)
        except NotFoundError:
            return None
