"""The kinds of models that there are templates for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    what: str
    """For people."""
    trains_with: tuple[str, ...]
    """The engine's extras that training and tests need."""
    serves_with: tuple[str, ...] = ()
    """The engine's extras that a server needs beside ``serve``."""


KINDS: Mapping[str, Kind] = {
    "iris": Kind("classes of table rows, with scikit-learn", ("sklearn",)),
    "housing": Kind("numbers for table rows, with XGBoost", ("xgboost",)),
    "churn": Kind("yes or no for table rows, with LightGBM", ("lightgbm",)),
    "sentiment": Kind("two classes of texts, with scikit-learn", ("sklearn",)),
    "image": Kind("classes of pictures, with scikit-learn", ("sklearn", "pictures"), ("pictures",)),
}

#: ``jubako init --like`` -> the kind of its first model, and that model's name.
SHOPS: Mapping[str, tuple[str, str]] = {
    "tables": ("iris", "flowers"),
    "texts": ("sentiment", "reviews"),
    "pictures": ("image", "colours"),
}
