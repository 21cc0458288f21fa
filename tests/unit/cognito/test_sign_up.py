"""Sign-up, confirmation and recovery, through boto3."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.cognito.conftest import World

PASSWORD = "Correct-Horse-7"
LEGACY = {"PreventUserExistenceErrors": "LEGACY"}


def error(call: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of a refusal."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    found = caught.value.response["Error"]
    return found["Code"], found["Message"]


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06d}"


def test_up_10_sign_up_sends_a_random_code_and_masks_the_address(world: "World") -> None:
    pool = world.pool()
    email = world.email()
    answer = pool.idp.sign_up(ClientId=pool.client_id, Username=email, Password=PASSWORD)
    assert answer["UserConfirmed"] is False
    assert len(answer["UserSub"]) == 36
    details = {"Destination": "u***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    assert answer["CodeDeliveryDetails"] == details
    others = {world.code(world.sign_up(pool)) for _ in range(4)}
    assert len(others | {world.code(email)}) > 3


def test_up_11_without_auto_verify_or_without_an_address_no_details_are_told(world: "World") -> None:
    pool = world.pool(email_names=False, AutoVerifiedAttributes=[])
    email = world.email()
    answer = pool.idp.sign_up(
        ClientId=pool.client_id,
        Username=email[:-12],
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": email}],
    )
    assert "CodeDeliveryDetails" not in answer
    verifying = world.pool(email_names=False)
    assert "CodeDeliveryDetails" not in verifying.idp.sign_up(
        ClientId=verifying.client_id, Username="noaddress", Password=PASSWORD
    )


def test_up_12_a_taken_name_is_refused(world: "World") -> None:
    pool = world.pool()
    email = world.sign_up(pool)
    refusal = error(pool.idp.sign_up, ClientId=pool.client_id, Username=email, Password=PASSWORD)
    assert refusal == ("UsernameExistsException", "An account with the given email already exists.")
    named = world.pool(email_names=False)
    name = world.sign_up(named, "taken", email=world.email())
    refusal = error(named.idp.sign_up, ClientId=named.client_id, Username=name, Password=PASSWORD)
    assert refusal == ("UsernameExistsException", "User already exists")


def test_up_13_and_14_an_alias_is_taken_at_confirmation_only(world: "World") -> None:
    pool = world.pool(email_names=False, AliasAttributes=["email"])
    email = world.email()
    world.user(pool, "first", email=email)
    world.sign_up(pool, "second", email=email)
    given = {"ClientId": pool.client_id, "Username": "second", "ConfirmationCode": world.code(email)}
    assert error(pool.idp.confirm_sign_up, **given)[0] == "AliasExistsException"
    assert pool.idp.confirm_sign_up(**given, ForceAliasCreation=True)
    code, message = error(pool.idp.sign_up, ClientId=pool.client_id, Username=email, Password=PASSWORD)
    assert code == "InvalidParameterException"
    assert message == "Username cannot be of email format, since user pool is configured for email alias."


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Ab1!", "Password not long enough"),
        ("abcdefg1!", "Password must have uppercase characters"),
        ("ABCDEFG1!", "Password must have lowercase characters"),
        ("Abcdefgh!", "Password must have numeric characters"),
        ("Abcdefgh1", "Password must have symbol characters"),
    ],
)
def test_up_15_and_37_a_weak_password_is_refused_with_one_reason(world: "World", password: str, reason: str) -> None:
    pool = world.pool()
    refusal = error(pool.idp.sign_up, ClientId=pool.client_id, Username=world.email(), Password=password)
    assert refusal == ("InvalidPasswordException", f"Password did not conform with policy: {reason}")
    email = world.user(pool)
    pool.idp.forgot_password(ClientId=pool.client_id, Username=email)
    given = {"ClientId": pool.client_id, "Username": email, "ConfirmationCode": world.code(email)}
    refusal = error(pool.idp.confirm_forgot_password, **given, Password=password)
    assert refusal == ("InvalidPasswordException", f"Password does not conform to policy: {reason}")


def test_up_17_a_mail_that_cannot_be_sent_leaves_an_unconfirmed_user(world: "World") -> None:
    pool = world.pool()
    given = {"ClientId": pool.client_id, "Username": f"undeliverable{world.email()}", "Password": PASSWORD}
    assert error(pool.idp.sign_up, **given)[0] == "CodeDeliveryFailureException"
    assert error(pool.idp.sign_up, **given)[0] == "UsernameExistsException"


def test_up_18_names_may_be_compared_without_case(world: "World") -> None:
    folding = world.pool(UsernameConfiguration={"CaseSensitive": False})
    email = world.user(folding)
    assert error(folding.idp.sign_up, ClientId=folding.client_id, Username=email.upper(), Password=PASSWORD)[0]
    assert world.tokens(folding, email.upper())
    exact = world.pool()
    email = world.user(exact)
    assert exact.idp.sign_up(ClientId=exact.client_id, Username=email.upper(), Password=PASSWORD)["UserSub"]


def test_up_19_to_22_confirmation(world: "World") -> None:
    pool = world.pool()
    email = world.sign_up(pool)
    code = world.code(email)
    given = {"ClientId": pool.client_id, "Username": email}
    refusal = error(pool.idp.confirm_sign_up, **given, ConfirmationCode=wrong(code))
    assert refusal == ("CodeMismatchException", "Invalid verification code provided, please try again.")
    assert error(pool.idp.confirm_sign_up, **given, ConfirmationCode="123456")[0] == "CodeMismatchException"
    assert pool.idp.confirm_sign_up(**given, ConfirmationCode=code)["ResponseMetadata"]["HTTPStatusCode"] == 200
    refusal = error(pool.idp.confirm_sign_up, **given, ConfirmationCode=code)
    assert refusal == ("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
    user = pool.idp.get_user(AccessToken=world.tokens(pool, email)["AccessToken"])
    assert {"Name": "email_verified", "Value": "true"} in user["UserAttributes"]


def test_up_21_a_code_expires_after_a_day(world: "World") -> None:
    pool = world.pool()
    email = world.sign_up(pool)
    world.clock.move(24 * 3600 + 1)
    refusal = error(
        pool.idp.confirm_sign_up, ClientId=pool.client_id, Username=email, ConfirmationCode=world.code(email)
    )
    assert refusal == ("ExpiredCodeException", "Invalid code provided, please request a code again.")


def test_up_23_an_unknown_user_is_told_of_in_legacy_pools_only(world: "World") -> None:
    for config, expected in ((LEGACY, "UserNotFoundException"), ({}, "ExpiredCodeException")):
        pool = world.pool(client=config)
        refusal = error(
            pool.idp.confirm_sign_up, ClientId=pool.client_id, Username=world.email(), ConfirmationCode="111111"
        )
        assert refusal[0] == expected


def test_up_24_the_sixteenth_confirmation_of_the_hour_is_refused(world: "World") -> None:
    pool = world.pool()
    email = world.sign_up(pool)
    given = {"ClientId": pool.client_id, "Username": email}
    for _ in range(15):
        assert (
            error(pool.idp.confirm_sign_up, **given, ConfirmationCode=wrong(world.code(email)))[0]
            == "CodeMismatchException"
        )
    refusal = error(pool.idp.confirm_sign_up, **given, ConfirmationCode=world.code(email))
    assert refusal == ("LimitExceededException", "Attempt limit exceeded, please try after some time.")
    world.clock.move(3601)
    pool.idp.confirm_sign_up(**given, ConfirmationCode=world.code(email))


def test_up_25_and_26_a_resent_code_replaces_the_first(world: "World") -> None:
    pool = world.pool()
    email = world.sign_up(pool)
    given = {"ClientId": pool.client_id, "Username": email}
    first = world.code(email)
    assert pool.idp.resend_confirmation_code(**given)["CodeDeliveryDetails"]["Destination"] == "u***@e***"
    second = world.code(email)
    if first != second:
        assert error(pool.idp.confirm_sign_up, **given, ConfirmationCode=first)[0] == "CodeMismatchException"
    pool.idp.confirm_sign_up(**given, ConfirmationCode=second)
    refusal = error(pool.idp.resend_confirmation_code, **given)
    assert refusal == ("InvalidParameterException", "User is already confirmed.")
    other = world.sign_up(pool)
    for _ in range(5):
        pool.idp.resend_confirmation_code(ClientId=pool.client_id, Username=other)
    assert (
        error(pool.idp.resend_confirmation_code, ClientId=pool.client_id, Username=other)[0] == "LimitExceededException"
    )


def test_up_27_and_30_who_is_not_there_is_told_the_same(world: "World") -> None:
    pool = world.pool()
    for call in (pool.idp.resend_confirmation_code, pool.idp.forgot_password):
        answer = call(ClientId=pool.client_id, Username=f"nobody{world.email()}")
        assert answer["CodeDeliveryDetails"] == {
            "Destination": "n***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email",
        }  # fmt: skip
    by_phone = pool.idp.forgot_password(ClientId=pool.client_id, Username="+15555550100")
    assert by_phone["CodeDeliveryDetails"]["DeliveryMedium"] == "SMS"
    legacy = world.pool(client=LEGACY)
    assert (
        error(legacy.idp.forgot_password, ClientId=legacy.client_id, Username=world.email())[0]
        == "UserNotFoundException"
    )


def test_up_28_33_34_35_a_forgotten_password_is_replaced_by_code(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    before = world.tokens(pool, email)
    given = {"ClientId": pool.client_id, "Username": email, "Password": "Other-Horse-8"}
    assert error(pool.idp.confirm_forgot_password, **given, ConfirmationCode="111111")[0] == "ExpiredCodeException"
    details = pool.idp.forgot_password(ClientId=pool.client_id, Username=email)["CodeDeliveryDetails"]
    assert details == {"Destination": "u***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    code = world.code(email)
    assert error(pool.idp.confirm_forgot_password, **given, ConfirmationCode=wrong(code))[0] == "CodeMismatchException"
    pool.idp.confirm_forgot_password(**given, ConfirmationCode=code)
    assert error(pool.idp.confirm_forgot_password, **given, ConfirmationCode=code)[0] == "ExpiredCodeException"
    assert world.tokens(pool, email, "Other-Horse-8")
    assert error(world.tokens, pool=pool, username=email)[0] == "NotAuthorizedException"
    assert error(pool.idp.get_user, AccessToken=before["AccessToken"])[0] == "NotAuthorizedException"


def test_up_34_attempts_at_the_reset_code_are_limited(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    pool.idp.forgot_password(ClientId=pool.client_id, Username=email)
    given = {"ClientId": pool.client_id, "Username": email, "Password": PASSWORD}
    codes = [
        error(pool.idp.confirm_forgot_password, **given, ConfirmationCode=wrong(world.code(email)))[0]
        for _ in range(11)
    ]
    assert set(codes[:5]) == {"CodeMismatchException"}
    assert codes[-1] == "LimitExceededException"


def test_up_35_a_reset_code_lives_an_hour(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    pool.idp.forgot_password(ClientId=pool.client_id, Username=email)
    world.clock.move(3601)
    given = {"ClientId": pool.client_id, "Username": email, "Password": PASSWORD, "ConfirmationCode": world.code(email)}
    assert error(pool.idp.confirm_forgot_password, **given)[0] == "ExpiredCodeException"


def test_up_36_an_unknown_user_gets_the_answers_of_a_wrong_code(world: "World") -> None:
    pool = world.pool()
    given = {"ClientId": pool.client_id, "Username": world.email(), "Password": PASSWORD, "ConfirmationCode": "111111"}
    assert error(pool.idp.confirm_forgot_password, **given)[0] == "ExpiredCodeException"
    pool.idp.forgot_password(ClientId=pool.client_id, Username=given["Username"])
    assert error(pool.idp.confirm_forgot_password, **given)[0] == "CodeMismatchException"


def test_up_29_and_31_some_passwords_cannot_be_reset(world: "World") -> None:
    pool = world.pool(client=LEGACY)
    email = world.sign_up(pool)
    code, message = error(pool.idp.forgot_password, ClientId=pool.client_id, Username=email)
    assert code == "InvalidParameterException"
    assert message == "Cannot reset password for the user as there is no registered/verified email or phone_number"
    admin = world.aws("cognito-idp", signed=True)
    new = world.email()
    admin.admin_create_user(
        UserPoolId=pool.id, Username=new, UserAttributes=[{"Name": "email_verified", "Value": "true"}]
    )
    refusal = error(pool.idp.forgot_password, ClientId=pool.client_id, Username=new)
    assert refusal == ("NotAuthorizedException", "User password cannot be reset in the current state.")


def test_up_32_reset_codes_are_limited_by_the_hour(world: "World") -> None:
    pool = world.pool()
    email = world.user(pool)
    for _ in range(5):
        pool.idp.forgot_password(ClientId=pool.client_id, Username=email)
    refusal = error(pool.idp.forgot_password, ClientId=pool.client_id, Username=email)
    assert refusal == ("LimitExceededException", "Attempt limit exceeded, please try after some time.")


def test_up_38_a_password_of_the_history_is_refused(world: "World") -> None:
    policy = {"PasswordPolicy": {"MinimumLength": 8, "PasswordHistorySize": 2}}
    pool = world.pool(Policies=policy)
    email = world.user(pool)
    token = world.tokens(pool, email)["AccessToken"]
    change = pool.idp.change_password
    codes = []
    for old, new in ((PASSWORD, PASSWORD), (PASSWORD, "Second-Horse-8"), ("Second-Horse-8", PASSWORD)):
        try:
            change(AccessToken=token, PreviousPassword=old, ProposedPassword=new)
            codes.append("")
        except pool.idp.exceptions.PasswordHistoryPolicyViolationException:
            codes.append("history")
    assert codes == ["history", "", "history"]
    change(AccessToken=token, PreviousPassword="Second-Horse-8", ProposedPassword="Third-Horse-9")
    assert change(AccessToken=token, PreviousPassword="Third-Horse-9", ProposedPassword=PASSWORD)


def test_attributes_outside_the_schema_or_the_clients_rights_are_refused(world: "World") -> None:
    pool = world.pool(schema=[{"Name": "custom:role", "Mutable": True}], client={"WriteAttributes": ["email", "name"]})
    given = {"ClientId": pool.client_id, "Username": world.email(), "Password": PASSWORD}
    refused = error(pool.idp.sign_up, **given, UserAttributes=[{"Name": "custom:role", "Value": "admin"}])
    assert refused[0] == "NotAuthorizedException"
    verified = error(pool.idp.sign_up, **given, UserAttributes=[{"Name": "email_verified", "Value": "true"}])
    assert verified[0] == "NotAuthorizedException"
    free = world.pool()
    given |= {"ClientId": free.client_id}
    unknown = error(free.idp.sign_up, **given, UserAttributes=[{"Name": "shoe_size", "Value": "44"}])
    assert unknown[0] == "InvalidParameterException"
