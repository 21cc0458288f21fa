"""API Gateway's REST data plane with the response cache.

    gateway = Gateway(inner, control, keys, clock=time.time, metrics=…, trace=…)

Configured by nothing but what is deployed, as the describe calls show it. Judged by AWS_BEHAVIOURS, AG and AC
statements; `docs/gateway.md` says which are kept.
"""

from .app import CACHE_BYTES, Gateway
from .completion import complete_stack
from .ports import Clock, Control, Keys, Metrics, Trace
from .warming import warm_up

__all__ = ["CACHE_BYTES", "Clock", "Control", "Gateway", "Keys", "Metrics", "Trace", "complete_stack", "warm_up"]
