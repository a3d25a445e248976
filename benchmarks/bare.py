"""The bare model in a process of its own with one thread: the upper bound of every server. Prints JSON.

``python -m benchmarks.bare MODEL FOLDER SECONDS``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, create_model

from benchmarks.places import COLLECTION
from benchmarks.questions import Questions, questions
from benchmarks.results import Bare
from bentos.image.card import ImageRow
from jubako.card import AnyCard
from jubako.models import AnyModel

SIZES = (1, 4, 16, 64, 256, 1024)
REQUEST_SIZES = (1, 64)


def rate(call: Callable[[int], int], seconds: float) -> float:
    """Rows/s of ``call``, which gets the number of earlier calls and returns its number of rows."""
    call(0)
    rows = turns = 0
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds or turns < 3:
        rows += call(turns)
        turns += 1
    return rows / passed


def measure(name: str, folder: Path, seconds: float) -> Bare:
    card = COLLECTION.cards[name]
    model = COLLECTION.models[name].load(folder)
    asked = questions(card, model)
    rows = _rows(card, asked)
    most = min(card.batching.max_rows, len(rows))
    sizes = [size for size in SIZES if size <= most]
    return Bare(
        model=name,
        engine=model.engine,
        round=0,
        predict={size: rate(_predict(model, rows, size), seconds) for size in sizes},
        encode={size: rate(_encode(model, rows, size), seconds) for size in sizes},
        whole={size: rate(_whole(model, asked, size), seconds) for size in REQUEST_SIZES},
    )


def _rows(card: AnyCard, asked: Questions) -> Sequence[Any]:
    if card.media == "files":
        return [ImageRow.model_construct(data=file) for file in asked.given]
    return [card.row.model_validate(row) for row in asked.given]


def _slices(rows: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Different rows for each call, so that no cache helps."""
    return [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]


def _predict(model: AnyModel, rows: Sequence[Any], size: int) -> Callable[[int], int]:
    batches = [model.encode(part) for part in _slices(rows, size)]
    return lambda turn: len(model.predict(batches[turn % len(batches)]))


def _encode(model: AnyModel, rows: Sequence[Any], size: int) -> Callable[[int], int]:
    parts = _slices(rows, size)
    return lambda turn: len(model.decode(model.predict(model.encode(parts[turn % len(parts)]))))


def _whole(model: AnyModel, asked: Questions, size: int) -> Callable[[int], int]:
    card = model.card
    parts = _slices(asked.given, size)
    if card.media == "files":

        def files(turn: int) -> int:
            part = [ImageRow.model_construct(data=file) for file in parts[turn % len(parts)]]
            return len(orjson.dumps(model.decode(model.predict(model.encode(part))))) and size

        return files
    request: type[BaseModel] = create_model("Request", inputs=(list[card.row], ...))  # type: ignore[name-defined]
    read = TypeAdapter(request).validate_json
    bodies = [orjson.dumps({"inputs": part}) for part in parts]

    def bytes_to_bytes(turn: int) -> int:
        inputs: list[Any] = read(bodies[turn % len(bodies)]).inputs  # type: ignore[attr-defined]
        return len(orjson.dumps(model.decode(model.predict(model.encode(inputs))))) and size

    return bytes_to_bytes


if __name__ == "__main__":
    print(measure(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])).model_dump_json())
