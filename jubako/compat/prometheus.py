"""Private parts of prometheus_client. Tested with 0.26.0; a test adds to a histogram and reads it back.

- ``Histogram._buckets``, ``_sum``: ``observe`` takes one value; a gateway adds the counts of half a second at once.
- ``gauge_live*_PID.db``: the files of a dead process stay until somebody calls ``mark_process_dead`` for its pid, which
  nobody does for a process that was killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def add_counts(histogram: Any, counts: Sequence[int], total: float) -> None:
    """Add many observations at once: how many fell into each bucket (not cumulated), and their sum."""
    for bucket, count in zip(histogram._buckets, counts, strict=True):
        if count:
            bucket.inc(count)
    histogram._sum.inc(total)


def remove_dead_gauges(folder: Path | None = None) -> list[Path]:
    """Remove the gauges of processes that are gone: else their memory counts for ever.

    Their counters stay, because what they answered was answered.
    """
    named = folder or os.environ.get(FOLDER)
    if not named or not Path("/proc/self").exists():
        return []
    return list(_removed(Path(named)))


def _removed(folder: Path) -> Iterator[Path]:
    for file in folder.glob("gauge_live*.db"):
        if not Path("/proc", file.stem.rpartition("_")[2]).exists():
            with contextlib.suppress(OSError):
                file.unlink()
                yield file


def service_samples(names: Sequence[str]) -> Iterator[tuple[str, dict[str, str], float]]:
    """The current counters and gauges of these names over all processes; histograms are not opened."""
    from prometheus_client import REGISTRY
    from prometheus_client.multiprocess import MultiProcessCollector

    folder = os.environ.get(FOLDER)
    if folder:
        files = [str(file) for kind in ("counter", "gauge") for file in Path(folder).glob(f"{kind}_*.db")]
        merge: Any = MultiProcessCollector.merge
        families = merge(files, accumulate=False)
    else:
        families = REGISTRY.collect()
    wanted = set(names)
    for family in families:
        for sample in family.samples:
            if sample.name in wanted:
                yield sample.name, dict(sample.labels), sample.value
