"""Whether parameters are what AWS's own model of the operation allows, refused in AWS's wording (UP-05, UP-06).

The model is the one that botocore ships; nothing about single operations stands here.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

from .errors import CognitoError, invalid_parameter, serialization_failed

_MAX_DEPTH = 12
# Marked sensitive in the model, and yet printed by AWS (UP-05).
_PRINTED = frozenset({"SoftwareTokenMFAUserCodeType"})
_WORDS = {"string": "String", "map": "Map", "list": "List", "structure": "Structure", "boolean": "Boolean"}
# All of Unicode but separators, controls and formats: what [\p{L}\p{M}\p{S}\p{N}\p{P}] means.
_VISIBLE = (
    "!-~\u00a1-\u00ac\u00ae-\u05ff\u0606-\u061b\u061d-\u06dc\u06de-\u070e\u0710-\u167f\u1681-\u180d\u180f-\u1fff"
    "\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff\uf900-\ufefe\uff00-\ufff8\ufffc-\U0010ffff"
)
_CLASSES = (
    (r"\p{L}\p{M}\p{S}\p{N}\p{P}", _VISIBLE),
    (r"\p{L}\p{Z}\p{N}", r"\w \u00a0"),
    (r"\p{Z}", r" \u00a0"),
    (r"\p{L}\p{N}", r"\w"),
)


@functools.cache
def model(service: str) -> Any:
    """botocore's model of a service."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader(include_default_search_paths=True).load_service_model(service, "service-2"), service)


@functools.cache
def _input_shape(service: str, operation: str) -> Any:
    return model(service).operation_model(operation).input_shape


def check(service: str, operation: str, given: Any) -> dict[str, Any]:
    """The parameters, when they are what the operation takes; null members are left out.

    Raises:
        CognitoError: SerializationException for a wrong type, InvalidParameterException or ValidationException for a
            wrong value.
    """
    if not isinstance(given, dict):
        raise serialization_failed("Expected a JSON object")
    shape = _input_shape(service, operation)
    if shape is None:
        return {}
    clean = _typed(shape, given, 0)
    problems = list(_broken(shape, clean, ""))
    if problems:
        word = "error" if len(problems) == 1 else "errors"
        text = f"{len(problems)} validation {word} detected: " + "; ".join(problems)
        raise invalid_parameter(text) if service == "cognito-idp" else CognitoError("ValidationException", text)
    return dict(clean)


# --- Types


def _typed(shape: Any, given: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise serialization_failed("Too deeply nested")
    reader = _READERS.get(shape.type_name)
    if reader is None:
        return given
    return reader(shape, given, depth)


def _structure(shape: Any, given: Any, depth: int) -> dict[str, Any]:
    _expect(shape, given, dict)
    known = ((name, member) for name, member in shape.members.items() if given.get(name) is not None)
    return {name: _typed(member, given[name], depth + 1) for name, member in known}


def _map(shape: Any, given: Any, depth: int) -> dict[str, Any]:
    _expect(shape, given, dict)
    filled = ((name, value) for name, value in given.items() if value is not None)
    return {_text(shape.key, name, depth): _typed(shape.value, value, depth + 1) for name, value in filled}


def _list(shape: Any, given: Any, depth: int) -> list[Any]:
    _expect(shape, given, list)
    return [_typed(shape.member, value, depth + 1) for value in given if value is not None]


def _text(shape: Any, given: Any, depth: int) -> str:
    _expect(shape, given, str)
    try:
        given.encode()
    except UnicodeEncodeError:
        raise serialization_failed("A string is not valid Unicode") from None
    return str(given)


def _boolean(shape: Any, given: Any, depth: int) -> bool:
    _expect(shape, given, bool)
    return bool(given)


def _number(shape: Any, given: Any, depth: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given or abs(given) > 2**53:
        raise serialization_failed(f"{_found(given)} can not be converted to an Integer")
    return int(given)


def _expect(shape: Any, given: Any, kind: type) -> None:
    if not isinstance(given, kind):
        raise serialization_failed(f"{_found(given)} can not be converted to a {_WORDS[shape.type_name]}")


def _found(given: Any) -> str:
    if isinstance(given, bool):
        return "TRUE_VALUE" if given else "FALSE_VALUE"
    names = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", list: "START_ARRAY", dict: "START_OBJECT"}
    return names.get(type(given), "VALUE")


_READERS = {
    "structure": _structure,
    "map": _map,
    "list": _list,
    "string": _text,
    "boolean": _boolean,
    "integer": _number,
    "long": _number,
}


# --- Values


def _broken(shape: Any, given: Any, path: str) -> Iterator[str]:
    """One sentence for each constraint that does not hold."""
    yield from _own_problems(shape, given, path)
    if shape.type_name == "structure":
        for name in shape.required_members:
            if name not in given:
                yield f"Value null at '{_below(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, value in given.items():
            yield from _broken(shape.members[name], value, _below(path, name))
    elif shape.type_name == "list":
        for number, value in enumerate(given, 1):
            yield from _broken(shape.member, value, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for name, value in given.items():
            yield from _broken(shape.value, value, f"{path}.{name}.member")


def _below(path: str, name: str) -> str:
    first = name[:1].lower() + name[1:]
    return f"{path}.{first}" if path else first


def _own_problems(shape: Any, given: Any, path: str) -> Iterator[str]:
    rules = shape.metadata
    size = (
        given
        if shape.type_name in ("integer", "long")
        else len(given)
        if isinstance(given, str | list | dict)
        else None
    )
    quantity = "value" if shape.type_name in ("integer", "long") else "length"
    start = f"{_value(shape, given)} at '{path}' failed to satisfy constraint: Member must "
    if shape.type_name == "string":
        if rules.get("enum") and given not in rules["enum"]:
            yield f"{start}satisfy enum value set: [{', '.join(rules['enum'])}]"
        if _has_pattern(shape) and _is_short(rules, given) and not _pattern(rules["pattern"]).fullmatch(given):
            yield f"{start}satisfy regular expression pattern: {rules['pattern']}"
    if size is not None and rules.get("min") is not None and size < rules["min"]:
        yield f"{start}have {quantity} greater than or equal to {rules['min']}"
    if size is not None and rules.get("max") is not None and size > rules["max"]:
        yield f"{start}have {quantity} less than or equal to {rules['max']}"


def _has_pattern(shape: Any) -> bool:
    # The control plane makes client secrets of letters that AWS's pattern for them does not have (UP-102).
    return bool(shape.metadata.get("pattern")) and shape.name != "ClientSecretType"


def _is_short(rules: dict[str, Any], given: str) -> bool:
    """Patterns are tried on what is not too long anyway: a bound on the time they take."""
    return len(given) <= int(rules.get("max", 131_072))


def _value(shape: Any, given: Any) -> str:
    if (shape.metadata.get("sensitive") and shape.name not in _PRINTED) or not isinstance(given, str | int):
        return "Value"
    return f"Value '{given}'"


@functools.cache
def _pattern(java: str) -> re.Pattern[str]:
    """AWS's pattern, written for Java, as Python takes it."""
    text = java
    for theirs, ours in _CLASSES:
        text = text.replace(theirs, ours)
    return re.compile(text, 0 if r"\p" in java else re.ASCII)
