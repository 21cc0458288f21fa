"""What the control plane does not know of a stage: which method settings there are, and that it has a cluster."""

import json
import re
from collections.abc import Mapping
from typing import Final

from .messages import Answer
from .refusals import plain

_SETTING: Final = re.compile(
    r"/(?:\*|[^/]*)/(?:\*|[A-Z]+)/(?:"
    r"metrics/enabled|logging/(?:loglevel|dataTrace)|throttling/(?:burstLimit|rateLimit)|"
    r"caching/(?:enabled|ttlInSeconds|dataEncrypted|requireAuthorizationForCacheControl|"
    r"unauthorizedCacheControlHeaderStrategy))"
)
_PLAIN: Final = re.compile(
    r"/(?:deploymentId|description|cacheClusterEnabled|cacheClusterSize|clientCertificateId|documentationVersion|"
    r"tracingEnabled)|/(?:variables|accessLogSettings|canarySettings)(?:/.*)?"
)
_WHOLE_METHOD: Final = re.compile(r"/(?:\*|[^/]*)/(?:\*|[A-Z]+)")  # removed at once


def refused_setting(asked: Mapping[str, object]) -> Answer | None:
    """The refusal of an UpdateStage call that names a setting which there is none of (AC-06)."""
    operations = asked.get("patchOperations")
    for operation in operations if isinstance(operations, list) else ():
        path = operation.get("path") if isinstance(operation, dict) else None
        if isinstance(path, str) and not any(form.fullmatch(path) for form in (_SETTING, _PLAIN, _WHOLE_METHOD)):
            return plain(400, "BadRequestException", f"Invalid method setting path: {path}")
    return None


def with_status(body: bytes) -> bytes:
    """A stage as GetStage tells it, with the state of its cluster: here one is there at once (AC-01)."""
    try:
        stage = json.loads(body)
    except ValueError:
        return body
    if not isinstance(stage, dict) or "stageName" not in stage or "cacheClusterStatus" in stage:
        return body
    state = "AVAILABLE" if stage.get("cacheClusterEnabled") is True else "NOT_AVAILABLE"
    return json.dumps(stage | {"cacheClusterStatus": state}).encode()
