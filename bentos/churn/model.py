"""Small boosted trees for churn: LightGBM in training, ONNX Runtime in service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from bentos.churn.card import CARD, ChurnPrediction, ChurnRow
from jubako.card import AnyCard
from jubako.models import Batch, Runtime
from jubako.tables import TableModel

LIGHTGBM_FILE = "model.txt"


class ChurnModel(TableModel[ChurnRow, ChurnPrediction]):
    """``will_churn`` means "more likely than not"; with other costs, compare the probability yourself."""

    card: ClassVar[AnyCard] = CARD

    def predict_native(self, features: Batch) -> Any:
        return self.native.predict(features, num_threads=self.threads)

    def save_native(self, folder: Path) -> None:
        self.native.save_model(folder / LIGHTGBM_FILE)

    @classmethod
    def load_native(cls, folder: Path, runtime: Runtime) -> Any:  # noqa: ARG003 - threads count when it predicts
        import lightgbm

        return lightgbm.Booster(model_file=folder / LIGHTGBM_FILE)
