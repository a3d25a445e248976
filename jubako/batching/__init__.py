"""The one call from the gateway to a runner: admission, coalescing, integrity, isolation, retry, timing.

The way of a request: ``Caller.call`` -> a place in the ``Line`` -> taken with its neighbours as one batch whenever a
slot is free -> ``Hop`` -> the runner -> its own rows of the answer.
"""

from jubako.batching.batcher import Caller
from jubako.batching.faults import (
    CallerGone,
    CallFault,
    DeadlinePassed,
    ModelFailed,
    NotReady,
    Overloaded,
    RunnerGone,
)
from jubako.batching.ids import unique
from jubako.batching.results import Answer
from jubako.batching.runner_client import Hop, HttpHop, Reply, RunnerStatus

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
