"""The promises of MyTodoList as named checks, made from outside against any deployment: what `todo smoke` runs.

Raw requests by AWS's own clients, not by the SDK, wherever something must be refused: the SDK would not send them.
"""
