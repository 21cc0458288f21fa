"""Which requests are to go wrong, how, and how often. No I/O.

Each rule draws from a random generator of its own, seeded: the same requests in the same order meet the same faults.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # the gateway comes with it, which programs that only switch faults do not need
    from ..operations import Named

KINDS: Final = ("latency", "error", "throttle", "drop", "lose", "lag")
_TIMED: Final = ("latency", "lag")
_EVENTUAL_READS: Final = ("GetItem", "Query", "Scan", "BatchGetItem")
MAX_SECONDS: Final = 3600.0
MAX_RULES: Final = 1000


@dataclass(frozen=True)
class Fault:
    """What is to happen to some of the requests.

    Attributes:
        kind: `latency`: `seconds` pass before the request is looked at. `error`: it is answered with `status`, `code`
            and `message` instead. `throttle`: the error that its service throttles with. `drop`: the connection ends,
            nothing has happened. `lose`: it happens, and the connection ends before the answer. `lag`: an eventually
            consistent read of DynamoDB sees a change `seconds` late.
        on: `*`; a route, as `GET /v1/todos/*`; or an operation, as `dynamodb:GetItem` or `s3:*`. A star is any text.
        status: 400 to 599.
        code: AWS's code of the error; the service's usual one for the status when empty.
        probability: of each request that fits, 0 to 1.
        count: how often at most; None is without end.
        seed: of the draws.
    """

    kind: str
    on: str = "*"
    seconds: float = 0.0
    status: int = 500
    code: str = ""
    message: str = ""
    probability: float = 1.0
    count: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: one of them says nothing; the sentence names it.
        """
        if self.kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}; not {self.kind!r}")
        _pattern(self.on)
        needs_time = self.kind in _TIMED
        if not 0 <= self.seconds <= MAX_SECONDS or needs_time != (self.seconds > 0):
            raise ValueError(f"latency and lag need seconds, up to {MAX_SECONDS:g}, and no other fault has them")
        if not 400 <= self.status <= 599:
            raise ValueError("the status of an error is 400 to 599")
        if not all(text.isprintable() and text.isascii() for text in (self.code, self.message)):
            raise ValueError("code and message are printable ASCII")
        if not 0 <= self.probability <= 1:
            raise ValueError("a probability is 0 to 1")
        if self.count is not None and self.count < 1:
            raise ValueError("a count is 1 or more")

    @classmethod
    def of(cls, given: Any) -> "Fault":
        """The fault that JSON describes.

        Raises:
            ValueError: it describes none; the sentence says why.
        """
        if not isinstance(given, Mapping):
            raise ValueError("a fault is a JSON object")  # noqa: TRY004
        for name, value in given.items():
            if not isinstance(value, _TYPES.get(name, ())) or isinstance(value, bool):
                names = ", ".join(_TYPES)
                raise ValueError(f"{name!r} is not a fault's, or of another type; there are {names}")  # noqa: TRY004
        if "kind" not in given:
            raise ValueError("a fault has a kind")
        return cls(**given)

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "kind": (str,),
    "on": (str,),
    "seconds": (int, float),
    "status": (int,),
    "code": (str,),
    "message": (str,),
    "probability": (int, float),
    "count": (int, type(None)),
    "seed": (int,),
}
assert list(_TYPES) == [each.name for each in fields(Fault)]


@dataclass(frozen=True)
class _Pattern:
    """What `on` says; empty fields fit everything."""

    method: str = ""
    path: re.Pattern[str] | None = None
    service: re.Pattern[str] | None = None
    operation: re.Pattern[str] | None = None

    def fits(self, request: "Named") -> bool:
        if self.service and not self.service.fullmatch(request.service or ""):
            return False
        if self.operation and not self.operation.fullmatch(request.operation or ""):
            return False
        if self.method not in ("", "*", request.method):
            return False
        return not self.path or bool(self.path.fullmatch(request.path))


def _pattern(on: str) -> _Pattern:
    if on == "*":
        return _Pattern()
    method, space, path = on.partition(" ")
    if space and path.startswith(("/", "*")) and (method == "*" or (method.isascii() and method.isupper())):
        return _Pattern(method=method, path=_glob(path))
    service, colon, operation = on.partition(":")
    if colon and service and operation and " " not in on:
        return _Pattern(service=_glob(service), operation=_glob(operation))
    raise ValueError(f"{on!r} names no requests; write GET /v1/todos/*, dynamodb:GetItem or *")


def _glob(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


@dataclass
class Rule:
    """A fault that is switched on; `struck` counts the requests that met it."""

    id: int
    fault: Fault
    struck: int = 0
    _draws: random.Random = field(init=False, repr=False)
    _fits: _Pattern = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._draws = random.Random(self.fault.seed)  # noqa: S311 - it decides what goes wrong in a test
        self._fits = _pattern(self.fault.on)

    def strikes(self, request: "Named") -> bool:
        """Whether the request meets the fault; counts it if so."""
        if self.fault.count is not None and self.struck >= self.fault.count:
            return False
        if not self._fits.fits(request) or not self._can_lag(request):
            return False
        if self._draws.random() >= self.fault.probability:
            return False
        self.struck += 1
        return True

    def _can_lag(self, request: "Named") -> bool:
        return self.fault.kind != "lag" or (request.service == "dynamodb" and request.operation in _EVENTUAL_READS)

    def described(self) -> dict[str, Any]:
        """As JSON: the fault with `id` and `struck`."""
        return {"id": self.id, "struck": self.struck, **self.fault.described()}


class Rules:
    """The faults that are switched on, oldest first."""

    def __init__(self) -> None:
        self._rules: dict[int, Rule] = {}
        self._made = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rules)

    def add(self, fault: Fault) -> Rule:
        """Switch a fault on.

        Raises:
            ValueError: there are too many.
        """
        if len(self._rules) >= MAX_RULES:
            raise ValueError(f"there are {MAX_RULES} faults already; clear them first")
        self._made += 1
        rule = self._rules[self._made] = Rule(self._made, fault)
        return rule

    def remove(self, rule_id: int) -> bool:
        """Switch a fault off; False when it is off."""
        return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Switch all of them off."""
        self._rules.clear()

    def all(self) -> list[Rule]:
        """The rules, oldest first."""
        return list(self._rules.values())

    def strike(self, request: "Named") -> list[Fault]:
        """What happens to this request: any latencies, and at most one of the other kinds, the oldest."""
        found: list[Fault] = []
        is_decided = False
        for rule in self.all():
            decides = rule.fault.kind != "latency"
            if not (decides and is_decided) and rule.strikes(request):
                found.append(rule.fault)
                is_decided = is_decided or decides
        return found
