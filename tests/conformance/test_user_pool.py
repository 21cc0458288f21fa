"""User pools: the wire, sign-up, recovery, sign-in by SRP (UP-01 to UP-71)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Sut, User, new_user, refusal
from .pools import ALL_FLOWS, PASSWORD, Pool, changed_bit, pool

MASKED = {"Destination": "s***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
WRONG = (400, "NotAuthorizedException", "Incorrect username or password.")
CODE = re.compile(r"\d{6}")


@pytest.fixture(scope="module")
def deployed(sut: Sut) -> Pool:
    return Pool(sut, sut.outputs["UserPoolId"], sut.outputs["UserPoolClientId"])


@pytest.fixture(scope="module")
def legacy(sut: Sut) -> Iterator[Pool]:
    """Plain user names, an alias, no verification by itself, errors that tell."""
    schema = [{"Name": "role", "AttributeDataType": "String", "Mutable": True}]
    with pool(sut, AliasAttributes=["email"], Schema=schema) as made:
        yield made


@pytest.fixture(scope="module")
def verifying(sut: Sut) -> Iterator[Pool]:
    """Verifies addresses by itself; an alias."""
    with pool(sut, AliasAttributes=["email"], AutoVerifiedAttributes=["email"]) as made:
        yield made


def email() -> str:
    return f"someone-{secrets.token_hex(6)}@example.com"


def said(call: Any, **words: Any) -> tuple[int, str, str]:
    found = refusal(call, **words)
    return found.status, found.code, found.message


def sign_up(it: Pool, name: str, address: str | None = None, password: str = PASSWORD) -> dict[str, Any]:
    attributes = [{"Name": "email", "Value": address}] if address else []
    words = {"ClientId": it.client_id, "Username": name, "Password": password, "UserAttributes": attributes}
    found: dict[str, Any] = it.device.sign_up(**words)
    return found


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# --- The wire


def test_up_01_up_02_json_over_post_unsigned(sut: Sut, deployed: Pool) -> None:
    asked = {"ClientId": deployed.client_id, "Username": email(), "Password": "weak"}
    answer = sut.post("cognito-idp", "SignUp", asked)
    assert answer.json()["__type"] == "InvalidPasswordException"
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"


def test_up_03_administrators_sign(sut: Sut, deployed: Pool) -> None:
    answer = sut.post("cognito-idp", "AdminGetUser", {"UserPoolId": deployed.id, "Username": "a"})
    assert (answer.status_code, answer.json()["__type"]) == (400, "MissingAuthenticationTokenException")


def test_up_04_the_shape_of_an_error(sut: Sut, deployed: Pool) -> None:
    answer = sut.post("cognito-idp", "GetUser", {"AccessToken": "junk"})
    assert answer.status_code == 400
    assert answer.json().keys() == {"__type", "message"}
    assert answer.headers["x-amzn-errortype"].rstrip(":") == answer.json()["__type"]
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-amzn-RequestId"])


def test_up_05_a_constraint_that_is_broken(sut: Sut) -> None:
    answer = sut.post("cognito-idp", "VerifySoftwareToken", {"UserCode": "Aaaa"}).json()
    assert answer["__type"] == "InvalidParameterException"
    for reason in ("satisfy regular expression pattern: [0-9]+", "have length greater than or equal to 6"):
        words = "Value 'Aaaa' at 'userCode' failed to satisfy constraint: Member must "
        assert words + reason in answer["message"]
    assert answer["message"].startswith("2 validation errors detected: ")


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("SignUp", {"Username": "a", "Password": "with space"}),
        ("SignUp", {"Username": "u" * 129, "Password": PASSWORD}),
        ("SignUp", {"Username": "a", "Password": "p" * 257}),
        ("ConfirmSignUp", {"Username": "a", "ConfirmationCode": "with space"}),
        ("RespondToAuthChallenge", {"ChallengeName": "MFA_SETUP", "Session": "short"}),
    ],
)
def test_up_06_constraints(sut: Sut, deployed: Pool, operation: str, words: dict[str, str]) -> None:
    answer = sut.post("cognito-idp", operation, {"ClientId": deployed.client_id, **words}).json()
    assert answer["__type"] == "InvalidParameterException"


def test_up_07_an_unknown_client(deployed: Pool) -> None:
    words = {"ClientId": "0" * 26, "Username": email(), "Password": PASSWORD}
    expected = (400, "ResourceNotFoundException", f"User pool client {'0' * 26} does not exist.")
    assert said(deployed.device.sign_up, **words) == expected


# --- Sign-up


def test_up_10_a_code_is_sent_and_its_destination_masked(deployed: Pool) -> None:
    address = email()
    found = sign_up(deployed, address, address)
    assert (found["UserConfirmed"], found["CodeDeliveryDetails"]) == (False, MASKED)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", found["UserSub"])


def test_up_11_or_not(legacy: Pool, verifying: Pool) -> None:
    assert "CodeDeliveryDetails" not in sign_up(legacy, f"u-{secrets.token_hex(4)}", email())
    assert "CodeDeliveryDetails" not in sign_up(verifying, f"u-{secrets.token_hex(4)}")


def test_up_12_a_name_that_is_taken(deployed: Pool, legacy: Pool, alice: User) -> None:
    name = legacy.user()
    expected = (400, "UsernameExistsException", "User already exists")
    assert said(legacy.device.sign_up, ClientId=legacy.client_id, Username=name, Password=PASSWORD) == expected
    taken = said(deployed.device.sign_up, ClientId=deployed.client_id, Username=alice.email, Password=PASSWORD)
    assert taken[:2] == expected[:2]


def test_up_13_an_alias_that_is_taken_is_told_at_confirmation(verifying: Pool) -> None:
    address, name = email(), f"u-{secrets.token_hex(4)}"
    verifying.user(email=address, email_verified="true")
    assert sign_up(verifying, name, address)["CodeDeliveryDetails"]
    code = verifying.sut.mailed_code(address)
    words = {"ClientId": verifying.client_id, "Username": name, "ConfirmationCode": code}
    expected = (400, "AliasExistsException", "An account with the email already exists.")
    assert said(verifying.device.confirm_sign_up, **words) == expected


def test_up_14_a_name_like_an_address_in_a_pool_with_that_alias(legacy: Pool) -> None:
    message = "Username cannot be of email format, since user pool is configured for email alias."
    words = {"ClientId": legacy.client_id, "Username": email(), "Password": PASSWORD}
    assert said(legacy.device.sign_up, **words) == (400, "InvalidParameterException", message)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Aa-1", "Password not long enough"),
        ("correct-horse-7", "Password must have uppercase characters"),
        ("CORRECT-HORSE-7", "Password must have lowercase characters"),
        ("Correct-Horse-S", "Password must have numeric characters"),
        ("CorrectHorse7", "Password must have symbol characters"),
    ],
)
def test_up_15_a_weak_password(deployed: Pool, password: str, reason: str) -> None:
    words = {"ClientId": deployed.client_id, "Username": email(), "Password": password}
    expected = (400, "InvalidPasswordException", f"Password did not conform with policy: {reason}")
    assert said(deployed.device.sign_up, **words) == expected


def test_up_18_names_have_case_unless_the_pool_says_otherwise(deployed: Pool, legacy: Pool, alice: User) -> None:
    assert deployed.start(alice.email.upper())["ChallengeName"] == "PASSWORD_VERIFIER"
    upper = f"User-{secrets.token_hex(4)}"
    legacy.user(upper)
    assert sign_up(legacy, upper.lower())["UserConfirmed"] is False


def test_up_19_the_right_code(deployed: Pool) -> None:
    address = email()
    sign_up(deployed, address, address)
    words = {"ClientId": deployed.client_id, "Username": address}
    deployed.device.confirm_sign_up(**words, ConfirmationCode=deployed.sut.mailed_code(address))
    found = deployed.admin.admin_get_user(**deployed.of(address))
    assert found["UserStatus"] == "CONFIRMED"
    assert {"Name": "email_verified", "Value": "true"} in found["UserAttributes"]


def test_up_20_a_wrong_code(deployed: Pool) -> None:
    address = email()
    sign_up(deployed, address, address)
    words = {"ClientId": deployed.client_id, "Username": address}
    wrong = other(deployed.sut.mailed_code(address))
    expected = (400, "CodeMismatchException", "Invalid verification code provided, please try again.")
    assert said(deployed.device.confirm_sign_up, **words, ConfirmationCode=wrong) == expected


def test_up_21_no_code_was_sent(legacy: Pool) -> None:
    name = f"u-{secrets.token_hex(4)}"
    sign_up(legacy, name)
    words = {"ClientId": legacy.client_id, "Username": name, "ConfirmationCode": "123456"}
    expected = (400, "ExpiredCodeException", "Invalid code provided, please request a code again.")
    assert said(legacy.device.confirm_sign_up, **words) == expected


def test_up_22_a_user_who_is_confirmed(deployed: Pool, alice: User) -> None:
    words = {"ClientId": deployed.client_id, "Username": alice.email, "ConfirmationCode": "123456"}
    expected = (400, "NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
    assert said(deployed.device.confirm_sign_up, **words) == expected


def test_up_23_a_user_who_is_not_there(deployed: Pool, legacy: Pool) -> None:
    for it, codes in (
        (legacy, {"UserNotFoundException"}),
        (deployed, {"ExpiredCodeException", "CodeMismatchException"}),
    ):
        words = {"ClientId": it.client_id, "Username": f"nobody-{secrets.token_hex(4)}", "ConfirmationCode": "123456"}
        assert refusal(it.device.confirm_sign_up, **words).code in codes


def test_up_24_guessing_ends(deployed: Pool) -> None:
    address = email()
    sign_up(deployed, address, address)
    words = {"ClientId": deployed.client_id, "Username": address}
    wrong = other(deployed.sut.mailed_code(address))
    codes = [refusal(deployed.device.confirm_sign_up, **words, ConfirmationCode=wrong).code for _ in range(16)]
    assert codes[-1] in ("LimitExceededException", "TooManyFailedAttemptsException")
    assert codes[0] == "CodeMismatchException"


def test_up_25_a_new_code_ends_the_one_before(deployed: Pool) -> None:
    address = email()
    sign_up(deployed, address, address)
    words = {"ClientId": deployed.client_id, "Username": address}
    first = deployed.sut.mailed_code(address)
    assert deployed.device.resend_confirmation_code(**words)["CodeDeliveryDetails"] == MASKED
    second = deployed.sut.mailed_code(address)
    if first != second:
        assert refusal(deployed.device.confirm_sign_up, **words, ConfirmationCode=first).code == "CodeMismatchException"
    deployed.device.confirm_sign_up(**words, ConfirmationCode=second)


def test_up_26_a_confirmed_user_gets_no_new_code(deployed: Pool, alice: User) -> None:
    words = {"ClientId": deployed.client_id, "Username": alice.email}
    expected = (400, "InvalidParameterException", "User is already confirmed.")
    assert said(deployed.device.resend_confirmation_code, **words) == expected


def test_up_27_up_30_se_21_somebody_unknown_is_told_the_same(deployed: Pool) -> None:
    words = {"ClientId": deployed.client_id, "Username": email()}
    for call in (deployed.device.resend_confirmation_code, deployed.device.forgot_password):
        assert call(**words)["CodeDeliveryDetails"] == MASKED


# --- Recovery


def test_up_28_up_33_a_forgotten_password(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    words = {"ClientId": deployed.client_id, "Username": user.email}
    sent = deployed.device.forgot_password(**words)["CodeDeliveryDetails"]
    assert sent == {"Destination": "u***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    code, new = sut.mailed_code(user.email), "Another-Horse-8"
    deployed.device.confirm_forgot_password(**words, ConfirmationCode=code, Password=new)
    assert said(deployed.sign_in, name=user.email, password=user.password) == WRONG
    assert deployed.tokens(user.email, new)["AccessToken"]


def test_up_29_nowhere_to_send_a_code(legacy: Pool) -> None:
    message = "Cannot reset password for the user as there is no registered/verified email or phone_number"
    words = {"ClientId": legacy.client_id, "Username": legacy.user()}
    assert said(legacy.device.forgot_password, **words) == (400, "InvalidParameterException", message)


def test_up_30_an_unknown_user_of_a_pool_that_tells(legacy: Pool) -> None:
    words = {"ClientId": legacy.client_id, "Username": "nobody"}
    assert refusal(legacy.device.forgot_password, **words).code == "UserNotFoundException"


def test_up_31_a_password_that_was_never_the_users(legacy: Pool) -> None:
    name = legacy.user(permanent=False, email=email(), email_verified="true")
    expected = (400, "NotAuthorizedException", "User password cannot be reset in the current state.")
    assert said(legacy.device.forgot_password, ClientId=legacy.client_id, Username=name) == expected


def test_up_32_asking_for_codes_ends(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    words = {"ClientId": deployed.client_id, "Username": user.email}
    expected = (400, "LimitExceededException", "Attempt limit exceeded, please try after some time.")
    for _ in range(20):
        try:
            deployed.device.forgot_password(**words)
        except ClientError:
            break
    assert said(deployed.device.forgot_password, **words) == expected


def test_up_34_a_wrong_reset_code(sut: Sut, deployed: Pool) -> None:
    user = new_user(sut)
    words = {"ClientId": deployed.client_id, "Username": user.email, "Password": "Another-Horse-8"}
    deployed.device.forgot_password(ClientId=deployed.client_id, Username=user.email)
    wrong = other(sut.mailed_code(user.email))
    codes = [refusal(deployed.device.confirm_forgot_password, **words, ConfirmationCode=wrong).code for _ in range(21)]
    assert (codes[0], codes[-1]) == ("CodeMismatchException", "LimitExceededException")
    assert deployed.tokens(user.email, user.password)["AccessToken"]


def test_up_35_up_36_a_reset_code_that_nobody_asked_for(deployed: Pool, bob: User) -> None:
    for name in (bob.email, email()):
        words = {"ClientId": deployed.client_id, "Username": name, "Password": "Another-Horse-8"}
        found = refusal(deployed.device.confirm_forgot_password, **words, ConfirmationCode="123456")
        assert (found.status, found.code) == (400, "ExpiredCodeException")
        assert found.message == "Invalid code provided, please request a code again."


def test_up_37_a_weak_new_password(legacy: Pool) -> None:
    access = legacy.tokens(legacy.user())["AccessToken"]
    words = {"AccessToken": access, "PreviousPassword": PASSWORD, "ProposedPassword": "weak"}
    found = refusal(legacy.device.change_password, **words)
    assert (found.status, found.code) == (400, "InvalidPasswordException")
    assert found.message.startswith("Password does not conform to policy: ")


# --- SRP


def test_up_39_up_40_to_47_up_52_the_two_steps(deployed: Pool, alice: User) -> None:
    """The client is pycognito: its group, multiplier, padding, key and timestamp are what AWS takes."""
    srp = deployed.srp(alice.email, alice.password)
    challenge = deployed.start(alice.email, srp)
    told = challenge["ChallengeParameters"]
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    assert told.keys() >= {"SALT", "SECRET_BLOCK", "SRP_B", "USERNAME", "USER_ID_FOR_SRP"}
    assert re.fullmatch(r"[0-9a-f]{600,768}", told["SRP_B"])
    done = deployed.device.respond_to_auth_challenge(**deployed.proof(srp, alice.email, challenge))
    assert done["ChallengeParameters"] == {}
    result = done["AuthenticationResult"]
    assert (result["ExpiresIn"], result["TokenType"]) == (3600, "Bearer")
    assert {"AccessToken", "IdToken", "RefreshToken"} <= result.keys()


def test_up_48_another_form_of_the_timestamp(deployed: Pool, alice: User) -> None:
    srp = deployed.srp(alice.email, alice.password)
    challenge = deployed.start(alice.email, srp)
    for wrong in ("2026-11-03T09:05:07Z", "Mon Nov 03 09:05:07 UTC 2026"):
        words = deployed.proof(srp, alice.email, challenge, TIMESTAMP=wrong)
        message = "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english."
        expected = (400, "InvalidParameterException", message)
        assert said(deployed.device.respond_to_auth_challenge, **words) == expected


N_HEX = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1"


def test_up_50_a_public_value_of_zero(deployed: Pool, alice: User) -> None:
    n = deployed.srp(alice.email, alice.password).big_n
    assert format(n, "X").startswith(N_HEX)
    for value in ("0", format(n, "x"), format(2 * n, "x")):
        words = {"AuthFlow": "USER_SRP_AUTH", "ClientId": deployed.client_id}
        found = refusal(
            deployed.device.initiate_auth, **words, AuthParameters={"USERNAME": alice.email, "SRP_A": value}
        )
        assert found.status == 400


def test_up_51_the_name_behind_an_address(deployed: Pool, legacy: Pool, alice: User) -> None:
    told = deployed.start(alice.email)["ChallengeParameters"]
    assert told["USER_ID_FOR_SRP"] != alice.email
    address = email()
    name = legacy.user(email=address, email_verified="true")
    assert legacy.start(address)["ChallengeParameters"]["USER_ID_FOR_SRP"] == name
    assert legacy.tokens(address)["AccessToken"]


def test_up_53_a_wrong_password(deployed: Pool, alice: User) -> None:
    srp = deployed.srp(alice.email, "Wrong-Horse-7")
    challenge = deployed.start(alice.email, srp)
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    assert said(deployed.device.respond_to_auth_challenge, **deployed.proof(srp, alice.email, challenge)) == WRONG
    deployed.sign_in(alice.email, alice.password)


@pytest.mark.parametrize("name", ["PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP"])
def test_up_54_one_changed_bit(sut: Sut, deployed: Pool, name: str, bob: User) -> None:
    srp = deployed.srp(bob.email, bob.password)
    words = deployed.proof(srp, bob.email, deployed.start(bob.email, srp))
    answers = words["ChallengeResponses"]
    answers[name] = "Mon Nov 3 09:05:07 UTC 2025" if name == "TIMESTAMP" else changed_bit(answers[name])
    assert said(deployed.device.respond_to_auth_challenge, **words) == WRONG
    deployed.sign_in(bob.email, bob.password)


def test_up_55_se_21_somebody_unknown_gets_a_challenge(deployed: Pool) -> None:
    name = email()
    srp = deployed.srp(name)
    first, second = deployed.start(name, srp), deployed.start(name)
    salts = {challenge["ChallengeParameters"]["SALT"] for challenge in (first, second)}
    assert len(salts) == 1
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", first["ChallengeParameters"]["USER_ID_FOR_SRP"])
    assert said(deployed.device.respond_to_auth_challenge, **deployed.proof(srp, name, first)) == WRONG


def test_up_56_up_57_or_is_told_so(legacy: Pool) -> None:
    expected = (400, "UserNotFoundException", "User does not exist.")
    assert said(legacy.start, name="nobody") == expected
    unspecified = legacy.client()
    assert said(unspecified.start, name="nobody") == expected


def test_up_58_a_user_who_is_not_confirmed(deployed: Pool) -> None:
    address = email()
    sign_up(deployed, address, address)
    assert said(deployed.sign_in, name=address) == (400, "UserNotConfirmedException", "User is not confirmed.")
    assert said(deployed.sign_in, name=address, password="Wrong-Horse-7") == WRONG


def test_up_59_a_disabled_user(legacy: Pool) -> None:
    name = legacy.user()
    legacy.admin.admin_disable_user(**legacy.of(name))
    found = refusal(legacy.sign_in, name=name)
    assert (found.status, found.code) == (400, "NotAuthorizedException")
    assert found.message == "User is disabled."


def test_up_60_a_password_that_was_reset(legacy: Pool) -> None:
    name = legacy.user(email=email(), email_verified="true")
    legacy.admin.admin_reset_user_password(**legacy.of(name))
    expected = (400, "PasswordResetRequiredException", "Password reset required for the user")
    assert said(legacy.sign_in, name=name) == expected


def test_up_61_lockout(legacy: Pool) -> None:
    """The window is a second at first, and a slow machine may miss it: then it is tried again."""
    name = legacy.user()
    locked = (400, "NotAuthorizedException", "Password attempts exceeded")
    assert [refused(legacy, name) for _ in range(5)] == [WRONG] * 5
    for _ in range(60):
        if refused(legacy, name) == locked and refused(legacy, name, PASSWORD) == locked:
            return
    raise AssertionError("60 wrong passwords, and the right one was never refused")


def refused(it: Pool, name: str, password: str = "Wrong-Horse-7") -> tuple[int, str, str]:
    """What a sign-in is refused with; nothing where it is not."""
    try:
        it.with_password(name, password)
    except ClientError as error:
        said = error.response
        return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"], said["Error"]["Message"]
    return 200, "", ""


def test_up_62_se_22_a_flow_that_is_not_open(deployed: Pool, alice: User) -> None:
    message = "USER_PASSWORD_AUTH flow not enabled for this client"
    found = said(deployed.with_password, name=alice.email, password=alice.password)
    assert found == (400, "InvalidParameterException", message)


def test_up_63_an_administrators_flow_is_not_for_devices(legacy: Pool) -> None:
    words = {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "ClientId": legacy.client_id}
    asked = {"USERNAME": legacy.user(), "PASSWORD": PASSWORD}
    assert refusal(legacy.device.initiate_auth, **words, AuthParameters=asked).status == 400


def test_up_64_up_65_a_client_with_a_secret(legacy: Pool) -> None:
    keeper, name = legacy.client(GenerateSecret=True), legacy.user()
    asked = {"USERNAME": name, "PASSWORD": PASSWORD}
    words = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": keeper.client_id}
    message = f"Client {keeper.client_id} is configured with secret but SECRET_HASH was not received"
    assert said(keeper.device.initiate_auth, **words, AuthParameters=asked) == (400, "NotAuthorizedException", message)
    message = f"Unable to verify secret hash for client {keeper.client_id}"
    found = said(keeper.device.initiate_auth, **words, AuthParameters=asked | {"SECRET_HASH": "d3Jvbmc="})
    assert found == (400, "NotAuthorizedException", message)
    digest = hmac.new((keeper.secret or "").encode(), (name + keeper.client_id).encode(), hashlib.sha256).digest()
    right = asked | {"SECRET_HASH": base64.b64encode(digest).decode()}
    assert keeper.device.initiate_auth(**words, AuthParameters=right)["AuthenticationResult"]


def test_up_67_a_session_is_answered_once(legacy: Pool) -> None:
    name = legacy.user(permanent=False)
    session = legacy.with_password(name)["Session"]
    words = {
        "ClientId": legacy.client_id,
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "Session": session,
        "ChallengeResponses": {"USERNAME": name, "NEW_PASSWORD": PASSWORD},
    }
    legacy.device.respond_to_auth_challenge(**words)
    message = "Invalid session for the user, session can only be used once."
    found = said(legacy.device.respond_to_auth_challenge, **words)
    assert found == (400, "NotAuthorizedException", message)


def test_up_69_up_70_the_first_sign_in_of_a_user_made_by_an_administrator(legacy: Pool) -> None:
    name = legacy.user(permanent=False, email=email())
    challenge = legacy.sign_in(name)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    told = challenge["ChallengeParameters"]
    assert isinstance(told["userAttributes"], str)
    assert isinstance(told["requiredAttributes"], str)
    done = legacy.device.respond_to_auth_challenge(
        ClientId=legacy.client_id,
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": PASSWORD},
    )
    assert done["AuthenticationResult"]["AccessToken"]
    assert legacy.admin.admin_get_user(**legacy.of(name))["UserStatus"] == "CONFIRMED"


def test_up_16_the_bounds_of_a_password_policy(sut: Sut) -> None:
    cognito = sut.owner("cognito-idp")
    for policy in ({"MinimumLength": 100}, {"MinimumLength": 8, "TemporaryPasswordValidityDays": 366}):
        words = {"PoolName": "never", "Policies": {"PasswordPolicy": policy}}
        assert refusal(cognito.create_user_pool, **words).code == "InvalidParameterException"


def test_se_23_a_public_client_has_no_secret(deployed: Pool) -> None:
    words = {"UserPoolId": deployed.id, "ClientId": deployed.client_id}
    described = deployed.admin.describe_user_pool_client(**words)["UserPoolClient"]
    assert "ClientSecret" not in described
    assert "ALLOW_USER_PASSWORD_AUTH" not in described["ExplicitAuthFlows"]
    assert set(described["ExplicitAuthFlows"]) < set(ALL_FLOWS)
