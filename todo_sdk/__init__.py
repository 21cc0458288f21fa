"""Client library of MyTodoList: sign in, keep to-dos, keep files in one's own folder.

    from todo_sdk import TodoClient

    with TodoClient.from_profile() as client:
        client.auth.sign_in("me@example.com", "a password")
        client.todos.add("Buy milk")

Every public name is loaded when it is first used, so that `import todo_sdk` stays instant.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from todo_sdk._client import TodoClient as TodoClient
    from todo_sdk._config import Config as Config
    from todo_sdk._config import default_profile as default_profile
    from todo_sdk._config import profiles as profiles
    from todo_sdk._config import remove_profile as remove_profile
    from todo_sdk._config import write_profile as write_profile
    from todo_sdk._discovery import fetch_config as fetch_config
    from todo_sdk._errors import ChallengeRequiredError as ChallengeRequiredError
    from todo_sdk._errors import ConfigError as ConfigError
    from todo_sdk._errors import ConflictError as ConflictError
    from todo_sdk._errors import ForbiddenError as ForbiddenError
    from todo_sdk._errors import InvalidCredentialsError as InvalidCredentialsError
    from todo_sdk._errors import InvalidRequestError as InvalidRequestError
    from todo_sdk._errors import NotFoundError as NotFoundError
    from todo_sdk._errors import NotSignedInError as NotSignedInError
    from todo_sdk._errors import ReplicaError as ReplicaError
    from todo_sdk._errors import ServerError as ServerError
    from todo_sdk._errors import ServiceError as ServiceError
    from todo_sdk._errors import SignInError as SignInError
    from todo_sdk._errors import ThrottledError as ThrottledError
    from todo_sdk._errors import TodoError as TodoError
    from todo_sdk._errors import TransportError as TransportError
    from todo_sdk._errors import UpgradeRequiredError as UpgradeRequiredError
    from todo_sdk._files.facade import Files as Files
    from todo_sdk._files.values import Download as Download
    from todo_sdk._files.values import FileFailure as FileFailure
    from todo_sdk._files.values import FileTree as FileTree
    from todo_sdk._files.values import FolderSync as FolderSync
    from todo_sdk._files.values import Removal as Removal
    from todo_sdk._files.values import Share as Share
    from todo_sdk._files.values import SyncAction as SyncAction
    from todo_sdk._files.values import SyncPlan as SyncPlan
    from todo_sdk._files.values import UnfinishedUpload as UnfinishedUpload
    from todo_sdk._files.values import Upload as Upload
    from todo_sdk._keyring import KeyringTokenStore as KeyringTokenStore
    from todo_sdk._models import Challenge as Challenge
    from todo_sdk._models import Change as Change
    from todo_sdk._models import ChangeResult as ChangeResult
    from todo_sdk._models import Completed as Completed
    from todo_sdk._models import Device as Device
    from todo_sdk._models import FileInfo as FileInfo
    from todo_sdk._models import MfaSetup as MfaSetup
    from todo_sdk._models import SignUp as SignUp
    from todo_sdk._models import SyncResult as SyncResult
    from todo_sdk._models import Todo as Todo
    from todo_sdk._models import User as User
    from todo_sdk._network import NetworkProfile as NetworkProfile
    from todo_sdk._network import SimulatedNetwork as SimulatedNetwork
    from todo_sdk._offline_models import Conflict as Conflict
    from todo_sdk._offline_models import HistoryEntry as HistoryEntry
    from todo_sdk._offline_models import QueuedChange as QueuedChange
    from todo_sdk._offline_models import Recovery as Recovery
    from todo_sdk._offline_models import Stats as Stats
    from todo_sdk._offline_models import SyncReport as SyncReport
    from todo_sdk._offline_models import Undone as Undone
    from todo_sdk._replica import Replica as Replica
    from todo_sdk._store import FileTokenStore as FileTokenStore
    from todo_sdk._store import MemoryTokenStore as MemoryTokenStore
    from todo_sdk._store import TokenStore as TokenStore
    from todo_sdk._traffic import RequestEvent as RequestEvent

    __version__: str

__all__ = [
    "Challenge",
    "ChallengeRequiredError",
    "Change",
    "ChangeResult",
    "Completed",
    "Config",
    "ConfigError",
    "Conflict",
    "ConflictError",
    "Device",
    "Download",
    "FileFailure",
    "FileInfo",
    "FileTokenStore",
    "FileTree",
    "Files",
    "FolderSync",
    "ForbiddenError",
    "HistoryEntry",
    "InvalidCredentialsError",
    "InvalidRequestError",
    "KeyringTokenStore",
    "MemoryTokenStore",
    "MfaSetup",
    "NetworkProfile",
    "NotFoundError",
    "NotSignedInError",
    "QueuedChange",
    "Recovery",
    "Removal",
    "Replica",
    "ReplicaError",
    "RequestEvent",
    "ServerError",
    "ServiceError",
    "Share",
    "SignInError",
    "SignUp",
    "SimulatedNetwork",
    "Stats",
    "SyncAction",
    "SyncPlan",
    "SyncReport",
    "SyncResult",
    "ThrottledError",
    "Todo",
    "TodoClient",
    "TodoError",
    "TokenStore",
    "TransportError",
    "Undone",
    "UnfinishedUpload",
    "UpgradeRequiredError",
    "Upload",
    "User",
    "__version__",
    "default_profile",
    "fetch_config",
    "profiles",
    "remove_profile",
    "write_profile",
]

_HOMES = {
    "_client": ("TodoClient",),
    "_config": ("Config", "default_profile", "profiles", "remove_profile", "write_profile"),
    "_discovery": ("fetch_config",),
    "_errors": (
        "ChallengeRequiredError",
        "ConfigError",
        "ConflictError",
        "ForbiddenError",
        "InvalidCredentialsError",
        "InvalidRequestError",
        "NotFoundError",
        "NotSignedInError",
        "ReplicaError",
        "ServerError",
        "ServiceError",
        "SignInError",
        "ThrottledError",
        "TodoError",
        "TransportError",
        "UpgradeRequiredError",
    ),
    "_files.facade": ("Files",),
    "_offline_models": ("Conflict", "HistoryEntry", "QueuedChange", "Recovery", "Stats", "SyncReport", "Undone"),
    "_replica": ("Replica",),
    "_files.values": (
        "Download",
        "FileFailure",
        "FileTree",
        "FolderSync",
        "Removal",
        "Share",
        "SyncAction",
        "SyncPlan",
        "UnfinishedUpload",
        "Upload",
    ),
    "_keyring": ("KeyringTokenStore",),
    "_models": (
        "Challenge",
        "Change",
        "ChangeResult",
        "Completed",
        "Device",
        "FileInfo",
        "MfaSetup",
        "SignUp",
        "SyncResult",
        "Todo",
        "User",
    ),
    "_network": ("NetworkProfile", "SimulatedNetwork"),
    "_store": ("FileTokenStore", "MemoryTokenStore", "TokenStore"),
    "_traffic": ("RequestEvent",),
    "_version": ("__version__",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at its first use (PEP 562)."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Show the public names, loaded or not."""
    return sorted({*globals(), *__all__})
