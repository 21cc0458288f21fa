"""The Lambda's entry. What is made here lives as long as the environment and knows no user (LA-02, SE-28)."""

import os
import time
from datetime import UTC, datetime
from typing import Any, Final

from todo_backend.service import telemetry
from todo_backend.service.api import Api, Record
from todo_backend.service.settings import Settings
from todo_backend.service.store import Table

_SETTINGS: Final = Settings.from_environment(os.environ)
_TABLE: Final = Table(_SETTINGS, telemetry.tell)
_API: Final = Api(_SETTINGS, _TABLE.partition_of, lambda: datetime.now(UTC))

# Connecting costs most of a cold start; while Lambda still counts it as Init it costs the least.
_TABLE.open()


@telemetry.traced
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    started = time.perf_counter()
    record = Record()
    answer = _API.answer(event, record)
    request_id = (event.get("requestContext") or {}).get("requestId")
    telemetry.report(record, request_id, (time.perf_counter() - started) * 1000)
    return answer
