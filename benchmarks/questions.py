"""What is asked: different rows for every request, and what the bare model answers to each of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.wires import Given, Wire
from bentos.image.card import ImageRow
from jubako.card import AnyCard
from jubako.load.rows import draw_function
from jubako.models import AnyModel
from load_tests.draws import ROWS as DRAWS

ROWS = 2_048
FILES = 128
#: A file of requests for wrk holds so many, unless they are so large that they would fill the memory.
REQUESTS = 2_048
REQUEST_BYTES = 48_000_000


@dataclass(frozen=True)
class Questions:
    card: AnyCard
    given: Sequence[Given]
    expected: Sequence[dict[str, Any]]

    def requests(self, wire: Wire, rows: int, seed: int = 0) -> list[bytes]:
        """Requests with different rows in each, as many as are worth it."""
        rng = random.Random(seed)  # noqa: S311 - order of questions, no secret
        size = len(wire.ask(self.card, self.given[:rows]).body)
        count = max(16, min(REQUESTS, len(self.given) * 4 // rows, REQUEST_BYTES // size))
        return [wire.ask(self.card, rng.sample(self.given, rows)).raw() for _ in range(count)]


def questions(card: AnyCard, model: AnyModel, seed: int = 20) -> Questions:
    """Equal seeds make equal questions, so every server is asked the same."""
    rng = random.Random(f"{seed} {card.name}")  # noqa: S311
    draw = draw_function(card, DRAWS)
    given: list[Given]
    if card.media == "files":
        given = [draw(rng) for _ in range(FILES)]
        rows: list[Any] = [ImageRow(data=file) for file in given if isinstance(file, bytes)]
    else:
        # The V2 protocol cannot express a missing number, so no row has one.
        drawn = (draw(rng) for _ in range(2 * ROWS))
        whole = [one for one in drawn if None not in one.values()][:ROWS]
        given = [*whole]
        rows = [card.row.model_validate(one) for one in whole]
    return Questions(card, given, _answers(model, rows))


def _answers(model: AnyModel, rows: Sequence[Any], step: int = 64) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(rows), step):
        found += model.decode(model.predict(model.encode(rows[start : start + step])))
    return found


def write(file: Path, requests: Sequence[bytes]) -> Path:
    """As ``cycle.lua`` reads them."""
    with file.open("wb") as out:
        for request in requests:
            out.write(b"%d\n%b" % (len(request), request))
    return file
