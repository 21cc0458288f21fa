"""The command doctor: what stands between you and your to-dos, each with a remedy."""

from __future__ import annotations

import platform
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from todo_cli._context import AppContext
from todo_cli._errors import ExitCode, failure_of
from todo_cli._options import Command

if TYPE_CHECKING:
    from todo_sdk import Config, TodoClient

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
NOTICED_SECONDS = 5  # the API tells whole seconds, and its answer took a moment
WRONG_TOTP_SECONDS = 30  # one step of RFC 6238: codes of an authenticator app begin to be refused
WRONG_SIGNATURE_SECONDS = 900  # S3-18: signed requests are refused
ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Finding:
    """What one look found; `remedy` is what to do about it, empty where nothing is to be done."""

    name: str
    state: str
    found: str
    remedy: str = ""


@dataclass
class Patient:
    """What is looked at; each part is made when first needed, and may be what is wrong."""

    app: AppContext
    broken: set[str] = field(default_factory=set)

    @cached_property
    def config(self) -> Config:
        """The settings of the chosen profile, as they are on this machine."""
        from todo_sdk import Config

        return Config.load(self.app.settings.profile)

    @cached_property
    def client(self) -> TodoClient:
        """The SDK's client."""
        return self.app.client

    @cached_property
    def answer(self) -> Any:
        """The API's answer to who asks for its config."""
        import requests

        answer = requests.get(f"{self.config.api_url}/v1/config", timeout=ANSWER_SECONDS, **self.trust)
        answer.raise_for_status()
        return answer

    @property
    def trust(self) -> dict[str, Any]:
        """The CA bundle of the profile, if it has one."""
        bundle = self.config.ca_bundle
        return {"verify": bundle} if bundle else {}


Look = Callable[[Patient], Finding]


