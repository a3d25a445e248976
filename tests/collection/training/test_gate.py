"""What the metrics say is what scikit-learn says, and what the gate says follows from them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from jubako.scores import area_under_curve, scores
from jubako.training.gate import answers, production_value
from jubako.versions import stages
from tests.five import COLLECTION
from tests.homes import Home
from training.iris import IrisRecipe

RANDOM = np.random.default_rng(3)


def test_binary_scores_are_those_of_scikit_learn() -> None:
    truth = RANDOM.integers(0, 2, 300)
    outputs = np.round(RANDOM.uniform(0.01, 0.99, (300, 1)), 2).astype(np.float32)  # rounded: ties
    found = scores(COLLECTION.cards["churn"], truth, outputs)
    positive = outputs[:, 0].astype(np.float64)
    said = positive >= 0.5
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, positive))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    assert found["f1"] == pytest.approx(metrics.f1_score(truth, said))
    assert found["precision"] == pytest.approx(metrics.precision_score(truth, said))
    assert found["recall"] == pytest.approx(metrics.recall_score(truth, said))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, positive), rel=1e-5)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(truth, positive))


def test_multiclass_scores_are_those_of_scikit_learn() -> None:
    truth = RANDOM.integers(0, 3, 300)
    outputs = RANDOM.dirichlet([1, 1, 1], 300).astype(np.float32)
    found = scores(COLLECTION.cards["iris"], truth, outputs)
    chances = outputs.astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, chances.argmax(axis=1)))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, chances.argmax(axis=1), average="macro"))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, chances, multi_class="ovr"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, chances), rel=1e-5)


def test_regression_scores_are_those_of_scikit_learn() -> None:
    truth = RANDOM.normal(200_000, 50_000, 300)
    outputs = (truth + RANDOM.normal(0, 20_000, 300)).astype(np.float32)[:, None]
    found = scores(COLLECTION.cards["housing"], truth, outputs)
    told = outputs[:, 0].astype(np.float64)
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, told))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, told))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, told))
    assert found["median_error"] == pytest.approx(metrics.median_absolute_error(truth, told))


def test_where_only_one_class_is_there_the_area_says_nothing() -> None:
    assert area_under_curve(np.ones(5, dtype=bool), np.arange(5.0)) == 0.5


def test_every_gate_of_a_card_is_a_metric_that_its_task_has() -> None:
    for card in COLLECTION.cards.values():
        outputs = np.full((4, len(card.outputs)), 0.5, dtype=np.float32)
        truth = np.array([0.0, 1.0, 1.0, 0.0]) if card.task == "regression" else np.array([0, 1, 1, 0])
        assert card.gate.metric in scores(card, truth, outputs)


def test_production_answers_the_same_rows_and_none_when_it_no_longer_opens(iris_home: Home) -> None:
    flowers = IrisRecipe().make(0)
    batch = IrisRecipe.model.encode(flowers.rows)
    tag, value = production_value(IrisRecipe.model, batch, flowers.truth)
    assert tag == stages.production("iris")
    assert value is not None
    assert value > 0.9
    for file in iris_home.store.rglob("model.onnx"):
        file.unlink()
    assert production_value(IrisRecipe.model, batch, flowers.truth) == (tag, None)


def test_many_rows_are_answered_in_calls_of_the_size_that_serves() -> None:
    class Counting:
        card = COLLECTION.cards["image"]
        calls: list[int] = []  # noqa: RUF012

        def predict(self, batch):
            self.calls.append(len(batch))
            return np.zeros((len(batch), 10), dtype=np.float32)

    model = Counting()
    assert answers(model, np.zeros((300, 4))).shape == (300, 10)
    assert model.calls == [128, 128, 44]
