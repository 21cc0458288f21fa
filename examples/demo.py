"""The main job of MyTodoList on this machine, through the installed command `todo`.

Starts an embedded stack of its own (temporary folder, free port, own configuration), walks through the job as a person
and as an attacker, says what was seen at each step, and stops the stack whatever happens. Ends 0, or 1 and what failed.

    python examples/demo.py
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ADA, EVE = "ada@example.com", "eve@example.com"
COMMAND_TIMEOUT_SECONDS = 60


class DemoError(Exception):
    """Something was not as it should be; the text says what."""


@dataclass
class Walk:
    """One run: where its files are, what it has shown, what it has seen."""

    folder: Path
    password: str = field(default_factory=lambda: f"{secrets.token_urlsafe(12)}-Aa1", repr=False)
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """A machine where nothing is configured; nothing of the person's own is touched."""
        own = {f"TODO_{name}_DIR": str(self.folder / name.lower()) for name in ("CONFIG", "DATA", "STACK")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AWS_"))}
        return kept | own | {"TODO_TOKEN_STORE": "file", "NO_COLOR": "1", "TMPDIR": str(self.folder)}

    def todo(self, *words: str, password: bool = False, expect: int = 0, quiet: bool = False) -> str:
        """Run `todo` with these words, show the line and what it printed, and give its stdout."""
        done = subprocess.run(
            [program(), *words, *(["--password-stdin"] if password else [])],
            cwd=self.folder,
            env=self.environment,
            input=self.password if password else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if quiet else subprocess.STDOUT,  # in one: as a person sees them
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        if not quiet or done.returncode != expect:
            print(f"$ todo {shlex.join(words)}" + (" --password-stdin < password" if password else ""))
            lines = (done.stdout + (done.stderr or "")).splitlines()
            print("".join(f"  {line}".rstrip() + "\n" for line in lines), end="", flush=True)
        if done.returncode != expect:
            raise DemoError(f"`todo {shlex.join(words)}` ended with {done.returncode}, not {expect}")
        return done.stdout

    def ask(self, *words: str) -> Any:
        """Run `todo … --json` without showing it."""
        return json.loads(self.todo(*words, "--json", quiet=True))

    def check(self, what: str, ok: bool, seen: str) -> None:
        """Note one thing that was to be seen; stop when it was not."""
        if not ok:
            raise DemoError(f"{what}: {seen}")
        self.seen.append((what, seen))

    def session(self, profile: str) -> dict[str, Any]:
        """What `todo login` kept for this profile; the demo asks the services directly with it."""
        return dict(json.loads((self.folder / "data" / "sessions" / f"{profile}.json").read_text("utf-8")))


def program() -> str:
    """Find the command `todo` that belongs to this Python."""
    return str(Path(sys.executable).with_name("todo"))


def chapter(title: str) -> None:
    """Print a heading."""
    print(f"\n── {title} " + "─" * (76 - len(title)), flush=True)


def start(walk: Walk) -> dict[str, Any]:
    """Start the backend and give its outputs."""
    chapter("The whole backend on this machine")
    began = time.monotonic()
    walk.todo("up", "--port", "0", "--detach")
    walk.check("embedded stack", True, f"ready after {time.monotonic() - began:.1f} s")
    walk.todo("status")
    return dict(walk.ask("outputs"))


def newcomer(walk: Walk, email: str, *options: str, quiet: bool = False) -> None:
    """Sign up, take the code from the mail, confirm, sign in."""
    walk.todo("signup", email, *options, password=True, quiet=quiet)
    if not quiet:
        walk.todo("inbox")
    mails = [mail for mail in walk.ask("inbox")["mails"] if mail["to"] == email]
    code = re.search(r"\b\d{6}\b", mails[-1]["text"] if mails else "")
    if code is None:
        raise DemoError(f"no mail with a code for {email}")
    walk.todo("confirm", email, code[0], *options, quiet=quiet)
    walk.todo("login", email, *options, password=True, quiet=quiet)


def account(walk: Walk) -> None:
    """Become a user."""
    chapter("Sign up, confirm by mail, sign in by SRP")
    newcomer(walk, ADA)
    walk.check("signed in by SRP", walk.ask("whoami")["email"] == ADA, ADA)


def todos(walk: Walk) -> dict[str, Any]:
    """Add, list, change, finish, sync; give a to-do that stays."""
    chapter("To-dos")
    walk.todo("add", "Buy milk tomorrow 5pm #food")
    walk.todo("add", "Call", "the", "bank", "--priority", "1", "--list", "home")
    listed = walk.ask("list")["todos"]
    walk.check("own writes are seen at once", len(listed) == 2, "2 added, 2 listed")
    bank, milk = (next(todo for todo in listed if word in todo["title"]) for word in ("bank", "milk"))
    walk.todo("list")
    walk.todo("edit", milk["id"], "--title", "Buy oat milk", "--priority", "2", "--if-version", "1")
    walk.todo("edit", milk["id"], "--title", "Too late", "--if-version", "1", expect=6)
    walk.check("a change that came too late", True, "refused, nothing changed (exit code 6)")
    walk.todo("done", milk["id"])
    walk.todo("list", "--all")
    title = walk.ask("show", milk["id"])["title"]
    walk.check("edited and done", title == "Buy oat milk", title)
    walk.todo("sync")
    return dict(bank)


def files(walk: Walk) -> None:
    """Upload a file, list, download it, compare the bytes."""
    chapter("Files, straight to the own S3 folder")
    local, back = walk.folder / "report.bin", walk.folder / "back.bin"
    local.write_bytes(secrets.token_bytes(100_000))
    walk.todo("files", "put", "report.bin", "2026/report.bin")
    walk.todo("files", "ls")
    walk.todo("files", "get", "2026/report.bin", "back.bin")
    same = local.read_bytes() == back.read_bytes()
    walk.check("a file went up and came back", same, "100000 bytes, the same" if same else "the bytes differ")


def caches(walk: Walk, outputs: dict[str, Any]) -> None:
    """Ask for the same snapshot twice, and for the same list twice: once the cache answers, once nothing is sent."""
    chapter("Caching")
    token = walk.session("local")["id_token"]
    snapshot_from_cache(walk, outputs, token)
    url, headers = f"{outputs['ApiUrl']}/v1/todos", {"Authorization": token}
    first, _ = timed_get(url, headers)
    etag = first.headers.get("ETag", "")
    second, _ = timed_get(url, headers | {"If-None-Match": etag})
    print(f"GET /v1/todos                          {first.status_code}  ETag {etag}  {len(first.content)} bytes")
    print(f"GET /v1/todos  If-None-Match: {etag:<8} {second.status_code}  {len(second.content)} bytes")
    print("The 304 costs one read of an item, and DAX has that in its item cache:")
    walk.todo("status")
    walk.check("an unchanged list", (first.status_code, second.status_code) == (200, 304), "304 by ETag, no list read")


def snapshot_from_cache(walk: Walk, outputs: dict[str, Any], token: str) -> None:
    """Ask for the snapshot of the current revision twice; the stack's own counters say where the second came from."""
    api, headers = outputs["ApiUrl"], {"Authorization": token}
    revision = timed_get(f"{api}/v1/revision", headers)[0].json()["revision"]
    url, before = f"{api}/v1/snapshots/{revision}", walk.ask("status")["api_cache"]
    (first, first_ms), (second, second_ms) = timed_get(url, headers), timed_get(url, headers)
    after = walk.ask("status")["api_cache"]
    print(f"GET /v1/snapshots/{revision}   {first.status_code}  {first_ms:5.1f} ms  from the Lambda")
    print(f"GET /v1/snapshots/{revision}   {second.status_code}  {second_ms:5.1f} ms  from API Gateway's cache")
    missed_then_hit = after == {name: count + 1 for name, count in before.items()}
    walk.check("a snapshot", missed_then_hit and first.content == second.content, "a miss, then a hit of the API cache")
    nobody, _ = timed_get(url, {})
    print(f"GET /v1/snapshots/{revision}   {nobody.status_code}  without a token, although it is cached")
    walk.check("the cached snapshot without a token", nobody.status_code == 401, f"refused ({nobody.status_code})")


def timed_get(url: str, headers: dict[str, str]) -> tuple[Any, float]:
    """Give the answer to a GET, and its milliseconds."""
    import requests

    began = time.perf_counter()
    answer = requests.get(url, headers=headers, timeout=10)
    return answer, (time.perf_counter() - began) * 1000


def refusals(walk: Walk, outputs: dict[str, Any], todo: dict[str, Any]) -> None:
    """Be another user, and nobody: each is refused."""
    chapter("Another user, and nobody")
    import requests

    walk.todo("configure", "--api-url", outputs["ApiUrl"], "--name", "eve", quiet=True)
    newcomer(walk, EVE, "--profile", "eve", quiet=True)
    print(f"({EVE} has signed up and in as well, with --profile eve)")
    walk.todo("show", todo["id"], "--profile", "eve", expect=5)
    walk.check("another user's to-do", True, "not found (exit code 5)")
    walk.check("another user's list", walk.ask("list", "--profile", "eve")["todos"] == [], "empty: none of ada's")
    foreign_folder(walk, outputs)
    status = requests.get(f"{outputs['ApiUrl']}/v1/todos", timeout=10).status_code
    print(f"GET /v1/todos without a token: {status}")
    walk.check("no token", status == 401, f"refused ({status})")


def foreign_folder(walk: Walk, outputs: dict[str, Any]) -> None:
    """Reach with ada's real credentials for eve's file, and for the list of the whole bucket."""
    bucket = outputs["FilesBucket"]
    eves_s3, eves_folder = s3_as(walk, outputs, "eve")
    eves_s3.put_object(Bucket=bucket, Key=f"{eves_folder}/secret.txt", Body=b"eve's secret")
    s3, adas_folder = s3_as(walk, outputs, "local")
    own = answer_of(lambda: s3.get_object(Bucket=bucket, Key=f"{adas_folder}/2026/report.bin"))
    foreign = answer_of(lambda: s3.get_object(Bucket=bucket, Key=f"{eves_folder}/secret.txt"))
    everything = answer_of(lambda: s3.list_objects_v2(Bucket=bucket))
    print(f"ada's credentials, straight to S3: own file {own}; eve's file {foreign}; list of the bucket {everything}")
    walk.check("the own folder, straight to S3", own == "ok", own)
    walk.check("another user's folder", foreign == "AccessDenied", foreign)
    walk.check("listing without a prefix", everything == "AccessDenied", everything)


def s3_as(walk: Walk, outputs: dict[str, Any], profile: str) -> tuple[Any, str]:
    """Trade a user's id token for credentials, by the public calls; give an S3 client and the user's folder."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    where = {"region_name": outputs["Region"], "endpoint_url": outputs["EndpointUrl"]}
    pool = f"cognito-idp.{outputs['Region']}.amazonaws.com/{outputs['UserPoolId']}"
    logins = {pool: walk.session(profile)["id_token"]}
    cognito = boto3.client("cognito-identity", config=Config(signature_version=UNSIGNED), **where)
    identity = cognito.get_id(IdentityPoolId=outputs["IdentityPoolId"], Logins=logins)["IdentityId"]
    keys = cognito.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
    s3 = boto3.client(
        "s3",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
        **where,
    )
    return s3, identity


def answer_of(call: Any) -> str:
    """Give S3's word on a call: "ok", or the error's code."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def walk_through(walk: Walk) -> None:
    """Walk the main job from an empty machine to being refused."""
    outputs = start(walk)
    account(walk)
    todo = todos(walk)
    files(walk)
    caches(walk, outputs)
    refusals(walk, outputs, todo)


def main() -> int:
    """Run the demo; the stack is stopped whatever happens."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="todo-demo-") as folder:
        walk = Walk(Path(folder))
        try:
            walk_through(walk)
        except KeyboardInterrupt:
            return 130
        except Exception as error:  # noqa: BLE001 - whatever it was, say it in a line and stop the stack
            told = str(error) if isinstance(error, DemoError) else f"{type(error).__name__}: {error}"
            print(f"\nFAILED: {told}", file=sys.stderr)
            return 1
        finally:
            walk.todo("down", quiet=True)
    chapter("What was seen")
    for what, seen in walk.seen:
        print(f"  ok  {what:<40}{seen}")
    print(f"\nAll of it in {time.monotonic() - began:.1f} s; the stack is stopped and its temporary data is gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
