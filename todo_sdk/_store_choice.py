"""Which store a client takes when none is given: the system's keyring where one works, else a file."""

from todo_sdk._config import Config
from todo_sdk._errors import ConfigError
from todo_sdk._store import FileTokenStore, MemoryTokenStore, TokenStore

HOW_TO_GET_ONE = "install it with: pip install 'todo-sdk[secure]'"


def store_for(config: Config) -> TokenStore:
    """Give the store that `config.token_store` names; "auto" takes the keyring if one works, without asking anybody.

    A session that is in the file already stays there until it is signed out.

    Raises:
        ConfigError: the keyring is wanted and none works.
    """
    path, wanted = config.session_path, config.token_store
    if wanted == "memory":
        return MemoryTokenStore()
    if wanted == "file" or (wanted == "auto" and path.exists()):
        return FileTokenStore(path)
    from todo_sdk._keyring import KeyringTokenStore, NoKeyringError, working_keyring

    try:
        keyring = working_keyring()
    except NoKeyringError as error:
        if wanted == "keyring":
            raise ConfigError(f"token_store is keyring, and {error}") from error
        return FileTokenStore(path, because=str(error))
    return KeyringTokenStore(keyring, f"{config.profile} {config.api_url}", lock=path.with_name(f".{path.name}.lock"))
