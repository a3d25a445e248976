"""What one prediction costs in process: each model's own framework beside the engine that serves, one thread.

    python -m benchmarks.studies.engines [MODEL | MODEL:VERSION ...]

A version comes from the BentoML store; without one a model is trained here, small where size does not change the cost.
Every call gets rows that the call before did not have. Times are medians; on a busy machine only the ratios mean much.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.places import COLLECTION
from benchmarks.studies.stock import STOCK, Predict
from jubako import collection
from jubako.models import AnyModel, Batch, Runtime
from jubako.training.recipe import Params, no_log
from jubako.versions import store

SEED = 7
#: A network costs the same after one epoch; a tree model is as large as its data made it, so its defaults stay.
BRIEFLY: Params = {"epochs": 1}
AT_MOST_S = 1.0
"""For each number."""

Load = Callable[[Runtime], AnyModel]


@dataclass(frozen=True)
class Cost:
    engine: str
    one_row_us: float
    best_rows: int
    best_row_us: float
    """For each row of the best batch."""


def fresh(name: str, folder: Path) -> Load:
    """A model trained now, as it lies in a version."""
    recipe = collection.here().recipes[name]
    quick = {key: value for key, value in BRIEFLY.items() if key in recipe.defaults}
    made = recipe.make(SEED, 400 if quick else None)
    batch = recipe.model.encode(made.rows)
    model = recipe.fit(batch, made.truth, {**recipe.defaults, **quick}, seed=SEED, log=no_log).model
    model.save(folder)
    recipe.export(model, folder, batch[:64])
    return lambda runtime: COLLECTION.models[name].load(folder, runtime)


def stored(tag: str) -> Load:
    return lambda runtime: store.open_version(tag, COLLECTION.models[tag.partition(":")[0]], runtime).model


def calls(name: str, load: Load) -> Iterator[tuple[str, Predict]]:
    """The stock call, then what `native` and `auto` really are; one when they are the same."""
    native, served = load(Runtime("native")), load(Runtime("auto"))
    if name in STOCK:
        yield STOCK[name](native)
    yield native.engine, native.predict
    if served.engine != native.engine:
        yield served.engine, served.predict


def cost(engine: str, predict: Predict, rows: Batch, max_rows: int) -> Cost:
    sizes = [size for size in (2**power for power in range(12)) if size <= max_rows]
    per_row = {size: call_us(predict, rows, size) / size for size in sizes}
    best = min(per_row, key=lambda size: per_row[size])
    return Cost(engine, per_row[1], best, per_row[best])


def call_us(predict: Predict, rows: Batch, size: int) -> float:
    """The median of many calls, each with other rows."""
    batches = [rows[(np.arange(size) + start) % len(rows)] for start in range(0, max(len(rows), 64), size)]
    predict(batches[0])
    times: list[float] = []
    ends = time.perf_counter() + AT_MOST_S
    while len(times) < 5 or (time.perf_counter() < ends and len(times) < 2_000):
        batch = batches[len(times) % len(batches)]
        begun = time.perf_counter()
        predict(batch)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def lines(name: str, costs: Sequence[Cost]) -> Iterator[tuple[str, ...]]:
    """The ratios say how many times faster than the first, the model's own framework."""
    first = costs[0]
    for found in costs:
        yield (
            name,
            found.engine,
            f"{found.one_row_us:,.1f}",
            f"{first.one_row_us / found.one_row_us:.1f} x",
            f"{found.best_rows}",
            f"{found.best_row_us:,.1f}",
            f"{first.best_row_us / found.best_row_us:.1f} x",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL[:VERSION]", help="all models by default")
    asked = parser.parse_args().models or [name for name in COLLECTION.models if find_spec(f"training.{name}")]
    if unknown := {tag.partition(":")[0] for tag in asked} - set(COLLECTION.models):
        parser.error(f"no model {', '.join(sorted(unknown))}; there are {', '.join(COLLECTION.models)}")
    table = Table("model", "engine", "one row, µs", "ratio", "best batch", "µs a row", "ratio", title="One thread")
    with ExitStack() as folders:
        for tag in asked:
            name, _, version = tag.partition(":")
            folder = Path(folders.enter_context(tempfile.TemporaryDirectory()))
            load = stored(tag) if version else fresh(name, folder)
            recipe = collection.here().recipes[name]
            rows = recipe.model.encode(recipe.make(SEED + 1, 2_000).rows)
            max_rows = COLLECTION.cards[name].batching.max_rows
            for line in lines(name, [cost(*call, rows, max_rows) for call in calls(name, load)]):
                table.add_row(*line)
            table.add_section()
    Console().print(table)


if __name__ == "__main__":
    main()
