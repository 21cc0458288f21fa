"""DynamoDB's attribute values and Python's: only the types that items here are made of. No I/O.

boto3's own serializer makes every number a Decimal and costs several times as much on a list of a thousand to-dos.
"""

from typing import Any

AttributeValue = dict[str, Any]


def to_attribute(value: Any) -> AttributeValue:
    """Write a Python value as an attribute value.

    Raises:
        TypeError: a type that no item here has.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case list():
            return {"L": [to_attribute(entry) for entry in value]}
    raise TypeError(f"no attribute type for {type(value).__name__}")


def from_attribute(attribute: AttributeValue) -> Any:
    """Read an attribute value; numbers are whole."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value)
        case "NULL":
            return None
        case "L":
            return [from_attribute(entry) for entry in value]
    raise TypeError(f"unexpected attribute type {kind}")


def to_item(values: dict[str, Any]) -> dict[str, AttributeValue]:
    """Write a whole item."""
    return {name: to_attribute(value) for name, value in values.items()}


def from_item(item: dict[str, AttributeValue]) -> dict[str, Any]:
    """Read a whole item."""
    return {name: from_attribute(attribute) for name, attribute in item.items()}
