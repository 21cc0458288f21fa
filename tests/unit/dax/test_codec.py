"""CBOR, lexical decimals, keys and items: vectors, round trips, the official client's codec as judge, hostile bytes.

Origin of the vectors: the DAX protocol notes, sections 7.1 to 7.5; RFC 8949 appendix A.
"""

import base64
from decimal import Decimal
from typing import Any

import pytest
from amazondax import LexDecimal
from amazondax.CborEncoder import CborEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from todo_backend.local.dax import DaxError, cbor, lexdecimal
from todo_backend.local.dax.attributes import AttributeRegistry
from todo_backend.local.dax.errors import IncompleteError, MalformedError
from todo_backend.local.dax.scanner import Scanner
from todo_backend.local.dax.values import (
    Item,
    KeySchema,
    decode_compound_key,
    decode_item,
    encode_compound_key,
    encode_item,
    encode_updated,
    from_attribute,
    number_text,
    to_attribute,
)

NUMBERS = st.builds(
    lambda sign, mantissa, exponent: Decimal((sign, tuple(map(int, str(mantissa))), exponent)),
    st.integers(0, 1),
    st.integers(1, 10**38 - 1),
    st.integers(-130, 87),
)

LEXICAL = [
    ("1", "c11c0000"),
    ("-1", "3ee3fff0"),
    ("3.14", "c1518020"),
    ("3.141", "c151870000"),
    ("100", "c31c0020"),
    ("1E2", "c31c0000"),
    ("-123.0", "3cde3f3ffc"),
    ("0.00001", "bc1c0000"),
    ("3.14E11", "cc518020"),
    ("1E100", "fe800000651c0000"),
    ("1E-130", "817fffff7f1c0000"),
    ("-1E-130", "7e80000080e3fff0"),
    ("111122223333444445555.66667777", "d51ec863ad59721c98dea6ac70e004"),
    ("0", "80"),
]


@pytest.mark.parametrize(("number", "encoded"), LEXICAL)
def test_a_lexical_decimal_both_ways(number: str, encoded: str) -> None:
    assert lexdecimal.encode(Decimal(number)).hex() == encoded
    assert lexdecimal.decode(bytes.fromhex(encoded)) == Decimal(number)


@settings(max_examples=2000, deadline=None)
@given(NUMBERS)
def test_lexical_decimals_agree_with_the_official_client(number: Decimal) -> None:
    encoded = lexdecimal.encode(number)
    assert encoded == LexDecimal.encode(number)
    assert lexdecimal.decode(encoded) == number


@settings(max_examples=500, deadline=None)
@given(NUMBERS, NUMBERS)
def test_lexical_decimals_keep_the_order_of_numbers(first: Decimal, second: Decimal) -> None:
    assert (lexdecimal.encode(first) < lexdecimal.encode(second)) == (first < second) or first == second


@settings(max_examples=2000, deadline=None)
@given(NUMBERS)
def test_numbers_agree_with_the_official_client(number: Decimal) -> None:
    judge = CborEncoder()
    judge.append_decimal(number)
    for encoded in (judge.as_bytes(), cbor.decimal(number)):
        value = cbor.Reader(encoded).value()
        assert Decimal(number_text(value)) == number
        assert not isinstance(value, float)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=24))
def test_a_lexical_decimal_of_any_bytes_is_a_number_or_an_error(raw: bytes) -> None:
    try:
        number = lexdecimal.decode(raw)
    except MalformedError:
        return
    assert number.is_finite()


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("1818", 24),
        ("1903e8", 1000),
        ("1b000000e8d4a51000", 10**12),
        ("1bffffffffffffffff", 2**64 - 1),
        ("c249010000000000000000", 2**64),
        ("3bffffffffffffffff", -(2**64)),
        ("c349010000000000000000", -(2**64) - 1),
        ("3903e7", -1000),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("62c3bc", "ü"),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("c482211a00010ecc", Decimal("693.24")),
        ("fb3ff8000000000000", 1.5),
    ],
)
def test_cbor_both_ways(encoded: str, value: Any) -> None:
    reader = cbor.Reader(bytes.fromhex(encoded))
    assert reader.value() == value
    assert reader.at_end
    if encoded != "c482211a00010ecc":
        assert cbor.encode(value).hex() == encoded


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("1800", 0),  # a header longer than needed
        ("1b0000000000000001", 1),
        ("9f0102ff", [1, 2]),
        ("bf616101ff", {"a": 1}),
        ("a2040104f6", {4: None}),  # a key twice: the last one counts
        ("f93e00", 1.5),
        ("fa3fc00000", 1.5),
    ],
)
def test_cbor_that_is_accepted_but_never_sent(encoded: str, value: Any) -> None:
    assert cbor.Reader(bytes.fromhex(encoded)).value() == value


