"""Whether an answer is right: not only 200, but for this request, whole, in order, each row with its own prediction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jubako.client.problems import read_problem
from jubako.load.questions import Question

ABSOLUTE = 0.05
"""Engines that round (int8, bfloat16) answer a little differently in another batch; strangers' differ by more."""
RELATIVE = 0.001
"""For numbers above one, such as prices."""
CLEAR = 0.1
"""A known row must be so far from the next category that rounding cannot move it there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What one row was answered when it was asked alone."""

    version: str
    answer: Mapping[str, Any]


def wrong(
    question: Question, status: int, headers: Mapping[str, str], content: bytes, known: Mapping[int, Known]
) -> str | None:
    """What is wrong with an answer, in words that are the same for the same trouble; None when nothing is."""
    if status != 200:
        problem = read_problem(status, headers, content)
        return f"{status} {problem.title}" + (f": {problem.detail}" if not problem.from_service else "")
    try:
        body = json.loads(content)
        name, version, predictions = body["model"]["name"], body["model"]["version"], body["predictions"]
        ids = [prediction["id"] for prediction in predictions]
    except (ValueError, KeyError, TypeError):
        return "200 with a body that the contract does not know"
    asked, tag = question.card.name, f"{name}:{version}"
    fields = set(question.card.prediction.model_fields)
    rules = {
        "another model answered": name == asked and headers.get("x-model") == tag,
        "the answer to another request": question.request_id == body.get("request_id") == headers.get("x-request-id"),
        "not one prediction for each row": len(predictions) == len(question.places),
        "an id that does not name its version": all(str(one).startswith(f"{tag}:") for one in ids),
        "an id that is not its own": len(set(map(str, ids))) == len(ids),
        "a prediction without the card's fields": all(set(prediction) == fields for prediction in predictions),
    }
    broken = next((rule for rule, kept in rules.items() if not kept), None)
    return broken or _of_others(question.places, predictions, version, known)


def _of_others(
    places: Sequence[int], predictions: Sequence[Mapping[str, Any]], version: str, known: Mapping[int, Known]
) -> str | None:
    for place, prediction in zip(places, predictions, strict=True):
        expected = known.get(place)
        if expected is not None and expected.version == version and not alike(expected.answer, prediction):
            return "not this row's answer"
    return None


def alike(expected: Any, found: Any) -> bool:
    """Equal but for the id and rounding.

    >>> alike({"id": "a", "price_usd": 200_000.0}, {"id": "b", "price_usd": 200_100.0})
    True
    >>> alike({"label": "positive", "score": 0.91}, {"label": "negative", "score": 0.91})
    False
    """
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return False
        names = set(expected) - {"id"}
        return names == set(found) - {"id"} and all(alike(expected[name], found[name]) for name in names)
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        return bool(expected == found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return abs(expected - found) <= max(ABSOLUTE if abs(expected) <= 1 else 0.0, RELATIVE * abs(expected))


def is_clear(answer: Mapping[str, Any]) -> bool:
    """Whether rounding cannot turn this answer into another category.

    >>> is_clear({"probabilities": {"a": 0.52, "b": 0.48}}), is_clear({"score": 0.93}), is_clear({"price_usd": 1e5})
    (False, True, True)
    """
    for value in answer.values():
        if isinstance(value, Mapping):
            best, second, *_ = sorted((float(share) for share in value.values()), reverse=True)
            if best - second < 2 * CLEAR:
                return False
        elif isinstance(value, float) and abs(value - 0.5) < CLEAR:
            return False
    return True
