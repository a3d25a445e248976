"""Decisions on rollouts over HTTP. They have a person's name, which only an API key gives."""

from __future__ import annotations

from typing import Any

import orjson

from jubako.batching import ApiKey
from jubako.gateway.problems import ConflictProblem, FieldError, InvalidRowsProblem, MalformedProblem, NotFoundProblem
from jubako.rollout import record
from jubako.rollout.record import RolloutRefused, RolloutUnreadable, What
from jubako.rollout.view import RolloutView, view

DECISIONS: tuple[What, ...] = ("pause", "resume", "abort", "promote")
LONGEST_WHY = 1_000


def decide(model: str, what: What, key: ApiKey | None, body: bytes) -> RolloutView:
    """Reads and writes files: call it in a thread. Raises ``Problem``."""
    if key is None:
        raise NotFoundProblem(
            f"rollouts are changed over HTTP only while API keys are on; use `jubako rollout {what} {model}`"
        )
    why = _why(body)
    try:
        record.move(model, what, why, who=key.name)
    except (RolloutRefused, RolloutUnreadable) as error:
        raise ConflictProblem(view(model).summary if isinstance(error, RolloutUnreadable) else str(error)) from None
    return view(model)


def _why(body: bytes) -> str:
    try:
        content: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedProblem(f"the body is not valid JSON: {error}") from None
    why = content.get("why") if isinstance(content, dict) and set(content) == {"why"} else None
    if not isinstance(why, str) or not 0 < len(why.strip()) <= LONGEST_WHY:
        expected = f'the body must be {{"why": "..."}}, a reason of 1 to {LONGEST_WHY:,} characters'
        raise InvalidRowsProblem(expected, [FieldError(["why"], expected)])
    return why.strip()
