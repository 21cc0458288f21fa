"""The control plane: what every service of MiniStack but DynamoDB's items keeps, entry by entry.

MiniStack can say a service's whole state and take it back, and that is all it offers. So after a call that may have
changed something, every service is asked, and the entries that differ from what was noted last are noted.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core.persistence import _json_default, _json_object_hook
from ministack.services import cloudwatch_logs, iam, lambda_svc, sts

from ..options import ACCOUNT_ID
from .items import Items
from .log import Log
from .segments import Key

STATE, SHAPE, SESSION = "state", "shape", "session"
_SCOPES = {"__account_region_scoped__", "__scoped__"}
_WHOLE = ""  # of a store that is no scoped dictionary

LOG_STORES = (
    "destinations",
    "resource_policies",
    "log_group_policies",
    "metric_filters",
    "delivery_sources",
    "delivery_destinations",
    "deliveries",
)
"""Of CloudWatch Logs what is kept besides the groups; the events are not."""
FUNCTION_GROUPS = "/aws/lambda/"
LOG_EVENTS_KEPT = 10_000  # of one stream, in memory

_log = logging.getLogger(__name__)


class UnreadableStateError(Exception):
    """MiniStack cannot take back what it said once."""

    def __init__(self, service: str, reason: Exception) -> None:
        super().__init__(f"the saved state of {service} does not fit the installed MiniStack ({reason!r})")


class Services:
    """Notes what has changed in MiniStack's control plane, and puts it back at the start."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._digests: dict[str, dict[Key, bytes]] = {}  # by service
        self._register: Callable[[str, dict[str, Any]], None] = sts.register_session
        self._prune: Callable[[set[str]], None] = lambda_svc._prune_orphan_code_blobs
        self._blobs: set[str] = set()
        self._synced: set[str] = set()
        self.items = Items(log, self._collect_tables)

    def install(self) -> None:
        """Begin to note."""
        sts.register_session = self._register_session
        lambda_svc._prune_orphan_code_blobs = self._keep_blobs
        self.items.install()

    def uninstall(self) -> None:
        """Let MiniStack alone again."""
        sts.register_session = self._register
        lambda_svc._prune_orphan_code_blobs = self._prune
        self.items.uninstall()

    def restore(self, values: dict[Key, Any]) -> None:
        """Make MiniStack be what `values` say.

        Raises:
            UnreadableStateError: it cannot; nothing was changed on the disk.
        """
        for service, data in _by_service(values).items():
            try:
                module = ministack._get_module(ministack._state_map[service])
                module.load_persisted_state(_json_object_hook_all(data))
            except Exception as error:
                raise UnreadableStateError(service, error) from error
        for key, value in values.items():
            if key[0] in (STATE, SHAPE):
                self._remember(key, _digest(_text(value)))
        gone = self.items.restore(values)
        gone += [key for key, session in values.items() if key[0] == SESSION and not self._adopt(key[1], session)]
        for key in gone:
            self._log.note(key, "null", _nothing)

    def collect(self) -> None:
        """Note what has changed since the last time, in any service.

        Raises:
            OSError: a function's code could not be written.
        """
        for service, get_state in ministack._build_persistence_save_dict().items():
            self._collect(service, self._said(service, get_state))
        self.items.adopt()

    def collect_role(self, name: str) -> None:
        """Note one role; whatever there is besides, it costs the same."""
        key = (STATE, "iam", "roles", "__scoped__", f"{ACCOUNT_ID}\0{name!r}")
        role = iam._roles.get_scoped(ACCOUNT_ID, None, name)
        if role is None and key not in self._digests.get("iam", ()):
            self.collect()  # of another account
        else:
            self._note(key, _text(role))

    def sync_code(self) -> None:
        """Bring the functions' code to the disk; blocks."""
        for name in self._blobs - self._synced:
            with Path(lambda_svc.CODE_BLOB_DIR, f"{name}.zip").open("rb") as file:
                os.fsync(file.fileno())
            self._synced.add(name)

    def prune_code(self) -> None:
        """Once the journal has the functions: remove the code of those before."""
        self._prune(self._blobs)

    def _collect_tables(self) -> None:
        self._collect("dynamodb", self.items.state())
        self.items.adopt()

    def _said(self, service: str, get_state: Callable[[], Any]) -> dict[str, Any] | None:
        if service == "dynamodb":
            return self.items.state()
        if service == "cloudwatch_logs":
            return _log_state()
        try:
            state: dict[str, Any] | None = get_state()
        except OSError:
            raise
        except Exception:  # noqa: BLE001 (one service's failure is not another's)
            _log.exception("the state of %s cannot be told", service)
            return None
        return state

    def _collect(self, service: str, state: dict[str, Any] | None) -> None:
        if state is None:
            return  # what was noted last holds
        entries = dict(_entries(service, state))
        known = list(self._digests.get(service, ()))
        if not known and not any(entries.values()):
            return  # never used
        shape = {store: _scope(value) for store, value in state.items()}
        self._note((SHAPE, service), json.dumps(shape, separators=(",", ":")))
        for key, value in entries.items():
            try:
                self._note(key, _text(value))
            except (TypeError, ValueError):
                _log.exception("%s cannot be written", " ".join(key[1:3]))
        for key in known:
            if key[0] == STATE and key not in entries:
                self._note(key, "null")

    def _note(self, key: Key, text: str) -> None:
        before = self._digests.get(key[1], {}).get(key)
        after = None if text == "null" else _digest(text)
        if before != after:
            self._remember(key, after)
            self._log.note(key, text, lambda: self._remember(key, before))

    def _remember(self, key: Key, digest: bytes | None) -> None:
        of_service = self._digests.setdefault(key[1], {})
        if digest is None:
            of_service.pop(key, None)
        else:
            of_service[key] = digest

    def _register_session(self, access_key: str, session: dict[str, Any]) -> None:
        self._register(access_key, session)
        if "Expiration" in session:  # a function's own has none, and is made anew
            undo = lambda: sts._sessions.pop(access_key, None)  # noqa: E731
            self._log.note((SESSION, access_key), _text(session), undo)

    def _adopt(self, access_key: str, session: dict[str, Any]) -> bool:
        sts._sessions[access_key] = session
        if sts._session_expired(session):
            del sts._sessions[access_key]
        return access_key in sts._sessions

    def _keep_blobs(self, referenced: set[str]) -> None:
        # MiniStack would remove what the journal may still need when this state does not get there.
        self._blobs = set(referenced)

    def trim_logs(self) -> None:
        """Forget all but the last events of each log stream: MiniStack would keep them as long as it runs."""
        for group in cloudwatch_logs._log_groups.all_values():
            for stream in group["streams"].values():
                del stream["events"][:-LOG_EVENTS_KEPT]
        records = cloudwatch_logs._log_records._data
        for pointer in list(records)[:-LOG_EVENTS_KEPT]:
            del records[pointer]


