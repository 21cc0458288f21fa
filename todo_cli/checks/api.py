"""The REST API: there, over HTTPS, and closed to who may not call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import urlsplit

from todo_cli.checks.registry import check, expect
from todo_cli.checks.world import World, told, unpadded

SETTINGS = ("region", "user_pool_id", "user_pool_client_id", "identity_pool_id", "files_bucket")
UNSIGNED = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ROUTES = (
    ("GET", "revision"),
    ("GET", "todos"),
    ("POST", "todos"),
    ("GET", "todos/01939999-0000-7000-8000-000000000000"),
    ("PATCH", "todos/01939999-0000-7000-8000-000000000000"),
    ("DELETE", "todos/01939999-0000-7000-8000-000000000000"),
    ("POST", "sync"),
    ("GET", "snapshots/1"),
)


@check(writes=False)
def api_https(world: World) -> str:
    """The REST API has HTTPS endpoints; plain HTTP only on this machine."""
    address = urlsplit(world.config.api_url)
    answer = world.deployment.ask("GET", "config")  # a certificate that is not trusted ends here
    expect(answer.status_code == 200, f"GET /v1/config: {told(answer)}")
    expect(address.scheme == "https" or address.hostname in LOOPBACK, f"{world.config.api_url} is not encrypted")
    return f"{address.scheme}://{address.netloc}"


@check(writes=False)
def api_config(world: World) -> str:
    """The API tells a client all it needs to start, and it is what this profile says."""
    answer = world.deployment.ask("GET", "config")
    expect(answer.status_code == 200, f"GET /v1/config: {told(answer)}")
    body = answer.json()
    wrong = [name for name in SETTINGS if body.get(name) != getattr(world.config, name)]
    expect(not wrong, f"the profile's {', '.join(wrong)} is not the API's; run `todo configure` again")
    return f"{len(body)} settings, API version {body.get('api_version')}"


@check("AG-01", writes=False)
def api_refuses_no_token(world: World) -> str:
    """Every route but the config wants a token."""
    for method, path in ROUTES:
        answer = world.deployment.ask(method, path)
        expect(answer.status_code == 401, f"{method} /v1/{path} without a token: {told(answer)}")
    return f"401 on {len(ROUTES)} routes"


@check("AG-02", writes=False)
def api_refuses_junk(world: World) -> str:
    """What is not a token is refused."""
    for token in ("junk", "a.b.c", "Bearer", "e30.e30.e30"):
        answer = world.deployment.ask("GET", "todos", token=token)
        expect(answer.status_code == 401, f"GET /v1/todos with {token!r}: {told(answer)}")
    return "401 four times"


@check("AG-02")
def api_refuses_altered_token(world: World) -> str:
    """A token whose signature does not fit is refused."""
    head, claims, signature = world.alice.id_token.split(".")
    altered = ("A" if signature[0] != "A" else "B") + signature[1:]
    answer = world.deployment.ask("GET", "todos", token=f"{head}.{claims}.{altered}")
    expect(answer.status_code == 401, f"with another signature: {told(answer)}")
    return "401"


@check("AG-02")
def api_refuses_unsigned_token(world: World) -> str:
    """A token with alg none is refused."""
    claims = world.alice.id_token.split(".")[1]
    answer = world.deployment.ask("GET", "todos", token=f"{UNSIGNED}.{claims}.")
    expect(answer.status_code == 401, f"with alg none: {told(answer)}")
    return "401"


@check("AG-02")
def api_refuses_confused_token(world: World) -> str:
    """A token signed by HMAC with the public key as the secret is refused."""
    head, claims, _ = world.alice.id_token.split(".")
    kid = json.loads(unpadded(head))["kid"]
    signed = f"{_b64(json.dumps({'alg': 'HS256', 'kid': kid}).encode())}.{claims}"
    public = unpadded(next(key["n"] for key in world.jwks() if key["kid"] == kid))
    signature = hmac.digest(public, signed.encode(), hashlib.sha256)
    answer = world.deployment.ask("GET", "todos", token=f"{signed}.{_b64(signature)}")
    expect(answer.status_code == 401, f"with HS256: {told(answer)}")
    return "401"


@check("AG-06")
def api_refuses_access_token(world: World) -> str:
    """The access token does not do for the id token."""
    answer = world.deployment.ask("GET", "todos", token=world.alice.tokens["AccessToken"])
    expect(answer.status_code == 401, f"with the access token: {told(answer)}")
    return "401"


@check("AG-15", writes=False)
def api_unknown_route(world: World) -> str:
    """A path that does not exist is told so, with the one body that all errors have."""
    answer = world.deployment.ask("GET", "no-such-thing")
    expect(answer.status_code == 404, f"GET /v1/no-such-thing: {told(answer)}")
    expect("not_found" in answer.text, told(answer))
    return "404 not_found"


@check("AG-19")
def api_bad_body(world: World) -> str:
    """A bad body is refused with a code, a sentence and the request's id."""
    answer = world.alice.ask("POST", "todos", title="without an id")
    expect(answer.status_code == 400, f"a to-do without an id: {told(answer)}")
    missing = {"code", "message", "request_id"} - set(answer.json())
    expect(not missing, f"the error has no {', '.join(sorted(missing))}")
    return f"400 {answer.json()['code']}"


@check("AG-01")
def api_lets_its_user_in(world: World) -> str:
    """Who has signed in may call."""
    answer = world.alice.ask("GET", "revision")
    expect(answer.status_code == 200, f"GET /v1/revision: {told(answer)}")
    return f"200, revision {answer.json()['revision']}"


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
