"""How often drift is seen when it is there, and how often when it is not.

For each model in production: the version's own reference, rows made with seeds it was never trained on, and the
answers that the served model really gives.

    python -m benchmarks.studies.drift_power [--tries 100] [MODEL ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.places import COLLECTION
from jubako.card import AnyCard
from jubako.models import Column
from jubako.monitoring.drift.verdict import DriftVerdict, judge
from jubako.monitoring.record.columns import check
from jubako.monitoring.record.profiles import Sketches, Summary
from jubako.versions import stages, store

Columns = Mapping[str, Column]
Places = NDArray[np.intp]

UNSHIFTED_ROWS = 1_000
SHIFTED_ROWS = 2_000


@dataclass(frozen=True)
class Population:
    """Rows that a model may meet, as monitored columns, and what is normal for it."""

    card: AnyCard
    columns: Columns
    reference: Mapping[str, Summary]

    @property
    def size(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, places: Places) -> dict[str, Column]:
        return {name: _take(column, places) for name, column in self.columns.items()}

    def verdict(self, columns: Columns) -> DriftVerdict:
        summary = summarise(self.card, columns)
        return judge(self.card, self.reference, summary, len(next(iter(columns.values()))))


@dataclass(frozen=True)
class Rate:
    what: str
    found: int
    tries: int


def summarise(card: AnyCard, columns: Columns) -> dict[str, Summary]:
    sketches = Sketches(card)
    sketches.track(check(card, columns))
    return sketches.profile(0.0, {}).summary(card)


def population(name: str, seeds: Sequence[int] = (101,), size: int | None = None) -> Population:
    """As many rows as were made for training: made texts that must all differ are longer the more of them there are."""
    from jubako import collection

    tag = stages.production(name)
    if tag is None:
        raise SystemExit(f"no version of {name} is in production: train it first")
    recipe = collection.here().recipes[name]
    served = store.open_version(tag, recipe.model)
    parts: list[Columns] = []
    for seed in seeds:
        batch = recipe.model.encode(recipe.make(seed, size).rows)
        outputs = np.concatenate([served.model.predict(batch[at : at + 256]) for at in range(0, len(batch), 256)])
        parts.append(recipe.model.signals(batch, outputs))
    columns = {column: _join([part[column] for part in parts]) for column in parts[0]}
    return Population(COLLECTION.cards[name], columns, summarise(COLLECTION.cards[name], store.read_reference(tag)))


def false_alarms(people: Population, tries: int, rng: np.random.Generator) -> Rate:
    drawn = (people.take(rng.integers(0, people.size, UNSHIFTED_ROWS)) for _ in range(tries))
    alarms = sum(people.verdict(columns).state == "drifted" for columns in drawn)
    return Rate(f"false alarm, windows of {UNSHIFTED_ROWS:,} unshifted rows", alarms, tries)


def shifts(people: Population, tries: int, rng: np.random.Generator, sigma: float = 0.5) -> Iterator[Rate]:
    """One number after the other, moved by so many of its standard deviations; only its own alarm counts."""
    for signal in people.card.signals:
        if signal.kind != "number":
            continue
        step = sigma * float(np.nanstd(np.asarray(people.columns[signal.name], dtype=np.float64)))
        if not step:
            continue  # it is the same in every row
        found = 0
        for _ in range(tries):
            columns = people.take(rng.integers(0, people.size, SHIFTED_ROWS))
            columns[signal.name] = np.asarray(columns[signal.name], dtype=np.float64) + step
            found += alarmed(people.verdict(columns), signal.name)
        yield Rate(f"{signal.name} + {sigma} sd", found, tries)


def doubled(people: Population, tries: int, rng: np.random.Generator, rarest: float = 0.01) -> Iterator[Rate]:
    """One category after the other, twice as frequent as before."""
    for signal in (*people.card.signals, *people.card.answer_signals):
        if signal.kind != "category":
            continue
        values = np.array(people.columns[signal.name], dtype=object)
        for category in signal.categories:
            share = float((values == category).mean())
            if rarest <= share <= 0.5:
                weights = np.where(values == category, 2.0, (1 - 2 * share) / (1 - share))
                found = _count(people, signal.name, weights, tries, rng)
                yield Rate(f"{signal.name} = {category}: {share:.1%} -> {2 * share:.1%}", found, tries)


def inverted(people: Population, tries: int, rng: np.random.Generator) -> Iterator[Rate]:
    """The answer's categories with their shares in reverse order: the most frequent becomes the rarest."""
    for signal in people.card.answer_signals:
        if signal.kind != "category":
            continue
        values = np.array(people.columns[signal.name], dtype=object)
        shares = {category: float((values == category).mean()) for category in signal.categories}
        ordered = sorted(category for category in shares if shares[category] > 0)
        ordered.sort(key=shares.__getitem__)
        wanted = dict(zip(ordered, (shares[category] for category in reversed(ordered)), strict=True))
        if max(wanted.values()) < 1.5 * min(wanted.values()):
            continue  # as frequent as each other: nothing to invert
        weights = np.array([wanted[value] / shares[value] for value in values])
        found = _count(people, signal.name, weights, tries, rng)
        yield Rate(f"{signal.name} inverted: {ordered[-1]} {shares[ordered[-1]]:.0%} -> {wanted[ordered[-1]]:.0%}",
                   found, tries)  # fmt: skip


def alarmed(verdict: DriftVerdict, column: str) -> bool:
    return any(found.column == column and found.state == "drifted" for found in verdict.columns)


def _count(people: Population, column: str, weights: NDArray[np.float64], tries: int, rng: np.random.Generator) -> int:
    chances = weights / weights.sum()
    drawn = (people.take(rng.choice(people.size, SHIFTED_ROWS, p=chances)) for _ in range(tries))
    return sum(alarmed(people.verdict(columns), column) for columns in drawn)


def _take(column: Column, places: Places) -> Column:
    return column[places] if isinstance(column, np.ndarray) else [column[place] for place in places.tolist()]


def _join(columns: Sequence[Column]) -> Column:
    if isinstance(columns[0], np.ndarray):
        return np.concatenate([np.asarray(column, dtype=np.float64) for column in columns])
    return [value for column in columns for value in column]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[name for name in COLLECTION.cards if stages.production(name)])
    parser.add_argument("--tries", type=int, default=100)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    for name in arguments.models:
        people = population(name)
        reference = min(summary.rows for summary in people.reference.values())
        print(f"\n{name}: {reference:,} reference rows, {people.size:,} rows to draw from, {SHIFTED_ROWS:,} shifted")
        found = [false_alarms(people, 10 * arguments.tries, rng)]
        for scenario in (shifts, doubled, inverted):
            found.extend(scenario(people, arguments.tries, rng))
        for rate in found:
            print(f"  {rate.what:<70} {rate.found:>5} of {rate.tries}")


if __name__ == "__main__":
    main()
