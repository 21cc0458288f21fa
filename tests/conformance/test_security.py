"""The mistakes that this architecture invites, tried against the deployed API by two real users (SE-…)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from .conftest import Sut, User, refusal

MADE_UP = "01939999-0000-7000-8000-000000000000"


def add(user: User, **fields: Any) -> str:
    todo = {"id": f"01939999-0000-7000-8000-{secrets.token_hex(6)}", "title": "only mine"} | fields
    made = user.api("POST", "todos", json=todo)
    assert made.status_code == 201, made.text
    return str(todo["id"])


@pytest.fixture(scope="module")
def hers(alice: User) -> Iterator[str]:
    """A to-do of Alice's."""
    todo_id = add(alice)
    yield todo_id
    alice.api("DELETE", f"todos/{todo_id}")


def sub(user: User) -> str:
    return str(jwt.decode(user.tokens["IdToken"], options={"verify_signature": False})["sub"])


def test_se_03_every_route_but_the_config_wants_a_token(alice: User) -> None:
    revision = alice.api("GET", "revision").json()["revision"]
    alice.api("GET", f"snapshots/{revision}")
    for token in ("junk", alice.tokens["AccessToken"]):
        for path in ("todos", "revision", f"snapshots/{revision}", f"todos/{MADE_UP}"):
            assert alice.api("GET", path, token).status_code == 401
    assert alice.api("GET", "config", "").status_code == 200


def test_se_08_a_token_of_another_client(sut: Sut, alice: User) -> None:
    cognito, pool = sut.owner("cognito-idp"), sut.outputs["UserPoolId"]
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="admin-web", ExplicitAuthFlows=flows)
    client = made["UserPoolClient"]["ClientId"]
    asked = {"USERNAME": alice.email, "PASSWORD": alice.password}
    words = {"UserPoolId": pool, "ClientId": client, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}
    token = cognito.admin_initiate_auth(**words, AuthParameters=asked)["AuthenticationResult"]["IdToken"]
    cognito.delete_user_pool_client(UserPoolId=pool, ClientId=client)
    assert alice.api("GET", "todos", token).status_code == 401


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(user: User) -> dict[str, str]:
    """Tokens that say what a good one says, and are none."""
    head, body, signature = user.tokens["IdToken"].split(".")
    claims = jwt.decode(user.tokens["IdToken"], options={"verify_signature": False})
    kid = jwt.get_unverified_header(user.tokens["IdToken"])["kid"]
    others = encoded(claims | {"sub": secrets.token_hex(8)})
    by_hash = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid})
    return {
        "alg none": f"{encoded({'alg': 'none'})}.{body}.",
        "HS256": by_hash,
        "another sub": f"{head}.{others}.{signature}",
        "kid elsewhere": f"{encoded({'alg': 'RS256', 'kid': '../../x', 'jku': 'http://127.0.0.1/x'})}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
    }


@pytest.mark.parametrize("name", ["alg none", "HS256", "another sub", "kid elsewhere", "no signature"])
def test_se_09_a_forged_token(sut: Sut, bob: User, name: str) -> None:
    token = forged(bob)[name]
    assert bob.api("GET", "todos", token).status_code == 401
    words = {"IdentityPoolId": sut.outputs["IdentityPoolId"], "Logins": {sut.logins_key: token}}
    assert refusal(sut.client("cognito-identity").get_id, **words).code == "NotAuthorizedException"


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {"title": "mine now"}), ("DELETE", None)])
def test_se_10_se_27_the_id_of_anothers_todo(alice: User, bob: User, hers: str, method: str, body: Any) -> None:
    """Through DAX; the answer does not tell whether the to-do exists."""
    existing, missing = (bob.api(method, f"todos/{found}", json=body) for found in (hers, MADE_UP))
    assert existing.status_code == missing.status_code == 404
    assert existing.json() | {"request_id": ""} == missing.json() | {"request_id": ""}
    assert alice.api("GET", f"todos/{hers}").json()["title"] == "only mine"


