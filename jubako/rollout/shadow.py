"""The shadow: the candidate is asked the rows that production has answered, and both outputs are compared.

Production comes first. Rows go out after production's answers did, one call at a time, and only while nothing waits for
production; what does not fit is dropped and counted. A thread compares and writes once a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, time

from jubako.batching.faults import CallFault
from jubako.batching.runner_client import Reply, RunnerClient
from jubako.models import AnyModel, Batch, Outputs
from jubako.monitoring.archive.pairs import PairWriter
from jubako.rollout.comparer import AnsweredRows, Comparer, ShadowRows
from jubako.rollout.evidence import PairCounts, SecondCounts

MAX_ROWS = 256
"""In one call. The rest of a larger batch is dropped."""
REST = 20.0
"""Times that a call kept the event loop busy, until the next may be sent: the shadow takes 5 % of it at most."""
REST_AFTER_FAILURE = 0.25
TIMEOUT = 15.0
"""Long: the candidate's process has only the processor time that is left."""

log = logging.getLogger("jubako.rollout")


@dataclass(frozen=True, slots=True)
class ShadowSecond:
    """What the shadow did since it was last asked."""

    pairs: PairCounts
    """Rows of a failed call are among those that differ: production answered them, the candidate did not."""
    calls: int
    failed: int
    dropped: int
    """Rows that the candidate was not asked, or that could not be compared."""
    latencies: Sequence[float]
    """Of the calls that did not fail."""

    def as_evidence(self) -> SecondCounts:
        return SecondCounts(pairs=self.pairs)


class Shadow:
    """Create it on the event loop. ``busy`` says whether anything waits for production. ``client`` belongs to the
    caller, who closes it. Without ``pairs`` nothing is kept.
    """

    def __init__(
        self,
        model: type[AnyModel],
        client: RunnerClient,
        pairs: PairWriter | None,
        busy: Callable[[], bool],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._model = model
        self._client = client
        self._busy = busy
        self._clock = clock
        self._calling = self._closed = False
        self._next = 0.0
        """When the next call may be sent."""
        self._calls = self._failed = self._failed_rows = self._dropped = 0
        self._latencies: list[float] = []
        self._comparer = Comparer(model.card, pairs)
        self._comparer.start()

    def observe(self, batch: Batch, outputs: Outputs, version: str, batch_id: str) -> None:
        """Called on the event loop with each batch that production has answered. Never raises."""
        now = self._clock()
        if self._calling or now < self._next or self._closed or self._busy() or self._comparer.is_full:
            self._dropped += len(batch)
            return
        self._calling = True
        self._calls += 1
        asked = len(batch)
        try:
            asked = self._fitting(batch)
            self._dropped += len(batch) - asked
            whole = asked == len(batch)
            rows = ShadowRows(
                batch if whole else batch[:asked].copy(),
                outputs if whole else outputs[:asked].copy(),
                version.partition(":")[2],
                batch_id,
                time(),
            )
            self._send(rows, now)
        except Exception:
            log.exception("rows of %s could not be sent to the shadow", self._model.card.name)
            self._fail(asked)

    def take(self) -> ShadowSecond:
        pairs, lost = self._comparer.take()
        taken = ShadowSecond(
            pairs + PairCounts(disagreed=self._failed_rows),
            self._calls,
            self._failed,
            self._dropped + lost,
            self._latencies,
        )
        self._calls = self._failed = self._failed_rows = self._dropped = 0
        self._latencies = []
        return taken

    def close(self) -> None:
        """What is answered is still compared and written, by the thread."""
        self._closed = True
        self._comparer.close()

    def _fitting(self, batch: Batch) -> int:
        """How many of the first rows make a call as production's runner gets it."""
        batching = self._model.card.batching
        rows = min(len(batch), batching.max_rows, MAX_ROWS)
        if batching.max_tokens is not None:
            while rows > 1 and self._model.weigh(batch[:rows]) > batching.max_tokens:
                rows //= 2
        return rows

    def _send(self, rows: ShadowRows, sent: float) -> None:
        cost = 0.0

        def replied(reply: Reply | CallFault) -> None:
            if self._closed:
                return
            now = self._clock()
            self._calling = False
            if isinstance(reply, Reply) and reply.outputs.shape == rows.outputs.shape:
                self._latencies.append(now - sent)
                self._comparer.add(AnsweredRows(rows, reply.outputs, reply.version.partition(":")[2]))
                # To read a reply takes about as long as to send the rows, and is over when this is called.
                self._next = sent + REST * (2 * cost + self._clock() - now)
            else:
                self._fail(len(rows.batch))

        self._client.send(rows.batch, TIMEOUT, {}, replied)
        cost = self._clock() - sent

    def _fail(self, rows: int) -> None:
        self._calling = False
        self._failed += 1
        self._failed_rows += rows
        self._next = self._clock() + REST_AFTER_FAILURE
