"""How often the judge of rollouts is wrong: simulated rollouts, judged second by second.

    python -m benchmarks.studies.judge [--quick] [--page-only]

Counts are kept in ``docs/benchmarks/judge.json``; ``docs/judge.md`` is written from them. ``--quick`` simulates a
twentieth of the rollouts and keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.places import ROOT
from benchmarks.studies import judge_labels, judge_rules
from benchmarks.studies.judge_cells import Caught, FaultCell, IdenticalCell, Kept
from benchmarks.studies.judge_page import write_page
from benchmarks.studies.judge_real_page import RealKept
from benchmarks.studies.judge_streams import FAULTS, SCENARIOS, Floats, Streams, shares, simulate

PAGE = ROOT / "docs" / "judge.md"
KEEP = ROOT / "docs" / "benchmarks" / "judge.json"
REAL = ROOT / "docs" / "benchmarks" / "judge_real.json"
"""Kept by ``benchmarks.studies.judge_real``."""
RATES = (10, 100, 1_000)
CHUNK = 250_000
"""Seconds of rollouts at once: what fits into a processor's cache."""
IDENTICAL, FAULTY, LABELLED = 3_000, 1_000, 3_000


def identical(rate: int, scenario: str, rollouts: int, seed: int) -> IdenticalCell:
    rolled_back = dict.fromkeys([*judge_rules.RULES, "breaker"], 0)
    for streams in _streams(rate, scenario, "none", rollouts, seed):
        for name, rule in {**judge_rules.RULES, "breaker": judge_rules.breaker}.items():
            rolled_back[name] += int((rule(streams) != judge_rules.NEVER).sum())
    return IdenticalCell(rate, scenario, rollouts, rolled_back)


def faulty(rate: int, fault: str, rollouts: int, seed: int) -> FaultCell:
    found: dict[str, list[Floats]] = {name: [] for name in judge_rules.RULES}
    for streams in _streams(rate, "calm", fault, rollouts, seed):
        requests, rows = np.cumsum(streams.requests[0], axis=1), np.arange(len(streams.failed[0]))
        for name, rule in judge_rules.RULES.items():
            at = rule(streams)
            seconds = np.where(at == judge_rules.NEVER, np.inf, at + 1)
            # NEVER is the last column: what a missed candidate answered until it had all traffic.
            found[name].append(np.stack([seconds, requests[rows, at]], axis=1))
    extra = FAULTS[fault].extra
    caught = {name: Caught.of(np.concatenate(them), extra) for name, them in found.items()}
    return FaultCell(rate, fault, rollouts, caught)


def _streams(rate: int, scenario: str, fault: str, rollouts: int, seed: int) -> Iterator[Streams]:
    rng = np.random.default_rng([seed, rate, list(SCENARIOS).index(scenario), list(FAULTS).index(fault)])
    size = max(CHUNK // len(shares(rate)), 1)
    for at in range(0, rollouts, size):
        yield simulate(rate, scenario, FAULTS[fault], min(size, rollouts - at), rng)


def labelled(differ: float, worse: float, rollouts: int, seed: int) -> judge_labels.LabelCell:
    rng = np.random.default_rng([seed, round(1e6 * differ), round(1e6 * worse)])
    return judge_labels.labelled(differ, worse, rollouts, rng)


def agreeing(disagree: float, rollouts: int, seed: int) -> judge_labels.AgreementCell:
    return judge_labels.agreeing(disagree, rollouts, np.random.default_rng([seed, round(1e6 * disagree)]))


def jobs(part: float, seed: int) -> dict[str, list[Callable[[], Any]]]:
    """By the list of ``Kept`` that takes the results, in the order of the page."""
    many, few, rows = (round(part * whole) for whole in (IDENTICAL, FAULTY, LABELLED))
    return {
        "identical": [partial(identical, rate, name, many, seed) for rate in RATES for name in SCENARIOS],
        "faults": [partial(faulty, rate, name, few, seed) for name in list(FAULTS)[1:] for rate in RATES],
        "labels": [
            partial(labelled, differ, worse, rows, seed)
            for worse in judge_labels.WORSE
            for differ in judge_labels.DIFFER
            if differ >= worse
        ],
        "agreement": [partial(agreeing, disagree, rows, seed) for disagree in judge_labels.DISAGREE],
    }


def run(part: float, seed: int, console: Console) -> Kept:
    started = time.monotonic()
    wanted = jobs(part, seed)
    found: dict[str, list[Any]] = {name: [None] * len(them) for name, them in wanted.items()}
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 8)) as pool, Progress(console=console) as progress:
        task = progress.add_task("simulating rollouts", total=sum(map(len, wanted.values())))
        places = {pool.submit(job): (name, at) for name, them in wanted.items() for at, job in enumerate(them)}
        for done in as_completed(places):
            name, at = places[done]
            found[name][at] = done.result()
            progress.advance(task)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return Kept(now, (time.monotonic() - started) / 60, seed, **found)


def show(kept: Kept, console: Console) -> None:
    table = Table("requests/s", "scenario", *kept.identical[0].rolled_back, title="Identical versions rolled back")
    for cell in kept.identical:
        table.add_row(f"{cell.rate:,}", cell.scenario, *(f"{count:,}" for count in cell.rolled_back.values()))
    console.print(table)
    caught = Table("fault", "requests/s", *kept.faults[0].caught, title="Faults caught before 100 %")
    for fault in kept.faults:
        caught.add_row(fault.fault, f"{fault.rate:,}", *(f"{one.caught:,}" for one in fault.caught.values()))
    console.print(caught)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rollouts, nothing is kept")
    parser.add_argument("--page-only", action="store_true", help="write the page from what is kept")
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--keep", type=Path, default=KEEP)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    console = Console()
    if options.quick:
        folder = Path(tempfile.mkdtemp())
        options.keep, options.page = folder / "judge.json", folder / "judge.md"
    if options.page_only:
        kept = Kept.restored(json.loads(options.keep.read_text()))
    else:
        kept = run(0.05 if options.quick else 1.0, options.seed, console)
        options.keep.write_text(json.dumps(kept.dumped(), indent=1) + "\n")
    show(kept, console)
    write_page(kept, options.page, RealKept.model_validate_json(REAL.read_bytes()))
    console.print(f"{kept.minutes:.1f} minutes; {options.page}")


if __name__ == "__main__":
    main()
