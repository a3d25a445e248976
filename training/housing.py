"""House prices: XGBoost, on made districts by default. Parameters were chosen by cross-validation, see ``defaults``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from bentos.housing.card import CARD
from bentos.housing.model import FEATURES, HousingModel
from jubako.card import AnyCard
from jubako.models import AnyModel, Batch, Runtime
from jubako.onnx import ONNX_FILE
from jubako.training import onnx_trees
from jubako.training.parity import kept
from jubako.training.recipe import Dataset, Fitted, Log, Param, Params, Truth
from training.data import housing

if TYPE_CHECKING:
    import xgboost


class HousingRecipe:
    card: ClassVar[AnyCard] = CARD
    model: ClassVar[type[AnyModel]] = HousingModel
    #: Chosen on a random 60 % of the public table, by 3-fold cross-validation inside it. 1,000 deeper trees were
    #: 0.004 R2 better there, and would make every prediction take three times as long.
    #: One thread: the trees are the same on every machine, and on a busy one two threads are slower than one.
    defaults: ClassVar[Params] = {
        "rounds": 400,
        "learning_rate": 0.07,
        "max_depth": 7,
        "min_child_weight": 5.0,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "reg_lambda": 5.0,
        "max_bin": 512,
        "nthread": 1,
    }

    def make(self, seed: int, size: int | None = None) -> Dataset:
        return housing.make(seed, size)

    def read(self, path: Path) -> Dataset:
        return housing.read(path)

    def fetch(self, source: str) -> Dataset:
        return housing.fetch(source)

    def suggest(self, trial: Any) -> dict[str, Param]:
        return {
            "rounds": trial.suggest_int("rounds", 200, 800, step=50),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            "max_depth": trial.suggest_int("max_depth", 4, 9),
            "min_child_weight": trial.suggest_float("min_child_weight", 1.0, 20.0, log=True),
            "subsample": trial.suggest_float("subsample", 0.6, 1.0),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
            "reg_lambda": trial.suggest_float("reg_lambda", 0.5, 20.0, log=True),
        }

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted:
        import xgboost

        rounds = int(params["rounds"])

        class Watch(xgboost.callback.TrainingCallback):  # type: ignore[misc] # xgboost is untyped
            def after_iteration(self, _model: xgboost.Booster, epoch: int, evals_log: Any) -> bool:
                log("train_rmse", evals_log["train"]["rmse"][-1], epoch + 1)
                log("progress", (epoch + 1) / rounds, epoch + 1)
                return False

        table = xgboost.DMatrix(HousingModel.features(batch), truth, feature_names=list(FEATURES))
        booster = xgboost.train(
            {
                **{name: value for name, value in params.items() if name != "rounds"},
                "objective": "reg:squarederror",
                "tree_method": "hist",
                "seed": seed,
            },
            table,
            num_boost_round=rounds,
            evals=[(table, "train")],
            verbose_eval=False,
            callbacks=[Watch()],
        )
        gains = booster.get_score(importance_type="total_gain")
        whole = sum(gains.values()) or 1.0
        return Fitted(HousingModel(booster), {name: gains.get(name, 0.0) / whole for name in FEATURES})

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        """Relative, because these are dollars."""
        booster = cast(HousingModel, model).native
        onnx_trees.write(onnx_trees.xgboost_nodes(booster), folder, len(FEATURES), CARD.outputs[0], sigmoid=False)
        native = model.predict(sample)
        apart = np.abs(HousingModel.load(folder, Runtime("onnx")).predict(sample) - native)
        found = {"max_relative_difference": float((apart / np.maximum(np.abs(native), 1.0)).max())}
        return kept(folder / ONNX_FILE, found)


RECIPE = HousingRecipe()
