"""The numbers of a run: medians with their spread, and ratios formed within each round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.plan import Cell
from benchmarks.results import Bare, Load, Run

Measure = Callable[[Load], float | None]
"""None where a load has no such value: no latency without an answer."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The values of several rounds."""

    median: float
    low: float
    high: float


def figure(values: Iterable[float]) -> Figure | None:
    """
    >>> figure([3.0, 1.0, 2.0])
    Figure(median=2.0, low=1.0, high=3.0)
    >>> figure([])
    """
    found = list(values)
    return Figure(statistics.median(found), min(found), max(found)) if found else None


def paired(ours: dict[int, float], theirs: dict[int, float]) -> Figure | None:
    """Ours over theirs within each round, since the servers of a round met the same machine.

    >>> paired({0: 10.0, 1: 30.0}, {0: 5.0, 1: 10.0, 2: 7.0})
    Figure(median=2.5, low=2.0, high=3.0)
    """
    return figure(ours[number] / theirs[number] for number in ours.keys() & theirs.keys() if theirs[number])


def per_second(load: Load) -> float:
    return load.per_second


def rows_per_second(load: Load) -> float:
    return load.per_second * load.rows


def p50(load: Load) -> float | None:
    return load.p50 if load.answered else None


def p99(load: Load) -> float | None:
    return load.p99 if load.answered else None


class Summary:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.models = list(dict.fromkeys(one.model for one in run.bare))
        self.servers = list(run.contestants)

    def title(self, server: str) -> str:
        return self.run.contestants[server].title

    def loads(self, server: str, model: str, cell: Cell) -> list[Load]:
        """Of the closed loop."""
        wanted = (server, model, *cell)
        return [
            one
            for one in self.run.loads
            if one.offered is None and (one.server, one.model, one.connections, one.rows) == wanted
        ]

    def open_loads(self, server: str, model: str) -> list[Load]:
        return [one for one in self.run.loads if one.offered is not None and (one.server, one.model) == (server, model)]

    def cells(self, model: str) -> list[Cell]:
        found = {(one.connections, one.rows) for one in self.run.loads if one.offered is None and one.model == model}
        return sorted(found, key=lambda cell: (cell[1], cell[0]))

    def rounds(self, server: str, model: str, cell: Cell, measure: Measure) -> dict[int, float]:
        found = ((load.round, measure(load)) for load in self.loads(server, model, cell))
        return {number: value for number, value in found if value is not None}

    def of(self, server: str, model: str, cell: Cell, measure: Measure) -> Figure | None:
        return figure(self.rounds(server, model, cell, measure).values())

    def ratio(self, server: str, other: str, model: str, cell: Cell, measure: Measure = per_second) -> Figure | None:
        return paired(self.rounds(server, model, cell, measure), self.rounds(other, model, cell, measure))

    def between(self, server: str, model: str, above: Cell, below: Cell) -> Figure | None:
        """One server's throughput with one load over that with another."""
        return paired(self.rounds(server, model, above, per_second), self.rounds(server, model, below, per_second))

    def failed(self, server: str, model: str, cell: Cell) -> float:
        loads = self.loads(server, model, cell)
        failed = sum(one.refused + one.broken for one in loads)
        return failed / max(sum(one.answered for one in loads) + failed, 1)

    def wrong(self, server: str) -> tuple[int, int]:
        """Wrong answers, and answers that were checked."""
        mine = [one for one in self.run.loads if one.server == server]
        return sum(one.wrong for one in mine), sum(one.checked for one in mine)

    def bare(self, model: str, best: Callable[[Bare], float]) -> dict[int, float]:
        """Round -> the bare model's rows a second."""
        return {one.round: best(one) for one in self.run.bare if one.model == model}

    def survives(self, server: str, model: str, cells: Sequence[Cell], best: Callable[[Bare], float]) -> Figure | None:
        """A server's best rows a second over the bare model's."""
        ours: dict[int, float] = {}
        for cell in cells:
            for number, value in self.rounds(server, model, cell, rows_per_second).items():
                ours[number] = max(value, ours.get(number, 0.0))
        return paired(ours, self.bare(model, best))
