"""File commands: files ls, put, get, rm. Straight to the user's own S3 folder; no Lambda in between."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from todo_cli._context import AppContext
from todo_cli._errors import CommandError, ExitCode
from todo_cli._options import YES, Group
from todo_cli._output import plain


@click.group(
    cls=Group,
    examples="""
        todo files put report.pdf
        todo files ls
        todo files get report.pdf /tmp
    """,
)
def files() -> None:
    """Files in your own folder: ls, put, get, rm.

    Names are relative to your folder; nobody else's folder can be named.
    """


@files.command(
    examples="""
        todo files ls
        todo files ls notes/ --json
    """
)
@click.argument("prefix", default="")
@click.pass_obj
def ls(app: AppContext, prefix: str) -> None:
    """List your files, all or those whose names begin with PREFIX."""
    found = list(app.client.files.list(prefix))
    rows = [(str(file.size_bytes), str(plain(file.modified_at))[:16].replace("T", " "), file.key) for file in found]
    app.out.table({"files": found}, ("BYTES", "MODIFIED (UTC)", "NAME"), rows)
    if not found:
        app.out.talk("no files")


@files.command(
    examples="""
        todo files put report.pdf
        todo files put report.pdf 2026/november.pdf
        todo files put report.pdf 2026/
    """
)
@click.argument("local", type=click.Path(path_type=Path))
@click.argument("remote", required=False)
@click.pass_obj
def put(app: AppContext, local: Path, remote: str | None) -> None:
    """Upload the file LOCAL, under its own name or as REMOTE.

    A REMOTE that ends in a slash is a folder to put it into. A file of that name is replaced.
    """
    _must_be_a_file(local)
    if remote is None or remote.endswith("/"):
        remote = f"{remote or ''}{local.name}"
    info = app.client.files.upload(local, remote)
    app.out.result(info, [f"put {info.key} ({info.size_bytes} bytes)"])


def _must_be_a_file(local: Path) -> None:
    if local.is_dir():
        raise CommandError(f"{local} is a folder; only files can be put", ExitCode.INVALID, "is_a_folder")
    if not local.exists():
        raise CommandError(f"there is no file {local}", ExitCode.NOT_FOUND, "not_found")


@files.command(
    examples="""
        todo files get report.pdf
        todo files get 2026/november.pdf /tmp/report.pdf --force
    """
)
@click.argument("remote")
@click.argument("local", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace LOCAL if it exists.")
@click.pass_obj
def get(app: AppContext, remote: str, local: Path | None, force: bool) -> None:
    """Download REMOTE into the current folder, or as LOCAL.

    A file that exists is kept unless --force says otherwise.
    """
    target = _target(remote, local)
    if target.exists() and not force:
        raise CommandError(f"{target} exists; use --force to replace it", ExitCode.INVALID, "already_exists")
    if not target.parent.is_dir():
        raise CommandError(f"there is no folder {target.parent}", ExitCode.NOT_FOUND, "not_found")
    got = app.client.files.download(remote, target)
    document = {"key": remote, "path": str(target), "size_bytes": got.size_bytes}
    app.out.result(document, [f"got {target} ({got.size_bytes} bytes)"])


def _target(remote: str, local: Path | None) -> Path:
    # Only the last part of the name is used, so a key cannot choose another folder.
    name = PurePosixPath(remote).name or "file"
    if local is None:
        return Path(name)
    return local / name if local.is_dir() else local


@files.command(
    examples="""
        todo files rm report.pdf
        todo files rm --yes 2026/october.pdf 2026/november.pdf
    """
)
@click.argument("remote", nargs=-1, required=True)
@YES
@click.pass_obj
def rm(app: AppContext, remote: tuple[str, ...], yes: bool) -> None:
    """Remove files by name.

    Asks first on a terminal, like `todo rm`. A name that no file has is removed already: S3 says so too.
    """
    client = app.client
    if not app.confirm(f"Remove {', '.join(remote)}?", yes=yes):
        raise click.Abort
    for key in remote:
        client.files.remove(key)
    app.out.result({"removed": list(remote)}, [f"removed {key}" for key in remote])
