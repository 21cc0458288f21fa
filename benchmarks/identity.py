"""Speed of the Cognito data plane: CPU of a sign-in, and how long 20 at once keep the event loop waiting. No sockets.

python benchmarks/identity.py      prints three figures, ends 9 when one is over its limit
"""

import asyncio
import json
import statistics
import sys
import time
import warnings
from typing import Any

from pycognito.aws_srp import AWSSRP

from todo_backend.local.cognito import CognitoApp, Quotas, Surroundings

CPU_LIMIT_MS = 60.0
STALL_LIMIT_MS = 50.0
AT_ONCE = 20
POOL, CLIENT, USER, PASSWORD = "us-east-1_Benchmark", "client", "user@example.com", "Correct-Horse-7"


class Control:
    """A control plane with one pool and one client."""

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The operation's output."""
        answers: dict[str, dict[str, Any]] = {
            "ListUserPools": {"UserPools": [{"Id": POOL}]},
            "ListUserPoolClients": {"UserPoolClients": [{"ClientId": CLIENT}]},
            "DescribeUserPool": {"UserPool": {"Id": POOL, "UsernameAttributes": ["email"]}},
            "DescribeUserPoolClient": {"UserPoolClient": {"ClientId": CLIENT, "UserPoolId": POOL}},
        }
        return answers[operation]


class Bench:
    """The service and its one user."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        around = Surroundings(Control(), lambda to, subject, text: self.mails.append(text), quotas=Quotas(*[10**6] * 6))
        self.app = CognitoApp(self._nobody, around)

    async def _nobody(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope["path"])

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The operation's answer."""
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps({"ClientId": CLIENT, **parameters}).encode()}

        async def send(message: Any) -> None:
            sent.append(message)

        target = f"AWSCognitoIdentityProviderService.{operation}".encode()
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [(b"x-amz-target", target)],
        }
        await self.app(scope, receive, send)
        found: dict[str, Any] = json.loads(sent[1]["body"])
        assert sent[0]["status"] == 200, found
        return found

    async def sign_up(self) -> None:
        """Make the user."""
        await self.call("SignUp", Username=USER, Password=PASSWORD, UserAttributes=[])
        self.app._plane.users.all(POOL)[0].status = "CONFIRMED"

    async def challenge(self, client: AWSSRP) -> dict[str, Any]:
        """The first half of a sign-in."""
        parameters = client.get_auth_params()
        return await self.call("InitiateAuth", AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)

    async def finish(self, proof: dict[str, str]) -> None:
        """The second half."""
        await self.call("RespondToAuthChallenge", ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=proof)


def clients() -> list[AWSSRP]:
    """The other sides, their numbers made beforehand."""
    return [AWSSRP(USER, PASSWORD, POOL, CLIENT, client=object()) for _ in range(AT_ONCE)]


def proof(client: AWSSRP, challenge: dict[str, Any]) -> dict[str, str]:
    """The client's part, which is not measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found: dict[str, str] = client.process_challenge(challenge["ChallengeParameters"], client.get_auth_params())
    return found


async def one_by_one(bench: Bench) -> float:
    """CPU of a sign-in, in milliseconds."""
    used = []
    for client in clients():
        start = time.process_time()
        challenge = await bench.challenge(client)
        first = time.process_time() - start
        answer = proof(client, challenge)
        start = time.process_time()
        await bench.finish(answer)
        used.append(first + time.process_time() - start)
    return 1000 * statistics.median(used)


async def all_at_once(bench: Bench) -> tuple[float, float]:
    """How long AT_ONCE sign-ins take, and the longest that the event loop did not run meanwhile, in milliseconds."""
    others = clients()
    answers = [proof(client, await bench.challenge(client)) for client in others]
    waits = [0.0]
    done = asyncio.gather(*(bench.finish(answer) for answer in answers))
    start = last = time.perf_counter()
    while not done.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        waits.append(now - last)
        last = now
    await done
    return 1000 * (last - start), 1000 * max(waits)


async def main() -> int:
    """Measure and print; the exit code."""
    bench = Bench()
    await bench.sign_up()
    cpu = await one_by_one(bench)
    elapsed, stall = await all_at_once(bench)
    print(f"CPU of a sign-in      {cpu:6.1f} ms (limit {CPU_LIMIT_MS:.0f})")
    print(f"{AT_ONCE} sign-ins at once   {elapsed:6.0f} ms")
    print(f"longest stall         {stall:6.1f} ms (limit {STALL_LIMIT_MS:.0f})")
    await bench.app.close()
    return 9 if cpu > CPU_LIMIT_MS or stall > STALL_LIMIT_MS else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
