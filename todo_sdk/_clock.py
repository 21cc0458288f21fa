"""What time it is for the services: this machine's clock, put right by what they say (SE-32)."""

from collections.abc import Callable
from datetime import UTC, datetime

# A Date header has whole seconds and was written before the answer travelled; what is less is not the clock's fault.
DRIFT_WORTH_LEARNING_SECONDS = 5.0


class ServerClock:
    """Seconds since the epoch as the services count them; `drift_seconds` is how far this machine's clock is behind."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told = False
        self.drift_seconds = 0.0

    def __call__(self) -> float:
        """Give the services' time."""
        return self._clock() + self.drift_seconds

    def now(self) -> datetime:
        """Give the services' time, aware, in UTC."""
        return datetime.fromtimestamp(self(), UTC)

    def told(self, server_seconds: float) -> None:
        """Take over the time that a service has just written into a token."""
        self.drift_seconds, self._told = server_seconds - self._clock(), True

    def read(self, date: str | None) -> None:
        """Take over the time of an answer's Date header, if it is far enough off and can be read."""
        from email.utils import parsedate_to_datetime  # only answers need it

        try:
            drift = parsedate_to_datetime(date or "").timestamp() - self._clock()
        except (ValueError, OverflowError):
            return
        if abs(drift - self.drift_seconds) >= DRIFT_WORTH_LEARNING_SECONDS:
            self.drift_seconds = drift
        self._told = True

    def remembered(self, drift_seconds: float) -> None:
        """Begin with the drift of an earlier run, unless a service has said something since."""
        if not self._told:
            self.drift_seconds = drift_seconds
