"""From rows to a model that was saved, loaded back, and scored as it will serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jubako.models import AnyModel, Batch, Outputs, Runtime
from jubako.scores import scores
from jubako.training.data import TrainingData
from jubako.training.gate import answers
from jubako.training.recipe import Fitted, Log, Params, no_log
from jubako.training.split import Places
from jubako.versions.reference import MAX_ROWS

SMALL = 500
"""Rows below which one split says little: then five folds answer every row for a metric, and the reference has all."""
SAMPLE = 512
"""Rows on which two engines are compared."""


@dataclass(frozen=True)
class SavedModel:
    """The files of a model, and what they are when they are loaded again."""

    fitted: Fitted
    folder: Path
    native: AnyModel
    served: AnyModel
    parity: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    outputs: Outputs
    """Of the held-out rows."""
    metrics: dict[str, float]
    reference: tuple[Batch, Outputs]
    """Rows, and this model's answers to them, that monitoring takes as normal."""


class ModelUnusable(ValueError):
    """The files that came out of the training cannot serve."""


def fit(data: TrainingData, places: Places, params: Params, seed: int, log: Log) -> Fitted:
    return data.recipe.fit(data.rows(places), data.truth(places), params, seed=seed, log=log)


def save_and_load(data: TrainingData, fitted: Fitted, folder: Path) -> SavedModel:
    folder.mkdir()
    fitted.model.save(folder)
    sample = data.rows(data.split.held_out[:SAMPLE])
    parity = data.recipe.export(fitted.model, folder, sample)
    load = data.recipe.model.load
    return SavedModel(fitted, folder, load(folder, Runtime(engine="native")), load(folder, Runtime()), parity)


def score(data: TrainingData, saved: SavedModel, params: Params, seed: int) -> Evaluation:
    """The loaded model answers the rows that nobody learnt from."""
    held_out = data.split.held_out
    card = data.card
    outputs = answers(saved.served, data.rows(held_out))
    if not np.isfinite(outputs).all():
        raise ModelUnusable(f"{card.name} answers with numbers that are not finite; nothing was stored")
    metrics = scores(card, data.truth(held_out), outputs)
    places, normal = held_out, outputs
    if len(data.dataset) < SMALL:
        # A net of texts or pictures: to train it five times more would take longer than it is worth.
        if saved.fitted.learned and data.batch.ndim == 2:
            folded = scores(card, data.dataset.truth, _fold_answers(data, params, seed))
            metrics[f"five_folds_{card.gate.metric}"] = folded[card.gate.metric]
        # Every row is needed to know what is normal, answered by the model that will answer the live ones: the folds'
        # models are as good but give other probabilities, and monitoring would call that a drift.
        places, normal = np.arange(len(data.dataset)), answers(saved.served, data.batch)
    chosen = np.random.default_rng(0).permutation(len(places))[:MAX_ROWS]
    return Evaluation(outputs, metrics, (data.rows(places[chosen]), normal[chosen]))


def _fold_answers(data: TrainingData, params: Params, seed: int) -> Outputs:
    """Every row answered by a model that did not learn from it."""
    found = np.zeros((len(data.dataset), len(data.card.outputs)), dtype=np.float32)
    for fold in data.folds():
        model = fit(data, fold.learn, params, seed, no_log).model
        found[fold.held_out] = answers(model, data.rows(fold.held_out))
    return found
