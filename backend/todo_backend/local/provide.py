"""The template as the control plane can take it. Pure: a template in, a template out.

The control plane refuses a whole template for one unknown resource type, so what it lacks is taken out here and
provided outside it; whatever referred to it gets a value instead. Everything else stays as it was synthesized.
"""

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from .options import ACCOUNT_ID, REGION

Template = dict[str, Any]

PROVIDED_TYPES = (
    "AWS::DAX::Cluster",
    "AWS::DAX::ParameterGroup",
    "AWS::DAX::SubnetGroup",
    # The rules between Lambda and DAX; on one machine there is no network between them to rule.
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
)
"""Resource types that MiniStack's CloudFormation does not know; test_ministack_contract notices when it learns one."""


_NAME_PROPERTIES = ("ClusterName", "SubnetGroupName", "ParameterGroupName")


@dataclass(frozen=True)
class Asset:
    """A file that the template expects in the bootstrap bucket."""

    bucket: str
    key: str
    content: bytes


@dataclass(frozen=True)
class Plan:
    """What is to be deployed."""

    # Counted up when a template is deployed in another way: then what an earlier version deployed is deployed again.
    WAY: ClassVar[int] = 2

    template: Template
    assets: tuple[Asset, ...]

    @property
    def digest(self) -> str:
        """The same for the same deployment, another one for any other."""
        text = json.dumps([self.WAY, self.template, [asset.key for asset in self.assets]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def plan(template: Template, code: bytes, code_hash: str, dependencies: bytes) -> Plan:
    """The template with its assets, both as the control plane takes them."""
    provided = without_provided(template)
    keys = {
        "AWS::Lambda::Function": ("Code", f"{code_hash}.zip", code),
        "AWS::Lambda::LayerVersion": ("Content", f"{hashlib.sha256(dependencies).hexdigest()}.zip", dependencies),
    }
    assets = {}
    for resource in provided.get("Resources", {}).values():
        if resource["Type"] not in keys:
            continue
        name, key, content = keys[resource["Type"]]
        place = resource["Properties"].get(name, {})
        if "S3Key" in place:
            # Named after the content: an edited Lambda is a changed template, before anybody has synthesized again.
            place["S3Key"] = key
            assets[key] = Asset(resolved(place["S3Bucket"]), key, content)
    return Plan(provided, tuple(assets[key] for key in sorted(assets)))


def resolved(value: Any) -> str:
    """The text of a value that refers to nothing but the account and the region.

    Raises:
        ValueError: it refers to something else.
    """
    text = str(value.get("Fn::Sub", value) if isinstance(value, dict) else value)
    text = (
        text.replace("${AWS::Partition}", "aws")
        .replace("${AWS::AccountId}", ACCOUNT_ID)
        .replace("${AWS::Region}", REGION)
    )
    if "{" in text:
        raise ValueError(f"cannot fill in {text!r}")
    return text


def without_provided(template: Template) -> Template:
    """The template without the resource types that are provided outside the control plane."""
    result = copy.deepcopy(template)
    resources = result.get("Resources", {})
    gone = {name: resource for name, resource in resources.items() if resource["Type"] in PROVIDED_TYPES}
    for name in gone:
        del resources[name]
    _drop_endpoint_users(result, set(gone))
    for resource in resources.values():
        _drop_dependencies(resource, set(gone))
    replaced: Template = _replaced(result, lambda value: _stand_in(value, gone))
    return replaced


def _drop_endpoint_users(template: Template, gone: set[str]) -> None:
    # Until the embedded stack has a DAX node nobody may be told of one: the Lambda reads DynamoDB directly.
    for resource in template.get("Resources", {}).values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        for name in [name for name, value in variables.items() if _mentions(value, gone)]:
            del variables[name]
    outputs = template.get("Outputs", {})
    for name in [name for name, output in outputs.items() if _mentions(output.get("Value"), gone)]:
        del outputs[name]


def _drop_dependencies(resource: dict[str, Any], gone: set[str]) -> None:
    depends = resource.get("DependsOn")
    names = [depends] if isinstance(depends, str) else list(depends or [])
    kept = [name for name in names if name not in gone]
    if kept != names:
        resource.pop("DependsOn")
        if kept:
            resource["DependsOn"] = kept


def _mentions(value: Any, names: set[str]) -> bool:
    return any(_referred(found) in names for found in _walk(value)) or any(
        f"${{{name}" in text for text in _walk(value) if isinstance(text, str) for name in names
    )


def _walk(value: Any) -> list[Any]:
    found = [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        found += _walk(child)
    return found


def _referred(value: Any) -> str | None:
    if isinstance(value, dict) and len(value) == 1:
        if isinstance(value.get("Ref"), str):
            return str(value["Ref"])
        target = value.get("Fn::GetAtt")
        if target:
            return str(target[0] if isinstance(target, list) else target.partition(".")[0])
    return None


def _stand_in(value: Any, gone: dict[str, Any]) -> Any:
    name = _referred(value)
    if name not in gone:
        return value
    properties = gone[name].get("Properties", {})
    given = next((properties[key] for key in _NAME_PROPERTIES if key in properties), None)
    called = given if isinstance(given, str) else name.lower()
    if "Ref" in value:
        return called
    target = value["Fn::GetAtt"]
    attribute = target[1] if isinstance(target, list) else target.partition(".")[2]
    arn = f"arn:aws:dax:{REGION}:{ACCOUNT_ID}:cache/{called}"
    return arn if attribute == "Arn" else ""


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    value = replace(value)
    if isinstance(value, dict):
        return {key: _replaced(child, replace) for key, child in value.items()}
    if isinstance(value, list):
        return [_replaced(child, replace) for child in value]
    return value
