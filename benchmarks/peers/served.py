"""The model that every peer serves: the same files, engine and answers, so that only the serving differs."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

from bentos.image.card import ImageRow
from jubako.card import Engine
from jubako.collection import Collection
from jubako.models import AnyModel, Batch, Runtime

COLLECTION = Collection.found(Path(__file__).resolve().parents[2])
CARD = COLLECTION.cards[os.environ["BENCH_MODEL"]]
MODEL = COLLECTION.models[CARD.name]
_rows: TypeAdapter[list[Any]] = TypeAdapter(list[CARD.row])  # type: ignore[name-defined]


def load() -> AnyModel:
    engine = cast(Engine, os.environ.get("BENCH_ENGINE", "auto"))
    return MODEL.load(Path(os.environ["BENCH_FILES"]), Runtime(engine=engine))


def setting(name: str, default: float) -> float:
    """A setting that ``benchmarks/servers.py`` chose, so that it can be tuned without a change here."""
    return float(os.environ.get(f"BENCH_{name.upper()}", default))


def rows(inputs: list[Any]) -> list[Any]:
    """Parsed JSON as the card's rows, validated. Pictures stand in JSON as base64."""
    if CARD.media == "files":
        return [ImageRow(data=base64.b64decode(row["data"])) for row in inputs]
    return _rows.validate_python(inputs)


def pictures(files: Sequence[bytes]) -> list[Any]:
    return [ImageRow(data=data) for data in files]


def encode(inputs: list[Any]) -> Batch:
    return MODEL.encode(rows(inputs))


def answers(outputs: Any) -> list[dict[str, Any]]:
    return MODEL.decode(outputs)
