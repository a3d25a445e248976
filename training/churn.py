"""Churn: LightGBM with many very small trees, on made customers by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from bentos.churn.card import CARD
from bentos.churn.model import ChurnModel
from jubako.card import AnyCard
from jubako.models import AnyModel, Batch, Runtime
from jubako.onnx import ONNX_FILE
from jubako.training import onnx_trees
from jubako.training.parity import kept
from jubako.training.recipe import Dataset, Fitted, Log, Param, Params, Truth
from training.data import churn


class ChurnRecipe:
    card: ClassVar[AnyCard] = CARD
    model: ClassVar[type[AnyModel]] = ChurnModel
    #: Chosen on a random 60 % of the public table, by repeated 5-fold cross-validation inside it: the truth is nearly
    #: additive, so four leaves are enough, and LightGBM's own default of 31 loses 0.02 AUC.
    #: One thread: the trees are the same on every machine, and on a busy one two threads are slower than one.
    defaults: ClassVar[Params] = {
        "rounds": 200,
        "learning_rate": 0.05,
        "num_leaves": 4,
        "min_data_in_leaf": 30,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "lambda_l2": 5.0,
        "num_threads": 1,
    }

    def make(self, seed: int, size: int | None = None) -> Dataset:
        return churn.make(seed, size)

    def read(self, path: Path) -> Dataset:
        return churn.read(path)

    def fetch(self, source: str) -> Dataset:
        return churn.fetch(source)

    def suggest(self, trial: Any) -> dict[str, Param]:
        return {
            "rounds": trial.suggest_int("rounds", 50, 500, step=25),
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 3, 16),
            "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, 100, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
            "bagging_fraction": trial.suggest_float("bagging_fraction", 0.6, 1.0),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50.0, log=True),
        }

    def fit(self, batch: Batch, truth: Truth, params: Params, *, seed: int, log: Log) -> Fitted:
        import lightgbm

        rounds = int(params["rounds"])

        def watch(now: Any) -> None:
            log("train_log_loss", now.evaluation_result_list[0][2], now.iteration + 1)
            log("progress", (now.iteration + 1) / rounds, now.iteration + 1)

        table = lightgbm.Dataset(batch, truth, feature_name=list(CARD.columns))
        booster = lightgbm.train(
            {
                **{name: value for name, value in params.items() if name != "rounds"},
                "objective": "binary",
                "metric": "binary_logloss",
                "bagging_freq": 1,
                "seed": seed,
                "deterministic": True,
                "force_row_wise": True,  # not measured anew each time, which would make two runs differ
                "verbosity": -1,
            },
            table,
            num_boost_round=rounds,
            valid_sets=[table],
            callbacks=[watch],
        )
        gains = booster.feature_importance("gain")
        shares = (gains / (gains.sum() or 1.0)).tolist()
        return Fitted(ChurnModel(booster), dict(zip(CARD.columns, shares, strict=True)))

    def export(self, model: AnyModel, folder: Path, sample: Batch) -> dict[str, float]:
        booster = cast(ChurnModel, model).native
        onnx_trees.write(onnx_trees.lightgbm_nodes(booster), folder, len(CARD.columns), CARD.outputs[0], sigmoid=True)
        exported = ChurnModel.load(folder, Runtime("onnx"))
        apart = float(np.abs(exported.predict(sample) - model.predict(sample)).max())
        return kept(folder / ONNX_FILE, {"max_difference": apart})


RECIPE = ChurnRecipe()
