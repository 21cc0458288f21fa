"""To-dos: written once, read by their owner only, and never stale for the one who wrote."""

from __future__ import annotations

import secrets

from todo_cli.checks.registry import check, expect
from todo_cli.checks.world import World, new_id, told

ROUNDS = 8


@check()
def todo_main_job(world: World) -> str:
    """A to-do is added, shown, listed, changed, done and removed."""
    made = world.alice.add("Buy milk", tags=["home"], priority=2, due="2030-01-15")
    path = f"todos/{made['id']}"
    expect(world.alice.ask("GET", path).json()["title"] == "Buy milk", "it is not shown as it was made")
    expect(made["id"] in {found["id"] for found in world.alice.listed()}, "it is not in the list")
    done = world.alice.ask("PATCH", path, notes="2 litres", status="done")
    expect(done.status_code == 200 and done.json()["completed_at"] is not None, f"done: {told(done)}")
    removed = world.alice.ask("DELETE", path)
    expect(removed.status_code == 200, f"DELETE: {told(removed)}")
    gone = world.alice.ask("GET", path)
    expect(gone.status_code == 404, f"after its removal: {told(gone)}")
    return "six steps"


@check()
def todo_text_is_kept(world: World) -> str:
    """Any text comes back as it was written."""
    title = "Käse \u2013 \u5bff\u53f8 \U0001f375 'x'); DROP TABLE \"<b>\" {{7*7}} \\u0041"
    made = world.alice.add(title)
    found = world.alice.ask("GET", f"todos/{made['id']}").json()
    expect(found["title"] == title, f"it came back as {found['title']!r}")
    return f"{len(title)} characters"


@check()
def todo_created_once(world: World) -> str:
    """The same create again is the same to-do; another one under its id is refused."""
    body = {"id": new_id(), "title": "only once"}
    first, again = (world.alice.ask("POST", "todos", None, **body) for _ in range(2))
    expect((first.status_code, again.status_code) == (201, 200), f"{first.status_code}, then {told(again)}")
    count = [found["id"] for found in world.alice.listed()].count(body["id"])
    expect(count == 1, f"it is {count} times in the list")
    other = world.alice.ask("POST", "todos", None, **body | {"title": "another"})
    expect(other.status_code == 409, f"another one under the same id: {told(other)}")
    return "201, 200, 409"


@check()
def todo_changed_once(world: World) -> str:
    """A change whose answer was lost can be sent again, and happens once."""
    made = world.alice.add("change me")
    headers = {"Idempotency-Key": secrets.token_hex(8), "If-Match": f'"{made["version"]}"'}
    first, again = (world.alice.ask("PATCH", f"todos/{made['id']}", headers, notes="changed") for _ in range(2))
    expect(first.status_code == again.status_code == 200, f"{told(first)}, then {told(again)}")
    expect(first.json()["version"] == again.json()["version"], "it was changed twice")
    return f"version {again.json()['version']} both times"


@check()
def todo_first_one_wins(world: World) -> str:
    """A change of a version that is no longer the newest is refused."""
    made = world.alice.add("contended")
    path, headers = f"todos/{made['id']}", {"If-Match": f'"{made["version"]}"'}
    first, second = (world.alice.ask("PATCH", path, headers, notes=note) for note in ("mine", "yours"))
    expect((first.status_code, second.status_code) == (200, 412), f"{first.status_code}, then {told(second)}")
    return "200, 412"


@check("SE-10")
def todo_foreign(world: World) -> str:
    """Another user's to-do cannot be read, changed or removed, and does not seem to exist."""
    path = f"todos/{world.alices_todo['id']}"
    for method, body in (("GET", {}), ("PATCH", {"title": "mine now"}), ("DELETE", {})):
        answer = world.bob.ask(method, path, None, **body)
        expect(answer.status_code == 404, f"{method} by Bob: {told(answer)}")
    kept = world.alice.ask("GET", path).json()
    expect(kept.get("title") == "only mine", "Alice's to-do is not as it was")
    return "404 three times, and unchanged"


