"""What the operations of a node work with: its own caches and counters, and what the nodes of a cluster share."""

from dataclasses import dataclass

from .backend import DynamoDb
from .caches import ItemCache, QueryCache
from .coherence import Coherence
from .counters import Counters
from .schemas import KeySchemas
from .values import AttributeLists


@dataclass(frozen=True)
class NodeContext:
    """Own: items, queries, counters. Shared: DynamoDB, key schemas, attribute lists, effects of writes."""

    dynamodb: DynamoDb
    schemas: KeySchemas
    lists: AttributeLists
    coherence: Coherence
    items: ItemCache
    queries: QueryCache
    counters: Counters
