"""What is wrong with a body, in the words that `$context.error.validationErrorString` has on AWS (grade M). No I/O."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jsonschema.exceptions import ValidationError

MAX_SHOWN_CHARS: Final = 100

_Sentence = Callable[[Any, Any, Any], str]
"""Of the instance, the keyword's value, and the schema that the keyword stands in."""


def fault_text(error: ValidationError) -> str:
    """One fault as a sentence."""
    say = _SENTENCES.get(str(error.validator))
    if say is None:
        return f'instance does not match the schema (keyword: "{error.validator}")'
    return say(error.instance, error.validator_value, error.schema)


def type_name(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    kinds: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _json(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


def _type(instance: Any, allowed: Any, _: Any) -> str:
    found = _json([allowed] if isinstance(allowed, str) else sorted(allowed))
    return f"instance type ({type_name(instance)}) does not match any allowed primitive type (allowed: {found})"


def _required(instance: Any, names: Any, _: Any) -> str:
    missing = sorted(name for name in names if name not in instance)
    return f"object has missing required properties ({_json(missing)})"


def _additional(instance: Any, _: Any, schema: Any) -> str:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    more = [name for name in instance if name not in known and not any(re.search(each, name) for each in patterns)]
    return f"object instance has properties which are not allowed by the schema: {_json(sorted(more))}"


def _length(word: str, bound: str) -> _Sentence:
    return lambda text, limit, _: f"string {_json(text)} is too {word} (length: {len(text)}, {bound}: {limit})"


def _number(word: str, bound: str) -> _Sentence:
    return lambda number, limit, _: (
        f"numeric instance is {word} than the required {bound} ({bound}: {limit}, found: {_json(number)})"
    )


def _items(word: str, bound: str) -> _Sentence:
    return lambda items, limit, _: (
        f"array is too {word}: must have at {bound} {limit} elements but instance has {len(items)} elements"
    )


def _properties(word: str, bound: str) -> _Sentence:
    return lambda members, limit, _: (
        f"object has too {word} properties (found {len(members)} but schema requires at {bound} {limit})"
    )


def _enum(value: Any, values: Any, _: Any) -> str:
    return f"instance value ({_json(value)}) not found in enum (possible values: {_json(values)})"


_SENTENCES: Final[Mapping[str, _Sentence]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _additional,
    "minLength": _length("short", "required minimum"),
    "maxLength": _length("long", "maximum allowed"),
    "minimum": _number("lower", "minimum"),
    "maximum": _number("greater", "maximum"),
    "minItems": _items("short", "least"),
    "maxItems": _items("long", "most"),
    "minProperties": _properties("few", "least"),
    "maxProperties": _properties("many", "most"),
    "uniqueItems": lambda *_: "array must not contain duplicate elements",
    "enum": _enum,
    "pattern": lambda text, pattern, _: f'ECMA 262 regex "{pattern}" does not match input string {_json(text)}',
}
