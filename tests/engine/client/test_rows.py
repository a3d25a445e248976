"""Rows in any form reach the service as the same JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jubako.client import Client, InputRefused
from jubako.client.rows import RowSource, json_row, plain, source
from jubako.client.testing import MockService
from tests.engine.client.cards import BY_NAME, CARDS, CUSTOMER, FLOWER, TABLES, FlowerRow


def sent(name: str, rows: Any) -> list[Any]:
    """The rows as the service reads them."""
    service = MockService(CARDS)
    Client("http://mock", transport=service).of(BY_NAME[name]).predict(rows)
    inputs: list[Any] = json.loads(service.requests[0].content)["inputs"]
    return inputs


def as_arrays(rows: list[dict[str, Any]]) -> Any:
    return np.array([list(row.values()) for row in rows], dtype=object)


FORMS: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "mappings": lambda rows: rows,
    "generator": lambda rows: (row for row in rows),
    "pandas": pd.DataFrame,
    "pandas with other columns in another order": lambda rows: (
        pd.DataFrame(rows).assign(id=range(len(rows))).iloc[:, ::-1]
    ),
    "pandas with its own index": lambda rows: pd.DataFrame(rows, index=[9] * len(rows)),
    "polars": pl.DataFrame,
    "numpy": as_arrays,
}


@pytest.mark.parametrize("card", TABLES, ids=lambda card: card.name)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_rows_is_sent_as_the_same_json(card: Any, form: str) -> None:
    rows = [dict(example) for example in card.examples]
    assert sent(card.name, FORMS[form](rows)) == rows


@pytest.mark.parametrize("card", TABLES, ids=lambda card: card.name)
def test_card_rows_alone_and_in_lists_are_sent_as_they_are(card: Any) -> None:
    rows = [card.row(**example) for example in card.examples]
    assert sent(card.name, rows) == [dict(example) for example in card.examples]
    assert sent(card.name, rows[0]) == [dict(card.examples[0])]


def test_a_missing_value_of_a_frame_is_null_and_whole_numbers_stay_whole() -> None:
    """pandas turns a column of whole numbers with one gap into floats, and the service refuses 2.0 customers."""
    first, second = (dict(example) for example in CUSTOMER.examples)
    frame = pd.DataFrame([first, {**second, "charges": None, "months": 68.0, "senior": 0.0, "children": None}])
    inputs = sent("customer", frame)
    assert inputs[1]["charges"] is inputs[1]["children"] is None
    assert json.dumps(inputs[0]["children"]) == "1"
    assert json.dumps(inputs[1]["months"]) == "68"
    assert json.dumps(inputs[1]["senior"]) == "0"


@pytest.mark.parametrize("missing", [float("nan"), np.float32("nan"), pd.NA, pd.NaT, None], ids=repr)
def test_what_frames_call_missing_json_calls_null(missing: Any) -> None:
    assert plain(missing) is None


@pytest.mark.parametrize(
    ("value", "expected"), [(np.float32(0.5), 0.5), (np.int64(7), 7), (np.bool_(True), True), (np.str_("a"), "a")]
)
def test_numpys_scalars_are_sent_as_pythons(value: Any, expected: Any) -> None:
    assert json.loads(json.dumps(plain(value))) == expected


def test_a_float32_matrix_is_one_row_in_each_line() -> None:
    matrix = np.array([[5, 3, 1, 0.5], [6, 3, 5, 2]], dtype=np.float32)
    assert sent("flower", matrix)[1] == {"stem": 6.0, "leaf": 3.0, "petal": 5.0, "bud": 2.0}
    assert len(sent("flower", matrix[0])) == 1


@pytest.mark.parametrize(
    "texts",
    [
        "one",
        ["one"],
        ("one",),
        {"text": "one"},
        np.array(["one"]),
        pd.Series(["one"]),
        pl.Series(["one"]),
        iter(["one"]),
    ],
    ids=lambda texts: type(texts).__name__,
)
def test_texts_need_no_field_name(texts: Any) -> None:
    assert sent("review", texts) == [{"text": "one"}]


@pytest.mark.parametrize(
    ("name", "rows", "why"),
    [
        ("flower", [], "no rows"),
        ("flower", pd.DataFrame({"stem": [1.0]}), "no column leaf, petal, bud"),
        ("flower", np.zeros((2, 3)), "arrays of 4 columns"),
        ("flower", np.zeros((2, 2, 4)), "arrays of 4 columns"),
        ("flower", 7, "cannot be read from int"),
        ("flower", [[1, 2, 3, 4]], "a FlowerRow or a mapping, not list"),
        ("flower", "rose", "not str"),
        ("customer", FlowerRow(stem=1, leaf=1, petal=1, bud=1), "it takes CustomerRow"),
        ("flower", {"stem": math.inf}, "cannot be sent as JSON"),
        ("flower", {"stem": object()}, "cannot be sent as JSON"),
        ("review", "half a pair \ud800", "surrogate"),
    ],
)
def test_what_cannot_become_rows_is_refused_before_anything_is_sent(name: str, rows: Any, why: str) -> None:
    service = MockService(CARDS)
    with pytest.raises(InputRefused, match=why):
        Client("http://mock", transport=service).of(BY_NAME[name]).predict(rows)
    assert not service.requests


def test_a_wrong_dict_is_sent_as_it_is_because_the_service_explains_best() -> None:
    assert json_row(FLOWER, {"petal": "wide"}) == {"petal": "wide"}


def test_a_large_frame_is_cut_on_demand() -> None:
    """A million rows of a frame must not become a million dicts before the first request leaves."""
    frame = pd.DataFrame([dict(FLOWER.examples[0])] * 1000)
    found = source(FLOWER, frame)
    assert isinstance(found, RowSource)
    assert found.total == 1000
    assert len(found.cut(990, 1010)) == 10


def test_importing_the_client_imports_no_table_or_picture_library() -> None:
    program = "import sys, jubako.client, jubako.client.testing; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "polars", "PIL", "bentoml"} & set(loaded)
