"""From a model's scores to the fields of its card's prediction. The fields are found by their types.

A ``bool`` or ``Literal`` is the label; a ``float`` is the answer of a regression, else the probability of the label (of
true, where the label is a ``bool``); a ``dict`` is the probability of each class. A model whose prediction has other
fields writes its own ``decode``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_origin

import numpy as np

from jubako.batch import Outputs
from jubako.card import AnyCard, categories_of
from jubako.columns import Coded, Column

Slot = Literal["label", "number", "shares"]


class PredictionFields:
    """What fills the fields of one card's prediction, and the columns that monitoring sees of it."""

    def __init__(self, card: AnyCard) -> None:
        self._card = card
        self._slots: dict[str, Slot] = {}
        self._labels: tuple[Any, ...] = card.classes
        self._of_true = False
        """The label is a ``bool``."""
        self.unknown: list[str] = []
        """Fields that no rule fills."""
        for name, info in card.prediction.model_fields.items():
            if name != "id" and not self._find(name, info.annotation):
                self.unknown.append(name)
        self._scores = len(card.classes) if card.task == "multiclass" else 1
        self._decode = self._written()

    def _find(self, name: str, annotation: Any) -> bool:
        slot: Slot
        if values := categories_of(annotation):
            slot = "label"
            by_class = (
                dict(zip(self._card.classes, values, strict=False))
                if annotation is bool
                else {str(one): one for one in values}
            )
            if {*by_class} != {*self._card.classes}:
                return False
            self._of_true = annotation is bool
            self._labels = tuple(by_class[one] for one in self._card.classes)
        elif annotation in (float, int):
            slot = "number"
        elif get_origin(annotation) is dict:
            slot = "shares"
        else:
            return False
        if slot in self._slots.values() or (self._card.task == "regression" and slot != "number"):
            return False
        self._slots[name] = slot
        return True

    def _written(self) -> Callable[[Outputs], list[dict[str, Any]]]:
        """``decode`` as source, made once, as a namedtuple is. For 64 irises it takes 28 microseconds; with
        ``dict(zip(names, values))`` it would take 51.
        """
        classes = self._card.classes
        match self._card.task:
            case "multiclass":
                each = [f"_{place}" for place in range(len(classes))]
                rows = f"for best, ({', '.join(each)},) in zip(scores.argmax(axis=1).tolist(), scores.tolist())"
                label, number = "labels[best]", f"({', '.join(each)},)[best]"
            case "binary":
                each, rows = ["1 - _", "_"], "for _ in scores[:, 0].tolist()"
                label, number = ("_ >= 0.5", "_") if self._of_true else ("labels[_ >= 0.5]", "max(_, 1 - _)")
            case "regression":
                each, rows, label, number = [], "for _ in scores[:, 0].tolist()", "", "_"
        shares = ", ".join(f"{name!r}: {score}" for name, score in zip(classes, each, strict=True))
        source = {"label": label, "number": number, "shares": f"{{{shares}}}"}
        fields = ", ".join(f"{name!r}: {source[slot]}" for name, slot in self._slots.items())
        decode: Callable[[Outputs], list[dict[str, Any]]] = eval(  # noqa: S307 - only names of the card, quoted
            f"lambda scores: [{{{fields}}} {rows}]", {"labels": self._labels}
        )
        return decode

    def decode(self, outputs: Outputs) -> list[dict[str, Any]]:
        return self._decode(outputs if outputs.shape[1] == self._scores else outputs[:, : self._scores])

    def columns(self, outputs: Outputs) -> dict[str, Column]:
        """The card's ``answer_signals``; and each output behind the scores, by its name."""
        card, scores = self._card, outputs[:, : self._scores]
        found: dict[str, Column] = {}
        if card.task == "multiclass":
            codes, number = scores.argmax(axis=1), scores.max(axis=1).astype(np.float64)
        else:
            codes, number = scores[:, 0] >= 0.5, scores[:, 0].astype(np.float64)
        if card.task == "binary" and not self._of_true:
            number = np.maximum(number, 1 - number)
        for signal in card.answer_signals:
            label = signal.kind == "category"
            found[signal.name] = Coded(codes.astype(np.int16), tuple(map(str, self._labels))) if label else number
        behind = range(self._scores, len(card.outputs))
        return found | {card.outputs[place]: outputs[:, place].astype(np.float64) for place in behind}
