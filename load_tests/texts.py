"""Generated product reviews that differ in words, opinion and length."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path

import yaml

LONGEST = 3_500
"""Characters; below the limit of the card, so that no request is refused."""


@lru_cache(maxsize=1)
def phrases() -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("phrases.yaml").read_text(encoding="utf-8"))
    return found


def text(rng: random.Random) -> str:
    """One to some eighty sentences; most are short, as reviews are."""
    words = phrases()
    good = rng.random() < 0.5
    sentences = [rng.choice(words["openings"])] if rng.random() < 0.5 else []
    for _ in range(max(1, min(80, round(rng.lognormvariate(0.7, 0.8))))):
        opinion = rng.choice(words["good" if (rng.random() < 0.85) == good else "bad"])
        subject = f"The {rng.choice(words['things'])} of the {rng.choice(words['products'])}"
        number = f" in {rng.randint(2, 90)} days" if rng.random() < 0.15 else ""
        sentences.append(f"{subject if rng.random() < 0.6 else 'It'} {opinion}{number}.")
    if rng.random() < 0.4:
        sentences.append(rng.choice(words["endings"]))
    return " ".join(sentences)[:LONGEST]
