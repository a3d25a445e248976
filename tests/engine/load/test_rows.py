"""Rows for a load test come from the collection's own functions, or from the card alone."""

from __future__ import annotations

import json
import random
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from jubako.card import Batching, Card, FileRow, Gate, Prediction, Row, Signal
from jubako.load import rows
from jubako.load.pool import RequestPool
from jubako.load.rows import collection_draws, draw_row


class TeaRow(Row):
    note: str
    sort: Literal["green", "black"]
    minutes: Annotated[float, Field(ge=0, le=10)]
    sugar: int | None


class TeaPrediction(Prediction):
    score: float


EXAMPLES = (
    {"note": "strong", "sort": "black", "minutes": 4.0, "sugar": 2},
    {"note": "mild", "sort": "green", "minutes": 2.0, "sugar": None},
)


def card(row: Any, examples: Any) -> Card[Any, Any]:
    signals = (Signal("minutes", "number", low=1.0, high=6.0),)
    return Card("tea", "How good a tea is", "none", "regression", row, TeaPrediction, ("score",), Gate("rmse", 1, 0),
                Batching(8), signals, (), examples)  # fmt: skip


TEA = card(TeaRow, EXAMPLES)
FILES = card(FileRow, ({"data": "AAEC"}, {"data": "AwQF"}))


def test_a_card_alone_gives_valid_rows_within_its_signals_and_texts_of_its_examples() -> None:
    rng = random.Random(1)
    drawn = [TeaRow.model_validate_json(json.dumps(draw_row(TEA, rng))) for _ in range(500)]
    assert {row.note for row in drawn} == {"strong", "mild"}
    assert {row.sort for row in drawn} == {"green", "black"}
    assert all(1.0 <= row.minutes <= 6.0 for row in drawn)
    assert len({row.minutes for row in drawn}) > 100
    assert any(row.sugar is None for row in drawn)


def test_files_without_a_function_are_the_files_of_the_examples() -> None:
    assert set(RequestPool(FILES, seed=1, size=20).rows()) == {b"\x00\x01\x02", b"\x03\x04\x05"}


def test_a_function_of_the_collection_replaces_the_card() -> None:
    own = {"sort": "green", "note": "own", "minutes": 3.0, "sugar": 1}
    assert RequestPool(TEA, seed=1, size=3, draws={"tea": lambda _rng: own}).rows() == [own] * 3


def test_a_collection_without_functions_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "DRAWS", "load_tests.nothing")
    assert collection_draws() == {}
    monkeypatch.setattr(rows, "DRAWS", "no_such_folder.draws")
    assert collection_draws() == {}
