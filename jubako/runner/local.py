"""A runner inside the gateway's process: no second process and no hop, the same queue, checks and swap of versions.

For cheap models on few processors. A model that crashes or leaks takes the gateway along, and one that computes on the
event loop delays every connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from jubako.batching import CallFault, ModelFailed, Reply, RunnerStatus
from jubako.batching.runner_client import Replied
from jubako.models import Batch
from jubako.runner.app import follow_stages
from jubako.runner.loader import BatchOutputs, ModelLoader
from jubako.runner.merging import Merger


class LocalRunnerClient:
    """Create it on the event loop that serves, with a loader that has tried to load."""

    def __init__(self, loader: ModelLoader, max_rows: int) -> None:
        self._loader = loader
        self._merger = Merger.of(loader, max_rows)
        self._following = asyncio.create_task(follow_stages(loader))

    def send(self, batch: Batch, timeout_seconds: float, meta: Mapping[str, object], done: Replied) -> None:  # noqa: ARG002
        """Nothing can time out on the way; a call past its deadline is answered by the batcher."""

        def ended(result: BatchOutputs | Exception) -> None:
            if isinstance(result, BatchOutputs):
                done(Reply(result.outputs, result.tag, result.seconds))
            elif isinstance(result, CallFault):
                done(result)
            else:
                done(ModelFailed(f"{type(result).__name__}: {result}"))

        self._merger.submit(batch, ended)

    async def status(self, timeout_seconds: float) -> RunnerStatus:  # noqa: ARG002 - it is known
        return self._loader.status()

    async def close(self) -> None:
        self._following.cancel()
        self._merger.close()
