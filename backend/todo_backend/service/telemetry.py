"""One structured line and one set of metrics for each request; never a token, a title or another exception's text."""

import hashlib
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from todo_backend.service.api import Record

_SERVICE: Final = os.environ.get("POWERTOOLS_SERVICE_NAME", "todo")

# stdout belongs to the metrics (EMF); and the embedded stack waits for a first line on stderr.
logger: Final = Logger(service=_SERVICE, stream=sys.stderr)
metrics: Final = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "MyTodoList"),
    service=_SERVICE,
)
# Lambda sets the daemon's address where traces are wanted; elsewhere the X-Ray SDK is not even loaded (0.1 s).
# Nothing is patched: the response of a call to the table holds titles.
tracer: Final = Tracer(service=_SERVICE, auto_patch=False) if "AWS_XRAY_DAEMON_ADDRESS" in os.environ else None

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


def traced(handler: Handler) -> Handler:
    """Wrap the Lambda handler in a trace segment that keeps neither its answer nor its errors."""
    if tracer is None:
        return handler
    wrapped: Handler = tracer.capture_lambda_handler(handler, capture_response=False, capture_error=False)
    return wrapped


def tell(level: str, sentence: str) -> None:
    """Write a line that belongs to no request."""
    (logger.warning if level == "warning" else logger.info)(sentence)


def report(record: Record, request_id: str | None, duration_ms: float) -> None:
    """Write the request's line and metrics."""
    line = describe(record, request_id, duration_ms)
    if tracer is not None:
        tracer.put_annotation("route", record.route)
        tracer.put_annotation("status", str(record.status))
    (logger.error if record.status >= 500 else logger.info)("request", extra=line)
    _measure(record, duration_ms)


def describe(record: Record, request_id: str | None, duration_ms: float) -> dict[str, Any]:
    """Give the fields of a request's line. The user is the start of a hash: enough to follow, too little to find."""
    facts = record.facts
    line = {
        "route": record.route,
        "user": hashlib.sha256(record.user_id.encode()).hexdigest()[:16] if record.user_id else None,
        "status": record.status,
        "duration_ms": round(duration_ms, 1),
        "request_id": request_id,
        "cache": {
            "eventual_reads": facts.eventual_reads,
            "consistent_reads": facts.consistent_reads,
            "proof": facts.proof,
            "not_modified": facts.not_modified,
        },
        "writes": facts.writes,
        "detours": facts.detours,
        "read_units": facts.read_units,
        "write_units": facts.write_units,
        "store_ms": round(facts.store_ms, 1),
    }
    if record.error is not None:
        line |= {"error": type(record.error).__name__, "error_at": _place(record.error)}
    return line


def _place(error: BaseException) -> str:
    place = "unknown"
    trace = error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _measure(record: Record, duration_ms: float) -> None:
    facts = record.facts
    metrics.add_dimension("route", record.route)
    metrics.add_metric("Duration", MetricUnit.Milliseconds, duration_ms)
    metrics.add_metric("Errors", MetricUnit.Count, int(record.status >= 500))
    metrics.add_metric("NotModified", MetricUnit.Count, int(facts.not_modified))
    metrics.add_metric("EventualReads", MetricUnit.Count, facts.eventual_reads)
    metrics.add_metric("ConsistentReads", MetricUnit.Count, facts.consistent_reads)
    metrics.add_metric("Rereads", MetricUnit.Count, int(facts.proof in ("reread", "unproved")))
    metrics.add_metric("Detours", MetricUnit.Count, facts.detours)
    metrics.add_metric("ReadUnits", MetricUnit.Count, facts.read_units)
    metrics.add_metric("WriteUnits", MetricUnit.Count, facts.write_units)
    metrics.flush_metrics()
