"""A DAX cluster that the official clients can talk to, in front of any DynamoDB.

It speaks DAX's own wire protocol and caches as DAX is documented to cache (AWS_BEHAVIOURS DD-24 to DD-35; docs/dax.md
says what is kept). It imports nothing else of this distribution, and is a command of its own:
`python -m todo_backend.local.dax --dynamodb URL --listen HOST:PORT`.
"""

from .auth import AccessRequest, Credentials
from .backend import DynamoDb, HttpDynamoDb
from .cluster import DaxCluster
from .errors import DaxError
from .settings import DaxSettings

__all__ = ["AccessRequest", "Credentials", "DaxCluster", "DaxError", "DaxSettings", "DynamoDb", "HttpDynamoDb"]
