"""The churn model: categories to codes and back, and the same probability from both engines."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bentos.churn.card import CARD, ChurnRow
from bentos.churn.model import ChurnModel
from jubako.models import Runtime
from jubako.training.recipe import no_log
from training.churn import RECIPE

EXAMPLES = [ChurnRow(**example) for example in CARD.examples]
TOTAL = CARD.columns.index("total_charges")


def saved(folder: Path, *, billed: bool) -> Path:
    """A model with its export, trained with or without customers who were never billed."""
    made = RECIPE.make(seed=3, size=2_000)
    batch = RECIPE.model.encode(made.rows)
    if billed:
        batch = np.nan_to_num(batch, nan=0.0)
    else:
        batch[::10, TOTAL] = np.nan
    fitted = RECIPE.fit(batch, made.truth, RECIPE.defaults, seed=3, log=no_log).model
    fitted.save(folder)
    RECIPE.export(fitted, folder, batch)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("churn"), billed=False)


@pytest.fixture(scope="module")
def strange() -> np.ndarray:
    """Customers that the model never saw, some never billed, some with bills that nobody has."""
    batch = ChurnModel.encode(RECIPE.make(seed=4, size=2_000).rows)
    chance = np.random.default_rng(5)
    batch[:200, TOTAL - 1 :] *= chance.uniform(0.0, 9.0, (200, 2)).astype(np.float32)
    batch[100:400, TOTAL] = np.nan
    return batch


def test_both_engines_say_the_same_probability_also_where_the_total_is_missing(
    folder: Path, strange: np.ndarray
) -> None:
    native, fast = ChurnModel.load(folder, Runtime("native")), ChurnModel.load(folder)
    assert (native.engine, fast.engine) == ("lightgbm", "onnxruntime")
    np.testing.assert_allclose(fast.predict(strange), native.predict(strange), atol=1e-6)


def test_both_engines_agree_on_a_missing_total_when_training_had_none(tmp_path: Path, strange: np.ndarray) -> None:
    """LightGBM then takes a missing value for 0, which no rule of ONNX says by itself."""
    saved(tmp_path, billed=True)
    native, fast = ChurnModel.load(tmp_path, Runtime("native")), ChurnModel.load(tmp_path)
    np.testing.assert_allclose(fast.predict(strange), native.predict(strange), atol=1e-6)
    unbilled = np.nan_to_num(strange, nan=0.0)
    np.testing.assert_allclose(fast.predict(strange), fast.predict(unbilled), atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", ["native", "onnx"])
def test_a_probability_does_not_depend_on_the_other_rows_of_its_batch(
    folder: Path, strange: np.ndarray, engine: str, threads: int
) -> None:
    model = ChurnModel.load(folder, Runtime(engine, threads=threads))
    together = model.predict(strange[:300])
    alone = np.concatenate([model.predict(strange[place : place + 1]) for place in range(300)])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_predicting_leaves_the_batch_as_it_was(folder: Path, strange: np.ndarray) -> None:
    before = strange.copy()
    ChurnModel.load(folder).predict(strange)
    np.testing.assert_array_equal(strange, before)


def test_each_category_is_coded_by_its_place_in_the_card() -> None:
    for place, (name, field) in enumerate(ChurnRow.model_fields.items()):
        values = get_args(field.annotation)
        if name in {"tenure_months", "monthly_charges", "total_charges"}:
            continue
        rows = [EXAMPLES[0].model_copy(update={name: value}) for value in values]
        assert ChurnModel.encode(rows)[:, place].tolist() == list(range(len(values))), name


def test_a_batch_is_turned_back_into_the_values_that_were_sent() -> None:
    never = EXAMPLES[0].model_copy(update={"total_charges": None})
    rows = [*EXAMPLES, never]
    signals = ChurnModel.signals(ChurnModel.encode(rows), np.array([[0.7], [0.5], [0.2]], dtype=np.float32))
    for signal in CARD.signals:
        sent = [getattr(row, signal.name) for row in rows]
        if signal.kind == "category":
            assert list(signals[signal.name]) == [str(value) for value in sent]
        else:
            expected = np.array(sent, dtype=np.float32).astype(np.float64)
            np.testing.assert_array_equal(np.asarray(signals[signal.name]), expected)
    assert list(signals["will_churn"]) == ["True", "True", "False"]


def test_the_order_in_which_a_caller_names_the_columns_does_not_matter() -> None:
    turned = [ChurnRow(**dict(reversed(example.items()))) for example in CARD.examples]
    np.testing.assert_array_equal(ChurnModel.encode(turned), ChurnModel.encode(EXAMPLES))


def test_more_likely_than_not_means_will_churn() -> None:
    answers = ChurnModel.decode(np.array([[0.5], [0.25]], dtype=np.float32))
    assert answers == [{"will_churn": True, "probability": 0.5}, {"will_churn": False, "probability": 0.25}]


def test_a_newcomer_on_fiber_is_likelier_to_leave_than_a_family_bound_for_years(folder: Path) -> None:
    newcomer, family = ChurnModel.load(folder).predict(ChurnModel.encode(EXAMPLES))[:, 0]
    assert newcomer > 0.5
    assert family < 0.1


def test_a_model_without_its_booster_says_why_it_cannot_be_saved(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="native engine"):
        ChurnModel.load(folder).save(tmp_path)


def test_saving_what_was_loaded_gives_the_same_probabilities(folder: Path, strange: np.ndarray, tmp_path: Path) -> None:
    first = ChurnModel.load(folder, Runtime("native"))
    first.save(tmp_path)
    second = ChurnModel.load(tmp_path)
    assert second.engine == "lightgbm", "there is no ONNX file beside it"
    np.testing.assert_array_equal(second.predict(strange), first.predict(strange))
