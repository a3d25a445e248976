"""The iris forest: trained with scikit-learn, exported to ONNX, where one row takes microseconds instead of 4 ms."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np

from bentos.iris.card import CARD, SPECIES, IrisRow, Species
from bentos.iris.model import IrisModel
from jubako.card import AnyCard
from jubako.models import AnyModel, Batch
from jubako.onnx import ONNX_FILE
from jubako.training import tables
from jubako.training.parity import kept
from jubako.training.recipe import DataRefused, Dataset, Fitted, Log, Param, Params, Truth
from jubako.training.tables import Layout, Target

Botanical = Literal["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
Capital = Literal["Setosa", "Versicolor", "Virginica"]
STEP = 20
"""Trees between two points of the learning curve."""
LAYOUTS = (
    Layout(Target("species", Species)),
    Layout(Target("class", Botanical)),
    Layout(
        Target("Species", Botanical),
        {name: f"{name.title().replace('_', '')}Cm" for name in CARD.columns},
    ),
    Layout(Target("variety", Capital), {name: name.replace("_", ".") for name in CARD.columns}),
)


class IrisRecipe:
    card: ClassVar[AnyCard] = CARD
    model: ClassVar[type[AnyModel]] = IrisModel
    defaults: ClassVar[Params] = {"trees": 100, "max_depth": 3, "min_samples_leaf": 1}

    def make(self, seed: int, size: int | None = None) -> Dataset:  # noqa: ARG002 - the table is what it is
        """scikit-learn's own table: 150 flowers."""
        from sklearn.datasets import load_iris

        found = load_iris()
        rows = [IrisRow.model_construct(**dict(zip(CARD.columns, line, strict=True))) for line in found.data.tolist()]
        return tables.dataset(rows[:: _step(len(rows), size)], found.target[:: _step(len(rows), size)], "sklearn")

    def read(self, path: Path) -> Dataset:
        table = tables.read_csv(path)
        layout = tables.nearest(table, IrisRow, LAYOUTS)
        checked = tables.check(table, IrisRow, layout, str(path))
        places = {species: place for place, species in enumerate(SPECIES)}
        truth = [places[cast(Species, name.lower().removeprefix("iris-"))] for name in checked.truth]
        return tables.dataset(checked.rows, np.array(truth, dtype=np.int64), str(path))

    def fetch(self, source: str) -> Dataset:
        if source != "sklearn":
            raise DataRefused(source, ["iris comes from `sklearn` (the default) or from a CSV file"])
        return self.make(seed=0)

    def suggest(self, trial: Any) -> dict[str, Param]:
        return {
            "trees": trial.suggest_int("trees", 20, 200, step=20),
            "max_depth": trial.suggest_int("max_depth", 2, 10),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 8),
        }

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(
            max_depth=int(params["max_depth"]),
            min_samples_leaf=int(params["min_samples_leaf"]),
            oob_score=True,
            warm_start=True,
            random_state=seed,
        )
        trees = int(params["trees"])
        for grown in range(trees % STEP or STEP, trees + 1, STEP):
            forest.set_params(n_estimators=grown)
            with warnings.catch_warnings():
                # While there are few trees, some flowers were in the bag of each: no news.
                warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores", category=UserWarning)
                forest.fit(batch, truth)
            log("oob_accuracy", float(forest.oob_score_), grown)
            log("progress", grown / trees, grown)
        return Fitted(IrisModel(forest), dict(zip(CARD.columns, forest.feature_importances_.tolist(), strict=True)))

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        from skl2onnx import to_onnx

        forest = cast(IrisModel, model).native
        rows = cast("np.ndarray[Any, Any]", sample)
        # zipmap would wrap the probabilities into one dictionary a row.
        converted = to_onnx(forest, rows[:1], options={id(forest): {"zipmap": False}}, target_opset=18)
        (folder / ONNX_FILE).write_bytes(converted.SerializeToString())
        fast = IrisModel.load(folder)
        apart = float(np.abs(fast.predict(sample) - model.predict(sample)).max())
        return kept(folder / ONNX_FILE, {"max_difference": apart})


def _step(count: int, size: int | None) -> int:
    """Every how many rows to take one, so that a small table keeps all species."""
    return max(1, count // size) if size else 1


RECIPE = IrisRecipe()
