"""What monitoring costs, in microseconds a row for each model: ``python -m benchmarks.studies.profile_cost``.

The ablation ``profiling`` measures the requests/s that a whole service loses by it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.places import COLLECTION
from jubako.models import Outputs
from jubako.monitoring.archive.prediction_log import LogBlock, pack
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.observations import Observation, ObservationGroup
from jubako.monitoring.record.profiles import Sketches
from jubako.monitoring.record.recorder import Recorder
from jubako.settings import MonitoringSettings

ROWS = 2_000


def median_microseconds(work: Callable[[], Any], rows: int, times: int = 15) -> float:
    taken = []
    for _ in range(times):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return statistics.median(taken) / rows * 1e6


def answers(name: str, rows: int) -> Outputs:
    rng = np.random.default_rng(0)
    outputs = len(COLLECTION.cards[name].outputs)
    return rng.dirichlet(np.ones(max(2, outputs)), rows)[:, :outputs].astype("f4")


def columns(name: str) -> None:
    card, model = COLLECTION.cards[name], COLLECTION.models[name]
    examples = [card.row.model_validate_json(orjson.dumps(example)) for example in card.examples]
    batch, outputs = model.encode([examples[row % len(examples)] for row in range(ROWS)]), answers(name, ROWS)
    signals = model.signals(batch, outputs)
    checked = check(card, signals)
    sketches = Sketches(card)
    single = [Observation(name, "v", f"{row:021x}", batch[row : row + 1], outputs[row : row + 1], 0.0)
              for row in range(ROWS)]  # fmt: skip
    group = ObservationGroup.of(0.0, single)
    costs = {
        "join": median_microseconds(lambda: ObservationGroup.of(0.0, single), ROWS),
        "signals": median_microseconds(lambda: model.signals(batch, outputs), ROWS),
        "check": median_microseconds(lambda: check(card, signals), ROWS),
        "sketch": median_microseconds(lambda: sketches.track(checked), ROWS),
        "log": median_microseconds(lambda: pack("v", LogBlock(card, [group], [checked])), ROWS),
    }
    shown = "  ".join(f"{part} {cost:5.2f}" for part, cost in costs.items())
    print(f"  {name:<10} {shown}   together {sum(costs.values()):5.2f}")


def observing() -> float:
    """Microseconds for one call of ``observe``, with its observation."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(
            Path(folder), MonitoringSettings(buffer_rows=10_000_000), COLLECTION.models
        )  # not started: only the request's side
        batch, outputs = np.zeros((1, 4), "f4"), np.zeros((1, 3), "f4")

        def hundred() -> None:
            for _ in range(100):
                recorder.observe(Observation("iris", "v", "0193662f1c2a3b4c5d6e7", batch, outputs, time.time()))

        return median_microseconds(hundred, 100, 200)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"Microseconds a row in the profiler thread, {ROWS:,} requests of one row:")
    for name in COLLECTION:
        columns(name)
    print(f"Microseconds of a request in the event loop: {observing():.2f}")


if __name__ == "__main__":
    main()
