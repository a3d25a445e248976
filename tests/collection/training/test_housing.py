"""House prices: made districts that look like the census, and the census in each form in which it is found."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import optuna
import pytest

from bentos.housing.card import CARD
from jubako.scores import scores
from jubako.training.recipe import DataRefused, no_log
from jubako.training.split import folds
from tests.collection.training.real_data import real
from training.data import housing as data
from training.housing import RECIPE

CENSUS = """\
longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,\
median_income,median_house_value,ocean_proximity
-121.5,38.5,20.0,1000.0,220.0,600.0,200.0,3.5,150000.0,INLAND
-118.2,34.1,35.0,1500.0,,900.0,300.0,2.5,210000.0,<1H OCEAN
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "districts.csv"
    file.write_text(text)
    return file


def test_equal_seeds_make_equal_tables_and_other_seeds_others() -> None:
    assert RECIPE.make(7, 400).sha256 == RECIPE.make(7, 400).sha256 != RECIPE.make(8, 400).sha256


def test_made_districts_have_the_shape_of_the_census() -> None:
    table = data.made_table(7, data.MADE_ROWS)
    price = table.price_usd
    assert price.between(data.LOWEST, data.HIGHEST).all()
    assert 0.02 < (price == data.HIGHEST).mean() < 0.07, "some stand on the upper bound"
    assert 0.005 < table.average_bedrooms.isna().mean() < 0.015, "about 1 in 100 without bedrooms"
    assert table.median_income.skew() > 1
    assert 0.6 < price.corr(table.median_income) < 0.75
    assert price.corr(table.longitude) < 0 < table.average_rooms.corr(table.median_income)
    for signal in CARD.signals:
        values = table[signal.name].dropna()
        assert values.between(signal.low, signal.high).all(), signal.name


def test_nobody_is_made_to_live_in_the_sea() -> None:
    table = data.made_table(7, 5_000)
    west = np.interp(table.latitude, *data.california.COAST.T)
    assert (table.longitude > west - 0.01).all()


def test_the_truth_of_made_districts_does_not_change_with_their_seed() -> None:
    """The model of one table is as good on another: what it learned was not that table's accident."""
    learn, other = RECIPE.make(7, 6_000), RECIPE.make(8, 2_000)
    fitted = RECIPE.fit(RECIPE.model.encode(learn.rows), learn.truth, RECIPE.defaults, seed=7, log=no_log)
    assert scores(CARD, other.truth, fitted.model.predict(RECIPE.model.encode(other.rows)))["r2"] > CARD.gate.bound
    assert max(fitted.importances, key=lambda name: fitted.importances[name]) == "median_income"
    assert sum(fitted.importances.values()) == pytest.approx(1)


def test_the_same_seed_and_rows_give_the_same_trees() -> None:
    made = RECIPE.make(7, 500)
    batch = RECIPE.model.encode(made.rows)
    first, second = (RECIPE.fit(batch, made.truth, RECIPE.defaults, seed=5, log=no_log).model for _ in range(2))
    np.testing.assert_array_equal(first.predict(batch), second.predict(batch))


def test_training_tells_its_error_and_its_progress_after_every_round() -> None:
    seen: list[tuple[str, float, int]] = []
    made = RECIPE.make(7, 300)
    params = {**RECIPE.defaults, "rounds": 4}
    RECIPE.fit(RECIPE.model.encode(made.rows), made.truth, params, seed=1, log=lambda *line: seen.append(line))
    errors = [value for name, value, _ in seen if name == "train_rmse"]
    assert len(errors) == 4
    assert errors == sorted(errors, reverse=True)
    assert [(value, step) for name, value, step in seen if name == "progress"][-1] == (1.0, 4)


def test_the_export_says_how_far_it_is_apart(tmp_path: Path) -> None:
    made = RECIPE.make(7, 500)
    batch = RECIPE.model.encode(made.rows)
    model = RECIPE.fit(batch, made.truth, RECIPE.defaults, seed=5, log=no_log).model
    assert RECIPE.export(model, tmp_path, batch)["max_relative_difference"] <= 1e-5


