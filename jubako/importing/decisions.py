"""What nobody can derive from a model and must decide: one list, each with a default, an option and a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jubako.card import Gate
from jubako.importing.artefact import Task
from jubako.importing.refused import ImportRefused

METRICS: Mapping[Task, tuple[str, ...]] = {
    "regression": ("r2", "rmse", "mae", "median_error"),
    "binary": ("auc", "accuracy", "f1", "precision", "recall", "log_loss", "brier"),
    "multiclass": ("accuracy", "macro_f1", "auc", "log_loss"),
}
LOWER_IS_BETTER = frozenset({"rmse", "mae", "median_error", "log_loss", "brier"})


@dataclass(frozen=True)
class Decision:
    """``value`` is the default until somebody decides."""

    option: str
    question: str
    value: str
    decided: bool = False


def decisions(
    name: str, task: Task, labels: Sequence[str], *, target: str | None, gate: str, given: Mapping[str, str | None]
) -> list[Decision]:
    """The list for this model; ``given`` are the options that were typed."""
    answer = target or ("value" if task == "regression" else "label")
    wanted = [
        Decision("title", "What does it predict, in one sentence?", f"Predictions of {name}"),
        Decision("answer", "The name of the answer", answer),
        Decision("gate", "What must a version reach?", gate),
        Decision("units", "Units (column=unit, ...)", ""),
    ]
    if labels:
        wanted.insert(2, Decision("classes", "Names of the classes, in the model's order", ",".join(labels)))
    return [
        each if given.get(each.option) is None else replace(each, value=str(given[each.option]), decided=True)
        for each in wanted
    ]


def asked(wanted: Sequence[Decision], ask: Callable[[str, str], str]) -> list[Decision]:
    def decide(each: Decision) -> Decision:
        return each if each.decided else replace(each, value=ask(each.question, each.value), decided=True)

    return list(map(decide, wanted))


def missing_in_words(wanted: Sequence[Decision]) -> Iterator[str]:
    """How to decide without a terminal."""
    for each in wanted:
        if not each.decided:
            yield f"--{each.option} {each.value!r:<28} {each.question}"


def read_gate(text: str, task: Task) -> Gate:
    """
    >>> read_gate("rmse <= 50", "regression")
    Gate(metric='rmse', bound=50.0, tolerance=1.0, lower_is_better=True)
    >>> read_gate("r2>=50", "multiclass")
    Traceback (most recent call last):
    jubako.importing.refused.ImportRefused: a gate is METRIC>=NUMBER of accuracy, macro_f1, auc, log_loss, not 'r2>=50'
    """
    found = re.fullmatch(r"\s*(\w+)\s*([<>])?=?\s*(-?\d+(?:\.\d*)?(?:e-?\d+)?)\s*", text)
    if not found or found[1] not in METRICS[task]:
        raise ImportRefused(f"a gate is METRIC>=NUMBER of {', '.join(METRICS[task])}, not {text!r}")
    metric, bound = found[1], float(found[3])
    lower = metric in LOWER_IS_BETTER
    return Gate(metric, bound, tolerance=round(abs(bound) * 0.02, 6) if lower else 0.02, lower_is_better=lower)


def suggested_gate(task: Task, measured: Mapping[str, float], logged: Mapping[str, float]) -> str:
    """A little below what was measured here, else what the run logged; else a bound that says nothing."""
    for metric in METRICS[task]:
        value = measured.get(metric, _logged(metric, logged))
        if value is not None:
            if metric in LOWER_IS_BETTER:
                return f"{metric}<={value * 1.1:.4g}"
            return f"{metric}>={value - 0.05:.2f}"
    return f"{METRICS[task][0]}>=0"


def _logged(metric: str, logged: Mapping[str, float]) -> float | None:
    """
    >>> _logged("accuracy", {"training_accuracy_score": 0.9}), _logged("r2", {"loss": 1.0})
    (0.9, None)
    """
    for name in sorted(logged, key=len):
        if metric in re.split(r"[^a-z0-9]+", name.lower().replace("macro_", "macro")) or name.lower() == metric:
            return logged[name]
    return None


def logged_value(metric: str, logged: Mapping[str, float]) -> float | None:
    """What the run that logged the model says about this metric."""
    return _logged(metric, logged)


def read_units(text: str, columns: Sequence[str]) -> dict[str, str]:
    """
    >>> read_units("alcohol=%, hue=", ["alcohol", "hue"])
    {'alcohol': '%'}
    """
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if unknown := [name.strip() for name, _, _ in pairs if name.strip() not in columns]:
        raise ImportRefused(f"there is no column {', '.join(unknown)} to have a unit; there are {', '.join(columns)}")
    return {name.strip(): unit.strip() for name, _, unit in pairs if unit.strip()}
