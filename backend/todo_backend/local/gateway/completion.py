"""Puts in what the control plane drops of a stack's API when CloudFormation makes it.

MiniStack 1.5.33 takes `AWS::ApiGateway::RequestValidator` without making one, and drops a stage's cache cluster and a
method's RequestValidatorId and CacheNamespace. All of it can be said again with API Gateway's own calls, from the
stack's own template.
"""

import json
from collections.abc import Mapping
from typing import Any

from .ports import Control

Patch = dict[str, str]


async def complete_stack(control: Control, stack_name: str, template: Mapping[str, Any] | None = None) -> None:
    """Make the stack's APIs what its template says. To be called after each deployment; twice does no harm.

    Afterwards `Gateway.invalidate()` has to be called.

    Args:
        template: what was deployed; asked of CloudFormation when it is not given. Of its intrinsic functions, `Ref`
            and `Fn::GetAtt` are understood.
    """
    if template is None:
        body = (await control.call("cloudformation", "GetTemplate", StackName=stack_name))["TemplateBody"]
        template = json.loads(body) if isinstance(body, str) else body
    described = await control.call("cloudformation", "DescribeStackResources", StackName=stack_name)
    ids = {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in described["StackResources"]}
    resources: Mapping[str, Any] = (template or {}).get("Resources", {})
    await _Completion(control, resources, ids).run()


class _Completion:
    """One stack: its resources by logical id, and their physical ids."""

    def __init__(self, control: Control, resources: Mapping[str, Any], ids: Mapping[str, str]) -> None:
        self._control, self._resources, self._ids = control, resources, ids

    async def run(self) -> None:
        """Validators first: methods refer to them."""
        validators = {name: await self._validator(item) for name, item in self._of_type("RequestValidator")}
        for _, item in self._of_type("Method"):
            await self._method(item, validators)
        for _, item in self._of_type("Stage"):
            await self._stage(item)

    def _of_type(self, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        wanted = f"AWS::ApiGateway::{kind}"
        return [(name, item.get("Properties", {})) for name, item in self._resources.items() if item["Type"] == wanted]

    def _id(self, value: Any) -> str:
        """A property's text, references resolved to physical ids."""
        if isinstance(value, Mapping):
            name = value.get("Ref") or (value.get("Fn::GetAtt") or [""])[0]
            return self._ids.get(str(name), "")
        return str(value)

    async def _validator(self, item: Mapping[str, Any]) -> str:
        api_id, name = self._id(item["RestApiId"]), str(item.get("Name", ""))
        wanted = {
            "validateRequestBody": _flag(item.get("ValidateRequestBody")),
            "validateRequestParameters": _flag(item.get("ValidateRequestParameters")),
        }
        found = await self._control.call("apigateway", "GetRequestValidators", restApiId=api_id, limit=500)
        for present in found.get("items") or ():
            if present.get("name", "") == name and wanted.items() <= present.items():
                return str(present["id"])
        made = await self._control.call("apigateway", "CreateRequestValidator", restApiId=api_id, name=name, **wanted)
        return str(made["id"])

    async def _method(self, item: Mapping[str, Any], validators: Mapping[str, str]) -> None:
        place = {
            "restApiId": self._id(item["RestApiId"]),
            "resourceId": await self._resource_id(item),
            "httpMethod": str(item["HttpMethod"]),
        }
        reference = item.get("RequestValidatorId")
        name = reference.get("Ref") if isinstance(reference, Mapping) else None
        if name in validators:
            await self._patch("UpdateMethod", place, [("/requestValidatorId", validators[str(name)])])
        namespace = (item.get("Integration") or {}).get("CacheNamespace")
        if namespace:
            await self._patch("UpdateIntegration", place, [("/cacheNamespace", self._id(namespace))])

    async def _resource_id(self, item: Mapping[str, Any]) -> str:
        value = item["ResourceId"]
        if isinstance(value, Mapping) and "Fn::GetAtt" in value:  # the API's RootResourceId
            api = await self._control.call("apigateway", "GetRestApi", restApiId=self._id(item["RestApiId"]))
            return str(api["rootResourceId"])
        return self._id(value)

    async def _stage(self, item: Mapping[str, Any]) -> None:
        if not _flag(item.get("CacheClusterEnabled")):
            return
        size = str(item.get("CacheClusterSize", "0.5"))
        await complete_stage(self._control, self._id(item["RestApiId"]), str(item["StageName"]), size)

    async def _patch(self, operation: str, place: Mapping[str, str], values: list[tuple[str, str]]) -> None:
        await _patch(self._control, operation, place, values)


async def complete_stage(control: Control, api_id: str, stage: str, size: str) -> None:
    """Give a stage the cache cluster that was asked for where the stage was made."""
    place = {"restApiId": api_id, "stageName": stage}
    await _patch(control, "UpdateStage", place, [("/cacheClusterEnabled", "true"), ("/cacheClusterSize", size)])


async def _patch(control: Control, operation: str, place: Mapping[str, str], values: list[tuple[str, str]]) -> None:
    patches: list[Patch] = [{"op": "replace", "path": path, "value": value} for path, value in values]
    await control.call("apigateway", operation, **place, patchOperations=patches)


def _flag(value: Any) -> bool:
    """CloudFormation takes booleans as text, too."""
    return value is True or str(value).lower() == "true"
