"""The price model: the same dollars from both engines, and answers that make sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bentos.housing.card import CARD, HousingRow
from bentos.housing.model import FEATURES, HousingModel
from jubako.models import Runtime
from jubako.training.recipe import no_log
from training.housing import RECIPE

EXAMPLES = [HousingRow(**example) for example in CARD.examples]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model with its export; small, but with as many trees as the real one."""
    made = RECIPE.make(seed=3, size=1_500)
    batch = RECIPE.model.encode(made.rows)
    fitted = RECIPE.fit(batch, made.truth, RECIPE.defaults, seed=3, log=no_log).model
    folder = tmp_path_factory.mktemp("housing")
    fitted.save(folder)
    RECIPE.export(fitted, folder, batch)
    return folder


@pytest.fixture(scope="module")
def strange() -> np.ndarray:
    """Districts that the model never saw, some without bedrooms, some far outside of what is usual."""
    batch = HousingModel.encode(RECIPE.make(seed=4, size=3_000).rows)
    chance = np.random.default_rng(5)
    batch[chance.random(len(batch)) < 0.2, CARD.columns.index("average_bedrooms")] = np.nan
    batch[:300] *= chance.uniform(0.2, 5.0, (300, 1)).astype(np.float32)
    return batch


def test_both_engines_say_the_same_price_also_where_bedrooms_are_missing(folder: Path, strange: np.ndarray) -> None:
    native = HousingModel.load(folder, Runtime("native"))
    fast = HousingModel.load(folder)
    assert (native.engine, fast.engine) == ("xgboost", "onnxruntime")
    np.testing.assert_array_equal(fast.predict(strange), native.predict(strange))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", ["native", "onnx"])
def test_a_price_does_not_depend_on_the_other_rows_of_its_batch(
    folder: Path, strange: np.ndarray, engine: str, threads: int
) -> None:
    """Bit for bit with one thread; two may add the leaves in another order."""
    model = HousingModel.load(folder, Runtime(engine, threads=threads))
    together = model.predict(strange[:200])
    alone = np.concatenate([model.predict(strange[place : place + 1]) for place in range(200)])
    np.testing.assert_allclose(alone, together, rtol=0 if threads == 1 else 1e-5)


def test_predicting_leaves_the_batch_as_it_was(folder: Path, strange: np.ndarray) -> None:
    before = strange.copy()
    HousingModel.load(folder).predict(strange)
    np.testing.assert_array_equal(strange, before)


def test_prices_come_as_one_float32_column(folder: Path) -> None:
    prices = HousingModel.load(folder).predict(HousingModel.encode(EXAMPLES))
    assert (prices.shape, prices.dtype) == ((2, 1), np.float32)
    assert prices[0, 0] > prices[1, 0], "the rich district by the bay is dearer than the one in Fresno"


def test_the_order_in_which_a_caller_names_the_columns_does_not_matter() -> None:
    turned = [HousingRow(**dict(reversed(example.items()))) for example in CARD.examples]
    np.testing.assert_array_equal(HousingModel.encode(turned), HousingModel.encode(EXAMPLES))


def test_a_null_reaches_the_trees_as_missing() -> None:
    assert np.isnan(HousingModel.encode(EXAMPLES)[1, CARD.columns.index("average_bedrooms")])


def test_the_position_is_also_measured_along_and_across_the_coast() -> None:
    wide = HousingModel.features(HousingModel.encode(EXAMPLES))
    assert wide.shape == (2, len(FEATURES))
    np.testing.assert_allclose(wide[0, -2:], [37.88 + 122.23, 37.88 - 122.23], rtol=1e-6)


def test_a_price_is_never_below_zero_and_has_whole_cents() -> None:
    answers = HousingModel.decode(np.array([[-12.5], [180_123.456]], dtype=np.float32))
    assert answers == [{"price_usd": 0.0}, {"price_usd": 180_123.45}]


def test_the_monitored_price_is_the_answered_one() -> None:
    signals = HousingModel.signals(HousingModel.encode(EXAMPLES), np.array([[-12.5], [180_000.0]], dtype=np.float32))
    assert signals["price_usd"].tolist() == [0.0, 180_000.0]  # type: ignore[union-attr]
    assert set(signals) == {signal.name for signal in CARD.signals + CARD.answer_signals}


def test_a_model_without_its_booster_says_why_it_cannot_be_saved(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="native engine"):
        HousingModel.load(folder).save(tmp_path)


def test_saving_what_was_loaded_gives_the_same_prices(folder: Path, strange: np.ndarray, tmp_path: Path) -> None:
    first = HousingModel.load(folder, Runtime("native"))
    first.save(tmp_path)
    second = HousingModel.load(tmp_path)
    assert second.engine == "xgboost", "there is no ONNX file beside it"
    np.testing.assert_array_equal(second.predict(strange), first.predict(strange))
