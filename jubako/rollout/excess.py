"""Whether the candidate needs far more of the machine than the old version does for as many requests.

A process that leaks or never rests harms everybody on its machine, and the old version's own latencies with it: no
comparison of latencies shows it.
"""

from __future__ import annotations

from jubako.rollout.process import Usage

MEMORY_FACTOR, MEMORY_BYTES = 2.0, 512 << 20
"""More than so many times the old version's memory, and so many bytes above that, is too much."""
PROCESSOR_FACTOR, PROCESSOR_SHARE = 3.0, 0.5
"""More than so many times the old version's processor time, and so much of a processor above that, ..."""
PROCESSOR_SECONDS = 10
"""... in so many seconds in a row, is too much."""


class ExcessWatch:
    """Looks once a second at both processes.

    >>> watch = ExcessWatch()
    >>> for second in range(12):
    ...     found = watch.look(Usage(1 << 28, 1.8 * second), Usage(1 << 28, 0.1 * second))
    >>> found
    'needed 1.8 processors where the old version needed 0.1, for 10 seconds'
    >>> ExcessWatch().look(Usage(2 << 30, 0.0), Usage(1 << 28, 0.0))
    'holds 2,048 MB where the old version holds 256 MB'
    """

    def __init__(self) -> None:
        self._before: tuple[Usage, Usage] | None = None
        self._busy_seconds = 0
        self._found = ""

    def look(self, candidate: Usage, old: Usage) -> str:
        """What is too much, from the first time on; empty while nothing is."""
        before, self._before = self._before, (candidate, old)
        if candidate.memory_bytes > MEMORY_FACTOR * old.memory_bytes + MEMORY_BYTES and old.memory_bytes:
            held, usual = candidate.memory_bytes >> 20, old.memory_bytes >> 20
            self._found = self._found or f"holds {held:,} MB where the old version holds {usual:,} MB"
        if before is not None:
            spent = candidate.processor_seconds - before[0].processor_seconds
            usual_spent = old.processor_seconds - before[1].processor_seconds
            too_much = spent > PROCESSOR_FACTOR * usual_spent + PROCESSOR_SHARE
            self._busy_seconds = self._busy_seconds + 1 if too_much else 0
            if self._busy_seconds >= PROCESSOR_SECONDS:
                self._found = self._found or (
                    f"needed {spent:.1f} processors where the old version needed {usual_spent:.1f},"
                    f" for {PROCESSOR_SECONDS} seconds"
                )
        return self._found
