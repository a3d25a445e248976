"""Made-up answers that a card allows: for tests of code that uses the client."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from jubako.card import AnyCard, Row


def fake_answer(card: AnyCard, row: Row) -> dict[str, Any]:
    """A made-up answer without its id. Equal rows get equal answers, different rows mostly different ones."""
    draw = random.Random(hashlib.sha256(repr(row).encode()).digest())  # noqa: S311 (made up, not secret)
    fields = {name: info.annotation for name, info in card.prediction.model_fields.items() if name != "id"}
    answer: dict[str, Any] = {name: _value(card, name, annotation, draw) for name, annotation in fields.items()}
    for name, annotation in fields.items():
        if get_origin(annotation) is dict:
            _agree(answer, answer[name], [other for other in fields if get_origin(fields[other]) is Literal])
        elif annotation is bool and "probability" in answer:
            answer[name] = answer["probability"] >= 0.5
    return answer


def _value(card: AnyCard, name: str, annotation: Any, draw: random.Random) -> Any:
    if get_origin(annotation) is Literal:
        return draw.choice(get_args(annotation))
    if get_origin(annotation) is dict:
        keys = get_args(get_args(annotation)[0])
        weights = [draw.expovariate(1.0) for _ in keys]
        return {key: weight / sum(weights) for key, weight in zip(keys, weights, strict=True)}
    if annotation is bool:
        return draw.random() < 0.5
    signal = next((signal for signal in card.answer_signals if signal.name == name), None)
    low = signal.low if signal and signal.low is not None else 0.0
    high = signal.high if signal and signal.high is not None else 1.0
    return draw.uniform(low, high)


def _agree(answer: dict[str, Any], probabilities: Mapping[str, float], names: list[str]) -> None:
    """The named category is the most probable one."""
    best = max(probabilities, key=lambda key: probabilities[key])
    for name in names:
        if answer[name] in probabilities:
            answer[name] = best
