"""The words of live texts on the disk: ``words/MODEL/VERSION/START-PROCESS-NUMBER.json``, a block of texts in each.

Only counts are kept, and only of words that stand in at least three texts of a block: what one person wrote once is
never stored. So a word is counted too low, never too high.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jubako import durable
from jubako.versions.known_words import KnownWords, words_of

FOLDER = "words"
FULL = 500
"""Texts after which a block may end, once it is a minute old."""
MINUTE = 60.0
MOST_TEXTS = 2_000
"""Of one block; more of the same minute are not looked at."""
FEWEST = 3


@dataclass(frozen=True)
class LiveWords:
    """What is known of some live texts."""

    texts: int
    counts: Counter[str]
    log_probabilities: NDArray[np.float64]
    """Sorted."""


@dataclass
class _Block:
    start: float
    file: Path
    texts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    log_probabilities: list[float] = field(default_factory=list)
    written: int = 0


class WordRecorder:
    """Owned by one thread. ``known`` gives the words of a version; ``None`` for one that has none."""

    def __init__(self, folder: Path, process: str, known: Callable[[str], KnownWords | None]) -> None:
        self._folder = folder / FOLDER
        self._process = process
        self._read = known
        self._known: dict[str, KnownWords | None] = {}
        self._open: dict[tuple[str, str], _Block] = {}
        self._numbers = 0

    def track(self, model: str, version: str, texts: Sequence[str], now: float) -> None:
        tag = f"{model}:{version}"
        if tag not in self._known:
            self._known[tag] = self._read(tag)
        known = self._known[tag]
        if known is None:
            return
        block = self._open.get((model, version)) or self._begin(model, version, now)
        taken = texts[: MOST_TEXTS - block.texts]
        block.texts += len(taken)
        for text in taken:
            block.counts.update(words_of(text))
        block.log_probabilities += known.usual(taken).tolist()

    def save(self, now: float) -> None:
        """Write what grew; end the blocks that are full."""
        for key, block in list(self._open.items()):
            if block.texts > block.written:
                durable.replace(block.file, _content(block))
                block.written = block.texts
            if block.texts >= FULL and now - block.start >= MINUTE:
                del self._open[key]

    def _begin(self, model: str, version: str, now: float) -> _Block:
        self._numbers += 1
        file = self._folder / model / version / f"{now:017.6f}-{self._process}-{self._numbers}.json"
        block = self._open[model, version] = _Block(now, file)
        return block


def _content(block: _Block) -> bytes:
    counts = {word: count for word, count in block.counts.items() if count >= FEWEST}
    values = [round(value, 4) for value in block.log_probabilities]
    content = {"texts": block.texts, "counts": counts, "log_probabilities": values}
    return json.dumps(content, ensure_ascii=False).encode()


def newest(folder: Path, model: str, version: str, since: float, texts: int) -> LiveWords:
    """The newest blocks that were written since then, no more than needed for so many texts."""
    place = folder / FOLDER / model / version
    counts: Counter[str] = Counter()
    values: list[float] = []
    total = 0
    for file in sorted(place.glob("*.json"), reverse=True) if place.is_dir() else []:
        try:
            if total >= texts or file.stat().st_mtime < since:
                break
            block = json.loads(file.read_bytes())
        except (OSError, ValueError):  # it was deleted meanwhile, or is damaged
            continue
        total += block["texts"]
        counts.update(block["counts"])
        values += block["log_probabilities"]
    return LiveWords(total, counts, np.sort(np.array(values, np.float64)))


def prune(folder: Path, oldest: float) -> None:
    for file in (folder / FOLDER).rglob("*.json"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
