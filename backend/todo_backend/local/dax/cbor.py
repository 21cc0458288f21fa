"""A small CBOR codec: bytes to values and back. No I/O.

Own rather than a library's because a receiver has to find the end of a value in a stream, once, in linear time and with
bounded depth and memory, and because a reply is put together from parts that are encoded already (caches hold them so).
Source: the DAX protocol notes, sections 1 and 7.1.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .errors import IncompleteError, MalformedError

STRING_SET, NUMBER_SET, BINARY_SET, PATH_INDEX = 3321, 3322, 3323, 3324

NULL, TRUE, FALSE = b"\xf6", b"\xf5", b"\xf4"
EMPTY_ARRAY, EMPTY_MAP = b"\x80", b"\xa0"
MAP_START, BREAK = b"\xbf", b"\xff"

# Left-nested conditions are one level deep per operator, and DynamoDB allows 300 operators; documents 32 levels.
MAX_DEPTH = 350
MAX_ELEMENTS = 500_000
# An integer of 126 digits, DynamoDB's largest, has 53 bytes.
_MAX_BIGNUM_BYTES = 64
_MAX_EXPONENT = 1000
# Longer integers are sent as decimal fractions (section 7.1).
_MAX_INTEGER_DIGITS = 40

_BREAK = object()


@dataclass(frozen=True)
class Tag:
    """A tagged value that is not a number: a set, or an index of a document path."""

    number: int
    value: Any


def head(major: int, argument: int) -> bytes:
    """The shortest header of a major type (0 to 7) with its argument."""
    major <<= 5
    if argument < 24:
        return bytes((major | argument,))
    if argument < 0x100:
        return bytes((major | 24, argument))
    if argument < 0x10000:
        return struct.pack(">BH", major | 25, argument)
    if argument < 0x100000000:
        return struct.pack(">BI", major | 26, argument)
    return struct.pack(">BQ", major | 27, argument)


def integer(value: int) -> bytes:
    """An integer in its shortest form; a bignum beyond 64 bits."""
    if 0 <= value < 1 << 64:
        return head(0, value)
    if -(1 << 64) <= value < 0:
        return head(1, -1 - value)
    magnitude = value if value > 0 else -1 - value
    return head(6, 2 if value > 0 else 3) + byte_string(magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big"))


def byte_string(value: bytes) -> bytes:
    """A byte string."""
    return head(2, len(value)) + value


def text(value: str) -> bytes:
    """A text string."""
    raw = value.encode()
    return head(3, len(raw)) + raw


def array(parts: Iterable[bytes]) -> bytes:
    """A definite array of values that are encoded already."""
    encoded = list(parts)
    return head(4, len(encoded)) + b"".join(encoded)


def mapping(parts: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A definite map of keys and values that are encoded already."""
    encoded = [key + value for key, value in parts]
    return head(5, len(encoded)) + b"".join(encoded)


def float64(value: float) -> bytes:
    """A float of 64 bits: only for capacity units, never for numbers of an item."""
    return struct.pack(">Bd", 0xFB, value)


def decimal(value: Decimal) -> bytes:
    """A finite decimal, exactly: an integer if it is one of at most 40 digits, else a decimal fraction."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise MalformedError("not a number")
    figures = "".join(map(str, digits)).lstrip("0")
    shortest = figures.rstrip("0")
    if not shortest:
        return b"\x00"
    exponent += len(figures) - len(shortest)
    mantissa = int(f"-{shortest}" if sign else shortest)
    if exponent >= 0 and len(shortest) + exponent <= _MAX_INTEGER_DIGITS:
        return integer(mantissa * 10**exponent)
    return b"\xc4\x82" + integer(exponent) + integer(mantissa)


def encode(value: Any) -> bytes:
    """Any plain Python value, for arguments, key schemas and tests."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    for kind, encoder in _ENCODERS:
        if isinstance(value, kind):
            encoded: bytes = encoder(value)
            return encoded
    raise TypeError(f"cannot encode {type(value).__name__}")