@pytest.mark.parametrize(
    "encoded",
    [
        *("1c", "ff", "82ff", "a1ff", "bf01ff", "f7", "f8ff", "61ff", "c0f6", "c201", "c48101"),
        *("c4821b00000001000000000a", "a18001", "d90cf9ff", "5f4101ff", "c25860" + "00" * 96),
    ],
)
def test_cbor_that_is_refused(encoded: str) -> None:
    with pytest.raises(MalformedError) as caught:
        cbor.Reader(bytes.fromhex(encoded)).value()
    assert not isinstance(caught.value, IncompleteError)


def test_nesting_has_a_limit() -> None:
    with pytest.raises(MalformedError):
        cbor.Reader(b"\x81" * 100_000 + b"\x00").value()
    assert cbor.Reader(b"\x81" * cbor.MAX_DEPTH + b"\x00").value()
    scanner = Scanner()
    with pytest.raises(MalformedError):
        scanner.advance(b"\x81" * 100_000, 1)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_value_survives(value: Any) -> None:
    encoded = cbor.encode(value)
    assert cbor.Reader(encoded).value() == value
    for end in range(len(encoded)):
        with pytest.raises(IncompleteError):
            cbor.Reader(encoded[:end]).value()


@settings(max_examples=300, deadline=None)
@given(VALUES, st.integers(1, 7))
def test_the_scanner_finds_the_same_end_as_the_reader_whatever_the_pieces(value: Any, size: int) -> None:
    encoded = cbor.encode(value) + b"\x00"
    scanner, received = Scanner(), bytearray()
    for start in range(0, len(encoded), size):
        received += encoded[start : start + size]
        if scanner.advance(received, 1):
            break
    assert scanner.position == len(encoded) - 1


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_value_or_an_error_for_reader_and_scanner_alike(raw: bytes) -> None:
    reader = cbor.Reader(raw)
    try:
        reader.value()
    except MalformedError:
        return
    scanner = Scanner()
    assert scanner.advance(raw, 1)
    assert scanner.position == reader.position


@pytest.mark.parametrize(
    ("attribute", "encoded"),
    [
        ({"S": "a"}, "6161"),
        ({"N": "-7"}, "26"),
        ({"N": "1.5"}, "c482200f"),
        ({"N": "1.50"}, "c482200f"),
        ({"N": "100"}, "1864"),
        ({"N": "0.00"}, "00"),
        ({"N": "1E100"}, "c482186401"),
        ({"B": "AQI="}, "420102"),
        ({"BOOL": True}, "f5"),
        ({"NULL": True}, "f6"),
        ({"L": [{"S": "a"}, {"N": "1"}]}, "82616101"),
        ({"M": {"k": {"N": "1"}}}, "a1616b01"),
        ({"SS": ["x"]}, "d90cf9816178"),
        ({"NS": ["1", "2.5"]}, "d90cfa8201c4822018 19".replace(" ", "")),
        ({"BS": ["AQ=="]}, "d90cfb814101"),
    ],
)
def test_an_attribute_value(attribute: dict[str, Any], encoded: str) -> None:
    assert from_attribute(attribute).hex() == encoded
    again = to_attribute(cbor.Reader(bytes.fromhex(encoded)).value())
    assert from_attribute(again).hex() == encoded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (Decimal("15E-1"), "1.5"),
        (Decimal("1.50"), "1.5"),
        (Decimal("1E2"), "100"),
        (Decimal("-0"), "0"),
        (-(10**30), "-" + "1" + "0" * 30),
    ],
)
def test_a_number_reads_as_dynamodb_writes_it(value: Any, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    "encoded", ["fb7ff0000000000000", "d90cfc01", "d90cf98101", "d90cfa81f5", "a10102", "d90cf901"]
)
def test_a_value_that_no_attribute_has_is_refused(encoded: str) -> None:
    with pytest.raises(MalformedError):
        to_attribute(cbor.Reader(bytes.fromhex(encoded)).value())


KEYS = [
    (("S",), {"pk": {"S": "a"}}, "61"),
    (("B",), {"pk": {"B": "AQI="}}, "0102"),
    (("N",), {"pk": {"N": "42"}}, "182a"),
    (("S", "N"), {"pk": {"S": "p"}, "sk": {"N": "3.14"}}, "6170c1518020"),
    (("S", "S"), {"pk": {"S": "p"}, "sk": {"S": "s11"}}, "6170733131"),
    (("N", "B"), {"pk": {"N": "1.5"}, "sk": {"B": "/w=="}}, "c482200fff"),
    (("B", "N"), {"pk": {"B": "AA=="}, "sk": {"N": "0"}}, "410080"),
]


