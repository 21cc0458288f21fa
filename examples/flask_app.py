"""A web application in which each visitor is a user of MyTodoList, with a session of their own.

    pip install todo-sdk flask
    SECRET_KEY=… python examples/flask_app.py          then: http://127.0.0.1:5000

The browser gets a random id in a signed cookie, nothing else. Tokens and open challenges stay on the server, each
visitor's in a store of its own (here in memory; take a database or Redis where several processes serve).
"""

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, redirect, render_template_string, request, session
from werkzeug.wrappers import Response

from todo_sdk import (
    Challenge,
    Config,
    NotSignedInError,
    ServiceError,
    SignInError,
    TodoClient,
    TransportError,
    fetch_config,
)

PAGE = """<!doctype html><title>To-dos</title>
{% macro form(action, button) %}
  <form method="post" action="/{{ action }}"><input type="hidden" name="csrf" value="{{ csrf }}">
    {{ caller() }}<button>{{ button }}</button></form>
{% endmacro %}
{% if message %}<p role="alert">{{ message }}</p>{% endif %}
{% if challenge %}
  <p>{{ challenge.wanted }}</p>
  {% call form("answer", "Go on") %}<input name="reply" type="password">{% endcall %}
{% elif user %}
  <p>{{ user.email }}</p>
  <ul>{% for todo in todos %}<li>{{ todo.title }}</li>{% endfor %}</ul>
  {% call form("add", "Add") %}<input name="title">{% endcall %}
  {% call form("logout", "Sign out") %}{% endcall %}
{% else %}
  {% call form("login", "Sign in") %}
    <input name="email" type="email"><input name="password" type="password">
  {% endcall %}
{% endif %}"""


@dataclass
class Visitor:
    """What the server keeps of one browser; it is also the visitor's token store."""

    kept: dict[str, Any] | None = field(default=None, repr=False)
    challenge: Challenge | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def load(self) -> Mapping[str, Any] | None:
        """Give the session."""
        return self.kept

    def save(self, kept: Mapping[str, Any]) -> None:
        """Keep the session."""
        self.kept = dict(kept)

    def clear(self) -> None:
        """Forget the session."""
        self.kept = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep this visitor's other requests out while tokens are renewed."""
        with self.lock:
            yield


class Pages:
    """The application's pages, for one deployment."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._visitors: dict[str, Visitor] = {}

    def home(self) -> str:
        """Show the visitor's to-dos, or what is wanted before."""
        return self._page()

    def login(self) -> Response | str:
        """Begin a sign-in; what more it wants is kept here until it is answered."""

        def act(client: TodoClient) -> None:
            outcome = client.auth.begin_sign_in(request.form["email"], request.form["password"])
            self._visitor.challenge = outcome if isinstance(outcome, Challenge) else None
            # a new id as the user changes, so that one from before, which somebody may have planted, is worth nothing
            self._visitors[fresh := secrets.token_urlsafe(32)] = self._visitors.pop(session["id"])
            session["id"] = fresh

        return self._took(act)

    def answer(self) -> Response | str:
        """Answer what the sign-in wants."""

        def act(client: TodoClient) -> None:
            challenge = self._visitor.challenge
            if challenge is not None:
                outcome = client.auth.answer(challenge, request.form["reply"])
                self._visitor.challenge = outcome if isinstance(outcome, Challenge) else None

        return self._took(act)

    def add(self) -> Response | str:
        """Add a to-do."""
        return self._took(lambda client: client.todos.add(request.form["title"]))

    def logout(self) -> Response | str:
        """End the session, here and at Cognito."""

        def act(client: TodoClient) -> None:
            client.auth.sign_out()
            del self._visitors[session["id"]]
            session.clear()

        return self._took(act)

    @property
    def _visitor(self) -> Visitor:
        return self._visitors.setdefault(session.setdefault("id", secrets.token_urlsafe(32)), Visitor())

    def _page(self, message: str = "") -> str:
        csrf = session.setdefault("csrf", secrets.token_urlsafe(32))
        shown: dict[str, Any] = {"message": message, "challenge": self._visitor.challenge, "csrf": csrf}
        if self._visitor.challenge is None:
            with TodoClient(self._config, store=self._visitor) as client, suppress(NotSignedInError):
                shown |= {"user": client.auth.user(), "todos": list(client.todos.list(status="open"))}
        return render_template_string(PAGE, **shown)

    def _took(self, act: Callable[[TodoClient], object]) -> Response | str:
        """Do something as the visitor; what goes wrong is a sentence on the page."""
        if not secrets.compare_digest(request.form.get("csrf", ""), session.get("csrf", "-")):
            return self._page("this page was too old; try again")
        try:
            with TodoClient(self._config, store=self._visitor) as client:
                act(client)
        except (SignInError, ServiceError, TransportError) as error:
            return self._page(str(error))
        return redirect("/")


def create_app(config: Config, secret_key: str) -> Flask:
    """Make the application for one deployment."""
    app, pages = Flask(__name__), Pages(config)
    app.secret_key = secret_key
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")
    app.add_url_rule("/", view_func=pages.home)
    for act in (pages.login, pages.answer, pages.add, pages.logout):
        app.add_url_rule(f"/{act.__name__}", view_func=act, methods=["POST"])
    return app


if __name__ == "__main__":
    deployment = Config.load()
    complete = fetch_config(deployment.api_url) if deployment.missing else deployment
    create_app(complete, os.environ["SECRET_KEY"]).run()
