"""File commands: files ls, put, get, rm, share, sync. Straight to the user's own S3 folder; no Lambda in between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from todo_cli import _completing
from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode, failure_of
from todo_cli._options import YES, Group, on_dry_run
from todo_cli._output import plain
from todo_cli._progress import bar

if TYPE_CHECKING:
    from todo_sdk import Files, FolderSync, SyncPlan

DRY_RUN = click.option("--dry-run", "-n", is_flag=True, help="Say what would be done, and do nothing.")
TO = click.option("--to", "folder", metavar="FOLDER", help="Where to put them all.")
PATTERN = re.compile(r"[*?\[]")
DURATION = re.compile(r"(\d+)([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
VERBS = {
    "upload": "put",
    "download": "get",
    "remove_remote": "remove",
    "remove_local": "remove here",
    "skip": "skip",
    "refuse": "refuse",
}


@click.group(
    cls=Group,
    examples="""
        todo files put report.pdf
        todo files ls
        todo files get report.pdf /tmp
        todo files sync pictures photos/ --dry-run
    """,
)
def files() -> None:
    """Files in your own folder: ls, put, get, rm, share, sync.

    Names are relative to your folder; nobody else's folder can be named. A transfer that was broken off goes on where
    it was when the same command is given again.
    """


@files.command(
    reads=True,
    examples="""
        todo files ls
        todo files ls notes/ --json
        todo files ls '*.pdf'
    """,
)
@click.argument("prefix", default="", shell_complete=_completing.remote_files)
@click.pass_obj
def ls(app: AppContext, prefix: str) -> None:
    """List your files: all, those whose names begin with PREFIX, or those that a pattern fits."""
    found = _matching(app.client.files, prefix) if PATTERN.search(prefix) else list(app.client.files.list(prefix))
    rows = [(str(file.size_bytes), str(plain(file.modified_at))[:16].replace("T", " "), file.key) for file in found]
    app.out.table({"files": found}, ("BYTES", "MODIFIED (UTC)", "NAME"), rows, is_long=True)
    if not found:
        app.out.talk("no files")


def _matching(files: Files, pattern: str) -> list[Any]:
    """The files that a pattern fits; only those that share what stands before its first wildcard are listed."""
    prefix = PATTERN.split(pattern, maxsplit=1)[0]
    return [file for file in files.list(prefix) if fnmatchcase(file.key, pattern)]


@files.command(
    reads=on_dry_run,
    examples="""
        todo files put report.pdf
        todo files put report.pdf 2026/november.pdf
        todo files put *.jpg --to photos/ --dry-run
    """,
)
@click.argument("local", nargs=-1, required=True, shell_complete=_completing.local_files)
@TO
@click.option("--keep", is_flag=True, help="Replace nothing: a name that is taken is refused.")
@DRY_RUN
@click.pass_obj
def put(app: AppContext, local: tuple[str, ...], folder: str | None, keep: bool, dry_run: bool) -> None:
    """Upload a file, under its own name or another: LOCAL [REMOTE].

    A REMOTE that ends in a slash is a folder to put it into; several files want --to FOLDER. A file of that name is
    replaced.
    """
    wanted = _to_put(local, folder)
    for path, _ in wanted:
        must_be_a_file(path)
    if dry_run:
        planned = [{"path": path, "key": key, "size_bytes": path.stat().st_size} for path, key in wanted]
        app.out.result({"would_put": planned}, [f"would put {one['path']} as {one['key']}" for one in planned])
        return
    done = []
    for path, key in wanted:
        with bar(app, path.name) as moved:
            sent = app.client.files.upload(path, key, progress=moved, if_absent=keep)
        done.append(sent)
        app.out.line(f"put {sent.key} ({sent.size_bytes} bytes{_kept(sent.kept_bytes)})")
    app.out.programs(done[0] if folder is None else {"files": done})


def _to_put(words: Sequence[str], folder: str | None) -> list[tuple[Path, str]]:
    if folder is not None:
        return [(Path(word), f"{folder.rstrip('/')}/{Path(word).name}") for word in words]
    if len(words) > 2:
        raise click.UsageError("several files want a folder to go to: --to FOLDER")
    path, remote = Path(words[0]), words[1] if len(words) == 2 else Path(words[0]).name
    return [(path, f"{remote}{path.name}" if remote.endswith("/") else remote)]


def _kept(size_bytes: int) -> str:
    return f", {size_bytes} of them from an earlier try" if size_bytes else ""


def must_be_a_file(local: Path) -> None:
    """Refuse what cannot be sent before anything is."""
    if local.is_dir():
        sentence = f"{local} is a folder; `todo files sync {local}` puts what is in it"
        raise CommandError(sentence, ExitCode.INVALID, "is_a_folder")
    if not local.exists():
        raise CommandError(f"there is no file {local}", ExitCode.NOT_FOUND, "not_found")


@files.command(
    reads=True,
    examples="""
        todo files get report.pdf
        todo files get 2026/november.pdf /tmp/report.pdf --force
        todo files get 'photos/*.jpg' --to pictures
    """,
)
@click.argument("remote", shell_complete=_completing.remote_files)
@click.argument("local", required=False, type=click.Path(path_type=Path))
@TO
@click.option("--force", is_flag=True, help="Replace what exists.")
@DRY_RUN
@click.pass_obj
def get(app: AppContext, remote: str, local: Path | None, folder: str | None, force: bool, dry_run: bool) -> None:
    """Download REMOTE into the current folder, or as LOCAL.

    REMOTE may be a pattern; then what fits it goes into --to FOLDER, or into the current one. A file that exists is
    kept unless --force says otherwise.
    """
    if local is not None and folder is not None:
        raise click.UsageError("give LOCAL or --to FOLDER, not both")
    wanted = _to_get(app, remote, local if folder is None else Path(folder))
    for key, target in wanted:
        _must_be_free(target, force=force)
        if dry_run:
            app.out.line(f"would get {key} as {target}")
    if dry_run:
        app.out.programs({"would_get": [{"key": key, "path": target} for key, target in wanted]})
        return
    done = []
    for key, target in wanted:
        with bar(app, key) as moved:
            got = app.client.files.download(key, target, progress=moved)
        done.append({"key": key, "path": str(got.path), "size_bytes": got.size_bytes, "verified": got.verified})
        app.out.line(f"got {got.path} ({got.size_bytes} bytes{_kept(got.kept_bytes)})")
    app.out.programs({"files": done} if PATTERN.search(remote) else done[0])


def _to_get(app: AppContext, remote: str, local: Path | None) -> list[tuple[str, Path]]:
    if not PATTERN.search(remote):
        return [(remote, _target(remote, local))]
    place = local or Path()
    if not place.is_dir():
        raise CommandError(f"there is no folder {place}", ExitCode.NOT_FOUND, "not_found")
    found = [(file.key, _target(file.key, place)) for file in _matching(app.client.files, remote)]
    if not found:
        raise CommandError(f"no file fits {remote!r}", ExitCode.NOT_FOUND, "not_found")
    names = [target.name for _, target in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        sentence = f"{twice!r} is in several folders; `todo files sync` keeps folders apart"
        raise CommandError(sentence, ExitCode.INVALID, "ambiguous")
    return found


def _target(remote: str, local: Path | None) -> Path:
    # Only the last part of the name is used, so a key cannot choose another folder.
    name = PurePosixPath(remote).name or "file"
    if local is None:
        return Path(name)
    return local / name if local.is_dir() else local


def _must_be_free(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise CommandError(f"{target} exists; use --force to replace it", ExitCode.INVALID, "already_exists")
    if not target.parent.is_dir():
        raise CommandError(f"there is no folder {target.parent}", ExitCode.NOT_FOUND, "not_found")


@files.command(
    reads=on_dry_run,
    examples="""
        todo files rm report.pdf
        todo files rm --yes 2026/october.pdf 2026/november.pdf
        todo files rm 'photos/2019-*' --dry-run
    """,
)
@click.argument("remote", nargs=-1, required=True, shell_complete=_completing.remote_files)
@YES
@DRY_RUN
@click.pass_obj
def rm(app: AppContext, remote: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Remove files by name or by pattern.

    Asks first on a terminal, like `todo rm`. A name that no file has is removed already: S3 says so too.
    """
    keys = [key for word in remote for key in _keys(app, word)]
    if not keys:
        raise CommandError(f"no file fits {', '.join(map(repr, remote))}", ExitCode.NOT_FOUND, "not_found")
    if dry_run:
        app.out.result({"would_remove": keys}, [f"would remove {key}" for key in keys])
        return
    question = f"Remove {', '.join(keys)}?" if len(keys) <= 3 else f"Remove {len(keys)} files?"
    if not app.confirm(question, yes=yes):
        raise click.Abort
    outcome = app.client.files.remove_many(keys)
    app.out.result({"removed": outcome.removed}, [f"removed {key}" for key in outcome.removed])
    _raise_first(outcome.failed)


