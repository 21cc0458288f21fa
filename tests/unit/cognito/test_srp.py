"""SRP as Cognito has it: known answers, the numbers' forms, and 300 sign-ins against pycognito's client."""

import base64
import hashlib
import hmac
import random
import warnings
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycognito import aws_srp

from todo_backend.local.cognito import srp


class Recorded:
    """The half of boto3 that AWSSRP needs, with the server's functions behind it."""

    def __init__(self, user: str, password: str, salt: int, secrets: random.Random) -> None:
        self.user, self.salt, self.secrets = user, salt, secrets
        self.verifier = srp.verifier_of(salt, "AbCdEfGhI", user, password)
        self.exchange: srp.Exchange | None = None

    def challenge(self, public: str) -> dict[str, str]:
        """SALT, SRP_B, SECRET_BLOCK and names."""
        value = srp.public_value(public)
        assert value is not None
        secret = self.secrets.getrandbits(256)
        answer = srp.server_public(self.verifier, secret)
        block = self.secrets.randbytes(srp.SECRET_BLOCK_BYTES)
        self.exchange = srp.Exchange("AbCdEfGhI", self.user, self.salt, self.verifier, value, secret, answer, block)
        return self.exchange.parameters() | {"USERNAME": self.user, "USER_ID_FOR_SRP": self.user}


def client_of(user: str, password: str) -> aws_srp.AWSSRP:
    """pycognito's half."""
    return aws_srp.AWSSRP(user, password, "us-east-1_AbCdEfGhI", "client", client=object())


