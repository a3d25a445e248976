"""A case: what one connection sends, in which pieces. The seed and the number of a case make it again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz.grammar import Target, valid
from tests.fuzz.mutations import mutated, spliced

_IDS = re.compile(rb"fuzz-\d+-\d+")


@dataclass(frozen=True)
class Case:
    number: int
    pieces: Sequence[bytes]
    requests: int

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def ids(self) -> frozenset[bytes]:
        return frozenset(_IDS.findall(self.data))


def case(seed: int, number: int, targets: Sequence[Target]) -> Case:
    draw = Random(f"{seed}:{number}")
    count = draw.choice((1, 1, 2, 3, 4, 5, 8, 12)) if draw.random() < 0.99 else draw.choice((140, 300))
    requests = [valid(draw, targets, b"fuzz-%d-%d" % (number, place)) for place in range(count)]
    for _ in range(draw.choice((0, 1, 1, 1, 2))):
        place = draw.randrange(count)
        if draw.random() < 0.1:
            requests[place] = spliced(draw, requests[place], draw.choice(requests))
        requests[place] = mutated(draw, requests[place]) or requests[place]
    data = b"".join(token.text for tokens in requests for token in tokens)
    return Case(number, cut(draw, data), count)


def cut(draw: Random, data: bytes) -> list[bytes]:
    how = draw.random()
    if how < 0.5:
        places = []
    elif how < 0.9:
        places = sorted(draw.randint(0, len(data)) for _ in range(draw.randint(1, 4)))
    else:
        # Each byte alone, where most parsers keep state.
        start = draw.randint(0, len(data))
        places = list(range(start, min(len(data), start + 40)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