def _keys(app: AppContext, word: str) -> list[str]:
    return [file.key for file in _matching(app.client.files, word)] if PATTERN.search(word) else [word]


def _raise_first(failed: Sequence[Any]) -> None:
    """End with the first failure; how many there were stands in its sentence."""
    if failed:
        first = failure_of(failed[0].error)
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise CommandError(f"{failed[0].key}: {first.message}{more}", first.exit_code, first.code)


@files.command(
    examples="""
        todo files share report.pdf
        todo files share report.pdf --for 1h --json
    """
)
@click.argument("remote", shell_complete=_completing.remote_files)
@click.option("--for", "lifetime", metavar="TIME", default="15m", show_default=True, help="30s, 15m, 1h or 2d.")
@click.pass_obj
def share(app: AppContext, remote: str, lifetime: str) -> None:
    """Print a link with which anybody can fetch one file for a while.

    It ends with your session's own credentials, an hour after they were made at the latest; the end is told.
    """
    found = DURATION.fullmatch(lifetime)
    if found is None:
        raise click.UsageError(f"--for {lifetime}: write it as 30s, 15m, 1h or 2d")
    made = app.client.files.share(remote, timedelta(**{UNITS[found[2]]: int(found[1])}))
    document = {"key": made.key, "url": made.url, "expires_at": made.expires_at, "limited_by": made.limited_by}
    app.out.result(document, [made.url])
    why = ", with your session's credentials" if made.limited_by == "credentials" else ""
    app.out.talk(f"until {plain(made.expires_at)[:16].replace('T', ' ')} UTC{why}; removing the file ends it")