@pytest.mark.parametrize(("types", "key", "encoded"), KEYS)
def test_a_key_both_ways(types: tuple[str, ...], key: dict[str, Any], encoded: str) -> None:
    schema = KeySchema(("pk", "sk")[: len(types)], types)
    assert schema.encode(key).hex() == encoded
    assert schema.decode(bytes.fromhex(encoded)) == key


@pytest.mark.parametrize("spelling", ["100", "1E2", "100.0", "10E1"])
def test_a_number_in_a_key_has_one_name_however_it_is_spelled(spelling: str) -> None:
    schema = KeySchema(("pk", "sk"), ("N", "N"))
    judge = CborEncoder()
    judge.append_decimal(Decimal(spelling))
    key = schema.decode(judge.as_bytes() + lexdecimal.encode(Decimal(spelling)))
    assert key == {"pk": {"N": "100"}, "sk": {"N": "100"}}
    assert schema.encode(key) == bytes.fromhex("1864c31c0020")


@pytest.mark.parametrize(
    ("types", "encoded"),
    [
        (("N",), "6161"),
        (("N",), "0101"),
        (("N",), ""),
        (("S",), "ff"),
        (("S", "N"), "6170c1"),
        (("S", "N"), "01c11c0000"),
    ],
)
def test_a_key_that_does_not_fit_the_schema_is_refused(types: tuple[str, ...], encoded: str) -> None:
    with pytest.raises(DaxError) as caught:
        KeySchema(("pk", "sk")[: len(types)], types).decode(bytes.fromhex(encoded))
    assert caught.value.name == "ValidationException"


@pytest.mark.parametrize("raw", [b"\x81" * 300 + b"\x00", b"\xa1\x61a" * 300 + b"\x00"])
def test_documents_far_too_deep_are_refused_without_exhausting_the_stack(raw: bytes) -> None:
    value = cbor.Reader(raw).value()
    with pytest.raises(MalformedError, match="Nesting"):
        to_attribute(value)


def test_an_item_without_its_key_and_an_item_that_is_only_a_key() -> None:
    lists, schema = AttributeRegistry(first_id=2), KeySchema(("pk",), ("S",))
    item: Item = {"pk": {"S": "a"}, "b": {"NULL": True}, "a": {"N": "1"}}
    encoded = encode_item(item, schema, lists)
    assert encoded.hex() == "0201f6"
    assert decode_item(encoded, lists) == {"a": {"N": "1"}, "b": {"NULL": True}}
    assert encode_item({"pk": {"S": "a"}}, schema, lists) == b"\x01"
    assert encode_updated({"b": {"N": "9"}, "a": {"N": "1"}}, lists).hex() == "02a200010109"


@pytest.mark.parametrize("raw", [None, b"", b"\x02\x01\x01\x01", b"\x02\x01", b"\xf6", b"\x05"])
def test_an_item_that_is_none_is_refused(raw: Any) -> None:
    lists = AttributeRegistry(first_id=2)
    lists.id_of(("a", "b"))
    with pytest.raises(DaxError):
        decode_item(raw, lists)


def test_a_compound_key_is_an_indefinite_map() -> None:
    key = {"pk": {"S": "p"}, "l": {"N": "101"}}
    encoded = encode_compound_key(key)
    assert encoded.hex() == "bf62706b6170616c1865ff"
    assert decode_compound_key(encoded) == key
    for wrong in (b"", b"\x01", encoded + b"\x00", None):
        with pytest.raises(DaxError):
            decode_compound_key(wrong)


ATTRIBUTES = st.recursive(
    st.text(max_size=6).map(lambda value: {"S": value})
    | NUMBERS.map(lambda value: {"N": number_text(value)})
    | st.binary(max_size=6).map(lambda value: {"B": base64.b64encode(value).decode()})
    | st.booleans().map(lambda value: {"BOOL": value})
    | st.just({"NULL": True}),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda value: {"L": value})
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(lambda value: {"M": value})
    ),
    max_leaves=10,
)


@settings(max_examples=500, deadline=None)
@given(ATTRIBUTES)
def test_any_attribute_value_survives(attribute: dict[str, Any]) -> None:
    assert to_attribute(cbor.Reader(from_attribute(attribute)).value()) == attribute
