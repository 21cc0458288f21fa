"""The identities of all identity pools. State only."""

from collections import defaultdict
from typing import Any

from .records import Identity
from .store import Store

_IDENTITY = "identity"


class Identities:
    """Identities by id, and by the logins that are linked to them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Identity] = {}
        self._by_login: dict[tuple[str, str, str], str] = {}
        self._by_pool: dict[str, dict[str, None]] = defaultdict(dict)
        self._links: dict[str, list[tuple[str, str, str]]] = {}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take in an identity that was stored."""
        self._place(Identity.of(kept))

    def get(self, identity_id: str) -> Identity | None:
        """The identity of that id."""
        return self._by_id.get(identity_id)

    def of_login(self, pool_id: str, provider: str, user_id: str) -> Identity | None:
        """The one identity of that user (IP-02)."""
        return self._by_id.get(self._by_login.get((pool_id, provider, user_id), ""))

    def of_pool(self, pool_id: str) -> list[Identity]:
        """The pool's identities, oldest first."""
        return [self._by_id[name] for name in self._by_pool.get(pool_id, {})]

    def all(self) -> list[Identity]:
        """All identities."""
        return list(self._by_id.values())

    def save(self, identity: Identity, now: float) -> None:
        """Store what was changed."""
        identity.modified_at = now
        self._place(identity)
        self._store.put(_IDENTITY, identity.id, identity.document())

    def remove(self, identity: Identity) -> None:
        """Forget the identity."""
        self._unlink(identity)
        self._by_id.pop(identity.id, None)
        self._by_pool[identity.pool_id].pop(identity.id, None)
        self._store.put(_IDENTITY, identity.id, None)

    def _place(self, identity: Identity) -> None:
        self._unlink(identity)
        self._by_id[identity.id] = identity
        self._by_pool[identity.pool_id][identity.id] = None
        self._links[identity.id] = [(identity.pool_id, *login) for login in identity.logins.items()]
        for key in self._links[identity.id]:
            self._by_login[key] = identity.id

    def _unlink(self, identity: Identity) -> None:
        for key in self._links.pop(identity.id, []):
            if self._by_login.get(key) == identity.id:
                del self._by_login[key]
