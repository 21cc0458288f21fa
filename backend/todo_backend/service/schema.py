"""The part of JSON Schema draft 4 that ROUTES uses, with sentences that name the field. No I/O.

API Gateway checks the same schemas first (AG-19), but skips them for another Content-Type (AG-20) and says nothing of
the field; so the Lambda checks again.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from todo_backend.service.errors import InvalidRequestError
from todo_backend.service.routes import Schema

_TYPES: Final[dict[str, type]] = {"string": str, "integer": int, "array": list, "object": dict, "null": type(None)}


def check(value: Any, schema: Schema, name: str) -> None:
    """Check a decoded JSON value.

    Raises:
        InvalidRequestError: its sentence starts with `name`, or with the member that is wrong ("tags[2]").
    """
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    # JSON's true is no integer, although Python's is.
    found = next((kind for kind in allowed if type(value) is _TYPES[kind]), None)
    if found is None:
        raise InvalidRequestError(f"{name} must be {_either(allowed)}")
    if "enum" in schema and value not in schema["enum"]:
        raise InvalidRequestError(f"{name} must be {_either(schema['enum'])}")
    if found in _CHECKS:
        _CHECKS[found](value, schema, name)


def parse_text(text: str, schema: Schema, name: str) -> str | int:
    """Turn a query parameter's text into the value that its schema describes, and check it."""
    value: str | int = text
    if schema["type"] == "integer":
        if re.fullmatch(r"[0-9]{1,15}", text) is None:
            raise InvalidRequestError(f"{name} must be a whole number")
        value = int(text)
    check(value, schema, name)
    return value


def _either(words: list[str]) -> str:
    return " or ".join(words)


def _string(value: str, schema: Schema, name: str) -> None:
    if len(value) < schema.get("minLength", 0):
        raise InvalidRequestError(f"{name} must not be empty")
    if len(value) > schema.get("maxLength", len(value)):
        raise InvalidRequestError(f"{name} is longer than {schema['maxLength']} characters")
    if "pattern" in schema and re.fullmatch(schema["pattern"], value) is None:
        raise InvalidRequestError(f"{name} is malformed")


def _integer(value: int, schema: Schema, name: str) -> None:
    if value < schema.get("minimum", value) or value > schema.get("maximum", value):
        upper = f" and at most {schema['maximum']}" if "maximum" in schema else ""
        raise InvalidRequestError(f"{name} must be at least {schema.get('minimum', 0)}{upper}")


def _array(value: list[Any], schema: Schema, name: str) -> None:
    if len(value) > schema.get("maxItems", len(value)):
        raise InvalidRequestError(f"{name} has more than {schema['maxItems']} entries")
    for index, entry in enumerate(value):
        check(entry, schema["items"], f"{name}[{index}]")


def _object(value: dict[str, Any], schema: Schema, name: str) -> None:
    prefix = "" if name == "body" else f"{name}."
    properties: dict[str, Schema] = schema.get("properties", {})
    for required in schema.get("required", ()):
        if required not in value:
            raise InvalidRequestError(f"{prefix}{required} is missing")
    if len(value) < schema.get("minProperties", 0):
        raise InvalidRequestError(f"{name} must not be empty")
    for key, member in value.items():
        if key in properties:
            check(member, properties[key], prefix + key)
        elif schema.get("additionalProperties") is False:
            raise InvalidRequestError(f"{prefix}{key[:50]} is not a known field")


_CHECKS: Final[dict[str, Callable[[Any, Schema, str], None]]] = {
    "string": _string,
    "integer": _integer,
    "array": _array,
    "object": _object,
}
