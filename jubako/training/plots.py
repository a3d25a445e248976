"""The pictures that a person looks at before trusting a model. Figures are objects: no global state of pyplot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard
from jubako.models import Outputs
from jubako.scores import area_under_curve
from jubako.training.recipe import Truth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Mapping[str, Sequence[tuple[int, float]]]
"""Metrics while training: (step, value)."""
Floats = NDArray[np.float64]
INK, WARM = "#22577a", "#d1495b"


@dataclass(frozen=True)
class Shown:
    """What there is to draw of one training."""

    card: AnyCard
    truth: Truth
    outputs: Outputs
    history: History
    importances: Mapping[str, float]


def save_all(shown: Shown, folder: Path) -> list[Path]:
    """One PNG for each picture that this task has."""
    return [_save(folder / f"{name}.png", draw, panels) for name, panels, draw in _drawings(shown)]


def _save(file: Path, draw: Callable[[Any], None], panels: int) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * panels, 4.2), dpi=100, layout="constrained")
    axes = figure.subplots(1, panels)
    draw(axes)
    figure.savefig(file)
    return file


def _drawings(shown: Shown) -> Iterator[tuple[str, int, Callable[[Any], None]]]:
    truth, classes = shown.truth, shown.card.classes
    if shown.card.task == "regression":
        answers = shown.outputs[:, 0].astype(np.float64)
        yield "residuals", 2, lambda axes: residuals(axes, truth.astype(np.float64), answers)
    else:
        chances = one_column_a_class(shown.card, shown.outputs)
        yield "confusion", 1, lambda axes: confusion(axes, truth, chances.argmax(axis=1), classes)
        yield "roc_and_precision_recall", 2, lambda axes: curves(axes, truth, chances, classes)
        yield "calibration", 1, lambda axes: calibration(axes, truth, chances)
    curves_of = {name: points for name, points in shown.history.items() if len(points) > 1}
    if curves_of:
        yield "learning_curve", len(curves_of), lambda axes: learning_curves(np.atleast_1d(axes).tolist(), curves_of)
    if shown.importances:
        yield "importances", 1, lambda axes: importance_bars(axes, shown.importances)


def one_column_a_class(card: AnyCard, outputs: Outputs) -> Floats:
    if card.task == "binary":
        positive = outputs[:, 0].astype(np.float64)
        return np.stack([1 - positive, positive], axis=1)
    return outputs[:, : len(card.classes)].astype(np.float64)


def confusion(axes: Axes, truth: Truth, said: Truth, classes: Sequence[str]) -> None:
    count = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(count, (truth, said), 1)
    share = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*count.shape):
        if count[row, column]:
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, str(count[row, column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(classes)), classes, rotation=45 if len(classes) > 3 else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="answered", ylabel="true", title=f"{int(count.trace())} of {int(count.sum())} right")


def curves(axes: Sequence[Axes], truth: Truth, chances: Floats, classes: Sequence[str]) -> None:
    """ROC and precision-recall; for two classes only the curve of the second, which is the answer "yes"."""
    places = [1] if len(classes) == 2 else range(len(classes))
    roc, precise = axes
    for place in places:
        is_true = truth == place
        order = np.argsort(-chances[:, place], kind="stable")
        hits = np.cumsum(is_true[order])
        trues, falses = max(int(is_true.sum()), 1), max(int((~is_true).sum()), 1)
        area = area_under_curve(is_true, chances[:, place])
        roc.plot([0, *((np.arange(1, len(hits) + 1) - hits) / falses)], [0, *(hits / trues)], lw=1.5,
                 label=f"{classes[place]} {area:.3f}")  # fmt: skip
        precise.plot(hits / trues, hits / np.arange(1, len(hits) + 1), lw=1.5, label=classes[place])
    roc.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    roc.set(xlabel="false alarms", ylabel="found", title="ROC (area)")
    precise.set(xlabel="recall", ylabel="precision", title="precision and recall", ylim=(0, 1.03))
    for panel in axes:
        panel.legend(fontsize=7 if len(classes) > 3 else 9, frameon=False)


def calibration(axes: Axes, truth: Truth, chances: Floats) -> None:
    """Of the answers given with this confidence, how many were right; the dots grow with how many there were."""
    binary = chances.shape[1] == 2
    sure = chances[:, 1] if binary else chances.max(axis=1)
    right = truth == 1 if binary else chances.argmax(axis=1) == truth
    places = np.minimum((sure * 10).astype(np.int64), 9)
    for place in np.unique(places):
        inside = places == place
        axes.scatter(sure[inside].mean(), right[inside].mean(), s=20 + 300 * inside.mean(), color=INK, alpha=0.8)
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    what = "probability" if binary else "confidence"
    axes.set(xlabel=what, ylabel="share that was true", title="calibration", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))


def residuals(axes: Sequence[Axes], truth: Floats, answers: Floats) -> None:
    scatter, histogram = axes
    scatter.scatter(truth, answers, s=4, alpha=0.3, color=INK, rasterized=True)
    ends = [float(min(truth.min(), answers.min())), float(max(truth.max(), answers.max()))]
    scatter.plot(ends, ends, color=WARM, lw=1)
    scatter.set(xlabel="true", ylabel="answered", title="answers")
    errors = answers - truth
    histogram.hist(errors, bins=60, color=INK)
    histogram.axvline(0, color=WARM, lw=1)
    half = float(np.median(np.abs(errors)))
    title = f"errors, half within {half:,.{0 if half > 10 else 3}f}"
    histogram.set(xlabel="answered - true", ylabel="rows", title=title)
    for panel in axes:
        panel.locator_params(axis="x", nbins=5)


def learning_curves(axes: Sequence[Axes], history: History) -> None:
    """A panel each: a loss and an accuracy share no scale."""
    for panel, (name, points) in zip(axes, history.items(), strict=True):
        steps, values = zip(*points, strict=True)
        panel.plot(steps, values, lw=1.5, color=INK)
        panel.set(xlabel="step", title=name)


def importance_bars(axes: Axes, importances: Mapping[str, float], most: int = 20) -> None:
    ordered = sorted(importances.items(), key=lambda item: item[1])[-most:]
    axes.barh([name for name, _ in ordered], [value for _, value in ordered], color=INK)
    axes.set(title="importance")
    axes.tick_params(axis="y", labelsize=8)
