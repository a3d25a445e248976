"""The one call from the gateway to a runner: admission, coalescing, integrity, isolation, retry, timing.

The way of a request: ``Caller.call`` -> a place in the ``Line`` -> taken with its neighbours as one batch whenever a
slot is free -> ``Hop`` -> the runner -> its own rows of the answer.
"""

from bentos.calling.caller import Caller
from bentos.calling.faults import (
    CallerGone,
    CallFault,
    DeadlinePassed,
    ModelFailed,
    NotReady,
    Overloaded,
    RunnerGone,
)
from bentos.calling.hop import Hop, HttpHop, Reply, RunnerStatus
from bentos.calling.mark import unique
from bentos.calling.told import Answer

__all__ = [
    "Answer",
    "CallFault",
    "Caller",
    "CallerGone",
    "DeadlinePassed",
    "Hop",
    "HttpHop",
    "ModelFailed",
    "NotReady",
    "Overloaded",
    "Reply",
    "RunnerGone",
    "RunnerStatus",
    "unique",
]
