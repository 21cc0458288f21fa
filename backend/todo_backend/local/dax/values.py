"""Attribute values, keys and items between DAX's encoding and DynamoDB's JSON. No I/O.

An attribute value is DynamoDB's JSON throughout ({"S": "a"}); an item is a dict of them.
Source: the DAX protocol notes, section 7.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Protocol

from . import cbor, lexdecimal
from .errors import DaxError, MalformedError, validation

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

_SETS = {cbor.STRING_SET: "SS", cbor.NUMBER_SET: "NS", cbor.BINARY_SET: "BS"}
_SET_ELEMENTS: dict[str, Any] = {"SS": str, "NS": (int, float, Decimal), "BS": bytes}
_MAX_PLAIN_DIGITS = 200
# DynamoDB allows 32 levels and shall refuse the 33rd itself; what is far beyond would exhaust Python's stack.
_MAX_DEPTH = 64
# Numbers have 38 digits; Python's own context would round them to 28.
_CONTEXT = Context(prec=300)


class AttributeLists(Protocol):
    """Ids of lists of attribute names, in both directions."""

    def id_of(self, names: tuple[str, ...]) -> int:
        """The id of a list, given one if it has none."""

    def names_of(self, list_id: int) -> tuple[str, ...]:
        """The list with the id; DaxError if there is none."""


def number_text(value: int | float | Decimal) -> str:
    """A number as DynamoDB writes it: plain digits without trailing zeros after the point."""
    if isinstance(value, int):
        return str(value)
    # repr: the shortest text that gives the same float is what the JavaScript client's user wrote (section 7.1)
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    if not exact.is_finite():
        raise MalformedError("not a number")
    if abs(exact.adjusted()) > _MAX_PLAIN_DIGITS:
        return str(exact)
    plain = format(exact, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def to_attribute(value: Any, depth: int = 0) -> AttributeValue:
    """DynamoDB's JSON of a decoded value, `depth` levels inside another.

    Raises:
        MalformedError: no attribute value looks like this.
    """
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind in (int, float, Decimal):
        return {"N": number_text(value)}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if kind is bytes:
        return {"B": base64.b64encode(value).decode()}
    if kind is list:
        return {"L": [to_attribute(element, depth + 1) for element in _not_too_deep(value, depth)]}
    return _map_or_set(value, depth)


def _not_too_deep(value: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise MalformedError("Nesting Levels have exceeded supported limits")
    return value


def _map_or_set(value: Any, depth: int) -> AttributeValue:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise MalformedError("a name that is no text")
        inside = _not_too_deep(value, depth)
        return {"M": {name: to_attribute(element, depth + 1) for name, element in inside.items()}}
    if isinstance(value, cbor.Tag) and value.number in _SETS and isinstance(value.value, list):
        kind = _SETS[value.number]
        if any(isinstance(element, bool) or not isinstance(element, _SET_ELEMENTS[kind]) for element in value.value):
            raise MalformedError("a set of mixed types")
        return {kind: [next(iter(to_attribute(element).values())) for element in value.value]}
    raise MalformedError("no attribute value")


def from_attribute(attribute: Mapping[str, Any]) -> bytes:
    """The encoding of an attribute value in DynamoDB's JSON."""
    ((kind, value),) = attribute.items()
    encoded: bytes = _ENCODERS[kind](value)
    return encoded


def parse_number(number: str) -> Decimal:
    """The number of a text; ValidationException if it is none."""
    try:
        value = Decimal(number)
    except InvalidOperation:
        raise validation(f"The parameter cannot be converted to a numeric value: {number}") from None
    if not value.is_finite():
        raise validation(f"The parameter cannot be converted to a numeric value: {number}")
    return value


def _binary(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value)
    except binascii.Error:
        raise DaxError("InternalServerError", "The back end sent bytes that are not base64", status=500) from None


def _number(value: str) -> bytes:
    if len(value) <= 18 and value.isascii() and value.isdigit():
        return cbor.integer(int(value))
    return cbor.decimal(parse_number(value))


def _tagged(number: int, encoded: bytes) -> bytes:
    return cbor.head(6, number) + encoded


_ENCODERS: dict[str, Any] = {
    "S": cbor.text,
    "N": _number,
    "B": lambda value: cbor.byte_string(_binary(value)),
    "BOOL": lambda value: cbor.TRUE if value else cbor.FALSE,
    "NULL": lambda _: cbor.NULL,
    "L": lambda value: cbor.array(map(from_attribute, value)),
    "M": lambda value: cbor.mapping((cbor.text(name), from_attribute(element)) for name, element in value.items()),
    "SS": lambda value: _tagged(cbor.STRING_SET, cbor.array(map(cbor.text, value))),
    "NS": lambda value: _tagged(cbor.NUMBER_SET, cbor.array(map(_number, value))),
    "BS": lambda value: _tagged(cbor.BINARY_SET, cbor.array(cbor.byte_string(_binary(element)) for element in value)),
}


