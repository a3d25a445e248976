"""The aims of Jubako, and whether this run reached them. A missed aim stays in the list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.plan import CROWD
from benchmarks.results import Bare
from benchmarks.summary import Figure, Summary, figure, p50, p99, paired

TABLES = ("iris", "housing", "churn")
ONE, BUSY = (1, 1), (64, 1)
OURS = "jubako"


@dataclass(frozen=True, slots=True)
class Aim:
    what: str
    wanted: str
    found: str
    met: bool


def aims(summary: Summary) -> list[Aim]:
    """The aims that this run measured."""
    return [*_beside_peers(summary), *_latency(summary), *_survival(summary), *_stamina(summary), *_life(summary)]


def _at_least(what: str, wanted: float, found: Figure | None, unit: str = "x") -> Iterator[Aim]:
    if found:
        yield Aim(what, f"at least {wanted:g} {unit}".strip(), told(found, unit), found.median >= wanted)


def _at_most(what: str, wanted: float, found: Figure | None, unit: str) -> Iterator[Aim]:
    if found:
        yield Aim(what, f"at most {wanted:g} {unit}".strip(), told(found, unit), found.median <= wanted)


def told(found: Figure, unit: str) -> str:
    """
    >>> told(Figure(2.5, 2.0, 3.0), "x")
    '2.50 x (2.00 to 3.00)'
    """
    return f"{found.median:,.2f} {unit}".strip() + f" ({found.low:,.2f} to {found.high:,.2f})"


def _beside_peers(summary: Summary) -> Iterator[Aim]:
    wanted = {"bentoml": 15.0, "litserve": 3.0, "mlserver": 2.0, "fastapi": 0.6}
    for model in TABLES:
        for peer, bound in wanted.items():
            if peer in summary.servers:
                what = f"{model}: answered requests/s beside {summary.title(peer)}, 64 connections"
                yield from _at_least(what, bound, summary.ratio(OURS, peer, model, BUSY))


def _latency(summary: Summary) -> Iterator[Aim]:
    contestants = summary.run.contestants
    for model in TABLES:
        peers = [
            name
            for name in summary.servers
            if contestants[name].batching and not contestants[name].documented and not name.startswith(OURS)
        ]
        theirs = [rounds for peer in peers if (rounds := summary.rounds(peer, model, BUSY, p99))]
        if theirs:
            best = {
                number: min(rounds[number] for rounds in theirs if number in rounds) for number in set().union(*theirs)
            }
            ratio = paired(summary.rounds(OURS, model, BUSY, p99), best)
            yield from _at_most(f"{model}: p99 over that of the best batching peer, 64 connections", 1.0, ratio, "x")
        yield from _at_most(f"{model}: p50 with one connection", 1.5, summary.of(OURS, model, ONE, p50), "ms")
    for model in summary.models:
        ratios = figure(load.p99 / load.p50 for load in summary.open_loads(OURS, model) if load.p50)
        yield from _at_most(f"{model}: p99 over p50 at 70 % of what it can", 4.0, ratios, "x")


def _survival(summary: Summary) -> Iterator[Aim]:
    for model in summary.models:
        cells = summary.cells(model)
        if model in TABLES:
            found = summary.survives(OURS, model, [cell for cell in cells if cell[1] == 64], lambda bare: bare.best)
            yield from _at_least(f"{model}: rows/s in requests of 64 over the bare model's best", 0.5, found, "")
        elif model == "image":
            found = summary.survives(OURS, model, cells, _decoding)
            yield from _at_least("image: pictures/s over the bare model's best, decoding included", 0.85, found, "")
        else:
            found = summary.survives(OURS, model, cells, lambda bare: bare.best)
            yield from _at_least(f"{model}: rows/s over the bare model's best", 0.9, found, "")


def _decoding(bare: Bare) -> float:
    return max(bare.encode.values())


def _stamina(summary: Summary) -> Iterator[Aim]:
    found = summary.between(OURS, "iris", CROWD, BUSY)
    yield from _at_least("iris: answered requests/s with 1,024 connections over those with 64", 0.9, found, "")


def _life(summary: Summary) -> Iterator[Aim]:
    lives = [life for life in summary.run.lives if life.server == OURS and life.why is None]
    starts = figure(life.start_seconds for life in lives)
    yield from _at_most("from `bentoml serve` to the first answer", 15, starts, "s")
    yield from _at_most("memory of all processes, after the load", 1_800, figure(life.memory for life in lives), "MB")
