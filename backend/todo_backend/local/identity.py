"""Cognito in the stack: the data plane, with this stack's control plane, inbox and data directory around it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from .asgi import App
from .cognito import CognitoApp, CognitoError, OwnerKey, Surroundings
from .control import AdminCredentials, ControlPlane
from .datadir import DataDir
from .inbox import Inbox

STATE_FOLDER = "cognito"


class Identity(CognitoApp):
    """Both Cognito services; `inner` is MiniStack, which describes the pools."""

    def __init__(
        self,
        inner: App,
        control: ControlPlane,
        credentials: AdminCredentials,
        data_dir: DataDir,
        inbox: Inbox,
        clock: Callable[[], float] = time.time,
    ) -> None:
        state_dir = None if data_dir.ephemeral else data_dir.file(STATE_FOLDER)
        owner = OwnerKey(credentials.access_key, credentials.secret_key)
        super().__init__(inner, Surroundings(control, inbox.deliver, state_dir, clock), owner=owner)
        self._warming: asyncio.Task[None] | None = None

    async def keys(self, pool_id: str) -> Mapping[str, Any]:
        """The user pool's public keys; without any where there is no such pool."""
        try:
            return await self.jwks(pool_id)
        except CognitoError:
            return {"keys": []}

    def warm_up_soon(self, pool_id: str | None) -> None:
        """Begin to make what the first sign-in needs and no start waits for: AWS's models, the pool's keys."""
        self._warming = asyncio.ensure_future(self._warm_up(pool_id))

    async def close(self) -> None:
        """Write what is not written yet, and let the thread end."""
        if self._warming is not None:
            self._warming.cancel()
        await super().close()

    async def _warm_up(self, pool_id: str | None) -> None:
        await self.preload()
        if pool_id:
            await self.keys(pool_id)
