"""Accounts: sign-up, SRP sign-in, refusals that give nothing away, renewal and sign-out."""

from __future__ import annotations

import secrets
from typing import Any

from todo_cli.checks.keys import signed_by
from todo_cli.checks.people import DOMAIN
from todo_cli.checks.registry import check, expect
from todo_cli.checks.world import Person, World, refusal


@check("UP-10")
def account_sign_up(world: World) -> str:
    """Anyone can make an account; the answer shows no more of the address than its first letters."""
    person = world.people.new(confirmed=False)
    local_part = person.email.partition("@")[0]
    answer = refusal(lambda: person.sign_in())
    expect(answer == "UserNotConfirmedException", f"signing in before the confirmation: {answer or 'let in'}")
    world.people.confirming.confirm(person.email)
    tokens = person.sign_in()
    expect(local_part not in str(tokens.get("AccessToken")), "the address stands in the access token")
    return "made, refused until confirmed, then let in"


@check("UP-20")
def account_wrong_code(world: World) -> str:
    """A wrong confirmation code confirms nothing."""
    person = world.people.new(confirmed=False)
    wrong = f"{(int(world.people.confirming.code(person.email)) + 1) % 1_000_000:06d}"
    client_id = world.config.user_pool_client_id
    answer = refusal(
        lambda: world.deployment.cognito.confirm_sign_up(
            ClientId=client_id, Username=person.email, ConfirmationCode=wrong
        )
    )
    expect(answer == "CodeMismatchException", f"the wrong code: {answer or 'taken'}")
    expect(person.state() == "unconfirmed", "the account is confirmed all the same")
    return answer


@check("UP-15", writes=False)
def account_weak_password(world: World) -> str:
    """A weak password is refused."""
    for password in ("Ab1", "abcdefghijkl1", "ABCDEFGHIJKL1", "Abcdefghijklm"):
        answer = refusal(lambda: Person(world.deployment, _nobody(), password).sign_up())  # noqa: B023 - called now
        expect(answer == "InvalidPasswordException", f"a password of {len(password)} characters: {answer or 'taken'}")
    return "InvalidPasswordException four times"


@check("UP-12")
def account_taken_address(world: World) -> str:
    """An address cannot be taken twice."""
    answer = refusal(lambda: Person(world.deployment, world.alice.email, "Another-pass-1").sign_up())
    expect(answer == "UsernameExistsException", f"signing up again: {answer or 'taken'}")
    return answer


@check("UP-52", "UP-92")
def account_srp_sign_in(world: World) -> str:
    """Sign-in by SRP gives tokens of this pool, for this app."""
    claims = world.alice.claims
    expect(claims.get("token_use") == "id", f"token_use is {claims.get('token_use')!r}")
    expect(claims.get("aud") == world.config.user_pool_client_id, "the token is for another app client")
    expect(str(claims.get("iss", "")).endswith(world.config.user_pool_id), "the token is of another pool")
    expect(claims.get("email") == world.alice.email, "the token is somebody else's")
    return f"an id token for {claims['exp'] - claims['iat']} s"


@check("UP-62", writes=False)
def account_plain_password_flow(world: World) -> str:
    """The flow that would send the password is closed."""
    answer = refusal(
        lambda: world.deployment.cognito.initiate_auth(
            ClientId=world.config.user_pool_client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": _nobody(), "PASSWORD": "Wrong-pass-1"},
        )
    )
    expect(answer == "InvalidParameterException", f"USER_PASSWORD_AUTH: {answer or 'let in'}")
    return answer


@check("UP-50", writes=False)
def account_srp_zero(world: World) -> str:
    """An SRP opening of zero, with which anyone could sign in, is refused."""
    answer = refusal(lambda: _open(world, _nobody(), "0"))
    expect(bool(answer), "SRP_A of 0 was answered with a challenge")
    return answer


@check("UP-53", "UP-55", "SE-21")
def account_gives_nothing_away(world: World) -> str:
    """A wrong password and an unknown user look the same."""
    wrong, unknown = Person(world.deployment, world.bob.email, "Wrong-pass-1"), Person(world.deployment, _nobody(), "x")
    answers = [_refused(person) for person in (wrong, unknown)]
    expect(answers[0] == answers[1], f"{answers[0]} for the one, {answers[1]} for the other")
    expect(answers[0][0] == "NotAuthorizedException", f"both are answered with {answers[0][0]}")
    return f"both: {answers[0][1]}"


@check("UP-61")
def account_lockout(world: World) -> str:
    """After too many wrong passwords the right one must wait, too."""
    person = world.people.new()
    seen = []
    for _ in range(12):
        seen.append(_refused(Person(world.deployment, person.email, "Wrong-pass-1")))
        if "attempts exceeded" in seen[-1][1]:
            break
    else:
        expect(False, f"twelve wrong passwords, and still {seen[-1][1]}")
    return f"after {len(seen) - 1} wrong passwords: {seen[-1][1]}"


@check("UP-89")
def account_tokens_are_signed(world: World) -> str:
    """The tokens are signed with a key that the pool publishes."""
    for name in ("IdToken", "AccessToken"):
        expect(signed_by(world.jwks(), world.alice.tokens[name]), f"the {name} is signed with none of the pool's keys")
    return f"RS256, {len(world.jwks())} keys"


@check("UP-99")
def account_renewal(world: World) -> str:
    """A session is renewed without the password, and is the same user's."""
    with world.phone(world.alice) as phone:
        before = phone.auth.user()
        phone.auth.refresh()
        expect(phone.auth.user().user_id == before.user_id, "the renewed session is somebody else's")
        list(phone.todos.list())
    return "renewed"


@check("UP-106", "UP-108")
def account_sign_out(world: World) -> str:
    """A session that was signed out cannot be renewed."""
    answer = world.alice.sign_in()
    cognito, client_id = world.deployment.cognito, world.config.user_pool_client_id
    cognito.revoke_token(Token=answer["RefreshToken"], ClientId=client_id)
    again = refusal(
        lambda: cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": answer["RefreshToken"]},
        )
    )
    expect(again == "NotAuthorizedException", f"the revoked refresh token: {again or 'taken'}")
    used = refusal(lambda: cognito.get_user(AccessToken=answer["AccessToken"]))
    expect(used == "NotAuthorizedException", f"its access token: {used or 'taken'}")
    return again


def _nobody() -> str:
    return f"smoke-{secrets.token_hex(8)}@{DOMAIN}"


def _open(world: World, email: str, srp_a: str) -> Any:
    return world.deployment.cognito.initiate_auth(
        ClientId=world.config.user_pool_client_id,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": email, "SRP_A": srp_a},
    )


def _refused(person: Person) -> tuple[str, str]:
    from botocore.exceptions import ClientError

    try:
        person.sign_in()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", "let in"