def _log_state() -> dict[str, Any]:
    groups = type(cloudwatch_logs._log_groups)()
    for scope, group in cloudwatch_logs._log_groups.all_items():
        is_functions = scope[-1].startswith(FUNCTION_GROUPS)
        streams = {} if is_functions else {name: {**kept, "events": []} for name, kept in group["streams"].items()}
        groups.set_scoped(*scope, {**group, "streams": streams})
    return {"log_groups": groups} | {name: getattr(cloudwatch_logs, f"_{name}") for name in LOG_STORES}


def _entries(service: str, state: dict[str, Any]) -> Iterator[tuple[Key, Any]]:
    for store, value in state.items():
        scope = _scope(value)
        if scope == _WHOLE:
            yield (STATE, service, store, scope, ""), value
        else:
            for key, entry in _json_default(value)["data"].items():
                yield (STATE, service, store, scope, key), entry


def _scope(store: Any) -> str:
    """How MiniStack's own files mark that kind of store."""
    try:
        return str(next(iter(_json_default(store))))
    except (TypeError, StopIteration):
        return _WHOLE


def _by_service(values: dict[Key, Any]) -> dict[str, dict[str, Any]]:
    """What each service is given: its stores, as they stand in MiniStack's own files."""
    found: dict[str, dict[str, Any]] = {}
    for key, shape in values.items():
        if key[0] == SHAPE:
            found[key[1]] = {store: {scope: True, "data": {}} for store, scope in shape.items() if scope in _SCOPES}
    for key, value in values.items():
        if key[0] == STATE:
            _, service, store, scope, name = key
            stores = found.setdefault(service, {})
            if scope == _WHOLE:
                stores[store] = value
            else:
                stores.setdefault(store, {scope: True, "data": {}})["data"][name] = value
    for table in found.get("dynamodb", {}).get("tables", {}).get("data", {}).values():
        table["items"] = {}
    return found


def _json_object_hook_all(value: Any) -> Any:
    if isinstance(value, dict):
        return _json_object_hook({name: _json_object_hook_all(child) for name, child in value.items()})
    if isinstance(value, list):
        return [_json_object_hook_all(child) for child in value]
    return value


def _text(value: Any) -> str:
    return json.dumps(value, default=_json_default, separators=(",", ":"))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _nothing() -> None:
    pass
