"""The process that is the stack: MiniStack with our layers around it, served on loopback."""

import asyncio
import gc
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from . import environment, https
from .asgi import App, Message
from .cache_cluster import StatusPage, serving
from .control import AdminCredentials, ControlPlane
from .counters import Counters
from .datadir import DataDir
from .deploy import Change, client_outputs, deploy
from .errors import DataDirError, StackError
from .faults.clock import Clock
from .faults.layer import Faults
from .faults.ministack import follow
from .faults.rules import Rules
from .faults.switch import Switch, secret_of
from .gateway import Gateway, warm_up
from .gateway.rest_control import RestControl
from .guard import Guard
from .identity import Identity
from .inbox import Inbox
from .journal import Keeper, open_journal
from .loopback import Loopback
from .options import ACCOUNT_ID, HOST, REGION, Outputs, StackOptions
from .preflight import listen, require_extra
from .provide import ClusterPlan, Plan, cluster_of
from .provide import plan as make_plan
from .s3 import S3Front, known_to_ministack
from .signed import Signed
from .trace import Trace, note_fault, note_gateway

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOG_BYTES = 4 * 1024 * 1024  # of stack.log; one older file of that size is kept beside it
_GRACE_SECONDS = 3  # for requests that are under way when the stack is told to stop


OnReady = Callable[[Outputs], None]


def run(options: StackOptions, on_ready: OnReady, on_locked: Callable[[DataDir], None]) -> None:
    """Run the stack until SIGINT or SIGTERM.

    Args:
        on_ready: called once, with the outputs, when clients can connect.
        on_locked: called as soon as the data directory is this process' own.

    Raises:
        StackError: it could not start; nothing is left half done.
    """
    require_extra()
    data_dir = DataDir(options.data_dir, ephemeral=options.ephemeral)
    if data_dir.is_locked():
        raise data_dir.already_running()
    with listen(options.port) as listener, environment.of_our_own():
        try:
            data_dir.prepare()
            data_dir.lock()
            on_locked(data_dir)
            log = RotatingFileHandler(data_dir.file("stack.log"), maxBytes=LOG_BYTES, backupCount=1)
            logging.basicConfig(handlers=[log], level=logging.WARNING, format=_LOG_FORMAT)
            asyncio.run(_Run(options, data_dir, listener, on_ready).run())
        except OSError as error:
            data_dir.undo()
            reason = error.strerror or str(error)
            raise DataDirError(f"the data directory {data_dir.path} cannot be used: {reason}") from error
        except BaseException:
            data_dir.undo()
            raise
        finally:
            data_dir.close()


def packaged_plan(dax_endpoint: str | None) -> Plan:
    """What travels in the wheel: the template, the Lambda's code and its dependencies."""
    from .. import artifacts, bundle

    template, dependencies = artifacts.template(), artifacts.dependencies_zip()
    return make_plan(template, bundle.code_zip(), bundle.code_hash(), dependencies, dax_endpoint)


def packaged_cluster() -> ClusterPlan | None:
    """The DAX cluster of the template that travels in the wheel."""
    from .. import artifacts

    return cluster_of(artifacts.template())


