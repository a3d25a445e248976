"""Whether a candidate's process needs far more of the machine than it should.

A process that leaks or never rests harms everybody on its machine, the old version's own latencies too: no comparison
of latencies shows it.
"""

from __future__ import annotations

from jubako.rollout.process import Usage

MEMORY_FACTOR, MEMORY_BYTES = 2.0, 512 << 20
"""More than so many times the usual memory, and so many bytes above that, is too much."""
PROCESSOR_SHARE = 0.5
"""More processors than it has threads, and so much above that, ..."""
PROCESSOR_SECONDS = 10
"""... in so many seconds in a row, is too much."""


class ExcessWatch:
    """Looks at one process once a second. ``threads`` are those that the configuration gives to the model.

    >>> watch = ExcessWatch(threads=1)
    >>> for second in range(12):
    ...     found = watch.look(Usage(memory_bytes=1 << 28, processor_seconds=1.8 * second), usual_bytes=1 << 28)
    >>> found
    'wanted 1.8 processors for 10 seconds, and has 1 thread'
    >>> ExcessWatch(threads=1).look(Usage(memory_bytes=2 << 30), usual_bytes=1 << 28)
    'holds 2,048 MB, and the old version 256 MB'
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._before: float | None = None
        self._busy_seconds = 0

    @property
    def is_busy(self) -> bool:
        """Whether it took too much of the processor in the last second."""
        return self._busy_seconds > 0

    def look(self, usage: Usage, usual_bytes: int) -> str:
        """What is too much; empty while nothing is."""
        if usual_bytes and usage.memory_bytes > MEMORY_FACTOR * usual_bytes + MEMORY_BYTES:
            return f"holds {usage.memory_bytes >> 20:,} MB, and the old version {usual_bytes >> 20:,} MB"
        before, self._before = self._before, usage.processor_seconds
        spent = 0.0 if before is None else usage.processor_seconds - before
        self._busy_seconds = self._busy_seconds + 1 if spent > self._threads + PROCESSOR_SHARE else 0
        if self._busy_seconds >= PROCESSOR_SECONDS:
            threads = f"{self._threads} thread{'s' if self._threads > 1 else ''}"
            return f"wanted {spent:.1f} processors for {PROCESSOR_SECONDS} seconds, and has {threads}"
        return ""
