"""The users of all pools, found by what people type, and the sign-ins granted to them. State only, no rules."""

from collections import defaultdict
from typing import Any

from .errors import user_not_found
from .records import Grant, User
from .store import Store

_USER, _GRANT = "user", "grant"
# An access token may outlive the refresh token that it came with, by at most its own longest life (UP-96).
_KEPT_AFTER_SECONDS = 86_400
# Attributes by which a pool may let people sign in; all but the last must be verified to be an alias.
ALIASES = ("email", "phone_number", "preferred_username")

Pool = dict[str, Any]


def is_case_sensitive(pool: Pool) -> bool:
    """Whether ALICE and alice are two users (UP-18)."""
    return bool(pool.get("UsernameConfiguration", {}).get("CaseSensitive", True))


def folded(pool: Pool, name: str) -> str:
    """The name as the pool compares names."""
    return name if is_case_sensitive(pool) else name.casefold()


class Users:
    """Users by pool and name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name: dict[str, dict[str, User]] = defaultdict(dict)
        self._by_attribute: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
        self._indexed: dict[tuple[str, str], list[tuple[str, str, str]]] = {}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take in a user that was stored."""
        self._place(User.of(kept))

    def get(self, pool: Pool, username: str) -> User | None:
        """The user of that very username."""
        users = self._by_name[pool["Id"]]
        found = users.get(username)
        if found is None and not is_case_sensitive(pool):
            return next(iter(self._having(pool["Id"], "username", username.casefold())), None)
        return found

    def find(self, pool: Pool, name: str) -> User | None:
        """The user whom people mean by that name: username, `sub`, or whatever the pool lets them sign in with."""
        found = self.get(pool, name) or next(iter(self._having(pool["Id"], "sub", name)), None)
        if found is not None:
            return found
        for attribute in pool.get("UsernameAttributes", []):
            for user in self.having(pool, attribute, name):
                return user
        for attribute in pool.get("AliasAttributes", []):
            for user in self.having(pool, attribute, name):
                if is_alias(user, attribute):
                    return user
        return None

    def having(self, pool: Pool, attribute: str, value: str) -> list[User]:
        """The users whose attribute has that value, as the pool compares names."""
        found = self._having(pool["Id"], attribute, value.casefold())
        return [user for user in found if folded(pool, user.attributes.get(attribute, "")) == folded(pool, value)]

    def all(self, pool_id: str) -> list[User]:
        """The users of the pool, oldest first."""
        return list(self._by_name[pool_id].values())

    def save(self, user: User, now: float) -> None:
        """Store what was changed.

        Raises:
            CognitoError: UserNotFoundException, the user was deleted meanwhile.
        """
        if user.deleted:
            raise user_not_found()
        user.modified_at = now
        self._place(user)
        self._store.put(_USER, f"{user.pool_id}/{user.username}", user.document())

    def remove(self, user: User) -> None:
        """Forget the user."""
        user.deleted = True
        self._unplace(user)
        self._by_name[user.pool_id].pop(user.username, None)
        self._store.put(_USER, f"{user.pool_id}/{user.username}", None)

    def _having(self, pool_id: str, attribute: str, value: str) -> list[User]:
        names = self._by_attribute.get((pool_id, attribute, value), {})
        return [self._by_name[pool_id][name] for name in names]

    def _place(self, user: User) -> None:
        self._unplace(user)
        self._by_name[user.pool_id][user.username] = user
        values = {name: user.attributes.get(name, "").casefold() for name in ALIASES}
        values |= {"username": user.username.casefold(), "sub": user.sub}
        keys = [(user.pool_id, name, value) for name, value in values.items() if value]
        for key in keys:
            self._by_attribute[key][user.username] = None
        self._indexed[user.pool_id, user.username] = keys

    def _unplace(self, user: User) -> None:
        for key in self._indexed.pop((user.pool_id, user.username), []):
            self._by_attribute[key].pop(user.username, None)
            if not self._by_attribute[key]:
                del self._by_attribute[key]


def is_alias(user: User, attribute: str) -> bool:
    """Whether the attribute's value names this user at sign-in."""
    return attribute == "preferred_username" or user.attributes.get(f"{attribute}_verified") == "true"


class Grants:
    """Sign-ins by id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Grant] = {}
        self._by_user: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def restore(self, kept: dict[str, Any], now: float) -> None:
        """Take in a sign-in that was stored, unless it has ended."""
        grant = Grant.of(kept)
        if grant.expires_at + _KEPT_AFTER_SECONDS > now:
            self._place(grant)
        else:
            self._store.put(_GRANT, grant.id, None)

    def get(self, grant_id: str) -> Grant | None:
        """The sign-in of that id."""
        return self._by_id.get(grant_id)

    def of_user(self, user: User) -> list[Grant]:
        """The user's sign-ins, oldest first."""
        return [self._by_id[grant_id] for grant_id in self._by_user.get((user.pool_id, user.username), {})]

    def save(self, grant: Grant) -> None:
        """Store what was changed."""
        self._place(grant)
        self._store.put(_GRANT, grant.id, grant.document())

    def revoke_all(self, user: User) -> None:
        """End all of the user's sign-ins, on all devices (UP-110)."""
        for grant in self.of_user(user):
            if not grant.revoked:
                grant.revoked = True
                self.save(grant)

    def remove_all(self, user: User) -> None:
        """Forget the user's sign-ins."""
        for grant_id in self._by_user.pop((user.pool_id, user.username), {}):
            del self._by_id[grant_id]
            self._store.put(_GRANT, grant_id, None)

    def prune(self, user: User, now: float) -> None:
        """Forget those of the user's sign-ins that have ended."""
        for grant in self.of_user(user):
            if grant.expires_at + _KEPT_AFTER_SECONDS <= now:
                del self._by_id[grant.id]
                del self._by_user[user.pool_id, user.username][grant.id]
                self._store.put(_GRANT, grant.id, None)

    def _place(self, grant: Grant) -> None:
        self._by_id[grant.id] = grant
        self._by_user[grant.pool_id, grant.username][grant.id] = None
