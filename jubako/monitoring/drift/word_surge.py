"""New words: words that stand in so many live texts that chance does not explain it. Pure functions.

``unknown_share`` of a tokenizer does not see them: it falls back to pieces of words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jubako.monitoring.drift.statistics import hypergeometric_chance, ratio
from jubako.versions.known_words import KnownWords

NAMED_FROM = 5
"""Live texts that a word must stand in: what few people wrote is shown to nobody, and alarms nobody."""
CHANCE = 0.005
"""Of a false alarm in one window, shared by all its words."""
LEAST_RATIO = 1.5
"""How many times as frequent a word must be: in large windows chance explains hardly anything."""


@dataclass(frozen=True, slots=True)
class Surge:
    word: str
    live: int
    """Live texts that have it."""
    known: int
    """Texts of the training that have it."""
    ratio: float
    chance: float
    """That so many live texts have it by chance, times all words that could have surged."""

    def over(self) -> bool:
        return self.ratio > LEAST_RATIO and self.chance < CHANCE


def surges(known: KnownWords, texts: int, counts: Mapping[str, int]) -> list[Surge]:
    """Every word that surged, the least likely first.

    >>> import numpy as np
    >>> known = KnownWords(5_000, {"the": 4_000, "fire": 5}, 0, np.empty(0))
    >>> [surge.word for surge in surges(known, 500, {"the": 401, "fire": 12, "gyatt": 9, "rare": 4})]
    ['gyatt', 'fire']
    """
    found = []
    words = len(known.counts.keys() | counts.keys())
    for word, live in counts.items():
        if live >= NAMED_FROM:
            before = known.count(word)
            change = ratio(before, known.texts, live, texts)
            if live * known.texts > before * texts and change > LEAST_RATIO:
                chance = min(1.0, hypergeometric_chance(live, texts, before, known.texts) * words)
                found.append(Surge(word, live, before, change, chance))
    return sorted((surge for surge in found if surge.over()), key=lambda surge: surge.chance)
