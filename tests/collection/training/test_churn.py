"""Churn: made customers whose columns agree with each other, and the Telco table as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from bentos.churn.card import CARD
from jubako.scores import scores
from jubako.training.recipe import DataRefused, no_log
from jubako.training.split import folds
from tests.collection.training.real_data import real
from training.churn import RECIPE
from training.data import customers
from training.data.churn import PUBLISHED_LAYOUT

#: A customer who has only just signed, as the public file writes one.
NEWCOMER = "9999-NEW,Male,0,No,No,0,Yes,No,DSL,No,No,No,No,No,No,Two year,No,Mailed check,45.2, ,No\n"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return customers.made_table(7, customers.MADE_ROWS)


@pytest.fixture
def published(table: pd.DataFrame, tmp_path: Path) -> Path:
    """Made customers in the form of the public file: its names, an id, blanks where a total is missing."""
    file = tmp_path / "telco.csv"
    form = table.head(200).rename(columns=PUBLISHED_LAYOUT.names | {"churn": "Churn"})
    form["TotalCharges"] = [" " if np.isnan(total) else str(total) for total in form.TotalCharges]
    form.insert(0, "customerID", [f"{place:04d}-ABCDE" for place in range(len(form))])
    form.to_csv(file, index=False)
    return file


def test_equal_seeds_make_equal_tables_and_other_seeds_others() -> None:
    assert RECIPE.make(7, 400).sha256 == RECIPE.make(7, 400).sha256 != RECIPE.make(8, 400).sha256


def test_made_customers_leave_as_often_and_for_the_same_reasons_as_the_public_ones(table: pd.DataFrame) -> None:
    leaves = table.churn == "Yes"
    assert 0.24 < leaves.mean() < 0.29
    by_contract = leaves.groupby(table.contract).mean()
    assert by_contract["Month-to-month"] > 0.35
    assert 0.15 > by_contract["One year"] > by_contract["Two year"]
    assert leaves[table.internet_service == "Fiber optic"].mean() > 2 * leaves[table.internet_service == "DSL"].mean()
    assert leaves[table.payment_method == "Electronic check"].mean() > 0.35
    assert leaves[table.tenure_months <= 6].mean() > 4 * leaves[table.tenure_months > 48].mean()


def test_the_columns_of_a_made_customer_agree_with_each_other(table: pd.DataFrame) -> None:
    offline = table.internet_service == "No"
    for extra in customers.EXTRAS:
        assert ((table[extra] == "No internet service") == offline).all(), extra
    assert ((table.multiple_lines == "No phone service") == (table.phone_service == "No")).all()
    assert (table.phone_service[offline] == "Yes").all(), "nobody pays for nothing"
    never = table.total_charges.isna()
    assert never.sum() == 11
    assert (never == (table.tenure_months == 0)).all()
    ratio = (table.total_charges / (table.tenure_months * table.monthly_charges))[table.tenure_months > 3]
    assert ratio.between(0.7, 1.3).all()
    assert 0.03 < ratio.std() < 0.07, "bills changed over the months"


def test_made_customers_are_hard_enough_that_an_auc_means_something() -> None:
    learn, other = RECIPE.make(7), RECIPE.make(8)
    fitted = RECIPE.fit(RECIPE.model.encode(learn.rows), learn.truth, RECIPE.defaults, seed=7, log=no_log)
    auc = scores(CARD, other.truth, fitted.model.predict(RECIPE.model.encode(other.rows)))["auc"]
    assert 0.82 < auc < 0.87
    assert sum(fitted.importances.values()) == pytest.approx(1)
    assert max(fitted.importances, key=lambda name: fitted.importances[name]) == "contract"


def test_the_same_seed_and_rows_give_the_same_trees() -> None:
    made = RECIPE.make(7, 500)
    batch = RECIPE.model.encode(made.rows)
    first, second = (RECIPE.fit(batch, made.truth, RECIPE.defaults, seed=5, log=no_log).model for _ in range(2))
    np.testing.assert_array_equal(first.predict(batch), second.predict(batch))


def test_training_tells_its_loss_and_its_progress_after_every_round() -> None:
    seen: list[tuple[str, float, int]] = []
    made = RECIPE.make(7, 300)
    params = {**RECIPE.defaults, "rounds": 4}
    RECIPE.fit(RECIPE.model.encode(made.rows), made.truth, params, seed=1, log=lambda *line: seen.append(line))
    losses = [value for name, value, _ in seen if name == "train_log_loss"]
    assert len(losses) == 4
    assert losses == sorted(losses, reverse=True)
    assert [(value, step) for name, value, step in seen if name == "progress"][-1] == (1.0, 4)


def test_the_export_says_how_far_it_is_apart(tmp_path: Path) -> None:
    made = RECIPE.make(7, 500)
    batch = RECIPE.model.encode(made.rows)
    model = RECIPE.fit(batch, made.truth, RECIPE.defaults, seed=5, log=no_log).model
    assert RECIPE.export(model, tmp_path, batch)["max_difference"] <= 1e-5


def test_the_published_form_gives_the_same_rows_as_the_cards_own(published: Path, table: pd.DataFrame) -> None:
    own = published.with_name("own.csv")
    table.head(200).to_csv(own, index=False)
    read = RECIPE.read(published)
    assert read.sha256 == RECIPE.read(own).sha256
    assert read.truth.tolist() == (table.churn.head(200) == "Yes").astype(int).tolist()
    assert read.truth.dtype == np.int64


def first(file: Path, line: str) -> None:
    """Write a line after the header."""
    file.write_text(file.read_text().replace(",Churn\n", ",Churn\n" + line, 1))


def test_a_blank_total_is_a_customer_who_was_never_billed(published: Path) -> None:
    first(published, NEWCOMER)
    assert RECIPE.read(published).rows[0].model_dump()["total_charges"] is None


def test_faults_in_the_published_form_are_named_by_its_own_columns(published: Path) -> None:
    first(published, NEWCOMER.replace("45.2", "a lot").replace("DSL", "Dial"))
    published.write_text(published.read_text().replace("customerID,gender", "customerID,sex"))
    with pytest.raises(DataRefused) as caught:
        RECIPE.read(published)
    assert caught.value.complaints == (
        "gender: column missing",
        "InternetService: unknown category, known are 'No', 'DSL' or 'Fiber optic'"
        " (1 row, for example 'Dial' in row 1)",
        "MonthlyCharges: wrong type, should be a valid number (1 row, for example 'a lot' in row 1)",
    )


def test_a_local_folder_is_read_as_a_hub_data_set(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    expected = RECIPE.read(published).sha256
    folder = tmp_path / "telco"
    folder.mkdir()
    published.rename(folder / "train.csv")
    fetched = RECIPE.fetch(f"hf:{folder}")
    assert (fetched.sha256, len(fetched)) == (expected, 200)


def test_a_data_set_that_is_not_there_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="cannot be fetched"):
        RECIPE.fetch(f"hf:{tmp_path / 'nothing'}")


def test_every_parameter_that_a_trial_tries_is_one_that_the_recipe_has() -> None:
    tried = RECIPE.suggest(optuna.create_study().ask())
    assert set(tried) <= set(RECIPE.defaults)
    assert all(type(tried[name]) is type(RECIPE.defaults[name]) for name in tried)


def test_the_real_telco_table_is_read_whole() -> None:
    read = RECIPE.read(real("telco_churn.csv"))
    assert (len(read), int(read.truth.sum())) == (7_043, 1_869)
    assert np.isnan(RECIPE.model.encode(read.rows)).sum() == 11


@pytest.mark.slow
def test_on_the_real_telco_table_five_fold_auc_is_at_least_0845() -> None:
    read = RECIPE.read(real("telco_churn.csv"))
    batch = RECIPE.model.encode(read.rows)
    found = []
    for part in folds(CARD, read):
        model = RECIPE.fit(batch[part.learn], read.truth[part.learn], RECIPE.defaults, seed=7, log=no_log).model
        found.append(scores(CARD, read.truth[part.held_out], model.predict(batch[part.held_out]))["auc"])
    assert np.mean(found) >= 0.845
