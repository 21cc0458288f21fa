"""Faults on demand: a clock that can be moved, and requests that go wrong as rules say. Local only."""

# Where a running stack is told, and how it knows this machine's user.
FAULTS_PATH = "/_todo/faults"
CLOCK_PATH = "/_todo/clock"
HEADER = "X-Todo-Secret"
FILE = "switches.json"
