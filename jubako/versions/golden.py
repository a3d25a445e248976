"""Rows whose answers are known: they must come out again before a version serves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard, Row
from jubako.models import AnyModel, Outputs

EXACT = 1e-4
"""Another processor adds floating-point numbers in another order; nothing else may differ."""
LOOSE = 0.05
"""int8 and bfloat16 round; rows whose answer is clear must still keep it."""


@dataclass(frozen=True)
class KnownAnswers:
    """What one engine answered in training, and how far apart it may be now."""

    outputs: Outputs
    tolerance: float


@dataclass(frozen=True)
class Golden:
    rows: tuple[Row, ...]
    native: str
    """The engine that has the last word where another one has no answers of its own."""
    engines: Mapping[str, KnownAnswers]

    def expected(self, engine: str) -> KnownAnswers:
        """What this engine must answer. One that training did not have (a GPU's) answers loosely like the native."""
        return self.engines.get(engine) or KnownAnswers(self.engines[self.native].outputs, LOOSE)

    def dump(self) -> bytes:
        engines = {
            name: {"outputs": known.outputs.astype(float).tolist(), "tolerance": known.tolerance}
            for name, known in self.engines.items()
        }
        rows = [row.model_dump(mode="json") for row in self.rows]
        content = {"rows": rows, "native": self.native, "engines": engines}
        return json.dumps(content, allow_nan=False).encode()

    @classmethod
    def read(cls, content: bytes, card: AnyCard) -> Golden:
        found = json.loads(content)
        return cls(
            rows=tuple(card.row.model_validate_json(json.dumps(row)) for row in found["rows"]),
            native=found["native"],
            engines={
                name: KnownAnswers(np.array(known["outputs"], dtype=np.float32), known["tolerance"])
                for name, known in found["engines"].items()
            },
        )


def tolerance(apart: float) -> float:
    """How exactly an engine must repeat itself, from how far it is from the native one: rounding engines get room."""
    return EXACT if apart <= EXACT else LOOSE


def apart(outputs: Outputs, expected: Outputs) -> float:
    """The largest difference, relative for numbers above one.

    >>> apart(np.float32([[0.5, 200_000]]), np.float32([[0.25, 200_020]]))
    0.25
    """
    if outputs.shape != expected.shape:
        return float("inf")
    difference = np.abs(outputs.astype(float) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.round(np.nan_to_num(difference, nan=np.inf).max(initial=0.0), 9))


def clear_answers(card: AnyCard, outputs: Outputs) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The class of each row, and whether it is far enough from the next to survive rounding."""
    if card.task == "binary":
        scores = outputs[:, 0]
        return (scores >= 0.5).astype(np.intp), np.abs(scores - 0.5) > LOOSE
    scores = np.sort(outputs[:, : len(card.classes)], axis=1)
    return outputs[:, : len(card.classes)].argmax(axis=1), scores[:, -1] - scores[:, -2] > 2 * LOOSE


def what_differs(card: AnyCard, outputs: Outputs, known: KnownAnswers) -> str | None:
    """Why these outputs are not the known ones, in words; None when they are."""
    if outputs.shape != known.outputs.shape:
        return f"the golden rows gave a {outputs.shape} array instead of {known.outputs.shape}"
    distance = apart(outputs, known.outputs)
    if distance > known.tolerance:
        wrong = [apart(line[None], other[None]) for line, other in zip(outputs, known.outputs, strict=True)]
        worst = int(np.argmax(wrong))
        return f"golden row {worst} came out {distance:.3g} away from its known answer (allowed {known.tolerance:g})"
    if known.tolerance > EXACT and card.task != "regression":
        classes, clear = clear_answers(card, known.outputs)
        changed = clear & (clear_answers(card, outputs)[0] != classes)
        if changed.any():
            return f"golden row {int(changed.argmax())} changed its class"
    return None


def record(rows: Sequence[Row], native: AnyModel, served: AnyModel) -> Golden:
    """Ask both engines, and keep what they answer."""
    engines: dict[str, KnownAnswers] = {}
    truth: Any = native.predict(native.encode(rows))
    for model in (native, served):
        outputs = model.predict(model.encode(rows))
        engines[model.engine] = KnownAnswers(outputs, tolerance(apart(outputs, truth)))
    return Golden(tuple(rows), native.engine, engines)
