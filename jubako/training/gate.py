"""May this model become a version? Judged on held-out rows, beside what serves now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jubako.card import Gate
from jubako.models import AnyModel, Batch, Outputs
from jubako.scores import scores
from jubako.training.recipe import Truth
from jubako.versions import stages, store
from jubako.versions.manifest import GateResult, VersionRefused


@dataclass(frozen=True)
class GateDecision:
    result: GateResult
    why_not: str | None
    """Why it does not become a version; None when it may."""


def judge(model: type[AnyModel], value: float, batch: Batch, truth: Truth, *, must_beat: bool = False) -> GateDecision:
    """``value`` is what the new model reached on these held-out rows; production answers the same rows."""
    gate = model.card.gate
    tag, beside = production_value(model, batch, truth)
    result = GateResult(metric=gate.metric, value=value, bound=gate.bound, production=tag, production_value=beside)
    return GateDecision(result, why_not(gate, value, beside, must_beat=must_beat))


def why_not(gate: Gate, value: float, production: float | None, *, must_beat: bool = False) -> str | None:
    """``must_beat``: as good as production is not enough. The bound holds in any case: on poisoned rows a poisoned
    model is better than production.

    >>> why_not(Gate("auc", 0.8, tolerance=0.01), 0.79, None)
    'auc 0.79 does not reach the gate at 0.8'
    >>> why_not(Gate("auc", 0.8, tolerance=0.01), 0.83, 0.85)
    'auc 0.83 is worse than 0.85 in production by more than 0.01'
    >>> why_not(Gate("auc", 0.8, tolerance=0.01), 0.85, 0.85, must_beat=True)
    'auc 0.85 does not beat 0.85 in production'
    """
    if not gate.passes(value):
        return f"{gate.metric} {value:.4g} does not reach the gate at {gate.bound:g}"
    if must_beat and production is not None and not gate.beats(value, production):
        return f"{gate.metric} {value:.4g} does not beat {production:.4g} in production"
    if production is not None and not gate.holds_against(value, production):
        return f"{gate.metric} {value:.4g} is worse than {production:.4g} in production by more than {gate.tolerance:g}"
    return None


def production_value(model: type[AnyModel], batch: Batch, truth: Truth) -> tuple[str | None, float | None]:
    """What serves now, and what it reaches on these rows; nothing when it no longer opens."""
    card = model.card
    tag = stages.production(card.name)
    if tag is None:
        return None, None
    try:
        served = store.open_version(tag, model)
    except VersionRefused:
        return tag, None
    return tag, scores(card, truth, answers(served.model, batch))[card.gate.metric]


def answers(model: AnyModel, batch: Batch) -> Outputs:
    """Outputs for any number of rows, in calls of the size that serves."""
    most = model.card.batching.max_rows
    return np.concatenate([model.predict(batch[start : start + most]) for start in range(0, len(batch), most)])
