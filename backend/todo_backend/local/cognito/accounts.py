"""What the user-pool operations do to an account in the same way: client checks, passwords, codes, attributes."""

import hmac
import re
from dataclasses import dataclass
from typing import Any

from . import passwords, srp
from .directory import Described
from .errors import CognitoError, attempts_exceeded, invalid_parameter, not_authorized, user_not_found
from .plane import Answer, Parameters, Plane
from .records import Secret, SentCode, User

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0
CONFIRM_CODE_SECONDS = DAY_SECONDS  # UP-21
RESET_CODE_SECONDS = HOUR_SECONDS  # UP-35
CONTACTS = ("email", "phone_number")
_MEDIA = {"email": "EMAIL", "phone_number": "SMS"}
_CODE_DIGITS = 6
_ALWAYS_KNOWN = ("sub", "email_verified", "phone_number_verified")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_PASSWORD = re.compile(r"\S{1,256}", re.ASCII)
_PHONE = re.compile(r"\+\d{1,15}", re.ASCII)
_SUBJECT = "Your verification code"
_TEXT = "Your confirmation code is {####}"


@dataclass(frozen=True)
class Place:
    """The pool and the client by which a request comes in."""

    pool: Described
    client: Described

    @property
    def pool_id(self) -> str:
        """The user pool's id."""
        return str(self.pool["Id"])

    @property
    def client_id(self) -> str:
        """The app client's id."""
        return str(self.client["ClientId"])

    @property
    def hides_users(self) -> bool:
        """PreventUserExistenceErrors; LEGACY unless set (UP-57)."""
        return bool(self.client.get("PreventUserExistenceErrors", "LEGACY") == "ENABLED")


async def place_of(plane: Plane, client_id: str, pool_id: str | None = None) -> Place:
    """The client and its pool (UP-07)."""
    client = await plane.directory.client(client_id, pool_id)
    return Place(await plane.directory.user_pool(client["UserPoolId"]), client)


def check_secret_hash(place: Place, given: str | None, *usernames: str) -> None:
    """Refuse a client with a secret that does not prove it knows it (UP-64, UP-65)."""
    secret = place.client.get("ClientSecret")
    if not secret:
        return
    if not given:
        raise not_authorized(f"Client {place.client_id} is configured with secret but SECRET_HASH was not received")
    expected = [srp.secret_hash(secret, name, place.client_id) for name in usernames]
    if not any(hmac.compare_digest(given.encode(), one.encode()) for one in expected):
        raise not_authorized(f"Unable to verify secret hash for client {place.client_id}")


def pool_name(pool: Described) -> str:
    """The part of the pool's id after `_` (UP-43)."""
    return str(pool["Id"]).partition("_")[2]


def policy(pool: Described) -> dict[str, Any]:
    """The pool's password policy."""
    return dict(pool.get("Policies", {}).get("PasswordPolicy", {}))


async def set_password(plane: Plane, pool: Described, user: User, password: str) -> None:
    """Replace the password; the old one goes into the history.

    Raises:
        CognitoError: PasswordHistoryPolicyViolationException (UP-38).
    """
    kept = int(policy(pool).get("PasswordHistorySize") or 0)
    before = [secret for secret in (user.secret, *user.history) if secret][:kept]
    salt = int.from_bytes(plane.random(srp.SALT_BYTES), "big")
    made, again = await plane.compute(_secret_of, pool_name(pool), user.username, password, salt, before)
    if again:
        raise CognitoError("PasswordHistoryPolicyViolationException", "Password has previously been used.")
    user.secret, user.history, user.password_set_at = made, before, plane.now()


def _secret_of(pool: str, username: str, password: str, salt: int, before: list[Secret]) -> tuple[Secret, bool]:
    again = any(is_password(one, pool, username, password) for one in before)
    return Secret(f"{salt:x}", f"{srp.verifier_of(salt, pool, username, password):x}"), again


def is_password(secret: Secret, pool: str, username: str, password: str) -> bool:
    """Whether that is the password behind the secret; costs one exponentiation."""
    found = f"{srp.verifier_of(int(secret.salt, 16), pool, username, password):x}"
    return hmac.compare_digest(found.encode(), secret.verifier.encode())


def check_password_policy(pool: Described, password: str) -> None:
    """Refuse a weak password anywhere but at sign-up (UP-37), and one that is none (UP-06)."""
    if not _PASSWORD.fullmatch(password):
        raise invalid_parameter("Invalid password given.")
    passwords.check(password, policy(pool), passwords.LATER_WORDING)


def delivery(attribute: str, destination: str) -> Answer:
    """CodeDeliveryDetails, the destination masked (UP-10, UP-28)."""
    return {"Destination": masked(destination), "DeliveryMedium": _MEDIA[attribute], "AttributeName": attribute}


def masked(destination: str) -> str:
    """`t***@t***` of `test@test.com`; the last four digits of a phone number."""
    name, at, domain = destination.partition("@")
    if at:
        return f"{name[:1]}***@{domain[:1]}***"
    return "+" + "*" * max(len(destination) - 5, 0) + destination[-4:]


def simulated_delivery(place: Place, typed: str) -> Answer:
    """What a user who is not there would be told; the medium follows the form of the name (UP-27, UP-30)."""
    if _PHONE.fullmatch(typed):
        return delivery("phone_number", typed)
    first = typed[:1].lower() or "u"
    return delivery("email", typed if "@" in typed else f"{first}@{first}")


