"""What one training works on: rows that were checked, encoded as they will be in service, and split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jubako.card import AnyCard
from jubako.models import BadRows, Batch
from jubako.training import tables
from jubako.training.recipe import DataRefused, Dataset, Params, Recipe, Truth
from jubako.training.split import Places, Split, folds, split
from jubako.versions.manifest import DataFacts

FEWEST_ROWS = 20


@dataclass(frozen=True)
class GivenRows:
    """Labelled rows that a training gets instead of reading its own."""

    learn: Dataset
    unseen: Dataset
    """Newer rows that neither this model nor the one in production has learnt from: judged on, and must be better."""
    own: str
    """Where the rows among ``learn`` come from that are the model's own."""


@dataclass(frozen=True)
class TrainingRequest:
    """What somebody asked for."""

    data: str | None = None
    """A path, ``sklearn``, ``hf:NAME``; nothing is the project's own data."""
    params: Params = field(default_factory=dict)
    seed: int = 7
    tune: int = 0
    size: int | None = None
    """About how many rows to make; only the project's own data."""
    given: GivenRows | None = None


@dataclass(frozen=True)
class TrainingData:
    recipe: Recipe
    dataset: Dataset
    batch: Batch
    split: Split
    own: str | None = None

    @property
    def card(self) -> AnyCard:
        return self.recipe.card

    @property
    def data(self) -> DataFacts:
        return DataFacts(
            source=self.dataset.source,
            sha256=self.dataset.sha256,
            rows=len(self.dataset),
            held_out=len(self.split.held_out),
            own=self.own,
        )

    def rows(self, places: Places) -> Batch:
        return self.batch[places]

    def truth(self, places: Places) -> Truth:
        return self.dataset.truth[places]

    def folds(self) -> list[Split]:
        return folds(self.card, self.dataset)


def gather(recipe: Recipe, request: TrainingRequest) -> TrainingData:
    given = request.given
    dataset = load(recipe, request) if given is None else tables.joined(given.learn, given.unseen)
    if complaints := list(_complaints(recipe.card, dataset)):
        raise DataRefused(dataset.source, complaints)
    batch = checked(recipe, dataset)
    if given is None:
        return TrainingData(recipe, dataset, batch, split(recipe.card, dataset))
    learn = len(given.learn)
    return TrainingData(recipe, dataset, batch, Split(np.arange(learn), np.arange(learn, len(dataset))), given.own)


def checked(recipe: Recipe, dataset: Dataset) -> Batch:
    """The rows as the model takes them, or every complaint about them."""
    try:
        return recipe.model.encode(dataset.rows)
    except BadRows as bad:
        shown = [f"row {place}: {why}" for place, why in list(bad.complaints.items())[:20]]
        raise DataRefused(dataset.source, [f"{len(bad.complaints)} rows cannot be read", *shown]) from bad


def load(recipe: Recipe, request: TrainingRequest) -> Dataset:
    if request.data is None:
        return recipe.make(request.seed, request.size)
    if request.data == "sklearn" or request.data.startswith("hf:"):
        return recipe.fetch(request.data)
    path = Path(request.data).expanduser()
    if not path.exists():
        raise DataRefused(request.data, ["there is no such file or folder"])
    return recipe.read(path)


def _complaints(card: AnyCard, dataset: Dataset) -> Iterator[str]:
    """What no table's own check can see: whether there is anything to learn from."""
    if len(dataset) < FEWEST_ROWS:
        yield f"only {len(dataset)} rows; {FEWEST_ROWS} are the least to learn from and to judge with"
    if len(dataset.truth) != len(dataset):
        yield f"{len(dataset)} rows, but {len(dataset.truth)} answers"
    if card.task == "regression":
        if not np.isfinite(dataset.truth).all():
            yield "an answer is not a finite number"
        return
    counts = np.bincount(dataset.truth, minlength=len(card.classes))
    if len(counts) > len(card.classes):
        yield f"more classes than the card knows ({', '.join(card.classes)})"
    for name, count in zip(card.classes, counts.tolist(), strict=False):
        if count < 3:
            yield f"class {name}: {count} rows, at least 3 are needed"
