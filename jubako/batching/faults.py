"""Why a call has no answer.

CallFault
├── Overloaded        the line is full, or its end lies past the deadline: refused at once
├── DeadlinePassed    waited as long as it may; what was not computed never will be
├── CallerGone        nobody waits for the answer any more
├── NotReady          the runner has no version it may serve, and says why
└── RunnerFault       what one attempt came back with
    ├── RunnerGone    the connection broke: the process died; the same rows may be sent again
    ├── ModelFailed   the model raised: one of these rows may be guilty
    └── Misbehaved    the model gave too few, too many, reordered or impossible answers
"""

from __future__ import annotations


class CallFault(Exception):
    """The root, so that a caller can catch everything that a call may raise."""


class Overloaded(CallFault):
    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"overloaded; try again in {retry_after:.0f} s")


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
