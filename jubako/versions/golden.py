"""Golden rows: rows with known outputs, which a version must reproduce before it serves."""

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
"""Allows for another order of floating-point additions on another processor, and nothing else."""
LOOSE = 0.05
"""For int8 and bfloat16, which round; a clear class must still be the same."""


@dataclass(frozen=True)
class KnownAnswers:
    """The outputs of one engine in training, and how far they may differ now."""

    outputs: Outputs
    tolerance: float


@dataclass(frozen=True)
class Golden:
    rows: tuple[Row, ...]
    native: str
    """The reference for an engine that has no outputs of its own here."""
    engines: Mapping[str, KnownAnswers]

    def expected(self, engine: str) -> KnownAnswers:
        """What an engine must give; one that training did not have (on a GPU), loosely what the native one gave."""
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


def tolerance(distance: float) -> float:
    """The tolerance of an engine, from its distance to the native one: larger for engines that round."""
    return EXACT if distance <= EXACT else LOOSE


def distance(outputs: Outputs, expected: Outputs) -> float:
    """The largest difference, relative for numbers above one.

    >>> distance(np.float32([[0.5, 200_000]]), np.float32([[0.25, 200_020]]))
    0.25
    """
    if outputs.shape != expected.shape:
        return float("inf")
    difference = np.abs(outputs.astype(float) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.round(np.nan_to_num(difference, nan=np.inf).max(initial=0.0), 9))


def clear_answers(card: AnyCard, outputs: Outputs) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The class of each row, and whether it is far enough from the next one to survive rounding."""
    if card.task == "binary":
        scores = outputs[:, 0]
        return (scores >= 0.5).astype(np.intp), np.abs(scores - 0.5) > LOOSE
    scores = np.sort(outputs[:, : len(card.classes)], axis=1)
    return outputs[:, : len(card.classes)].argmax(axis=1), scores[:, -1] - scores[:, -2] > 2 * LOOSE


def what_differs(card: AnyCard, outputs: Outputs, known: KnownAnswers) -> str | None:
    """How these outputs differ from the known ones, in words; None when they do not."""
    if outputs.shape != known.outputs.shape:
        return f"the golden rows gave a {outputs.shape} array instead of {known.outputs.shape}"
    found = distance(outputs, known.outputs)
    if found > known.tolerance:
        wrong = [distance(line[None], other[None]) for line, other in zip(outputs, known.outputs, strict=True)]
        worst = int(np.argmax(wrong))
        return f"golden row {worst} came out {found:.3g} away from its known answer (allowed {known.tolerance:g})"
    if known.tolerance > EXACT and card.task != "regression":
        classes, clear = clear_answers(card, known.outputs)
        changed = clear & (clear_answers(card, outputs)[0] != classes)
        if changed.any():
            return f"golden row {int(changed.argmax())} changed its class"
    return None


def record(rows: Sequence[Row], native: AnyModel, served: AnyModel) -> Golden:
    """Make golden rows from the outputs of both engines."""
    engines: dict[str, KnownAnswers] = {}
    reference: Any = native.predict(native.encode(rows))
    for model in (native, served):
        outputs = model.predict(model.encode(rows))
        engines[model.engine] = KnownAnswers(outputs, tolerance(distance(outputs, reference)))
    return Golden(tuple(rows), native.engine, engines)
