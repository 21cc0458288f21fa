"""Throw-away users: made for one run, and removed with all that is theirs, also by the run after an interrupted one."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from todo_cli.checks.registry import CheckSkippedError
from todo_cli.checks.world import Deployment, Person

if TYPE_CHECKING:
    from types import ModuleType

CODE = re.compile(r"\b\d{6}\b")
DOMAIN = "todo-smoke.example.com"  # of RFC 2606: mail to it reaches nobody


class Confirming(Protocol):
    """How an account is confirmed where nobody reads the mail."""

    def confirm(self, email: str) -> None:
        """Make the account usable."""

    def code(self, email: str) -> str:
        """Give the newest code that was mailed to it; raises CheckSkippedError where mail cannot be read."""


class Inbox:
    """Reads the mails of an embedded stack."""

    def __init__(self, deployment: Deployment, stack: ModuleType | Any, data_dir: Path) -> None:
        self._deployment = deployment
        self._stack = stack
        self._data_dir = data_dir

    def code(self, email: str) -> str:
        """Give the newest code that was mailed to it."""
        texts = [mail.text for mail in self._stack.inbox(self._data_dir) if mail.to == email]
        found = CODE.search(texts[-1]) if texts else None
        if found is None:
            raise CheckSkippedError(
                f"no code for {email} in the inbox of {self._data_dir}; is it this stack's --data-dir?"
            )
        return found.group()

    def confirm(self, email: str) -> None:
        """Confirm with the mailed code."""
        client_id = self._deployment.config.user_pool_client_id
        self._deployment.cognito.confirm_sign_up(ClientId=client_id, Username=email, ConfirmationCode=self.code(email))


class Administrator:
    """Confirms with the operator's own AWS credentials, as they are found by boto3."""

    def __init__(self, deployment: Deployment) -> None:
        import boto3

        self._pool = deployment.config.user_pool_id
        self._cognito = boto3.client("cognito-idp", region_name=deployment.config.region)

    def code(self, email: str) -> str:
        """Give no code: nobody here reads the mail."""
        raise CheckSkippedError("the mailed code can be read on an embedded stack only")

    def confirm(self, email: str) -> None:
        """Confirm without the code."""
        self._cognito.admin_confirm_sign_up(UserPoolId=self._pool, Username=email)


class People:
    """Makes users, and remembers them until they are gone."""

    def __init__(self, deployment: Deployment, confirming: Callable[[], Confirming], kept_in: Path) -> None:
        self._deployment = deployment
        self._make_confirming = confirming
        self._confirming: Confirming | None = None
        self._file = kept_in
        self._made: list[Person] = []

    @property
    def confirming(self) -> Confirming:
        """How accounts are confirmed here."""
        if self._confirming is None:
            self._confirming = self._make_confirming()
        return self._confirming

    def new(self, *, confirmed: bool = True) -> Person:
        """Sign up a new user with an address and a password of its own."""
        person = Person(self._deployment, f"smoke-{secrets.token_hex(6)}@{DOMAIN}", f"{secrets.token_urlsafe(18)}-Aa1")
        self._remember(person)
        person.sign_up()
        if confirmed:
            self.confirming.confirm(person.email)
        return person

    def remove_all(self) -> list[str]:
        """Remove every user that was made, with to-dos and files; give a sentence for each that could not be."""
        complaints = []
        for person in [*self._left_behind(), *self._made]:
            try:
                self._remove(person)
            except Exception as error:  # noqa: BLE001 - the next one shall be removed all the same
                complaints.append(f"{person.email} could not be removed: {type(error).__name__}: {error}")
            else:
                self._forget(person)
        return complaints

    def _remove(self, person: Person) -> None:
        state = person.state()
        if state == "unconfirmed":
            self.confirming.confirm(person.email)
        if state != "gone":
            person.remove()

    def _left_behind(self) -> list[Person]:
        """The users of a run that was killed."""
        known = {person.email for person in self._made}
        return [
            Person(self._deployment, row["email"], row["password"])
            for row in self._rows()
            if row["email"] not in known and row["api_url"] == self._deployment.config.api_url
        ]

    def _rows(self) -> list[dict[str, str]]:
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            return [row for row in rows if {"email", "password", "api_url"} <= set(row)]
        except (OSError, ValueError, TypeError):
            return []

    def _remember(self, person: Person) -> None:
        self._made.append(person)
        row = {"email": person.email, "password": person.password, "api_url": self._deployment.config.api_url}
        self._write([*self._rows(), row])

    def _forget(self, person: Person) -> None:
        self._made = [made for made in self._made if made is not person]
        rows = [row for row in self._rows() if row["email"] != person.email]
        if rows:
            self._write(rows)
        else:
            self._file.unlink(missing_ok=True)

    def _write(self, rows: list[dict[str, str]]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._file.with_name(f".{self._file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(rows, file)
        temporary.replace(self._file)