def test_the_census_form_is_read_with_averages_for_totals(tmp_path: Path) -> None:
    read = RECIPE.read(written(tmp_path, CENSUS))
    assert read.truth.tolist() == [150_000.0, 210_000.0]
    assert read.rows[0].model_dump() == {
        "median_income": 3.5,
        "house_age": 20.0,
        "average_rooms": 5.0,
        "average_bedrooms": 1.1,
        "population": 600.0,
        "average_occupancy": 3.0,
        "latitude": 38.5,
        "longitude": -121.5,
    }
    assert read.rows[1].model_dump()["average_bedrooms"] is None, "a blank is missing, not 0"


def test_faults_in_the_census_form_are_named_by_its_own_columns(tmp_path: Path) -> None:
    broken = CENSUS.replace(",total_rooms", ",rooms").replace("200.0,3.5", "0.0,3.5").replace("34.1", "51.5")
    with pytest.raises(DataRefused) as caught:
        RECIPE.read(written(tmp_path, broken))
    assert [line.split(" (")[0] for line in caught.value.complaints] == [
        "total_rooms: column missing",
        "households: out of range, should be greater than 0",
        "latitude: out of range, should be less than or equal to 42.1",
    ]


def test_scikit_learns_names_are_read_and_its_unit_is_100000_dollars(tmp_path: Path) -> None:
    text = "MedInc,HouseAge,AveRooms,AveBedrms,Population,AveOccup,Latitude,Longitude,MedHouseVal\n"
    text += "3.5,20,5,1.1,600,3,38.5,-121.5,1.5\n2.5,35,5,1,900,3,34.1,-118.2,2.1\n"
    read = RECIPE.read(written(tmp_path, text))
    np.testing.assert_allclose(read.truth, [150_000.0, 210_000.0])
    assert (read.rows[0].median_income, read.rows[1].longitude) == (3.5, -118.2)  # type: ignore[attr-defined]


def test_scikit_learns_cache_is_read_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file, as scikit-learn leaves it: the target first, then totals, the position last."""
    districts = [
        [150_000.0, 3.5, 20.0, 1000.0, 220.0, 600.0, 200.0, 38.5, -121.5],
        [210_000.0, 2.5, 35.0, 1500.0, 300.0, 900.0, 300.0, 34.1, -118.2],
    ]
    joblib.dump(np.array(districts), tmp_path / "cal_housing_py3.pkz")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    fetched = RECIPE.fetch("sklearn")
    np.testing.assert_allclose(fetched.truth, [150_000.0, 210_000.0])
    assert fetched.rows[0] == RECIPE.read(written(tmp_path, CENSUS)).rows[0]


def test_a_made_table_written_to_a_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    table = data.made_table(7, 200)
    table.to_csv(tmp_path / "made.csv", index=False)
    assert RECIPE.read(tmp_path / "made.csv").sha256 == RECIPE.make(7, 200).sha256


def test_an_unknown_source_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataRefused, match="unknown source, known are"):
        RECIPE.fetch("ftp:houses")


def test_every_parameter_that_a_trial_tries_is_one_that_the_recipe_has() -> None:
    tried = RECIPE.suggest(optuna.create_study().ask())
    assert set(tried) <= set(RECIPE.defaults)
    assert all(type(tried[name]) is type(RECIPE.defaults[name]) for name in tried)


@pytest.mark.slow
def test_on_the_real_census_five_fold_r2_is_at_least_085() -> None:
    read = RECIPE.read(real("california_housing.csv"))
    batch = RECIPE.model.encode(read.rows)
    found = []
    for part in folds(CARD, read):
        model = RECIPE.fit(batch[part.learn], read.truth[part.learn], RECIPE.defaults, seed=7, log=no_log).model
        found.append(scores(CARD, read.truth[part.held_out], model.predict(batch[part.held_out]))["r2"])
    assert np.mean(found) >= 0.85


def test_the_real_census_is_read_whole() -> None:
    read = RECIPE.read(real("california_housing.csv"))
    assert len(read) == 20_640
    assert np.isnan(RECIPE.model.encode(read.rows)).sum() == 207
