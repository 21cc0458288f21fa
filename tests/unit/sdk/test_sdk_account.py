"""What `client.auth` asks of Cognito besides signing in, and how it tells what Cognito answers."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from todo_sdk import (
    Challenge,
    ConflictError,
    Device,
    InvalidCredentialsError,
    InvalidRequestError,
    MfaSetup,
    NotFoundError,
    NotSignedInError,
    ServiceError,
    SignInError,
    ThrottledError,
    TodoClient,
    TodoError,
)
from todo_sdk._cognito_errors import error_of_cognito
from todo_sdk._password_rules import weakness

from .conftest import START, FakeAws, jwt

EMAIL, PASSWORD = "me@example.com", "Right-password-1"
DEVICE = {"DeviceKey": "eu-west-1_k", "DeviceGroupKey": "-group"}
SRP = {"SALT": "abc", "SECRET_BLOCK": b64encode(b"block").decode(), "SRP_B": "12345"}
PASSWORD_VERIFIER = {
    "ChallengeName": "PASSWORD_VERIFIER",
    "ChallengeParameters": {**SRP, "USERNAME": "the-sub", "USER_ID_FOR_SRP": "the-sub"},
}
DEVICE_VERIFIER = {"ChallengeName": "DEVICE_PASSWORD_VERIFIER", "ChallengeParameters": SRP}


def tokens(number: int = 1, **more: Any) -> dict[str, Any]:
    claims = {"sub": "the-sub", "email": EMAIL, "iat": START, "exp": START + 3600, "jti": number}
    result = {"IdToken": jwt(**claims), "AccessToken": f"access-{number}", "RefreshToken": f"refresh-{number}"}
    return {"AuthenticationResult": {**result, **more}}


@pytest.fixture
def client(aws: FakeAws, client_of: Callable[..., TodoClient]) -> TodoClient:
    """A client on which somebody is signed in, on a device that is confirmed."""
    made = client_of()
    for body in (PASSWORD_VERIFIER, tokens(NewDeviceMetadata=DEVICE), {}):
        aws.will_say(200, body)
    made.auth._session._clock.told(START)
    made.auth.sign_in(EMAIL, PASSWORD)
    aws.said.clear()
    return made


def operations(aws: FakeAws) -> list[str]:
    return [said.operation for said in aws.said]


def test_the_device_of_the_last_sign_in_is_used_again_and_costs_no_call(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_say(200, tokens(2))
    client.auth.sign_in(EMAIL, PASSWORD)
    assert operations(aws) == ["InitiateAuth", "RespondToAuthChallenge"]
    assert aws.said[0].json["AuthParameters"]["DEVICE_KEY"] == "eu-west-1_k"
    assert aws.said[1].json["ChallengeResponses"]["DEVICE_KEY"] == "eu-west-1_k"
    aws.will_say(200, tokens(3))
    client.auth.refresh()
    assert aws.said[-1].json["DeviceKey"] == "eu-west-1_k"  # UP-86


def test_another_user_does_not_get_the_device_and_ends_the_session_before(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    other = {"sub": "other", "email": "you@example.com", "iat": START, "exp": START + 3600}
    aws.will_say(200, tokens(2, IdToken=jwt(**other)))
    aws.will_say(200, {})
    aws.will_say(200, {})
    assert client.auth.sign_in("you@example.com", PASSWORD).user_id == "other"
    assert operations(aws) == ["InitiateAuth", "RespondToAuthChallenge", "ForgetDevice", "RevokeToken"]
    assert "DEVICE_KEY" not in aws.said[0].json["AuthParameters"]
    assert (aws.said[2].json["AccessToken"], aws.said[3].json["Token"]) == ("access-1", "refresh-1")


def test_up_84_a_remembered_device_proves_itself_in_two_more_calls(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_say(200, {"ChallengeName": "DEVICE_SRP_AUTH", "Session": "s" * 20})
    aws.will_say(200, DEVICE_VERIFIER, Date="Tue, 03 Nov 2026 09:05:07 GMT")
    aws.will_say(200, tokens(2))
    assert client.auth.sign_in(EMAIL, PASSWORD).user_id == "the-sub"
    opened, proven = aws.said[2].json, aws.said[3].json["ChallengeResponses"]
    assert opened["ChallengeName"] == "DEVICE_SRP_AUTH"
    assert opened["Session"] == "s" * 20
    assert set(opened["ChallengeResponses"]) == {"USERNAME", "DEVICE_KEY", "SRP_A"}
    assert proven["TIMESTAMP"] == "Tue Nov 3 09:05:07 UTC 2026"
    assert (proven["USERNAME"], proven["DEVICE_KEY"]) == ("the-sub", "eu-west-1_k")


def test_up_85_a_device_that_was_forgotten_elsewhere_is_left_behind(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_refuse("ResourceNotFoundException", "Device does not exist.")
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_say(200, tokens(2, NewDeviceMetadata={**DEVICE, "DeviceKey": "eu-west-1_new"}))
    aws.will_say(200, {})
    client.auth.sign_in(EMAIL, PASSWORD)
    assert "DEVICE_KEY" not in aws.said[2].json["AuthParameters"]
    assert client.auth._session.device_key() == "eu-west-1_new"


def test_a_device_whose_secret_is_not_the_one_is_left_behind_and_not_called_a_wrong_password(
    aws: FakeAws, client: TodoClient
) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_say(200, {"ChallengeName": "DEVICE_SRP_AUTH", "Session": "s" * 20})
    aws.will_say(200, DEVICE_VERIFIER)
    aws.will_refuse("NotAuthorizedException", "Incorrect username or password.")
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_say(200, tokens(2))
    assert client.auth.sign_in(EMAIL, PASSWORD).user_id == "the-sub"


def test_a_wrong_password_is_one_with_a_device_too(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_refuse("NotAuthorizedException", "Incorrect username or password.")
    with pytest.raises(InvalidCredentialsError, match="wrong user or password"):
        client.auth.sign_in(EMAIL, "wrong")
    assert len(aws.said) == 2


def test_up_78_setting_up_an_app_at_sign_in_is_a_challenge_with_all_that_the_app_needs(
    aws: FakeAws, client_of: Callable[..., TodoClient]
) -> None:
    client = client_of()
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_say(200, {"ChallengeName": "MFA_SETUP", "Session": "session-1-" * 2})
    aws.will_say(200, {"SecretCode": "JBSWY3DPEHPK3PXP", "Session": "session-2-" * 2})
    challenge = client.auth.begin_sign_in(EMAIL, PASSWORD)
    assert isinstance(challenge, Challenge)
    assert challenge.otpauth_uri == (
        "otpauth://totp/MyTodoList:me%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=MyTodoList"
    )
    assert "JBSWY3DPEHPK3PXP" not in repr(challenge)
    aws.will_refuse("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
    with pytest.raises(InvalidRequestError, match="the code is wrong"):
        client.auth.answer(challenge, "000000")
    aws.will_say(200, {"Status": "SUCCESS", "Session": "session-3-" * 2})
    aws.will_say(200, tokens())
    assert client.auth.answer(challenge, "123 456") == client.auth.user()
    verified, answered = aws.said[-2].json, aws.said[-1].json
    assert verified == {"Session": "session-2-" * 2, "UserCode": "123456"}
    assert (answered["ChallengeName"], answered["Session"]) == ("MFA_SETUP", "session-3-" * 2)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345x", "１２３４５６"])
def test_what_is_no_code_of_an_app_is_refused_before_any_call(aws: FakeAws, client: TodoClient, code: str) -> None:
    challenge = Challenge("SOFTWARE_TOKEN_MFA", EMAIL, "the-sub", "s" * 20)
    for refused in (lambda: client.auth.mfa.confirm(code), lambda: client.auth.answer(challenge, code)):
        with pytest.raises(InvalidRequestError):
            refused()
    assert aws.said == []


def test_a_challenge_of_ones_own_making_is_refused_before_any_call(aws: FakeAws, client: TodoClient) -> None:
    name: Any = "SMS_MFA"
    with pytest.raises(InvalidRequestError, match="'SMS_MFA' is no challenge"):
        client.auth.answer(Challenge(name, EMAIL, "the-sub", "s" * 20), "123456")
    assert aws.said == []


def test_an_authenticator_app_is_set_up_in_two_steps(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, {"SecretCode": "JBSWY3DPEHPK3PXP"})
    setup = client.auth.mfa.begin()
    assert setup == MfaSetup(EMAIL, "JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in repr(setup)
    assert setup.otpauth_uri.endswith("?secret=JBSWY3DPEHPK3PXP&issuer=MyTodoList")
    aws.will_say(200, {"Status": "SUCCESS"})
    aws.will_say(200, {})
    client.auth.mfa.confirm("123456")
    assert operations(aws) == ["AssociateSoftwareToken", "VerifySoftwareToken", "SetUserMFAPreference"]
    assert aws.said[-1].json["SoftwareTokenMfaSettings"] == {"Enabled": True, "PreferredMfa": True}
    aws.will_say(200, {})
    client.auth.mfa.disable()
    assert aws.said[-1].json["SoftwareTokenMfaSettings"] == {"Enabled": False, "PreferredMfa": False}


def test_whether_a_code_is_wanted_is_asked(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, {"Username": "the-sub", "UserAttributes": []})  # UP-112: no list at all when there is none
    assert not client.auth.mfa.is_on()
    aws.will_say(200, {"Username": "s", "UserAttributes": [], "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"]})
    assert client.auth.mfa.is_on()


def listed(key: str, seen_at: float, status: str = "not_remembered") -> dict[str, Any]:
    attributes = {"device_name": f"name of {key}", "dev:device_remembered_status": status}
    return {
        "DeviceKey": key,
        "DeviceAttributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "DeviceCreateDate": 1_700_000_000,
        "DeviceLastAuthenticatedDate": seen_at,
    }


def test_devices_are_listed_over_all_pages_the_last_seen_first(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, {"Devices": [listed("eu-west-1_old", 1_700_000_001)], "PaginationToken": "more"})
    aws.will_say(200, {"Devices": [listed("eu-west-1_k", 1_700_000_002, "remembered")]})
    found = client.auth.devices.list()
    assert aws.said[1].json["PaginationToken"] == "more"
    assert found[0] == Device(
        key="eu-west-1_k",
        name="name of eu-west-1_k",
        created_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        last_seen_at=datetime(2023, 11, 14, 22, 13, 22, tzinfo=UTC),
        is_remembered=True,
        is_this=True,
    )
    assert [(each.key, each.is_this, each.is_remembered) for each in found[1:]] == [("eu-west-1_old", False, False)]


def test_this_device_or_another_is_remembered_or_no_longer(aws: FakeAws, client: TodoClient) -> None:
    for _ in range(3):
        aws.will_say(200, {})
    client.auth.devices.remember()
    client.auth.devices.remember("eu-west-1_other")
    client.auth.devices.unremember()
    sent = [(said.json["DeviceKey"], said.json["DeviceRememberedStatus"]) for said in aws.said]
    assert sent == [
        ("eu-west-1_k", "remembered"),
        ("eu-west-1_other", "remembered"),
        ("eu-west-1_k", "not_remembered"),
    ]


def test_forgetting_another_device_leaves_this_session_and_forgetting_this_one_ends_it(
    aws: FakeAws, client: TodoClient
) -> None:
    for _ in range(3):
        aws.will_say(200, {})
    client.auth.devices.forget("eu-west-1_other")
    assert client.auth.user().email == EMAIL
    client.auth.devices.forget()
    assert operations(aws) == ["ForgetDevice", "ForgetDevice", "RevokeToken"]
    with pytest.raises(NotSignedInError):
        client.auth.user()


def test_a_device_that_is_not_there_is_not_found(aws: FakeAws, client: TodoClient) -> None:
    aws.will_refuse("ResourceNotFoundException", "Device does not exist.")
    with pytest.raises(NotFoundError, match="no such device"):
        client.auth.devices.remember("eu-west-1_other")


def test_sign_out_with_a_stale_session_renews_it_once_more_so_that_no_device_is_left_behind(
    aws: FakeAws, client: TodoClient
) -> None:
    client.auth._session._clock.told(START + 7200)
    for body in (tokens(2), {}, {}):
        aws.will_say(200, body)
    assert client.auth.sign_out()
    assert operations(aws) == ["GetTokensFromRefreshToken", "ForgetDevice", "RevokeToken"]
    assert aws.said[1].json["AccessToken"] == "access-2"


def test_sign_out_everywhere_ends_all_sessions_or_none(aws: FakeAws, client: TodoClient) -> None:
    aws.will_refuse("InternalErrorException", status=400)
    with pytest.raises(TodoError):
        client.auth.sign_out(everywhere=True)
    assert client.auth.user().email == EMAIL
    for _ in range(3):
        aws.will_say(200, {})
    assert client.auth.sign_out(everywhere=True)
    assert operations(aws)[-3:] == ["GlobalSignOut", "ForgetDevice", "RevokeToken"]
    with pytest.raises(NotSignedInError):
        client.auth.user()


def test_an_access_token_that_was_revoked_is_renewed_once(aws: FakeAws, client: TodoClient) -> None:
    aws.will_refuse("NotAuthorizedException", "Access Token has been revoked")
    aws.will_say(200, tokens(2))
    aws.will_say(200, {})
    client.auth.mfa.disable()
    assert operations(aws) == ["SetUserMFAPreference", "GetTokensFromRefreshToken", "SetUserMFAPreference"]
    assert aws.said[-1].json["AccessToken"] == "access-2"


def test_a_forgotten_password_is_replaced_by_a_code(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    client = client_of()
    aws.will_say(200, {"CodeDeliveryDetails": {"Destination": "m***@e***"}})
    assert client.auth.password.forgot(EMAIL) == "m***@e***"
    aws.will_say(200, {})
    client.auth.password.reset(EMAIL, " 123456 ", "New-password-1")
    assert aws.said[-1].json == {
        "ClientId": "client1",
        "Username": EMAIL,
        "ConfirmationCode": "123456",
        "Password": "New-password-1",
    }


@pytest.mark.parametrize(
    ("code", "message", "kind", "said", "retry_after"),
    [
        ("CodeMismatchException", "Invalid verification code provided", InvalidRequestError, "the code is wrong", None),
        ("ExpiredCodeException", "Invalid code provided", InvalidRequestError, "expired or was never sent", None),
        ("LimitExceededException", "Attempt limit exceeded", ThrottledError, "try again in an hour", 3600),
        ("TooManyRequestsException", "Rate exceeded", ThrottledError, "in a second", 1),
        ("NotAuthorizedException", "User password cannot be reset in the current state.", ConflictError, "first", None),
        ("PasswordHistoryPolicyViolationException", "x", InvalidRequestError, "used before", None),
    ],
)
def test_a_refused_reset_is_one_clear_sentence_and_says_when_to_try_again(
    aws: FakeAws,
    client_of: Callable[..., TodoClient],
    code: str,
    message: str,
    kind: type[ServiceError],
    said: str,
    retry_after: float | None,
) -> None:
    aws.will_say(400, {"__type": code, "message": message}, x_amzn_RequestId="r1")
    with pytest.raises(kind, match=said) as caught:
        client_of().auth.password.reset(EMAIL, "123456", "New-password-1")
    assert type(caught.value) is kind
    assert (caught.value.retry_after_seconds, caught.value.request_id) == (retry_after, "r1")


def test_too_many_wrong_passwords_say_how_long_to_wait(aws: FakeAws, client_of: Callable[..., TodoClient]) -> None:
    aws.will_say(200, PASSWORD_VERIFIER)
    aws.will_refuse("NotAuthorizedException", "Password attempts exceeded")
    with pytest.raises(ThrottledError, match="wait 15 minutes") as caught:
        client_of().auth.sign_in(EMAIL, PASSWORD)
    assert caught.value.retry_after_seconds == 900


def test_a_password_is_changed_by_who_knows_it(aws: FakeAws, client: TodoClient) -> None:
    aws.will_say(200, {})
    client.auth.password.change("Old-password-1", "New-password-1")
    sent = aws.said[-1].json
    assert (sent["PreviousPassword"], sent["ProposedPassword"]) == ("Old-password-1", "New-password-1")
    aws.will_refuse("NotAuthorizedException", "Incorrect username or password.")
    with pytest.raises(InvalidCredentialsError, match="the current password is wrong"):
        client.auth.password.change("Old", "New-password-1")


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("short", "at least 8 characters, an upper-case letter, a digit and a symbol"),
        ("alllowercase", "an upper-case letter, a digit and a symbol"),
        ("NoDigits-here", "a digit"),
        ("Nosymbol1", "a symbol"),
        ("UPPER-CASE-1", "a lower-case letter"),
        ("Short-1", "at least 8 characters"),
        ("Has spaces-1", "no spaces"),
        ("has a space", "an upper-case letter, a digit, a symbol and no spaces"),
    ],
)
def test_a_weak_password_says_every_rule_that_it_breaks(password: str, lacks: str) -> None:
    from todo_backend.local.cognito import passwords

    policy = {"MinimumLength": 8, **dict.fromkeys([name for name, _, _ in passwords._RULES], True)}
    said = passwords.weakness(password, policy) or "failed to satisfy constraint: pattern: [\\S]+"
    assert weakness(password, said) == f"the password is too weak; it needs {lacks}"


def test_where_the_deployment_has_other_rules_cognitos_own_words_stand() -> None:
    said = "Password must have emoji"
    assert weakness("Right-password-1", said) == "the password is too weak: Password must have emoji"
    assert weakness("short", said) == "the password is too weak: Password must have emoji"


def test_the_rules_are_those_of_the_deployed_template() -> None:
    from todo_backend import artifacts
    from todo_sdk._password_rules import MIN_CHARS, RULES

    (policy,) = [
        resource["Properties"]["Policies"]["PasswordPolicy"]
        for resource in artifacts.template()["Resources"].values()
        if resource["Type"] == "AWS::Cognito::UserPool"
    ]
    assert policy["MinimumLength"] == MIN_CHARS
    wanted = {name for name, is_on in policy.items() if name.startswith("Require") and is_on}
    assert len(wanted) == len(RULES) - 1 == 4


@pytest.mark.parametrize("operation", ["SignUp", "ConfirmForgotPassword", "ChangePassword", "RespondToAuthChallenge"])
def test_every_place_that_takes_a_new_password_says_every_rule(
    aws: FakeAws, client: TodoClient, operation: str
) -> None:
    challenge = Challenge("NEW_PASSWORD_REQUIRED", EMAIL, "the-sub", "s" * 20)
    calls: dict[str, Callable[[], object]] = {
        "SignUp": lambda: client.auth.sign_up(EMAIL, "weak"),
        "ConfirmForgotPassword": lambda: client.auth.password.reset(EMAIL, "123456", "weak"),
        "ChangePassword": lambda: client.auth.password.change(PASSWORD, "weak"),
        "RespondToAuthChallenge": lambda: client.auth.answer(challenge, "weak"),
    }
    aws.will_refuse("InvalidPasswordException", "Password does not conform to policy: Password not long enough")
    with pytest.raises(InvalidRequestError, match="8 characters, an upper-case letter, a digit and a symbol") as caught:
        calls[operation]()
    assert operations(aws) == [operation]
    assert caught.value.code == "InvalidPasswordException"
    assert caught.value.status == 400


def test_an_answer_for_a_device_that_was_forgotten_meanwhile_says_to_begin_again(
    aws: FakeAws, client: TodoClient
) -> None:
    aws.will_refuse("ResourceNotFoundException", "Device does not exist.")
    with pytest.raises(SignInError, match="sign in again"):
        client.auth.answer(Challenge("SOFTWARE_TOKEN_MFA", EMAIL, "the-sub", "s" * 20), "123456")


ASKED = {
    "cognito-idp": """SignUp ConfirmSignUp ResendConfirmationCode InitiateAuth RespondToAuthChallenge RevokeToken
        GetTokensFromRefreshToken GlobalSignOut ForgotPassword ConfirmForgotPassword ChangePassword GetUser DeleteUser
        ConfirmDevice UpdateDeviceStatus ForgetDevice ListDevices AssociateSoftwareToken VerifySoftwareToken
        SetUserMFAPreference""",
    "cognito-identity": "GetId GetCredentialsForIdentity",
}


def modelled_codes() -> list[str]:
    """Each error that AWS's own models give for an operation that the SDK calls."""
    session, found = botocore.session.Session(), set[str]()
    for service, names in ASKED.items():
        model = session.get_service_model(service)
        found |= {shape.name for name in names.split() for shape in model.operation_model(name).error_shapes}
    return sorted(found)


def test_the_models_name_errors() -> None:
    assert len(modelled_codes()) > 35


@pytest.mark.parametrize("code", [*modelled_codes(), "AnExceptionOfTheFuture", ""])
@pytest.mark.parametrize("operation", ["SignUp", "RespondToAuthChallenge", "GetId", "GetTokensFromRefreshToken"])
def test_each_code_of_cognito_becomes_an_error_with_a_sentence_and_a_request_id(operation: str, code: str) -> None:
    error = error_of_cognito(operation, 400, {"Code": code, "Message": "why"}, "r1")
    assert isinstance(error, TodoError)
    assert str(error)
    assert "{" not in str(error)
    assert error.request_id == "r1"
