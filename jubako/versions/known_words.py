"""The words of a text model's training: in how many texts each stands, and how usual held-out texts are by them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray

FILE = "words.json"
MOST_WORDS = 50_000
MOST_TEXTS = 5_000
"""Held-out texts whose log-probabilities are kept."""
LONGEST_WORD, LONGEST_TEXT = 40, 4_000
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def words_of(text: str) -> set[str]:
    """The distinct words of a text.

    >>> sorted(words_of("It's FIRE, pure fire 100%!"))
    ['fire', "it's", 'pure']
    """
    found = _WORD.findall(text[:LONGEST_TEXT].lower().replace("\u2019", "'"))
    return {word for word in found if len(word) <= LONGEST_WORD}


def count_texts(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each word stands.

    >>> count_texts(["so so good", "good"]) == {"so": 1, "good": 2}
    True
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words_of(text))
    return counts


@dataclass(frozen=True)
class KnownWords:
    texts: int
    counts: Mapping[str, int]
    left_out: int
    """In how many texts a word that is not listed may stand: 0 when every word is listed."""
    log_probabilities: NDArray[np.float64]
    """Of texts that are not among ``texts``, sorted."""

    @classmethod
    def of(cls, learned: Sequence[str], held_out: Sequence[str]) -> KnownWords:
        counts = count_texts(learned)
        listed = dict(counts.most_common(MOST_WORDS))
        left_out = min(listed.values()) if len(counts) > MOST_WORDS else 0
        known = cls(len(learned), listed, left_out, np.empty(0))
        values = known.usual(held_out[:MOST_TEXTS])
        return cls(len(learned), listed, left_out, np.sort(values))

    @cached_property
    def _total(self) -> int:
        return sum(self.counts.values()) + len(self.counts) + 1

    def count(self, word: str) -> int:
        return self.counts.get(word, self.left_out)

    def usual(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """The mean log-probability of each text's words, of texts that have any. Lower is less usual.

        >>> known = KnownWords.of(["good phone", "good case"], [])
        >>> usual, odd = known.usual(["good phone", "gyatt phone", "!"])
        >>> bool(usual > odd)
        True
        """
        parts = [words for text in texts if (words := words_of(text))]
        return np.array([sum(log((self.count(w) + 1) / self._total) for w in words) / len(words) for words in parts])

    def dump(self) -> bytes:
        values = self.log_probabilities.round(4).tolist()
        content = {"texts": self.texts, "left_out": self.left_out, "log_probabilities": values, "counts": self.counts}
        return json.dumps(content, ensure_ascii=False).encode()

    @classmethod
    def read(cls, content: bytes) -> KnownWords:
        found = json.loads(content)
        values = np.array(found["log_probabilities"], np.float64)
        return cls(found["texts"], found["counts"], found["left_out"], values)
