"""Tables against cards: everything that does not fit is named at once, with a count and an example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from bentos.churn.card import CARD, ChurnRow
from jubako.training import tables
from jubako.training.recipe import DataRefused
from jubako.training.tables import Layout
from training.data.churn import CARD_LAYOUT, PUBLISHED_LAYOUT

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame([*CARD.examples] * 3).assign(churn=["Yes", "No"] * 3)


def complaints(table: pd.DataFrame, layout: Layout = CARD_LAYOUT) -> tuple[str, ...]:
    with pytest.raises(DataRefused) as caught:
        tables.check(table, ChurnRow, layout, "customers.csv")
    assert str(caught.value).startswith("customers.csv does not fit:\n  - ")
    return caught.value.complaints


def with_cells(column: str, values: dict[int, object]) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        cells = table[column].astype(object)
        for place, value in values.items():
            cells[place] = value
        return table.assign(**{column: cells})

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(lambda table: table.drop(columns="partner"), "partner: column missing", id="column missing"),
        pytest.param(lambda table: table.drop(columns="churn"), "churn: column missing", id="target missing"),
        pytest.param(
            lambda table: pd.concat([table, table[["contract"]]], axis=1),
            "contract: column stands 2 times",
            id="column twice",
        ),
        pytest.param(lambda table: table.iloc[:0], "the table is empty: no rows", id="no rows"),
        pytest.param(
            with_cells("contract", {1: "Three year", 4: "Weekly"}),
            "contract: unknown category, known are 'Month-to-month', 'One year' or 'Two year'"
            " (2 rows, for example 'Three year' in row 2)",
            id="unknown category",
        ),
        pytest.param(
            with_cells("churn", {5: "Maybe"}),
            "churn: unknown category, known are 'No' or 'Yes' (1 row, for example 'Maybe' in row 6)",
            id="unknown answer",
        ),
        pytest.param(
            with_cells("senior_citizen", {0: "Yes"}),
            "senior_citizen: unknown category, known are 0 or 1 (1 row, for example 'Yes' in row 1)",
            id="unknown number",
        ),
        pytest.param(
            with_cells("monthly_charges", {0: "cheap", 2: "dear"}),
            "monthly_charges: wrong type, should be a valid number (2 rows, for example 'cheap' in row 1)",
            id="words for a number",
        ),
        pytest.param(
            with_cells("tenure_months", {3: 2.5}),
            "tenure_months: wrong type, should be a valid integer (1 row, for example 2.5 in row 4)",
            id="half a month",
        ),
        pytest.param(
            with_cells("tenure_months", {3: -1}),
            "tenure_months: out of range, should be greater than or equal to 0 (1 row, for example -1 in row 4)",
            id="out of range",
        ),
        pytest.param(
            with_cells("total_charges", {0: np.inf}),
            "total_charges: out of range, should be a finite number (1 row, for example inf in row 1)",
            id="infinite",
        ),
        pytest.param(
            with_cells("monthly_charges", {0: None, 1: np.nan, 2: " "}),
            "monthly_charges: empty (3 rows, for example None in row 1)",
            id="empty number",
        ),
        pytest.param(
            with_cells("gender", {0: None, 1: " "}),
            "gender: empty (2 rows, for example None in row 1)",
            id="empty category",
        ),
        pytest.param(
            lambda table: table.assign(churn="No"),
            "churn: 'No' in every row, there is nothing to learn",
            id="one answer only",
        ),
    ],
)
def test_a_fault_is_named_with_column_count_and_example(table: pd.DataFrame, change: Change, complaint: str) -> None:
    assert complaints(change(table)) == (complaint,)


def test_all_faults_of_a_table_are_listed_at_once(table: pd.DataFrame) -> None:
    broken = with_cells("contract", {1: "Weekly"})(with_cells("monthly_charges", {0: "dear", 1: -5.0})(table))
    found = complaints(broken.drop(columns=["partner", "tech_support"]))
    assert [line.split(" (")[0] for line in found] == [
        "partner: column missing",
        "tech_support: column missing",
        "monthly_charges: wrong type, should be a valid number",
        "contract: unknown category, known are 'Month-to-month', 'One year' or 'Two year'",
        "monthly_charges: out of range, should be greater than or equal to 0",
    ]


def test_complaints_speak_of_the_columns_as_the_file_names_them(table: pd.DataFrame) -> None:
    published = table.rename(columns=PUBLISHED_LAYOUT.names | {"churn": "Churn"})
    layout = tables.nearest(published, ChurnRow, (CARD_LAYOUT, PUBLISHED_LAYOUT))
    assert layout is PUBLISHED_LAYOUT
    assert complaints(published.drop(columns="tenure"), layout) == ("tenure: column missing",)


def test_a_table_that_fits_gives_its_rows_and_answers_whatever_the_order_of_its_columns(table: pd.DataFrame) -> None:
    turned = table[[*reversed(table.columns)]].assign(shoe_size=44)
    checked = tables.check(turned, ChurnRow, CARD_LAYOUT, "customers.csv")
    assert checked.rows == [ChurnRow(**example) for example in CARD.examples] * 3
    assert checked.truth == ["Yes", "No"] * 3


def test_whole_numbers_may_be_stored_as_fractions_because_gaps_make_pandas_do_so(table: pd.DataFrame) -> None:
    checked = tables.check(table.astype({"tenure_months": float}), ChurnRow, CARD_LAYOUT, "customers.csv")
    assert [row.tenure_months for row in checked.rows] == [2, 68] * 3


class TestReadCsv:
    """``read_csv``: nothing in the file is interpreted before the card has seen it."""

    def test_every_cell_is_the_text_that_stands_there(self, tmp_path: Path) -> None:
        (tmp_path / "table.csv").write_text("\ufeffa , b\n1.50,NA\n,None\n", encoding="utf-8")
        assert tables.read_csv(tmp_path / "table.csv").to_dict("list") == {"a": ["1.50", ""], "b": ["NA", "None"]}

    def test_a_category_may_be_called_na_but_a_number_may_not(self) -> None:
        texts = pd.Series(["NA", "", "1"])
        assert tables.cells(texts, frozenset({str})) == ["NA", None, "1"]
        assert tables.cells(texts, frozenset({float})) == [None, None, 1.0]

    def test_a_tsv_is_split_at_its_tabs(self, tmp_path: Path) -> None:
        (tmp_path / "table.tsv").write_text("a\tb\n1,5\tx\n")
        assert tables.read_csv(tmp_path / "table.tsv").to_dict("list") == {"a": ["1,5"], "b": ["x"]}

    def test_a_column_that_stands_twice_is_not_hidden(self, tmp_path: Path) -> None:
        (tmp_path / "table.csv").write_text("a,a\n1,2\n")
        assert list(tables.read_csv(tmp_path / "table.csv").columns) == ["a", "a"]

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            pytest.param(b"", "not readable as a table", id="empty file"),
            pytest.param(b"a,b\n1,2\n1,2,3\n", "not readable as a table: .* line 3", id="ragged"),
            pytest.param(b"a,b\n\xff\xfe,2\n", "not readable as a table", id="not text"),
        ],
    )
    def test_a_file_that_is_no_table_is_refused_with_the_reason(self, tmp_path: Path, content: bytes, why: str) -> None:
        (tmp_path / "table.csv").write_bytes(content)
        with pytest.raises(DataRefused, match=why):
            tables.read_csv(tmp_path / "table.csv")

    @pytest.mark.parametrize(("name", "why"), [("nothing.csv", "missing"), (".", "a folder")])
    def test_a_path_that_is_no_file_is_refused(self, tmp_path: Path, name: str, why: str) -> None:
        with pytest.raises(DataRefused, match=f"a CSV file is expected, this is {why}"):
            tables.read_csv(tmp_path / name)


def test_equal_rows_have_equal_hashes_and_one_changed_answer_another(table: pd.DataFrame) -> None:
    rows = tables.check(table, ChurnRow, CARD_LAYOUT, "a").rows
    truth = np.array([1, 0, 1, 0, 1, 0])
    first, second = tables.dataset(rows, truth, "a.csv"), tables.dataset(list(rows), truth.copy(), "b.csv")
    assert first.sha256 == second.sha256
    assert tables.dataset(rows, 1 - truth, "a.csv").sha256 != first.sha256


def test_the_types_that_an_annotation_speaks_of_are_found() -> None:
    assert tables.types(Literal["No", "Yes"]) == {str}
    assert tables.types(Literal[0, 1]) == {int}
    assert float in tables.types(ChurnRow.model_fields["total_charges"].annotation)
