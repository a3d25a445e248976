"""From the gateway to a runner: admission, batching, deadlines, fault isolation, retries.

A request calls ``Batcher.call``, waits in a ``Scheduler``, is taken with others as one batch when a slot is free, goes
through a ``RunnerClient`` to the runner, and gets its own rows of the reply.
"""

from jubako.batching.batcher import Batcher
from jubako.batching.faults import (
    CallerDisconnected,
    CallFault,
    DeadlinePassed,
    ModelFailed,
    NotReady,
    QueueOverloaded,
    RunnerGone,
)
from jubako.batching.ids import unique_id
from jubako.batching.limits import BatcherLimits
from jubako.batching.results import BatchResult
from jubako.batching.runner_client import HttpRunnerClient, Reply, RunnerClient, RunnerStatus

__all__ = [
    "BatchResult",
    "Batcher",
    "BatcherLimits",
    "CallFault",
    "CallerDisconnected",
    "DeadlinePassed",
    "HttpRunnerClient",
    "ModelFailed",
    "NotReady",
    "QueueOverloaded",
    "Reply",
    "RunnerClient",
    "RunnerGone",
    "RunnerStatus",
    "unique_id",
]
