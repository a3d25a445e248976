"""From the gateway to a runner: admission, batching, deadlines, fault isolation, retries.

A request gives the ``Batcher`` a ``PendingCall``. It waits in a ``Scheduler``, is taken with others as one batch when a
slot is free, goes through a ``RunnerClient`` to the runner, and is given its own rows of the reply.
"""

from jubako.batching.batcher import Batcher
from jubako.batching.calls import BatchResult, ComputedBatch, PendingCall
from jubako.batching.faults import (
    CallerDisconnected,
    CallFault,
    DeadlinePassed,
    ModelFailed,
    NotReady,
    QueueOverloaded,
    RateLimited,
    RunnerGone,
)
from jubako.batching.ids import unique_id
from jubako.batching.limits import BatcherLimits
from jubako.batching.quotas import ApiKey
from jubako.batching.runner_client import FrameRunnerClient, Reply, RunnerClient, RunnerStatus

__all__ = [
    "ApiKey",
    "BatchResult",
    "Batcher",
    "BatcherLimits",
    "CallFault",
    "CallerDisconnected",
    "ComputedBatch",
    "DeadlinePassed",
    "FrameRunnerClient",
    "ModelFailed",
    "NotReady",
    "PendingCall",
    "QueueOverloaded",
    "RateLimited",
    "Reply",
    "RunnerClient",
    "RunnerGone",
    "RunnerStatus",
    "unique_id",
]
