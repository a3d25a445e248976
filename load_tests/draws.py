"""Random rows of the models whose cards alone do not give realistic ones; ``jubako.load.rows`` finds them here."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from bentos.churn.card import CARD as CHURN
from jubako.load.rows import draw_row
from load_tests.pictures import picture
from load_tests.texts import text

#: The columns that depend on a service which the customer may not have.
EXTRAS = {
    "phone_service": ("multiple_lines",),
    "internet_service": (
        *("online_security", "online_backup", "device_protection", "tech_support"),
        *("streaming_tv", "streaming_movies"),
    ),
}


def customer(rng: random.Random) -> dict[str, Any]:
    """A churn row. A customer has the value "No internet service" exactly where ``internet_service`` is "No"."""
    drawn: dict[str, Any] = draw_row(CHURN, rng)
    for service, extras in EXTRAS.items():
        without = f"No {service.replace('_', ' ')}"
        for name in extras:
            if drawn[service] == "No":
                drawn[name] = without
            elif drawn[name] == without:
                drawn[name] = "No"
    return drawn


def review(rng: random.Random) -> dict[str, str]:
    return {"text": text(rng)}


ROWS: dict[str, Callable[[random.Random], Any]] = {"churn": customer, "sentiment": review, "image": picture}
