"""MiniStack follows the clock: credentials from STS, presigned URLs, DynamoDB's TTL and transaction tokens.

Done when the clock is moved for the first time, by putting another `time` into the modules that compare times. What is
not among it stays the machine's: the dates of signatures, which are the clients' affair. A URL that is signed in the
second of a move counts as signed before it, since its date has no fractions.
"""

import time
from datetime import UTC, datetime
from typing import Any

from .clock import Clock


class _Time:
    """Stands for the module `time`."""

    def __init__(self, clock: Clock) -> None:
        self.time = clock.time

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def follow(clock: Clock) -> None:
    """Let MiniStack's own expiry checks ask `clock`."""
    from ministack.core import iam_evaluator
    from ministack.services import dynamodb, iam, s3, sts

    def presigned_request_is_expired(amz_date: str, expires: str | int, **_: Any) -> bool:
        signed_at = datetime.strptime(amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return clock.age_of(signed_at.timestamp()) > int(expires)

    for module in (iam_evaluator, iam, sts, dynamodb):
        module.time = _Time(clock)
    s3.presigned_request_is_expired = presigned_request_is_expired