_ENCODERS: tuple[tuple[Any, Any], ...] = (
    (int, integer),
    (str, text),
    (bytes, byte_string),
    (float, float64),
    (Decimal, decimal),
    (dict, lambda value: mapping((encode(key), encode(item)) for key, item in value.items())),
    ((list, tuple), lambda value: array(map(encode, value))),
    (Tag, lambda value: head(6, value.number) + encode(value.value)),
)


class Reader:
    """Reads values one after another out of bytes; strict about depth, count and meaning."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position
        self._elements = MAX_ELEMENTS

    @property
    def at_end(self) -> bool:
        """Whether every byte has been read."""
        return self.position >= len(self.data)

    @property
    def rest(self) -> bytes:
        """The bytes that have not been read."""
        return self.data[self.position :]

    def value(self) -> Any:
        """The next value.

        Raises:
            IncompleteError: the bytes end before it does.
            MalformedError: it is no CBOR, or none of ours.
        """
        value = self._value(0)
        if value is _BREAK:
            raise MalformedError("a break outside an indefinite value")
        return value

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise MalformedError("reserved length")
        size = 1 << (info - 24)
        return int.from_bytes(self._take(size), "big")

    def _take(self, size: int) -> bytes:
        start = self.position
        end = start + size
        if end > len(self.data):
            raise IncompleteError("the bytes end early")
        self.position = end
        return self.data[start:end]

    def _value(self, depth: int) -> Any:
        if self.position >= len(self.data):
            raise IncompleteError("the bytes end early")
        initial = self.data[self.position]
        self.position += 1
        major, info = initial >> 5, initial & 31
        if major == 0:
            return self._argument(info)
        if major == 1:
            return -1 - self._argument(info)
        if major == 2:
            return self._take(self._argument(info))
        if major == 3:
            return _text(self._take(self._argument(info)))
        if major == 7:
            return self._simple(info)
        return self._container(major, info, depth + 1)

    def _simple(self, info: int) -> Any:
        if 20 <= info <= 22:
            return (False, True, None)[info - 20]
        if info == 31:
            return _BREAK
        if 25 <= info <= 27:
            form, size = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}[info]
            return struct.unpack(form, self._take(size))[0]
        raise MalformedError("unknown simple value")

    def _container(self, major: int, info: int, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise MalformedError("nested too deeply")
        if major == 6:
            number = self._argument(info)
            return _tagged(number, self._value(depth))
        count = -1 if info == 31 else self._argument(info)
        # Written out here, not in methods of their own: each frame per level would halve the depth that Python allows.
        values: list[Any] = []
        wanted = count * (major - 3)
        while len(values) != wanted:
            value = self._value(depth)
            if value is _BREAK:
                if count >= 0:
                    raise MalformedError("a break in a definite value")
                break
            values.append(value)
        self._elements -= len(values)
        if self._elements < 0:
            raise MalformedError("too many elements")
        return values if major == 4 else _map(values)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("text that is not UTF-8") from error


def _map(values: list[Any]) -> dict[Any, Any]:
    if len(values) % 2:
        raise MalformedError("a map with a key but no value")
    keys = values[::2]
    if not all(isinstance(key, (int, str, bytes)) for key in keys):
        raise MalformedError("a map key that is neither number nor string")
    return dict(zip(keys, values[1::2], strict=True))


def _tagged(number: int, value: Any) -> Any:
    if number in (2, 3) and isinstance(value, bytes) and len(value) <= _MAX_BIGNUM_BYTES:
        magnitude = int.from_bytes(value, "big")
        return magnitude if number == 2 else -1 - magnitude
    if number == 4:
        return _decimal_fraction(value)
    if number in (STRING_SET, NUMBER_SET, BINARY_SET, PATH_INDEX) and value is not _BREAK:
        return Tag(number, value)
    raise MalformedError("unknown tag")


def _decimal_fraction(value: Any) -> Decimal:
    if not isinstance(value, list) or len(value) != 2 or not all(type(part) is int for part in value):
        raise MalformedError("a decimal fraction is an exponent and a mantissa")
    exponent, mantissa = value
    if abs(exponent) > _MAX_EXPONENT:
        raise MalformedError("a decimal exponent out of range")
    digits = tuple(map(int, str(abs(mantissa))))
    return Decimal((int(mantissa < 0), digits, exponent))