def _tidy(number: str) -> Decimal:
    """One spelling per number: integers of up to 40 digits without exponent, everything else without trailing zeros."""
    value = parse_number(number).normalize(_CONTEXT)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0 and value.adjusted() < 40:
        return value.quantize(Decimal(1), context=_CONTEXT)
    return value


@dataclass(frozen=True)
class KeySchema:
    """The key attributes of a table: hash first, then range if there is one; types are S, N or B (section 7.2)."""

    names: tuple[str, ...]
    types: tuple[str, ...]

    def decode(self, raw: Any) -> Item:
        """The key attributes of a key.

        Raises:
            DaxError: the bytes do not fit the schema.
        """
        try:
            values = self._values(raw)
        except (MalformedError, UnicodeDecodeError):
            raise validation("The provided key element does not match the schema") from None
        key = {}
        for name, kind, value in zip(self.names, self.types, values, strict=True):
            key[name] = to_attribute(value)
            if kind not in key[name]:
                raise validation("The provided key element does not match the schema")
        return key

    def _values(self, raw: Any) -> list[Any]:
        if not isinstance(raw, bytes):
            raise MalformedError("a key is a byte string")
        if len(self.names) == 1 and self.types[0] != "N":
            return [raw.decode() if self.types[0] == "S" else raw]
        reader = cbor.Reader(raw)
        values = [reader.value()]
        if len(self.names) == 2:
            values.append(_RANGE_DECODERS[self.types[1]](reader.rest))
        elif not reader.at_end:
            raise MalformedError("bytes after the key")
        return values

    def encode(self, item: Mapping[str, AttributeValue]) -> bytes:
        """The key of an item, each key in one spelling only, so that it can name a cache entry."""
        hash_kind, hash_value = self.types[0], item[self.names[0]][self.types[0]]
        if len(self.names) == 1 and hash_kind != "N":
            return hash_value.encode() if hash_kind == "S" else _binary(hash_value)
        encoded = cbor.decimal(_tidy(hash_value)) if hash_kind == "N" else _ENCODERS[hash_kind](hash_value)
        if len(self.names) == 1:
            return bytes(encoded)
        kind, value = self.types[1], item[self.names[1]][self.types[1]]
        if kind == "N":
            return bytes(encoded) + lexdecimal.encode(_tidy(value))
        return bytes(encoded) + (value.encode() if kind == "S" else _binary(value))

    def of(self, item: Mapping[str, AttributeValue]) -> Item:
        """The key attributes of an item."""
        return {name: item[name] for name in self.names}


_RANGE_DECODERS: dict[str, Any] = {"S": bytes.decode, "B": bytes, "N": lexdecimal.decode}


def encode_item(item: Mapping[str, AttributeValue], schema: KeySchema, lists: AttributeLists) -> bytes:
    """The content of an item without its key: list id, then the values in the list's order (section 7.4)."""
    names = tuple(sorted(name for name in item if name not in schema.names))
    return cbor.integer(lists.id_of(names)) + b"".join(from_attribute(item[name]) for name in names)


def decode_item(raw: Any, lists: AttributeLists) -> Item:
    """The non-key attributes of an item.

    Raises:
        DaxError: the bytes are no item, or its list of names is unknown.
    """
    try:
        return _read_item(cbor.Reader(raw if isinstance(raw, bytes) else b""), lists)
    except MalformedError as error:
        raise validation(f"Invalid item encoding: {error}") from None


def _read_item(reader: cbor.Reader, lists: AttributeLists) -> Item:
    list_id = reader.value()
    if type(list_id) is not int:
        raise MalformedError("an item starts with the id of its names")
    item = {name: to_attribute(reader.value()) for name in lists.names_of(list_id)}
    if not reader.at_end:
        raise MalformedError("bytes after the item")
    return item


def encode_updated(attributes: Mapping[str, AttributeValue], lists: AttributeLists) -> bytes:
    """The content of UPDATED_OLD and UPDATED_NEW: list id, then a map of ordinals in that list (section 10.1)."""
    names = tuple(sorted(attributes))
    values = cbor.mapping((cbor.integer(place), from_attribute(attributes[name])) for place, name in enumerate(names))
    return cbor.integer(lists.id_of(names)) + values


def encode_compound_key(key: Mapping[str, AttributeValue]) -> bytes:
    """The content of an index's LastEvaluatedKey, an indefinite map as the Go client insists (section 7.5)."""
    return cbor.MAP_START + b"".join(cbor.text(name) + from_attribute(key[name]) for name in key) + cbor.BREAK


def decode_compound_key(raw: Any) -> Item:
    """The key attributes of an index's ExclusiveStartKey."""
    try:
        reader = cbor.Reader(raw if isinstance(raw, bytes) else b"")
        key: Item | None = to_attribute(reader.value()).get("M")
    except MalformedError:
        key = None
    if key is None or not reader.at_end:
        raise validation("The provided starting key is invalid")
    return key
