"""Who may call the stack's DAX cluster, and what `todo status` tells of it."""

import asyncio
import json

from todo_backend.local.asgi import Receive, Scope, Send, ask
from todo_backend.local.cache_cluster import STATUS_PATH, Decisions, StatusPage, described
from todo_backend.local.dax import AccessRequest

READ = AccessRequest("AKIAEXAMPLE", "dax:GetItem", "arn:aws:dax:us-east-1:000000000000:cache/todo")


class Policies:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.allowed = True
        self.asked = 0

    def __call__(self, request: AccessRequest) -> bool:
        self.asked += 1
        return self.allowed


def test_a_decision_is_kept_for_seconds_only() -> None:
    now = [100.0]
    policies = Policies()
    decisions = Decisions(lambda: now[0], policies)
    assert [decisions(READ), decisions(READ), policies.asked] == [True, True, 1]
    policies.allowed = False
    now[0] += 4
    assert decisions(READ)
    now[0] += 1
    assert not decisions(READ)
    assert policies.asked == 2


def test_each_caller_and_action_is_decided_on_its_own() -> None:
    policies = Policies()
    decisions = Decisions(lambda: 0.0, policies)
    decisions(READ)
    decisions(AccessRequest("AKIAOTHER", READ.action, READ.resource))
    decisions(AccessRequest(READ.access_key_id, "dax:PutItem", READ.resource))
    assert policies.asked == 3


def test_the_status_page_answers_its_own_path_only() -> None:
    passed = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["path"])

    page = StatusPage(app, None)
    found = asyncio.run(ask(page, {"type": "http", "path": STATUS_PATH, "headers": []}, b""))
    assert json.loads(found.body) == {"dax": "off (the Lambda reads DynamoDB directly)"}
    asyncio.run(ask(page, {"type": "http", "path": "/v1/todos", "headers": []}, b""))
    assert passed == ["/v1/todos"]


def test_no_cluster_is_off() -> None:
    assert described(None).startswith("off")