@files.command(
    reads=on_dry_run,
    examples="""
        todo files sync pictures photos/ --dry-run
        todo files sync pictures photos/
        todo files sync pictures photos/ --down --delete
    """,
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("prefix", default="", shell_complete=_completing.remote_files)
@click.option("--down", is_flag=True, help="Make the local folder like your files, instead of the other way.")
@click.option("--delete", is_flag=True, help="Remove on that side what the other does not have.")
@DRY_RUN
@YES
@click.pass_obj
def sync(app: AppContext, folder: Path, prefix: str, down: bool, delete: bool, dry_run: bool, yes: bool) -> None:
    """Make your files below PREFIX like the local FOLDER, or with --down the other way.

    Only what differs is sent. With --delete it asks first on a terminal.
    """
    files = app.client.files
    plan = files.plan_sync(folder, prefix, "down" if down else "up", delete=delete)
    if dry_run:
        app.out.result(_told(plan), _steps(plan))
        return
    removals = sum(action.kind.startswith("remove") for action in plan.actions)
    if removals and not app.confirm(f"Remove {removals} files?", yes=yes):
        raise click.Abort
    outcome = files.carry_out(plan)
    app.out.result(_told(plan, outcome), _steps(plan, outcome))
    _raise_first(outcome.failed)


def _told(plan: SyncPlan, outcome: FolderSync | None = None) -> dict[str, Any]:
    steps = plan.actions if outcome is None else outcome.done
    document: dict[str, Any] = {
        "dry_run": outcome is None,
        "actions": [{"kind": s.kind, "key": s.key, "size_bytes": s.size_bytes, "reason": s.reason} for s in steps],
        "unchanged": plan.unchanged,
    }
    if outcome is not None:
        document["failed"] = [{"key": one.key, "message": failure_of(one.error).message} for one in outcome.failed]
    return document


def _steps(plan: SyncPlan, outcome: FolderSync | None = None) -> list[str]:
    steps, would = (plan.actions, "would ") if outcome is None else (outcome.done, "")
    lines = [f"{would}{VERBS[step.kind]} {step.key} ({step.reason})" for step in steps]
    return [*lines, f"{plan.unchanged} unchanged"]