def test_se_11_the_owner_is_nothing_that_a_client_sends(alice: User, bob: User, hers: str) -> None:
    victim = sub(alice)
    query = "&".join(f"{name}={victim}" for name in ("userId", "owner", "sub", "pk"))
    listed = bob.api("GET", f"todos?{query}", headers={"X-User-Id": victim, "X-Owner": victim})
    assert hers not in listed.text
    for name in ("userId", "owner", "sub", "pk"):
        todo = {"id": f"01939999-0000-7000-8000-{secrets.token_hex(6)}", "title": "planted", name: victim}
        bob.api("POST", "todos", json=todo)
        assert alice.api("GET", f"todos/{todo['id']}").status_code == 404


def test_se_12_a_cursor_of_somebody_else(alice: User, bob: User) -> None:
    made = [add(alice) for _ in range(3)]
    cursor = alice.api("GET", "todos?limit=1").json()["cursor"]
    assert cursor
    changed = cursor[:-3] + ("A" if cursor[-3] != "A" else "B") + cursor[-2:]
    for user, used in ((bob, cursor), (alice, changed), (bob, "junk")):
        answer = user.api("GET", "todos", params=None) if not used else user.api("GET", f"todos?limit=1&cursor={used}")
        assert (answer.status_code, any(todo in answer.text for todo in made)) == (400, False)
    for todo in made:
        alice.api("DELETE", f"todos/{todo}")


def test_se_15_the_folder_of_the_sub(alice: User) -> None:
    words = {"Bucket": alice.sut.outputs["FilesBucket"], "Key": f"{sub(alice)}/f", "Body": b""}
    assert refusal(alice.s3.put_object, **words).code == "AccessDenied"


def test_se_28_one_environment_serves_many(alice: User, bob: User, hers: str) -> None:
    for _ in range(5):
        assert hers in alice.api("GET", "todos").text
        assert hers not in bob.api("GET", "todos").text


def test_se_29_an_error_tells_nothing_of_the_inside(alice: User) -> None:
    table = alice.sut.outputs["TableName"]
    answers = [
        alice.api("POST", "todos", data="{", headers={"Content-Type": "application/json"}),
        alice.api("GET", "todos?limit=zero"),
        alice.api("GET", f"todos/{'x' * 200}"),
        alice.api("POST", "sync", json={"changes": [{"nonsense": 1}]}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert answer.json().keys() == {"code", "message", "request_id"}
        assert not any(word in answer.text for word in (table, "Traceback", "botocore", "/var/task"))


def test_se_30_what_is_sent_again_has_happened_once(alice: User) -> None:
    todo = {"id": f"01939999-0000-7000-8000-{secrets.token_hex(6)}", "title": "once"}
    first, again = (alice.api("POST", "todos", json=todo) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    changes = [alice.api("PATCH", f"todos/{todo['id']}", json={"title": "twice"}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in changes] == [200, 200]
    assert changes[0].json()["version"] == changes[1].json()["version"]
    alice.api("DELETE", f"todos/{todo['id']}")


def test_se_20_no_secret_in_any_log(sut: Sut, alice: User) -> None:
    """After requests that went well and that did not: the function's log and, on one machine, the stack's files."""
    alice.api("GET", "todos")
    alice.api("GET", "todos", alice.tokens["AccessToken"])
    refusal(alice.s3.get_object, Bucket=sut.outputs["FilesBucket"], Key="other/a")
    texts = []
    logs = sut.owner("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/MyTodoList")["logGroups"]:
        since = int(time.time() - 3600) * 1000
        found = logs.filter_log_events(logGroupName=group["logGroupName"], startTime=since)["events"]
        texts += [entry["message"] for entry in found]
    if sut.stack:
        names = ("requests.jsonl", "stack.log")
        texts += [(sut.stack.data_dir / name).read_text() for name in names if (sut.stack.data_dir / name).exists()]
    text = "\n".join(texts)
    assert len(text) > 100
    secrets_of_hers = [alice.password, alice.tokens["RefreshToken"][:40], *alice.keys.values()]
    found = [number for number, secret in enumerate(["eyJ", "ASIA", *secrets_of_hers]) if secret in text]
    assert not found
