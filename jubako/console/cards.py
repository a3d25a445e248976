"""What the console's forms and bars are made from: the cards, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jubako.card import AnyCard
from jubako.collection import Collection


def cards(collection: Collection) -> dict[str, Any]:
    return {name: _card(card) for name, card in collection.cards.items()}


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
