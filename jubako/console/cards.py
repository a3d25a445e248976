"""What the console's forms and bars are made from: the cards, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from bentos.cards import CARDS
from jubako.card import AnyCard


@lru_cache(maxsize=1)
def cards() -> dict[str, Any]:
    return {name: _card(card) for name, card in CARDS.items()}


def _card(card: AnyCard) -> dict[str, Any]:
    return {
        "title": card.title,
        "media": card.media,
        "predict": f"/v1/{card.name}/predict",
        "row": card.row.model_json_schema(),
        "prediction": card.prediction.model_json_schema(),
        "examples": [dict(example) for example in card.examples],
        "answers": {signal.name: asdict(signal) for signal in card.answer_signals},
        "gate": asdict(card.gate),
    }
