"""What is told about a request: CloudWatch figures and the trace's record. No I/O."""

from collections.abc import Mapping

from .exchange import Exchange


def figures(exchange: Exchange, status: int, latency_ms: float) -> Mapping[str, float]:
    """The request's share in the metrics of `AWS/ApiGateway`; cache figures only where the cache is on (AC-35)."""
    found = {"Count": 1.0, "Latency": latency_ms, "4XXError": 0.0, "5XXError": 0.0}
    if 400 <= status <= 599:
        found[f"{status // 100}XXError"] = 1.0
    if exchange.integration_ms is not None:
        found["IntegrationLatency"] = exchange.integration_ms
    if exchange.cache != "off":
        found["CacheHitCount"] = float(exchange.cache == "hit")
        found["CacheMissCount"] = float(exchange.cache == "miss")
    return found


def trace_record(exchange: Exchange, status: int, latency_ms: float) -> Mapping[str, object]:
    """The gateway's line in the trace; `cache` is `hit`, `miss` or `off`. AWS sends no header that says so."""
    return {
        "hop": "gateway",
        "request_id": exchange.ids.request_id,
        "trace_root": exchange.ids.trace_root,
        "api_id": exchange.api.id,
        "stage": exchange.stage.name,
        "method": exchange.request.method,
        "resource_path": exchange.resource_path,
        "status": status,
        "cache": exchange.cache,
        "latency_ms": latency_ms,
        "integration_ms": exchange.integration_ms,
    }