@check("SE-10")
def todo_foreign_list(world: World) -> str:
    """Another user's to-dos are in no list."""
    own = world.alices_todo["id"]
    expect(own in {found["id"] for found in world.alice.listed()}, "Alice does not see her own to-do")
    seen = world.bob.ask("GET", "todos").text + world.bob.ask("POST", "sync", since=0).text
    expect(own not in seen, "Bob sees Alice's to-do")
    return "not seen"


@check("SE-10")
def todo_owner_cannot_be_named(world: World) -> str:
    """Whose to-do it is, is never taken from what is sent."""
    sub = world.alice.claims["sub"]
    answer = world.bob.ask("POST", "todos", id=new_id(), title="for you", owner=sub)
    expect(answer.status_code == 400, f"with an owner in the body: {told(answer)}")
    made = world.bob.ask("POST", "todos", {"X-User": sub, "X-Amzn-Sub": sub}, id=new_id(), title="in Bob's name")
    expect(made.json()["id"] not in {found["id"] for found in world.alice.listed()}, "it is in Alice's list")
    return "400, and the headers did nothing"


@check()
def todo_read_your_writes(world: World) -> str:
    """What was written is in the next list, every time."""
    for number in range(ROUNDS):
        made = world.alice.add(f"round {number}")
        newest = world.alice.listed({"X-Min-Revision": str(made["revision"])})[0]
        expect(newest["id"] == made["id"], f"round {number}: the newest in the list is revision {newest['revision']}")
    return f"{ROUNDS} of {ROUNDS}"


@check()
def todo_revisions_go_forward(world: World) -> str:
    """Revisions go up by one with each change, and never back."""
    seen = [world.alice.ask("GET", "revision").json()["revision"]]
    for number in range(ROUNDS // 2):
        seen.append(world.alice.add(f"revision {number}")["revision"])
        answer = world.alice.ask("GET", "revision", {"X-Min-Revision": str(seen[-1])})
        expect(answer.json()["revision"] == seen[-1], f"{answer.json()['revision']} after {seen[-1]}")
    expect(seen == list(range(seen[0], seen[0] + len(seen))), f"{seen}")
    return f"{seen[0]} to {seen[-1]}"


@check()
def todo_not_modified(world: World) -> str:
    """A list that has not changed is answered with 304."""
    world.alice.add("make it a list")
    tag = world.alice.ask("GET", "todos").headers.get("ETag", "")
    again = world.alice.ask("GET", "todos", {"If-None-Match": tag})
    expect((bool(tag), again.status_code) == (True, 304), f"with If-None-Match {tag or '(no ETag)'}: {told(again)}")
    return f"304 for {tag}"


@check()
def todo_sync(world: World) -> str:
    """A phone pushes and pulls in one round trip; what was removed comes as removed."""
    made = world.alice.add("to be removed")
    since = made["revision"]
    changes = [
        {"op": "create", "id": new_id(), "key": secrets.token_hex(8), "fields": {"title": "from the phone"}},
        {"op": "delete", "id": made["id"], "key": secrets.token_hex(8)},
    ]
    answer = world.alice.ask("POST", "sync", since=since, changes=changes)
    expect(answer.status_code == 200, told(answer))
    outcomes = [result["outcome"] for result in answer.json()["results"]]
    expect(outcomes == ["applied", "applied"], f"{outcomes}")
    pulled = {found["id"]: found["deleted"] for found in answer.json()["changes"]}
    expect(pulled == {changes[0]["id"]: False, made["id"]: True}, f"{len(pulled)} changes came back")
    return "2 pushed, 2 pulled"


@check()
def todo_limits(world: World) -> str:
    """What is too long or not a date is refused, and told so."""
    for wrong in ({"title": "x" * 501}, {"title": ""}, {"title": "x", "priority": 5}, {"title": "x", "due": "soon"}):
        answer = world.alice.ask("POST", "todos", **{"id": new_id()} | wrong)
        expect(answer.status_code == 400, f"{str(wrong)[:40]}: {told(answer)}")
    return "400 four times"
