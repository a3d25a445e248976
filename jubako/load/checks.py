"""Checks of an answer: status 200, for this request, complete, in order, each row with its own prediction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jubako.client.problems import read_problem
from jubako.load.pool import LoadRequest

ABSOLUTE = 0.05
"""Engines that round (int8, bfloat16) answer a little differently in another batch; other rows' answers differ more."""
RELATIVE = 0.001
"""For numbers above one, such as prices."""
CLEAR = 0.1
"""The least distance of a known row from the next category, so that rounding cannot move it there."""


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The answer of one row that was sent alone."""

    version: str
    answer: Mapping[str, Any]


def find_error(
    request: LoadRequest, status: int, headers: Mapping[str, str], content: bytes, known: Mapping[int, KnownAnswer]
) -> str | None:
    """The first error of an answer, in equal words for equal errors; None for a right answer."""
    if status != 200:
        problem = read_problem(status, headers, content)
        return f"{status} {problem.title}" + (f": {problem.detail}" if not problem.from_service else "")
    try:
        body = json.loads(content)
        name, version, predictions = body["model"]["name"], body["model"]["version"], body["predictions"]
        ids = [prediction["id"] for prediction in predictions]
    except (ValueError, KeyError, TypeError):
        return "200 with a body that breaks the contract"
    asked, tag = request.card.name, f"{name}:{version}"
    fields = set(request.card.prediction.model_fields)
    rules = {
        "another model answered": name == asked and headers.get("x-model") == tag,
        "the answer of another request": request.request_id == body.get("request_id") == headers.get("x-request-id"),
        "not one prediction for each row": len(predictions) == len(request.places),
        "an id that does not name its version": all(str(one).startswith(f"{tag}:") for one in ids),
        "an id that is not unique": len(set(map(str, ids))) == len(ids),
        "a prediction without the card's fields": all(set(prediction) == fields for prediction in predictions),
    }
    broken = next((rule for rule, kept in rules.items() if not kept), None)
    return broken or _other_rows(request.places, predictions, version, known)


def _other_rows(
    places: Sequence[int], predictions: Sequence[Mapping[str, Any]], version: str, known: Mapping[int, KnownAnswer]
) -> str | None:
    for place, prediction in zip(places, predictions, strict=True):
        expected = known.get(place)
        if expected is not None and expected.version == version and not same_answer(expected.answer, prediction):
            return "not this row's answer"
    return None


def same_answer(expected: Any, found: Any) -> bool:
    """Equal but for the id and rounding.

    >>> same_answer({"id": "a", "price_usd": 200_000.0}, {"id": "b", "price_usd": 200_100.0})
    True
    >>> same_answer({"label": "positive", "score": 0.91}, {"label": "negative", "score": 0.91})
    False
    """
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return False
        names = set(expected) - {"id"}
        return names == set(found) - {"id"} and all(same_answer(expected[name], found[name]) for name in names)
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
