"""What each gateway process counted in a rollout: one small file a process, replaced every second.

The process that judges adds up those of all workers and replicas. A second of a process counts once, however late it
comes and whichever process judges: the record has the last one that was added.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from jubako import durable
from jubako.rollout import latencies, record
from jubako.rollout.evidence import ArmCounts, PairCounts, SecondCounts
from jubako.rollout.record import ARMS, Arm, ArmTotals

KEPT_SECONDS = 120
"""A judge that was away so long misses nothing."""
LATE = 2
"""Seconds that other processes have to write a second down before it is judged."""


@dataclass(slots=True)
class Totals:
    requests: int = 0
    failed: int = 0
    dropped: int = 0
    latencies: latencies.Counts = latencies.NO_COUNTS


@dataclass(slots=True)
class ProcessCounts:
    """One process's numbers of one rollout."""

    process: str
    """A name among those of all hosts that share the store."""
    rollout: str
    seconds: dict[int, SecondCounts] = field(default_factory=dict)
    """By Unix time, the newest."""
    totals: dict[Arm, Totals] = field(default_factory=lambda: {arm: Totals() for arm in ARMS})
    labels: dict[str, PairCounts] = field(default_factory=dict)
    """Labelled pairs of the monitoring database, by its id: the whole sum so far."""
    deaths: int = 0
    """How often the candidate's processes ended by themselves."""
    excess: str = ""
    """Why the candidate needs too much of the machine; empty when it does not."""

    def add(self, second: int, counts: SecondCounts) -> None:
        self.seconds[second] = self.seconds.get(second, SecondCounts()) + counts
        for old in sorted(self.seconds)[:-KEPT_SECONDS]:
            del self.seconds[old]

    def write(self, model: str) -> None:
        folder = _folder(model, self.rollout)
        durable.replace(folder / f"{self.process}.json", json.dumps(asdict(self)).encode())

    @classmethod
    def read(cls, content: bytes) -> ProcessCounts:
        """
        >>> counts = ProcessCounts("p", "r", {7: SecondCounts(ArmCounts(1, 1))}, deaths=2)
        >>> ProcessCounts.read(json.dumps(asdict(counts)).encode()) == counts
        True
        """
        found: dict[str, Any] = json.loads(content)
        return cls(
            found["process"],
            found["rollout"],
            {int(second): _second(counts) for second, counts in found["seconds"].items()},
            {
                arm: Totals(**{**totals, "latencies": tuple(totals["latencies"])})
                for arm, totals in found["totals"].items()
            },
            {database: PairCounts(**pairs) for database, pairs in found["labels"].items()},
            found["deaths"],
            found["excess"],
        )


def process_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{time.time_ns():x}"


def read_all(model: str, rollout: str) -> dict[str, ProcessCounts]:
    """By process, also of those that have ended."""
    found: dict[str, ProcessCounts] = {}
    for file in sorted(_folder(model, rollout).glob("*.json")):
        found[file.stem] = ProcessCounts.read(file.read_bytes())
    return found


def remove_others(model: str, rollout: str) -> None:
    """Delete the counts of rollouts that are over."""
    for folder in record.folder().glob(f"{model}-*.counts"):
        if folder.name != f"{model}-{rollout}.counts":
            shutil.rmtree(folder, ignore_errors=True)


def take_new(
    processes: Mapping[str, ProcessCounts], consumed: Mapping[str, int], now: float
) -> tuple[list[SecondCounts], dict[str, int]]:
    """The seconds that are not in the evidence yet, each summed over all processes, and what is consumed with them.

    >>> one, other = ProcessCounts("p", "r"), ProcessCounts("p", "r")
    >>> one.add(7, SecondCounts(ArmCounts(1))); one.add(8, SecondCounts(ArmCounts(2)))
    >>> other.add(7, SecondCounts(ArmCounts(10))); other.add(9, SecondCounts(ArmCounts(20)))
    >>> seconds, consumed = take_new({"a": one, "b": other}, {"a": 6}, now=11.0)
    >>> [second.canary.requests for second in seconds], consumed
    ([11, 2], {'a': 8, 'b': 7})
    """
    by_second: dict[int, list[SecondCounts]] = {}
    after = dict(consumed)
    for process, counts in processes.items():
        for second, found in counts.seconds.items():
            if consumed.get(process, -1) < second < now - LATE:
                by_second.setdefault(second, []).append(found)
                after[process] = max(after.get(process, -1), second)
    return [reduce(add, by_second[second]) for second in sorted(by_second)], after


def sum_totals(processes: Iterable[ProcessCounts]) -> dict[Arm, ArmTotals]:
    """
    >>> one = ProcessCounts("p", "r"); one.totals["canary"].requests = 3
    >>> sum_totals([one, one])["canary"].requests
    6
    """
    summed: dict[Arm, Totals] = {arm: Totals() for arm in ARMS}
    for counts in processes:
        for arm, totals in counts.totals.items():
            whole = summed[arm]
            whole.requests += totals.requests
            whole.failed += totals.failed
            whole.dropped += totals.dropped
            whole.latencies = latencies.add(whole.latencies, totals.latencies)
    return {arm: ArmTotals(**asdict(totals)) for arm, totals in summed.items()}


def new_labels(
    processes: Iterable[ProcessCounts], known: Mapping[str, Mapping[str, int]]
) -> tuple[PairCounts, dict[str, dict[str, int]]]:
    """Labelled pairs that are not in the evidence yet, and all that are then. Workers share a database: it counts once.

    >>> one = ProcessCounts("p", "r", labels={"db": PairCounts(ties=5)})
    >>> fresh, known = new_labels([one, one], {"db": {"ties": 3}})
    >>> fresh.ties, known["db"]["ties"]
    (2, 5)
    """
    after = {database: dict(pairs) for database, pairs in known.items()}
    fresh = PairCounts()
    for counts in processes:
        for database, pairs in counts.labels.items():
            before = after.get(database, {})
            grown = {name: max(getattr(pairs, name), before.get(name, 0)) for name in LABELLED}
            fresh = fresh + PairCounts(**{name: grown[name] - before.get(name, 0) for name in LABELLED})
            after[database] = grown
    return fresh, after


LABELLED = ("only_candidate_wrong", "only_production_wrong", "ties")


def _folder(model: str, rollout: str) -> Path:
    return record.folder() / f"{model}-{rollout}.counts"


def _second(counts: Mapping[str, Any]) -> SecondCounts:
    arms = {name: ArmCounts(**{**counts[name], "slow": tuple(counts[name]["slow"])}) for name in ("canary", "baseline")}
    return SecondCounts(**arms, pairs=PairCounts(**counts["pairs"]))