@click.command(
    cls=Command,
    reads=True,
    examples="""
        todo doctor
        todo doctor --profile work --json
    """,
)
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Find out what is wrong, and what to do about it.

    Looks at versions, configuration, files, endpoint, clock, sign-in, replica and folder, and changes nothing. Ends
    with 9 when something is broken.
    """
    app = ctx.ensure_object(AppContext)
    findings = list(_looked(Patient(app)))
    rows = [(found.state, found.name, found.found) for found in findings]
    app.out.table({"findings": findings}, ("STATE", "WHAT", "FOUND"), rows)
    for found in findings:
        if found.remedy:
            app.out.talk(f"{found.name}: {found.remedy}")
    ctx.exit(ExitCode.CHECK_FAILED if any(found.state == FAILED for found in findings) else ExitCode.OK)


def _looked(patient: Patient) -> Iterator[Finding]:
    """Look at one thing after the other; what needs a broken thing is skipped."""
    for name, needs, look, remedy in LOOKS:
        missing = [need for need in needs if need in patient.broken]
        if missing:
            finding = Finding(name, SKIPPED, f"first: {missing[0]}")
        else:
            try:
                finding = look(patient)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what was found
                finding = Finding(name, FAILED, failure_of(error).message, remedy)
        if finding.state in (FAILED, SKIPPED):
            patient.broken.add(name)
        yield finding


def _versions(patient: Patient) -> Finding:
    from importlib.metadata import version

    found = f"todo-sdk {version('todo-sdk')}, Python {platform.python_version()} on {platform.system()}"
    return Finding("versions", OK, found)


def _configuration(patient: Patient) -> Finding:
    config = patient.config
    where = config.sources.get("api_url", "")
    return Finding("configuration", OK, f"profile {config.profile}: {config.api_url} (from {where})")


def _files(patient: Patient) -> Finding:
    place = patient.config.data_dir
    if not place.exists():
        return Finding("files", OK, f"{place} does not exist yet")
    open_to_others = [path for path in _kept_in(place) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_to_others:
        found = f"{open_to_others[0]} can be read by others"
        return Finding("files", FAILED, found, f"chmod go= '{open_to_others[0]}', then `todo logout` and `todo login`")
    return Finding("files", OK, f"{place} is closed to others")


def _kept_in(place: Path) -> Iterator[Path]:
    """What the client keeps; not the embedded stack, which has a folder of its own there."""
    with suppress(OSError):
        for path in sorted(place.glob("sessions/*")) + sorted(place.glob("*.json")):
            if path.is_file():
                yield path


def _endpoint(patient: Patient) -> Finding:
    import requests

    try:
        body = patient.answer.json()
    except requests.RequestException as error:
        told = getattr(error.response, "status_code", None) or type(error).__name__
        remedy = "is the network there, and the address right? An embedded stack is started by: todo up"
        return Finding("endpoint", FAILED, f"no API at {patient.config.api_url} ({told})", remedy)
    milliseconds = patient.answer.elapsed.total_seconds() * 1000
    wrong = [
        name
        for name in ("user_pool_id", "user_pool_client_id", "identity_pool_id", "files_bucket")
        if getattr(patient.config, name) not in ("", body.get(name))
    ]
    if wrong:
        remedy = f"todo configure --api-url {patient.config.api_url} --name {patient.config.profile}"
        return Finding("endpoint", FAILED, f"the profile's {wrong[0]} is not the API's: it was deployed anew", remedy)
    return Finding("endpoint", OK, f"answered in {milliseconds:.0f} ms, API version {body.get('api_version')}")


def _clock(patient: Patient) -> Finding:
    told = patient.answer.headers.get("Date")
    if told is None:
        return Finding("clock", SKIPPED, "the API does not tell the time")
    ahead = (datetime.now(UTC) - parsedate_to_datetime(told)).total_seconds()
    seconds, which = abs(ahead), "ahead" if ahead > 0 else "behind"
    found = f"{seconds:.0f} s {which}" if seconds >= NOTICED_SECONDS else "right"
    remedy = "set this machine's clock by the network (timedatectl set-ntp true)"
    if seconds > WRONG_SIGNATURE_SECONDS:
        return Finding("clock", FAILED, f"{found}: S3 refuses signed requests", remedy)
    if seconds > WRONG_TOTP_SECONDS:
        return Finding("clock", WARNING, f"{found}: codes of an authenticator app may be refused", remedy)
    return Finding("clock", OK, found)


def _sign_in(patient: Patient) -> Finding:
    user = patient.client.auth.user()
    next(iter(patient.client.todos.list()), None)  # the session may have been ended elsewhere: only asking tells
    return Finding("sign-in", OK, f"{user.email}, and the API lets them in")


def _folder(patient: Patient) -> Finding:
    next(iter(patient.client.files.list()), None)
    return Finding("folder", OK, f"s3://{patient.client.config.files_bucket}/{patient.client.auth.identity_id()}/")


def _replica(patient: Patient) -> Finding:
    from todo_sdk import NotSignedInError

    try:
        replica = patient.client.replica
    except NotSignedInError:
        return Finding("replica", SKIPPED, "first: sign-in")
    counted = replica.stats()
    found = f"{counted.open + counted.done} to-dos, {counted.queued} changes wait to be sent: {replica.path}"
    if replica.recovered is not None:
        return Finding("replica", WARNING, f"it was damaged and made anew: {found}", "todo sync")
    if counted.refused:
        remedy = "todo status shows them; todo edit puts one right, todo sync --discard ID gives it up"
        return Finding("replica", WARNING, f"the service refused {counted.refused} changes; {found}", remedy)
    return Finding("replica", OK, found)


LOOKS: tuple[tuple[str, tuple[str, ...], Look, str], ...] = (
    ("versions", (), _versions, "pip install --force-reinstall todo-sdk"),
    ("configuration", (), _configuration, "todo up, or: todo configure --api-url URL"),
    ("files", ("configuration",), _files, "set TODO_DATA_DIR to a folder of yours"),
    ("endpoint", ("configuration",), _endpoint, ""),
    ("clock", ("endpoint",), _clock, ""),
    ("sign-in", ("endpoint",), _sign_in, "todo login EMAIL"),
    ("replica", ("configuration",), _replica, "what it says, then todo sync"),
    ("folder", ("sign-in",), _folder, "todo logout, then todo login EMAIL: the credentials are made anew"),
)