class _Run:
    def __init__(
        self,
        options: StackOptions,
        data_dir: DataDir,
        listener: socket.socket,
        on_ready: OnReady,
    ) -> None:
        self._options = options
        self._data_dir = data_dir
        self._listener = listener
        self._on_ready = on_ready
        self._port: int = listener.getsockname()[1]
        self._stopping = False
        self._server: Any = None
        self._taken: dict[str, str] = {}
        self._notes: list[str] = []
        self._tls: ssl.SSLContext | None = None

    @property
    def _scheme(self) -> str:
        return "https" if self._options.tls else "http"

    @property
    def _ca_bundle(self) -> Path | None:
        return https.ca_path(self._data_dir) if self._options.tls else None

    async def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        credentials = AdminCredentials.of(self._data_dir)
        if self._options.tls:
            self._tls = https.server_context(self._data_dir)
        self._taken = environment.prepare(self._data_dir, credentials, self._port, self._ca_bundle)
        # Thousands of long-lived objects are about to be made: walking them again and again costs a tenth of the start.
        gc.disable()
        from ministack.app import app as ministack

        lifespan = Lifespan(ministack)
        await lifespan.start()
        journal = open_journal(ministack, self._data_dir)
        journal.restore()
        control = ControlPlane(journal, credentials, self._port)
        inbox = Inbox(self._data_dir.file("inbox.jsonl"))
        counters = Counters()
        clock, rules = Clock(), Rules()
        s3 = S3Front(journal, known_to_ministack, credentials.access_key, clock.age_of)
        identity = Identity(Guard(Signed(s3, credentials)), control, credentials, self._data_dir, inbox, clock.time)
        gateway = Gateway(
            identity,
            RestControl(control.send_rest, control.call),
            identity.keys,
            clock=clock.time,
            steady=clock.monotonic,
            metrics=counters.add,
            trace=note_gateway,
            region=REGION,
            account_id=ACCOUNT_ID,
        )
        # Before the deployment, since the function is told where it is, and until the last request is answered.
        endpoint = f"{self._scheme}://{HOST}:{self._port}"
        async with serving(packaged_cluster(), self._data_dir, credentials, endpoint, clock) as cluster:
            self._notes = journal.notes
            outputs = await self._deploy(control, identity, journal, cluster.endpoint if cluster else None)
            gateway.invalidate()  # deployed past it
            faulty = Faults(Loopback(gateway, counters), rules, clock, note_fault)
            app = Trace(faulty, self._data_dir.file("requests.jsonl"))
            switch = Switch(StatusPage(app, cluster), rules, clock, secret_of(self._data_dir), follow)
            await self._serve(switch, outputs, identity)
        await identity.close()
        await journal.close()
        await lifespan.stop()
        self._data_dir.file("stack.json").unlink(missing_ok=True)

    async def _deploy(
        self, control: ControlPlane, identity: Identity, journal: Keeper, dax_endpoint: str | None
    ) -> Outputs:
        plan = packaged_plan(dax_endpoint)
        change, deployed = await deploy(control, plan, self._data_dir)
        if change is not Change.NONE:
            await identity.sync_roles()
        await journal.begin(is_new=change is not Change.NONE)
        if change is not Change.NONE:  # not before it is kept: who reads this believes it
            self._data_dir.write_json("deployment.json", {"digest": plan.digest, "outputs": deployed})
        return client_outputs(deployed, self._port, self._options.profile, self._scheme)

    async def _serve(self, app: App, outputs: Outputs, identity: Identity) -> None:
        import uvicorn

        from .connection import Connection

        run = self

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets=sockets)
                run._ready(outputs)
                identity.warm_up_soon(outputs["UserPoolId"])

        config = uvicorn.Config(
            app,
            http=self._protocol(Connection),
            ws="none",
            proxy_headers=False,  # there is none before it: a caller's X-Forwarded-For does not change who calls
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # MiniStack and the gateway have put one in already
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = Server(config)
        if not self._stopping:
            await self._server.serve(sockets=[self._listener])

    def _protocol(self, made: Callable[..., asyncio.Protocol]) -> Any:
        """What serves a connection: `made`, behind TLS where there is some."""
        context = self._tls
        return made if context is None else lambda **given: https.TlsFront(context, made(**given))

    def _ready(self, outputs: Outputs) -> None:
        self._data_dir.write_json(
            "stack.json",
            {
                "pid": self._data_dir.holder(),
                "port": self._port,
                "started_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "ephemeral": self._options.ephemeral,
                "digest": self._data_dir.read_json("deployment.json").get("digest"),
                "outputs": outputs,
                "notes": self._notes,
                "ca_bundle": str(self._ca_bundle) if self._ca_bundle else None,
            },
        )
        gc.freeze()
        gc.enable()
        with environment.callers(self._taken):
            self._on_ready(outputs)
        asyncio.get_running_loop().run_in_executor(None, warm_up)

    def _stop(self, *_: object) -> None:
        # uvicorn puts its own handlers over these while it serves, and raises the signal again afterwards: here.
        self._stopping = True
        if self._server is not None:
            self._server.should_exit = True


class Lifespan:
    """Runs the lifespan protocol of an ASGI app"""

    def __init__(self, app: App) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bring the app up.

        Raises:
            StackError: it says that it cannot.
        """
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self._task = asyncio.ensure_future(self._run(scope))
        await self._exchange("lifespan.startup")

    async def stop(self) -> None:
        """Bring the app down."""
        await self._exchange("lifespan.shutdown")
        if self._task:
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, scope: dict[str, Any]) -> None:
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _exchange(self, kind: str) -> None:
        await self._to_app.put({"type": kind})
        answer = asyncio.ensure_future(self._from_app.get())
        task = self._task
        if task is None:
            raise StackError("the lifespan was not started")
        await asyncio.wait({answer, task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() or answer.result()["type"] != f"{kind}.complete":
            answer.cancel()
            raise StackError(f"MiniStack failed at {kind}; `todo logs` may say why")
