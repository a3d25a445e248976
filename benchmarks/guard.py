"""Fails when Jubako became slower beside its peers: compares a quick run with ``benchmarks/ratios.json``.

Absolute numbers depend on the machine, so only ratios to peers measured in the same run count. The median change over
the peers decides, so one peer's outlier does not. ``--store`` keeps the ratios of a run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import __main__ as command
from benchmarks.aims import OURS
from benchmarks.losses import rivals
from benchmarks.plan import FEW
from benchmarks.results import Load, Run
from benchmarks.summary import Summary, p50, per_second

FILE = Path(__file__).with_name("ratios.json")
TOLERANCE = 0.15

Ratios = dict[str, dict[str, float]]
"""Measurement -> peer -> Jubako over it, above 1 is better for Jubako."""


def quickness(load: Load) -> float | None:
    middle = p50(load)
    return 1 / middle if middle else None


MEASURES: dict[str, Callable[[Load], float | None]] = {"throughput": per_second, "quickness (1 / p50)": quickness}


def ratios(run: Run) -> Ratios:
    summary = Summary(run)
    found: Ratios = {}
    for model in summary.models:
        for cell in FEW:
            for name, measure in MEASURES.items():
                peers = {peer: summary.ratio(OURS, peer, model, cell, measure) for peer in rivals(summary)}
                key = f"{model}, {cell[0]} x {cell[1]}, {name}"
                found[key] = {peer: round(ratio.median, 3) for peer, ratio in peers.items() if ratio and ratio.median}
    return {key: peers for key, peers in found.items() if peers}


@dataclass(frozen=True, slots=True)
class Change:
    key: str
    factor: float
    """The median change over the peers: 0.85 means that Jubako lost 15 % beside them."""
    peers: Mapping[str, float]

    @property
    def worse(self) -> bool:
        return self.factor < 1 - TOLERANCE

    def __str__(self) -> str:
        each = ", ".join(f"{peer} {factor:.2f}" for peer, factor in self.peers.items())
        return f"{'WORSE' if self.worse else 'fine '} {self.factor:5.2f}  {self.key}  ({each})"


def changes(stored: Ratios, now: Ratios) -> list[Change]:
    """
    >>> stored = {"iris": {"litserve": 4.0, "mlserver": 3.0, "ray": 10.0}}
    >>> now = {"iris": {"litserve": 3.2, "mlserver": 2.4, "ray": 11.0}}
    >>> [(change.factor, change.worse) for change in changes(stored, now)]
    [(0.8, True)]
    """
    found = []
    for key in stored.keys() & now.keys():
        peers = {peer: round(now[key][peer] / stored[key][peer], 3) for peer in stored[key].keys() & now[key].keys()}
        if peers:
            found.append(Change(key, statistics.median(peers.values()), dict(sorted(peers.items()))))
    return sorted(found, key=lambda change: change.key)


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--run", type=Path, help="the JSON file of a run; without it a quick one is made")
    parser.add_argument("--store", action="store_true", help="keep this run's ratios to hold later ones against")
    options, others = parser.parse_known_args(given)
    run = Run.read(options.run) if options.run else command.measured(command.arguments(["--quick", *others]))
    now = ratios(run)
    if options.store:
        FILE.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
        print(f"stored {sum(map(len, now.values()))} ratios")
        return 0
    if not FILE.exists():
        print("no ratios are stored yet: `python -m benchmarks.guard --store` on an idle machine keeps this code's")
        return 2
    found = changes(json.loads(FILE.read_text()), now)
    if not found:
        print("nothing in this run can be compared with the stored ratios")
        return 2
    print(*found, sep="\n")
    return int(any(change.worse for change in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
