"""Which rows a model may learn from, and which are kept to judge it.

A row's place follows from what is in it, never from the seed: the same row is held out in every training. So a new
model and the one in production are compared on rows that neither has seen, and copies of a row stay on one side.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jubako.card import AnyCard
from jubako.training.recipe import Dataset, Truth

HELD_OUT_SHARE = 0.2
FEWEST = 60
"""Held-out rows below which a score is mostly luck: small tables give up to twice the share."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    learn: Places
    held_out: Places


def split(card: AnyCard, dataset: Dataset) -> Split:
    keys = row_keys(dataset)
    strata = np.zeros(len(dataset), dtype=np.int64) if card.task == "regression" else dataset.truth
    share = min(2 * HELD_OUT_SHARE, max(HELD_OUT_SHARE, FEWEST / max(len(dataset), 1)))
    return held_out(keys, strata, share)


def row_keys(dataset: Dataset) -> list[str]:
    """What must stay together: a row's group, or the row itself."""
    names = dataset.groups or [row.model_dump_json() for row in dataset.rows]
    return [hashlib.sha256(name.encode()).hexdigest() for name in names]


def held_out(keys: Sequence[str], strata: Truth, share: float) -> Split:
    """The same share of every class, by the order of the hashes; rows with one key go together.

    >>> keys = [hashlib.sha256(str(place // 2).encode()).hexdigest() for place in range(40)]
    >>> found = held_out(keys, np.zeros(40, dtype=np.int64), 0.2)
    >>> len(found.learn), found.held_out.tolist()
    (32, [16, 17, 18, 19, 26, 27, 34, 35])
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    by_class: dict[int, list[str]] = defaultdict(list)
    for key in sorted(places):
        by_class[Counter(strata[places[key]].tolist()).most_common(1)[0][0]].append(key)
    kept = np.zeros(len(keys), dtype=bool)
    for ordered in by_class.values():
        wanted = share * sum(len(places[key]) for key in ordered)
        taken = 0
        for key in ordered:
            if taken + len(places[key]) / 2 > wanted:
                break
            kept[places[key]] = True
            taken += len(places[key])
    return Split(np.flatnonzero(~kept), np.flatnonzero(kept))


def folds(card: AnyCard, dataset: Dataset, count: int = 5) -> list[Split]:
    """Each row held out once, again by what is in it."""
    keys = row_keys(dataset)
    everything = np.arange(len(dataset))
    strata = np.zeros(len(dataset), dtype=np.int64) if card.task == "regression" else dataset.truth
    left = everything
    parts: list[Places] = []
    for rest in range(count, 1, -1):
        part = held_out([keys[place] for place in left], strata[left], 1 / rest)
        parts.append(left[part.held_out])
        left = left[part.learn]
    parts.append(left)
    return [Split(np.setdiff1d(everything, part), part) for part in parts if len(part)]
