"""From rows to a model that was saved, loaded back, and scored as it will serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jubako.model import AnyModel, Batch, Outputs, Runtime
from jubako.training.data import Material
from jubako.training.gate import answers
from jubako.training.recipe import Fitted, Log, Params, no_log
from jubako.training.scores import scores
from jubako.training.split import Places
from jubako.versions.reference import MAX_ROWS

SMALL = 500
"""Rows below which one split says little: then five folds answer every row for a metric, and the reference has all."""
SAMPLE = 512
"""Rows on which two engines are compared."""


@dataclass(frozen=True)
class Made:
    """The files of a model, and what they are when they are loaded again."""

    fitted: Fitted
    folder: Path
    native: AnyModel
    served: AnyModel
    parity: Mapping[str, float]


@dataclass(frozen=True)
class Scored:
    outputs: Outputs
    """Of the held-out rows."""
    metrics: dict[str, float]
    reference: tuple[Batch, Outputs]
    """Rows, and this model's answers to them, that monitoring takes as normal."""


class ModelUnusable(ValueError):
    """The files that came out of the training cannot serve."""


def fit(material: Material, places: Places, params: Params, seed: int, log: Log) -> Fitted:
    return material.recipe.fit(material.rows(places), material.truth(places), params, seed=seed, log=log)


def save_and_load(material: Material, fitted: Fitted, folder: Path) -> Made:
    folder.mkdir()
    fitted.model.save(folder)
    sample = material.rows(material.split.held_out[:SAMPLE])
    parity = material.recipe.export(fitted.model, folder, sample)
    load = material.recipe.model.load
    return Made(fitted, folder, load(folder, Runtime(engine="native")), load(folder, Runtime()), parity)


def score(material: Material, made: Made, params: Params, seed: int) -> Scored:
    """The loaded model answers the rows that nobody learnt from."""
    held_out = material.split.held_out
    card = material.card
    outputs = answers(made.served, material.rows(held_out))
    if not np.isfinite(outputs).all():
        raise ModelUnusable(f"{card.name} answers with numbers that are not finite; nothing was stored")
    metrics = scores(card, material.truth(held_out), outputs)
    places, normal = held_out, outputs
    if len(material.dataset) < SMALL:
        # A net of texts or pictures: to train it five times more would take longer than it is worth.
        if isinstance(material.batch, np.ndarray) and material.batch.ndim == 2:
            folded = scores(card, material.dataset.truth, _fold_answers(material, params, seed))
            metrics[f"five_folds_{card.gate.metric}"] = folded[card.gate.metric]
        # Every row is needed to know what is normal, answered by the model that will answer the live ones: the folds'
        # models are as good but give other probabilities, and monitoring would call that a drift.
        places, normal = np.arange(len(material.dataset)), answers(made.served, material.batch)
    chosen = np.random.default_rng(0).permutation(len(places))[:MAX_ROWS]
    return Scored(outputs, metrics, (material.rows(places[chosen]), normal[chosen]))


def _fold_answers(material: Material, params: Params, seed: int) -> Outputs:
    """Every row answered by a model that did not learn from it."""
    found = np.zeros((len(material.dataset), len(material.card.outputs)), dtype=np.float32)
    for fold in material.folds():
        model = fit(material, fold.learn, params, seed, no_log).model
        found[fold.held_out] = answers(model, material.rows(fold.held_out))
    return found
