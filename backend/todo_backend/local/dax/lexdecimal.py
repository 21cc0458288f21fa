"""DAX's order-preserving encoding of numbers, used for numeric range keys. No I/O.

Source: the DAX protocol notes, section 7.3.
"""

from decimal import Decimal

from .errors import MalformedError

_ZERO = b"\x80"
_SMALL = 62  # exponents from -62 up to 61 fit into the header byte
# A number has at most 38 digits; what clients send in other spellings is allowed some more.
_MAX_GROUPS = 100
_MAX_EXPONENT = 1000


def encode(value: Decimal) -> bytes:
    """The bytes of a finite number; trailing zeros of its digits are kept."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise MalformedError("not a number")
    figures = "".join(map(str, digits)).lstrip("0")
    if not figures:
        return _ZERO
    return _header(bool(sign), len(figures) + exponent) + _figures(figures, bool(sign))


def _header(negative: bool, scale: int) -> bytes:
    if -_SMALL <= scale < _SMALL:
        return bytes((0x3F - scale if negative else 0xC0 + scale,))
    first = (0x01 if scale >= _SMALL else 0x7E) if negative else (0xFE if scale >= _SMALL else 0x81)
    mask = 0x7FFFFFFF if negative else 0x80000000
    return bytes((first,)) + ((scale & 0xFFFFFFFF) ^ mask).to_bytes(4, "big")


def _figures(figures: str, negative: bool) -> bytes:
    padding = -len(figures) % 3
    padded = figures + "0" * padding
    codes = [12 + int(padded[start : start + 3]) for start in range(0, len(padded), 3)] + [2 - padding]
    bits = 0
    for code in codes:
        bits = bits << 10 | (1023 - code if negative else code)
    spare = -10 * len(codes) % 8
    return (bits << spare).to_bytes((10 * len(codes) + spare) // 8, "big")


def decode(data: bytes) -> Decimal:
    """The number that these bytes stand for.

    Raises:
        MalformedError: they stand for none, or bytes follow.
    """
    if data in (_ZERO, b"\x7f"):
        return Decimal(0)
    if not data:
        raise MalformedError("an empty number")
    negative, scale, start = _read_header(data)
    figures = _read_figures(data[start:], negative)
    return Decimal((int(negative), tuple(map(int, figures)), scale - len(figures)))


def _read_header(data: bytes) -> tuple[bool, int, int]:
    first = data[0]
    if 0xC0 - _SMALL <= first < 0xC0 + _SMALL:
        return False, first - 0xC0, 1
    if 0x3F - _SMALL < first <= 0x3F + _SMALL:
        return True, 0x3F - first, 1
    if first not in (0x01, 0x7E, 0xFE, 0x81) or len(data) < 5:
        raise MalformedError("no number starts so")
    negative = first in (0x01, 0x7E)
    raw = int.from_bytes(data[1:5], "big") ^ (0x7FFFFFFF if negative else 0x80000000)
    scale = raw - (1 << 32) if raw >> 31 else raw
    if abs(scale) > _MAX_EXPONENT:
        raise MalformedError("a number out of range")
    return negative, scale, 5


def _read_figures(data: bytes, negative: bool) -> str:
    bits, count = int.from_bytes(data[: 2 * _MAX_GROUPS], "big"), len(data) * 8 // 10
    if count > _MAX_GROUPS or len(data) != (10 * count + 7) // 8:
        raise MalformedError("a number of a wrong length")
    bits >>= len(data) * 8 - 10 * count
    codes = [bits >> 10 * (count - 1 - place) & 1023 for place in range(count)]
    if negative:
        codes = [1023 - code for code in codes]
    # A filling of 8 bits cannot look like a code: the terminator, below 12, is the last one.
    groups, last = codes[:-1], codes[-1] if codes else 12
    if last > 2 or not groups or not all(12 <= code < 1012 for code in groups):
        raise MalformedError("a number without proper end")
    figures = "".join(f"{code - 12:03d}" for code in groups)
    return figures[: len(figures) - 2 + last]
