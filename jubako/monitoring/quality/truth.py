"""What really happened, in the words of a card: a class by its name, a number by its value."""

from __future__ import annotations

import math
from typing import Any

from jubako.card import AnyCard

YES_AND_NO: dict[Any, int] = {True: 1, False: 0}


class TruthRefused(ValueError):
    """A truth that the model's card does not know, in words for the caller."""


def read_truth(card: AnyCard, value: Any) -> float:
    """The place among the card's classes, or the number of a regression.

    For two classes ``true`` and ``false`` (and 1 and 0) mean the second and the first.

    >>> from types import SimpleNamespace as Card
    >>> churn, price = Card(task="binary", classes=("stays", "leaves")), Card(task="regression")
    >>> read_truth(churn, "leaves"), read_truth(churn, True), read_truth(price, 250_000)
    (1.0, 1.0, 250000.0)
    >>> read_truth(churn, "perhaps")
    Traceback (most recent call last):
    jubako.monitoring.quality.truth.TruthRefused: must be one of 'stays', 'leaves', true or false
    """
    if card.task == "regression":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TruthRefused("must be a finite number")
        return float(value)
    if isinstance(value, str) and value in card.classes:
        return float(card.classes.index(value))
    if card.task == "binary" and isinstance(value, int) and value in YES_AND_NO:
        return float(value)
    names = ", ".join(repr(name) for name in card.classes)
    raise TruthRefused(f"must be one of {names}{', true or false' if card.task == 'binary' else ''}")


def split_id(prediction: Any) -> tuple[str, str, str, int]:
    """A prediction's id as model, version, mark and place.

    >>> split_id("iris:20261121-a1b2:019366f3a1c9f3a7.4")
    ('iris', '20261121-a1b2', '019366f3a1c9f3a7', 4)
    """
    if isinstance(prediction, str) and len(prediction) <= 256:
        model, _, rest = prediction.partition(":")
        version, _, mark_and_place = rest.partition(":")
        mark, _, place = mark_and_place.rpartition(".")
        if model and version and mark and place.isascii() and place.isdigit() and len(place) < 10:
            return model, version, mark, int(place)
    raise TruthRefused("must be the id of a prediction, as it stood in the answer")
