"""A pool of different rows for each model, encoded once, so that sending a request costs the generator little.

The first rows of a pool are *known*: their answers are fetched one at a time before the load. Mixed among the other
rows, they show whether each answer belongs to its row.
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
from jubako.load.rows import Draw, draw_function

POOL_ROWS = 2_000
POOL_FILES = 96
KNOWN = 16
KNOWN_SHARE = 0.2
"""Share of the sent rows that are known ones."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """One request, and the places in the pool of the rows in it."""

    card: AnyCard
    path: str
    content: bytes
    headers: Mapping[str, str]
    request_id: str
    places: Sequence[int]


class RequestPool:
    """The rows of one model. Equal seeds make equal pools."""

    def __init__(
        self, card: AnyCard, seed: int, size: int | None = None, draws: Mapping[str, Draw] | None = None
    ) -> None:
        rng = random.Random(f"{seed} {card.name}")  # noqa: S311 - rows are no secrets
        draw = draw_function(card, draws or {})
        self.card = card
        self._rng = random.Random()  # noqa: S311
        self._files: list[tuple[str, bytes, str]] = []
        self._rows: list[bytes] = []
        if card.media == "files":
            self._files = [file_part(draw(rng)) for _ in range(size or POOL_FILES)]
        else:
            self._rows = [json.dumps(draw(rng)).encode() for _ in range(size or POOL_ROWS)]

    def __len__(self) -> int:
        return len(self._files) or len(self._rows)

    def request(self, rows: int) -> LoadRequest:
        """A request with this many rows, chosen anew each time."""
        return self.request_for([self._choose() for _ in range(rows)])

    def request_for(self, places: Sequence[int]) -> LoadRequest:
        if self._files:
            content, kind = multipart_body("inputs", [self._files[place] for place in places])
        else:
            content = b'{"inputs":[' + b",".join(self._rows[place] for place in places) + b"]}"
            kind = "application/json"
        request_id = new_id()
        headers = {"Content-Type": kind, "X-Request-ID": request_id}
        return LoadRequest(self.card, path(self.card.name, "predict"), content, headers, request_id, places)

    def rows(self) -> list[Any]:
        """The pool's rows as JSON, or its files."""
        return [json.loads(one) for one in self._rows] or [content for _, content, _ in self._files]

    def _choose(self) -> int:
        return self._rng.randrange(KNOWN if self._rng.random() < KNOWN_SHARE else len(self))
