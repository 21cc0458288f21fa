"""docs/auth.md, docs/errors.md and examples/flask_app.py do what they say, against the embedded stack."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import todo_sdk
from tests.integration.test_sdk_account_against_stack import App
from todo_sdk import TodoClient, TodoError, fetch_config, write_profile

ROOT = Path(__file__).parents[2]


@pytest.fixture
def profile(stack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own in which the stack is the default profile, as `todo up` leaves it."""
    monkeypatch.setenv("TODO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("TODO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TODO_PROFILE", raising=False)
    monkeypatch.delenv("TODO_API_URL", raising=False)
    write_profile("local", {"api_url": stack.outputs["ApiUrl"]})


def run_blocks(page: str, names: dict[str, Any]) -> int:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/{page}, example {number + 1}", "exec"), names)
    return len(blocks)


@pytest.mark.usefixtures("profile")
def test_the_examples_of_the_auth_guide_run_in_their_order(stack: Any) -> None:
    apps: list[App] = []

    def answered(prompt: str) -> str:
        if "mail" in prompt:
            return str(stack.newest_code("ada@example.com"))
        assert "authenticator app" in prompt
        apps.extend([] if apps else [App(names["setup"].secret)])
        return apps[0].code()

    names: dict[str, Any] = {"input": answered, "print": lambda *_: None}
    assert run_blocks("auth.md", names) >= 9
    assert apps


@pytest.mark.usefixtures("profile")
def test_the_examples_of_the_error_reference_run() -> None:
    printed: list[tuple[object, ...]] = []
    assert run_blocks("errors.md", {"print": lambda *what: printed.append(what)}) == 2
    assert "Cognito cannot be reached; are you online?" in str(printed)


def errors_of_the_sdk() -> dict[str, type[TodoError]]:
    values = [getattr(todo_sdk, name) for name in todo_sdk.__all__]
    return {each.__name__: each for each in values if isinstance(each, type) and issubclass(each, TodoError)}


def test_the_error_reference_has_every_error_in_its_place() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    tree = re.findall(r"^([│├└─ ]*)(\w+Error)", text.split("```")[1], re.MULTILINE)
    depth = {name: len(lines) // 3 for lines, name in tree}
    found = errors_of_the_sdk()
    assert set(depth) == set(found)
    assert depth == {name: len(kind.__mro__) - len(TodoError.__mro__) for name, kind in found.items()}
    described = set(re.findall(r"^\| `(\w+Error)` \|", text, re.MULTILINE))
    assert described == set(found)


def test_the_error_reference_names_the_networks_with_their_values() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for name in todo_sdk.NetworkProfile.names():
        network = todo_sdk.NetworkProfile.named(name)
        row = re.search(rf"^\| `{name}` \|.*$", text, re.MULTILINE)
        assert row, name
        for number in (network.latency_ms, network.jitter_ms):
            assert not number or f"{number:g} ms" in row[0]
        for kbps in (network.down_kbps, network.up_kbps):
            assert not kbps or f"{kbps:g} kbit/s" in row[0] or f"{kbps / 1000:g} Mbit/s" in row[0]


@pytest.fixture
def flask_app(stack: Any) -> Any:
    spec = importlib.util.spec_from_file_location("flask_app", ROOT / "examples" / "flask_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.create_app(fetch_config(stack.outputs["ApiUrl"]), "a secret key")


class Browser:
    """One visitor of the application."""

    def __init__(self, app: Any) -> None:
        self._browser = app.test_client()

    def get(self) -> str:
        return str(self._browser.get("/").text)

    def post(self, path: str, **form: str) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get())
        assert found
        return str(self._browser.post(path, data={"csrf": found[1], **form}, follow_redirects=True).text)

    def cookie(self) -> str:
        return str(self._browser.get_cookie("session").value)


def test_each_visitor_of_the_flask_app_has_a_session_of_their_own(flask_app: Any, new_user: Callable[[], Any]) -> None:
    ada, bob, nobody = new_user(), new_user(), Browser(flask_app)
    browsers = [Browser(flask_app), Browser(flask_app)]
    for browser, user in zip(browsers, (ada, bob), strict=True):
        assert "Sign in" in browser.get()
        assert "wrong user or password" in browser.post("/login", email=user.email, password="Wrong-horse-1!")
        assert user.email in browser.post("/login", email=user.email, password=user.password)
        assert f"of {user.email}" in browser.post("/add", title=f"of {user.email}")
    assert bob.email not in browsers[0].get()
    assert "a to-do needs a title" in browsers[0].post("/add", title=" ")
    assert "eyJraWQ" not in browsers[0].cookie()
    assert "Sign in" in nobody.get()
    assert "Sign in" in browsers[0].post("/logout")
    assert bob.email in browsers[1].get()
    assert "too old" in str(browsers[1]._browser.post("/add", data={"title": "forged"}).text)


def test_a_visitor_with_an_authenticator_app_is_asked_for_its_code(
    flask_app: Any, stack: Any, new_user: Callable[[], Any]
) -> None:
    user = new_user()
    with TodoClient(fetch_config(stack.outputs["ApiUrl"]), store=todo_sdk.MemoryTokenStore()) as client:
        client.auth.sign_in(*user)
        app = App(client.auth.mfa.begin().secret)
        client.auth.mfa.confirm(app.code())
    browser = Browser(flask_app)
    assert "six-digit code" in browser.post("/login", email=user.email, password=user.password)
    assert "the code is wrong" in browser.post("/answer", reply="000000")
    assert user.email in browser.post("/answer", reply=app.code())
