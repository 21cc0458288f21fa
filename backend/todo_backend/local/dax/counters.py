"""Counters of a node under the names that CloudWatch gives them (namespace AWS/DAX). No I/O.

Source: the DAX protocol notes, section 14 (metrics).
"""

from collections import Counter
from collections.abc import Mapping

REQUEST_COUNTS = {
    "getItem": "GetItemRequestCount",
    "putItem": "PutItemRequestCount",
    "updateItem": "UpdateItemRequestCount",
    "deleteItem": "DeleteItemRequestCount",
    "query": "QueryRequestCount",
    "scan": "ScanRequestCount",
    "batchGetItem": "BatchGetItemRequestCount",
    "batchWriteItem": "BatchWriteItemRequestCount",
    "transactGetItems": "TransactGetItemsCount",
    "transactWriteItems": "TransactWriteItemsCount",
}
NAMES = (
    *REQUEST_COUNTS.values(),
    "ItemCacheHits",
    "ItemCacheMisses",
    "QueryCacheHits",
    "QueryCacheMisses",
    "ScanCacheHits",
    "ScanCacheMisses",
    "TotalRequestCount",
    "ErrorRequestCount",
    "ThrottledRequestCount",
    "FaultRequestCount",
    "FailedRequestCount",
    "NetworkBytesIn",
    "NetworkBytesOut",
)


class Counters:
    """Counts since the node started; every name is there from the beginning."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter(dict.fromkeys(NAMES, 0))

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        self._counts[name] += by

    def request(self, method: str) -> None:
        """Count a data request."""
        self._counts["TotalRequestCount"] += 1
        self._counts[REQUEST_COUNTS[method]] += 1

    def failure(self, *, throttled: bool, fault: bool) -> None:
        """Count a data request that ended in an error: the caller's, the server's, or for want of capacity."""
        self._counts["FailedRequestCount"] += 1
        self._counts["FaultRequestCount" if fault else "ErrorRequestCount"] += 1
        if throttled:
            self._counts["ThrottledRequestCount"] += 1

    def values(self) -> Mapping[str, int]:
        """A copy of all counts."""
        return dict(self._counts)
