"""The server's half of Cognito's SRP, for passwords and for devices. Pure: no clock, no randomness, no I/O.

Sources: RFC 2945 and RFC 5054 for the exchange, RFC 3526 group 15 for the prime, RFC 5869 for the key; what Cognito
does otherwise is cited by statement (UP-40 to UP-49).
"""

import base64
import binascii
import hashlib
import hmac
import re
import time
from dataclasses import dataclass

# RFC 3526 section 4: the 3072-bit MODP group is 2^3072 - 2^3008 - 1 + 2^64 * (floor(2^2942 pi) + 1690314).
_PRIME_HEX = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"
)
PRIME = int(_PRIME_HEX, 16)
GENERATOR = 2  # UP-40: RFC 5054 would say 5
SALT_BYTES = 16
SECRET_BYTES = 32  # the exponent b: at least 256 bits (RFC 5054 section 2.5.3)
SECRET_BLOCK_BYTES = 48
_WINDOW_BITS = 4
_STEPS_AT_ONCE = 8  # about a millisecond
_KEY_BYTES = 16  # UP-45
_KEY_PURPOSE = b"Caldera Derived Key\x01"  # UP-45
_MAX_HEX_DIGITS = 2 * len(_PRIME_HEX)
_HEX = re.compile(r"[0-9a-fA-F]+")

_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
# UP-47, UP-48: `EEE MMM d HH:mm:ss z yyyy`, the day without leading zero
_TIMESTAMP = re.compile(
    rf"(?:{_DAYS}) (?:{_MONTHS}) (?:[1-9]|[12]\d|3[01]) (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d UTC \d{{4}}", re.ASCII
)


def padded(number: int) -> bytes:
    """The number as two's complement, the form in which Cognito hashes numbers (UP-42)."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def power(number: int, exponent: int) -> int:
    """The power modulo N, in steps between which other threads may run.

    pow() as a whole would hold the interpreter's lock, and with it the event loop, for several milliseconds.
    """
    powers = [1, number % PRIME]
    for _ in range(2**_WINDOW_BITS - 2):
        powers.append(powers[-1] * powers[1] % PRIME)
    result = 1
    for step, position in enumerate(reversed(range(0, exponent.bit_length(), _WINDOW_BITS)), 1):
        digit = exponent >> position & (2**_WINDOW_BITS - 1)
        result = pow(result, 2**_WINDOW_BITS, PRIME) * powers[digit] % PRIME
        if step % _STEPS_AT_ONCE == 0:
            time.sleep(0)
    return result


def _digest(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


MULTIPLIER = _digest(padded(PRIME), padded(GENERATOR))  # k, UP-41


def private_key(salt: int, scope: str, user: str, password: str) -> int:
    """x of UP-43; `scope` is the pool's name, or the device group's key."""
    secret = hashlib.sha256(f"{scope}{user}:{password}".encode()).digest()
    return _digest(padded(salt), secret)


def verifier_of(salt: int, scope: str, user: str, password: str) -> int:
    """What the server keeps in place of the password; costs one exponentiation."""
    return power(GENERATOR, private_key(salt, scope, user, password))


def public_value(text: str) -> int | None:
    """SRP_A as sent by a client; None when it is no number or 0 modulo N (UP-50)."""
    if not _HEX.fullmatch(text) or len(text) > _MAX_HEX_DIGITS:
        return None
    value = int(text, 16)
    return value if value % PRIME else None


@dataclass(frozen=True)
class Exchange:
    """One challenge, as the server must remember it until it is answered.

    Attributes:
        scope: the part of the pool id after `_`, or the device group's key.
        user: USER_ID_FOR_SRP, or the device's key.
        secret: the server's exponent b.
        block: SECRET_BLOCK, which the client signs and gives back.
    """

    scope: str
    user: str
    salt: int
    verifier: int
    client_public: int
    secret: int
    server_public: int
    block: bytes

    def parameters(self) -> dict[str, str]:
        """SALT, SRP_B and SECRET_BLOCK as they go to the client; numbers are plain hex (UP-49)."""
        return {
            "SALT": f"{self.salt:x}",
            "SRP_B": f"{self.server_public:x}",
            "SECRET_BLOCK": base64.b64encode(self.block).decode(),
        }


def server_public(verifier: int, secret: int) -> int:
    """B of RFC 5054 section 2.5.3: k*v + g^b."""
    return (MULTIPLIER * verifier + power(GENERATOR, secret)) % PRIME


def session_key(exchange: Exchange) -> bytes:
    """The key that both sides hold when the password was right (UP-44, UP-45); costs two exponentiations."""
    scrambler = _digest(padded(exchange.client_public), padded(exchange.server_public))
    base = exchange.client_public * power(exchange.verifier, scrambler) % PRIME
    shared = power(base, exchange.secret)
    pseudo_random_key = hmac.digest(padded(scrambler), padded(shared), "sha256")
    return hmac.digest(pseudo_random_key, _KEY_PURPOSE, "sha256")[:_KEY_BYTES]


def proof_is_right(exchange: Exchange, timestamp: str, signature: str) -> bool:
    """Whether PASSWORD_CLAIM_SIGNATURE was made with the right password (UP-46)."""
    message = exchange.scope.encode() + exchange.user.encode() + exchange.block + timestamp.encode()
    expected = hmac.digest(session_key(exchange), message, "sha256")
    given = decoded(signature)
    return given is not None and hmac.compare_digest(expected, given)


def decoded(text: str) -> bytes | None:
    """Standard base64; None when it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def is_timestamp(text: str) -> bool:
    """Whether the text has the one form of TIMESTAMP that Cognito takes (UP-47, UP-48)."""
    return _TIMESTAMP.fullmatch(text) is not None


def secret_hash(secret: str, username: str, client_id: str) -> str:
    """SECRET_HASH of a client with a secret (UP-65)."""
    return base64.b64encode(hmac.digest(secret.encode(), f"{username}{client_id}".encode(), "sha256")).decode()
