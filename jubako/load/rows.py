"""Realistic rows that differ: drawn around a card's examples, within what it allows and what its signals expect."""

from __future__ import annotations

import random
import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from jubako.card import AnyCard, Signal
from jubako.load.texts import text

STEP = 0.001
"""How far inside a bound that does not belong to the range."""
MISSING_SHARE = 0.03
"""How often a value that may be missing is."""
KEPT_SHARE = 0.6
"""How often a category stays as in the example: people like the examples are more common than chance."""


def row(card: AnyCard, rng: random.Random) -> dict[str, Any]:
    """One valid row, as JSON."""
    example = rng.choice(card.examples)
    signals = {signal.name: signal for signal in card.signals}
    drawn = {
        name: _value(field, example.get(name), signals.get(name), rng) for name, field in card.row.model_fields.items()
    }
    return _consistent(drawn)


def _value(field: FieldInfo, example: Any, signal: Signal | None, rng: random.Random) -> Any:
    kinds = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    if type(None) in kinds and rng.random() < MISSING_SHARE:
        return None
    kind = next(kind for kind in kinds if kind is not type(None))
    if get_origin(kind) is Literal:
        return example if rng.random() < KEPT_SHARE else rng.choice(get_args(kind))
    if kind is str:
        return text(rng)
    low, high = _range(field, signal)
    number = _around(example, low, high, rng)
    return round(number) if kind is int else round(number, 4)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _range(field: FieldInfo, signal: Signal | None) -> tuple[float, float]:
    """What the card allows and the signal expects, both."""
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


def _around(example: Any, low: float, high: float, rng: random.Random) -> float:
    """Near the example, seldom far: a district's population is not uniform between its bounds."""
    if not isinstance(example, int | float):
        return rng.uniform(low, min(high, low + 0.1 * (high - low)))
    spread = min(0.15 * (high - low), 0.4 * abs(example)) or 0.02 * (high - low)
    return min(max(rng.gauss(example, spread), low), high)


def _consistent(drawn: dict[str, Any]) -> dict[str, Any]:
    """Who has no internet has no streaming: a value "No X service" stands exactly where ``X_service`` is "No"."""
    for service in ("phone", "internet"):
        without, has = f"No {service} service", drawn.get(f"{service}_service") != "No"
        for name, value in drawn.items():
            if name in _EXTRAS.get(service, ()):
                drawn[name] = without if not has else "No" if value == without else value
    return drawn


_EXTRAS = {
    "phone": ("multiple_lines",),
    "internet": (
        "online_security",
        "online_backup",
        "device_protection",
        "tech_support",
        "streaming_tv",
        "streaming_movies",
    ),
}
