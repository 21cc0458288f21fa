"""The template as the control plane can take it. Pure: a template in, a template out.

The control plane refuses a whole template for one unknown resource type, so what it lacks is taken out here and
provided outside it; whatever referred to it gets a value instead. Everything else stays as it was synthesized.
"""

import copy
import hashlib
import json
import re
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


_NAME_PROPERTIES = {
    "AWS::DAX::Cluster": ("ClusterName",),
    "AWS::DAX::ParameterGroup": ("ParameterGroupName",),
    "AWS::DAX::SubnetGroup": ("SubnetGroupName",),
    "AWS::EC2::SecurityGroupEgress": (),
    "AWS::EC2::SecurityGroupIngress": (),
}
_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9.]+)\}")
MAX_NODES = 5  # of a cluster on one machine
DAX_TTL_MILLISECONDS = 300_000  # DD-24, DD-34


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


@dataclass(frozen=True)
class ClusterPlan:
    """The DAX cluster that the template asks for."""

    arn: str
    nodes: int
    tls: bool
    item_ttl_seconds: float
    query_ttl_seconds: float


def cluster_of(template: Template) -> ClusterPlan | None:
    """The template's DAX cluster; of several the first, and of its nodes as many as there can be here."""
    resources = template.get("Resources", {})
    for name, resource in resources.items():
        if resource["Type"] == "AWS::DAX::Cluster":
            properties = resource.get("Properties", {})
            group = resources.get(_referred(properties.get("ParameterGroupName")), {})
            values = group.get("Properties", {}).get("ParameterNameValues", {})
            return ClusterPlan(
                arn=_arn(_called(name, resource)),
                nodes=min(int(properties.get("ReplicationFactor", 1)), MAX_NODES),
                tls=properties.get("ClusterEndpointEncryptionType") == "TLS",
                item_ttl_seconds=int(values.get("record-ttl-millis", DAX_TTL_MILLISECONDS)) / 1000,
                query_ttl_seconds=int(values.get("query-ttl-millis", DAX_TTL_MILLISECONDS)) / 1000,
            )
    return None


def plan(template: Template, code: bytes, code_hash: str, dependencies: bytes, dax_endpoint: str | None = None) -> Plan:
    """The template with its assets, both as the control plane takes them."""
    provided = without_provided(template, dax_endpoint)
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


def without_provided(template: Template, dax_endpoint: str | None = None) -> Template:
    """The template without the resource types that are provided outside the control plane.

    Args:
        dax_endpoint: the URL of what stands in for the DAX cluster, if the template has one.
    """
    result = copy.deepcopy(template)
    resources = result.get("Resources", {})
    gone = {name: resource for name, resource in resources.items() if resource["Type"] in PROVIDED_TYPES}
    for name in gone:
        del resources[name]
    for resource in resources.values():
        _drop_dependencies(resource, set(gone))
    replaced: Template = _replaced(result, lambda value: _stand_in(value, gone, dax_endpoint or ""))
    return replaced


def _drop_dependencies(resource: dict[str, Any], gone: set[str]) -> None:
    depends = resource.get("DependsOn")
    names = [depends] if isinstance(depends, str) else list(depends or [])
    kept = [name for name in names if name not in gone]
    if kept != names:
        resource.pop("DependsOn")
        if kept:
            resource["DependsOn"] = kept


def _referred(value: Any) -> str | None:
    if isinstance(value, dict) and len(value) == 1:
        if isinstance(value.get("Ref"), str):
            return str(value["Ref"])
        target = value.get("Fn::GetAtt")
        if target:
            return str(target[0] if isinstance(target, list) else target.partition(".")[0])
    return None


def _stand_in(value: Any, gone: dict[str, Any], endpoint: str) -> Any:
    if isinstance(value, dict) and isinstance(value.get("Fn::Sub"), str):
        return {"Fn::Sub": _SUBSTITUTED.sub(lambda found: _substituted(found, gone, endpoint), value["Fn::Sub"])}
    name = _referred(value)
    if name not in gone:
        return value
    called = _called(name, gone[name])
    if "Ref" in value:
        return called
    target = value["Fn::GetAtt"]
    attribute = target[1] if isinstance(target, list) else target.partition(".")[2]
    return _attribute(called, attribute, endpoint)


def _substituted(found: re.Match[str], gone: dict[str, Any], endpoint: str) -> str:
    name, _, attribute = found[1].partition(".")
    if name not in gone:
        return found[0]
    called = _called(name, gone[name])
    return _attribute(called, attribute, endpoint) if attribute else called


def _attribute(called: str, attribute: str, endpoint: str) -> str:
    values = {
        "Arn": _arn(called),
        "ClusterDiscoveryEndpointURL": endpoint,
        "ClusterDiscoveryEndpoint": endpoint.rpartition("/")[2],
    }
    return values.get(attribute, "")


def _called(name: str, resource: dict[str, Any]) -> str:
    properties = resource.get("Properties", {})
    given = next((properties[key] for key in _NAME_PROPERTIES[resource["Type"]] if key in properties), None)
    return given if isinstance(given, str) else name.lower()


def _arn(called: str) -> str:
    return f"arn:aws:dax:{REGION}:{ACCOUNT_ID}:cache/{called}"


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    value = replace(value)
    if isinstance(value, dict):
        return {key: _replaced(child, replace) for key, child in value.items()}
    if isinstance(value, list):
        return [_replaced(child, replace) for child in value]
    return value
