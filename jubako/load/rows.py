"""Random valid rows: drawn around a card's examples, within what the row type allows and the signals expect.

A collection can draw the rows of a model itself: ``load_tests/draws.py`` may define ``ROWS``, a mapping of model names
to functions ``(rng) -> row``, where a row is JSON, or bytes for a model that takes files.
"""

from __future__ import annotations

import json
import random
import types
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from jubako.card import AnyCard, FileRow, Signal

Draw: TypeAlias = Callable[[random.Random], Any]

DRAWS = "load_tests.draws"
STEP = 0.001
"""Distance from a bound that is not part of the range."""
MISSING_SHARE = 0.03
"""Share of optional values that are missing."""
KEPT_SHARE = 0.6
"""Share of categories that stay as in the example."""


def collection_draws() -> Mapping[str, Draw]:
    """The functions that the collection defines for its own models; empty without ``load_tests/draws.py``."""
    if find_spec(DRAWS.partition(".")[0]) is None or find_spec(DRAWS) is None:
        return {}
    draws: Mapping[str, Draw] = import_module(DRAWS).ROWS
    return draws


def draw_function(card: AnyCard, draws: Mapping[str, Draw]) -> Draw:
    """The collection's own function for this model, else one that draws from the card."""
    return draws.get(card.name) or (lambda rng: draw_row(card, rng))


def draw_row(card: AnyCard, rng: random.Random) -> Any:
    """One valid row as JSON, or one of the card's example files."""
    example = rng.choice(card.examples)
    if issubclass(card.row, FileRow):
        return card.row.model_validate_json(json.dumps(dict(example))).data
    signals = {signal.name: signal for signal in card.signals}
    return {
        name: _value(field, example.get(name), signals.get(name), rng) for name, field in card.row.model_fields.items()
    }


def _value(field: FieldInfo, example: Any, signal: Signal | None, rng: random.Random) -> Any:
    kinds = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    if type(None) in kinds and rng.random() < MISSING_SHARE:
        return None
    kind = next(kind for kind in kinds if kind is not type(None))
    if get_origin(kind) is Literal:
        return example if rng.random() < KEPT_SHARE else rng.choice(get_args(kind))
    if kind not in (int, float):
        return example
    low, high = _range(field, signal)
    number = _near(example, low, high, rng)
    return round(number) if kind is int else round(number, 4)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _range(field: FieldInfo, signal: Signal | None) -> tuple[float, float]:
    """The range that both the row type and the signal allow."""
    lows, highs = [-1e6], [1e6]
    for bound in field.metadata:
        lows += [value for value in (getattr(bound, "ge", None),) if value is not None]
        lows += [value + STEP for value in (getattr(bound, "gt", None),) if value is not None]
        highs += [value for value in (getattr(bound, "le", None),) if value is not None]
        highs += [value - STEP for value in (getattr(bound, "lt", None),) if value is not None]
    if signal is not None:
        lows += [signal.low] if signal.low is not None else []
        highs += [signal.high] if signal.high is not None else []
    return max(lows), min(highs)


def _near(example: Any, low: float, high: float, rng: random.Random) -> float:
    """Mostly near the example: real values are not uniform between their bounds."""
    if not isinstance(example, int | float):
        return rng.uniform(low, min(high, low + 0.1 * (high - low)))
    spread = min(0.15 * (high - low), 0.4 * abs(example)) or 0.02 * (high - low)
    return min(max(rng.gauss(example, spread), low), high)
