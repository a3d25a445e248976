"""Why a call failed.

CallFault
├── QueueOverloaded     the queue is full or too long for the deadline: refused at once
├── RateLimited         its API key has used its quota of rows, or its share of the queue
├── DeadlinePassed      not computed before the deadline; never will be
├── CallerDisconnected  the client closed the connection
├── NotReady            the runner has no version that it may serve; the message says why
└── RunnerFault         how one attempt failed
    ├── RunnerGone      the connection broke because the process died; the rows may be sent again
    ├── ModelFailed     the model raised; one of the rows may be the cause
    └── Misbehaved      the model gave too few, too many, reordered or impossible outputs
"""

from __future__ import annotations


class CallFault(Exception):
    """The root, so that a caller can catch everything that a call may raise."""


class QueueOverloaded(CallFault):
    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"overloaded; try again in {retry_after:.0f} s")


class RateLimited(CallFault):
    """``retry_after`` is None for a call that would not fit later either."""

    def __init__(self, limit: str, retry_after: float | None) -> None:
        self.retry_after = retry_after
        super().__init__(limit)


class DeadlinePassed(CallFault):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")


class CallerDisconnected(CallFault):
    pass


class NotReady(CallFault):
    pass


class RunnerFault(CallFault):
    pass


class RunnerGone(RunnerFault):
    pass


class ModelFailed(RunnerFault):
    pass


class Misbehaved(RunnerFault):
    pass
