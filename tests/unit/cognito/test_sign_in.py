"""Sign-in by SRP and what may follow it: lockout, new password, TOTP, devices."""

import base64
from typing import TYPE_CHECKING, Any

import pytest
from pycognito.aws_srp import N_HEX, generate_hash_device

from todo_backend.local.cognito import mfa, srp

if TYPE_CHECKING:
    from tests.unit.cognito.conftest import Pool, World

PASSWORD = "Correct-Horse-7"
WRONG = ("NotAuthorizedException", "Incorrect username or password.")
PREVENT = {"PreventUserExistenceErrors": "LEGACY"}
OPTIONAL_MFA: dict[str, Any] = {"MfaConfiguration": "OPTIONAL"}
TRACKED: dict[str, Any] = {
    "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}
}
PROMPTED: dict[str, Any] = {
    "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": True}
}


def error(call: Any, *positional: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of a refusal."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(*positional, **parameters)
    found = caught.value.response["Error"]
    return found["Code"], found["Message"]


def respond(pool: "Pool", name: str, session: str | None = None, **responses: str) -> dict[str, Any]:
    """RespondToAuthChallenge."""
    more = {"Session": session} if session else {}
    found: dict[str, Any] = pool.idp.respond_to_auth_challenge(
        ClientId=pool.client_id, ChallengeName=name, ChallengeResponses=responses, **more
    )
    return found


def totp(world: "World", secret: str, steps: int = 0) -> str:
    """The authenticator's code now, or some steps later."""
    return mfa.code_at(secret, int(world.clock() // 30) + steps)


def test_up_39_51_52_and_93_a_sign_in_by_email(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    challenge, proof = world.proof(world.srp(pool, email))
    shown = challenge["ChallengeParameters"]
    assert {"SALT", "SECRET_BLOCK", "SRP_B", "USERNAME", "USER_ID_FOR_SRP"} <= shown.keys()
    assert shown["USER_ID_FOR_SRP"] != email
    answer = respond(pool, "PASSWORD_VERIFIER", **proof)
    assert answer["ChallengeParameters"] == {}
    found = answer["AuthenticationResult"]
    assert found.keys() == {"AccessToken", "IdToken", "RefreshToken", "ExpiresIn", "TokenType"}
    assert (found["ExpiresIn"], found["TokenType"]) == (3600, "Bearer")


def test_up_48_another_timestamp_format_is_refused(world: "World") -> None:
    pool = world.pool()
    _, proof = world.proof(world.srp(pool, world.user(pool)))
    for timestamp in ("2026-11-03T09:05:07Z", "Mon Nov 03 09:05:07 UTC 2026"):
        refusal = error(respond, pool, "PASSWORD_VERIFIER", **(proof | {"TIMESTAMP": timestamp}))
        assert refusal == (
            "InvalidParameterException", "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
        )  # fmt: skip


@pytest.mark.parametrize("factor", [0, 1, 2])
def test_up_50_an_srp_a_of_zero_is_refused(world: "World", factor: int) -> None:
    pool = world.pool()
    parameters = {"USERNAME": world.user(pool), "SRP_A": f"{factor * int(N_HEX, 16):x}"}
    given = {"ClientId": pool.client_id, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters}
    assert error(pool.idp.initiate_auth, **given)[0] == "InvalidParameterException"


def test_up_53_a_wrong_password_gets_a_challenge_and_no_tokens(world: "World") -> None:
    pool = world.pool()
    assert error(world.answer, pool, world.user(pool), "Wrong-Horse-7") == WRONG


@pytest.mark.parametrize("name", ["PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP"])
def test_up_54_one_changed_bit_is_refused(world: "World", name: str) -> None:
    pool = world.pool()
    _, proof = world.proof(world.srp(pool, world.user(pool)))
    if name == "TIMESTAMP":
        changed = proof[name][:-4] + "1999"
    else:
        raw = bytearray(base64.b64decode(proof[name]))
        raw[3] ^= 1
        changed = base64.b64encode(raw).decode()
    assert error(respond, pool, "PASSWORD_VERIFIER", **(proof | {name: changed})) == WRONG


def test_up_55_an_unknown_user_gets_a_stable_simulated_challenge(world: "World") -> None:
    pool = world.pool()
    name = world.email()
    first, proof = world.proof(world.srp(pool, name))
    second, _ = world.proof(world.srp(pool, name))
    other, _ = world.proof(world.srp(pool, world.email()))
    salts = [one["ChallengeParameters"]["SALT"] for one in (first, second, other)]
    assert salts[0] == salts[1] != salts[2]
    ids = [one["ChallengeParameters"]["USER_ID_FOR_SRP"] for one in (first, second)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 36
    assert first["ChallengeParameters"]["SRP_B"] != second["ChallengeParameters"]["SRP_B"]
    assert error(respond, pool, "PASSWORD_VERIFIER", **proof) == WRONG


def test_up_56_and_57_legacy_clients_are_told_that_there_is_no_such_user(world: "World") -> None:
    pool = world.pool(client=PREVENT)
    assert error(world.answer, pool, world.email()) == ("UserNotFoundException", "User does not exist.")


def test_up_58_an_unconfirmed_user_with_the_right_password(world: "World") -> None:
    pool = world.pool()
    email = world.sign_up(pool)
    assert error(world.answer, pool, email) == ("UserNotConfirmedException", "User is not confirmed.")
    assert error(world.answer, pool, email, "Wrong-Horse-7") == WRONG


def test_up_59_a_disabled_user(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    token = world.tokens(pool, email)["AccessToken"]
    admin = world.aws("cognito-idp", signed=True)
    admin.admin_disable_user(UserPoolId=pool.id, Username=email)
    assert error(world.answer, pool, email) == ("NotAuthorizedException", "User is disabled.")
    assert error(pool.idp.get_user, AccessToken=token)[0] == "NotAuthorizedException"
    admin.admin_enable_user(UserPoolId=pool.id, Username=email)
    assert world.tokens(pool, email)


def test_up_60_a_user_whose_password_was_reset(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    world.aws("cognito-idp", signed=True).admin_reset_user_password(UserPoolId=pool.id, Username=email)
    refusal = ("PasswordResetRequiredException", "Password reset required for the user")
    assert error(world.answer, pool, email) == refusal
    given = {"ClientId": pool.client_id, "Username": email, "Password": "Other-Horse-8"}
    pool.idp.confirm_forgot_password(**given, ConfirmationCode=world.code(email))
    assert world.tokens(pool, email, "Other-Horse-8")


@pytest.mark.usefixtures("standing_still")
def test_up_61_five_failures_lock_and_each_further_one_doubles(world: "World") -> None:
    pool = world.pool(client={"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]})
    email = world.user(pool)

    def attempt(password: str) -> dict[str, Any]:
        values = {"USERNAME": email, "PASSWORD": password}
        found: dict[str, Any] = pool.idp.initiate_auth(
            ClientId=pool.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=values
        )
        return found

    locked = ("NotAuthorizedException", "Password attempts exceeded")
    for _ in range(5):
        assert error(attempt, "wrong") == WRONG
    assert error(attempt, PASSWORD) == locked
    assert error(world.answer, pool, email) == locked
    world.clock.move(1.1)
    assert error(attempt, "wrong") == WRONG
    world.clock.move(1.1)
    assert error(attempt, "wrong") == locked
    world.clock.move(1.0)
    assert attempt(PASSWORD)["AuthenticationResult"]
    assert error(attempt, "wrong") == WRONG
    assert attempt(PASSWORD)


@pytest.mark.usefixtures("standing_still")
def test_up_61_unknown_users_are_locked_alike(world: "World") -> None:
    pool = world.pool()
    name = world.email()
    answers = [error(world.answer, pool, name)[1] for _ in range(6)]
    assert answers == ["Incorrect username or password."] * 5 + ["Password attempts exceeded"]


@pytest.mark.usefixtures("standing_still")
def test_up_61_attempts_at_the_same_time_are_judged_one_after_the_other(world: "World") -> None:
    from concurrent.futures import ThreadPoolExecutor

    pool = world.pool()
    email = world.user(pool)
    proofs = [world.proof(world.srp(pool, email, "Wrong-Horse-7"))[1] for _ in range(9)]
    with ThreadPoolExecutor(9) as threads:
        answers = list(threads.map(lambda proof: error(respond, pool, "PASSWORD_VERIFIER", **proof)[1], proofs))
    assert answers.count("Incorrect username or password.") <= 6


def test_up_62_and_63_only_the_clients_flows_are_open(world: "World") -> None:
    pool = world.pool(client={"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"]})
    values = {"USERNAME": world.user(pool), "PASSWORD": PASSWORD}
    given = {"ClientId": pool.client_id, "AuthParameters": values}
    refusal = error(pool.idp.initiate_auth, AuthFlow="USER_PASSWORD_AUTH", **given)
    assert refusal == ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client")
    assert error(pool.idp.initiate_auth, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **given)[0] == "InvalidParameterException"
    admin = world.aws("cognito-idp", signed=True)
    answer = admin.admin_initiate_auth(UserPoolId=pool.id, AuthFlow="ADMIN_USER_PASSWORD_AUTH", **given)
    assert answer["AuthenticationResult"]["RefreshToken"]


def test_up_64_and_65_a_client_with_a_secret(world: "World") -> None:
    pool = world.pool(client={"ClientSecret": "s3cret"})
    given = {"ClientId": pool.client_id, "Username": world.email(), "Password": PASSWORD}
    message = f"Client {pool.client_id} is configured with secret but SECRET_HASH was not received"
    assert error(pool.idp.sign_up, **given) == ("NotAuthorizedException", message)
    message = f"Unable to verify secret hash for client {pool.client_id}"
    assert error(pool.idp.sign_up, **given, SecretHash="d3Jvbmc=") == ("NotAuthorizedException", message)
    digest = world.srp(pool, given["Username"]).get_secret_hash(given["Username"], pool.client_id, "s3cret")
    pool.idp.sign_up(**given, SecretHash=digest)
    code = world.code(given["Username"])
    pool.idp.confirm_sign_up(
        ClientId=pool.client_id, Username=given["Username"], ConfirmationCode=code, SecretHash=digest
    )
    assert world.tokens(pool, given["Username"])


def test_up_66_and_67_a_challenge_lives_three_minutes_and_is_answered_once(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    _, proof = world.proof(world.srp(pool, email))
    assert respond(pool, "PASSWORD_VERIFIER", **proof)
    refusal = error(respond, pool, "PASSWORD_VERIFIER", **proof)
    assert refusal == ("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
    _, proof = world.proof(world.srp(pool, email))
    world.clock.move(181)
    refusal = error(respond, pool, "PASSWORD_VERIFIER", **proof)
    assert refusal == ("NotAuthorizedException", "Invalid session for the user, session is expired.")


# --- New password


def created(world: "World", pool: "Pool") -> str:
    """A user that an administrator made, with a temporary password."""
    email = world.email()
    world.aws("cognito-idp", signed=True).admin_create_user(
        UserPoolId=pool.id,
        Username=email,
        TemporaryPassword="Temporary-1",
        UserAttributes=[{"Name": "email_verified", "Value": "true"}],
    )
    return email


def test_up_69_and_70_a_user_made_by_an_administrator_chooses_a_password(world: "World") -> None:
    pool = world.pool()
    email = created(world, pool)
    assert any(to == email and "Temporary-1" in text for to, _, text in world.mails)
    asked = world.answer(pool, email, "Temporary-1")
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert asked["ChallengeParameters"]["requiredAttributes"] == "[]"
    assert '"email"' in asked["ChallengeParameters"]["userAttributes"]
    weak = error(respond, pool, "NEW_PASSWORD_REQUIRED", asked["Session"], USERNAME=email, NEW_PASSWORD="weak")
    assert weak[0] == "InvalidPasswordException"
    answer = respond(pool, "NEW_PASSWORD_REQUIRED", asked["Session"], USERNAME=email, NEW_PASSWORD="Temporary-1")
    assert answer["AuthenticationResult"]["IdToken"]
    again = error(respond, pool, "NEW_PASSWORD_REQUIRED", asked["Session"], USERNAME=email, NEW_PASSWORD=PASSWORD)
    assert again[1] == "Invalid session for the user, session can only be used once."
    found = world.aws("cognito-idp", signed=True).admin_get_user(UserPoolId=pool.id, Username=email)
    assert found["UserStatus"] == "CONFIRMED"


def test_up_06_a_new_password_has_no_spaces_and_no_257_characters(world: "World") -> None:
    pool = world.pool()
    email = created(world, pool)
    session = world.answer(pool, email, "Temporary-1")["Session"]
    for password in ("With Space-1", "Aa1!" * 65):
        refusal = error(respond, pool, "NEW_PASSWORD_REQUIRED", session, USERNAME=email, NEW_PASSWORD=password)
        assert refusal[0] == "InvalidParameterException"


def test_up_16_a_validity_of_zero_days_means_seven(world: "World") -> None:
    policy = {"PasswordPolicy": {"MinimumLength": 8, "TemporaryPasswordValidityDays": 0}}
    pool = world.pool(Policies=policy)
    email = created(world, pool)
    world.clock.move(6 * 86_400)
    assert world.answer(pool, email, "Temporary-1")["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_up_71_a_temporary_password_expires(world: "World") -> None:
    pool = world.pool()
    email = created(world, pool)
    world.clock.move(7 * 86_400 + 1)
    refusal = error(world.answer, pool, email, "Temporary-1")
    message = "Temporary password has expired and must be reset by an administrator."
    assert refusal == ("NotAuthorizedException", message)


# --- TOTP


def enrolled(world: "World", pool: "Pool") -> tuple[str, str]:
    """A user with a software token: name and secret."""
    email = world.user(pool)
    token = world.tokens(pool, email)["AccessToken"]
    refusal = error(pool.idp.set_user_mfa_preference, AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True})
    assert refusal == ("InvalidParameterException", "User has not set up software token mfa")
    secret = pool.idp.associate_software_token(AccessToken=token)["SecretCode"]
    refusal = error(pool.idp.verify_software_token, AccessToken=token, UserCode=totp(world, secret, 50))
    assert refusal == ("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
    assert pool.idp.verify_software_token(AccessToken=token, UserCode=totp(world, secret))["Status"] == "SUCCESS"
    before = pool.idp.get_user(AccessToken=token)
    assert "UserMFASettingList" not in before
    pool.idp.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    assert pool.idp.get_user(AccessToken=token)["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
    return email, secret


def test_up_72_to_77_a_software_token_is_asked_for_and_taken_once(world: "World") -> None:
    pool = world.pool(**OPTIONAL_MFA)
    email, secret = enrolled(world, pool)
    world.clock.move(60)
    asked = world.answer(pool, email)
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    given = {"name": "SOFTWARE_TOKEN_MFA", "session": asked["Session"], "USERNAME": email}
    refusal = error(respond, pool, **given, SOFTWARE_TOKEN_MFA_CODE=totp(world, secret, 50))
    assert refusal == ("CodeMismatchException", "Invalid code received for user")
    code = totp(world, secret)
    assert respond(pool, **given, SOFTWARE_TOKEN_MFA_CODE=code)["AuthenticationResult"]
    given["session"] = world.answer(pool, email)["Session"]
    refusal = error(respond, pool, **given, SOFTWARE_TOKEN_MFA_CODE=code)
    assert refusal == ("ExpiredCodeException", "Your software token has already been used once.")


def test_up_78_where_mfa_is_required_it_is_set_up_at_sign_in(world: "World") -> None:
    pool = world.pool(MfaConfiguration="ON")
    email = world.user(pool)
    asked = world.answer(pool, email)
    assert asked["ChallengeName"] == "MFA_SETUP"
    early = error(respond, pool, "MFA_SETUP", asked["Session"], USERNAME=email)
    assert early[0] == "InvalidParameterException"
    step = pool.idp.associate_software_token(Session=asked["Session"])
    done = pool.idp.verify_software_token(Session=step["Session"], UserCode=totp(world, step["SecretCode"]))
    assert respond(pool, "MFA_SETUP", done["Session"], USERNAME=email)["AuthenticationResult"]
    assert world.answer(pool, email)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


# --- Devices


def confirmed_device(world: "World", pool: "Pool", tokens: dict[str, Any]) -> tuple[dict[str, str], bool]:
    """Confirm the device of a sign-in: what pycognito needs for it, and UserConfirmationNecessary."""
    made = tokens["NewDeviceMetadata"]
    password, config = generate_hash_device(made["DeviceGroupKey"], made["DeviceKey"])
    answer = pool.idp.confirm_device(
        AccessToken=tokens["AccessToken"],
        DeviceKey=made["DeviceKey"],
        DeviceSecretVerifierConfig=config,
        DeviceName="phone",
    )
    device = {"device_key": made["DeviceKey"], "device_group_key": made["DeviceGroupKey"], "device_password": password}
    return device, answer["UserConfirmationNecessary"]


def device_sign_in(world: "World", pool: "Pool", email: str, device: dict[str, str]) -> dict[str, Any]:
    """A whole sign-in by pycognito with its device."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found: dict[str, Any] = world.srp(pool, email, **device).authenticate_user()
    return found


def test_up_80_to_84_a_remembered_device_signs_in_by_its_own_srp_and_skips_mfa(world: "World") -> None:
    pool = world.pool(**OPTIONAL_MFA, **TRACKED)
    email, secret = enrolled(world, pool)
    world.clock.move(90)
    asked = world.answer(pool, email)
    code = totp(world, secret)
    first = respond(pool, "SOFTWARE_TOKEN_MFA", asked["Session"], USERNAME=email, SOFTWARE_TOKEN_MFA_CODE=code)
    tokens = first["AuthenticationResult"]
    assert tokens["NewDeviceMetadata"]["DeviceKey"].startswith("us-east-1_")
    device, necessary = confirmed_device(world, pool, tokens)
    assert necessary is False
    again = error(confirmed_device, world, pool, tokens)
    assert again[0] == "DeviceKeyExistsException"
    answer = device_sign_in(world, pool, email, device)
    assert "NewDeviceMetadata" not in answer["AuthenticationResult"]
    listed = pool.idp.list_devices(AccessToken=answer["AuthenticationResult"]["AccessToken"])["Devices"]
    assert [one["DeviceKey"] for one in listed] == [device["device_key"]]
    wrong = error(device_sign_in, world, pool, email, device | {"device_password": "d3Jvbmc="})
    assert wrong == WRONG


def test_up_83_a_device_that_is_only_confirmed_does_not_skip_mfa(world: "World") -> None:
    pool = world.pool(**OPTIONAL_MFA, **PROMPTED)
    email, secret = enrolled(world, pool)
    world.clock.move(90)
    asked = world.answer(pool, email)
    code = totp(world, secret)
    first = respond(pool, "SOFTWARE_TOKEN_MFA", asked["Session"], USERNAME=email, SOFTWARE_TOKEN_MFA_CODE=code)
    tokens = first["AuthenticationResult"]
    device, necessary = confirmed_device(world, pool, tokens)
    assert necessary is True
    assert world.answer(pool, email, **device)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    pool.idp.update_device_status(
        AccessToken=tokens["AccessToken"], DeviceKey=device["device_key"], DeviceRememberedStatus="remembered"
    )
    assert device_sign_in(world, pool, email, device)["AuthenticationResult"]


def test_up_85_a_forgotten_device_is_told(world: "World") -> None:
    pool = world.pool(**TRACKED)
    email = world.user(pool)
    tokens = world.tokens(pool, email)
    device, _ = confirmed_device(world, pool, tokens)
    pool.idp.forget_device(AccessToken=tokens["AccessToken"], DeviceKey=device["device_key"])
    refusal = error(world.answer, pool, email, **device)
    assert refusal == ("ResourceNotFoundException", "Device does not exist.")
    assert world.tokens(pool, email)


def test_up_84_the_device_challenge_needs_the_password_first(world: "World") -> None:
    pool = world.pool(**TRACKED)
    email = world.user(pool)
    device, _ = confirmed_device(world, pool, world.tokens(pool, email))
    given = {"USERNAME": email, "DEVICE_KEY": device["device_key"], "SRP_A": "abcdef"}
    assert error(respond, pool, "DEVICE_SRP_AUTH", **given)[0] == "NotAuthorizedException"


def test_up_88_devices_are_tracked_by_srp_only(world: "World") -> None:
    pool = world.pool(client={"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]}, **TRACKED)
    email = world.user(pool)
    values = {"USERNAME": email, "PASSWORD": PASSWORD}
    given = {"ClientId": pool.client_id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": values}
    assert "NewDeviceMetadata" not in pool.idp.initiate_auth(**given)["AuthenticationResult"]
    assert "NewDeviceMetadata" in world.tokens(pool, email)


def test_up_86_and_87_only_the_confirmed_device_renews_its_tokens(world: "World") -> None:
    flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    pool = world.pool(client={"ExplicitAuthFlows": flows}, **TRACKED)
    email = world.user(pool)
    tokens = world.tokens(pool, email)

    def renew(token: str, **more: str) -> dict[str, Any]:
        found: dict[str, Any] = pool.idp.initiate_auth(
            ClientId=pool.client_id, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": token} | more
        )
        return found

    key = tokens["NewDeviceMetadata"]["DeviceKey"]
    assert error(renew, tokens["RefreshToken"], DEVICE_KEY=key)[0] == "NotAuthorizedException"
    confirmed_device(world, pool, tokens)
    assert error(renew, tokens["RefreshToken"])[0] == "NotAuthorizedException"
    assert renew(tokens["RefreshToken"], DEVICE_KEY=key)["AuthenticationResult"]["IdToken"]
    given = {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "AuthParameters": {"USERNAME": email, "PASSWORD": PASSWORD}}
    admin = world.aws("cognito-idp", signed=True)
    answer = admin.admin_initiate_auth(UserPoolId=pool.id, ClientId=pool.client_id, **given)["AuthenticationResult"]
    assert "NewDeviceMetadata" not in answer
    assert error(renew, answer["RefreshToken"])[0] == "NotAuthorizedException"


def test_a_power_lets_other_threads_run_between_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    # what a sign-in costs, and how long it holds others up, is measured in benchmarks/identity.py
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    exponent = 2**255 + 977
    assert srp.power(5, exponent) == pow(5, exponent, srp.PRIME)
    assert len(pauses) >= 6
