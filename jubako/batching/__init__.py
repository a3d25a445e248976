"""The one call from the gateway to a runner: admission, coalescing, integrity, isolation, retry, timing.

The way of a request: ``Batcher.call`` -> a place in the ``Line`` -> taken with its neighbours as one batch whenever a
slot is free -> ``RunnerClient`` -> the runner -> its own rows of the answer.
"""

from jubako.batching.batcher import Batcher
from jubako.batching.faults import (
    CallerDisconnected,
    CallFault,
    DeadlinePassed,
    ModelFailed,
    NotReady,
    Overloaded,
    RunnerGone,
)
from jubako.batching.ids import unique_id
from jubako.batching.results import BatchResult
from jubako.batching.runner_client import HttpRunnerClient, Reply, RunnerClient, RunnerStatus

__all__ = [
    "BatchResult",
    "Batcher",
    "CallFault",
    "CallerDisconnected",
    "DeadlinePassed",
    "HttpRunnerClient",
    "ModelFailed",
    "NotReady",
    "Overloaded",
    "Reply",
    "RunnerClient",
    "RunnerGone",
    "RunnerStatus",
    "unique_id",
]
