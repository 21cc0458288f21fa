"""What is deployed, read from the control plane and kept until it changes.

A stage shows the API as it was when its deployment was made (AG-10): the API is read once per deployment, the stage
itself whenever something was written. The control plane keeps no frozen copy, so the first reading of a deployment is
its frozen copy; `capture` takes it the moment a deployment is made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from .configuration import Api, Stage
from .description import Described, api_from, stage_from
from .ports import Control, refusal_code
from .routing import Router

if TYPE_CHECKING:
    from .body_models import BodyModels

MAX_SNAPSHOTS: Final = 256
PAGE_SIZE: Final = 500
MAX_PAGES: Final = 100
_GONE: Final = "NotFoundException"


@dataclass(frozen=True)
class Snapshot:
    """An API as one deployment froze it, ready to be used."""

    api: Api
    router: Router

    @cached_property
    def models(self) -> "BodyModels":
        """The API's models, ready to judge bodies."""
        from .body_models import BodyModels

        return BodyModels(self.api)


@dataclass(frozen=True)
class Deployed:
    """A stage and what it shows."""

    stage: Stage
    snapshot: Snapshot


class Deployments:
    """The stages and deployments known so far."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._stages: dict[tuple[str, str], Deployed] = {}
        self._snapshots: OrderedDict[tuple[str, str], Snapshot] = OrderedDict()
        self._generation = 0
        self._reading = asyncio.Lock()

    def forget_stages(self) -> None:
        """Something was written: read the stages again; deployments stay as they were frozen."""
        self._generation += 1
        self._stages.clear()

    def forget_all(self) -> None:
        """Read everything again, deployments included."""
        self.forget_stages()
        self._snapshots.clear()

    async def find(self, api_id: str, stage_name: str) -> Deployed | None:
        """The stage with its deployment, or None where there is none."""
        found = self._stages.get((api_id, stage_name))
        return found or await self._read(api_id, stage_name)

    async def capture(self, api_id: str, deployment_id: str) -> None:
        """Freeze the API as it is now under the deployment's id."""
        snapshot = await self._snapshot(api_id)
        if snapshot:
            self._keep((api_id, deployment_id), snapshot)

    async def _read(self, api_id: str, stage_name: str) -> Deployed | None:
        async with self._reading:
            if (api_id, stage_name) in self._stages:
                return self._stages[api_id, stage_name]
            generation = self._generation
            found = await self._fetch(api_id, stage_name)
            if found and generation == self._generation:  # else it may be older than the last write: used, not kept
                self._stages[api_id, stage_name] = found
            return found

    async def _fetch(self, api_id: str, stage_name: str) -> Deployed | None:
        answer = await self._describe("GetStage", restApiId=api_id, stageName=stage_name)
        if answer is None:
            return None
        stage = stage_from(answer)
        key = (api_id, stage.deployment_id)
        generation = self._generation
        snapshot = self._snapshots.get(key) or await self._snapshot(api_id)
        if snapshot is None:
            return None
        if generation == self._generation:
            self._keep(key, snapshot)
        return Deployed(stage, snapshot)

    def _keep(self, key: tuple[str, str], snapshot: Snapshot) -> None:
        self._snapshots[key] = snapshot
        self._snapshots.move_to_end(key)
        if len(self._snapshots) > MAX_SNAPSHOTS:
            self._snapshots.popitem(last=False)

    async def _snapshot(self, api_id: str) -> Snapshot | None:
        api = await self._describe("GetRestApi", restApiId=api_id)
        if api is None:
            return None
        resources, authorizers, models, validators, responses = await asyncio.gather(
            self._items("GetResources", restApiId=api_id, embed=["methods"]),
            self._items("GetAuthorizers", restApiId=api_id),
            self._items("GetModels", restApiId=api_id),
            self._items("GetRequestValidators", restApiId=api_id),
            self._items("GetGatewayResponses", restApiId=api_id),
        )
        made = api_from(Described(api, resources, authorizers, models, validators, responses))
        return Snapshot(made, Router(made.resources))

    async def _items(self, operation: str, **params: Any) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            answer = await self._describe(operation, limit=PAGE_SIZE, **params) or {}
            items += answer.get("items") or ()
            if not answer.get("position"):
                break
            params["position"] = answer["position"]
        return items

    async def _describe(self, operation: str, **params: Any) -> Mapping[str, Any] | None:
        try:
            return await self._control.call("apigateway", operation, **params)
        except Exception as error:
            if refusal_code(error) == _GONE:
                return None
            raise
