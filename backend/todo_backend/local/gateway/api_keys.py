"""API keys: which ones open a stage (AG-23). A usage plan's own throttle and quota are not counted."""

from typing import Any, Final

from .ports import Control
from .refusals import RefusalError

PAGE_SIZE: Final = 500
MAX_PAGES: Final = 100


class ApiKeys:
    """The values of the API keys that usage plans tie to stages."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._opening: dict[tuple[str, str], frozenset[str]] | None = None

    def forget(self) -> None:
        """Read keys and plans anew."""
        self._opening = None

    async def check(self, value: str | None, api_id: str, stage: str) -> None:
        """Refuse a key that no usage plan ties to the stage.

        Raises:
            RefusalError: AG-23.
        """
        if self._opening is None:
            self._opening = await self._read()
        if value not in self._opening.get((api_id, stage), ()):
            raise RefusalError("INVALID_API_KEY")

    async def _read(self) -> dict[tuple[str, str], frozenset[str]]:
        enabled = {str(key["id"]) for key in await self._items("GetApiKeys") if key.get("enabled")}
        opening: dict[tuple[str, str], frozenset[str]] = {}
        for plan in await self._items("GetUsagePlans"):
            keys = await self._items("GetUsagePlanKeys", usagePlanId=plan["id"])
            values = [await self._value(str(key["id"])) for key in keys if str(key["id"]) in enabled]
            for stage in plan.get("apiStages") or ():
                place = (str(stage.get("apiId")), str(stage.get("stage")))
                opening[place] = opening.get(place, frozenset()) | frozenset(values)
        return opening

    async def _value(self, key_id: str) -> str:
        answer = await self._control.call("apigateway", "GetApiKey", apiKey=key_id, includeValue=True)
        return str(answer.get("value"))

    async def _items(self, operation: str, **params: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            answer = await self._control.call("apigateway", operation, limit=PAGE_SIZE, **params)
            items += answer.get("items") or ()
            if not answer.get("position"):
                break
            params["position"] = answer["position"]
        return items