def signs_in(server: Recorded, client: aws_srp.AWSSRP) -> bool:
    """Whether pycognito's proof is taken."""
    asked = client.get_auth_params()
    shown = server.challenge(asked["SRP_A"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        proof = client.process_challenge(shown, asked)
    assert server.exchange is not None
    assert srp.is_timestamp(proof["TIMESTAMP"])
    return srp.proof_is_right(server.exchange, proof["TIMESTAMP"], proof["PASSWORD_CLAIM_SIGNATURE"])


def test_up_40_the_group_is_rfc_3526_number_15_with_generator_2() -> None:
    # RFC 3526 section 4, with the integer part of 2^2942 * pi from Machin's formula
    bits = 3072 + 64
    unit = 1 << bits

    def arctan(inverse: int) -> int:
        term = total = unit // inverse
        square, divisor, sign = inverse * inverse, 3, -1
        while term:
            term //= square
            total += sign * (term // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    pi = 4 * (4 * arctan(5) - arctan(239))
    expected = 2**3072 - 2**3008 - 1 + 2**64 * ((pi >> (bits - 2942)) + 1690314)
    assert expected == srp.PRIME
    assert srp.GENERATOR == 2


def test_up_41_the_multiplier_is_that_of_the_clients() -> None:
    assert int(aws_srp.hex_hash("00" + aws_srp.N_HEX + "0" + aws_srp.G_HEX), 16) == srp.MULTIPLIER


@given(st.integers(min_value=0, max_value=2**3072))
def test_up_42_numbers_are_hashed_as_twos_complement(number: int) -> None:
    assert srp.padded(number).hex() == aws_srp.pad_hex(number)
    assert int.from_bytes(srp.padded(number), "big", signed=True) == number


@given(st.integers(min_value=0, max_value=2**3072), st.integers(min_value=0, max_value=2**260))
def test_a_power_in_steps_is_the_power(number: int, exponent: int) -> None:
    assert srp.power(number, exponent) == pow(number, exponent, srp.PRIME)


def test_up_45_the_key_is_made_by_hkdf_with_cognitos_purpose() -> None:
    exchange = srp.Exchange("p", "u", 1, 7, 5, 3, 11, b"")
    u = int.from_bytes(hashlib.sha256(b"\x05\x0b").digest(), "big")
    shared = pow(5 * pow(7, u, srp.PRIME), 3, srp.PRIME)
    expected = aws_srp.compute_hkdf(bytes.fromhex(aws_srp.pad_hex(shared)), bytes.fromhex(aws_srp.pad_hex(u)))
    assert srp.session_key(exchange) == expected


def test_up_43_44_46_49_three_hundred_sign_ins_all_succeed() -> None:
    secrets = random.Random(49)
    short = 0
    client = client_of("user", "")
    for number in range(300):
        salt = secrets.getrandbits(128)
        client.username, client.password = f"user{number}", f"päss-{number}"
        # shorter than pycognito's own, for speed; the form of the numbers is the same
        client.small_a_value = secrets.getrandbits(128)
        client.large_a_value = client.calculate_a()
        server = Recorded(client.username, client.password, salt, secrets)
        assert signs_in(server, client), f"sign-in {number}, salt {salt:x}"
        assert server.exchange is not None
        short += len(f"{server.exchange.server_public:x}") < 768
    assert short > 5, "the loop met no SRP_B with leading zeros: it tested nothing"


def test_up_49_a_salt_with_leading_zeros_signs_in() -> None:
    for salt in (1, 0x7F, 0x80, 0xFFF, 0x0ABCDEF, 2**127):
        assert signs_in(Recorded("user", "secret", salt, random.Random(1)), client_of("user", "secret"))


def test_up_49_a_short_srp_b_signs_in() -> None:
    secrets = random.Random(5)
    found = 0
    while found < 3:
        server = Recorded("user", "secret", 99, secrets)
        asked: Any = server.challenge(f"{pow(2, 12345, srp.PRIME):x}")
        if len(asked["SRP_B"]) < 768:
            found += 1
            assert server.exchange is not None
            assert server.exchange.server_public == int(asked["SRP_B"], 16)
            client = client_of("user", "secret")
            client.small_a_value, client.large_a_value = 12345, pow(2, 12345, srp.PRIME)
            key = client.get_password_authentication_key("user", "secret", int(asked["SRP_B"], 16), asked["SALT"])
            assert bytes(key) == srp.session_key(server.exchange)


def test_up_53_another_password_does_not() -> None:
    assert not signs_in(Recorded("user", "secret", 99, random.Random(2)), client_of("user", "Secret"))


@pytest.mark.parametrize("public", [0, srp.PRIME, 2 * srp.PRIME])
def test_up_50_a_public_value_of_zero_is_refused(public: int) -> None:
    assert srp.public_value(f"{public:x}") is None


@pytest.mark.parametrize("text", ["", "xyz", "-5", "0x10", " 5", "5 ", "١", "f" * 1537])
def test_a_public_value_that_is_no_number_of_the_size_is_refused(text: str) -> None:
    assert srp.public_value(text) is None


@pytest.mark.parametrize("moment", [datetime(2026, 11, 3, 9, 5, 7), datetime(2026, 2, 28, 23, 59, 59)])
def test_up_47_the_timestamp_of_the_clients_is_taken(moment: datetime) -> None:
    assert srp.is_timestamp(aws_srp.AWSSRP.get_cognito_formatted_timestamp(moment))


@pytest.mark.parametrize(
    "text",
    ["2026-11-03T09:05:07Z", "Mon Nov 03 09:05:07 UTC 2026", "Mo Nov 3 09:05:07 UTC 2026", "Mon Nov 3 9:05:07 UTC 2026",
     "Mon Nov 3 09:05:07 GMT 2026", "Mon Nov 3 09:05:07 UTC 2026 ", "", "Mon Nov 3 09:05:07 UTC ٢٠٢٦"],
)  # fmt: skip
def test_up_48_no_other_timestamp_is_taken(text: str) -> None:
    assert not srp.is_timestamp(text)


def test_up_65_the_secret_hash_is_an_hmac_over_name_and_client() -> None:
    digest = hmac.digest(b"secret", b"nameclient", "sha256")
    assert srp.secret_hash("secret", "name", "client") == base64.b64encode(digest).decode()
