"""The questions of a run: a pool of different rows for each card, encoded once, so that asking costs little.

A few of them are *known*: their answers were fetched one at a time before the load began. Mixed among the others, they
show whether an answer belongs to its row.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jubako.card import AnyCard
from jubako.client.files import file_part
from jubako.client.http import multipart_body, new_id, path
from jubako.load.pictures import picture
from jubako.load.rows import row

POOL_ROWS = 2_000
POOL_PICTURES = 96
KNOWN = 16
KNOWN_SHARE = 0.2
"""How many of the rows that go out are known ones."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request, and which rows of the pool are in it."""

    card: AnyCard
    path: str
    content: bytes
    headers: Mapping[str, str]
    request_id: str
    places: Sequence[int]


class Deck:
    """The rows of one card. Equal seeds make equal decks; the known rows are the first ones."""

    def __init__(self, card: AnyCard, seed: int, size: int | None = None) -> None:
        rng = random.Random(f"{seed} {card.name}")  # noqa: S311 (made up, not secret)
        self.card = card
        self._rng = random.Random()  # noqa: S311
        self._files: list[tuple[str, bytes, str]] = []
        self._rows: list[bytes] = []
        if card.media == "files":
            self._files = [file_part(picture(rng)) for _ in range(size or POOL_PICTURES)]
        else:
            self._rows = [json.dumps(row(card, rng)).encode() for _ in range(size or POOL_ROWS)]

    def __len__(self) -> int:
        return len(self._files) or len(self._rows)

    def ask(self, rows: int) -> Question:
        """A request with so many rows, drawn anew each time."""
        return self.ask_for([self._draw() for _ in range(rows)])

    def ask_for(self, places: Sequence[int]) -> Question:
        if self._files:
            content, kind = multipart_body("inputs", [self._files[place] for place in places])
        else:
            content = b'{"inputs":[' + b",".join(self._rows[place] for place in places) + b"]}"
            kind = "application/json"
        request_id = new_id()
        headers = {"Content-Type": kind, "X-Request-ID": request_id}
        return Question(self.card, path(self.card.name, "predict"), content, headers, request_id, places)

    def rows(self) -> list[Any]:
        """The pool's rows as JSON, or its files."""
        return [json.loads(one) for one in self._rows] or [content for _, content, _ in self._files]

    def _draw(self) -> int:
        return self._rng.randrange(KNOWN if self._rng.random() < KNOWN_SHARE else len(self))