async def send_code(plane: Plane, place: Place, user: User, purpose: str, attribute: str) -> Answer:
    """Mail a new random code; the one before stops working (UP-25). Returns its CodeDeliveryDetails."""
    number = int.from_bytes(plane.random(8), "big") % 10**_CODE_DIGITS
    code = SentCode(f"{number:0{_CODE_DIGITS}d}", plane.now(), attribute)
    destination = user.pending.get(attribute) or user.attributes[attribute]
    user.codes[purpose] = code
    plane.users.save(user, plane.now())
    subject, text = _message(place.pool)
    await plane.mail(destination, subject, text.replace("{####}", code.digits).replace("{username}", user.username))
    return delivery(attribute, destination)


def _message(pool: Described) -> tuple[str, str]:
    template = pool.get("VerificationMessageTemplate") or {}
    subject = template.get("EmailSubject") or pool.get("EmailVerificationSubject") or _SUBJECT
    text = template.get("EmailMessage") or pool.get("EmailVerificationMessage") or _TEXT
    return subject, text if "{####}" in text else _TEXT


def use_code(plane: Plane, user: User, purpose: str, given: str, seconds: float) -> SentCode:
    """Take the code, once.

    Raises:
        CognitoError: ExpiredCodeException, none is outstanding or it is too old (UP-21); CodeMismatchException (UP-20).
    """
    code = user.codes.get(purpose)
    if code is None or plane.now() - code.sent_at >= seconds:
        raise code_expired()
    if not hmac.compare_digest(code.digits.encode(), given.encode()):
        raise code_mismatch()
    del user.codes[purpose]
    return code


def code_expired() -> CognitoError:
    """No code is outstanding (UP-21, UP-35)."""
    return CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")


def code_mismatch() -> CognitoError:
    """The code is another one (UP-20, UP-34)."""
    return CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")


def attribute_list(values: dict[str, str]) -> list[dict[str, str]]:
    """Attributes as the wire has them."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def attribute_map(listed: list[dict[str, str]] | None) -> dict[str, str]:
    """The wire's attributes as a mapping."""
    return {item["Name"]: item.get("Value", "") for item in listed or []}


def readable(place: Place, user: User) -> dict[str, str]:
    """The attributes that the client may read."""
    return {name: value for name, value in user.attributes.items() if _may(place, "ReadAttributes", name)}


def check_writable(place: Place, names: list[str]) -> None:
    """Refuse attributes that the client may not write (SE-24)."""
    for name in names:
        forbidden = name == "sub" or name.endswith("_verified") or name.startswith("dev:")
        if forbidden or not _may(place, "WriteAttributes", name):
            raise not_authorized("A client attempted to write unauthorized attribute")


def _may(place: Place, right: str, name: str) -> bool:
    listed = place.client.get(right) or []
    if name in listed or (name == "sub" and right == "ReadAttributes"):
        return True
    # Without a list, a client has all standard attributes and no custom ones.
    return not listed and not name.startswith(("custom:", "dev:"))


def check_attributes(pool: Described, values: dict[str, str]) -> None:
    """Refuse attributes that the pool's schema does not have, and contacts that are none."""
    schema = {item["Name"]: item for item in pool.get("SchemaAttributes", [])}
    for name, value in values.items():
        known = schema.get(name) or schema.get(name.removeprefix("custom:"))
        if schema and known is None and name not in _ALWAYS_KNOWN:
            raise invalid_parameter(
                f"Attributes did not conform to the schema: {name}: Attribute does not exist in the schema.\n"
            )
        _check_bounds(name, value, known or {})
    if values.get("email") and not _EMAIL.fullmatch(values["email"]):
        raise invalid_parameter("Invalid email address format.")
    if values.get("phone_number") and not _PHONE.fullmatch(values["phone_number"]):
        raise invalid_parameter("Invalid phone number format.")


def _check_bounds(name: str, value: str, known: Described) -> None:
    bounds = known.get("StringAttributeConstraints") or {}
    if bounds.get("MaxLength") and len(value) > int(bounds["MaxLength"]):
        raise _off_schema(f"{name}: String must be no longer than {bounds['MaxLength']} characters")
    if bounds.get("MinLength") and len(value) < int(bounds["MinLength"]):
        raise _off_schema(f"{name}: String must be at least {bounds['MinLength']} characters")


def _off_schema(problem: str) -> CognitoError:
    return invalid_parameter(f"Attributes did not conform to the schema: {problem}\n")


def missing_required(pool: Described, values: dict[str, str]) -> list[str]:
    """The schema's required attributes that are not there."""
    names = [item["Name"] for item in pool.get("SchemaAttributes", []) if item.get("Required")]
    return [name for name in names if name != "sub" and not values.get(name)]


def is_email(text: str) -> bool:
    """Whether the text has the form of a mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Whether the text has the form of a phone number (E.164)."""
    return _PHONE.fullmatch(text) is not None


def verified_contact(user: User) -> str | None:
    """The verified attribute to which a reset code goes; email first, for there is no SMS here."""
    for attribute in CONTACTS:
        if user.attributes.get(attribute) and user.attributes.get(f"{attribute}_verified") == "true":
            return attribute
    return None


def limit(plane: Plane, name: str, user: User | tuple[str, str], times: int) -> None:
    """Count an attempt of the hour.

    Raises:
        CognitoError: LimitExceededException.
    """
    owner = (user.pool_id, user.username) if isinstance(user, User) else user
    if not plane.windows.allow((name, *owner), times, HOUR_SECONDS, plane.now()):
        raise attempts_exceeded()


async def admin_place(plane: Plane, parameters: Parameters) -> tuple[Described, User]:
    """The pool and the user of an Admin operation.

    Raises:
        CognitoError: there is no such pool, or no such user.
    """
    pool = await plane.directory.user_pool(parameters["UserPoolId"])
    user = plane.users.find(pool, parameters["Username"])
    if user is None:
        raise user_not_found()
    return pool, user
