"""Compares some answers with the bare model's during the warm-up load."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import httpx

from benchmarks.questions import Questions
from benchmarks.wires import Wire
from jubako.load.checks import is_clear, same_answer

MOST = 40


@dataclass(frozen=True, slots=True)
class Checked:
    checked: int
    wrong: int


def check(url: str, wire: Wire, asked: Questions, rows: int, seconds: float) -> Checked:
    """For ``seconds`` at most. An answer is wrong if any of its rows has another answer than the bare model's."""
    rng = random.Random(rows)  # noqa: S311
    checked = wrong = 0
    end = time.monotonic() + seconds
    with httpx.Client(base_url=url, timeout=60) as client:
        while checked < MOST and time.monotonic() < end:
            places = rng.sample(range(len(asked.given)), rows)
            posting = wire.ask(asked.card, [asked.given[place] for place in places])
            try:
                answer = client.post(posting.path, content=posting.body, headers=posting.headers)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                checked += 1
                wrong += not _right(wire, asked, places, answer.content)
    return Checked(checked, wrong)


def _right(wire: Wire, asked: Questions, places: list[int], body: bytes) -> bool:
    try:
        predictions = wire.read(asked.card, body)
    except (ValueError, KeyError, TypeError):
        return False
    if len(predictions) != len(places):
        return False
    expected = [asked.expected[place] for place in places]
    # A row between two answers may fall to either side when an engine rounds differently in another batch.
    pairs = zip(expected, predictions, strict=True)
    return all(same_answer(right, found) or not is_clear(right) for right, found in pairs)
